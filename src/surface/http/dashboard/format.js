// How figures are written: bytes, counts, rates, times. What is unknown says so.

export const UNKNOWN = 'unknown';
const NARROW = '\u202f';
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export const known = (figure) => typeof figure === 'number' && Number.isFinite(figure);

/** A number with `digits` decimals, its thousands apart. */
export function number(value, digits = 0) {
  if (!known(value)) return UNKNOWN;
  const [whole, part] = Math.abs(value).toFixed(digits).split('.');
  const apart = whole.replace(/\B(?=(\d{3})+$)/g, NARROW);
  const negative = value < 0 && Number(value.toFixed(digits)) !== 0;
  return (negative ? '−' : '') + apart + (part ? `.${part}` : '');
}

const unitOf = (size) =>
  Math.min(size < 1024 ? 0 : Math.floor(Math.log2(size) / 10), UNITS.length - 1);

const digitsOf = (scaled, unit) => (unit === 0 ? 0 : scaled < 100 ? 2 : 1);

/** Bytes in the unit in which they are easy to read. */
export function bytes(value) {
  if (!known(value)) return UNKNOWN;
  const unit = unitOf(Math.abs(value));
  const scaled = value / 1024 ** unit;
  return `${number(scaled, digitsOf(Math.abs(scaled), unit))}\u00a0${UNITS[unit]}`;
}

/** Bytes to the last one, for whoever looks closely. */
export const exactly = (value) => (known(value) ? `${number(value)} bytes` : UNKNOWN);

/** A change for each second, with its sign. */
export function perSecond(value, write = bytes) {
  if (!known(value)) return UNKNOWN;
  const sign = value > 0 ? '+' : '';
  return `${sign}${write(value)}/s`;
}

export const percent = (value, digits = 1) =>
  known(value) ? `${number(value, digits)}\u00a0%` : UNKNOWN;

export const share = (value) => (known(value) ? percent(value * 100, 0) : UNKNOWN);

/** Seconds as people say them: the two largest units. */
export function duration(seconds) {
  if (!known(seconds)) return UNKNOWN;
  if (seconds < 0.9995) return `${number(seconds * 1000, seconds < 0.00995 ? 1 : 0)}\u00a0ms`;
  if (seconds < 9.95) return `${number(seconds, 1)}\u00a0s`;
  const whole = Math.round(seconds);
  const steps = [
    [86400, 'd', 3600, 'h'],
    [3600, 'h', 60, 'min'],
    [60, 'min', 1, 's'],
  ];
  for (const [large, name, small, rest] of steps) {
    if (whole < large) continue;
    const left = Math.floor((whole % large) / small);
    return `${Math.floor(whole / large)}\u00a0${name}${left ? ` ${left}\u00a0${rest}` : ''}`;
  }
  return `${whole}\u00a0s`;
}

const two = (value) => String(value).padStart(2, '0');

/** The time of day, to the second or to the minute. */
export function clock(epoch, withSeconds = true) {
  if (!known(epoch)) return UNKNOWN;
  const at = new Date(epoch * 1000);
  const minutes = `${two(at.getHours())}:${two(at.getMinutes())}`;
  return withSeconds ? `${minutes}:${two(at.getSeconds())}` : minutes;
}

export function day(epoch) {
  const at = new Date(epoch * 1000);
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** The time of day; the date too when it is not today's. */
export function moment(epoch) {
  if (!known(epoch)) return UNKNOWN;
  const today = day(Date.now() / 1000) === day(epoch);
  return today ? clock(epoch) : `${day(epoch)} ${clock(epoch)}`;
}

export const words = (name) => String(name ?? UNKNOWN).replaceAll('_', ' ');

export const plural = (count, one, many = `${one}s`) =>
  `${number(count)}\u00a0${count === 1 ? one : many}`;
