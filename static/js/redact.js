/** `<jit-redact>`: show the pages of an exhibit and draw the areas that its copy hides; the form below it holds them, and works alone. */
import { NoNetwork, Problem, problemIn } from './api.js';
import { fill, wordsOf } from './words.js';

const SVG = 'http://www.w3.org/2000/svg';
const SIDES = ['x', 'y', 'width', 'height'];
const SMALLEST = 0.3;

/** @param {number} value */
const within = (value) => Math.min(100, Math.max(0, value));

/** @param {string} item @param {number} page */
async function fetchPage(item, page) {
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(`/api/v1/evidence/${item}/pages/${page}`, { headers: { Accept: 'image/png, application/problem+json' }, signal: AbortSignal.timeout(90_000) });
  } catch (error) {
    throw new NoNetwork(String(error));
  }
  if (!answer.ok) throw new Problem(problemIn(await answer.text(), answer.status));
  return { picture: await answer.blob(), pages: Number(answer.headers.get('Jit-Pages') ?? '1') };
}

class JitRedact extends HTMLElement {
  page = 1;
  pages = 1;
  address = '';

  connectedCallback() {
    /** @type {Record<string, any>} */
    this.words = wordsOf(this);
    this.view = /** @type {HTMLElement} */ (this.querySelector('[data-view]'));
    this.list = /** @type {HTMLElement} */ (this.querySelector('fieldset'));
    this.build();
    this.list.addEventListener('input', () => this.redraw());
  }

  disconnectedCallback() {
    if (this.address) URL.revokeObjectURL(this.address);
  }

  build() {
    const words = this.words ?? {};
    this.status = document.createElement('p');
    this.status.setAttribute('role', 'status');
    this.status.className = 'small';
    this.status.textContent = words.draw;
    this.buttons = ['before', 'show', 'next'].map((name) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'quiet';
      button.textContent = words[name];
      button.addEventListener('click', () => this.turn({ before: -1, show: 0, next: 1 }[name] ?? 0));
      return button;
    });
    const bar = document.createElement('p');
    bar.className = 'actions';
    bar.append(...this.buttons);
    this.sheet = document.createElement('div');
    this.sheet.className = 'canvas-page';
    this.sheet.dir = 'ltr';
    this.sheet.hidden = true;
    this.picture = document.createElement('img');
    this.picture.alt = '';
    this.picture.draggable = false;
    this.cover = document.createElementNS(SVG, 'svg');
    this.cover.setAttribute('viewBox', '0 0 100 100');
    this.cover.setAttribute('preserveAspectRatio', 'none');
    this.cover.setAttribute('aria-hidden', 'true');
    this.sheet.append(this.picture, this.cover);
    this.view?.replaceChildren(this.status, bar, this.sheet);
    this.acceptDrawing(this.sheet);
    this.enable();
  }

  enable() {
    const shown = !this.sheet?.hidden;
    this.buttons?.forEach((button, place) => { button.hidden = place === 1 ? shown : !shown; });
    if (this.buttons) [this.buttons[0].disabled, this.buttons[2].disabled] = [this.page <= 1, this.page >= this.pages];
  }

  /** @param {number} by */
  async turn(by) {
    const words = this.words ?? {};
    const wanted = Math.min(this.pages, Math.max(1, this.page + by));
    this.say(words.loading);
    try {
      const { picture, pages } = await fetchPage(this.getAttribute('item') ?? '', wanted);
      if (this.address) URL.revokeObjectURL(this.address);
      this.address = URL.createObjectURL(picture);
      if (!this.picture || !this.sheet) return;
      this.picture.src = this.address;
      this.picture.alt = fill(words.page, wanted, pages);
      [this.page, this.pages, this.sheet.hidden] = [wanted, pages, false];
      this.say(`${fill(words.page, wanted, pages)}. ${words.draw}`);
      this.redraw();
    } catch (error) {
      const reason = error instanceof Problem ? /** @type {any} */ (error.body).reason : '';
      this.say(words.refused?.[reason] ?? (error instanceof Problem ? error.message : words.offline));
    }
    this.enable();
  }

  /** @param {string} text */
  say(text) {
    if (this.status) this.status.textContent = text;
  }

  rows() {
    return [...this.querySelectorAll('.area')];
  }

  /** @param {Element} row @param {string} name */
  field(row, name) {
    return /** @type {HTMLInputElement} */ (row.querySelector(`[name=${name}]`));
  }

  /** @param {Element} row */
  area(row) {
    return SIDES.map((name) => Number.parseFloat(this.field(row, name).value.replace(',', '.')));
  }

  /** @param {number[]} area */
  rectangle([x, y, width, height]) {
    const one = document.createElementNS(SVG, 'rect');
    for (const [name, value] of Object.entries({ x, y, width, height })) one.setAttribute(name, String(value));
    return one;
  }

  redraw() {
    const here = this.rows().filter((row) => Number(this.field(row, 'page').value) === this.page).map((row) => this.area(row));
    this.cover?.replaceChildren(...here.filter((area) => area.every(Number.isFinite)).map((area) => this.rectangle(area)));
  }

  /** The first empty row, or a new one. */
  empty() {
    const rows = this.rows();
    const free = rows.find((row) => SIDES.every((name) => !this.field(row, name).value.trim()));
    if (free) return free;
    const row = /** @type {Element} */ (rows[rows.length - 1].cloneNode(true));
    row.setAttribute('aria-label', (row.getAttribute('aria-label') ?? '').replace(/\d+/, String(rows.length + 1)));
    this.list?.append(row);
    return row;
  }

  /** @param {number[]} area */
  add(area) {
    const row = this.empty();
    this.field(row, 'page').value = String(this.page);
    SIDES.forEach((name, place) => { this.field(row, name).value = area[place].toFixed(2); });
    this.redraw();
  }

  /** @param {HTMLElement} sheet */
  acceptDrawing(sheet) {
    /** @type {{x: number, y: number, rect: SVGRectElement} | null} */
    let from = null;
    /** @param {PointerEvent} event */
    const place = (event) => {
      const box = sheet.getBoundingClientRect();
      return { x: within(((event.clientX - box.left) / box.width) * 100), y: within(((event.clientY - box.top) / box.height) * 100) };
    };
    /** @param {PointerEvent} event */
    const drawn = (event) => {
      const [a, b] = [from ?? { x: 0, y: 0 }, place(event)];
      return [Math.min(a.x, b.x), Math.min(a.y, b.y), Math.abs(a.x - b.x), Math.abs(a.y - b.y)];
    };
    sheet.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      sheet.setPointerCapture(event.pointerId);
      from = { ...place(event), rect: this.rectangle([0, 0, 0, 0]) };
      this.cover?.append(from.rect);
    });
    sheet.addEventListener('pointermove', (event) => {
      if (from) drawn(event).forEach((value, side) => from?.rect.setAttribute(SIDES[side], String(value)));
    });
    sheet.addEventListener('pointerup', (event) => {
      if (!from) return;
      const area = drawn(event);
      from.rect.remove();
      from = null;
      if (area[2] >= SMALLEST && area[3] >= SMALLEST) this.add(area);
    });
    sheet.addEventListener('pointercancel', () => { from?.rect.remove(); from = null; });
  }
}

customElements.define('jit-redact', JitRedact);
