// The charts for those who do not see them: their span, a sentence, and a table.

import { table } from './dom.js';
import { bytes, duration, known, moment, number, percent, plural } from './format.js';
import { LINES } from './lines.js';

const ROWS = 60;

/** How long the points go back, and how many they are. */
export function span(series, since) {
  const index = series.from(since);
  const first = series.columns.time[index];
  if (first == null) return '';
  const points = plural(series.length - index, 'point');
  return `${duration(Math.max(0, series.last - first))}, ${points}`;
}

function extremes(series, since, { name, label }) {
  const write = name === 'objects' ? number : bytes;
  const range = series.range(name, since);
  if (!range) return `${label}: unknown`;
  if (range.least === range.most) return `${label} ${write(range.now)} throughout`;
  return `${label} ${write(range.least)} to ${write(range.most)}`;
}

/** What the charts show, in words. */
export function summary(series, since, status) {
  if (!series.length) return 'No point of the history is known yet.';
  const all = [...LINES, { name: 'objects', label: 'Live objects' }];
  const said = all.map((line) => extremes(series, since, line)).join('; ');
  const restarts = series.restarts.filter((time) => time >= since).length;
  const used = status?.snapshot?.usage_percent;
  return (
    `${said}. ${plural(series.levelChanges(since), 'change')} of level` +
    `${restarts ? `, ${plural(restarts, 'restart')}` : ''}.` +
    `${known(used) ? ` Now at ${percent(used)} of the budget.` : ''}`
  );
}

const COLUMNS = [
  { name: 'Time', head: true },
  { name: 'Level' },
  ...LINES.map((line) => ({ name: line.label, number: true })),
  { name: 'Live objects', number: true },
];

function cells(point) {
  if (point.restart) return [moment(point.time), 'restart', ...LINES.map(() => '—'), '—'];
  const figures = LINES.map((line) => bytes(point[line.name]));
  return [moment(point.time), point.level ?? 'unknown', ...figures, number(point.objects)];
}

/** Points from `since` on, newest first. */
export function pointTable(series, since) {
  const rows = series.rows(since, ROWS).map((point) => ({
    key: String(point.time),
    cells: cells({ ...point, restart: series.restarts.includes(point.time) }),
  }));
  return table({ caption: 'Points of the history, newest first', columns: COLUMNS, rows });
}
