// The strip of figures that are asked for first.

import { figure, h, show } from './dom.js';
import { bytes, duration, exactly, known, number, perSecond, plural } from './format.js';

export const GROWTH = {
  unknown: 'not known yet',
  steady: 'steady',
  shrinking: 'shrinking',
  objects: 'objects grow in number',
  buffers: 'objects grow in size',
  outside_the_heap: 'growth outside the live heap',
  uncounted: 'growth, and nothing is counted',
};

/** The longest window that is known: the surest. */
export const surest = (forecast) =>
  forecast?.five_minutes ?? forecast?.minute ?? forecast?.ten_seconds ?? null;

const fact = (name, id, value, ...notes) =>
  h(
    'div',
    {},
    h('dt', {}, name),
    h(
      'dd',
      {},
      h('span', { class: 'value', id }, value),
      notes.map((note) => h('span', { class: 'more' }, note)),
    ),
  );

function growth(snapshot, forecast) {
  const rate = surest(forecast)?.usage_bytes_per_sec;
  const likely = rate?.likely ?? snapshot.growth_bytes_per_sec;
  const interval = rate ? `${perSecond(rate.at_least)} to ${perSecond(rate.at_most)}` : '';
  return fact(
    'Growth',
    'fact-growth',
    figure(perSecond(likely), likely),
    interval,
    GROWTH[forecast?.growth] ?? GROWTH.unknown,
  );
}

const orNever = (seconds) => (known(seconds) ? duration(seconds) : 'never');

function timeToBudget({ time_to_budget: time, growth: what }) {
  const { soonest_secs: soonest, likely_secs: likely, latest_secs: latest } = time ?? {};
  if ((what ?? 'unknown') === 'unknown') {
    return fact('Time to budget', 'fact-time', figure('unknown', null), GROWTH.unknown);
  }
  if (![soonest, likely, latest].some(known)) {
    return fact(
      'Time to budget',
      'fact-time',
      h('span', {}, 'not at this rate'),
      'the usage does not grow',
    );
  }
  return fact(
    'Time to budget',
    'fact-time',
    figure(orNever(likely), likely),
    `soonest ${orNever(soonest)}`,
    `latest ${orNever(latest)}`,
  );
}

export function facts(root, { snapshot, forecast, evictions }) {
  const { live_objects: objects, live_bytes: live, process_rss_bytes: rss } = snapshot;
  const freed = evictions?.total_memory_freed_bytes;
  const each = objects > 0 && known(live) ? `· ${bytes(live / objects)} each` : '';
  show(
    root,
    fact(
      'Live objects',
      'fact-objects',
      figure(number(objects), objects),
      known(objects) ? `exact ${each}` : 'nothing is counted',
    ),
    fact(
      'Live bytes',
      'fact-live',
      figure(bytes(live), live, exactly(live)),
      `exact · peak ${bytes(snapshot.peak_live_bytes)}`,
    ),
    fact(
      'RSS',
      'fact-rss',
      figure(bytes(rss), rss, exactly(rss)),
      `peak ${bytes(snapshot.process_rss_peak_bytes)}`,
    ),
    growth(snapshot, forecast ?? {}),
    timeToBudget(forecast ?? {}),
    fact(
      'Evicted',
      'fact-evicted',
      figure(bytes(freed), freed, exactly(freed)),
      `measured · in ${plural(evictions?.total_evictions, 'eviction')}`,
    ),
  );
}
