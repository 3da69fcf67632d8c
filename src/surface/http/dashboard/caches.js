// The registered caches: what they hold, were asked for, said, and gave as measured.

import { figure, h, show, table } from './dom.js';
import { bytes, exactly, known, number, share } from './format.js';

const COLUMNS = [
  { name: 'Cache', head: true },
  { name: 'Holds', number: true },
  { name: 'Asked', number: true },
  { name: 'Claimed', number: true },
  { name: 'Measured', number: true },
  { name: 'Honesty', number: true },
  { name: 'State' },
];

const amount = (value) => figure(bytes(value), value ?? null, exactly(value));

function terms(cache) {
  return `${cache.priority}, tier ${cache.tier}, from ${cache.from}`;
}

const STATES = [
  [(cache) => cache.quarantined, 'left alone: it panicked or hung', 'bad'],
  [(cache) => cache.strikes > 0, (cache) => `${number(cache.strikes)} strikes`, 'poor'],
  [(cache) => cache.keeps_ceilings === false, 'keeps no ceiling', ''],
  [(cache) => !cache.asks, 'never asked', ''],
];

function state(cache) {
  const found = STATES.filter(([holds]) => holds(cache));
  const word = (said) => (typeof said === 'function' ? said(cache) : said);
  return found.length
    ? found.map(([, said, kind]) => h('span', { class: `tag ${kind}` }, word(said)))
    : h('span', { class: 'tag' }, 'as it should');
}

function holds(cache) {
  const ceiling = known(cache.ceiling_bytes) ? `of ${bytes(cache.ceiling_bytes)}` : 'no ceiling';
  return [amount(cache.usage_bytes), h('small', {}, ceiling)];
}

function honesty(cache) {
  if (!known(cache.honesty)) return h('span', { class: 'unknown' }, 'unknown');
  const kind = cache.honesty < 0.5 ? 'poor' : '';
  const pages = cache.page_yield == null ? null : `pages ${share(cache.page_yield)}`;
  return [
    figure(h('span', { class: kind }, share(cache.honesty)), cache.honesty),
    h('small', { title: 'how far the kernel’s figure fell for what was freed' }, pages),
  ];
}

const row = (cache) => ({
  key: cache.name,
  cells: [
    [h('span', { class: 'name' }, cache.name), h('small', {}, terms(cache))],
    holds(cache),
    [amount(cache.asked_bytes), h('small', {}, `in ${number(cache.asks)} asks`)],
    amount(cache.claimed_bytes),
    amount(cache.given_bytes),
    honesty(cache),
    state(cache),
  ],
});

export function caches(root, { caches: all }) {
  if (!all?.length) {
    show(
      root,
      h(
        'p',
        { class: 'note' },
        'No cache is registered: when the line is reached, nobody ' +
          'can be asked to give memory back. ',
        h('code', {}, 'monitor.register("name", …)'),
        ' registers one.',
      ),
    );
    return;
  }
  show(
    root,
    table({
      caption: 'Caches, with what they were asked for, what they claimed, and what was measured',
      columns: COLUMNS,
      rows: all.map(row),
      kind: 'stacked',
    }),
  );
}
