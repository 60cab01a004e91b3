// What the server sends for one tile of a dashboard, and how its columns are found by their roles.

export type Cell = string | number | boolean | null | Cell[];

export type Role =
  | 'x' | 'x2' | 'y' | 'series' | 'label' | 'value' | 'compared' | 'size' | 'bar' | 'spark' | 'link' | 'time'
  | 'low' | 'q1' | 'median' | 'q3' | 'high';

export type Kind =
  | 'kpi' | 'line' | 'area' | 'bar' | 'stacked' | 'scatter' | 'histogram'
  | 'heatmap' | 'box' | 'funnel' | 'table' | 'sparkline';

export type TileState = 'ok' | 'empty' | 'failed' | 'slow' | 'late' | 'building' | 'missing';

export interface Column {
  name: string;
  label?: string;
  type?: string;
  role?: Role | string;
  format?: string;
}

export interface Kpi {
  value: Cell;
  compared?: Cell;
  delta?: Cell;
  ratio?: number | null;
  good?: 'up' | 'down' | 'none';
  spark?: [Cell, Cell][] | null;
  format?: string;
  text?: string;
}

export interface TileOptions {
  stacked?: boolean;
  horizontal?: boolean;
  /** Filters of the page that do not reach this tile. */
  unfiltered?: string[];
  compare?: string;
  marks?: string[];
  limit?: number;
  other?: boolean | string | number;
  additive?: boolean;
  /** What stands under the columns of a table. */
  totals?: Cell[];
  timezone?: string;
  partial?: boolean;
  grain?: string;
  order?: string;
  sort?: string;
  height?: number;
  [name: string]: unknown;
}

export interface Trouble {
  kind?: string;
  subject?: string;
  expected?: string;
  got?: string;
  where?: string;
  hint?: string;
  excerpt?: string;
}

export interface TileData {
  id: string;
  kind: Kind;
  state: TileState;
  message?: string | null;
  error?: Trouble | null;
  title?: string;
  subtitle?: string;
  columns: Column[];
  rows: Cell[][];
  total_rows?: number | null;
  sampled?: boolean;
  sql?: string;
  definition?: string;
  tables?: string[];
  as_of?: string | null;
  version?: number | string | null;
  age_seconds?: number | null;
  fresh_seconds?: number | null;
  used_by?: Cell[];
  options?: TileOptions;
  kpi?: Kpi | null;
  /** The metrics that it shows: how each is defined, and where. */
  metrics?: { name: string; label: string; sql: string; where: string }[];
  /** The run that last brought each table up to date, by table. */
  runs?: Record<string, string>;
}

const NUMBER = /^(u?(tiny|small|big|huge)?int(eger)?\d*|float\d*|double|real|decimal|numeric)/i;
const TIME = /^(date|timestamp|datetime)/i;

export const isNumeric = (column: Column): boolean => NUMBER.test(column.type ?? '');

export const isTime = (column: Column): boolean =>
  column.role === 'time' || TIME.test(column.type ?? '') || column.format === 'date';

export const labelOf = (column: Column | undefined): string => column?.label || column?.name || '';

/** The place of the first column with one of these roles, or -1. */
export function place(tile: TileData, ...roles: string[]): number {
  for (const role of roles) {
    const at = tile.columns.findIndex((column) => column.role === role);
    if (at >= 0) return at;
  }
  return -1;
}

/** The places of every column with one of these roles, in the tile's order. */
export function places(tile: TileData, ...roles: string[]): number[] {
  return tile.columns.flatMap((column, at) => (roles.includes(column.role ?? '') ? [at] : []));
}

export interface Axes {
  x: number;
  y: number;
  series: number;
  compared: number;
}

const found = new WeakMap<TileData, Axes>();

/** Where a chart reads its across, its heights and its split; a column without a role is guessed by its type. */
export function axes(tile: TileData): Axes {
  let at = found.get(tile);
  if (!at) found.set(tile, (at = axesOf(tile)));
  return at;
}

function axesOf(tile: TileData): Axes {
  const full = (at: number): number => (at >= 0 && tile.rows.some((row) => row[at] !== null && row[at] !== undefined) ? at : -1);
  // A split or a comparison without any value is none.
  const compared = full(place(tile, 'compared'));
  const series = full(place(tile, 'series'));
  const empty = new Set(tile.columns.flatMap(({ role }, at) => (role === 'series' || role === 'compared' ? [at] : [])));
  let x = place(tile, 'x', 'time', 'label');
  let y = place(tile, 'y', 'value', 'bar');
  const taken = new Set([compared, series, ...empty]);
  if (y < 0) y = tile.columns.findIndex((column, at) => !taken.has(at) && at !== x && isNumeric(column));
  if (x < 0) x = tile.columns.findIndex((_, at) => !taken.has(at) && at !== y);
  return { x, y, series, compared };
}

/** Whether a name is that of what the server has summed: `other (212)`. */
export const isOther = (name: string): boolean => /^other \(\d[\d,]*\)$/.test(name);

/** How many the server has summed under that name: 212. */
export const othersIn = (name: string): number => Number(name.replaceAll(/\D/g, ''));

/** A number of the cell, or null where it holds none; decimals and very large integers arrive as text. */
export function toNumber(cell: Cell | undefined): number | null {
  if (typeof cell === 'number') return Number.isFinite(cell) ? cell : null;
  if (typeof cell === 'boolean') return cell ? 1 : 0;
  if (typeof cell === 'string' && cell.trim() !== '') {
    const read = Number(cell);
    return Number.isFinite(read) ? read : null;
  }
  return null;
}

/** The words of a cell; a missing one is named, not left blank. */
export function toText(cell: Cell | undefined): string {
  if (cell === null || cell === undefined) return '(none)';
  if (cell === '') return '(empty)';
  if (Array.isArray(cell)) return cell.map(toText).join(', ');
  return String(cell);
}

/** Text cut to so many characters (never within a character), with an ellipsis. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  // Long text is cut by code units first: 10,000 characters need not be taken apart to keep forty.
  const characters = Array.from(text.slice(0, most * 4));
  return characters.length <= most && text.length <= most * 4 ? text : characters.slice(0, most - 1).join('') + '…';
}
