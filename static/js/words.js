/** What islands share: the page's own words, its sprite, and moments in the reader's zone. */
import { html } from 'lit';

/** The words that the template gave an element, in the page's language. @param {Element} element @returns {Record<string, string>} */
export function wordsOf(element) {
  return JSON.parse(element.getAttribute('words') ?? '{}');
}

/** Fill `{}` in a phrase. @param {string} phrase @param {...(string | number)} values */
export function fill(phrase, ...values) {
  return values.reduce((/** @type {string} */ text, value) => text.replace('{}', String(value)), phrase);
}

const sprite = document.querySelector('svg use')?.getAttribute('href')?.split('#')[0] ?? '';

/** @param {string} name @param {string} [kind] */
export function icon(name, kind = '') {
  return html`<svg class="icon ${kind}" aria-hidden="true"><use href="${sprite}#${name}"></use></svg>`;
}

/** Days, times and offsets in one zone and language. */
export class Clock {
  /** @param {string} zone */
  constructor(zone) {
    const language = document.documentElement.lang;
    this.days = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: zone });
    this.times = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: zone });
    this.offsets = new Intl.DateTimeFormat('en', { timeZoneName: 'shortOffset', timeZone: zone });
  }

  /** @param {string} at */
  day(at) { return this.days.format(new Date(at)); }

  /** @param {string} at */
  time(at) { return this.times.format(new Date(at)); }

  /** @param {string} at */
  offset(at) {
    const part = this.offsets.formatToParts(new Date(at)).find(({ type }) => type === 'timeZoneName');
    return (part?.value ?? 'UTC').replace('GMT', 'UTC').replace('-', '\u2212');
  }
}
