// The warning in force with what can be done about it, plans, and the evictions that were.

import * as api from './api.js';
import { confirmed } from './dialogs.js';
import { figure, find, h, show, table } from './dom.js';
import { bytes, duration, exactly, moment, number, percent, plural } from './format.js';

const MIB = 1024 * 1024;
const OFF =
  'This page may not change anything: the program was started without ' +
  'PLIMSOLL_HTTP_ACTIONS=on. Plans can be made all the same.';

const say = (...children) => show(find('plan-body'), h('p', { class: 'outcome' }, ...children));

/** Does what was confirmed, and says what it came to, measured. */
async function act(title, text, yes, request) {
  if (!(await confirmed(title, text, yes))) return;
  say('Under way…');
  find('plan-body').scrollIntoView({ block: 'nearest' });
  try {
    say(came(await request()));
  } catch (error) {
    say(h('span', { class: 'bad' }, `× Refused: ${error.message}`));
  }
}

function came(result) {
  const evicted = 'memory_freed_bytes' in result;
  const amount = evicted ? result.memory_freed_bytes : result.purged_bytes;
  const sign = result.success ? '✓' : '×';
  const of = evicted ? `of ${bytes(result.target_bytes)} freed` : 'given back';
  const errors = result.errors?.length ? ` ${result.errors.join('; ')}` : '';
  const took = duration(result.duration_seconds);
  return `${sign} ${bytes(amount)} ${of}, measured, in ${took}.${errors}`;
}

const evict = (target, cache) =>
  act(
    cache ? `Evict ${cache}?` : 'Evict?',
    `${cache ? `The cache ${cache} is` : 'Caches are'} asked to free ${bytes(target)}. ` +
      'What was cached must be made again.',
    'Evict',
    () => api.evict(target, cache),
  );

const purge = () =>
  act(
    'Purge unused pages?',
    'jemalloc’s unused pages are given back to the system. Pages that are needed again must be ' +
      'zeroed by the kernel first.',
    'Purge',
    api.purge,
  );

// An action of the warning is `purge`, or `evict:` and the name of a cache.
function start(action, fallback) {
  const [verb, ...rest] = action.name.split(':');
  if (verb === 'purge') return purge();
  return evict(action.estimated_freed_bytes || fallback, rest.join(':') || undefined);
}

function actionItem(action, warning, allowed) {
  const estimate =
    action.estimated_freed_bytes == null
      ? 'nobody knows how much it frees'
      : `frees ${bytes(action.estimated_freed_bytes)} at most`;
  const fallback = Math.max(MIB, warning.current_bytes - warning.threshold_bytes);
  const name = allowed
    ? h(
        'button',
        { type: 'button', onclick: () => start(action, fallback) },
        `${action.display_name}…`,
      )
    : h('b', {}, action.display_name);
  return h(
    'li',
    { 'data-key': action.name },
    name,
    h('span', { class: 'note' }, ` ${action.description}; ${estimate}; ${action.side_effects}`),
  );
}

export function warning(root, status) {
  const given = status.warning;
  if (!given) {
    show(root);
    return;
  }
  const allowed = status.surfaces?.actions === true;
  show(
    root,
    h(
      'div',
      { class: `warning level-${status.level}` },
      h(
        'p',
        {},
        h('b', {}, given.message),
        ' ',
        h(
          'span',
          { class: 'note' },
          `The line lies at ${bytes(given.threshold_bytes)} ` +
            `(${percent(given.threshold_percent, 0)}). Urgency: ${given.urgency}.`,
        ),
      ),
      h(
        'p',
        {},
        given.recommendations?.length ? `What to do: ${given.recommendations.join('; ')}.` : '',
      ),
      given.available_actions?.length
        ? h(
            'details',
            {},
            h(
              'summary',
              {},
              plural(given.available_actions.length, 'action'),
              ' that could be taken now',
            ),
            h(
              'ul',
              { class: 'actions' },
              given.available_actions.map((action) => actionItem(action, given, allowed)),
            ),
            allowed ? null : h('p', { class: 'note' }, OFF),
          )
        : null,
    ),
  );
}

