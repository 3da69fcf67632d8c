// The program's own metrics, in their units.

import { figure, h, show, table } from './dom.js';
import { bytes, known, number, percent, words } from './format.js';

function inItsUnit(value, unit) {
  if (!known(value)) return 'unknown';
  if (unit === 'bytes') return bytes(value);
  if (unit === 'percent') return percent(value);
  const digits = Number.isInteger(value) ? 0 : 2;
  return ['count', 'objects', '', undefined, null].includes(unit)
    ? number(value, digits)
    : `${number(value, digits)} ${words(unit)}`;
}

export function own(root, { own_metrics: all }) {
  if (!all?.length) {
    show(root, h('p', { class: 'note' }, 'The program reports none.'));
    return;
  }
  const columns = [
    { name: 'Metric', head: true },
    { name: 'Value', number: true },
    { name: 'What it is' },
  ];
  const row = (metric) => ({
    key: metric.name,
    cells: [
      h('code', {}, metric.name),
      figure(inItsUnit(metric.value, metric.unit), metric.value ?? null),
      [metric.help, h('small', {}, words(metric.kind))],
    ],
  });
  show(root, table({ caption: 'Own metrics', columns, rows: all.map(row), kind: 'stacked' }));
}
