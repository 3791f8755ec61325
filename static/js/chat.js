/** The live conversation: `<jit-chat>` takes over the messages that the server drew, `<jit-composer>` the form. */
import { LitElement, html, nothing, render } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { unsafeHTML } from 'lit/directives/unsafe-html.js';
import { call, isPassing, isSignedOut } from './api.js';
import './composer.js';
import { firstUnread, merge, readPage } from './conversation.js';
import { Live } from './live.js';
import { Outbox } from './outbox.js';
import { Clock, fill, icon, wordsOf } from './words.js';

/** @typedef {import('./conversation.js').Message} Message @typedef {import('./outbox.js').Pending} Pending */

const TYPING_MS = 4_000;
const READ_MS = 800;
const AGAIN_MS = 3_000;
const NEAR_END = 60;
const PAGE = 200;

class JitChat extends LitElement {
  static properties = {
    messages: { state: true }, pending: { state: true }, line: { state: true }, gap: { state: true }, amended: { state: true }, typing: { state: true },
    editing: { state: true }, behind: { state: true }, histories: { state: true }, trouble: { state: true },
  };

  constructor() {
    super();
    /** @type {Message[]} */ this.messages = [];
    /** @type {Pending[]} */ this.pending = [];
    /** @type {Live['state']} */ this.line = 'joining';
    this.gap = false;
    this.amended = false;
    /** @type {Map<string, string>} */ this.typing = new Map();
    this.editing = '';
    this.behind = 0;
    /** @type {Record<string, any[]>} */ this.histories = {};
    this.trouble = '';
    this.readTimer = 0;
    this.stick = true;
    this.seen = 0;
  }

  createRenderRoot() { return this; }

  connectedCallback() {
    super.connectedCallback();
    /** @param {string} name */
    const given = (name) => this.getAttribute(name) ?? '';
    this.words = wordsOf(this);
    this.clock = new Clock(given('zone'));
    this.channel = given('channel');
    this.topic = given('topic');
    this.may = new Set(given('may').split(' '));
    this.workspace = given('workspace');
    this.me = { id: given('me'), name: given('name'), agency: given('agency'), state: given('state') };
    this.messages = readPage(this);
    this.readTo = Number(given('read'));
    this.seen = Number(given('position'));
    this.unreadAt = firstUnread(this.messages, this.readTo, this.me.id);
    this.older = this.querySelector('.older');
    this.nothing = this.querySelector('.empty');
    this.label = this.querySelector('.log')?.getAttribute('aria-label') ?? '';
    this.replaceChildren();
    this.outbox = new Outbox((message) => this.post(message), () => { this.pending = this.outbox?.pending ?? []; }, (kept) => this.kept(kept));
    this.live = new Live(this.workspace, Number(given('position')));
    this.hear(this.live);
    this.live.start();
  }

  firstUpdated() {
    const log = this.log();
    const target = this.querySelector(location.hash.startsWith('#m-') ? `#${CSS.escape(location.hash.slice(1))}` : '#unread');
    if (target instanceof HTMLElement) log.scrollTop = target.offsetTop - log.offsetTop - log.clientHeight / 3;
    else log.scrollTop = log.scrollHeight;
    if (target instanceof HTMLElement && location.hash === '#unread') target.focus({ preventScroll: true });
    log.addEventListener('scroll', () => this.scrolled(), { passive: true });
    document.addEventListener('visibilitychange', () => this.markRead());
    this.scrolled();
  }

  /** @returns {HTMLElement} */
  log() { return /** @type {HTMLElement} */ (this.querySelector('.log')); }

  /** @param {Live} live */
  hear(live) {
    /** @param {string} name @param {(data: any) => void} then */
    const on = (name, then) => live.addEventListener(name, (event) => then(/** @type {CustomEvent} */ (event).detail));
    on('message:posted', ({ message }) => this.news(message));
    on('message:edited', ({ message }) => this.news(message));
    on('message:withdrawn', ({ message }) => this.news(message));
    on('presence:changed', ({ people }) => this.showPeople(people));
    on('presence:typing', (data) => this.typed(data));
    on('people', (people) => this.showPeople(people));
    on('gap', () => this.catchUp(true));
    on('agreement:in_force', () => { this.amended = true; });
    on('poll', () => { this.catchUp(); this.outbox?.flush(); });
    on('revived', () => this.catchUp(true));
    on('state', () => this.lineMoved());
    document.addEventListener('jit-send', (event) => this.write(/** @type {CustomEvent} */ (event).detail));
    document.addEventListener('jit-typing', () => live.hint('presence:typing', { channel_id: this.channel, topic: this.topic }));
    document.addEventListener('jit-signed-out', () => live.end('ended'));
    window.addEventListener('beforeunload', (event) => { if (this.pending.length) event.preventDefault(); });
  }

