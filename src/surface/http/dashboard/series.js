// The points of the charts: the process's history and what was seen live, bounded, restarts marked.

const MOST = 6000;
// The newest points stay as they are; older ones are thinned.
const FRESH = 1200;

const FIGURES = {
  rss: 'process_rss_bytes',
  usage: 'usage_bytes',
  live: 'live_bytes',
  budget: 'budget_bytes',
  objects: 'live_objects',
};
const NAMES = ['time', 'level', ...Object.keys(FIGURES)];
const NOTHING = Object.fromEntries(NAMES.map((name) => [name, null]));

export class Series {
  columns = Object.fromEntries(NAMES.map((name) => [name, []]));

  /** When a process was found to be another one. */
  restarts = [];

  get length() {
    return this.columns.time.length;
  }

  get last() {
    return this.columns.time.at(-1) ?? null;
  }

  #push(point) {
    // Charts need times that rise; what is no newer is there already.
    if (this.last != null && point.time <= this.last) return;
    for (const name of NAMES) this.columns[name].push(point[name] ?? null);
    if (this.length > MOST) this.#thin();
  }

  /** Takes in an answer of `/api/v1/history`. */
  addHistory({ figures }) {
    const times = figures.timestamp ?? [];
    times.forEach((time, index) => {
      const point = { time, level: figures.level?.[index] };
      for (const [name, metric] of Object.entries(FIGURES)) point[name] = figures[metric]?.[index];
      this.#push(point);
    });
  }

  /** Takes in the snapshot of a status. */
  addSnapshot(snapshot, level) {
    const point = { time: snapshot.timestamp, level };
    for (const [name, metric] of Object.entries(FIGURES)) point[name] = snapshot[metric];
    this.#push(point);
  }

  /** From here on it is another process: a gap in every line, and a mark. */
  restart(time) {
    const at = this.last == null ? time : Math.max(time, this.last + 0.001);
    this.#push({ ...NOTHING, time: at });
    this.restarts = [...this.restarts, at].slice(-50);
  }

  // Every other of the older points goes, but for gaps and changes of level.
  #thin() {
    const { level, time } = this.columns;
    const keep = (index) =>
      index >= this.length - FRESH || index % 2 === 0 || level[index] !== level[index - 1];
    const kept = time.map((_, index) => index).filter(keep);
    // All changes of level, for ever: then the oldest go.
    const chosen = kept.length > MOST ? kept.slice(-MOST / 2) : kept;
    for (const name of NAMES) {
      this.columns[name] = chosen.map((index) => this.columns[name][index]);
    }
  }

  /** The index of the first point that is not before `time`. */
  from(time) {
    const { time: times } = this.columns;
    let [low, high] = [0, times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The points from `time` on, as rows, thinned to `most` evenly, the newest among them. */
  rows(time, most) {
    const first = this.from(time);
    const stride = Math.max(1, Math.ceil((this.length - first) / most));
    const rows = [];
    for (let index = this.length - 1; index >= first; index -= stride) {
      rows.push(Object.fromEntries(NAMES.map((name) => [name, this.columns[name][index]])));
    }
    return rows;
  }

  /** The least, the most and the newest of a figure from `time` on; `null` while unknown. */
  range(name, time) {
    const figures = this.columns[name].slice(this.from(time)).filter((figure) => figure != null);
    if (!figures.length) return null;
    const least = figures.reduce((a, b) => Math.min(a, b));
    const most = figures.reduce((a, b) => Math.max(a, b));
    return { least, most, now: figures.at(-1) };
  }

  /** How often the level changed from `time` on. */
  levelChanges(time) {
    const levels = this.columns.level.slice(this.from(time)).filter(Boolean);
    return levels.filter((level, index) => index > 0 && level !== levels[index - 1]).length;
  }
}
