// How a table's columns are laid out: which stand right, how wide each is, and how rows are sorted.

import { short, wallTime } from './format.ts';
import { wallOf } from './clock.ts';
import { type Cell, type Column, cut, isNumeric, isTime, labelOf, type TileData, toNumber, toText } from './tile.ts';

const LOOKED_AT = 200;
const LEAST = 56;
const WIDEST = 340;
const PADDING = 22;
const BAR = 90;

/** Whether the column's cells are numbers and stand right-aligned. */
export const standsRight = (column: Column): boolean =>
  column.role !== 'link' && column.role !== 'spark' && !isTime(column) && column.format !== 'text' && (isNumeric(column) || column.role === 'bar');

/** The text of a cell as it is shown. */
export function shown(cell: Cell | undefined, column: Column, zone?: string): string {
  if (cell === null || cell === undefined) return '–';
  if (isTime(column)) {
    const wall = wallOf(cell, zone);
    if (wall !== null) return wallTime(wall);
  }
  return standsRight(column) ? short(cell, column.format) : cut(toText(cell), 300);
}

/** Widths in pixels from the first rows and the heads, so that neither sorting nor scrolling moves a column. */
export function widthsOf(tile: TileData, measure: (text: string, font: string) => number, font: string): number[] {
  return tile.columns.map((column, at) => {
    const extra = column.role === 'bar' ? BAR : 0;
    if (column.role === 'spark') return 120;
    let most = measure(cut(labelOf(column), 60), font) + 16;
    for (const row of tile.rows.slice(0, LOOKED_AT)) {
      most = Math.max(most, measure(cut(shown(row[at], column, tile.options?.timezone), 60), font));
      if (most > WIDEST) break;
    }
    return Math.round(Math.max(LEAST, Math.min(WIDEST, most)) + PADDING + extra);
  });
}

/** The rows in the order of a column; what is missing comes last either way. */
export function sorted(tile: TileData, at: number, down: boolean): Cell[][] {
  const column = tile.columns[at];
  if (!column) return tile.rows;
  const numeric = isNumeric(column) || column.role === 'bar';
  const words = new Intl.Collator('en', { numeric: true });
  const compare = (a: Cell, b: Cell): number => (numeric ? (toNumber(a) ?? 0) - (toNumber(b) ?? 0) : words.compare(toText(a), toText(b)));
  return [...tile.rows].sort((first, second) => {
    const [a, b] = [first[at] ?? null, second[at] ?? null];
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    return down ? -compare(a, b) : compare(a, b);
  });
}

/** The numbers of a small curve in a cell: a list, or a list written as JSON; pairs give their second. */
export function sparkOf(cell: Cell | undefined): (number | null)[] {
  let list: unknown = cell;
  if (typeof cell === 'string' && cell.startsWith('[')) {
    try {
      list = JSON.parse(cell);
    } catch (problem) {
      // It is a text that begins with a bracket, not a list: there is no curve.
      if (!(problem instanceof SyntaxError)) throw problem;
    }
  }
  if (!Array.isArray(list)) return [];
  return list.map((one: Cell) => toNumber(Array.isArray(one) ? one[1] : one));
}
