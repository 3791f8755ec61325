/**
 * Which witnesses the reader trusts, and how many of them must have cosigned a log's head: a policy file (C2SP tlog-policy),
 * judged as `jit-verify.py --policy` does.
 */
import { Wrong, coded, debased, hex, sha256 } from './container.js';

const HEAD = 'log/checkpoint.txt';
const LINE = /^\u2014 ([^ \n]+) ([A-Za-z0-9+/=]+)$/;
const WORDS = new Map([['log', 1], ['witness', 2], ['group', 3], ['quorum', 1]]);

/** @typedef {{name: string, at: Date | null}} Cosigned a witness that has cosigned; when is known only where its key is */

export class Policy {
  /** @param {string} file raises where it has a line that is none, or no quorum */
  constructor(file) {
    /** @type {string[]} */
    this.logs = [];
    /** @type {Map<string, {id: string, key: Uint8Array<ArrayBuffer>}>} */
    this.keys = new Map();
    /** @type {Map<string, string>} */
    this.named = new Map();
    /** @type {Map<string, {many: number, members: string[]}>} */
    this.groups = new Map();
    this.quorum = '';
    for (const line of file.split('\n')) {
      const [kind, ...words] = line.trim().split(/\s+/);
      if (kind && !kind.startsWith('#')) this.take(kind, words);
    }
    if (!this.quorum) throw new Error('no quorum');
  }

  /** @param {string} name */
  knows(name) { return this.named.has(name) || this.groups.has(name); }

  /** One line of the file. @param {string} kind @param {string[]} words */
  take(kind, words) {
    const [name, value, ...members] = words;
    const makes = kind === 'witness' || kind === 'group';
    if (words.length < (WORDS.get(kind) ?? Infinity) || (makes && (name === 'none' || this.knows(name)))) throw new Error(kind);
    if (kind === 'log') this.logs.push(name);
    else if (kind === 'witness') this.takeWitness(name, value);
    else if (kind === 'group') {
      const many = value === 'any' ? 1 : value === 'all' ? members.length : /^\d+$/.test(value) ? Number(value) : 0;
      if (!many || many > members.length || !members.every((one) => this.knows(one))) throw new Error(name);
      this.groups.set(name, { many, members });
    } else {
      if (this.quorum || (name !== 'none' && !this.knows(name))) throw new Error(name);
      this.quorum = name;
    }
  }

  /** @param {string} name @param {string} key as `<name>+<id>+<base64>` */
  takeWitness(name, key) {
    const [bears, , ...encoded] = key.split('+');
    const data = debased(encoded.join('+'));
    const bytes = data.slice(1);
    if (data.length !== 33 || data[0] !== 4 || [...this.keys.values()].some((one) => hex(one.key) === hex(bytes))) throw new Error(name);
    this.keys.set(bears, { id: sha256(coded(`${bears}\n`), data).slice(0, 8), key: bytes });
    this.named.set(name, bears);
  }

  /** Raises what is missing. @param {string} log its key @param {Cosigned[]} cosigned */
  judge(log, cosigned) {
    if (this.logs.length && !this.logs.includes(log)) throw new Wrong(HEAD, 'unlisted');
    const seen = new Set(cosigned.filter(({ at }) => at).map(({ name }) => name));
    if (!this.holds(this.quorum, seen)) throw new Wrong(HEAD, 'quorum');
  }

  /** Whether a witness, or enough of a group, has cosigned. @param {string} name @param {Set<string>} seen @returns {boolean} */
  holds(name, seen) {
    const group = this.groups.get(name);
    if (group) return group.members.filter((one) => this.holds(one, seen)).length >= group.many;
    return name === 'none' || seen.has(this.named.get(name) ?? '');
  }
}

/** What witnesses' lines under a head say (C2SP tlog-cosignature). @param {string[]} lines @param {string} head what they cosigned @param {Policy | null} policy @returns {Promise<Cosigned[]>} */
export function cosignatures(lines, head, policy) {
  return Promise.all(lines.map(async (line) => {
    const [, name, encoded] = LINE.exec(line) ?? [];
    const data = encoded ? debased(encoded) : new Uint8Array();
    if (data.length !== 76) throw new Wrong(HEAD, 'changed');
    const known = policy?.keys.get(name);
    if (known?.id !== hex(data.slice(0, 4))) return { name, at: null };
    const moment = new DataView(data.buffer).getBigUint64(4);
    const key = await crypto.subtle.importKey('raw', known.key, 'Ed25519', false, ['verify']);
    const held = await crypto.subtle.verify('Ed25519', key, data.slice(12), coded(`cosignature/v1\ntime ${moment}\n${head}`));
    if (!held) throw new Wrong(HEAD, 'cosignature');
    return { name, at: new Date(Number(moment) * 1000) };
  }));
}
