/** Talking to /api/v1: JSON in, JSON out, and every failure as one of two kinds: a problem the server names, or no network. */

/**
 * @typedef {{type?: string, title: string, detail: string, status: number, errors?: {field: string, message: string, remedy?: string}[]}} ProblemBody
 */

/** What the server refused, in its own words (RFC 9457). */
export class Problem extends Error {
  /** @param {ProblemBody} body */
  constructor(body) {
    super(body.detail || body.title);
    this.body = body;
    this.status = body.status;
  }
}

/** Nothing was answered: the network is gone or the server is. Whatever was sent may or may not have arrived. */
export class NoNetwork extends Error {}

/** Whether the server may answer otherwise when asked again. @param {unknown} error */
export function isPassing(error) {
  return error instanceof NoNetwork || (error instanceof Problem && [429, 502, 503, 504].includes(error.status));
}

/** Whether the session is gone; one that is only too old for an act goes on. @param {unknown} error */
export function isSignedOut(error) {
  return error instanceof Problem && error.status === 401 && error.body.type !== '/problems/step-up-required';
}

/**
 * @param {string} method
 * @param {string} path below /api/v1
 * @param {unknown} [body]
 * @param {{keepalive?: boolean}} [options]
 * @returns {Promise<any>}
 */
export async function call(method, path, body, { keepalive = false } = {}) {
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(`/api/v1${path}`, {
      method,
      keepalive,
      headers: { Accept: 'application/json', ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    });
  } catch (error) {
    throw new NoNetwork(String(error));
  }
  const text = await answer.text().catch(() => { throw new NoNetwork('cut'); });
  if (answer.ok) return text ? JSON.parse(text) : null;
  throw new Problem(problemIn(text, answer.status));
}

/** A problem from whatever a server or a proxy before it answered. @param {string} text @param {number} status @returns {ProblemBody} */
export function problemIn(text, status) {
  try {
    const body = JSON.parse(text);
    if (body && typeof body === 'object' && 'title' in body) return { detail: '', ...body, status: body.status ?? status };
  } catch { /* not JSON: said below */ }
  return { title: `HTTP ${status}`, detail: '', status };
}
