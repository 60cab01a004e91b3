// Round axis steps for numbers and for times, chosen for the room there is.

import { MONTHS } from './format.ts';

export interface Scale {
  min: number;
  max: number;
  step: number;
  ticks: number[];
}

/** Round ends and steps around [low, high], about `count` steps; whole ones when `whole`, those of a clock when `clock`. */
export function niceScale(low: number, high: number, count = 4, whole = false, clock = false): Scale {
  let [from, to] = [Math.min(low, high), Math.max(low, high)];
  if (!Number.isFinite(from) || !Number.isFinite(to)) [from, to] = [0, 1];
  if (from === 0 && to === 0) return { min: 0, max: 1, step: 1, ticks: [0, 1] };
  if (from === to) {
    if (from > 0) from = 0;
    else to = 0;
  }
  const rough = (to - from) / Math.max(1, count);
  let step = clock && rough > 1 ? clockStep(rough) : roundStep(rough);
  if (whole && step < 1) step = 1;
  const first = Math.floor(from / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(to / step - 1e-9));
  const ticks: number[] = [];
  for (let at = first; at <= last; at += 1) ticks.push(clean(at * step));
  return { min: ticks[0]!, max: ticks[ticks.length - 1]!, step, ticks };
}

function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const share = rough / power - 1e-9;
  const round = share <= 1 ? 1 : share <= 2 ? 2 : share <= 2.5 ? 2.5 : share <= 5 ? 5 : 10;
  return round * power;
}

const CLOCK = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400];

const clockStep = (rough: number): number => CLOCK.find((step) => step >= rough) ?? roundStep(rough / 86_400) * 86_400;

// 3 * 0.1 is written 0.3, and a zero has no sign.
const clean = (value: number): number => Number(value.toPrecision(12)) + 0;

/** A scale for lines: with zero, unless everything happens in a band far from it. */
export function lineScale(low: number, high: number, count = 4, format = 'number'): Scale {
  const [whole, clock] = [format === 'integer', format === 'duration'];
  const far = low > 0 ? (high - low) / high : high < 0 ? (high - low) / -low : 1;
  if (far < 0.2 && low !== high) return niceScale(low, high, count, whole, clock);
  return niceScale(Math.min(0, low), Math.max(0, high), count, whole, clock);
}

export interface TimeTick {
  at: number;
  text: string;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const FIXED = [
  1_000, 5_000, 15_000, 30_000, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE,
  HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY,
];
const CALENDAR = [1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 6000, 12000];
const MONTH = 30.4 * DAY;
// Steps in days count from a Monday, so that weeks begin where a calendar's do.
const MONDAY = Date.UTC(1970, 0, 5);

/**
 * At most `most` ticks between two wall-clock moments, at round times; the larger unit is named where it turns.
 * None is finer than `least` milliseconds: data by days has no noon.
 */
export function timeTicks(from: number, to: number, most: number, least = 0): TimeTick[] {
  const room = Math.max(1, most);
  const span = Math.max(0, to - from);
  const fixed = FIXED.find((step) => step >= least && span / step <= room);
  if (fixed && span < 2.4 * MONTH) return fixedTicks(from, to, fixed);
  const months = CALENDAR.find((step) => span / (step * MONTH) <= room) ?? CALENDAR[CALENDAR.length - 1]!;
  return monthTicks(from, to, months);
}

function fixedTicks(from: number, to: number, step: number): TimeTick[] {
  const origin = step >= DAY ? MONDAY : 0;
  const ticks: TimeTick[] = [];
  for (let at = origin + Math.ceil((from - origin) / step) * step; at <= to; at += step) {
    ticks.push({ at, text: fixedText(at, step, ticks.length === 0) });
  }
  return ticks;
}

function fixedText(at: number, step: number, first: boolean): string {
  const moment = new Date(at);
  const day = `${moment.getUTCDate()} ${MONTHS[moment.getUTCMonth()]}`;
  if (step >= DAY) return day;
  if (at % DAY === 0 || (first && step >= 6 * HOUR)) return at % DAY === 0 ? day : clock(moment, step);
  return clock(moment, step);
}

function clock(moment: Date, step: number): string {
  const parts = [moment.getUTCHours(), moment.getUTCMinutes()];
  if (step < MINUTE) parts.push(moment.getUTCSeconds());
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

function monthTicks(from: number, to: number, step: number): TimeTick[] {
  const start = new Date(from);
  const month = start.getUTCFullYear() * 12 + start.getUTCMonth();
  const ticks: TimeTick[] = [];
  for (let at = Math.floor(month / step) * step; ; at += step) {
    const wall = monthStart(at);
    if (wall > to) return ticks;
    if (wall < from) continue;
    const year = Math.floor(at / 12);
    ticks.push({ at: wall, text: step >= 12 || at % 12 === 0 ? String(year) : MONTHS[at % 12]! });
  }
}

function monthStart(months: number): number {
  const made = new Date(0);
  // `Date.UTC` takes the years 0 to 99 for 1900 to 1999.
  made.setUTCFullYear(Math.floor(months / 12), ((months % 12) + 12) % 12, 1);
  return made.getTime();
}
