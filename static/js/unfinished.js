/** What this browser remembers of uploads under way, in IndexedDB: ids and checksums of parts, never a name or a byte of a case. */

/**
 * @typedef {{length: number, sha256: string}} Slice bytes that were sent or are about to be, with their digest in hex
 * @typedef {{at: number, length: number, address: string, slices: Slice[]}} Lane a part of the file, from byte `at` on
 * @typedef {{id: string, workspace: string, size: number, since: number, lanes: Lane[]}} Memo
 */

const DAYS = 30;

/** @returns {Promise<IDBDatabase>} */
function database() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('jit-uploads', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('uploads', { keyPath: 'id' });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @template T @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => IDBRequest<T>} ask @returns {Promise<T>} */
async function inside(mode, ask) {
  const opened = await database();
  try {
    return await new Promise((resolve, reject) => {
      const request = ask(opened.transaction('uploads', mode, { durability: 'strict' }).objectStore('uploads'));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  } finally {
    opened.close();
  }
}

/** @param {Memo} memo */
export const remember = (memo) => inside('readwrite', (store) => store.put(structuredClone(memo)));

/** @param {string} id */
export const forget = (id) => inside('readwrite', (store) => store.delete(id));

/** The uploads of one team that were begun here and not finished; the server lets none live as long as these are kept. @param {string} workspace @returns {Promise<Memo[]>} */
export async function unfinished(workspace) {
  /** @type {Memo[]} */
  const all = await inside('readonly', (store) => store.getAll());
  const old = all.filter(({ since }) => Date.now() - since > DAYS * 86_400_000);
  await Promise.all(old.map(({ id }) => forget(id)));
  return all.filter((memo) => !old.includes(memo) && memo.workspace === workspace);
}
