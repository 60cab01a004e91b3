// A tile's rows as CSV (RFC 4180), exact, and the name of the file they are saved in.

import { type Cell, labelOf, type TileData } from './tile.ts';

/** The rows with a head; a text that a spreadsheet would take for a formula is kept a text by an apostrophe. */
export function csvOf(tile: TileData): string {
  const head = headsOf(tile).map(written);
  const lines = tile.rows.map((row) => tile.columns.map((_, at) => written(row[at] ?? null)).join(','));
  return [head.join(','), ...lines].join('\r\n') + '\r\n';
}

/** The names of the columns; two of one name, such as a value and the one before it, are told apart by their roles. */
export function headsOf(tile: TileData): string[] {
  const names = tile.columns.map((column) => column.name || labelOf(column));
  return names.map((name, at) => (names.indexOf(name) === at ? name : `${name}_${tile.columns[at]!.role ?? at}`));
}

function written(cell: Cell): string {
  if (cell === null) return '';
  let text = Array.isArray(cell) ? JSON.stringify(cell) : String(cell);
  if (typeof cell === 'string' && /^[=+\-@\t\r]/.test(text) && !/^[+-]?[\d.]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A file name that every system takes, from the page and the tile: `sales-revenue-by-region.csv`. */
export function fileName(page: string, tile: TileData, ending: string): string {
  const named = `${page} ${tile.title || tile.id}`.normalize('NFC').toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '');
  return `${Array.from(named).slice(0, 80).join('') || 'tile'}.${ending}`;
}
