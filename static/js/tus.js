/** Sends a declared file by tus 1.0: parts in parallel, each slice with its SHA-256, and after any break only what is missing. */
import { NoNetwork, Problem, isPassing, problemIn } from './api.js';
import { remember } from './unfinished.js';

/** @typedef {import('./unfinished.js').Memo} Memo */
/** @typedef {import('./unfinished.js').Lane} Lane */

const MIB = 2 ** 20;
const LANES = 4;
const [LEAST, FIRST, MOST] = [MIB / 4, MIB, 32 * MIB];
const [QUICK, SLOW] = [2_000, 10_000];
const [PAUSE, LONGEST_PAUSE, LONGEST_LOOK] = [1_000, 60_000, 10_000];

/** The chosen file is not the one that was begun with. */
export class OtherFile extends Error {}

/** @param {Blob} blob */
async function digest(blob) {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', await blob.arrayBuffer()));
}

/** @param {Uint8Array} bytes */
const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** XMLHttpRequest, because fetch cannot tell how much has left.
 * @param {string} method @param {string} address @param {Record<string, string>} headers @param {AbortSignal} signal
 * @param {Blob | null} [body] @param {(loaded: number) => void} [progress] @returns {Promise<XMLHttpRequest>} */
function ask(method, address, headers, signal, body = null, progress = undefined) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    request.open(method, address);
    for (const [name, value] of Object.entries({ 'Tus-Resumable': '1.0.0', Accept: 'application/json', ...headers })) request.setRequestHeader(name, value);
    if (progress) request.upload.onprogress = ({ loaded }) => progress(loaded);
    request.onload = () => (request.status < 300 ? resolve(request) : reject(new Problem(problemIn(request.responseText, request.status))));
    request.onerror = () => reject(new NoNetwork('cut'));
    request.onabort = () => reject(signal.reason);
    request.onloadend = () => signal.removeEventListener('abort', stop);
    signal.addEventListener('abort', stop);
    request.send(body);
  });
}

/** @param {number} ms @param {AbortSignal} signal @returns {Promise<void>} */
function rest(ms, signal) {
  return new Promise((resolve, reject) => {
    const done = () => { clearTimeout(timer); window.removeEventListener('online', done); signal.removeEventListener('abort', gone); resolve(); };
    const gone = () => { clearTimeout(timer); window.removeEventListener('online', done); reject(signal.reason); };
    const timer = setTimeout(done, ms);
    window.addEventListener('online', done);
    signal.addEventListener('abort', gone, { once: true });
  });
}

/** How the file is cut into parts that travel side by side. @param {string} id @param {string} workspace @param {number} size @returns {Memo} */
export function plan(id, workspace, size) {
  const count = size < 2 * LANES * FIRST ? 1 : LANES;
  const length = Math.ceil(size / count);
  const lanes = Array.from({ length: count }, (_, number) => ({ at: number * length, length: Math.min(length, size - number * length), address: '', slices: [] }));
  return { id, workspace, size, since: Date.now(), lanes };
}

export class Transfer {
  /**
   * @param {File} file
   * @param {Memo} memo
   * @param {{sent: (done: number) => void, checked: (done: number) => void, waits: (ms: number) => void, storing: () => void, received: () => void}} tell
   */
  constructor(file, memo, tell) {
    this.file = file;
    this.memo = memo;
    this.tell = tell;
    this.endpoint = `/api/v1/uploads/${memo.id}/tus`;
    /** @type {number[]} how many bytes of each lane have left, those on their way included */
    this.left = memo.lanes.map(() => 0);
    this.checkedBytes = 0;
  }

  /** Send what is missing and have it registered. @param {AbortSignal} signal @returns {Promise<any>} the exhibit */
  async run(signal) {
    if (this.file.size !== this.memo.size) throw new OtherFile();
    const own = new AbortController(); // the first lane that fails for good ends the others
    const both = AbortSignal.any([signal, own.signal]);
    try {
      await Promise.all(this.memo.lanes.map((lane, number) => this.lane(lane, number, both)));
    } catch (error) {
      own.abort(error);
      throw error;
    }
    this.tell.storing();
    return this.registered(signal);
  }

  /** Have what was sent registered; a large file once the server has read it back. @param {AbortSignal} signal @returns {Promise<any>} the exhibit */
  async registered(signal) {
    const parts = this.memo.lanes.map(({ address }) => address).join(' ');
    for (let pause = PAUSE; ; pause = Math.min(2 * pause, LONGEST_LOOK)) {
      const answer = await this.patiently(signal, () => ask('POST', this.endpoint, { 'Upload-Concat': `final;${parts}` }, signal));
      const made = JSON.parse(answer.responseText);
      if (made.number) return made;
      this.tell.received();
      await rest(pause, signal);
    }
  }

