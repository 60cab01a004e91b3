// Numbers and times as they are read; the exact value belongs into a title, and into exports.

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const some = new Intl.NumberFormat('en', { maximumSignificantDigits: 6 });
const fixed2 = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

/** `61,204`; nothing known is a dash. */
export const count = (value: number | null | undefined): string => (value == null ? '–' : whole.format(value));

/** `4.92M`: for axes, tiles and where room is short. */
export const compact = (value: number): string => (Math.abs(value) < 10_000 ? some.format(value) : short.format(value));

/** `12 s`, `340 ms`, `5 min`, `2.1 h`, `3 days`: one unit, at most two digits that matter. */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null) return '–';
  const abs = Math.abs(seconds);
  if (abs === 0) return '0 s';
  if (abs >= DAY && abs % DAY === 0) return abs === DAY ? '1 day' : `${seconds / DAY} days`;
  if (abs >= HOUR && abs % HOUR === 0 && abs < DAY) return `${seconds / HOUR} h`;
  if (abs < 0.9995) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (abs < 9.95) return `${tenth(seconds)} s`;
  if (abs < 99.5) return `${Math.round(seconds)} s`;
  if (abs < 99.5 * MINUTE) return `${Math.round(seconds / MINUTE)} min`;
  if (abs < 9.95 * HOUR) return `${tenth(seconds / HOUR)} h`;
  if (abs < 48 * HOUR) return `${Math.round(seconds / HOUR)} h`;
  return `${Math.round(seconds / DAY)} days`;
}

const tenth = (value: number): string => String(Math.round(value * 10) / 10);

/** `26 days` from `P26DT10774.2S`: a span of time as data has it. Anything else stays as it is. */
export function spanOf(text: string): string {
  const found = /^(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/.exec(text);
  if (!found) return text;
  const [days, hours, minutes, seconds] = found.slice(2).map((part) => Number(part ?? 0)) as [number, number, number, number];
  return (found[1] ?? '') + duration(days * DAY + hours * HOUR + minutes * MINUTE + seconds);
}

/** `1.2 MB`. */
export function bytes(value: number | null | undefined): string {
  if (value == null) return '–';
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let size = value;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) [size, unit] = [size / 1000, unit + 1];
  return `${unit === 0 ? size : size < 9.95 ? tenth(size) : Math.round(size)} ${units[unit]}`;
}

/** `2.7 %` from 0.027. */
export const percent = (ratio: number): string => {
  const value = ratio * 100;
  return `${Math.abs(value) < 9.95 ? tenth(value) : Math.round(value)} %`;
};

/** `3 rows`, `1 row`. */
export const plural = (n: number, word: string, many = `${word}s`): string => `${count(n)} ${n === 1 ? word : many}`;

/** Seconds since then, by the reader's clock. */
export const since = (iso: string | null | undefined, now = Date.now()): number | null =>
  iso ? Math.max(0, (now - Date.parse(iso)) / 1000) : null;

/** `48 s ago`. */
export const ago = (iso: string | null | undefined, now = Date.now()): string => {
  const seconds = since(iso, now);
  return seconds === null ? '–' : seconds < 1 ? 'just now' : `${duration(seconds)} ago`;
};

/** `25 Nov 21:44:54` in the reader's zone: short for today, with the year when it is another. */
export function moment(iso: string | null | undefined, now = new Date()): string {
  if (!iso) return '–';
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const time = at.toLocaleTimeString('en-GB');
  if (at.toDateString() === now.toDateString()) return time;
  const sameYear = at.getFullYear() === now.getFullYear();
  const day = at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', ...(sameYear ? {} : { year: 'numeric' }) });
  return `${day} ${time}`;
}

/** `+31`, `+4 −2`, `no change`. */
export function change(added: number | null | undefined, removed: number | null | undefined): string {
  const parts = [added ? `+${count(added)}` : '', removed ? `−${count(removed)}` : ''].filter(Boolean);
  return parts.join(' ') || 'no change';
}

const NUMERIC = /^(u?(tiny|small|big|huge)?int(eger)?|float|double|real|decimal.*|numeric.*)$/i;

/** Whether values of this type stand right-aligned. */
export const isNumeric = (type: string): boolean => NUMERIC.test(type.trim());

/** Whether values of this type are moments or days. */
export const isTime = (type: string): boolean => /^(date|time|timestamp)/i.test(type.trim());

/** A value of a grid as it is read: long fractions are rounded, the rest is what is there. */
export function cell(value: unknown, type = ''): string {
  if (value === null || value === undefined) return '∅';
  if (typeof value === 'number' && !Number.isInteger(value)) return rounded(value);
  if (typeof value === 'string' && /^timestamp/i.test(type)) return instant(value);
  return exact(value);
}

/** The same, exactly: for titles, copies and files. */
export function exact(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

const rounded = (value: number): string =>
  Math.abs(value) >= 1 && Math.abs(value) < 1e15 ? String(Number(value.toFixed(4))) : String(Number(value.toPrecision(5)));

/** `2026-01-06 09:14:00`: without the T, and without a fraction of zeros. */
const instant = (text: string): string =>
  text.replace('T', ' ').replace(/(\.\d*?)0+(?=Z|[+-]\d\d:|$)/, '$1').replace(/\.(?=Z|[+-]\d\d:|$)/, '');

/** A value in a metric's or tile's format: `usd`, `percent`, `integer`, `decimal2`, `duration`, `bytes`, `date`, `text`. */
export function formatted(value: unknown, format: string | null | undefined, brief = false): string {
  if (value === null || value === undefined) return '–';
  const number = typeof value === 'number' ? value : typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN;
  if (Number.isNaN(number) || format === 'text' || format === 'date') return cell(value);
  return inFormat(number, format, brief).replace(/^-/, '−');
}

function inFormat(number: number, format: string | null | undefined, brief: boolean): string {
  switch (format) {
    case 'percent':
      return percent(number);
    case 'integer':
      return brief ? compact(number) : whole.format(number);
    case 'decimal2':
      return fixed2.format(number);
    case 'duration':
      return duration(number);
    case 'bytes':
      return bytes(number);
    case 'number':
    case '':
    case null:
    case undefined:
      return brief ? compact(number) : some.format(number);
    default:
      return money(number, format, brief);
  }
}

function money(value: number, code: string, brief: boolean): string {
  if (!/^[a-z]{3}$/i.test(code)) return brief ? compact(value) : some.format(value);
  const large = brief && Math.abs(value) >= 10_000;
  return new Intl.NumberFormat('en', {
    style: 'currency',
    currency: code.toUpperCase(),
    currencyDisplay: 'narrowSymbol',
    ...(large ? { notation: 'compact', maximumSignificantDigits: 3 } : {}),
    ...(!large && Math.abs(value) >= 1000 ? { maximumFractionDigits: 0 } : {}),
  }).format(value);
}
