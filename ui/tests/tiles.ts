// Tiles for the tests of charts: every kind, and every awkward input.
import type { Cell, Kind, TileData } from '../src/charts/tile.ts';


const DAY = 86_400_000;

/** An ISO day so many days after 1 September 2026. */
export const day = (at: number): string => new Date(Date.UTC(2026, 8, 1) + at * DAY).toISOString().slice(0, 10);

export function tile(kind: Kind, columns: TileData['columns'], rows: Cell[][], more: Partial<TileData> = {}): TileData {
  return { id: 't1', kind, state: 'ok', title: 'Revenue by region', columns, rows, options: {}, ...more };
}

/** Long form: a line of so many days for every name; `value` says its height. */
export function lines(names: string[], days: number, value: (at: number, series: number) => number | null, more: Partial<TileData> = {}): TileData {
  const rows = names.flatMap((name, series) => Array.from({ length: days }, (_, at): Cell[] => [day(at), name, value(at, series)]));
  return tile('line', [
    { name: 'ordered_at', type: 'DATE', role: 'x' },
    { name: 'region', type: 'VARCHAR', role: 'series' },
    { name: 'revenue', label: 'Revenue', type: 'DOUBLE', role: 'y', format: 'usd' },
  ], rows, { ...more, options: { grain: 'day', ...more.options } });
}

/** Bars of these names and values. */
export const bars = (pairs: [Cell, Cell][], more: Partial<TileData> = {}): TileData =>
  tile('bar', [
    { name: 'product', type: 'VARCHAR', role: 'x' },
    { name: 'revenue', label: 'Revenue', type: 'DOUBLE', role: 'y', format: 'usd' },
  ], pairs, more);