  lineMoved() {
    this.line = this.live?.state ?? 'cut';
    if (this.line === 'live') this.outbox?.flush();
    if (this.line === 'ended') { this.messages = []; this.showPeople([]); }
    if (this.line === 'left') this.blank();
  }

  /** Over the socket when it stands, else over HTTP; the client id makes both the same message. @param {import('./outbox.js').Outgoing} message */
  async post(message) {
    if (this.live?.carries(message.text)) return this.live.ask('message:post', message);
    const { channel_id: channel, ...rest } = message;
    return call('POST', `/channels/${channel}/messages`, rest);
  }

  /** @param {{text: string, handling: string}} written */
  write({ text, handling }) {
    this.stick = true;
    this.outbox?.add({ client_id: crypto.randomUUID(), channel_id: this.channel ?? '', topic: this.topic ?? '', text, handling });
  }

  /** @param {Message} message */
  kept(message) {
    this.news(message);
    document.dispatchEvent(new CustomEvent('jit-sent'));
  }

  /** @param {Message} message */
  news(message) {
    if (message.client_id) this.outbox?.drop(message.client_id);
    const fresh = message.position > this.seen;
    this.seen = Math.max(this.seen, message.position);
    if (message.channel_id !== this.channel || message.topic !== this.topic) { if (fresh) countElsewhere(message); return; }
    const before = this.messages.length;
    this.messages = merge(this.messages, message);
    delete this.histories[message.id];
    this.typing = new Map([...this.typing].filter(([id]) => id !== message.author.id));
    if (this.messages.length === before || message.author.id === this.me?.id) return;
    if (document.hidden || !this.stick) this.unreadAt ??= message.id;
    if (!this.stick) this.behind += 1;
    this.markRead();
  }

  /**
   * Everything after the last position seen, over HTTP: when the replay would be too long, or the socket is down.
   * @param {boolean} [anew] whether corrections of older messages may have been missed too
   */
  async catchUp(anew = false) {
    try {
      if (anew) {
        const { items } = await call('GET', `/channels/${this.channel}/messages?topic=${encodeURIComponent(this.topic ?? '')}&limit=${PAGE}`);
        for (const message of items) if (message.position <= this.seen) this.messages = merge(this.messages, message);
      }
      for (let more = true; more;) {
        const { items } = await call('GET', `/channels/${this.channel}/messages?after=${this.seen}&limit=${PAGE}`);
        for (const message of items) this.news(message);
        more = items.length === PAGE;
      }
      this.gap = false;
    } catch (error) {
      if (isSignedOut(error)) this.live?.end('ended');
      else if (isPassing(error)) { if (anew) setTimeout(() => this.catchUp(true), AGAIN_MS); } else this.gap = true;
    }
  }

  /** @param {{person: {person_id: string, name: string}, channel_id: string, topic: string}} data */
  typed({ person, channel_id: channel, topic }) {
    if (channel !== this.channel || topic !== this.topic || person.person_id === this.me?.id) return;
    this.typing = new Map(this.typing).set(person.person_id, person.name);
    setTimeout(() => { this.typing = new Map([...this.typing].filter(([id]) => id !== person.person_id)); }, TYPING_MS);
  }

  scrolled() {
    const log = this.log();
    this.stick = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END;
    if (this.stick) { this.behind = 0; this.markRead(); }
  }

  markRead() {
    const newest = this.messages.at(-1)?.position ?? 0;
    if (document.hidden || !this.stick || newest <= (this.readTo ?? 0) || this.readTimer) return;
    this.readTimer = window.setTimeout(() => {
      this.readTimer = 0;
      const position = this.messages.at(-1)?.position ?? 0;
      this.live?.ask('message:mark_read', { channel_id: this.channel, topic: this.topic, position }).then(() => { this.readTo = position; clearCounter(); }, () => {});
    }, READ_MS);
  }

