// Where the usage is going: three windows, each with its interval, and when the budget is used up.

import { figure, h, show, table } from './dom.js';
import { GROWTH } from './facts.js';
import { bytes, duration, known, number, perSecond } from './format.js';

const COLUMNS = [
  { name: 'Window', head: true },
  { name: 'Usage', number: true },
  { name: 'Live bytes', number: true },
  { name: 'Live objects', number: true },
];

const WINDOWS = [
  ['ten_seconds', '10 s'],
  ['minute', '1 min'],
  ['five_minutes', '5 min'],
];

const objects = (value) => number(value, Math.abs(value) < 10 ? 1 : 0);

function rate(given, write = bytes) {
  if (!given) return h('span', { class: 'unknown' }, 'unknown');
  return [
    figure(perSecond(given.likely, write), given.likely),
    h('small', {}, `${perSecond(given.at_least, write)} to ${perSecond(given.at_most, write)}`),
  ];
}

function row([key, name], forecast) {
  const trend = forecast[key];
  const basis = trend
    ? `${number(trend.points)} points over ${duration(trend.span_secs)}`
    : 'too few points yet';
  return {
    key,
    cells: [
      [name, h('small', {}, basis)],
      rate(trend?.usage_bytes_per_sec),
      rate(trend?.live_bytes_per_sec),
      rate(trend?.live_objects_per_sec, objects),
    ],
  };
}

function sentences(forecast, uptime) {
  const time = forecast.time_to_budget ?? {};
  const until = (seconds) => (known(seconds) ? `in ${duration(seconds)}` : 'never at that rate');
  const said = [`What grows: ${GROWTH[forecast.growth] ?? GROWTH.unknown}`];
  if (known(forecast.bytes_per_object)) {
    said[0] += `, ${bytes(forecast.bytes_per_object)} for each object`;
  }
  if ((forecast.growth ?? 'unknown') === 'unknown') return said;
  said.push(
    `The budget is used up: soonest ${until(time.soonest_secs)}, likely ` +
      `${until(time.likely_secs)}, latest ${until(time.latest_secs)}`,
  );
  if (known(forecast.noise_bytes))
    said.push(`Noise around the trend: ${bytes(forecast.noise_bytes)}`);
  const step = forecast.last_step;
  if (step) {
    const ago = known(uptime) ? `, ${duration(Math.max(0, uptime - step.uptime_secs))} ago` : '';
    said.push(`Last jump: ${step.bytes > 0 ? '+' : ''}${bytes(step.bytes)}${ago}`);
  }
  return said;
}

function leak(given) {
  if (!given || !known(given.floor_bytes)) return 'Leak: not known yet';
  const { verdict, growth_bytes: growth, span_secs: span, sites } = given;
  if (verdict === 'none') return `Leak: none in sight; the floor is ${bytes(given.floor_bytes)}`;
  const names = sites.map((site) => `${site.name} (${bytes(site.bytes)})`).join(', ');
  return (
    `Leak: ${verdict}, ${bytes(growth)} in ${duration(span)}` + `${names ? `, in ${names}` : ''}`
  );
}

export function forecast(root, { forecast: given, leak: verdict, process }) {
  if (!given) {
    show(root, h('p', { class: 'note' }, 'Not known yet.'));
    return;
  }
  show(
    root,
    table({
      caption: 'Growth by window',
      columns: COLUMNS,
      rows: WINDOWS.map((window) => row(window, given)),
      kind: 'stacked',
    }),
    h(
      'ul',
      { class: 'plain' },
      [...sentences(given, process?.uptime_seconds), leak(verdict)].map((said) => h('li', {}, `${said}.`)),
    ),
  );
}
