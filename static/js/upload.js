/** `<jit-upload>`: declare an exhibit, hash the file in slices, send its bytes as they are, and show what the server computed. */
import { html, nothing, render } from 'lit';
import { NoNetwork, Problem, call, isSignedOut, problemIn } from './api.js';
import { hashFile } from './sha256.js';
import { fill, icon, wordsOf } from './words.js';

const HASH_LIMIT = 512 * 1024 * 1024;
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** @param {number} bytes */
export function size(bytes) {
  const step = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const digits = step === 0 ? 0 : 1;
  const number = new Intl.NumberFormat(document.documentElement.lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${number.format(bytes / 1024 ** step)}\u00a0${UNITS[step]}`;
}

/** @typedef {{stage: 'hashing' | 'declaring' | 'sending' | 'storing', done: number, total: number, speed: number}} Progress */

class JitUpload extends HTMLElement {
  connectedCallback() {
    this.words = wordsOf(this);
    this.form = /** @type {HTMLFormElement} */ (this.querySelector('form'));
    /** @type {{words: string, id: string}} */
    this.attempt = { words: '', id: '' };
    this.file = /** @type {HTMLInputElement} */ (this.querySelector('input[type=file]'));
    this.panel = /** @type {HTMLElement} */ (this.querySelector('[data-progress]'));
    this.form.addEventListener('input', () => this.check());
    this.form.addEventListener('submit', (event) => { event.preventDefault(); this.begin(); });
    this.acceptDrops(/** @type {HTMLElement} */ (this.querySelector('[data-drop]')));
    window.addEventListener('beforeunload', (event) => { if (this.stop) event.preventDefault(); });
    this.check();
  }

  /** @param {HTMLElement} zone */
  acceptDrops(zone) {
    zone.addEventListener('dragover', (event) => { event.preventDefault(); zone.classList.add('over'); });
    zone.addEventListener('dragleave', () => zone.classList.remove('over'));
    zone.addEventListener('drop', (event) => {
      event.preventDefault();
      zone.classList.remove('over');
      if (event.dataTransfer?.files.length && this.file) { this.file.files = event.dataTransfer.files; this.check(); }
    });
  }

  /** What still has to be filled in, by the words of its label; the button says it. */
  missing() {
    const fields = /** @type {(HTMLInputElement | HTMLSelectElement)[]} */ ([...(this.form?.elements ?? [])]).filter((field) => 'required' in field && field.required);
    return fields.filter(({ value }) => !value.trim()).map(({ id }) => this.querySelector(`label[for="${id}"]`)?.textContent?.trim() ?? id);
  }

  check() {
    const chosen = this.file?.files?.[0];
    const facts = this.querySelector('[data-file-facts]');
    if (facts instanceof HTMLElement) {
      facts.hidden = !chosen;
      facts.textContent = chosen ? `${chosen.name} · ${size(chosen.size)}` : '';
    }
    const { conditions_text: conditions } = /** @type {Record<string, HTMLTextAreaElement>} */ (/** @type {unknown} */ (this.form?.elements));
    if (conditions) conditions.required = new FormData(this.form).get('handling') === 'H3' && !new FormData(this.form).get('marking');
    const missing = this.missing();
    const why = chosen?.size === 0 ? this.words?.empty : missing.length ? fill(this.words?.missing ?? '', missing.join(', ')) : '';
    this.say(why ?? '');
    return !why;
  }

  /** @param {string} why */
  say(why) {
    const button = this.querySelector('#go');
    const line = this.querySelector('[data-why]');
    if (line) line.textContent = why;
    if (why) button?.setAttribute('aria-disabled', 'true');
    else button?.removeAttribute('aria-disabled');
  }

  /** The declaration as the API takes it: the moment as the clock on the wall showed it in `zone`. @param {File} file @param {string | null} hash */
  declaration(file, hash) {
    const filled = Object.fromEntries(new FormData(this.form));
    const { title, legal_basis, method, collector, place, collected_at: local, zone, handling, declared_sha256: declared, marking } = /** @type {Record<string, string>} */ (filled);
    const { conditions_text = '', source_reliability = '', information_accuracy = '', compartment_id = '' } = /** @type {Record<string, string>} */ (filled);
    const [scheme, code] = marking ? marking.split('|') : ['', ''];
    const stated = {
      title, legal_basis, method, collector, place, zone, collected_at: local, conditions_text, source_reliability, information_accuracy, compartment_id,
      ...(marking ? { scheme, code } : { handling }), file_name: file.name, size: file.size,
      media_type: file.type || 'application/octet-stream', declared_sha256: declared.trim().toLowerCase() || hash,
    };
    const words = JSON.stringify(stated);
    if (this.attempt.words !== words) this.attempt = { words, id: crypto.randomUUID() }; // the same again is the same upload
    return { ...stated, client_id: this.attempt.id };
  }

  async begin() {
    const file = this.file?.files?.[0];
    if (!this.check() || !file || this.stop) return;
    this.stop = new AbortController();
    this.form?.toggleAttribute('inert', true);
    try {
      const hash = file.size <= HASH_LIMIT ? await hashFile(file, (done) => this.show({ stage: 'hashing', done, total: file.size, speed: 0 }), this.stop.signal) : null;
      this.show({ stage: 'declaring', done: 0, total: file.size, speed: 0 });
      const { id } = await call('POST', `/workspaces/${this.getAttribute('workspace')}/uploads`, this.declaration(file, hash));
      const exhibit = await this.send(file, id, this.stop.signal);
      this.finished(exhibit, hash);
    } catch (error) {
      this.failed(error);
    } finally {
      this.stop = undefined;
    }
  }

  /** XMLHttpRequest, because fetch cannot tell how much has left. @param {File} file @param {string} id @param {AbortSignal} signal @returns {Promise<any>} */
  send(file, id, signal) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const begun = performance.now();
      request.open('PUT', `/api/v1/uploads/${id}`);
      request.setRequestHeader('Content-Type', 'application/octet-stream');
      request.setRequestHeader('Accept', 'application/json');
      request.upload.onprogress = ({ loaded }) => this.show({ stage: loaded < file.size ? 'sending' : 'storing', done: loaded, total: file.size, speed: loaded / ((performance.now() - begun) / 1000) });
      request.onload = () => (request.status < 300 ? resolve(JSON.parse(request.responseText)) : reject(new Problem(problemIn(request.responseText, request.status))));
      request.onerror = () => reject(new NoNetwork(this.words?.cut));
      request.onabort = () => reject(new DOMException('', 'AbortError'));
      signal.addEventListener('abort', () => request.abort());
      request.send(file);
    });
  }

  /** @param {Progress} progress */
  show({ stage, done, total, speed }) {
    const words = this.words ?? {};
    const left = speed > 0 && stage === 'sending' ? new Intl.NumberFormat(document.documentElement.lang, { style: 'unit', unit: 'second', maximumFractionDigits: 0 }).format((total - done) / speed) : '';
    this.draw(html`<section class="card progress" aria-label=${words[stage]}>
      <p class="line"><strong role="status">${words[stage]}</strong><span>${fill(words.of, size(done), size(total))}</span></p>
      <progress max="1" .value=${total ? done / total : 0} aria-label=${words[stage]}></progress>
      <p class="line small quiet"><span>${speed ? fill(words.per_second, size(speed)) : nothing}</span><span>${left ? fill(words.left, left) : nothing}</span></p>
      <p class="actions"><button type="button" class="quiet small" @click=${() => this.stop?.abort()}>${words.cancel}</button></p></section>`);
  }

  /** @param {any} exhibit @param {string | null} hash */
  finished(exhibit, hash) {
    const words = this.words ?? {};
    this.form?.setAttribute('hidden', '');
    this.draw(html`<section class="card" tabindex="-1" data-result>
      <div class="verdict tone-success" role="status">${icon('circle-check')}<p><strong>${fill(words.done, exhibit.number)}</strong>${exhibit.gate === 'pending' ? html` ${words.waits}` : nothing}</p></div>
      <h2>${words.server_hash}</h2><p><code class="digest" data-server-hash>${exhibit.sha256}</code></p>
      <h3>${words.browser_hash}</h3><p>${hash ? html`<code class="digest">${hash}</code>` : html`<span class="quiet">${words.left_to_server}</span>`}</p>
      ${hash === exhibit.sha256 ? html`<p><span class="tag tone-success">${icon('check')}${words.same}</span></p>` : nothing}
      <p class="actions"><a class="button" href="/w/${this.getAttribute('workspace')}/evidence/${exhibit.number}">${words.open}</a><a class="button quiet" href="">${words.another}</a></p></section>`);
    this.querySelector('[data-result]')?.scrollIntoView({ block: 'nearest' });
  }

  /** Nothing that was filled in is lost. @param {unknown} error */
  failed(error) {
    const words = this.words ?? {};
    const stopped = error instanceof DOMException && error.name === 'AbortError';
    const problem = error instanceof Problem ? error.body : null;
    if (problem) this.attempt = { words: '', id: '' }; // refused, not lost: the next try is a new upload
    this.form?.toggleAttribute('inert', false);
    this.draw(html`<div class="notice ${stopped ? 'tone-info' : 'tone-danger'}" role="alert">${icon(stopped ? 'info' : 'octagon-alert')}<div>
      <p>${stopped ? words.stopped : html`<strong>${words.failed}</strong> ${error instanceof NoNetwork ? words.cut : problem?.detail || problem?.title || String(error)}`}</p>
      ${isSignedOut(error) ? html`<p>${words.ended} <a href="/login" target="_blank" rel="noopener">${words.sign_in}</a></p>` : nothing}
      ${problem?.errors?.length ? html`<ul>${problem.errors.map((one) => html`<li><a href="#${one.field}">${one.message} ${one.remedy ?? ''}</a></li>`)}</ul>` : nothing}</div></div>`);
    this.check();
  }

  /** @param {unknown} content */
  draw(content) {
    if (this.panel) render(content, this.panel);
  }
}

customElements.define('jit-upload', JitUpload);