  updated() {
    if (this.stick) { const log = this.log(); log.scrollTop = log.scrollHeight; }
  }

  /** @param {{person_id: string, name: string, agency: string, state: string}[]} people */
  showPeople(people) {
    const list = document.getElementById('here');
    if (!list) return;
    if (!list.dataset.taken) { list.replaceChildren(); list.dataset.taken = 'yes'; }
    const others = people.filter(({ person_id: id }) => id !== this.me?.id);
    render(others.length ? others.map(({ name, agency, state }) => html`<li><span class="state"><abbr class="code">${state}</abbr></span><span><span dir="auto">${name}</span><span class="sub" dir="auto">${agency}</span></span></li>`)
      : html`<li class="quiet">${list.dataset.none}</li>`, list);
  }

  /** Access is over: nothing of the case stays on the screen. */
  blank() {
    const { words } = this;
    for (const part of document.querySelectorAll('.identity, .tabs, dialog')) part.remove();
    const main = document.getElementById('main');
    document.title = 'JIT';
    if (!main || !words) return;
    main.className = 'page narrow';
    main.replaceChildren();
    render(html`<div class="notice tone-warning" role="alert">${icon('ban')}<div><p><strong>${words.left}</strong></p><p>${words.left_why}</p></div></div><p><a class="button" href="/">${words.home}</a></p>`, main);
  }

