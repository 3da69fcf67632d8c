// The page: what is known, what draws it, and how it goes on when the process is gone or another.

import * as actions from './actions.js';
import * as api from './api.js';
import { caches } from './caches.js';
import { Charts } from './charts.js';
import { askForToken } from './dialogs.js';
import { find, h, show } from './dom.js';
import { events } from './events.js';
import { facts } from './facts.js';
import { forecast } from './forecast.js';
import { duration, moment, percent, plural } from './format.js';
import * as gauge from './gauge.js';
import { health } from './health.js';
import { ledger } from './ledger.js';
import { Log } from './log.js';
import { own } from './own.js';
import { ask as askProfile, profile } from './profile.js';
import { Series } from './series.js';
import { settings } from './settings.js';
import { Connection } from './stream.js';
import * as theme from './theme.js';

const POINTS = 2880;

class Another extends Error {}
const HEALTH_EVERY = 15_000;
const PROFILE_EVERY = 15_000;

const state = {
  status: null,
  run: null,
  report: null,
  reportError: null,
  link: 'connecting',
  error: null,
  retryAt: null,
  heardAt: null,
  stopped: false,
  fresh: true,
  declined: false,
};
const series = new Series();
const log = new Log();
const charts = new Charts(series, log);

/** Before each stream: who answers, and what happened since. Gives the last event's number. */
async function prepare() {
  const status = await api.status();
  meet(status);
  series.addHistory(
    await api.history(series.last == null || state.fresh ? null : series.last, POINTS),
  );
  state.fresh = false;
  log.addAll(await api.events(log.last == null ? null : log.last + 1));
  take(status);
  askHealth();
  return log.last;
}

/** Notices that it is another process than before. */
function meet({ process }) {
  if (state.run === process.run) return;
  if (state.run != null) {
    series.restart(process.started);
    log.note(
      process.started,
      'restart',
      'warning',
      `another process answers now: pid ${process.pid}, run ${process.run}`,
    );
  }
  state.run = process.run;
  state.fresh = true;
  log.begin(process.run);
}

function take(status) {
  const before = state.status?.level;
  Object.assign(state, { status, heardAt: Date.now(), stopped: !status.monitor_running });
  series.addSnapshot(status.snapshot, status.level);
  if (before !== status.level) announceLevel(status, before);
  draw();
}

function announceLevel(status, before) {
  const from = before ? `, was ${before}` : '';
  find('announce').textContent =
    `Level ${status.level}${from}, ${percent(status.snapshot.usage_percent)} of the budget used`;
}

function hear({ event, data }) {
  if (event === 'status') {
    const status = JSON.parse(data);
    // Another process behind the same address: the stream is begun anew, history first.
    if (status.process.run !== state.run) throw new Another();
    take(status);
  } else if (event === 'event') {
    if (log.add(JSON.parse(data))) drawEvents();
  } else if (event === 'end') {
    state.stopped = true;
    drawLink();
  }
}

async function tell(link, about = {}) {
  const was = state.link;
  state.link = link;
  state.error = about.error ?? null;
  state.retryAt = link === 'lost' ? Date.now() + about.pause : null;
  if (about.error instanceof Another) return 'again';
  if (about.error?.status === 401 && !state.declined) {
    drawLink();
    if (await askForToken()) return 'again';
    state.declined = true;
  }
  if (link === 'lost' && was === 'open') find('announce').textContent = 'Connection lost';
  drawLink();
  return null;
}

async function askHealth() {
  try {
    state.report = await api.health();
    state.reportError = null;
  } catch (error) {
    state.reportError = error.message;
  }
  drawHealth();
}

function drawHealth() {
  health(find('health-body'), state.report, state.reportError);
  find('health-age').textContent = state.report ? `as of ${moment(state.report.timestamp)}` : '';
}

function drawEvents() {
  events(find('events-body'), log, state.status?.events);
}

