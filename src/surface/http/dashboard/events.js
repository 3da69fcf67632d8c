// The list of events: newest first, from a severity on, with every field on demand.

import { find, h, show, table } from './dom.js';
import { moment, number, plural, words } from './format.js';
import { severity } from './levels.js';
import { SEVERITIES, fields, sentence } from './log.js';

const PAGE = 14;
let shown = PAGE;

const COLUMNS = [
  { name: 'Time', kind: 'time' },
  { name: 'Severity' },
  { name: 'Event', head: true },
];

const more = (event) => {
  const pairs = fields(event);
  return pairs.length
    ? h(
        'details',
        {},
        h(
          'summary',
          {},
          'fields',
          h('span', { class: 'spoken' }, ` of ${words(event.event_type)}`),
        ),
        h(
          'dl',
          { class: 'fields' },
          pairs.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
        ),
      )
    : null;
};

const row = (event) => ({
  key: event.key,
  kind: `is-${event.level}`,
  cells: [
    h(
      'time',
      { datetime: new Date(event.timestamp * 1000).toISOString() },
      moment(event.timestamp),
    ),
    severity(event.level),
    [
      h('b', {}, words(event.event_type)),
      ' ',
      h('span', { class: 'said' }, sentence(event)),
      ' ',
      more(event),
    ],
  ],
});

// A row with the focus is not taken from under it when newer ones come.
function length(root, fitting) {
  const held = root.contains(document.activeElement)
    ? document.activeElement.closest('tr')?.dataset.key
    : null;
  return Math.max(shown, fitting.findIndex((event) => event.key === held) + 1);
}

function offerMore(left, draw) {
  const button = find('events-more');
  button.hidden = left <= 0;
  button.textContent = `Show ${number(Math.min(left, 100))} more`;
  button.onclick = () => {
    shown += 100;
    draw();
  };
}

export function events(root, log, counts) {
  const least = Number(find('severity').value);
  const fitting = log.entries.filter((event) => SEVERITIES.indexOf(event.level) >= least);
  const draw = () => events(root, log, counts);
  find('severity').onchange = draw;
  const most = length(root, fitting);
  offerMore(fitting.length - most, draw);
  const total = Math.max(counts?.total ?? 0, (log.last ?? -1) + 1);
  const missed = log.missed ? `, ${number(log.missed)} missed` : '';
  const dropped = counts?.dropped ? `, ${number(counts.dropped)} dropped` : '';
  find('events-count').textContent =
    `${number(fitting.length)} here of ` +
    `${plural(total, 'event')} of this process${missed}${dropped}`;
  show(
    root,
    fitting.length
      ? table({
          caption: 'Events, newest first',
          columns: COLUMNS,
          rows: fitting.slice(0, most).map(row),
          kind: 'events',
        })
      : h('p', { class: 'note' }, `No event of severity ${SEVERITIES[least]} or above so far.`),
  );
}
