/**
 * The container of a package, read in slices: the ZIP in the one form in which the server writes it. What stands round the
 * files is rebuilt and compared, as `jit-verify.py` does, so that no changed bit passes.
 */
import { Sha256, hashFile } from './sha256.js';

const LIMIT = 0xffffffff;
const CODER = new TextEncoder();
const ODD = 0xedb88320;
const TABLE = Int32Array.from({ length: 256 }, (_, n) => { let c = n; for (let k = 0; k < 8; k += 1) c = c & 1 ? ODD ^ (c >>> 1) : c >>> 1; return c; });

/** @typedef {{name: string, raw: Uint8Array, flags: number, crc: number, size: number, place: number, start: number}} Member */

/** What does not hold: where, and one of the page's words for it. */
export class Wrong extends Error {
  /** @param {string} where @param {string} what */
  constructor(where, what) { super(`${where}: ${what}`); this.where = where; this.what = what; }
}

/** @param {...Uint8Array} parts */
export function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((size, one) => size + one.length, 0));
  let at = 0;
  for (const one of parts) { whole.set(one, at); at += one.length; }
  return whole;
}

/** @param {Uint8Array} one @param {Uint8Array} other */
export function same(one, other) { return one.length === other.length && one.every((byte, at) => byte === other[at]); }

/** @param {Uint8Array} bytes */
export function hex(bytes) { return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(''); }

/** @param {string} text */
export function unhex(text) { return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16)); }

/** @param {string} encoded */
export function debased(encoded) {
  const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
  if (based(bytes) !== encoded) throw new Error('base64');
  return bytes;
}

/** @param {Uint8Array} bytes */
export function based(bytes) { return btoa(String.fromCharCode(...bytes)); }

/** @param {...Uint8Array} parts @returns {string} */
export function sha256(...parts) {
  const digest = new Sha256();
  for (const one of parts) digest.update(one);
  return digest.hex();
}

/** Numbers, little-endian: `w` two bytes, `l` four, `q` eight. @param {string} form @param {...number} values */
function packed(form, ...values) {
  const sizes = [...form].map((one) => ({ w: 2, l: 4, q: 8 })[one] ?? 0);
  const bytes = new Uint8Array(sizes.reduce((sum, one) => sum + one, 0));
  let at = 0;
  for (const [index, size] of sizes.entries()) {
    let rest = values[index];
    for (let k = 0; k < size; k += 1) { bytes[at + k] = rest % 256; rest = Math.floor(rest / 256); }
    at += size;
  }
  return bytes;
}

/** @param {Uint8Array} bytes @param {number} at @param {number} size */
function number(bytes, at, size) {
  let value = 0;
  for (let k = size - 1; k >= 0; k -= 1) value = value * 256 + bytes[at + k];
  return value;
}

/** @param {Uint8Array} bytes */
function crc32(bytes) {
  let c = -1;
  for (const byte of bytes) c = TABLE[(c ^ byte) & 255] ^ (c >>> 8);
  return ~c >>> 0;
}

/** A package's files and what stands round them. */
export class Container {
  /** @param {Blob} file */
  constructor(file) {
    this.file = file;
    this.moment = new Uint8Array(4);
    /** @type {Member[]} */
    this.members = [];
    this.listPlace = 0;
  }

  /** @param {Blob} file */
  static async open(file) {
    const made = new Container(file);
    await made.readList();
    return made;
  }

  /** @param {number} from @param {number} to */
  async bytes(from, to) { return new Uint8Array(await this.file.slice(from, to).arrayBuffer()); }

  async readList() {
    const size = this.file.size;
    const tail = await this.bytes(Math.max(0, size - 98), size);
    if (tail.length < 98 || number(tail, 76, 4) !== 0x06054b50) throw new Wrong('', 'cut');
    this.moment = await this.bytes(10, 14);
    const wide = number(tail, 56, 4) === 0x07064b50;
    const [count, length, place] = wide ? [number(tail, 32, 8), number(tail, 40, 8), number(tail, 48, 8)] : [number(tail, 86, 2), number(tail, 88, 4), number(tail, 92, 4)];
    if (place + length !== size - (wide ? 98 : 22)) throw new Wrong('', 'cut');
    this.listPlace = place;
    const list = await this.bytes(place, place + length);
    for (let at = 0; at < list.length;) at = this.readLine(list, at);
    if (count !== this.members.length) throw new Wrong('', 'list');
  }

