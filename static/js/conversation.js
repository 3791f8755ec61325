/** The messages of one topic as plain data: read from the page, merged with news, cut into days. */

/**
 * @typedef {{id: string, name: string, agency: string, state: string}} Author
 * @typedef {{id: string, position: number, client_id?: string, channel_id?: string, topic?: string, html: string, text: string, handling: string,
 *   author: Author, at: string, version: number, withdrawn: boolean, reason?: string, kept_as?: {number: string, url: string}[]}} Message
 */

/** What the server drew, read back. @param {Element} root @returns {Message[]} */
export function readPage(root) {
  return [...root.querySelectorAll('article.message')].map((article) => {
    const { id = '', position, at = '', author = '', name = '', agency = '', state = '', handling = '', version, withdrawn, reason, text = '' } = /** @type {HTMLElement} */ (article).dataset;
    return {
      id, at, handling, text, reason, position: Number(position), version: Number(version), withdrawn: withdrawn !== undefined,
      html: article.querySelector('.words')?.innerHTML ?? '', author: { id: author, name, agency, state },
      kept_as: /** @type {HTMLElement[]} */ ([...article.querySelectorAll('.kept-as')]).map((link) => ({ number: link.dataset.number ?? '', url: link.getAttribute('href') ?? '' })),
    };
  });
}

/** Known messages with one more, or with a newer version of one; in order of position. @param {Message[]} known @param {Message} news @returns {Message[]} */
export function merge(known, news) {
  const same = known.findIndex(({ id }) => id === news.id);
  if (same >= 0) {
    if (known[same].version > news.version) return known;
    return known.map((one, at) => (at === same ? { ...news, position: one.position, kept_as: news.kept_as?.length ? news.kept_as : one.kept_as } : one));
  }
  const after = known.findLastIndex(({ position }) => position < news.position);
  return [...known.slice(0, after + 1), news, ...known.slice(after + 1)];
}

/** The first message of somebody else that I have not read. @param {Message[]} messages @param {number} read @param {string} me */
export function firstUnread(messages, read, me) {
  return messages.find(({ position, author }) => position > read && author.id !== me)?.id;
}
