// The events that the page has seen, newest first, bounded, and in words.

import { bytes, duration, known, percent, words } from './format.js';

const MOST = 1000;

export const SEVERITIES = ['debug', 'info', 'warning', 'error'];

export class Log {
  /** Newest first; each with the `run` it belongs to. */
  entries = [];

  /** How many events were forgotten by the process before the page could read them. */
  missed = 0;

  #last = null;
  #run = null;

  get last() {
    return this.#last;
  }

  /** From here on events come from another process, which counts from the start. */
  begin(run) {
    this.#run = run;
    this.#last = null;
  }

  add(event) {
    if (this.#last != null && event.sequence <= this.#last) return false;
    this.#last = event.sequence;
    this.#push({ ...event, run: this.#run, key: `${this.#run}:${event.sequence}` });
    return true;
  }

  #push(entry) {
    this.entries.unshift(entry);
    if (this.entries.length > MOST) this.entries.length = MOST;
  }

  /** Takes in an answer of `/api/v1/events`. */
  addAll({ first, next, events }) {
    if (this.#last != null && first > this.#last + 1) this.missed += first - this.#last - 1;
    events.forEach((event) => this.add(event));
    if (next > 0) this.#last = Math.max(this.#last ?? 0, next - 1);
  }

  /** A line of the page's own, such as a restart that it noticed. */
  note(timestamp, event_type, level, message) {
    const key = `page:${timestamp}:${event_type}`;
    this.#push({
      key,
      timestamp,
      event_type,
      level,
      message,
      component: 'this page',
      run: this.#run,
    });
  }
}

const names = (list) => (list?.length ? list.join(', ') : 'nobody');

const leak = (e) =>
  `what no cache holds grew by ${bytes(e.growth_bytes)} in ${duration(e.span_seconds)}` +
  `${e.functions ? `, in ${e.functions}` : ''}`;

const SENTENCES = {
  monitor_started: (e) => `budget ${bytes(e.budget_bytes)}: ${e.budget_provenance}`,
  monitor_stopped: () => 'the monitor has stopped',
  budget_changed: (e) =>
    `from ${bytes(e.old_bytes)} to ${bytes(e.new_bytes)}: ${e.budget_provenance}`,
  threshold_crossed: (e) =>
    `${e.threshold_type} at ${bytes(e.threshold_bytes)}: ` +
    `${bytes(e.current_bytes)} used, ${percent(e.usage_percent)}`,
  level_changed: (e) => `from ${e.from} to ${e.to}, at ${percent(e.usage_percent)}`,
  emergency_lasts: (e) => `for ${duration(e.lasting_seconds)} now, at ${percent(e.usage_percent)}`,
  stuck: (e) =>
    `at ${percent(e.usage_percent)}; most is ${words(e.cause)} ` +
    `(${bytes(e.cause_bytes)}): ${e.remedy ?? 'no remedy is known'}`,
  eviction_completed: (e) =>
    `${names(e.evicted)} freed ${bytes(e.memory_freed_bytes)} of ` +
    `${bytes(e.target_bytes)} in ${duration(e.duration_seconds)}` +
    `${e.automatic === false ? ', by command' : ''}`,
  gave_up: (e) =>
    `${bytes(e.freed_bytes)} freed of ${bytes(e.needed_bytes)}; ` +
    `most grew ${words(e.grew)} (${bytes(e.grew_bytes)})`,
  refill_storm: (e) => `${e.cache} takes again the ${bytes(e.evicted_bytes)} it gave`,
  leak_growing: leak,
  leak_suspected: leak,
  leak_confirmed: leak,
  leak_cleared: (e) => `what was ${e.was} grows no more, or was given back`,
  purge_completed: (e) => `${bytes(e.purged_bytes)} given back in ${duration(e.duration_seconds)}`,
  purge_suspended: (e) => `for ${duration(e.pause_seconds)}: ${words(e.cause)}`,
  health_check: (e) =>
    `${e.status}, was ${e.previous}` +
    `${e.failed_checks?.length ? `: ${e.failed_checks.map(words).join(', ')}` : ''}`,
  error: (e) => `${words(e.error_type)}: ${e.error_message}`,
};

/** What happened, in words; for a type that is not known here, whatever message it brings. */
export function sentence(event) {
  const say = Object.hasOwn(SENTENCES, event.event_type) ? SENTENCES[event.event_type] : null;
  return say ? say(event) : (event.message ?? '');
}

const SAID = new Set([
  'sequence',
  'timestamp',
  'component',
  'level',
  'event_type',
  'run',
  'key',
  'message',
]);

/** Every field of the event, as pairs of words. */
export const fields = (event) =>
  Object.entries(event)
    .filter(([name]) => !SAID.has(name))
    .map(([name, value]) => [words(name), written(name, value)]);

function written(name, value) {
  if (value == null) return 'unknown';
  if (Array.isArray(value)) {
    return value.length ? value.map((one) => one?.name ?? one).join(', ') : 'none';
  }
  if (name.endsWith('_bytes') && known(value)) return bytes(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
