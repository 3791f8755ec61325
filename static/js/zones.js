/** A wall-clock time of one place as a moment: what `datetime-local` gives, with the offset that zone had then. */

/** Minutes that a zone is ahead of UTC at a moment. @param {number} at @param {string} zone */
function offsetAt(at, zone) {
  const parts = new Intl.DateTimeFormat('en', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' }).formatToParts(at);
  /** @param {string} kind */
  const read = (kind) => Number(parts.find(({ type }) => type === kind)?.value);
  return Math.round((Date.UTC(read('year'), read('month') - 1, read('day'), read('hour'), read('minute'), read('second')) - at) / 60_000);
}

/**
 * ISO 8601 with offset. A time that the clocks skipped is moved on; of one that came twice the first is meant.
 * @param {string} local like 2026-11-22T20:14
 * @param {string} zone IANA name
 */
export function isoWithOffset(local, zone) {
  const wall = Date.parse(`${local}Z`);
  const before = offsetAt(wall - 86_400_000, zone);
  const first = wall - before * 60_000;
  const offset = offsetAt(first, zone) === before ? before : offsetAt(wall - offsetAt(wall, zone) * 60_000, zone);
  const sign = offset < 0 ? '-' : '+';
  const two = (/** @type {number} */ number) => String(Math.trunc(Math.abs(number))).padStart(2, '0');
  const seconds = local.length === 16 ? `${local}:00` : local;
  return `${seconds}${sign}${two(offset / 60)}:${two(offset % 60)}`;
}
