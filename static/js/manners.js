/** Small manners of the page: menus that close, text that copies, dialogs that open, one status line, tabs that sign out together. */

/** Say something once to a screen reader. @param {string} words */
export function announce(words) {
  const line = document.getElementById('status');
  if (line) line.textContent = words;
}

/** @param {Element | null} except */
function closeMenus(except) {
  for (const menu of document.querySelectorAll('details[data-menu][open]')) {
    if (menu !== except) menu.removeAttribute('open');
  }
}

/** @param {HTMLElement} button */
async function copyFrom(button) {
  await navigator.clipboard.writeText(button.dataset.copy ?? '');
  const label = button.querySelector('[data-copy-label]');
  if (!label) return;
  const before = label.textContent;
  label.textContent = '✓';
  setTimeout(() => { label.textContent = before; }, 1200);
}

document.addEventListener('click', (event) => {
  if (!(event.target instanceof Element)) return;
  closeMenus(event.target.closest('details[data-menu]'));
  const button = event.target.closest('button');
  if (!button) return;
  if (button.getAttribute('aria-disabled') === 'true') event.preventDefault();
  if (button.dataset.copy !== undefined) copyFrom(button);
  if (button.dataset.opens) {
    const dialog = document.getElementById(button.dataset.opens);
    if (dialog instanceof HTMLDialogElement) dialog.showModal();
  }
  if (button.dataset.closes !== undefined) button.closest('dialog')?.close();
  if (button.dataset.print !== undefined) window.print();
});

document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  const open = document.activeElement?.closest('details[data-menu][open]');
  closeMenus(null);
  open?.querySelector('summary')?.focus();
});

/**
 * Keys that need no other (SCREENS 3.11): nothing in a text field, with a modifier, over a dialog, or for whoever switched them off.
 * @type {Record<string, () => HTMLElement | null>}
 */
const KEYS = {
  Enter: () => (document.activeElement === document.body ? document.querySelector('[data-key="Enter"]') : null),
  n: () => document.querySelector('.side .topics a:has(.unread):not([aria-current])') ?? document.querySelector('#unread'),
  r: () => document.querySelector('jit-composer textarea'),
  '/': () => document.querySelector('form[role="search"] input[type="search"]'),
  j: () => row(1),
  k: () => row(-1),
  x: () => chosen(document.activeElement?.closest('tr')),
  ArrowLeft: () => turned('prev', 'next'),
  ArrowRight: () => turned('next', 'prev'),
  '+': () => document.querySelector('[data-zoom="1"]'),
  '-': () => document.querySelector('[data-zoom="-1"]'),
  '?': () => document.querySelector('dialog#keys'),
};

/** The link to the next part or the one before, on the side where it stands; what is wider than its frame is moved instead. @param {string} there @param {string} mirrored @returns {HTMLElement | null} */
function turned(there, mirrored) {
  const frame = document.activeElement?.closest('.viewed');
  if (frame && frame.scrollWidth > frame.clientWidth) return null;
  return document.querySelector(`.viewer-turn a[rel="${document.dir === 'rtl' ? mirrored : there}"]`);
}

/** The link of the row below or above the one that has the focus. @param {1 | -1} by @returns {HTMLElement | null} */
function row(by) {
  const links = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('[data-row]')]);
  const at = links.findIndex((link) => link.closest('tr')?.contains(document.activeElement));
  return links[at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + by))] ?? null;
}

/** Choose a row, or let it go; its link keeps the focus. @param {Element | null | undefined} line @returns {HTMLElement | null} */
function chosen(line) {
  const box = line?.querySelector('input[type="checkbox"]');
  if (!(box instanceof HTMLInputElement)) return null;
  box.click();
  return line?.querySelector('[data-row]') ?? null;
}

document.addEventListener('keydown', (event) => {
  const at = /** @type {HTMLElement} */ (event.target);
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || at.closest('input, textarea, select, dialog, audio, video')) return;
  const found = document.body.dataset.keys === undefined || event.isComposing ? null : KEYS[event.key]?.();
  if (!found) return;
  event.preventDefault();
  if (found instanceof HTMLAnchorElement && found.dataset.row === undefined) location.assign(event.key === 'n' ? `${found.href}#unread` : found.href);
  else if (found instanceof HTMLDialogElement) found.showModal();
  else if (found instanceof HTMLButtonElement) found.click();
  else found.focus();
});

/** How many rows are chosen, and the button that chooses them all: also after the list was exchanged. */
function count() {
  const boxes = /** @type {HTMLInputElement[]} */ ([...document.querySelectorAll('td > input[type="checkbox"][form]')]);
  const line = /** @type {HTMLElement | null} */ (document.querySelector('[data-chosen]'));
  const many = boxes.filter((box) => box.checked).length;
  if (line) line.textContent = many ? (line.dataset.chosen ?? '').replace('{}', String(many)) : '';
  for (const all of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-choose]'))) all.hidden = !boxes.length || many === boxes.length;
}
document.addEventListener('change', count);
document.addEventListener('click', (event) => {
  if (!(event.target instanceof Element) || !event.target.closest('[data-choose]')) return;
  for (const box of document.querySelectorAll('td > input[type="checkbox"][form]')) if (box instanceof HTMLInputElement) box.checked = true;
  count();
});
document.addEventListener('htmx:after:swap', count);
count();

/* A sign-out in one tab ends the others: what they show belongs to a session that is over. */
const session = new BroadcastChannel('jit-session');
session.addEventListener('message', ({ data }) => { if (data === 'ended') location.replace('/login'); });
document.addEventListener('submit', (event) => {
  if (event.target instanceof HTMLFormElement && event.target.dataset.signsOut !== undefined) session.postMessage('ended');
});

/* A dialog that came open holds what has to be mended. */
const wrong = document.querySelector('dialog[open]');
if (wrong instanceof HTMLDialogElement) {
  wrong.close();
  wrong.showModal();
}

/* Where the tabs are wider than the screen, the open one is to be seen. */
const tab = document.querySelector('.tabs [aria-current]');
if (tab?.parentElement) tab.parentElement.scrollLeft += tab.getBoundingClientRect().left - (innerWidth - tab.clientWidth) / 2;

/* What is wrong is said with the name of the field that is meant. */
for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll('.error-summary a'))) {
  const field = document.getElementById(link.hash.slice(1));
  const label = field instanceof HTMLFieldSetElement ? field.querySelector('legend') : /** @type {HTMLInputElement | null} */ (field)?.labels?.[0];
  const name = (label?.querySelector('span:not(.optional)') ?? label?.firstChild)?.textContent?.trim().replace(/\.$/, '');
  if (name && !link.textContent?.includes(name)) link.prepend(`${name}: `);
}

/* The summary of errors takes the focus, so that a keyboard starts at what is wrong. */
const first = document.querySelector('[data-focus]');
if (first instanceof HTMLElement) first.focus();
