// The ledger as a waterfall: a part begins where the last one ended, sums stand on the ground.

import { figure, h, show } from './dom.js';
import { bytes, exactly, known, number, words } from './format.js';

const MIB = 1024 * 1024;
const MOST_OF_WHICH = 6;

const cents = (total) => Math.round((total / MIB) * 100);

/**
 * Rows with where each begins and ends. What is shown is the difference of rounded totals, so that
 * the figures on the screen add up too, to the last digit.
 */
export function waterfall(lines) {
  let total = 0;
  return lines.map((line) => {
    if (line.kind === 'sum') {
      return {
        ...line,
        from: 0,
        to: line.bytes,
        shown: cents(line.bytes),
        right: line.bytes === total,
      };
    }
    const from = total;
    total += line.bytes;
    return { ...line, from, to: total, shown: cents(total) - cents(from), right: true };
  });
}

const mib = (hundredths) => number(hundredths / 100, 2);

function bar({ from, to }, least, span, kind) {
  const [low, high] = [Math.min(from, to), Math.max(from, to)];
  const place = (value) => `${((value - least) / span) * 100}%`;
  return h(
    'span',
    { class: 'rail', 'aria-hidden': 'true' },
    h('span', {
      class: `bar ${kind}`,
      style: { left: place(low), width: `${(Math.max(high - low, 0) / span) * 100}%` },
    }),
  );
}

const cells = (name, rail, value) => [
  h('th', { scope: 'row' }, name),
  h('td', { class: 'rail-cell' }, rail),
  h('td', { class: 'number' }, value),
];

function row(line, least, span) {
  const sum = line.kind === 'sum';
  const kind = sum ? 'sum' : line.bytes < 0 ? 'minus' : 'part';
  const mark = sum ? '=' : line.bytes < 0 ? '−' : '+';
  const name = [
    h('span', { class: 'op' }, mark),
    h('span', { class: 'name' }, words(line.name)),
    line.remedy ? h('span', { class: 'remedy' }, line.remedy) : null,
  ];
  const value = h('data', { value: line.bytes, title: exactly(line.bytes) }, mib(line.shown));
  return h(
    'tr',
    { class: kind, 'data-key': line.name, 'data-kind': line.kind },
    cells(name, bar(line, least, span, kind), value),
  );
}

// Caches and sources are part of the live bytes, by their own word: under it, not beside it.
function ofWhich({ name, reported_bytes: reported, what }, least, span) {
  const title = h('span', { class: 'name', title: name }, name, h('i', {}, ` ${what}`));
  const rail = known(reported) ? bar({ from: 0, to: reported }, least, span, 'inside') : null;
  const value = figure(
    known(reported) ? mib(cents(reported)) : 'unknown',
    reported ?? null,
    exactly(reported),
  );
  return h(
    'tr',
    { class: 'which', 'data-key': `which:${what}:${name}` },
    cells(title, rail, value),
  );
}

function whichRows(ledger, least, span) {
  const named = (lines, what) => (lines ?? []).map((line) => ({ ...line, what }));
  const all = [...named(ledger.caches, 'cache'), ...named(ledger.sources, 'source')].sort(
    (a, b) => (b.reported_bytes ?? -1) - (a.reported_bytes ?? -1),
  );
  if (!all.length) return [];
  const head = h(
    'tr',
    { class: 'which', 'data-key': 'which' },
    h('th', { colspan: 3, scope: 'row' }, 'of which, as reported and not measured:'),
  );
  const shown = [head, ...all.slice(0, MOST_OF_WHICH).map((line) => ofWhich(line, least, span))];
  const rest = all.slice(MOST_OF_WHICH);
  if (!rest.length) return shown;
  const bytesOfRest = rest.reduce((sum, line) => sum + (line.reported_bytes ?? 0), 0);
  const name = `${rest.length} more`;
  return [
    ...shown,
    ofWhich({ name, reported_bytes: bytesOfRest, what: 'caches and sources' }, least, span),
  ];
}

function verdict(rows) {
  const wrong = rows.filter((line) => !line.right);
  if (wrong.length) {
    const names = wrong.map((line) => words(line.name)).join(', ');
    return h(
      'p',
      { class: 'note bad', id: 'ledger-verdict' },
      `× Does not add up at: ${names}. The figures were not read at one moment.`,
    );
  }
  const last = rows.at(-1);
  return h(
    'p',
    { class: 'note', id: 'ledger-verdict' },
    `✓ Adds up: every sum equals the parts above it, to ${words(last.name)} ${bytes(last.to)}.`,
  );
}

export function ledger(root, { ledger: given }) {
  if (!given?.lines?.length) {
    show(
      root,
      h(
        'p',
        { class: 'note' },
        'Nothing is known yet: neither live bytes nor what the kernel charges.',
      ),
    );
    return;
  }
  const rows = waterfall(given.lines);
  const ends = rows.flatMap((line) => [line.from, line.to]);
  const least = Math.min(0, ...ends);
  const span = Math.max(1, Math.max(...ends) - least);
  const body = rows.flatMap((line) => [
    row(line, least, span),
    ...(line.name === 'live' ? whichRows(given, least, span) : []),
  ]);
  show(
    root,
    h(
      'table',
      { class: 'ledger' },
      h('caption', { class: 'spoken' }, 'From live bytes to what the kernel charges, in MiB'),
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('th', { scope: 'col' }, 'Line, and what makes it smaller'),
          h('th', { scope: 'col', class: 'rail-cell' }, h('span', { class: 'spoken' }, 'Share')),
          h('th', { scope: 'col', class: 'number' }, 'MiB'),
        ),
      ),
      h('tbody', {}, body),
    ),
    verdict(rows),
  );
}
