/** The server's seal: CMS (RFC 5652) in the one form in which the server writes it, beside a file or within a PDF. */
import { Wrong, coded, hex, joined, same, sha256, unhex } from './container.js';

const OIDS = { type: '06092a864886f70d010903', digest: '06092a864886f70d010904', time: '06092a864886f70d010905', certificate: '060b2a864886f70d010910022f', data: '06092a864886f70d010701', signed: '06092a864886f70d010702' };
const RANGE = /\/ByteRange \[0 ([0-9]{1,10}) ([0-9]{1,10}) ([0-9]{1,10})\]/g;

/** The elements of DER that stand in a row. @param {Uint8Array} data @returns {{whole: Uint8Array, inside: Uint8Array}[]} */
export function elements(data) {
  const found = [];
  for (let at = 0; at < data.length;) {
    let [start, length] = [at + 2, data[at + 1]];
    if (length & 0x80) {
      start += length & 0x7f;
      length = data.slice(at + 2, start).reduce((sum, byte) => sum * 256 + byte, 0);
    }
    if (start + length > data.length) throw new Error('DER');
    found.push({ whole: data.slice(at, start + length), inside: data.slice(start, start + length) });
    at = start + length;
  }
  return found;
}

/** @param {number} tag @param {...Uint8Array} parts */
function der(tag, ...parts) {
  const data = joined(...parts);
  if (data.length < 0x80) return joined(Uint8Array.of(tag, data.length), data);
  const size = data.length.toString(16);
  const length = unhex(size.length % 2 ? `0${size}` : size);
  return joined(Uint8Array.of(tag, 0x80 | length.length), length, data);
}

/** What a seal signs. @param {Uint8Array} certificate @param {Uint8Array} content @param {string | null} made none in a PDF */
function sealAttributes(certificate, content, made) {
  const values = [
    [OIDS.type, unhex(OIDS.data)],
    [OIDS.digest, der(4, unhex(sha256(content)))],
    [OIDS.certificate, der(0x30, der(0x30, der(0x30, der(4, unhex(sha256(certificate))))))],
  ];
  if (made !== null) values.push([OIDS.time, der(0x17, coded(`${new Date(made).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`))]);
  const made_ = values.map(([kind, value]) => der(0x30, unhex(/** @type {string} */ (kind)), der(0x31, /** @type {Uint8Array} */ (value))));
  return made_.sort((one, other) => (hex(one) < hex(other) ? -1 : 1));
}

/** A seal, byte for byte. @param {Uint8Array} certificate @param {Uint8Array[]} attributes @param {Uint8Array} value */
function sealOf(certificate, attributes, value) {
  const [, serial, , issuer] = elements(elements(elements(certificate)[0].inside)[0].inside);
  const [sha, ecdsa, one] = [der(0x30, unhex('0609608648016503040201')), der(0x30, unhex('06082a8648ce3d040302')), der(2, Uint8Array.of(1))];
  const signer = der(0x30, one, der(0x30, issuer.whole, serial.whole), sha, der(0xa0, ...attributes), ecdsa, der(4, value));
  const signed = der(0x30, one, der(0x31, sha), der(0x30, unhex(OIDS.data)), der(0xa0, certificate), der(0x31, signer));
  return der(0x30, unhex(OIDS.signed), der(0xa0, signed));
}

/** The certificate under which a seal over this content holds. @param {string} where @param {Uint8Array} seal @param {Uint8Array} content @param {string | null} made */
export async function sealer(where, seal, content, made) {
  const signed = elements(elements(elements(elements(seal)[0].inside)[1].inside)[0].inside);
  const certificate = signed[3].inside;
  const value = elements(elements(signed[4].inside)[0].inside)[5].inside;
  const attributes = sealAttributes(certificate, content, made);
  if (!same(seal, sealOf(certificate, attributes, value))) throw new Wrong(where, 'seal');
  const [, , , , , , spki] = elements(elements(elements(certificate)[0].inside)[0].inside);
  const key = await crypto.subtle.importKey('spki', spki.whole.slice(), { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify']);
  const raw = elements(elements(value)[0].inside).map(({ inside }) => joined(new Uint8Array(32), inside).slice(-32));
  if (!await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, joined(...raw), der(0x31, ...attributes))) throw new Wrong(where, 'seal');
  return certificate;
}

/** The certificate of the signature in a PDF (PAdES), which is over every byte but its own place. @param {string} where @param {Uint8Array} data */
export async function pdfSealer(where, data) {
  const letters = new TextDecoder('latin1').decode(data);
  const ranges = [...letters.matchAll(RANGE)];
  if (ranges.length !== 1) throw new Wrong(where, ranges.length ? 'added' : 'unsealed');
  const [start, end, rest] = ranges[0].slice(1).map(Number);
  if (end + rest !== data.length) throw new Wrong(where, 'added');
  const hole = letters.slice(start, end);
  const digits = hole.slice(1, -1);
  if (!/^<([0-9a-f]{2})+>$/.test(hole)) throw new Wrong(where, 'seal');
  const seal = elements(unhex(digits.slice(0, 2 * lengthOf(unhex(digits.slice(0, 12))))))[0].whole;
  if (digits !== hex(seal).padEnd(digits.length, '0')) throw new Wrong(where, 'seal');
  return sealer(where, seal, joined(data.slice(0, start), data.slice(end)), null);
}

/** How long an element of DER is, head and all. @param {Uint8Array} head */
function lengthOf(head) {
  if (!(head[1] & 0x80)) return 2 + head[1];
  const size = head[1] & 0x7f;
  return 2 + size + head.slice(2, 2 + size).reduce((sum, byte) => sum * 256 + byte, 0);
}

/** What stands in a PDF's seal. @param {Blob} file @param {string} name @returns {Promise<{seal: string, findings: Wrong[]}>} */
export async function examinePdf(file, name) {
  try {
    return { seal: sha256(await pdfSealer(name, new Uint8Array(await file.arrayBuffer()))), findings: [] };
  } catch (fault) {
    return { seal: '', findings: [fault instanceof Wrong ? fault : new Wrong(name, 'seal')] };
  }
}
