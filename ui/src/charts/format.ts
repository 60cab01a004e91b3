// Numbers, durations and times as people read them: short in charts, exact on hover and in exports.

import { type Cell, toNumber, toText } from './tile.ts';

const NBSP = '\u00a0';
const MINUS = '\u2212';
const UNITS: [number, string][] = [[1e12, 'T'], [1e9, 'B'], [1e6, 'M'], [1e3, 'k']];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const grouped = new Map<string, Intl.NumberFormat>();

function group(value: number, least: number, most: number): string {
  const key = `${least}.${most}`;
  let made = grouped.get(key);
  if (!made) {
    made = new Intl.NumberFormat('en-US', { minimumFractionDigits: least, maximumFractionDigits: most });
    grouped.set(key, made);
  }
  return made.format(value);
}

const signs = new Map<string, string>();

/** The sign that stands before an amount of this currency ('usd' → '$'), or '' when it is no currency. */
export function currencySign(format: string | undefined): string {
  if (!format || !/^[a-z]{3}$/i.test(format)) return '';
  const code = format.toUpperCase();
  let sign = signs.get(code);
  if (sign === undefined) {
    const parts = new Intl.NumberFormat('en-US', { style: 'currency', currency: code, currencyDisplay: 'narrowSymbol' })
      .formatToParts(1);
    sign = parts.find((part) => part.type === 'currency')?.value ?? code;
    if (/[a-z]$/i.test(sign)) sign += NBSP;
    signs.set(code, sign);
  }
  return sign;
}

/** Three figures at most and a unit: 4.92M, 412k. */
function shortened(size: number): string {
  if (size >= 1e15) return size.toExponential(2).replace('e+', 'e');
  for (let at = 0; at < UNITS.length; at += 1) {
    const [unit, name] = UNITS[at]!;
    if (size < unit * 0.9995) continue;
    const scaled = size / unit;
    return group(scaled, 0, scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2) + name;
  }
  return group(size, 0, 2);
}

function plain(size: number): string {
  if (size >= 999_950) return shortened(size);
  if (size >= 100 || Number.isInteger(size)) return group(size, 0, 0);
  if (size >= 1) return group(size, 0, 2);
  return size === 0 ? '0' : String(Number(size.toPrecision(3)));
}

function money(size: number): string {
  if (size >= 9_999.5) return shortened(size);
  return size >= 999.5 ? group(size, 0, 0) : group(size, size % 1 === 0 ? 0 : 2, 2);
}

function percent(size: number): string {
  const hundredths = size * 100;
  return `${group(hundredths, 0, hundredths >= 99.95 ? 0 : hundredths >= 0.995 || hundredths === 0 ? 1 : hundredths >= 0.01 ? 2 : 4)}${NBSP}%`;
}

/** A number of seconds in its two largest units: `12 s`, `3 min 20 s`, `2 d 4 h`. */
export function duration(seconds: number): string {
  const size = Math.abs(seconds);
  if (size < 1e-3) return size === 0 ? `0${NBSP}s` : `${group(size * 1e6, 0, 0)}${NBSP}µs`;
  if (size < 0.9995) return `${group(size * 1e3, 0, size < 0.01 ? 1 : 0)}${NBSP}ms`;
  if (size < 59.5) return `${group(size, 0, size < 9.95 ? 1 : 0)}${NBSP}s`;
  const whole = Math.round(size);
  const steps: [number, string, number, string][] = [
    [86_400, 'd', 3_600, 'h'], [3_600, 'h', 60, 'min'], [60, 'min', 1, 's'],
  ];
  for (const [unit, name, below, lesser] of steps) {
    if (whole < unit) continue;
    const first = Math.floor(whole / unit);
    const rest = Math.floor((whole % unit) / below);
    return `${group(first, 0, 0)}${NBSP}${name}${rest && first < 100 ? ` ${rest}${NBSP}${lesser}` : ''}`;
  }
  return `${whole}${NBSP}s`;
}

function bytes(size: number): string {
  const names = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let at = 0;
  let scaled = size;
  while (scaled >= 999.5 && at < names.length - 1) {
    scaled /= 1000;
    at += 1;
  }
  return `${group(scaled, 0, at === 0 || scaled >= 99.95 ? 0 : 1)}${NBSP}${names[at]}`;
}

