// The charts over time: memory with its lines, live objects, and what happened when.

import { find, h, show, table } from './dom.js';
import { bytes, clock, day, duration, known, moment, number, percent, plural, words } from './format.js';
import { LEVELS } from './levels.js';
import { sentence } from './log.js';

const MIB = 1024 * 1024;
const ROWS = 60;
const MARKED = new Set(['level_changed', 'eviction_completed', 'purge_completed', 'budget_changed',
  'monitor_started']);
const MOST_MARKS = 200;

const LINES = [
  { name: 'budget', label: 'Budget', color: '--budget', width: 1.5, dash: [7, 3], stepped: true },
  { name: 'rss', label: 'RSS', color: '--rss', width: 1.5, dash: [2, 2] },
  { name: 'usage', label: 'Usage', color: '--usage', width: 2.25 },
  { name: 'live', label: 'Live bytes', color: '--live', width: 1.5, dash: [6, 2, 1, 2] },
];

const KEY = [['▼', 'warning'], ['◆', 'memory given back'], ['▂', 'level above healthy']];

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const isMarked = (event) => MARKED.has(event.event_type) || warns(event);

function timeLabels(_, splits, __, ___, step) {
  return splits.map((at) => {
    if (step >= 86400) return day(at).slice(5);
    return clock(at, step < 60);
  });
}

const byteLabels = (_, splits) => splits.map((at) => {
  if (at === 0) return '0';
  const unit = at >= 1024 * MIB ? [1024 * MIB, 'GiB'] : at >= MIB ? [MIB, 'MiB'] : [1024, 'KiB'];
  return `${Number((at / unit[0]).toFixed(2))} ${unit[1]}`;
});

const countLabels = (_, splits) => splits.map((at) => {
  if (at >= 1e6) return `${Number((at / 1e6).toFixed(2))} M`;
  return at >= 1e4 ? `${Number((at / 1e3).toFixed(1))} k` : number(at);
});

const byteSteps = Array.from({ length: 44 }, (_, index) => 2 ** index);

const pixels = (value) => Math.round(value * devicePixelRatio);

/** Which points and which span of time a chart shows: both charts alike. */
export class Charts {
  #memory = null;
  #objects = null;
  #span = 0;
  #status = null;

  constructor(series, log) {
    this.series = series;
    this.log = log;
    this.#build();
    new ResizeObserver(() => this.#resize()).observe(find('chart-memory'));
    for (const choice of document.getElementsByName('range')) {
      choice.onchange = () => {
        this.#span = Number(choice.value);
        this.update(this.#status);
      };
    }
    find('history-data').ontoggle = () => this.#words();
  }

  /** The colours have changed. */
  rebuild() {
    this.#memory.destroy();
    this.#objects.destroy();
    this.#build();
    this.update(this.#status);
  }

  update(status) {
    this.#status = status;
    this.#draw();
    this.#legend(null);
    this.#words();
  }

  get #since() {
    return this.#span && this.series.last != null ? this.series.last - this.#span : -Infinity;
  }

  #draw() {
    const from = Math.max(0, this.series.from(this.#since) - 1);
    const column = (name) => this.series.columns[name].slice(from);
    const data = (lines) => [column('time'), ...lines.map((line) => column(line.name))];
    this.#memory.setData(data(LINES));
    this.#objects.setData(data([{ name: 'objects' }]));
  }

  #width() {
    return Math.max(200, Math.floor(find('chart-memory').getBoundingClientRect().width));
  }

  #resize() {
    const width = this.#width();
    if (width === this.#memory.width) return;
    this.#memory.setSize({ width, height: this.#memory.height });
    this.#objects.setSize({ width, height: this.#objects.height });
  }

  #build() {
    const line = ({ color: name, width, dash, stepped }) => ({
      stroke: color(name), width, dash, points: { show: false }, spanGaps: false,
      paths: stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
    });
    this.#memory = this.#plot('chart-memory', 190, LINES.map(line), byteLabels, {
      incrs: byteSteps, hook: (plot) => this.#marks(plot), top: 26,
    });
    const objects = line({ color: '--objects', width: 2 });
    this.#objects = this.#plot('chart-objects', 84, [{ ...objects, fill: color('--objects-fill') }],
      countLabels, { hook: (plot) => this.#restarts(plot), top: 4 });
  }

