// How a table's columns are laid out: which stand right, how wide each is, and how rows are sorted.

import { short, wallTime } from './format.ts';
import { wallOf } from './clock.ts';
import { type Cell, type Column, cut, isNumeric, isTime, labelOf, type TileData, toNumber, toText } from './tile.ts';

const LOOKED_AT = 200;
const LEAST = 34;
const WIDEST = 340;
const PADDING = 22;
const BAR = 90;
const LEAST_BAR = 30;
const LEAST_TEXT = 96;
const SPARK = 98;

/** Whether the column's cells are numbers and stand right-aligned. */
export const standsRight = (column: Column): boolean =>
  column.role !== 'link' && column.role !== 'spark' && !isTime(column) && column.format !== 'text' && (isNumeric(column) || column.role === 'bar');

/** How a column's cells are written, so that their points stand below each other: all with decimals, or none. */
export function evenly(tile: TileData): Column[] {
  return tile.columns.map((column, at) => {
    const format = column.format ?? 'number';
    if ((format !== 'number' && format !== 'percent') || !standsRight(column)) return column;
    const times = format === 'percent' ? 100 : 1;
    const broken = tile.rows.slice(0, LOOKED_AT).some((row) => !Number.isInteger(Number(((toNumber(row[at]) ?? 0) * times).toPrecision(9))));
    return broken ? { ...column, format: format === 'percent' ? 'percent1' : 'decimal2' } : column;
  });
}

/** The tile without columns that have a part in a chart and no values here. */
export function filled(tile: TileData): TileData {
  const kept = tile.columns.flatMap(({ role }, at) =>
    ['series', 'compared', 'size', 'x'].includes(role ?? '') && !tile.rows.some((row) => row[at] !== null && row[at] !== undefined) ? [] : [at]);
  if (kept.length === tile.columns.length) return tile;
  return { ...tile, columns: kept.map((at) => tile.columns[at]!), rows: tile.rows.map((row) => kept.map((at) => row[at] ?? null)) };
}

/** The text of a cell as it is shown. */
export function shown(cell: Cell | undefined, column: Column, zone?: string): string {
  if (cell === null || cell === undefined) return '–';
  if (isTime(column)) {
    const wall = wallOf(cell, zone);
    if (wall !== null) return wallTime(wall);
  }
  return standsRight(column) ? short(cell, column.format) : cut(toText(cell), 300);
}

/**
 * Widths in pixels from the first rows and the heads, so that neither sorting nor scrolling moves a column. Where
 * there is less room, bars become shorter first, then long texts are cut; what is still too wide is scrolled.
 */
export function widthsOf(tile: TileData, room: number, measure: (text: string, font: string) => number, font: string): number[] {
  const widths = tile.columns.map((column, at) => {
    if (column.role === 'spark') return SPARK + PADDING;
    let most = measure(cut(labelOf(column), 60), font) + 4;
    for (const row of tile.rows.slice(0, LOOKED_AT)) {
      if (most > WIDEST) break;
      most = Math.max(most, measure(cut(shown(row[at], column, tile.options?.timezone), 60), font));
    }
    return Math.round(Math.max(LEAST, Math.min(WIDEST, most)) + PADDING);
  });
  const over = (): number => widths.reduce((sum, width) => sum + width, 0) - room;
  const bars = tile.columns.flatMap(({ role }, at) => (role === 'bar' ? [at] : []));
  const spare = bars.length > 0 ? Math.max(LEAST_BAR, Math.min(BAR, -over() / bars.length)) : 0;
  for (const at of bars) widths[at]! += Math.round(spare);
  const texts = tile.columns.flatMap((column, at) => (standsRight(column) || column.role === 'spark' || isTime(column) ? [] : [at]));
  const give = texts.reduce((sum, at) => sum + Math.max(0, widths[at]! - LEAST_TEXT), 0);
  const share = give > 0 ? Math.min(1, Math.max(0, over()) / give) : 0;
  for (const at of texts) widths[at] = Math.round(widths[at]! - Math.max(0, widths[at]! - LEAST_TEXT) * share);
  return widths;
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
