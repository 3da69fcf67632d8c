// The load line: the budget as a bar, the lines on it, and the usage as an interval.

import { h, s, show } from './dom.js';
import { bytes, known, percent } from './format.js';
import { MEANING, sign } from './levels.js';

const BAR = { top: 62, height: 26 };
const ROW = 15;
// Usage far above the budget would make the lines unreadable: it is said with an arrow instead.
const WIDEST = 1.3;

const at = (x) => Math.round(x * 2) / 2;

const interval = ({ snapshot, usage }) => ({
  low: snapshot.usage_low_bytes ?? usage.low_bytes,
  high: snapshot.usage_high_bytes ?? usage.high_bytes,
});

function scaleOf(status, width) {
  const budget = status.budget.bytes;
  const { high } = interval(status);
  const most = Math.max(budget, high ?? 0, status.snapshot.usage_bytes ?? 0);
  const end = Math.min(most, budget * WIDEST) * 1.02;
  const x = (figure) => at(Math.min(figure / end, 1) * (width - 2) + 1);
  return { x, end, beyond: most > budget * WIDEST };
}

// From the budget down, each label ends at its line: the steps of a load line.
function linesOf(status) {
  const budget = { label: `budget  ${bytes(status.budget.bytes)}`, bytes: status.budget.bytes };
  const thresholds = status.thresholds.toReversed().map((line) => ({
    label: `${line.name} ${percent(line.percent, 0)}`,
    more: `  ${bytes(line.bytes)}, left below ${percent(line.leave_percent, 0)}`,
    ...line,
  }));
  return [budget, ...thresholds];
}

function drawLine(line, row, { x }, width) {
  const place = x(line.bytes);
  const y = row * ROW + 11;
  const kind = line.level ? `load-line level-${line.level}` : 'load-line budget';
  const room = place > 380 && width > 600;
  return s(
    'g',
    { class: kind },
    s('text', { x: place - 6, y, 'text-anchor': 'end' }, line.label, room ? line.more : null),
    s('path', { d: `M${place} ${y - 9}V${BAR.top + BAR.height}` }),
  );
}

const drawLeave = (line, { x }) =>
  s('path', {
    class: `leave level-${line.level}`,
    d: `M${x(line.leave_bytes)} ${BAR.top + 2}v${BAR.height - 4}`,
  });

function drawInterval({ low, high }, scale, width) {
  if (!known(low) || !known(high)) return null;
  const [from, to] = [scale.x(low), scale.x(high)];
  const y = BAR.top + BAR.height + 7;
  const text = `${bytes(low)} that the kernel cannot drop, to ${bytes(high)} with all it charges`;
  const brief = `${bytes(low)} to ${bytes(high)}`;
  const room = width > 700;
  const anchor = (from + to) / 2 < width / 2 ? 'start' : 'end';
  return s(
    'g',
    { class: 'interval' },
    s('path', { d: `M${from} ${y - 4}v8M${from} ${y}H${to}M${to} ${y - 4}v8` }),
    s(
      'text',
      { x: anchor === 'start' ? Math.max(from, 1) : to, y: y + 17, 'text-anchor': anchor },
      room ? text : brief,
    ),
  );
}

function drawUsage(usage, level, { x }) {
  if (!known(usage)) return null;
  const place = x(usage);
  const middle = BAR.top + BAR.height / 2;
  return s(
    'g',
    { class: `usage level-${level}` },
    s('rect', { x: 1, y: BAR.top, width: Math.max(place - 1, 0), height: BAR.height }),
    s('circle', { cx: place, cy: middle, r: 8 }),
    s('path', { d: `M${place} ${BAR.top - 5}V${BAR.top + BAR.height + 5}` }),
  );
}

function describe(status) {
  const { usage_bytes: usage, usage_percent: used } = status.snapshot;
  const lines = status.thresholds.map((line) => `${line.name} at ${percent(line.percent, 0)}`);
  return (
    `${bytes(usage)} used, ${percent(used)} of ${bytes(status.budget.bytes)}; ` +
    `lines: ${lines.join(', ')}; level ${status.level}`
  );
}

export function gauge(root, status, width) {
  if (!known(status.budget?.bytes)) {
    show(root, h('p', { class: 'note' }, 'No budget is known: there is no line to hold.'));
    return;
  }
  const scale = scaleOf(status, width);
  const lines = linesOf(status);
  const height = BAR.top + BAR.height + 28;
  show(
    root,
    s(
      'svg',
      {
        width,
        height,
        viewBox: `0 0 ${width} ${height}`,
        role: 'img',
        'aria-label': describe(status),
      },
      s('rect', { class: 'track', x: 1, y: BAR.top, width: width - 2, height: BAR.height }),
      s('rect', {
        class: 'room',
        x: 1,
        y: BAR.top,
        width: scale.x(status.budget.bytes) - 1,
        height: BAR.height,
      }),
      drawUsage(status.snapshot.usage_bytes, status.level, scale),
      status.thresholds.map((line) => drawLeave(line, scale)),
      lines.map((line, row) => drawLine(line, row, scale, width)),
      drawInterval(interval(status), scale, width),
      scale.beyond
        ? s(
            'text',
            { class: 'beyond', x: width - 4, y: BAR.top + 18, 'text-anchor': 'end' },
            `${bytes(interval(status).high)} →`,
          )
        : null,
    ),
  );
}

export function level(root, status) {
  const { usage_bytes: usage, usage_percent: used } = status.snapshot;
  show(
    root,
    h('p', { class: `now level-${status.level}` }, sign(status.level), h('b', {}, status.level)),
    h(
      'p',
      { class: 'used' },
      h('b', { id: 'used-percent' }, percent(used)),
      h(
        'span',
        {},
        known(usage)
          ? `${bytes(usage)} of ${bytes(status.budget?.bytes)}`
          : 'what is used is unknown',
      ),
    ),
    h(
      'p',
      { class: 'note meaning' },
      known(usage) ? (MEANING[status.level] ?? '') : 'no line can be held against what is unknown',
    ),
  );
}

export function provenance(root, { budget, usage }) {
  const near = known(usage?.proximity_percent)
    ? `, ${percent(usage.proximity_percent)} of it used`
    : '';
  const wall = known(budget?.limit_bytes) ? `${bytes(budget.limit_bytes)}${near}` : 'unknown';
  show(
    root,
    h(
      'span',
      {},
      h('b', {}, 'Budget'),
      ` ${bytes(budget?.bytes)}: ${budget?.provenance ?? 'of unknown origin'}`,
    ),
    h(
      'span',
      {},
      h('b', {}, 'Meter'),
      ` ${budget?.meter ?? 'unknown'}, without `,
      `${bytes(usage?.purgeable_bytes)} to be purged and `,
      `${bytes(usage?.reusable_bytes)} to be used again`,
    ),
    h('span', {}, h('b', {}, 'Kernel’s limit'), ` ${wall}`),
  );
}
