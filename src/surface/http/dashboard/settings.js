// The settings in force, and where each came from.

import { h, show, table } from './dom.js';
import { words } from './format.js';

const ORIGINS = {
  builder: 'the program’s builder',
  environment: 'the environment',
  default: 'default',
  changed: 'changed while running',
};

export function settings(root, { settings: all }) {
  if (!all?.length) {
    show(root, h('p', { class: 'note' }, 'None are known.'));
    return;
  }
  const columns = [
    { name: 'Setting', head: true },
    { name: 'Value' },
    { name: 'From' },
    { name: 'Variable' },
  ];
  const row = (setting) => ({
    key: setting.name,
    cells: [
      words(setting.name),
      setting.value || h('span', { class: 'unknown' }, 'none'),
      h(
        'span',
        { class: `origin from-${setting.origin}` },
        ORIGINS[setting.origin] ?? words(setting.origin),
      ),
      setting.variable ? h('code', {}, setting.variable) : '—',
    ],
  });
  show(
    root,
    table({ caption: 'Settings in force', columns, rows: all.map(row), kind: 'settings stacked' }),
  );
}