  #plot(id, height, lines, labels, { incrs, hook, top }) {
    const axis = {
      stroke: color('--muted'), font: `11px ${getComputedStyle(document.body).fontFamily}`,
      grid: { stroke: color('--grid'), width: 1 }, ticks: { show: false },
    };
    return new uPlot({
      width: this.#width(), height, padding: [top, 22, 0, 0], legend: { show: false },
      scales: {
        x: { time: true, range: (_, from, to) => this.#times(from, to) },
        y: { range: (_, __, most) => [0, this.#top(id, most)] },
      },
      axes: [
        { ...axis, values: timeLabels, size: 24, gap: 4, space: 56 },
        { ...axis, values: labels, size: 62, gap: 4, space: 32, ...(incrs ? { incrs } : {}) },
      ],
      cursor: {
        sync: { key: 'plimsoll' }, drag: { x: false, y: false }, y: false,
        points: { size: 6 },
      },
      series: [{}, ...lines],
      hooks: { draw: [hook], setCursor: [(plot) => this.#cursor(plot)] },
    }, null, find(id));
  }

  #times(from, to) {
    const end = to ?? Date.now() / 1000;
    if (this.#span) return [end - this.#span, end];
    return [Math.min(from ?? end, end - 10), end];
  }

  #top(id, most) {
    const highest = id === 'chart-memory' ? Math.max(most ?? 0, MIB) : Math.max(most ?? 0, 10);
    return highest * 1.06;
  }

  // Lines of the thresholds, from where the budget is what it is now: before, they lay elsewhere.
  #thresholds(plot) {
    const { ctx, bbox } = plot;
    const budgets = plot.data[1];
    const from = budgets.findLastIndex((budget) => budget != null && budget !== budgets.at(-1)) + 1;
    const left = Math.max(bbox.left, plot.valToPos(plot.data[0][from], 'x', true));
    for (const line of this.#status?.thresholds ?? []) {
      const y = plot.valToPos(line.bytes, 'y', true);
      if (!(y >= bbox.top)) continue;
      ctx.strokeStyle = color(`--${line.level}`);
      ctx.setLineDash([pixels(2), pixels(4)]);
      stroke(ctx, left, y, bbox.left + bbox.width, y);
    }
  }

  // What level was in force when: a strip along the ground that is taller and darker, the higher it was.
  #levels(plot) {
    const { ctx, bbox } = plot;
    const first = this.series.from(this.#since);
    const { level, time } = this.series.columns;
    for (let index = Math.max(first, 1); index < time.length; index += 1) {
      const rank = LEVELS.indexOf(level[index - 1]);
      if (rank < 1) continue;
      const [from, to] = [time[index - 1], time[index]].map((at) => plot.valToPos(at, 'x', true));
      ctx.fillStyle = color(`--${level[index - 1]}`);
      const start = Math.max(from, bbox.left);
      ctx.fillRect(start, bbox.top + bbox.height - pixels(2 + 2 * rank), to - start, pixels(2 + 2 * rank));
    }
  }

  #marked(plot) {
    const { min, max } = plot.scales.x;
    return this.log.entries.filter((event) =>
      event.timestamp >= min && event.timestamp <= max && isMarked(event)).slice(0, MOST_MARKS);
  }

  #marks(plot) {
    if (!plot.data[0].length) return;
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.lineWidth = pixels(1);
    this.#levels(plot);
    this.#thresholds(plot);
    ctx.setLineDash([]);
    this.#glyphs(plot);
    ctx.restore();
    this.#restarts(plot, true);
  }

