/** `<jit-upload>`: declare exhibits, send their files in parts that outlive a closed browser, and show what the server computed. */
import { html, nothing, render } from 'lit';
import { NoNetwork, Problem, call, isSignedOut } from './api.js';
import { hashFile } from './sha256.js';
import { OtherFile, Transfer, plan } from './tus.js';
import { forget, remember, unfinished } from './unfinished.js';
import { fill, icon, wordsOf } from './words.js';

const HASH_LIMIT = 512 * 1024 * 1024;
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
const TELL_EVERY = 200;

/** @param {number} bytes */
export function size(bytes) {
  const step = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const digits = step === 0 ? 0 : 1;
  const number = new Intl.NumberFormat(document.documentElement.lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${number.format(bytes / 1024 ** step)}\u00a0${UNITS[step]}`;
}

/** @param {number} seconds */
const duration = (seconds) => new Intl.NumberFormat(document.documentElement.lang, { style: 'unit', unit: seconds < 90 ? 'second' : 'minute', maximumFractionDigits: 0 }).format(seconds < 90 ? seconds : seconds / 60);

/**
 * @typedef {import('./unfinished.js').Memo} Memo
 * @typedef {'waiting' | 'hashing' | 'declaring' | 'checking' | 'sending' | 'storing' | 'received' | 'paused' | 'unfinished' | 'done' | 'failed' | 'stopped'} Stage
 * @typedef {{key: string, name: string, total: number, stage: Stage, file: File | null, stated: Record<string, any> | null, memo: Memo | null, hash: string | null,
 *   done: number, began: number, from: number, wait: number, why: unknown, exhibit: any, stop: AbortController | null}} Task
 */

const RUNNING = ['hashing', 'declaring', 'checking', 'sending', 'storing'];

class JitUpload extends HTMLElement {
  async connectedCallback() {
    this.words = wordsOf(this);
    this.workspace = this.getAttribute('workspace') ?? '';
    this.form = /** @type {HTMLFormElement} */ (this.querySelector('form'));
    this.file = /** @type {HTMLInputElement} */ (this.querySelector('input[type=file]'));
    this.panel = /** @type {HTMLElement} */ (this.querySelector('[data-progress]'));
    /** @type {Task[]} */
    this.tasks = [];
    /** @type {number | undefined} */
    this.later = undefined;
    this.form.addEventListener('input', () => this.check());
    this.file.addEventListener('change', () => this.list());
    this.form.addEventListener('submit', (event) => { event.preventDefault(); this.begin(); });
    this.acceptDrops(/** @type {HTMLElement} */ (this.querySelector('[data-drop]')));
    window.addEventListener('beforeunload', (event) => { if (this.tasks?.some(({ stage }) => RUNNING.includes(stage))) event.preventDefault(); });
    this.check();
    await this.recall();
  }

  /** @param {HTMLElement} zone */
  acceptDrops(zone) {
    zone.addEventListener('dragover', (event) => { event.preventDefault(); zone.classList.add('over'); });
    zone.addEventListener('dragleave', () => zone.classList.remove('over'));
    zone.addEventListener('drop', (event) => {
      event.preventDefault();
      zone.classList.remove('over');
      if (event.dataTransfer?.files.length && this.file) { this.file.files = event.dataTransfer.files; this.list(); }
    });
  }

  chosen() {
    return [...(this.file?.files ?? [])];
  }

  /** Several files share the form; each has a title and a declared digest of its own. */
  list() {
    const files = this.chosen();
    const several = files.length > 1;
    for (const id of ['title', 'declared_sha256']) {
      const field = /** @type {HTMLInputElement} */ (this.form?.elements.namedItem(id));
      field.closest('.field')?.toggleAttribute('hidden', several);
      field.required = id === 'title' && !several;
    }
    const words = this.words ?? {};
    const place = this.querySelector('[data-files]');
    if (place instanceof HTMLElement) {
      render(several ? html`<fieldset class="files"><legend>${fill(words.files, files.length)}</legend>${files.map((file, number) => html`<div class="columns">
        <div class="field"><label for="title-${number}">${fill(words.title_of, file.name)}</label><input id="title-${number}" data-own required maxlength="200" .value=${file.name.slice(0, 200)}></div>
        <div class="field"><label for="declared-${number}">${words.declared} <span class="optional">${words.optional}</span></label><input id="declared-${number}" data-own class="mono" maxlength="64"></div></div>`)}</fieldset>` : nothing, place);
    }
    this.check();
  }

  /** What still has to be filled in, by the words of its label; the button says it. */
  missing() {
    const fields = /** @type {(HTMLInputElement | HTMLSelectElement)[]} */ ([...(this.form?.elements ?? [])]).filter((field) => 'required' in field && field.required);
    return fields.filter(({ value }) => !value.trim()).map(({ id }) => this.querySelector(`label[for="${id}"]`)?.textContent?.trim() ?? id);
  }

  check() {
    const files = this.chosen();
    const facts = this.querySelector('[data-file-facts]');
    if (facts instanceof HTMLElement) {
      facts.hidden = !files.length;
      const total = size(files.reduce((sum, one) => sum + one.size, 0));
      facts.textContent = files.length ? `${files.length === 1 ? files[0].name : fill(this.words?.files ?? '', files.length)} · ${total}` : '';
    }
    const { conditions_text: conditions } = /** @type {Record<string, HTMLTextAreaElement>} */ (/** @type {unknown} */ (this.form?.elements));
    if (conditions) conditions.required = new FormData(this.form).get('handling') === 'H3' && !new FormData(this.form).get('marking');
    const missing = this.missing();
    const empty = files.find((one) => one.size === 0);
    const why = empty ? `${files.length > 1 ? `${empty.name}: ` : ''}${this.words?.empty}` : missing.length ? fill(this.words?.missing ?? '', missing.join(', ')) : '';
    this.say(why);
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

  /** The declaration as the API takes it: the moment as the clock on the wall showed it in `zone`. @param {File} file @param {number} number @param {boolean} several */
  declaration(file, number, several) {
    const filled = Object.fromEntries(new FormData(this.form));
    const { title, legal_basis, method, collector, place, collected_at: local, zone, handling, declared_sha256: declared, marking } = /** @type {Record<string, string>} */ (filled);
    const { conditions_text = '', source_reliability = '', information_accuracy = '', compartment_id = '' } = /** @type {Record<string, string>} */ (filled);
    const made = Object.fromEntries(['kind', 'tool', 'version', 'description'].map((name) => [name, String(filled[`derived_${name}`] ?? '').trim()]).filter(([, value]) => value));
    const [scheme, code] = marking ? marking.split('|') : ['', ''];
    const own = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (this.querySelector(`#${name}-${number}`)).value;
    return {
      title: several ? own('title') : title, legal_basis, method, collector, place, zone, collected_at: local, conditions_text, source_reliability, information_accuracy, compartment_id,
      ...(filled.derived_parent ? { derived_from: { parent: filled.derived_parent, ...made } } : {}),
      ...(marking ? { scheme, code } : { handling }), file_name: file.name, size: file.size, client_id: crypto.randomUUID(),
      media_type: file.type || 'application/octet-stream', declared_sha256: (several ? own('declared') : declared).trim().toLowerCase(),
    };
  }

  /** Put the chosen files into the row; the form is free for the next ones. */
  begin() {
    const files = this.chosen();
    if (!this.check() || !files.length) return;
    const made = files.map((file, number) => this.task({ name: file.name, total: file.size, file, stated: this.declaration(file, number, files.length > 1) }));
    this.tasks = [...(this.tasks ?? []).filter(({ stage }) => stage !== 'failed' && stage !== 'stopped'), ...made];
    this.form?.setAttribute('hidden', '');
    this.next();
  }

  /** @param {Partial<Task>} known @returns {Task} */
  task(known) {
    return {
      key: crypto.randomUUID(), name: '', total: 0, stage: 'waiting', file: null, stated: null, memo: null, hash: null, done: 0, began: 0, from: 0, wait: 0, why: null, exhibit: null, stop: null, ...known,
    };
  }

  /** What was begun in this browser and not finished; names are the server's to tell, and only to whoever began. */
  async recall() {
    for (const memo of await unfinished(this.workspace ?? '')) {
      try {
        const { state, file_name: name } = await call('GET', `/uploads/${memo.id}`);
        if (state === 'available' || state === 'rejected') await forget(memo.id);
        else if (state === 'received') this.follow(this.task({ name, total: memo.size, memo }));
        else if (!this.tasks?.some((one) => one.memo?.id === memo.id)) this.tasks?.push(this.task({ name, total: memo.size, memo, stage: 'unfinished', done: memo.lanes.reduce((sum, { slices }) => sum + slices.reduce((all, one) => all + one.length, 0), 0) }));
      } catch (error) {
        if (!(error instanceof Problem || error instanceof NoNetwork)) throw error; // another person's, or nothing answers: later
      }
    }
    this.draw();
  }

  /** Wait for the exhibit of a file that was sent before this page was opened. @param {Task} task */
  async follow(task) {
    const same = this.tasks?.find((one) => one.memo?.id === task.memo?.id);
    if (same && same !== task) return;
    if (!same) this.tasks?.push(task);
    task.why = null;
    this.stage(task, 'received');
    task.stop = new AbortController();
    try {
      const memo = /** @type {Memo} */ (task.memo);
      task.exhibit = await this.transfer(task, new File([], task.name), memo).registered(task.stop.signal);
      await forget(memo.id);
      task.stage = 'done';
    } catch (error) {
      await this.failed(task, error);
    }
    this.draw();
  }

  /** One file after the other, each in parts side by side. */
  async next() {
    this.draw();
    if (this.tasks?.some(({ stage }) => RUNNING.includes(stage))) return;
    const task = this.tasks?.find(({ stage }) => stage === 'waiting');
    if (!task?.file) return;
    task.stop = new AbortController();
    task.why = null;
    try {
      await this.send(task, task.file, task.stop.signal);
      task.stage = 'done';
    } catch (error) {
      await this.failed(task, error);
    }
    const chosen = this.form?.hidden ? task : null; // files chosen meanwhile stay chosen
    if (!this.tasks?.some(({ stage }) => stage === 'waiting' || RUNNING.includes(stage)) && task.stage !== 'paused') this.form?.removeAttribute('hidden');
    if (chosen?.stage === 'done') { if (this.file) this.file.value = ''; this.list(); }
    this.next();
  }

  /** @param {Task} task @param {File} file @param {AbortSignal} signal */
  async send(task, file, signal) {
    if (!task.memo && task.stated) {
      this.stage(task, 'hashing');
      task.hash = file.size <= HASH_LIMIT ? await hashFile(file, (done) => this.moved(task, done), signal) : null;
      this.stage(task, 'declaring');
      const { id } = await call('POST', `/workspaces/${this.workspace}/uploads`, { ...task.stated, declared_sha256: task.stated.declared_sha256 || task.hash });
      task.memo = plan(id, this.workspace ?? '', file.size);
      await remember(task.memo);
    }
    const memo = /** @type {Memo} */ (task.memo);
    this.stage(task, 'checking');
    task.exhibit = await this.transfer(task, file, memo).run(signal);
    await forget(memo.id);
  }

  /** @param {Task} task @param {File} file @param {Memo} memo */
  transfer(task, file, memo) {
    return new Transfer(file, memo, {
      checked: (done) => this.moved(task, done),
      sent: (done) => { if (task.stage === 'checking') { this.stage(task, 'sending'); task.from = done; } task.wait = 0; this.moved(task, done); },
      waits: (ms) => { task.wait = ms; this.moved(task, task.done); },
      storing: () => this.stage(task, 'storing'),
      received: () => { if (task.stage !== 'received') { this.stage(task, 'received'); this.next(); } },
    });
  }

  /** @param {Task} task @param {Stage} stage */
  stage(task, stage) {
    Object.assign(task, { stage, began: performance.now(), from: 0, wait: 0 });
    this.draw();
  }

  /** @param {Task} task @param {number} done */
  moved(task, done) {
    task.done = done;
    this.later ??= window.setTimeout(() => { this.later = undefined; this.draw(); }, TELL_EVERY);
  }

  /** Nothing that was filled in is lost, and nothing that has arrived. @param {Task} task @param {unknown} error */
  async failed(task, error) {
    if (task.stage === 'stopped') return;
    const paused = error instanceof DOMException && error.name === 'AbortError';
    task.why = paused ? null : error;
    task.stage = paused || isSignedOut(error) || error instanceof OtherFile || error instanceof NoNetwork ? 'paused' : 'failed';
    if (error instanceof OtherFile) Object.assign(task, { stage: 'unfinished', file: null });
    if (task.stage === 'failed' && task.memo) {
      await forget(task.memo.id);
      task.memo = null;
    }
    if (task.stage === 'failed' && task.stated) task.stated = { ...task.stated, client_id: crypto.randomUUID() }; // refused, not lost: the next try is a new upload
  }

  /** @param {Task} task */
  pause(task) {
    if (RUNNING.includes(task.stage)) task.stop?.abort();
    else { task.stage = 'paused'; this.draw(); }
  }

  /** @param {Task} task @param {File | null | undefined} file */
  resume(task, file) {
    if (!file) {
      if (task.stage === 'paused') this.follow(task); // all of it is there: no file is needed
      return;
    }
    if (file.size !== task.total) { task.why = new OtherFile(); this.draw(); return; }
    Object.assign(task, { file, stage: 'waiting', why: null, done: 0 });
    this.next();
  }

  /** Give it up for good. @param {Task} task */
  async stop(task) {
    task.stage = 'stopped';
    task.stop?.abort();
    this.draw();
    try {
      if (task.memo) await call('DELETE', `/uploads/${task.memo.id}`);
    } catch (error) {
      if (!(error instanceof NoNetwork || error instanceof Problem)) throw error; // its day comes without us
    }
    if (task.memo) await forget(task.memo.id);
    if (!this.tasks?.some(({ stage }) => stage === 'waiting' || stage === 'paused' || RUNNING.includes(stage))) this.form?.removeAttribute('hidden');
    this.draw();
  }

  draw() {
    if (this.panel) render((this.tasks ?? []).map((task) => this.card(task)), this.panel);
  }

  /** @param {Task} task */
  card(task) {
    if (task.stage === 'done') return this.finished(task);
    if (task.stage === 'failed' || task.stage === 'stopped') return this.refused(task);
    const words = this.words ?? {};
    const { stage, done, total } = task;
    const seconds = (performance.now() - task.began) / 1000;
    const speed = stage === 'sending' && seconds > 0.5 ? (done - task.from) / seconds : 0;
    const known = stage === 'sending' || stage === 'hashing' || stage === 'checking' || stage === 'paused' || stage === 'unfinished';
    return html`<section class="card progress" aria-label=${task.name} data-stage=${stage}>
      <p class="line"><strong class="file-name">${task.name}</strong><span role="status">${words[stage]}</span></p>
      <progress max="1" .value=${known ? done / total : stage === 'storing' || stage === 'received' ? 1 : 0} aria-label=${words[stage]}></progress>
      <p class="line small quiet"><span>${known ? fill(words.of, size(done), size(total)) : size(total)}</span><span>${task.wait ? fill(words.slow, duration(task.wait / 1000)) : speed > 0 ? html`${fill(words.per_second, size(speed))} · ${fill(words.left, duration((total - done) / speed))}` : nothing}</span></p>
      ${task.why ? html`<p class="small" role="alert">${task.why instanceof OtherFile ? words.other_file : isSignedOut(task.why) ? html`${words.ended} <a href="/login" target="_blank" rel="noopener">${words.sign_in}</a>` : words.cut}</p>` : nothing}
      ${stage === 'storing' || stage === 'received' ? nothing : html`<p class="actions">
        ${stage === 'sending' || stage === 'checking' || stage === 'waiting' ? html`<button type="button" class="quiet small" @click=${() => this.pause(task)}>${words.pause}</button>` : nothing}
        ${stage === 'paused' ? html`<button type="button" class="small" @click=${() => this.resume(task, task.file)}>${words.resume}</button>` : nothing}
        ${stage === 'unfinished' ? html`<label class="button small">${words.choose_again}<input type="file" class="visually-hidden" data-again @change=${(/** @type {Event} */ event) => this.resume(task, /** @type {HTMLInputElement} */ (event.target).files?.[0])}></label>` : nothing}
        <button type="button" class="quiet small" @click=${() => this.stop(task)}>${words.cancel}</button></p>`}</section>`;
  }

  /** @param {Task} task */
  finished({ exhibit, hash }) {
    const words = this.words ?? {};
    return html`<section class="card" data-result>
      <div class="verdict tone-success" role="status">${icon('circle-check')}<p><strong>${fill(words.done, exhibit.number)}</strong>${exhibit.gate === 'pending' ? html` ${words.waits}` : nothing}</p></div>
      <h2>${words.server_hash}</h2><p><code class="digest" data-server-hash>${exhibit.sha256}</code></p>
      <h3>${words.browser_hash}</h3><p>${hash ? html`<code class="digest">${hash}</code>` : html`<span class="quiet">${words.left_to_server}</span>`}</p>
      ${hash === exhibit.sha256 ? html`<p><span class="tag tone-success">${icon('check')}${words.same}</span></p>` : nothing}
      <p class="actions"><a class="button" href="/w/${this.workspace}/evidence/${exhibit.number}">${words.open}</a></p></section>`;
  }

  /** @param {Task} task */
  refused(task) {
    const words = this.words ?? {};
    const stopped = task.stage === 'stopped';
    const problem = task.why instanceof Problem ? task.why.body : null;
    return html`<div class="notice ${stopped ? 'tone-info' : 'tone-danger'}" role="alert">${icon(stopped ? 'info' : 'octagon-alert')}<div>
      <p><strong class="file-name">${task.name}</strong></p>
      <p>${stopped ? words.stopped : html`<strong>${words.failed}</strong> ${problem?.detail || problem?.title || String(task.why)}`}</p>
      ${problem?.errors?.length ? html`<ul>${problem.errors.map((one) => html`<li><a href="#${one.field}">${one.message} ${one.remedy ?? ''}</a></li>`)}</ul>` : nothing}</div></div>`;
  }
}

customElements.define('jit-upload', JitUpload);