function planned(plan) {
  if (!plan.asks?.length) {
    return h('p', { class: 'outcome' }, 'No cache could be asked: nothing would be freed.');
  }
  const rows = plan.asks.map((ask, index) => ({
    key: `${index}`,
    cells: [number(index + 1), ask.cache, figure(bytes(ask.bytes), ask.bytes)],
  }));
  return [
    h(
      'p',
      { class: 'outcome' },
      `${bytes(plan.planned_bytes)} of ${bytes(plan.target_bytes)} would ` +
        'be freed, if every cache gave what it was asked for. Nothing was asked.',
    ),
    table({
      caption: 'Who would be asked, in order',
      rows,
      columns: [
        { name: 'Turn', number: true },
        { name: 'Cache', head: true },
        { name: 'Asked', number: true },
      ],
    }),
  ];
}

async function plan() {
  try {
    show(find('plan-body'), planned(await api.plan(target())));
  } catch (error) {
    say(h('span', { class: 'bad' }, `× No plan: ${error.message}`));
  }
}

const target = () => Math.round(Number(find('plan-target').value) * MIB);

/** Binds the form once. */
export function bind() {
  find('plan').onsubmit = (submitted) => {
    submitted.preventDefault();
    plan();
  };
  find('plan-evict').onclick = () => {
    if (find('plan').reportValidity()) evict(target(), find('plan-cache').value || undefined);
  };
  find('plan-purge').onclick = purge;
}

function offer({ surfaces, caches }) {
  const allowed = surfaces?.actions === true;
  find('plan-evict').hidden = !allowed;
  find('plan-purge').hidden = !allowed;
  find('plan-which').hidden = !allowed;
  find('actions-off').textContent = allowed ? '' : OFF;
  const names = ['', ...(caches ?? []).map((cache) => cache.name)];
  show(
    find('plan-cache'),
    names.map((name) =>
      h('option', { value: name, 'data-key': `cache:${name}` }, name || 'whoever is due'),
    ),
  );
}

const COLUMNS = [
  { name: 'Time', kind: 'time' },
  { name: 'Asked', head: true },
  { name: 'Target', number: true },
  { name: 'Claimed', number: true },
  { name: 'Measured', number: true },
  { name: 'Took', number: true },
];

const amount = (value) => figure(bytes(value), value ?? null, exactly(value));

const row = (result) => ({
  key: String(result.timestamp),
  cells: [
    h('time', {}, moment(result.timestamp)),
    [
      result.evicted?.join(', ') || 'nobody',
      ' ',
      result.success ? null : h('span', { class: 'tag poor' }, 'fell short'),
      result.errors?.length ? h('small', { class: 'bad' }, result.errors.join('; ')) : null,
    ],
    amount(result.target_bytes),
    amount(result.claimed_bytes),
    amount(result.memory_freed_bytes),
    duration(result.duration_seconds),
  ],
});

function totals({ brake, threshold_crossings: crossings }) {
  const pair = (name, value) => h('div', {}, h('dt', {}, name), h('dd', {}, value));
  return h(
    'dl',
    { class: 'fields wide' },
    pair(
      'lines crossed',
      `warning ${number(crossings?.warning)}, prompt ${number(crossings?.prompt)}` +
        `, emergency ${number(crossings?.emergency)}`,
    ),
    brake
      ? pair(
          'brake',
          `${number(brake.admitted_total)} admitted ` +
            `(${bytes(brake.admitted_bytes_total)}), ${number(brake.refused_total)} refused, ` +
            `${number(brake.waited_total)} waited, ${number(brake.waiting)} waiting`,
        )
      : null,
  );
}

export function evictions(root, status) {
  offer(status);
  const {
    recent,
    total_evictions: total,
    total_memory_freed_bytes: freed,
  } = status.evictions ?? {};
  find('evictions-count').textContent = `${number(total)} so far, ${bytes(freed)} freed, measured`;
  const newest = [...(recent ?? [])].sort((a, b) => b.timestamp - a.timestamp);
  show(
    root,
    totals(status),
    newest.length
      ? table({
          caption: 'Recent evictions, newest first',
          columns: COLUMNS,
          rows: newest.map(row),
          kind: 'stacked',
        })
      : h('p', { class: 'note' }, 'None so far.'),
  );
}
