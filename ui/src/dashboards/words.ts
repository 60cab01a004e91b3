// Ages, targets and states of a page and its tiles in words.

import { wallOf } from '../charts/clock.ts';
import { duration, wallTime } from '../charts/format.ts';

const PLAIN = /\u00a0/g;

/** `12 s old, target 1 min`; without an age, what is known. */
export function freshness(age: number | null | undefined, target: number | null | undefined): string {
  const said: string[] = [];
  if (age !== null && age !== undefined) said.push(`${aged(age)} old`);
  if (target) said.push(`target ${aged(target)}`);
  return said.join(', ');
}

/** One unit is enough for an age: `12 s`, `4 min`, `3 h`, `2 d`. */
export function aged(seconds: number): string {
  const whole = Math.max(0, seconds);
  const unit = whole < 60 ? 1 : whole < 3_600 ? 60 : whole < 86_400 ? 3_600 : 86_400;
  return duration(Math.floor(whole / unit) * unit).replace(PLAIN, ' ');
}

/** A moment in the reader's own zone: `25 Nov 2026, 22:51`. */
export function asOf(moment: string, zone = Intl.DateTimeFormat().resolvedOptions().timeZone): string {
  const wall = wallOf(moment, zone);
  return wall === null ? moment : wallTime(Math.floor(wall / 60_000) * 60_000, 'minute');
}

/** Whether something of this age is late against its target. */
export const isLate = (age: number | null | undefined, target: number | null | undefined): boolean =>
  Boolean(target) && age !== null && age !== undefined && age > target!;
