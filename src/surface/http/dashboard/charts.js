// The charts over time: memory with its lines, live objects, and what happened when.

import { find, h, show } from './dom.js';
import { bytes, clock, day, moment, number, words } from './format.js';
import { LINES, color } from './lines.js';
import { sentence } from './log.js';
import { drawMarks, drawRestarts, marked } from './marks.js';
import { pointTable, span, summary } from './points.js';

const MIB = 1024 * 1024;

const KEY = [
  ['▼', 'warning'],
  ['◆', 'memory given back'],
  ['▂', 'level above healthy'],
];

function timeLabels(_, splits, __, ___, step) {
  return splits.map((at) => {
    if (step >= 86400) return day(at).slice(5);
    return clock(at, step < 60);
  });
}

const byteLabels = (_, splits) =>
  splits.map((at) => {
    if (at === 0) return '0';
    const unit = at >= 1024 * MIB ? [1024 * MIB, 'GiB'] : at >= MIB ? [MIB, 'MiB'] : [1024, 'KiB'];
    return `${Number((at / unit[0]).toFixed(2))} ${unit[1]}`;
  });

const countLabels = (_, splits) =>
  splits.map((at) => {
    if (at >= 1e6) return `${Number((at / 1e6).toFixed(2))} M`;
    return at >= 1e4 ? `${Number((at / 1e3).toFixed(1))} k` : number(at);
  });

const byteSteps = Array.from({ length: 44 }, (_, index) => 2 ** index);

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
    this.#legend(this.#memory.cursor.idx ?? null);
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
      stroke: color(name),
      width,
      dash,
      points: { show: false },
      spanGaps: false,
      paths: stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
    });
    this.#memory = this.#plot('chart-memory', 190, LINES.map(line), byteLabels, {
      incrs: byteSteps,
      hook: (plot) => drawMarks(plot, this.series, this.log, this.#status?.thresholds ?? []),
      top: 26,
    });
    const objects = line({ color: '--objects', width: 2 });
    this.#objects = this.#plot(
      'chart-objects',
      84,
      [{ ...objects, fill: color('--objects-fill') }],
      countLabels,
      { hook: (plot) => drawRestarts(plot, this.series), top: 4 },
    );
  }

  #plot(id, height, lines, labels, { incrs, hook, top }) {
    const axis = {
      stroke: color('--muted'),
      font: `11px ${getComputedStyle(document.body).fontFamily}`,
      grid: { stroke: color('--grid'), width: 1 },
      ticks: { show: false },
    };
    return new uPlot(
      {
        width: this.#width(),
        height,
        padding: [top, 22, 0, 0],
        legend: { show: false },
        scales: {
          x: { time: true, range: (_, from, to) => this.#times(from, to) },
          y: { range: (_, __, most) => [0, this.#top(id, most)] },
        },
        axes: [
          { ...axis, values: timeLabels, size: 24, gap: 4, space: 56 },
          { ...axis, values: labels, size: 62, gap: 4, space: 28, ...(incrs ? { incrs } : {}) },
        ],
        cursor: {
          sync: { key: 'plimsoll' },
          drag: { x: false, y: false },
          y: false,
          points: { size: 6 },
        },
        series: [{}, ...lines],
        hooks: { draw: [hook], setCursor: [(plot) => this.#cursor(plot)] },
      },
      null,
      find(id),
    );
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

  #cursor(plot) {
    if (plot !== this.#memory || !plot.data[0]?.length) return;
    this.#legend(plot.cursor.idx);
    const x = plot.cursor.left;
    const near = marked(plot, this.log).find(
      (event) => Math.abs(plot.valToPos(event.timestamp, 'x') - x) <= 5,
    );
    const seen = near && x >= 0;
    find('readout').textContent = seen
      ? `${moment(near.timestamp)} ${words(near.event_type)}: ${sentence(near)}`
      : '';
    find('history-words').classList.toggle('spoken', Boolean(seen));
  }

  #legend(index) {
    const { data } = this.#memory;
    const at = index ?? data[0].length - 1;
    const item = (label, name, text, dash) =>
      h(
        'li',
        {},
        h('span', {
          class: `swatch swatch-${name}${dash ? ' dashed' : ''}`,
          'aria-hidden': 'true',
        }),
        label,
        ' ',
        h('b', {}, text),
      );
    show(
      find('legend'),
      LINES.map((line, column) =>
        item(line.label, line.name, bytes(data[column + 1]?.[at]), line.dash),
      ),
      item('Live objects', 'objects', number(this.#objects?.data[1]?.[at])),
      KEY.map(([mark, text]) =>
        h('li', {}, h('span', { class: 'key', 'aria-hidden': 'true' }, mark), text),
      ),
      h('li', { class: 'when' }, index == null ? 'now' : moment(data[0][at])),
    );
  }

  #words() {
    const { series } = this;
    const since = this.#since;
    find('history-span').textContent = span(series, since);
    find('history-words').textContent = summary(series, since, this.#status);
    if (find('history-data').open) show(find('history-table'), pointTable(series, since));
  }
}
