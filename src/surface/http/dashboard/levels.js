// The four levels: their order, their sign, what each means.

import { h, s } from './dom.js';

export const LEVELS = ['healthy', 'caution', 'warning', 'critical'];

export const rank = (level) => LEVELS.indexOf(level);

export const MEANING = {
  healthy: 'below every line',
  caution: 'unused pages are given back; caches that said so are asked',
  warning: 'the health check fails; something should be done',
  critical: 'every cache may be asked; new work is refused',
};

// A load line's disc that fills as the level rises: told apart without colour.
const FILLED = {
  caution: 'M5.6 22h20.8a12 12 0 0 1-20.8 0z',
  warning: 'M4 16a12 12 0 0 0 24 0z',
  critical: 'M16 4a12 12 0 0 0 0 24a12 12 0 0 0 0-24z',
};

export const sign = (level) =>
  s(
    'svg',
    {
      class: `sign level-${level}`,
      viewBox: '0 0 32 32',
      'aria-hidden': 'true',
    },
    s('circle', { cx: 16, cy: 16, r: 12 }),
    FILLED[level] ? s('path', { class: 'fill', d: FILLED[level] }) : null,
    level === 'critical'
      ? s('path', { class: 'cut', d: 'M16 9v9M16 21.5v2.5' })
      : s('path', { class: 'line', d: 'M0 16h32' }),
  );

export const named = (level) =>
  h('span', { class: `named level-${level}` }, sign(level), level ?? 'unknown');

const MARKS = {
  debug: '·',
  info: 'i',
  warning: '!',
  error: '×',
  healthy: '✓',
  critical: '×',
};

/** A severity or a state of health, as a word with a mark. */
export const severity = (word) =>
  h(
    'span',
    { class: `severity is-${word}` },
    h('span', { class: 'mark', 'aria-hidden': 'true' }, MARKS[word] ?? '·'),
    word,
  );
