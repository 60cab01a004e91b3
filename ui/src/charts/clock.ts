// Moments as a wall clock of the data's time zone shows them, so that days begin at that zone's midnight.

import type { Cell } from './tile.ts';

const QUARTER_HOUR = 900_000;
const makers = new Map<string, Intl.DateTimeFormat | null>();
const known = new Map<string, Map<number, number>>();

function maker(zone: string): Intl.DateTimeFormat | null {
  let made = makers.get(zone);
  if (made === undefined) {
    try {
      made = new Intl.DateTimeFormat('en-US', {
        timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric',
        hour: 'numeric', minute: 'numeric', second: 'numeric',
      });
    } catch (problem) {
      // A zone this browser does not know is shown as UTC, and `zoneNote` says which zone that is.
      if (!(problem instanceof RangeError)) throw problem;
      made = null;
    }
    makers.set(zone, made);
  }
  return made;
}

/** How many milliseconds the wall clock of the zone is ahead of UTC at this moment. */
export function offsetAt(moment: number, zone: string): number {
  if (!zone || zone === 'UTC') return 0;
  const made = maker(zone);
  if (!made || !Number.isFinite(moment)) return 0;
  let offsets = known.get(zone);
  if (!offsets) known.set(zone, (offsets = new Map()));
  const slot = Math.floor(moment / QUARTER_HOUR);
  let offset = offsets.get(slot);
  if (offset === undefined) {
    const start = slot * QUARTER_HOUR;
    const part: Record<string, number> = {};
    for (const { type, value } of made.formatToParts(start)) part[type] = Number(value);
    const wall = Date.UTC(part.year!, part.month! - 1, part.day!, part.hour!, part.minute!, part.second!);
    offset = wall - start;
    offsets.set(slot, offset);
  }
  return offset;
}

const DAY_ONLY = /^-?\d{4,}-\d\d-\d\d$/;
const ZONED = /(z|[+-]\d\d:?\d\d)$/i;

/** The wall-clock milliseconds of a date or timestamp cell, or null where it is neither. A date has no zone. */
export function wallOf(cell: Cell | undefined, zone = 'UTC'): number | null {
  if (typeof cell === 'number') return Number.isFinite(cell) ? cell + offsetAt(cell, zone) : null;
  if (typeof cell !== 'string' || cell === '') return null;
  if (DAY_ONLY.test(cell)) {
    const day = Date.parse(`${cell}T00:00:00Z`);
    return Number.isNaN(day) ? null : day;
  }
  const text = cell.replace(' ', 'T');
  const moment = Date.parse(ZONED.test(text) ? text : `${text}Z`);
  return Number.isNaN(moment) ? null : moment + offsetAt(moment, zone);
}

/** The zone to name beside a chart: the data's, when it is not the reader's; else ''. */
export function zoneNote(zone: string | undefined, reader = Intl.DateTimeFormat().resolvedOptions().timeZone): string {
  if (!zone || zone === reader) return '';
  const now = Date.now();
  const same = maker(zone) !== null && [0, 182 * 86_400_000].every(
    (later) => offsetAt(now - later, zone) === offsetAt(now - later, reader || 'UTC'),
  );
  return same ? '' : zone;
}

const STEPS: Record<string, number> = {
  second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000, week: 7 * 86_400_000,
};
/** The milliseconds of a grain, about; 0 for what is not one. */
export const lengthOf = (grain: string): number => STEPS[grain] ?? (MONTHLY[grain] ?? 0) * 28 * 86_400_000;

const MONTHLY: Record<string, number> = { month: 1, quarter: 3, year: 12 };

/** The start of the period after this one, on the wall clock; null for a grain that is not one. */
export function after(wall: number, grain: string): number | null {
  const step = STEPS[grain];
  if (step) return wall + step;
  const months = MONTHLY[grain];
  if (!months) return null;
  const at = new Date(wall);
  return Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + months, at.getUTCDate(), at.getUTCHours());
}
