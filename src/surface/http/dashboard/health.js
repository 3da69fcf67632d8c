// The health report: each check with what it found.

import { figure, h, show, table } from './dom.js';
import { bytes, known, words } from './format.js';
import { severity } from './levels.js';

const COLUMNS = [{ name: 'Check', head: true }, { name: 'State' }, { name: 'What it found' }];

function written(name, value) {
  if (value == null) return h('span', { class: 'unknown' }, 'unknown');
  if (name.endsWith('bytes') && known(value)) return figure(bytes(value), value);
  return Array.isArray(value) ? value.join(', ') || 'none' : String(value);
}

// Figures within figures, each with the words of all above it.
function pairs(context, above = '') {
  return Object.entries(context).flatMap(([name, value]) => {
    const full = `${above}${name}`;
    const nested = value != null && typeof value === 'object' && !Array.isArray(value);
    return nested ? pairs(value, `${full} `) : [[full, value]];
  });
}

function context({ healthy, severity: _, message, ...figures }) {
  const found = pairs(figures);
  if (!found.length) return null;
  const pair = ([name, value]) =>
    h('div', {}, h('dt', {}, words(name)), h('dd', {}, written(name, value)));
  return h(
    'details',
    {},
    h('summary', {}, 'figures', h('span', { class: 'spoken' }, ` of ${message}`)),
    h('dl', { class: 'fields' }, found.map(pair)),
  );
}

const row = ([name, check]) => ({
  key: name,
  cells: [
    words(name),
    severity(check.severity ?? (check.healthy ? 'healthy' : 'warning')),
    [check.message, ' ', context(check)],
  ],
});

export function health(root, report, error) {
  if (!report) {
    show(
      root,
      h(
        'p',
        { class: 'note' },
        error ? `The report could not be read: ${error}` : 'Not asked yet.',
      ),
    );
    return;
  }
  const failed = report.failed_checks ?? [];
  show(
    root,
    h(
      'p',
      { class: 'verdict' },
      severity(report.status),
      failed.length ? ` · failed: ${failed.map(words).join(', ')}` : ' · every check is well',
    ),
    table({
      caption: 'Health checks',
      columns: COLUMNS,
      rows: Object.entries(report.checks ?? {}).map(row),
      kind: 'health',
    }),
  );
}