/** A number for reading: `$4.92M`, `61,204`, `12 s`, `2.7 %`. */
export function short(cell: Cell | undefined, format = 'number'): string {
  const value = toNumber(cell);
  if (value === null) return cell === null || cell === undefined ? '–' : toText(cell);
  const size = Math.abs(value);
  const sign = value < 0 ? MINUS : '';
  if (format === 'percent') return sign + percent(size);
  if (format === 'percent1') return `${sign}${group(size * 100, 1, 1)}${NBSP}%`;
  if (format === 'duration') return sign + duration(size);
  if (format === 'bytes') return sign + bytes(size);
  const decimals = /^decimal(\d)$/.exec(format);
  if (decimals) return sign + (size >= 999_950 ? shortened(size) : group(size, Number(decimals[1]), Number(decimals[1])));
  const currency = currencySign(format);
  if (currency) return sign + currency + money(size);
  return sign + (format === 'integer' ? plain(Math.round(size)) : plain(size));
}

/** The same number with nothing left out, grouped for reading. */
export function exact(cell: Cell | undefined, format = 'number'): string {
  const value = toNumber(cell);
  if (value === null) return cell === null || cell === undefined ? 'no value' : toText(cell);
  const sign = value < 0 ? MINUS : '';
  const size = Math.abs(value);
  if (format.startsWith('percent')) return `${sign}${group(size * 100, 0, 6)}${NBSP}%`;
  if (format === 'duration') return `${sign}${group(size, 0, 6)}${NBSP}s`;
  if (format === 'bytes') return `${sign}${group(size, 0, 0)}${NBSP}B`;
  // Text holds what a double cannot: it is grouped as it stands.
  if (typeof cell === 'string' && /^-?\d+(\.\d+)?$/.test(cell.trim())) return sign + currencySign(format) + groupText(cell);
  const currency = currencySign(format);
  return sign + currency + group(size, currency && size % 1 !== 0 ? 2 : 0, 12);
}

function groupText(text: string): string {
  const [whole = '', part] = text.trim().replace('-', '').split('.');
  return whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',') + (part ? `.${part}` : '');
}

/** The labels of an axis, all in one unit: 0, 9k, 18k (not 9,000 beside 1.2M). */
export function tickLabels(ticks: number[], format = 'number'): string[] {
  const most = Math.max(...ticks.map(Math.abs), 0);
  if (format === 'duration' || format === 'bytes') return ticks.map((tick) => short(tick, format));
  const times = format === 'percent' ? 100 : 1;
  const [unit, name] = format === 'percent' ? [1, ''] : (UNITS.find(([size]) => most >= size * 2) ?? [1, '']);
  const scaled = ticks.map((tick) => (tick * times) / unit);
  const decimals = Math.min(6, Math.max(0, ...scaled.map(decimalsOf)));
  const currency = currencySign(format);
  const after = format === 'percent' ? `${NBSP}%` : name;
  return scaled.map((tick) => {
    const number = group(Math.abs(tick), decimals, decimals);
    return (tick < 0 ? MINUS : '') + currency + number + (tick === 0 && format !== 'percent' ? '' : after);
  });
}

function decimalsOf(value: number): number {
  const text = String(Number(value.toPrecision(9)));
  const point = text.indexOf('.');
  return point < 0 || text.includes('e') ? 0 : text.length - point - 1;
}

const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** A moment on a wall clock (milliseconds as if the wall were UTC) in words, as fine as its grain asks. */
export function wallTime(wall: number, grain = ''): string {
  const at = new Date(wall);
  const day = `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
  if (grain === 'year') return String(at.getUTCFullYear());
  if (grain === 'quarter') return `Q${Math.floor(at.getUTCMonth() / 3) + 1} ${at.getUTCFullYear()}`;
  if (grain === 'month') return `${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
  if (grain === 'week') return `week of ${day}`;
  if (grain === 'day' || (!grain && wall % 86_400_000 === 0)) return day;
  const clock = `${twoDigits(at.getUTCHours())}:${twoDigits(at.getUTCMinutes())}`;
  return `${day}, ${clock}${at.getUTCSeconds() ? `:${twoDigits(at.getUTCSeconds())}` : ''}`;
}

/** What something is compared with, in words: `4 weeks before`, `the period before`. */
export function before(compare: string | undefined): string {
  if (!compare) return 'before';
  if (/^previous( period)?$/i.test(compare)) return 'the period before';
  return /^\d+ [a-z]+$/i.test(compare) ? `${compare} before` : compare;
}

/** A change with its sign: `+8.2 %`; of a share in points (`+0.6 pt`). */
export function change(ratio: number | null | undefined, delta: number | null, format = 'number'): string {
  if (format === 'percent' && delta !== null) return `${signOf(delta)}${group(Math.abs(delta) * 100, 0, 1)}${NBSP}pt`;
  if (ratio !== null && ratio !== undefined && Number.isFinite(ratio)) return signOf(ratio) + percent(Math.abs(ratio));
  return delta === null ? '' : signOf(delta) + short(Math.abs(delta), format);
}

const signOf = (value: number): string => (value > 0 ? '+' : value < 0 ? MINUS : '±');
export { MONTHS };