function drawProcess({ process }) {
  const pair = (name, value) => h('span', {}, `${name} `, h('b', {}, value));
  find('process-name').textContent = process.name;
  show(
    find('process'),
    pair('pid', process.pid),
    pair('up', duration(process.uptime_seconds)),
    pair('since', moment(process.started)),
  );
  find('footer').textContent =
    `plimsoll ${process.plimsoll_version} · run ${process.run} · ` +
    `${plural(series.length, 'point')} and ${plural(log.entries.length, 'event')} are kept here`;
}

function drawGauge() {
  const root = find('gauge');
  const width = Math.floor(root.getBoundingClientRect().width);
  if (state.status && width) gauge.gauge(root, state.status, width);
}

function draw() {
  const { status } = state;
  if (!status) return;
  document.title =
    `${percent(status.snapshot.usage_percent, 0)} ${status.level} · ` +
    `${status.process.name} · plimsoll`;
  // What nobody sees is drawn when somebody looks.
  if (document.hidden) return;
  drawProcess(status);
  gauge.level(find('level'), status);
  drawGauge();
  gauge.provenance(find('provenance'), status);
  actions.warning(find('warning'), status);
  facts(find('facts-list'), status);
  ledger(find('ledger-body'), status);
  caches(find('caches-body'), status);
  charts.update(status);
  drawEvents();
  forecast(find('forecast-body'), status);
  actions.evictions(find('evictions-body'), status);
  own(find('own-body'), status);
  profile(find('profile-body'), status);
  settings(find('settings-body'), status);
  drawLink();
}

const WORDS = {
  connecting: ['connecting', 'Connecting…'],
  open: ['open', 'live'],
  lost: ['lost', 'connection lost'],
};

function drawLink() {
  const age = state.heardAt == null ? null : (Date.now() - state.heardAt) / 1000;
  const stopped = state.link === 'open' && state.stopped;
  const [kind, word] = stopped ? ['lost', 'monitor stopped'] : WORDS[state.link];
  document.body.classList.toggle('stale', kind === 'lost');
  show(
    find('connection'),
    h('span', { class: `link ${kind}` }, word),
    age == null ? null : h('span', { class: 'age' }, age < 2.5 ? 'now' : `${duration(age)} ago`),
  );
  drawBanner(age, stopped);
}

function drawBanner(age, stopped) {
  const banner = find('lost');
  banner.hidden = state.link !== 'lost' && !stopped;
  if (banner.hidden) return;
  const figures =
    age == null
      ? 'No figures were read yet.'
      : `The figures below are from ${moment(state.heardAt / 1000)}, ` +
        `${duration(Math.max(1, Math.round(age)))} ago.`;
  if (stopped) {
    show(banner, h('p', {}, h('b', {}, 'The monitor has stopped.'), ` ${figures}`));
    return;
  }
  const what = state.stopped ? 'The monitor has stopped' : 'Connection lost';
  const wait = Math.max(0, Math.ceil((state.retryAt - Date.now()) / 1000));
  const why = state.error instanceof api.Refused ? `: ${state.error.message}` : '';
  show(
    banner,
    h(
      'p',
      {},
      h('b', {}, what),
      `${why}. ${figures} `,
      wait ? `Next try in ${wait} s.` : 'Trying now…',
    ),
    h('button', { type: 'button', onclick: tryNow }, 'Try now'),
  );
}

const connection = new Connection({ prepare, each: hear, tell });

function tryNow() {
  state.declined = false;
  connection.now();
}

theme.bind(() => {
  charts.rebuild();
  draw();
});
actions.bind();
new ResizeObserver(drawGauge).observe(find('gauge'));
document.addEventListener('visibilitychange', draw);
addEventListener('online', () => connection.now());
setInterval(drawLink, 1000);
setInterval(askHealth, HEALTH_EVERY);
setInterval(askProfile, PROFILE_EVERY);
connection.run();
