// The plane that lines, columns and points stand on: its margins, its scales, and where a value is in pixels.

import type { Across, Line, Lines } from './series.ts';
import { type Option, placedAxis, type Room, TICK, valueAxis, widest } from './drawing.ts';
import { lengthOf } from './clock.ts';
import { tickLabels, wallTime } from './format.ts';
import type { Look } from './palette.ts';
import { niceScale, type Scale, timeTicks } from './scale.ts';
import { cut } from './tile.ts';

const LETTER = 0.6; // how wide a letter is, as a share of its height

export interface Plane {
  left: number;
  right: number;
  top: number;
  bottom: number;
  from: number;
  to: number;
  scale: Scale;
  format: string;
  /** Where the picture ends: what is written beyond it is cut off. */
  width: number;
  across(x: number): number;
  up(y: number): number;
}

export interface Frame {
  room: Room;
  look: Look;
  scale: Scale;
  format: string;
  /** Room kept free on the right for names, and above the top line. */
  right: number;
  top?: number;
  bottom?: number;
  /** Half the width of a column, as a share of the distance of two places: 0.5 gives a column room at both ends. */
  pad?: number;
}

/** The plane for values between `from` and `to`; one place alone stands in the middle. */
export function planeOf(frame: Frame, from: number, to: number, pad = 0): Plane {
  const { room, look, scale, format } = frame;
  const left = Math.ceil(widest(tickLabels(scale.ticks, format), `400 ${TICK}px ${look.font}`, room)) + 10;
  const right = room.width - frame.right;
  const top = frame.top ?? 10;
  const bottom = room.height - (frame.bottom ?? 26);
  const [start, end] = from === to ? [from - (pad || 1), to + (pad || 1)] : [from - pad, to + pad];
  return {
    left, right, top, bottom, from: start, to: end, scale, format, width: room.width,
    across: (x) => left + ((x - start) / (end - start)) * (right - left),
    up: (y) => bottom - ((y - scale.min) / (scale.max - scale.min)) * (bottom - top),
  };
}

export const gridOf = (plane: Plane, room: Room): Option => ({
  left: plane.left,
  right: room.width - plane.right,
  top: plane.top,
  bottom: room.height - plane.bottom,
});

/** The axis along the bottom for times (`format` is their grain), numbers or categories, with as many labels as have room. */
export function acrossAxis(plane: Plane, kind: Across, categories: string[], look: Look, format = ''): Option {
  const wide = plane.right - plane.left;
  if (kind === 'time') return inside(plane, timeTicks(plane.from, plane.to, wide / 76, lengthOf(format)), look);
  if (kind === 'number') {
    const ticks = niceScale(plane.from, plane.to, Math.max(2, wide / 90)).ticks
      .filter((tick) => tick >= plane.from && tick <= plane.to);
    const words = tickLabels(ticks, format);
    return inside(plane, ticks.map((at, index) => ({ at, text: words[index]! })), look);
  }
  const most = Math.max(1, Math.floor(wide / 64));
  const every = Math.max(1, Math.ceil(categories.length / most));
  const letters = Math.max(4, Math.floor(wide / Math.min(categories.length, most) / 7));
  const ticks = categories.flatMap((name, at) => (at % every === 0 ? [{ at, text: cut(name, letters) }] : []));
  return inside(plane, ticks, look);
}

// An axis whose last word ends with the picture where, in the middle under its place, it would be cut off.
function inside(plane: Plane, ticks: { at: number; text: string }[], look: Look): Option {
  const axis = placedAxis(plane.from, plane.to, ticks, look);
  const last = ticks[ticks.length - 1];
  if (!last || plane.across(last.at) + (last.text.length * TICK * LETTER) / 2 <= plane.width) return axis;
  return { ...axis, axisLabel: { ...(axis.axisLabel as Option), alignMaxLabel: 'right' } };
}

export const upAxis = (plane: Plane, look: Look): Option => valueAxis(plane.scale, plane.format, look);

/** What a place along x is called in full. */
export function placeName(lines: Lines, x: number): string {
  if (lines.across === 'time') return wallTime(x, lines.grain);
  return lines.across === 'category' ? (lines.categories[x] ?? '') : String(x);
}

/** The least distance of two neighbouring places along x, or 0 where there is only one. */
export function pitch(places: readonly number[]): number {
  let least = Infinity;
  for (let at = 1; at < places.length; at += 1) {
    const distance = places[at]! - places[at - 1]!;
    if (distance > 0 && distance < least) least = distance;
  }
  return least === Infinity ? 0 : least;
}

/** Every place along x that some line has, in order. */
export function placesOf(lines: Line[]): number[] {
  const all = new Set<number>();
  for (const line of lines) for (const [x, y] of line.points) if (y !== null) all.add(x);
  return [...all].sort((a, b) => a - b);
}

