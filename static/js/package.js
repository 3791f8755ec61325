/** A package for court, checked where it lies: the same questions as `jit-verify.py` asks, by WebCrypto, and no request. */
import { Container, Wrong, based, coded, debased, hex, joined, same, sha256, unhex } from './container.js';
import { cosignatures } from './policy.js';
import { pdfSealer, sealer } from './seal.js';

const MANIFEST = 'META-INF/ASiCManifest.xml';
const SIGNATURE = 'META-INF/signature.p7s';
const STAMPED = 'META-INF/ASiCManifest-stamp.xml';
const STAMP = 'META-INF/timestamp.tst';
const PDF = 'custody.pdf';
const CMS = 'application/x-pkcs7-signature';
const REFERENCE = /^<asic:DataObjectReference URI="([^"]+)" MimeType="[^"]*"><ds:DigestMethod Algorithm="http:\/\/www\.w3\.org\/2001\/04\/xmlenc#sha256"\/><ds:DigestValue>([A-Za-z0-9+/=]{44})<\/ds:DigestValue><\/asic:DataObjectReference>$/;
const NAMES = 'xmlns:asic="http://uri.etsi.org/02918/v1.2.1#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"';
const HEAD = (/** @type {string} */ by, /** @type {string} */ kind) => `<?xml version="1.0" encoding="UTF-8"?>\n<asic:ASiCManifest ${NAMES}>\n<asic:SigReference URI="${by}" MimeType="${kind}"/>\n`;
const END = '\n</asic:ASiCManifest>\n';

/** @param {Uint8Array} bytes */
const text = (bytes) => new TextDecoder('utf-8', { fatal: true }).decode(bytes);
/** @param {Uint8Array} bytes */
const lines = (bytes) => text(bytes).split('\n').slice(0, -1).map((line) => JSON.parse(line));

/** The number that an inclusion proof (RFC 9162, 2.1.3.2) leads to. @param {string} leaf @param {number} index @param {number} size @param {Uint8Array[]} proof */
export function rootOf(leaf, index, size, proof) {
  let [position, last, result] = [index, size - 1, unhex(leaf)];
  const half = (/** @type {number} */ n) => Math.floor(n / 2);
  for (const sibling of proof) {
    if (last === 0) return '';
    if (position % 2 || position === last) {
      result = unhex(sha256(Uint8Array.of(1), sibling, result));
      while (position % 2 === 0 && position) [position, last] = [half(position), half(last)];
    } else result = unhex(sha256(Uint8Array.of(1), result, sibling));
    [position, last] = [half(position), half(last)];
  }
  return last === 0 ? hex(result) : '';
}

/** @typedef {{id: string, number: string, title: string, sha256: string, size: number, file: string | null, positions: number[], description: {salt: string, value: string}}} Exhibit */
/** @typedef {{position: number, log: string, event: string, result: string, subject: {id: string}, facts: Record<string, unknown>}} Entry */

/** One package under examination. */
export class Package {
  /** @param {Container} container @param {string} expected the log's key from elsewhere, or nothing @param {import('./policy.js').Policy | null} policy */
  constructor(container, expected, policy) {
    this.container = container;
    this.expected = expected.trim();
    this.policy = policy;
    /** @type {import('./policy.js').Cosigned[]} */
    this.cosigned = [];
    /** @type {Wrong[]} */
    this.findings = [];
    /** @type {Map<string, string>} */
    this.digests = new Map();
    /** @type {any} */
    this.about = {};
    /** @type {Map<number, Entry>} */
    this.entries = new Map();
    /** @type {Exhibit[]} */
    this.exhibits = [];
    this.key = '';
    this.head = { origin: '', size: 0, root: '' };
  }

  get stamped() { return this.container.members.some(({ name }) => name === STAMP); }

  /** @param {(done: number) => void} progress @param {AbortSignal} signal */
  async check(progress, signal) {
    this.findings.push(...await this.container.compared());
    await this.step(MANIFEST, () => this.checkFiles(progress, signal));
    await this.step('package.json', () => this.checkAbout());
    await this.step(SIGNATURE, () => this.checkSeal());
    await this.step(PDF, () => this.checkPdf());
    await this.step('log/key.json', () => this.checkKey());
    await this.step('log/checkpoint.txt', () => this.checkHead());
    await this.step('log/entries.jsonl', () => this.checkEntries());
    await this.step('exhibits.jsonl', () => this.checkExhibits());
  }

  /** A failed step does not hide the next. @param {string} where @param {() => Promise<void>} run */
  async step(where, run) {
    try { await run(); } catch (fault) {
      if (fault instanceof DOMException && fault.name === 'AbortError') throw fault;
      this.findings.push(fault instanceof Wrong ? fault : new Wrong(where, fault instanceof DOMException && fault.name === 'NotSupportedError' ? 'unable' : 'changed'));
    }
  }

  /** @param {string} where @param {string} what */
  wrong(where, what) { this.findings.push(new Wrong(where, what)); }

  /** Each file has the digest that the sealed manifest states, they are all there, and in that order. @param {(done: number) => void} progress @param {AbortSignal} signal */
  async checkFiles(progress, signal) {
    const manifest = text(await this.container.read(MANIFEST));
    const head = HEAD(SIGNATURE, CMS);
    if (!manifest.startsWith(head) || !manifest.endsWith(END)) throw new Wrong(MANIFEST, 'changed');
    for (const line of manifest.slice(head.length, -END.length).split('\n')) {
      const parts = REFERENCE.exec(line);
      if (!parts) throw new Wrong(MANIFEST, 'changed');
      this.digests.set(decodeURIComponent(parts[1]), hex(debased(parts[2])));
    }
    const there = this.container.members.map(({ name }) => name);
    const wanted = ['mimetype', ...this.digests.keys(), MANIFEST, SIGNATURE, ...(this.stamped || there.includes(STAMPED) ? [STAMPED, STAMP] : [])];
    for (const name of wanted) if (!there.includes(name)) this.wrong(name, 'missing');
    for (const name of there) if (!wanted.includes(name)) this.wrong(name, 'stranger');
    if (!this.findings.length && there.join('\n') !== wanted.join('\n')) this.wrong('', 'list');
    if (text(await this.container.read('mimetype')) !== 'application/vnd.etsi.asic-e+zip') this.wrong('mimetype', 'changed');
    let before = 0;
    for (const one of this.container.members) {
      const stated = this.digests.get(one.name);
      if (stated && await this.container.digest(one, (done) => progress(before + done), signal) !== stated) this.wrong(one.name, 'changed');
      before += one.size;
    }
    await this.step(STAMPED, () => this.checkStamp());
  }

  /** The stamp's manifest names the first one and the seal; whose clock the stamp is by is asked elsewhere. */
  async checkStamp() {
    if (!this.stamped) return;
    await this.container.read(STAMP);
    const named = [[MANIFEST, 'text/xml'], [SIGNATURE, CMS]];
    const references = await Promise.all(named.map(async ([name, kind]) => {
      const digest = based(unhex(sha256(await this.container.read(name))));
      return `<asic:DataObjectReference URI="${name}" MimeType="${kind}"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>${digest}</ds:DigestValue></asic:DataObjectReference>`;
    }));
    const wanted = HEAD(STAMP, 'application/vnd.etsi.timestamp-token') + references.join('\n') + END;
    if (text(await this.container.read(STAMPED)) !== wanted) throw new Wrong(STAMPED, 'changed');
  }

  async checkAbout() {
    this.about = JSON.parse(text(await this.container.read('package.json')));
    if (this.about.format !== 'jit-package/1') throw new Wrong('package.json', 'format');
    for (const [name, said] of Object.entries(this.about.files)) if (this.digests.get(name) !== said.sha256) this.wrong(name, 'changed');
    const made = new Date(this.about.made_at);
    const time = (made.getUTCHours() << 11) | (made.getUTCMinutes() << 5) | Math.floor(made.getUTCSeconds() / 2);
    const day = ((made.getUTCFullYear() - 1980) << 9) | ((made.getUTCMonth() + 1) << 5) | made.getUTCDate();
    if (!same(this.container.moment, Uint8Array.of(time & 255, time >> 8, day & 255, day >> 8))) this.wrong('', 'list');
  }

  /** The seal is rebuilt from its certificate and value, byte for byte, and its signature checked. */
  async checkSeal() {
    const seal = await this.container.read(SIGNATURE);
    const certificate = await sealer(SIGNATURE, seal, await this.container.read(MANIFEST), this.about.made_at);
    if (sha256(certificate) !== this.about.seal) throw new Wrong(SIGNATURE, 'certificate');
  }

  /** The custody report bears the same seal, over all of it. */
  async checkPdf() {
    const certificate = await pdfSealer(PDF, await this.container.read(PDF));
    if (sha256(certificate) !== this.about.seal) throw new Wrong(PDF, 'certificate');
  }

  async checkKey() {
    const { key } = JSON.parse(text(await this.container.read('log/key.json')));
    const [name, id, encoded] = split(key);
    const bytes = debased(encoded);
    if (bytes.length !== 33 || bytes[0] !== 1 || sha256(coded(`${name}\n`), bytes).slice(0, 8) !== id) throw new Wrong('log/key.json', 'changed');
    this.key = key;
    if (this.expected && this.expected !== key) throw new Wrong('log/key.json', 'key');
  }

  /** The log's head: a C2SP signed note by the log's key, and what witnesses say of it. */
  async checkHead() {
    const note = text(await this.container.read('log/checkpoint.txt'));
    const parts = /^([^\n]+)\n(0|[1-9]\d*)\n([A-Za-z0-9+/=]+)\n\n\u2014 ([^ \n]+) ([A-Za-z0-9+/=]+)\n((?:\u2014 [^ \n]+ [A-Za-z0-9+/=]+\n)*)$/.exec(note);
    const [name, id, encoded] = split(this.key);
    const head = parts ? `${parts[1]}\n${parts[2]}\n${parts[3]}\n` : '';
    const signature = parts ? debased(parts[5]) : new Uint8Array();
    if (!parts || parts[4] !== name || parts[1] !== name || hex(signature.slice(0, 4)) !== id) throw new Wrong('log/checkpoint.txt', 'changed');
    const key = await crypto.subtle.importKey('raw', debased(encoded).slice(1), 'Ed25519', false, ['verify']);
    const held = await crypto.subtle.verify('Ed25519', key, signature.slice(4), coded(head));
    if (!held) throw new Wrong('log/checkpoint.txt', 'head');
    this.head = { origin: parts[1], size: Number(parts[2]), root: hex(debased(parts[3])) };
    this.cosigned = await cosignatures(parts[6].split('\n').slice(0, -1), head, this.policy);
    this.policy?.judge(this.key, this.cosigned);
  }

  async checkEntries() {
    const log = this.head.origin.split('/').at(-1);
    let last = 0;
    for (const { position, canonical, proof } of lines(await this.container.read('log/entries.jsonl'))) {
      const bytes = debased(canonical);
      const leaf = sha256(Uint8Array.of(0), bytes);
      const entry = /** @type {Entry} */ (JSON.parse(text(bytes)));
      const leads = position > last && position <= this.head.size && rootOf(leaf, position - 1, this.head.size, proof.map(debased)) === this.head.root;
      if (!leads || entry.position !== position || entry.log !== log) this.wrong(`log/entries.jsonl #${position}`, 'entry');
      else this.entries.set(position, entry);
      last = position;
    }
  }

  async checkExhibits() {
    this.exhibits = lines(await this.container.read('exhibits.jsonl'));
    const digest = sha256(await this.container.read('package.json'));
    const exports_ = [...this.entries.values()].filter(({ event, result, facts }) => event === 'evidence:exported' && result === 'ok' && facts.manifest === digest);
    const exported = new Set(exports_.map(({ subject }) => subject.id));
    for (const item of this.exhibits) for (const what of await this.faults(item, exported)) this.wrong(item.number, what);
    const places = new Set(this.exhibits.map(({ file }) => file));
    for (const { name } of this.container.members) if (name.startsWith('content/') && !places.has(name)) this.wrong(name, 'stranger');
    if (`${this.about.log}` !== this.head.origin.split('/').at(-1)) this.wrong('package.json', 'changed');
  }

  /** @param {Exhibit} item @param {Set<string>} exported */
  async faults(item, exported) {
    const found = [];
    const about = item.positions.map((position) => this.entries.get(position));
    if (about.some((entry) => entry?.subject.id !== item.id)) found.push('history');
    if (!exported.has(item.id)) found.push('export');
    const facts = about.filter((entry) => entry?.event === 'evidence:registered').map((entry) => entry?.facts ?? {});
    if (!facts.some((one) => one.sha256 === item.sha256 && one.size === item.size)) found.push('unregistered');
    const key = await crypto.subtle.importKey('raw', unhex(item.description.salt), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    const sealed = hex(new Uint8Array(await crypto.subtle.sign('HMAC', key, coded(item.description.value))));
    if (!facts.some((one) => one.description === sealed)) found.push('words');
    if (item.file !== null && this.digests.get(item.file) !== item.sha256) found.push('unregistered');
    return found;
  }
}

/** @param {string} key */
function split(key) {
  const [name, id, ...rest] = key.split('+');
  return [name, id, rest.join('+')];
}

/** Open and check a package. @param {Blob} file @param {string} expected @param {(done: number) => void} progress @param {AbortSignal} signal @param {import('./policy.js').Policy | null} [policy] */
export async function examine(file, expected, progress, signal, policy = null) {
  const examined = new Package(await Container.open(file), expected, policy);
  await examined.check(progress, signal);
  return examined;
}
