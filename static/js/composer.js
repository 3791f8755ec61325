/** `<jit-composer>`: the form below the conversation. What is typed is kept on the server a second after the last key. */
import { call, isSignedOut } from './api.js';
import { Clock, fill, wordsOf } from './words.js';

const SAVE_MS = 1_000;
const AGAIN_MS = 5_000;
const TYPING_MS = 2_500;
const LIMIT = 20_000;

class JitComposer extends HTMLElement {
  constructor() {
    super();
    this.timer = 0;
    this.typedAt = 0;
    this.savedText = '';
    this.sending = 0;
  }

  connectedCallback() {
    this.words = wordsOf(this);
    this.clock = new Clock(document.querySelector('jit-chat')?.getAttribute('zone') ?? 'UTC');
    this.form = /** @type {HTMLFormElement} */ (this.querySelector('form'));
    this.field = /** @type {HTMLTextAreaElement} */ (this.querySelector('textarea'));
    this.picker = /** @type {HTMLSelectElement} */ (this.querySelector('select'));
    this.savedText = this.field.value;
    const saved = this.getAttribute('saved');
    if (saved && this.field.value) this.say(`${this.words.saved} ${this.clock.time(saved)}`);
    this.form.addEventListener('submit', (event) => { event.preventDefault(); this.send(); });
    this.field.addEventListener('input', () => this.typed());
    this.field.addEventListener('keydown', (event) => this.key(event));
    document.addEventListener('jit-sent', () => this.sent());
    document.addEventListener('jit-take-back', (event) => this.takeBack(/** @type {CustomEvent} */ (event).detail));
    document.addEventListener('visibilitychange', () => { if (document.hidden) this.save({ keepalive: true }); });
    window.addEventListener('online', () => this.save());
    window.addEventListener('focus', () => this.save());
    window.addEventListener('beforeunload', (event) => { if (this.unsaved()) event.preventDefault(); });
  }

  /** @param {string} words */
  say(words) {
    const line = this.querySelector('[data-draft]');
    if (line) line.textContent = words;
  }

  unsaved() {
    return this.field !== undefined && this.field.value !== this.savedText && this.field.value.trim() !== '';
  }

  typed() {
    const over = (this.field?.value.length ?? 0) - LIMIT;
    this.field?.setCustomValidity(over > 0 ? fill(this.words?.too_long ?? '', over) : '');
    if (over > 0) { this.say(fill(this.words?.too_long ?? '', over)); return; }
    this.later(SAVE_MS);
    if (Date.now() - this.typedAt > TYPING_MS && this.field?.value) {
      this.typedAt = Date.now();
      document.dispatchEvent(new CustomEvent('jit-typing'));
    }
  }

  /** @param {number} wait */
  later(wait) {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.save(), wait);
  }

  /** @param {{keepalive?: boolean}} [options] */
  async save(options = {}) {
    const text = this.field?.value ?? '';
    if (text === this.savedText || text.length > LIMIT || (this.sending && !text)) return;
    try {
      await call('PUT', `/channels/${this.getAttribute('channel')}/draft`, { topic: this.getAttribute('topic'), text, handling: this.picker?.value }, options);
      this.savedText = text;
      if (this.field?.value === text) this.say(text ? `${this.words?.saved} ${this.clock?.time(new Date().toISOString())}` : '');
    } catch (error) {
      this.say(this.words?.kept ?? '');
      if (isSignedOut(error)) document.dispatchEvent(new CustomEvent('jit-signed-out'));
      else this.later(AGAIN_MS);
    }
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key !== 'Enter' || event.isComposing || event.shiftKey) return;
    const wants = event.ctrlKey || event.metaKey || this.getAttribute('send-key') === 'enter';
    if (!wants) return;
    event.preventDefault();
    this.form?.requestSubmit();
  }

  /** Hand the text over; the draft on the server stays until the message is known to be kept. */
  send() {
    const text = this.field?.value ?? '';
    if (!text.trim() || !this.field) { this.say(this.words?.empty ?? ''); return; }
    window.clearTimeout(this.timer);
    this.sending += 1;
    this.field.value = '';
    this.say('');
    document.dispatchEvent(new CustomEvent('jit-send', { detail: { text, handling: this.picker?.value } }));
    this.field.focus();
  }

  sent() {
    this.sending = Math.max(0, this.sending - 1);
    if (this.savedText) this.save();
  }

  /** @param {{text: string, handling: string}} message */
  takeBack({ text, handling }) {
    this.sending = Math.max(0, this.sending - 1);
    if (!this.field || !this.picker) return;
    this.field.value = [text, this.field.value].filter(Boolean).join('\n\n');
    this.picker.value = handling;
    this.field.focus();
    this.typed();
  }
}

customElements.define('jit-composer', JitComposer);