  /** @param {Uint8Array} list @param {number} at */
  readLine(list, at) {
    if (number(list, at, 4) !== 0x02014b50) throw new Wrong('', 'list');
    const [flags, crc, names, extras] = [number(list, at + 8, 2), number(list, at + 16, 4), number(list, at + 28, 2), number(list, at + 30, 2)];
    const raw = list.slice(at + 46, at + 46 + names);
    let [size, place, wide] = [number(list, at + 20, 4), number(list, at + 42, 4), at + 46 + names + 4];
    if (size === LIMIT && extras) { size = number(list, wide, 8); wide += 16; }
    if (place === LIMIT && extras) place = number(list, wide, 8);
    const start = place + 30 + names + (flags & 8 ? 20 : 0);
    this.members.push({ name: new TextDecoder().decode(raw), raw, flags, crc, size, place, start });
    return at + 46 + names + extras;
  }

  /** Rebuild what stands round each file, and the list. @returns {Promise<Wrong[]>} */
  async compared() {
    const found = [];
    let place = 0;
    for (const one of this.members) {
      if (one.place !== place || !same(await this.bytes(one.place, one.start), this.head(one))) found.push(new Wrong(one.name, 'frame'));
      const end = one.start + one.size;
      const tail = one.flags & 8 ? packed('llqq', 0x08074b50, one.crc, one.size, one.size) : new Uint8Array();
      if (!same(await this.bytes(end, end + tail.length), tail)) found.push(new Wrong(one.name, 'frame'));
      place = end + tail.length;
    }
    const listed = joined(...this.members.map((one) => this.line(one)));
    const rest = await this.bytes(this.listPlace, this.file.size);
    if (place !== this.listPlace || !same(rest, joined(listed, this.end(listed.length)))) found.push(new Wrong('', 'list'));
    return found;
  }

  /** @param {Member} one */
  head(one) {
    const flowing = one.flags & 8;
    const known = flowing ? [0, LIMIT, LIMIT] : [one.crc, one.size, one.size];
    const extra = flowing ? packed('wwqq', 1, 16, 0, 0) : new Uint8Array();
    return joined(packed('lwww', 0x04034b50, flowing ? 45 : 20, one.flags, 0), this.moment, packed('lllww', ...known, one.raw.length, extra.length), one.raw, extra);
  }

  /** @param {Member} one */
  line(one) {
    const wide = [...(one.size >= LIMIT ? [one.size, one.size] : []), ...(one.place >= LIMIT ? [one.place] : [])];
    const extra = wide.length ? packed(`ww${'q'.repeat(wide.length)}`, 1, 8 * wide.length, ...wide) : new Uint8Array();
    const [size, place] = [Math.min(one.size, LIMIT), Math.min(one.place, LIMIT)];
    const begun = packed('lwwww', 0x02014b50, 3 * 256 + 45, wide.length || one.flags & 8 ? 45 : 20, one.flags, 0);
    return joined(begun, this.moment, packed('lllwwwwwll', one.crc, size, size, one.raw.length, extra.length, 0, 0, 0, 0o100600 * 65536, place), one.raw, extra);
  }

  /** @param {number} length */
  end(length) {
    const [count, place] = [this.members.length, this.listPlace];
    const wide = count >= 0xffff || length >= LIMIT || place >= LIMIT
      ? joined(packed('lqwwllqqqq', 0x06064b50, 44, 45, 45, 0, 0, count, count, length, place), packed('llql', 0x07064b50, 0, place + length, 1))
      : new Uint8Array();
    const counts = [Math.min(count, 0xffff), Math.min(count, 0xffff), Math.min(length, LIMIT), Math.min(place, LIMIT)];
    return joined(wide, packed('llwwllw', 0x06054b50, 0, ...counts, 0));
  }

  /** A whole file that is a text; its checksum is looked at too. @param {string} name */
  async read(name) {
    const one = this.members.find((member) => member.name === name);
    if (!one) throw new Wrong(name, 'missing');
    const bytes = await this.bytes(one.start, one.start + one.size);
    if (crc32(bytes) !== one.crc) throw new Wrong(name, 'changed');
    return bytes;
  }

  /** @param {Member} one @param {(done: number) => void} progress @param {AbortSignal} signal */
  digest(one, progress, signal) { return hashFile(this.file.slice(one.start, one.start + one.size), progress, signal); }
}

/** @param {string} text */
export function coded(text) { return CODER.encode(text); }
