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

/**
 * What the bars are drawn against. Where the kernel's charge is far more than the process (a large
 * page cache, many neighbours), the process is what is looked at: the rest goes beyond the edge.
 */
export function scaleOf(rows) {
  const most = (lines) => Math.max(1, ...lines.flatMap((line) => [line.from, line.to]));
  const least = Math.min(0, ...rows.flatMap((line) => [line.from, line.to]));
  const process = most(rows.slice(0, rows.findIndex((line) => line.name === 'rss') + 1));
  const all = most(rows);
  const end = process > 1 && all > 2.5 * process ? 1.4 * process : all;
  return { least, span: end - least, end, cut: end < all };
}

function bar({ from, to }, { least, span, end }, kind) {
  const [low, high] = [Math.min(from, to), Math.max(from, to)].map((at) => Math.min(at, end));
  const beyond = Math.max(from, to) > end;
  return h(
    'span',
    { class: 'rail', 'aria-hidden': 'true' },
    h('span', {
      class: `bar ${kind}${beyond ? ' beyond' : ''}`,
      style: {
        left: `${((low - least) / span) * 100}%`,
        width: `${((high - low) / span) * 100}%`,
      },
    }),
  );
}

const cells = (name, rail, value) => [
  h('th', { scope: 'row' }, name),
  h('td', { class: 'rail-cell' }, rail),
  h('td', { class: 'number' }, value),
];

function row(line, scale) {
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
    cells(name, bar(line, scale, kind), value),
  );
}

// Caches and sources are part of the live bytes, by their own word: under it, not beside it.
function ofWhich({ name, reported_bytes: reported, what }, scale) {
  const title = h('span', { class: 'name', title: name }, name, h('i', {}, ` ${what}`));
  const rail = known(reported) ? bar({ from: 0, to: reported }, scale, 'inside') : null;
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

// What is unknown is in no sum, and said.
function together(lines) {
  const reported = lines.map((line) => line.reported_bytes).filter(known);
  const silent = lines.length - reported.length;
  return {
    name: `${lines.length} more`,
    what: silent ? `of which ${silent} unknown` : 'caches and sources',
    reported_bytes: reported.length ? reported.reduce((sum, bytes) => sum + bytes, 0) : null,
  };
}

function whichRows(ledger, scale) {
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
  const shown = [head, ...all.slice(0, MOST_OF_WHICH).map((line) => ofWhich(line, scale))];
  const rest = all.slice(MOST_OF_WHICH);
  return rest.length ? [...shown, ofWhich(together(rest), scale)] : shown;
}

function verdict(rows, { cut }) {
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
    cut ? ' Bars with an arrow go beyond the scale.' : null,
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
  const scale = scaleOf(rows);
  const body = rows.flatMap((line) => [
    row(line, scale),
    ...(line.name === 'live' ? whichRows(given, scale) : []),
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
    verdict(rows, scale),
  );
}
