/**
 * The live line to one workspace. The database is the truth: this only says what came after a position, and asks again
 * from that position whenever the line was cut. Websocket only; when it stays down, `poll` is fired so that pages ask over HTTP.
 */
import { io } from 'socket.io-client';
import { NoNetwork, Problem, call, isSignedOut } from './api.js';

const ACK_MS = 8_000;
const DOWN_AFTER_MS = 10_000;
const POLL_MS = 15_000;
const FRAME_BYTES = 48 * 1024;
const NEWS = ['message:posted', 'message:edited', 'message:withdrawn', 'presence:changed', 'presence:typing', 'agreement:in_force'];

/**
 * Fires `state` (live | cut | down | ended | left), `people` (detail: who is here), `gap`, `poll`, and every event of NEWS (detail: its data).
 */
export class Live extends EventTarget {
  /** @param {string} workspace @param {number} position */
  constructor(workspace, position) {
    super();
    this.workspace = workspace;
    this.position = position;
    /** @type {'joining' | 'live' | 'cut' | 'down' | 'ended' | 'left'} */
    this.state = 'joining';
    this.downTimer = 0;
    this.pollTimer = 0;
    this.socket = io({ path: '/socket.io', transports: ['websocket'], reconnectionDelay: 400, reconnectionDelayMax: 4_000, autoConnect: false });
    this.listen();
  }

  start() {
    this.waitForDown();
    this.socket.connect();
    window.addEventListener('online', () => this.again());
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.again(); });
  }

  /** Try at once rather than at the next turn. */
  again() {
    if (this.state === 'left' || this.socket.connected) return;
    this.socket.disconnect().connect();
  }

  listen() {
    this.socket.on('connect', () => this.join());
    this.socket.on('disconnect', () => this.lost());
    this.socket.on('connect_error', () => this.lost());
    this.socket.on('session:ended', () => this.end('ended'));
    this.socket.on('workspace:left', ({ workspace_id: id }) => { if (id === this.workspace) this.end('left'); });
    for (const name of NEWS) this.socket.on(name, (data) => this.tell(name, data));
    this.socket.onAny((_, data) => this.advance(data?.position));
  }

  async join() {
    try {
      const { position, presence, gap } = await this.ask('workspace:join', { workspace_id: this.workspace, position: this.position });
      if (gap) this.dispatchEvent(new Event('gap'));
      this.advance(position);
      this.tell('people', presence ?? []);
      this.move('live');
    } catch (error) {
      if (error instanceof Problem) this.end(isSignedOut(error) ? 'ended' : 'left');
      else this.socket.disconnect().connect();
    }
  }

  /** @param {unknown} position */
  advance(position) {
    if (typeof position === 'number' && position > this.position) this.position = position;
  }

  /**
   * Send an event and wait for what became of it.
   * @param {string} event @param {object} data @returns {Promise<any>}
   */
  async ask(event, data) {
    if (!this.socket.connected) throw new NoNetwork('not connected');
    const answer = await this.socket.timeout(ACK_MS).emitWithAck(event, data).catch(() => { throw new NoNetwork('no answer'); });
    if (answer?.problem) throw new Problem(answer.problem);
    return answer;
  }

  /** Send and forget: for what is worth nothing a second later. @param {string} event @param {object} data */
  hint(event, data) {
    if (this.state === 'live') this.socket.volatile.emit(event, data);
  }

  /** Whether a frame of this text may go over the socket; a larger one takes the HTTP door. @param {string} text */
  carries(text) {
    return this.state === 'live' && new TextEncoder().encode(JSON.stringify(text)).length < FRAME_BYTES;
  }

  lost() {
    if (this.state === 'ended' || this.state === 'left') return;
    if (this.state === 'live') { this.move('cut'); this.probe(); }
    this.waitForDown();
  }

  /** A refused handshake hides its reason from scripts: ask over HTTP whether the session still stands. */
  async probe() {
    try {
      await call('GET', '/me');
      if (this.state === 'ended') this.revive();
    } catch (error) {
      if (isSignedOut(error)) this.end('ended');
    }
  }

  waitForDown() {
    if (this.downTimer) return;
    this.downTimer = window.setTimeout(() => {
      if (this.state === 'live') return;
      this.move('down');
      this.poll();
      this.pollTimer = window.setInterval(() => this.poll(), POLL_MS);
    }, DOWN_AFTER_MS);
  }

  async poll() {
    await this.probe();
    if (this.state === 'down') this.dispatchEvent(new Event('poll'));
  }

  /** @param {'ended' | 'left'} state */
  end(state) {
    this.move(state);
    this.socket.disconnect();
    if (state === 'ended') window.addEventListener('focus', () => this.probe());
  }

  /** Signed in again, in another tab. */
  revive() {
    this.move('cut');
    this.dispatchEvent(new Event('revived'));
    this.again();
  }

  /** @param {'live' | 'cut' | 'down' | 'ended' | 'left'} state */
  move(state) {
    if (this.state === 'left' || this.state === state) return;
    this.state = state;
    if (state !== 'cut' && state !== 'down') {
      window.clearTimeout(this.downTimer);
      window.clearInterval(this.pollTimer);
      this.downTimer = 0;
    }
    this.dispatchEvent(new Event('state'));
  }

  /** @param {string} name @param {unknown} detail */
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
