// The heap profile: which code holds the heap, as estimated from samples, and its files.

import * as api from './api.js';
import { figure, h, show, table } from './dom.js';
import { bytes, exactly, known, number, percent, plural } from './format.js';

const COLUMNS = [
  { name: 'Function', head: true },
  { name: 'Live', number: true },
  { name: 'Share', number: true },
  { name: 'Objects', number: true },
];

const state = { top: null, error: null, root: null, status: null };

/** Asks for the largest sites; what they are named by is looked up once in the process. */
export async function ask() {
  if (!state.status?.surfaces?.profile || document.hidden) return;
  try {
    state.top = await api.profile();
    state.error = null;
  } catch (error) {
    state.error = error.message;
  }
  draw();
}

async function act(action) {
  try {
    await api.profileAction(action);
    await ask();
  } catch (error) {
    state.error = error.message;
    draw();
  }
}

const within = ({ low, high }) => `with 95 % between ${bytes(low)} and ${bytes(high)}`;

const label = (word, value) => (value ? h('small', {}, `${word} ${value}`) : null);

function row(of, top) {
  const { live_bytes: live, live_objects: objects } = of;
  const site = top.sites.find(({ key }) => key === of.largest_site);
  return {
    key: of.largest_site,
    cells: [
      h(
        'span',
        { title: site?.stack.join('\n') },
        of.name,
        of.sites > 1 ? h('small', {}, plural(of.sites, 'site')) : null,
        label('via', site?.via),
        label('tag', site?.tag),
        label('thread', site?.thread),
      ),
      [
        figure(bytes(live.value), live.value, `${exactly(Math.round(live.value))}, ${within(live)}`),
        h('small', {}, `${bytes(live.low)} to ${bytes(live.high)}`),
      ],
      known(of.share_percent) ? percent(of.share_percent) : '',
      figure(number(objects.value), objects.value),
    ],
  };
}

function words(top) {
  const lost = Object.values(top.lost).reduce((sum, count) => sum + count, 0);
  return (
    `${bytes(top.live_bytes.value)} live of what was allocated since the sampling began ` +
    `(${within(top.live_bytes)}), from ${plural(top.live_samples, 'sample')}, one every ` +
    `${bytes(top.mean_bytes)} on average` +
    (lost ? `; ${plural(lost, 'sample')} lost.` : '.') +
    (top.is_running ? '' : ' Sampling is stopped.')
  );
}

/** Links, which cannot send a token; with one the files are fetched and saved. */
function file(path, name, text) {
  if (!api.token.get()) return h('a', { href: path, target: '_blank', rel: 'noopener' }, text);
  const save = () => api.save(path, name).catch((error) => {
    state.error = error.message;
    draw();
  });
  return h('button', { type: 'button', class: 'quiet', onclick: save }, text);
}

function files() {
  return h(
    'p',
    {},
    file('debug/flamegraph', 'flamegraph.svg', 'Flame graph'),
    ' · ',
    file('debug/pprof/heap', 'heap.pb.gz', 'Heap profile for pprof'),
    ' · ',
    file('debug/collapsed', 'stacks.txt', 'Collapsed stacks'),
  );
}

function button(top, allowed) {
  if (!allowed) return null;
  const [action, text] = top.is_running ? ['stop', 'Stop sampling'] : ['start', 'Start sampling'];
  return h('button', { type: 'button', onclick: () => act({ action }) }, text);
}

function off(allowed) {
  return h(
    'p',
    { class: 'note' },
    'The heap is not sampled: ',
    h('code', {}, 'PLIMSOLL_HEAP_PROFILE=on'),
    allowed ? ', or this button, starts it. ' : ' starts it. ',
    'What was allocated before is in no profile.',
  );
}

function body(top, allowed) {
  if (top.mean_bytes == null) return [off(allowed), button(top, allowed)];
  const caption = 'Functions by live bytes, the largest first';
  const rows = top.functions.slice(0, 10).map((of) => row(of, top));
  return [
    h('p', { class: 'note' }, words(top)),
    rows.length
      ? table({ caption, columns: COLUMNS, rows, kind: 'stacked' })
      : h('p', { class: 'note' }, 'No object was sampled so far.'),
    files(),
    button(top, allowed),
  ];
}

const missing = () =>
  h(
    'p',
    { class: 'note' },
    'This build has no heap profile: it was built without the feature ',
    h('code', {}, 'profile'),
    '. Until then the ledger says which kind of memory it is, the caches ' +
      'who holds it, and the forecast whether objects grow in number or in size.',
  );

function draw() {
  const { root, status, top, error } = state;
  if (!root) return;
  const failed = error ? h('p', { class: 'bad' }, `× ${error}`) : null;
  if (!status.surfaces?.profile) show(root, missing());
  else show(root, failed, top ? body(top, status.surfaces.actions === true) : null);
}

export function profile(root, status) {
  const isFirst = !state.status;
  Object.assign(state, { root, status });
  draw();
  if (isFirst) ask();
}
