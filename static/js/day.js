/** My day follows: the server says only that something concerns me; the page then reads itself anew, at most once a second. */
import { io } from 'socket.io-client';
import { call, isSignedOut } from './api.js';

const ACK_MS = 8_000;
const PACE_MS = 1_000;

const reader = /** @type {HTMLElement} */ (document.getElementById('day-reader'));
const socket = io({ path: '/socket.io', transports: ['websocket'], reconnectionDelay: 400, reconnectionDelayMax: 4_000 });
let timer = 0;
let last = 0;

/** Read the page anew; one that nobody sees waits until somebody does. */
function readAgain() {
  if (timer || document.hidden) return;
  timer = window.setTimeout(() => {
    timer = 0;
    last = Date.now();
    reader.dispatchEvent(new Event('day-changed'));
  }, Math.max(0, last + PACE_MS - Date.now()));
}

/** Ask to be told from now on, and whether the page is behind already. */
async function follow() {
  const since = document.getElementById('day')?.dataset.since;
  try {
    const answer = await socket.timeout(ACK_MS).emitWithAck('day:follow', { since });
    if (answer?.changed) readAgain();
    if (answer?.problem) leave();
  } catch {
    socket.disconnect().connect();
  }
}

/** What the page shows belongs to a session: when that is over, so is the page. */
async function leave() {
  try {
    await call('GET', '/me');
  } catch (error) {
    if (isSignedOut(error)) location.replace('/login');
  }
}

socket.on('connect', follow);
socket.on('connect_error', leave);
socket.on('session:ended', leave);
socket.on('day:changed', readAgain);
document.addEventListener('visibilitychange', () => { if (!document.hidden) readAgain(); });
