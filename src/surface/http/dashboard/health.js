// The health report: each check with what it found.

import { figure, h, show, table } from './dom.js';
import { bytes, known, words } from './format.js';
import { severity } from './levels.js';

const COLUMNS = [{ name: 'Check', head: true }, { name: 'State' }, { name: 'What it found' }];
const OWN = new Set(['healthy', 'severity', 'message']);

function written(name, value) {
  if (value == null) return h('span', { class: 'unknown' }, 'unknown');
  if (name.endsWith('_bytes') && known(value)) return figure(bytes(value), value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const context = (check) => {
  const pairs = Object.entries(check).filter(([name]) => !OWN.has(name));
  return pairs.length
    ? h(
        'details',
        {},
        h('summary', {}, 'figures'),
        h(
          'dl',
          { class: 'fields' },
          pairs.map(([name, value]) =>
            h('div', {}, h('dt', {}, words(name)), h('dd', {}, written(name, value))),
          ),
        ),
      )
    : null;
};

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