  /** @param {Message} message @param {SubmitEvent} event */
  async correct(message, event) {
    event.preventDefault();
    const text = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get('text') ?? '');
    await this.change(text === message.text ? null : ['message:edit', { message_id: message.id, text, version: message.version }]);
  }

  /** @param {Message} message @param {SubmitEvent} event */
  async withdraw(message, event) {
    event.preventDefault();
    const reason = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get('reason') ?? '');
    await this.change(['message:withdraw', { message_id: message.id, reason }]);
  }

  /** @param {[string, object] | null} asked */
  async change(asked) {
    try {
      const message = asked && await this.live?.ask(...asked);
      if (message) this.news(message);
      this.editing = '';
      this.trouble = '';
    } catch (error) {
      this.trouble = error instanceof Error ? error.message : String(error);
    }
  }

  /** @param {Message} message @param {Event} event */
  async openHistory(message, event) {
    if (!(/** @type {HTMLDetailsElement} */ (event.target)).open || this.histories[message.id]) return;
    const { items } = await call('GET', `/messages/${message.id}/history`);
    this.histories = { ...this.histories, [message.id]: items };
  }

  render() {
    const { messages, words } = this;
    if (!words) return nothing;
    let day = '';
    /** @param {string} at */
    const dayLine = (at) => {
      const next = this.clock?.day(at) ?? '';
      if (next === day) return nothing;
      day = next;
      return html`<p class="day-line"><span>${next}</span></p>`;
    };
    const empty = !messages.length && !this.pending.length && this.line !== 'ended';
    return html`<div class="log" role="log" aria-label=${this.label ?? ''} tabindex="0">
        ${this.line === 'ended' ? nothing : this.older}${empty ? this.nothing : nothing}
        ${repeat(messages, ({ id }) => id, (message) => html`${dayLine(message.at)}${message.id === this.unreadAt ? html`<p class="unread-line" id="unread" tabindex="-1"><span>${words.unread}</span></p>` : nothing}${this.drawMessage(message)}`)}
        ${repeat(this.pending, (one) => one.client_id, (one) => this.drawPending(one))}
      </div>
      ${this.behind ? html`<button type="button" class="quiet small to-latest" @click=${this.toLatest}>${words.latest} (${this.behind})</button>` : nothing}
      ${this.drawLine()}
      <p class="typing">${this.typing.size > 1 ? words.typingN : this.typing.size ? fill(words.typing1, [...this.typing.values()][0]) : nothing}</p>`;
  }

  toLatest() {
    this.stick = true;
    this.behind = 0;
    this.log().focus();
    this.requestUpdate();
  }

  drawLine() {
    const words = this.words ?? {};
    if (this.line === 'ended') return html`<p class="line-state" role="alert">${icon('lock')}<span><strong>${words.ended}</strong> ${words.ended_why} <a href="/login?next=${encodeURIComponent('/')}" target="_blank" rel="noopener">${words.sign_in}</a></span></p>`;
    if (this.amended) return html`<p class="line-state" role="status">${icon('scale')}<span>${words.amended} <a href=${location.pathname}>${words.reload}</a></span></p>`;
    if (this.gap) return html`<p class="line-state" role="status">${icon('triangle-alert')}<span>${words.gap} <a href=${location.pathname}>${words.reload}</a></span></p>`;
    if (this.line === 'down' && navigator.onLine) return html`<p class="line-state" role="status">${icon('wifi-off')}<span>${words.slow}</span></p>`;
    if (this.line === 'cut' || this.line === 'down') return html`<p class="line-state" role="status">${icon('wifi-off')}<span>${words.offline}</span></p>`;
    return nothing;
  }

  /** @param {string} code */
  chip(code) {
    return html`<span class="handling handling-${code.toLowerCase()}"><span class="shape" aria-hidden="true"></span>${code}<span class="visually-hidden"> ${this.words?.[code]}</span></span>`;
  }

  /** @param {{author: import('./conversation.js').Author, at: string, handling: string}} of @param {string} link */
  header({ author, at, handling }, link) {
    const stamp = html`<time class="moment" datetime=${at}><span class="clock">${this.clock?.time(at)}</span> <span class="zone">${this.clock?.offset(at)}</span></time>`;
    return html`<header><strong dir="auto">${author.name}</strong> <span class="agency" dir="auto"><span class="visually-hidden">${author.state}, </span>${author.agency}</span>
      ${link ? html`<a class="stamp" href="#${link}">${stamp}</a>` : html`<span class="stamp">${stamp}</span>`} ${this.chip(handling)}</header>`;
  }

  /** @param {Message} message */
  drawMessage(message) {
    const own = message.author.id === this.me?.id;
    const words = this.words ?? {};
    const body = this.editing === `edit ${message.id}` ? this.drawEditor(message) : html`<div class="words" dir="auto">${message.withdrawn ? html`<p>${words.withdrawn}${message.reason ? `: ${message.reason}` : ''}</p>` : unsafeHTML(message.html)}</div>`;
    return html`<article class="message ${own ? 'own' : ''} ${message.withdrawn ? 'withdrawn' : ''}" id="m-${message.id}" data-id=${message.id} data-position=${message.position}>
      <abbr class="code" aria-hidden="true">${message.author.state}</abbr>
      <div class="body">${this.header(message, `m-${message.id}`)}${body}
        ${this.editing === `withdraw ${message.id}` ? this.drawWithdrawal(message) : nothing}
        ${message.version > 1 && !message.withdrawn ? this.drawHistory(message) : nothing}
        ${message.kept_as?.length ? html`<p class="meta">${message.kept_as.map(({ number, url }) => html`<a class="kept-as" href=${url}><span class="tag tone-neutral">${icon('fingerprint')}${fill(words.exhibit, number)}</span></a>`)}</p>` : nothing}</div>
      ${(own || this.isOurs(message)) && !message.withdrawn && this.line !== 'ended' ? this.drawTools(message, own) : nothing}
    </article>`;
  }

  /** Whether one's own side said it. @param {Message} message */
  isOurs({ author }) {
    return author.agency === this.me?.agency && author.state === this.me?.state;
  }

  /** @param {Message} message */
  drawHistory(message) {
    const versions = this.histories[message.id] ?? [];
    return html`<details class="history" @toggle=${(/** @type {Event} */ event) => this.openHistory(message, event)}><summary>${this.words?.edited}</summary>
      ${versions.filter(({ version }) => version < message.version).map((one) => html`<div dir="auto"><span class="quiet">${one.version} · ${this.clock?.day(one.at)} ${this.clock?.time(one.at)}</span>${one.html === null ? '–' : unsafeHTML(one.html)}</div>`)}</details>`;
  }

  /** @param {Message} message @param {boolean} own what somebody said themselves they may correct; what is their side's, keep */
  drawTools({ id }, own) {
    const words = this.words ?? {};
    /** @param {string} what @param {string} sign @param {string} label */
    const tool = (what, sign, label) => html`<button type="button" aria-label=${label} title=${label} @click=${() => { this.editing = `${what} ${id}`; this.trouble = ''; this.focusEditor(); }}>${icon(sign)}</button>`;
    return html`<div class="tools">${own && this.may?.has('message:edit') ? tool('edit', 'pencil', words.edit) : nothing}${own && this.may?.has('message:withdraw') ? tool('withdraw', 'undo-2', words.withdraw) : nothing}${this.may?.has('evidence:register') ? html`<a class="tool" href="/w/${this.workspace}/messages/${id}/promote" aria-label=${words.keep} title=${words.keep}>${icon('fingerprint')}</a>` : nothing}</div>`;
  }

  async focusEditor() {
    await this.updateComplete;
    const field = this.querySelector('.rewrite textarea, .rewrite input');
    if (field instanceof HTMLElement) field.focus();
  }

  /** @param {KeyboardEvent} event */
  leaveEditor(event) {
    if (event.key === 'Escape') this.editing = '';
  }

  /** @param {Message} message */
  drawEditor(message) {
    const words = this.words ?? {};
    return html`<form class="rewrite" @submit=${(/** @type {SubmitEvent} */ event) => this.correct(message, event)} @keydown=${this.leaveEditor}>
      <textarea name="text" rows="3" dir="auto" required aria-label=${words.edit} .value=${message.text}></textarea>${this.drawTrouble()}
      <p class="actions"><button class="small">${words.save}</button><button type="button" class="quiet small" @click=${() => { this.editing = ''; }}>${words.cancel}</button></p></form>`;
  }

  /** @param {Message} message */
  drawWithdrawal(message) {
    const words = this.words ?? {};
    return html`<form class="rewrite" @submit=${(/** @type {SubmitEvent} */ event) => this.withdraw(message, event)} @keydown=${this.leaveEditor}>
      <label>${words.reason}<input name="reason" required maxlength="500" dir="auto" autocomplete="off"></label>${this.drawTrouble()}
      <p class="actions"><button class="danger small">${words.withdraw}</button><button type="button" class="quiet small" @click=${() => { this.editing = ''; }}>${words.cancel}</button></p></form>`;
  }

  drawTrouble() {
    return this.trouble ? html`<p class="why" role="alert">${this.trouble}</p>` : nothing;
  }

  /** @param {Pending} one */
  drawPending(one) {
    const words = this.words ?? {};
    const author = this.me ?? { id: '', name: '', agency: '', state: '' };
    return html`<article class="message own pending ${one.state}" data-client=${one.client_id}>
      <abbr class="code" aria-hidden="true">${author.state}</abbr>
      <div class="body">${this.header({ author, at: one.at, handling: one.handling }, '')}<div class="words plain-text" dir="auto">${one.text}</div>
        <p class="meta">${one.state === 'failed' ? html`${icon('circle-alert')}<span>${words.failed}: ${one.why}</span>
          <button type="button" class="plain small" @click=${() => this.outbox?.retry(one.client_id)}>${words.retry}</button>
          <button type="button" class="plain small" @click=${() => this.takeBack(one)}>${words.back}</button>`
    : html`${icon('clock')}<span>${one.state === 'waiting' ? words.waiting : words.sending}</span>`}</p></div>
    </article>`;
  }

  /** @param {Pending} one */
  takeBack(one) {
    this.outbox?.drop(one.client_id);
    document.dispatchEvent(new CustomEvent('jit-take-back', { detail: one }));
  }
}

/** This topic is read: its counter goes, and its channel's goes down by as much. */
function clearCounter() {
  const badge = document.querySelector('.side a[aria-current="page"] .unread');
  const whole = document.querySelector('.side a.channel[aria-current] .unread');
  const read = parseInt(badge?.textContent ?? '', 10) || 0;
  const left = (parseInt(whole?.textContent ?? '', 10) || 0) - read;
  badge?.remove();
  if (left > 0) whole?.firstChild?.replaceWith(String(left));
  else whole?.remove();
}

/** A message in another topic: its counter in the list of channels goes up. @param {Message} message */
function countElsewhere({ channel_id: channel, topic }) {
  for (const link of document.querySelectorAll('.side a[data-channel]')) {
    const { dataset } = /** @type {HTMLElement} */ (link);
    if (dataset.channel !== channel || (dataset.topic ?? topic) !== topic) continue;
    const badge = link.querySelector('.unread') ?? link.appendChild(Object.assign(document.createElement('span'), { className: 'unread' }));
    const words = badge.querySelector('.visually-hidden');
    badge.replaceChildren(String((parseInt(badge.textContent ?? '', 10) || 0) + 1), ...(words ? [words] : []));
  }
}

customElements.define('jit-chat', JitChat);