  /** Ask again, ever more patiently, while the line is what fails. @template T @param {AbortSignal} signal @param {() => Promise<T>} attempt @returns {Promise<T>} */
  async patiently(signal, attempt) {
    for (let pause = PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      try {
        return await attempt();
      } catch (error) {
        if (!isPassing(error)) throw error;
        const wait = pause * (0.75 + Math.random() / 2);
        this.tell.waits(wait);
        await rest(wait, signal);
      }
    }
  }

  /** @param {Lane} lane @param {number} number @param {AbortSignal} signal */
  async lane(lane, number, signal) {
    let offset = lane.address ? await this.held(lane, signal) : await this.create(lane, signal);
    await this.check(lane, offset, signal);
    this.moved(number, offset);
    let size = FIRST;
    for (let pause = PAUSE; offset < lane.length;) {
      const began = performance.now();
      try {
        offset = await this.slice(lane, number, offset, Math.min(size, lane.length - offset), signal);
        const took = performance.now() - began;
        size = took < QUICK ? Math.min(2 * size, MOST) : took > SLOW ? Math.max(size / 2, LEAST) : size;
        pause = PAUSE;
      } catch (error) {
        if (!(isPassing(error) || (error instanceof Problem && [409, 460].includes(error.status)))) throw error;
        size = Math.max(size / 2, LEAST);
        this.tell.waits(pause);
        await rest(pause * (0.75 + Math.random() / 2), signal);
        pause = Math.min(2 * pause, LONGEST_PAUSE);
        offset = await this.held(lane, signal);
      }
      this.moved(number, offset);
    }
  }

  /** @param {Lane} lane @param {AbortSignal} signal */
  async create(lane, signal) {
    const headers = { 'Upload-Concat': 'partial', 'Upload-Length': String(lane.length) };
    const made = await this.patiently(signal, () => ask('POST', this.endpoint, headers, signal));
    lane.address = new URL(made.getResponseHeader('Location') ?? '', location.href).pathname;
    await remember(this.memo);
    return 0;
  }

  /** How much of a part the server has; what was sent beyond it is as if it had never left. @param {Lane} lane @param {AbortSignal} signal */
  async held(lane, signal) {
    const asked = await this.patiently(signal, () => ask('HEAD', lane.address, {}, signal));
    const offset = Number(asked.getResponseHeader('Upload-Offset'));
    let come = 0;
    lane.slices = lane.slices.filter(({ length }) => { come += length; return come <= offset; });
    return offset;
  }

  /** That the file is still the one whose bytes the server has. @param {Lane} lane @param {number} offset @param {AbortSignal} signal */
  async check(lane, offset, signal) {
    let at = 0;
    for (const { length, sha256 } of lane.slices) {
      signal.throwIfAborted();
      if (hex(await digest(this.file.slice(lane.at + at, lane.at + at + length))) !== sha256) throw new OtherFile();
      at += length;
      this.checkedBytes += length;
      this.tell.checked(this.checkedBytes);
    }
    if (at !== offset) throw new OtherFile(); // bytes of which this browser knows nothing
  }

  /** @param {Lane} lane @param {number} number @param {number} offset @param {number} length @param {AbortSignal} signal @returns {Promise<number>} */
  async slice(lane, number, offset, length, signal) {
    const bytes = this.file.slice(lane.at + offset, lane.at + offset + length);
    const sum = await digest(bytes);
    lane.slices.push({ length, sha256: hex(sum) });
    await remember(this.memo); // before they leave: should this browser die, they may have arrived
    const headers = {
      'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': String(offset), 'Upload-Checksum': `sha256 ${btoa(String.fromCharCode(...sum))}`,
    };
    const answer = await ask('PATCH', lane.address, headers, signal, bytes, (loaded) => this.moved(number, offset + Math.min(loaded, length)));
    return Number(answer.getResponseHeader('Upload-Offset'));
  }

  /** @param {number} number @param {number} bytes */
  moved(number, bytes) {
    this.left[number] = bytes;
    this.tell.sent(this.left.reduce((sum, one) => sum + one, 0));
  }

  /** Give it up: what has arrived is dropped. */
  async end() {
    const signal = AbortSignal.timeout(20_000);
    for (const { address } of this.memo.lanes.filter((lane) => lane.address)) await ask('DELETE', address, {}, signal);
  }
}
