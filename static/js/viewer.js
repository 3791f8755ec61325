/** What an exhibit shows, larger or smaller. The size goes along in the addresses by which a page is turned; nothing is kept. */

const SIZES = [0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4];
const MARK = '#zoom=';
const TEXT_REM = 0.875;

const frame = /** @type {HTMLElement | null} */ (document.querySelector('.viewed'));
const bar = /** @type {HTMLElement | null} */ (document.querySelector('[data-zooms]'));
const picture = frame?.querySelector('img');

let at = SIZES.indexOf(Number(location.hash.startsWith(MARK) ? location.hash.slice(MARK.length) : 1));
if (at < 0) at = SIZES.indexOf(1);

/** A picture is measured by the width at which it fits its frame, text by its letters. */
function draw() {
  const zoom = SIZES[at];
  if (picture && frame) {
    Object.assign(picture.style, { inlineSize: '', maxInlineSize: '' });
    const fitting = picture.clientWidth;
    if (zoom !== 1) Object.assign(picture.style, { inlineSize: `${Math.round(fitting * zoom)}px`, maxInlineSize: 'none' });
  } else if (frame) frame.style.fontSize = `${TEXT_REM * zoom}rem`;
  frame?.toggleAttribute('data-enlarged', zoom > 1);
  const said = bar?.querySelector('output');
  if (said) said.textContent = new Intl.NumberFormat(document.documentElement.lang, { style: 'percent' }).format(zoom);
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (bar?.querySelectorAll('[data-zoom]') ?? [])) {
    if (SIZES[at + Number(button.dataset.zoom)]) button.removeAttribute('aria-disabled');
    else button.setAttribute('aria-disabled', 'true');
  }
}

/** Whatever leads to another page leads there at this size. */
function carry() {
  for (const way of /** @type {NodeListOf<HTMLAnchorElement | HTMLFormElement>} */ (document.querySelectorAll('.viewer-turn a[href], .viewer-turn form'))) {
    const where = new URL(way instanceof HTMLFormElement ? way.action : way.href);
    where.hash = `${MARK}${SIZES[at]}`;
    if (way instanceof HTMLFormElement) way.action = where.href;
    else way.href = where.href;
  }
}

bar?.addEventListener('click', ({ target }) => {
  const button = target instanceof Element ? target.closest('button') : null;
  const next = at + Number(button?.dataset.zoom ?? 0);
  if (!SIZES[next]) return;
  at = next;
  carry();
  draw();
});

if (bar) bar.hidden = false;
if (SIZES[at] !== 1) carry();
window.addEventListener('resize', draw);
picture?.decode().then(draw, () => {});
draw();
