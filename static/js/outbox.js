/** Messages on their way: kept in order and in memory, sent again with the same client id until the server has one or refuses it. */
import { isPassing, isSignedOut } from './api.js';

/**
 * @typedef {{client_id: string, channel_id: string, topic: string, text: string, handling: string}} Outgoing
 * @typedef {Outgoing & {at: string, state: 'sending' | 'waiting' | 'failed', why: string}} Pending
 */

export class Outbox {
  /**
   * @param {(message: Outgoing) => Promise<any>} send
   * @param {() => void} changed
   * @param {(message: any) => void} sent
   */
  constructor(send, changed, sent) {
    this.send = send;
    this.changed = changed;
    this.sent = sent;
    /** @type {Pending[]} */
    this.pending = [];
    this.busy = false;
  }

  /** @param {Outgoing} message */
  add(message) {
    this.pending = [...this.pending, { ...message, at: new Date().toISOString(), state: 'sending', why: '' }];
    this.changed();
    return this.flush();
  }

  /** Send what waits, one after the other so that the order is the order of writing. */
  async flush() {
    if (this.busy) return;
    this.busy = true;
    try {
      for (let next = this.next(); next; next = this.next()) {
        this.mark(next.client_id, { state: 'sending', why: '' });
        if (!await this.attempt(next)) break;
      }
    } finally {
      this.busy = false;
    }
  }

  next() {
    return this.pending.find(({ state }) => state !== 'failed');
  }

  /** @param {Pending} message @returns {Promise<boolean>} whether to go on with the next */
  async attempt({ at, state, why, ...message }) {
    try {
      const kept = await this.send(message);
      this.drop(message.client_id);
      this.sent(kept);
      return true;
    } catch (error) {
      if (isPassing(error) || isSignedOut(error)) {
        this.mark(message.client_id, { state: 'waiting' });
        return false;
      }
      this.mark(message.client_id, { state: 'failed', why: error instanceof Error ? error.message : String(error) });
      return true;
    }
  }

  /** @param {string} id */
  retry(id) {
    this.mark(id, { state: 'waiting', why: '' });
    return this.flush();
  }

  /** @param {string} id */
  drop(id) {
    const before = this.pending.length;
    this.pending = this.pending.filter(({ client_id: other }) => other !== id);
    if (this.pending.length !== before) this.changed();
  }

  /** @param {string} id @param {Partial<Pending>} change */
  mark(id, change) {
    this.pending = this.pending.map((one) => (one.client_id === id ? { ...one, ...change } : one));
    this.changed();
  }
}
