// What is drawn over the lines of a chart: thresholds, the level's strip, events, and restarts.

import { LEVELS } from './levels.js';
import { color } from './lines.js';

const MARKED = new Set([
  'level_changed',
  'eviction_completed',
  'purge_completed',
  'budget_changed',
  'monitor_started',
]);
const MOST = 200;

const pixels = (value) => Math.round(value * devicePixelRatio);

const warns = ({ level }) => level === 'warning' || level === 'error';

const gives = ({ event_type: type }) => type === 'eviction_completed' || type === 'purge_completed';

/** The events that the chart's span marks, newest first. */
export function marked(plot, log) {
  const { min, max } = plot.scales.x;
  const within = ({ timestamp }) => timestamp >= min && timestamp <= max;
  const worthy = (event) => MARKED.has(event.event_type) || warns(event);
  return log.entries.filter((event) => within(event) && worthy(event)).slice(0, MOST);
}

function stroke(ctx, x0, y0, x1, y1) {
  ctx.beginPath();
  ctx.moveTo(x0, y0);
  ctx.lineTo(x1, y1);
  ctx.stroke();
}

// From where the budget is what it is now: before, the lines lay elsewhere.
function drawThresholds(plot, thresholds) {
  const { ctx, bbox } = plot;
  const [times, budgets] = plot.data;
  const from = budgets.findLastIndex((budget) => budget != null && budget !== budgets.at(-1)) + 1;
  const left = Math.max(bbox.left, plot.valToPos(times[from], 'x', true));
  ctx.setLineDash([pixels(2), pixels(4)]);
  for (const line of thresholds) {
    const y = plot.valToPos(line.bytes, 'y', true);
    if (!(y >= bbox.top)) continue;
    ctx.strokeStyle = color(`--${line.level}`);
    stroke(ctx, left, y, bbox.left + bbox.width, y);
  }
}

// Which level was in force when: a strip along the ground, the taller the higher it was.
function drawLevels(plot, series) {
  const { ctx, bbox } = plot;
  const { level, time } = series.columns;
  const place = (at) => Math.max(plot.valToPos(at, 'x', true), bbox.left);
  const ground = bbox.top + bbox.height;
  for (let index = Math.max(series.from(plot.scales.x.min), 1); index < time.length; index += 1) {
    const rank = LEVELS.indexOf(level[index - 1]);
    if (rank < 1) continue;
    const [from, to, height] = [place(time[index - 1]), place(time[index]), pixels(2 + 2 * rank)];
    ctx.fillStyle = color(`--${level[index - 1]}`);
    ctx.fillRect(from, ground - height, to - from, height);
  }
}

const TRIANGLE = [
  [-1, -1],
  [1, -1],
  [0, 1],
];
const DIAMOND = [
  [0, -1],
  [1, 0],
  [0, 1],
  [-1, 0],
];
const STROKE = [
  [-0.2, -1],
  [0.2, -1],
  [0.2, 1],
  [-0.2, 1],
];

const shape = (event) => (warns(event) ? TRIANGLE : gives(event) ? DIAMOND : STROKE);

const shade = (event) =>
  color(event.level === 'error' ? '--critical' : warns(event) ? '--warning' : '--muted');

function drawGlyph(ctx, x, y, event) {
  const size = pixels(4.5);
  ctx.fillStyle = shade(event);
  ctx.beginPath();
  shape(event).forEach(([dx, dy]) => ctx.lineTo(x + dx * size, y + dy * size));
  ctx.fill();
}

// In two lanes, and no two on one spot: the worst of them is seen.
function drawEvents(plot, log) {
  const { ctx, bbox } = plot;
  const spots = new Map();
  for (const event of marked(plot, log)) {
    const x = plot.valToPos(event.timestamp, 'x', true);
    const y = bbox.top - pixels(warns(event) ? 18 : 7);
    const spot = `${y}:${Math.round(x / pixels(9))}`;
    if (spots.get(spot)?.event.level !== 'error') spots.set(spot, { event, x, y });
  }
  for (const { event, x, y } of spots.values()) drawGlyph(ctx, x, y, event);
}

/** A line where another process began. */
export function drawRestarts(plot, series, named = false) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.setLineDash([]);
  ctx.lineWidth = pixels(1);
  ctx.strokeStyle = ctx.fillStyle = color('--ink');
  ctx.font = `${pixels(11)}px ${getComputedStyle(document.body).fontFamily}`;
  for (const time of series.restarts) {
    const x = plot.valToPos(time, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    stroke(ctx, x, bbox.top - pixels(named ? 24 : 0), x, bbox.top + bbox.height);
    const side = x > bbox.left + bbox.width / 2 ? -1 : 1;
    ctx.textAlign = side < 0 ? 'right' : 'left';
    if (named) ctx.fillText('restart', x + side * pixels(9), bbox.top - pixels(14));
  }
  ctx.restore();
}

/** All of it, for the chart of memory. */
export function drawMarks(plot, series, log, thresholds) {
  if (!plot.data[0]?.length) return;
  const { ctx } = plot;
  ctx.save();
  ctx.lineWidth = pixels(1);
  drawLevels(plot, series);
  drawThresholds(plot, thresholds);
  ctx.setLineDash([]);
  drawEvents(plot, log);
  ctx.restore();
  drawRestarts(plot, series, true);
}
