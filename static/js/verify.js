/** `<jit-verify>`: a package for court, or a PDF out of one, is checked on the reader's own machine; nothing of it is sent anywhere. */
import { html, nothing, render } from 'lit';
import { Wrong } from './container.js';
import { examine } from './package.js';
import { Policy } from './policy.js';
import { examinePdf } from './seal.js';
import { fill, icon, wordsOf } from './words.js';

const share = new Intl.NumberFormat(document.documentElement.lang, { style: 'percent' });
const moment = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'long', timeZone: 'UTC' });

class JitVerify extends HTMLElement {
  connectedCallback() {
    this.words = wordsOf(this);
    this.file = /** @type {HTMLInputElement} */ (this.querySelector('input[type=file]'));
    this.key = /** @type {HTMLInputElement} */ (this.querySelector('input[name=key]'));
    this.policy = /** @type {HTMLInputElement} */ (this.querySelector('input[name=policy]'));
    this.policy.addEventListener('change', () => this.policy?.setCustomValidity(''));
    this.answer = /** @type {HTMLElement} */ (this.querySelector('[data-answer]'));
    this.stop = new AbortController();
    this.querySelector('form')?.addEventListener('submit', (event) => { event.preventDefault(); this.begin(); });
    const zone = /** @type {HTMLElement} */ (this.querySelector('[data-drop]'));
    zone.addEventListener('dragover', (event) => { event.preventDefault(); zone.classList.add('over'); });
    zone.addEventListener('dragleave', () => zone.classList.remove('over'));
    zone.addEventListener('drop', (event) => {
      event.preventDefault();
      zone.classList.remove('over');
      if (event.dataTransfer?.files.length && this.file) { this.file.files = event.dataTransfer.files; this.begin(); }
    });
  }

  disconnectedCallback() { this.stop?.abort(); }

  /** @param {string} name */
  say(name) { return this.words?.[name] ?? name; }

  /** The witnesses that the reader trusts; a file that names none stays to be mended. @returns {Promise<Policy | null | undefined>} */
  async trusted() {
    const file = this.policy?.files?.[0];
    try { return file ? new Policy(await file.text()) : null; } catch {
      this.policy?.setCustomValidity(this.say('policy'));
      this.policy?.reportValidity();
      return undefined;
    }
  }

  async begin() {
    const file = this.file?.files?.[0];
    if (!file || !this.answer) { this.file?.focus(); return; }
    const policy = await this.trusted();
    if (policy === undefined) return;
    this.stop?.abort();
    const { signal } = this.stop = new AbortController();
    const progress = (/** @type {number} */ done) => render(html`<p class="quiet">${fill(this.say('checking'), share.format(done / Math.max(file.size, 1)))}</p>`, /** @type {HTMLElement} */ (this.answer));
    progress(0);
    try {
      if (await file.slice(0, 5).text() === '%PDF-') {
        const { seal, findings } = await examinePdf(file, file.name);
        if (!signal.aborted) this.show(file.name, null, findings, seal);
        return;
      }
      const found = await examine(file, this.key?.value ?? '', progress, signal, policy);
      if (!signal.aborted) this.show(file.name, found, found.findings);
    } catch (fault) {
      if (!signal.aborted) this.show(file.name, null, [fault instanceof Wrong ? fault : new Wrong('', 'cut')]);
    }
  }

  /** @param {string} name @param {import('./package.js').Package | null} found @param {Wrong[]} findings @param {string} [seal] of a PDF */
  show(name, found, findings, seal) {
    const holds = !findings.length;
    const strange = Boolean(seal) && seal !== this.dataset.seal; // anybody can seal: unchanged is not yet genuine
    const [tone, sign] = holds ? strange ? ['warning', 'triangle-alert'] : ['success', 'circle-check'] : ['danger', 'octagon-alert'];
    render(html`
      <div class="verdict tone-${tone}">${icon(sign)}<p><strong>${this.say(holds ? strange ? 'strange' : 'holds' : 'differs')}</strong><br><span dir="auto">${name}</span></p></div>
      ${findings.length ? html`<h2>${this.say('wrong')}</h2><ul class="findings">${findings.map(({ where, what }) => html`<li><code dir="auto">${where || this.say('whole')}</code> ${this.say(what)}</li>`)}</ul>` : nothing}
      ${seal ? html`<p>${this.say(seal === this.dataset.seal ? 'ours' : 'theirs')}</p><dl class="summary"><div><dt>${this.say('by')}</dt><dd><code>${seal}</code></dd></div></dl>` : nothing}
      ${found ? this.told(found, holds) : nothing}`, /** @type {HTMLElement} */ (this.answer));
  }

  /** @param {import('./package.js').Package} found @param {boolean} holds */
  told(found, holds) {
    const checked = [fill(this.say('files'), found.digests.size), this.say('sealed'), fill(this.say('logged'), found.entries.size), fill(this.say('exhibits'), found.exhibits.length)];
    return html`
      ${holds ? html`<h2>${this.say('checked')}</h2><ul>${checked.map((line) => html`<li>${line}</li>`)}</ul>` : nothing}
      <p>${this.say(found.stamped ? 'stamped' : 'unstamped')}</p>
      <dl class="summary">
        <div><dt>${this.say('case')}</dt><dd dir="auto">${found.about.case ?? ''}</dd></div>
        <div><dt>${this.say('from')}</dt><dd dir="auto">${found.about.server ?? ''}</dd></div>
        ${found.cosigned.length ? html`<div><dt>${this.say('witnesses')}</dt><dd>${found.cosigned.map(({ name, at }) => html`<p><bdi>${name}</bdi><br><span class="small quiet">${at ? fill(this.say('cosigned'), moment.format(at)) : this.say('unknown')}</span></p>`)}</dd></div>` : nothing}
        <div><dt>${this.say('log')}</dt><dd><code>${found.key}</code>${found.expected ? nothing : html`<br><span class="small quiet">${this.say('compare')}</span>`}</dd></div>
      </dl>`;
  }
}

customElements.define('jit-verify', JitVerify);
