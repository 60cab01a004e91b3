// Lines from rows in long form: sorted, gaps kept as gaps, the largest named, the rest kept in grey or summed.

import { after, wallOf } from './clock.ts';
import { MOST_SERIES } from './palette.ts';
import { axes, type Cell, isNumeric, isOther, isTime, labelOf, type TileData, toNumber, toText } from './tile.ts';

export type Point = [x: number, y: number | null];

export interface Line {
  name: string;
  points: Point[];
  compared: Point[];
  weight: number;
  /** Whether it stands for what is not named, summed. */
  other?: boolean;
}

export type Across = 'time' | 'number' | 'category';

export interface Lines {
  across: Across;
  /** The names along x where it is a category; its places are the points' x. */
  categories: string[];
  lines: Line[];
  /** Lines that are drawn in grey and not named. */
  rest: Line[];
  format: string;
  label: string;
  grain: string;
  /** The x cells as they came, by their place: what a click on that place chooses. */
  cells: Map<number, Cell>;
  dropped: number;
}

const MOST_FILLED = 20_000;

/** The tile's rows as lines, at most `named` of them with a name. */
export function linesOf(tile: TileData, named = MOST_SERIES): Lines {
  const at = axes(tile);
  const xColumn = tile.columns[at.x];
  const yColumn = tile.columns[at.y];
  const across: Across = xColumn && isTime(xColumn) ? 'time' : xColumn && isNumeric(xColumn) ? 'number' : 'category';
  const zone = tile.options?.timezone ?? 'UTC';
  const categories: string[] = [];
  const placeOf = new Map<string, number>();
  const cells = new Map<number, Cell>();
  const found = new Map<string, Line>();
  let dropped = 0;
  for (const row of tile.rows) {
    const cell = row[at.x] ?? null;
    const x = across === 'time' ? wallOf(cell, zone) : across === 'number' ? toNumber(cell) : category(cell, placeOf, categories);
    if (x === null) {
      dropped += 1;
      continue;
    }
    if (!cells.has(x)) cells.set(x, cell);
    const name = at.series >= 0 ? toText(row[at.series]) : labelOf(yColumn);
    let line = found.get(name);
    if (!line) found.set(name, (line = { name, points: [], compared: [], weight: 0, other: at.series >= 0 && isOther(name) }));
    const y = toNumber(row[at.y]);
    line.points.push([x, y]);
    line.weight += Math.abs(y ?? 0);
    if (at.compared >= 0) line.compared.push([x, toNumber(row[at.compared])]);
  }
  const grain = tile.options?.grain ?? '';
  for (const line of found.values()) tidy(line, across === 'time' && !tile.sampled ? grain : '');
  const own = [...found.values()].filter((line) => !line.other);
  const all = [...own, ...[...found.values()].filter((line) => line.other)];
  const strong = new Set([...[...own].sort((a, b) => b.weight - a.weight).slice(0, named), ...all.slice(own.length)]);
  return {
    across, categories, cells, grain, dropped,
    lines: all.filter((line) => strong.has(line)),
    rest: all.filter((line) => !strong.has(line)),
    format: yColumn?.format ?? 'number',
    label: labelOf(yColumn),
  };
}

function category(cell: Cell, placeOf: Map<string, number>, categories: string[]): number {
  const name = toText(cell);
  let at = placeOf.get(name);
  if (at === undefined) {
    at = categories.push(name) - 1;
    placeOf.set(name, at);
  }
  return at;
}

function tidy(line: Line, grain: string): void {
  line.points.sort((a, b) => a[0] - b[0]);
  line.compared.sort((a, b) => a[0] - b[0]);
  line.points = withGaps(line.points, grain);
  line.compared = withGaps(line.compared, grain);
}

/** The points with an empty one where a period of the grain is missing, so that a line breaks there. */
export function withGaps(points: Point[], grain: string): Point[] {
  if (!grain || points.length < 2 || points.length > MOST_FILLED) return points;
  const filled: Point[] = [];
  for (const [at, point] of points.entries()) {
    filled.push(point);
    const next = points[at + 1];
    const due = after(point[0], grain);
    // Half a period of patience: a zone's day has 23 hours once a year.
    if (next && due !== null && next[0] > due + (due - point[0]) / 2) filled.push([due, null]);
  }
  return filled;
}

/** One line that is the sum of these at every x; what is empty everywhere stays empty. */
export function summed(lines: Line[], name: string): Line {
  const sums = new Map<number, number | null>();
  for (const line of lines) {
    for (const [x, y] of line.points) {
      const so = sums.get(x);
      sums.set(x, y === null ? (so ?? null) : (so ?? 0) + y);
    }
  }
  const points = [...sums].sort((a, b) => a[0] - b[0]) as Point[];
  return { name, points, compared: [], weight: lines.reduce((sum, line) => sum + line.weight, 0), other: true };
}

/** The least and the greatest y of some lines, comparisons included. */
export function extent(lines: Line[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const line of lines) {
    for (const points of [line.points, line.compared]) {
      for (const [, y] of points) {
        if (y === null) continue;
        if (y < low) low = y;
        if (y > high) high = y;
      }
    }
  }
  return low > high ? [0, 1] : [low, high];
}

/** The first and the last x of some lines. */
export function reach(lines: Line[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const line of lines) {
    for (const [x] of line.points) {
      if (x < low) low = x;
      if (x > high) high = x;
    }
  }
  return low > high ? [0, 1] : [low, high];
}

/** The last point that has a height, or nothing. */
export const lastOf = (points: Point[]): Point | undefined => points.findLast(([, y]) => y !== null);
