// What a chart function gives back, and the parts all of them draw the same way.

import { tickLabels } from './format.ts';
import type { Look } from './palette.ts';
import type { Scale } from './scale.ts';
import { type Cell, cut } from './tile.ts';

/** ECharts' option, as plain data. */
export type Option = Record<string, unknown>;

export interface TipRow {
  color?: string;
  name: string;
  value: string;
  dashed?: boolean;
}

export interface Tip {
  title: string;
  rows: TipRow[];
}

/** A place one can stop at by keyboard or pointer: where it is in pixels, what it says, what choosing it filters by. */
export interface Stop {
  left: number;
  top: number;
  tip(): Tip;
  /** Whether a hairline stands through it from top to bottom. */
  rule?: boolean;
  dots?(): Dot[];
  box?: Box;
  pick?(top: number): Pick | undefined;
}

export interface Dot {
  left: number;
  top: number;
  color: string;
}

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** A column of the tile and the cell that was chosen in it. */
export interface Pick {
  column: string;
  value: Cell;
}

export interface Drawn {
  option: Option;
  stops: Stop[];
  /** The place among `stops` that a pointer at these pixels means, or -1. */
  hit(left: number, top: number): number;
  /** What the drawing could not show, for the line under the title. */
  note?: string;
}

export interface Room {
  width: number;
  height: number;
  /** The width in pixels of a text at this CSS font. */
  measure(text: string, font: string): number;
}

/** What a click has chosen before: values by column name; marks outside of it are drawn pale. */
export type Chosen = ReadonlyMap<string, ReadonlySet<string>>;

export const NOTHING_CHOSEN: Chosen = new Map();

export const LABEL = 11.5;
export const TICK = 11;

export const labelFont = (look: Look, size = LABEL, weight = 600): string => `${weight} ${size}px ${look.font}`;

/** The text cut so that it is no wider than this. */
export function fit(text: string, width: number, font: string, room: Room): string {
  let shown = cut(text.replace(/\s+/g, ' '), 80);
  while (shown.length > 2 && room.measure(shown, font) > width) {
    const share = Math.min(0.95, width / room.measure(shown, font));
    shown = cut(shown, Math.max(2, Math.min(Array.from(shown).length - 1, Math.floor(Array.from(shown).length * share))));
  }
  return shown;
}

/** The bare option that every chart starts from: no animation, no padding but ours. */
export function base(look: Look, grid: Option): Option {
  return {
    animation: false,
    useUTC: true,
    backgroundColor: 'transparent',
    textStyle: { fontFamily: look.font, color: look.ink },
    grid: { containLabel: false, outerBoundsMode: 'none', ...grid },
  };
}

/** A value axis: hairlines across, small grey labels, no line and no ticks. */
export function valueAxis(scale: Scale, format: string, look: Look): Option {
  const labels = tickLabels(scale.ticks, format);
  const words = new Map(scale.ticks.map((tick, at) => [near(tick), labels[at]]));
  return {
    type: 'value',
    min: scale.min,
    max: scale.max,
    interval: scale.step,
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { show: true, lineStyle: { color: look.line, width: 1 } },
    axisLabel: {
      color: look.mute,
      fontSize: TICK,
      margin: 8,
      showMinLabel: true,
      showMaxLabel: true,
      formatter: (value: number) => words.get(near(value)) ?? '',
    },
  };
}

/** An axis along the bottom with labels at chosen places only. */
export function placedAxis(from: number, to: number, ticks: { at: number; text: string }[], look: Look): Option {
  const words = new Map(ticks.map(({ at, text }) => [at, text]));
  return {
    type: 'value',
    min: from,
    max: to,
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { show: false },
    axisLabel: {
      color: look.mute,
      fontSize: TICK,
      margin: 9,
      hideOverlap: true,
      customValues: ticks.map(({ at }) => at),
      formatter: (value: number) => words.get(value) ?? '',
    },
  };
}

// ECharts counts its ticks up itself, with the errors of adding: 0.30000000000000004 is our 0.3.
const near = (value: number): string => String(Number(value.toPrecision(9)) + 0);

export const widest = (texts: string[], font: string, room: Room): number =>
  texts.reduce((most, text) => Math.max(most, room.measure(text, font)), 0);

/** The place of the value nearest to this one in a sorted list, or -1. */
export function nearest(sorted: readonly number[], value: number): number {
  if (sorted.length === 0) return -1;
  let [low, high] = [0, sorted.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low > 0 && value - sorted[low - 1]! <= sorted[low]! - value ? low - 1 : low;
}

/** Whether something of this name is drawn pale because others were chosen in its column. */
export const paled = (chosen: Chosen, column: string | undefined, name: string): boolean => {
  const names = column === undefined ? undefined : chosen.get(column);
  return names !== undefined && names.size > 0 && !names.has(name);
};