  // In two lanes, and no two on one spot: the worst of them is seen.
  #glyphs(plot) {
    const { ctx, bbox } = plot;
    const spots = new Map();
    for (const event of this.#marked(plot)) {
      const x = plot.valToPos(event.timestamp, 'x', true);
      const spot = `${lane(event)}:${Math.round(x / pixels(9))}`;
      if (!(spots.get(spot)?.event.level === 'error')) spots.set(spot, { event, x });
    }
    for (const { event, x } of spots.values()) {
      glyph(ctx, x, bbox.top - pixels(lane(event) ? 7 : 18), event);
    }
  }

  #restarts(plot, named = false) {
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.setLineDash([]);
    ctx.strokeStyle = color('--ink');
    ctx.fillStyle = color('--ink');
    ctx.font = `${pixels(11)}px ${getComputedStyle(document.body).fontFamily}`;
    ctx.lineWidth = pixels(1);
    for (const time of this.series.restarts) {
      const x = plot.valToPos(time, 'x', true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      stroke(ctx, x, bbox.top - pixels(named ? 24 : 0), x, bbox.top + bbox.height);
      const left = x > bbox.left + bbox.width / 2;
      ctx.textAlign = left ? 'right' : 'left';
      if (named) ctx.fillText('restart', x + pixels(left ? -9 : 9), bbox.top - pixels(14));
    }
    ctx.restore();
  }

  #cursor(plot) {
    if (plot !== this.#memory || !plot.data[0]?.length) return;
    this.#legend(plot.cursor.idx);
    const x = plot.cursor.left;
    const near = this.#marked(plot).find((event) =>
      Math.abs(plot.valToPos(event.timestamp, 'x') - x) <= 5);
    const seen = near && x >= 0;
    find('readout').textContent = seen
      ? `${moment(near.timestamp)} ${words(near.event_type)}: ${sentence(near)}` : '';
    find('history-words').classList.toggle('spoken', Boolean(seen));
  }

  #legend(index) {
    const { data } = this.#memory;
    const at = index ?? data[0].length - 1;
    const item = (label, name, text, dash) => h('li', {},
      h('span', { class: `swatch swatch-${name}${dash ? ' dashed' : ''}`, 'aria-hidden': 'true' }),
      label, ' ', h('b', {}, text));
    show(find('legend'),
      LINES.map((line, column) => item(line.label, line.name, bytes(data[column + 1]?.[at]),
        line.dash)),
      item('Live objects', 'objects', number(this.#objects?.data[1]?.[at])),
      KEY.map(([mark, text]) => h('li', {}, h('span', { class: 'key', 'aria-hidden': 'true' }, mark),
        text)),
      h('li', { class: 'when' }, index == null ? 'now' : moment(data[0][at])));
  }

  // The charts for those who do not see them.
  #words() {
    const { series } = this;
    const since = this.#since;
    const first = series.columns.time[series.from(since)];
    if (first == null) {
      find('history-words').textContent = 'No point of the history is known yet.';
      return;
    }
    const points = series.length - series.from(since);
    find('history-span').textContent =
      `${duration(Math.max(0, series.last - first))}, ${plural(points, 'point')}`;
    find('history-words').textContent = summary(series, since, this.#status);
    if (find('history-data').open) show(find('history-table'), pointTable(series.rows(since, ROWS)));
  }
}

function stroke(ctx, x0, y0, x1, y1) {
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}

const warns = ({ level }) => level === 'warning' || level === 'error';

const lane = (event) => (warns(event) ? 0 : 1);

// A triangle warns, a diamond is memory given back, a stroke is all else.
function glyph(ctx, x, y, event) {
  const size = pixels(4.5);
  const gives = event.event_type === 'eviction_completed' || event.event_type === 'purge_completed';
  ctx.fillStyle = color(event.level === 'error' ? '--critical' : warns(event) ? '--warning' : '--muted');
  ctx.beginPath();
  if (warns(event)) [[-1, -1], [1, -1], [0, 1]].forEach(corner);
  else if (gives) [[0, -1], [1, 0], [0, 1], [-1, 0]].forEach(corner);
  else ctx.rect(x - pixels(0.75), y - size, pixels(1.5), size * 2);
  ctx.fill();
  function corner([dx, dy]) {
    ctx.lineTo(x + dx * size, y + dy * size);
  }
}

function summary(series, since, status) {
  const said = LINES.concat({ name: 'objects', label: 'Live objects' }).flatMap(({ name, label }) => {
    const range = series.range(name, since);
    const write = name === 'objects' ? number : bytes;
    if (!range) return [`${label}: unknown`];
    if (range.least === range.most) return [`${label} ${write(range.now)} throughout`];
    return [`${label} ${write(range.least)} to ${write(range.most)}`];
  });
  const changes = series.levelChanges(since);
  const restarts = series.restarts.filter((time) => time >= since).length;
  const share = known(status?.snapshot?.usage_percent)
    ? ` Now at ${percent(status.snapshot.usage_percent)} of the budget.` : '';
  return `${said.join('; ')}. ${plural(changes, 'change')} of level`
    + `${restarts ? `, ${plural(restarts, 'restart')}` : ''}.${share}`;
}

function pointTable(rows) {
  const columns = [{ name: 'Time', head: true }, { name: 'Level' },
    ...LINES.map((line) => ({ name: line.label, number: true })),
    { name: 'Live objects', number: true }];
  const row = (point) => ({
    key: String(point.time),
    cells: point.level == null && point.usage == null && point.rss == null
      ? [moment(point.time), 'restart', ...LINES.map(() => '—'), '—']
      : [moment(point.time), point.level ?? 'unknown',
        ...LINES.map((line) => bytes(point[line.name])), number(point.objects)],
  });
  return table({ caption: 'Points of the history, newest first', columns, rows: rows.map(row) });
}
