// Rows as a chart: which columns stand across, which give the height, which split it.
import type { Kind, TileData } from '../charts/tile';
import { isNumeric, isTime } from './format';
import type { Cell, Column, Measured } from './types';

export interface Axes {
  kind: Kind;
  x: string;
  y: string;
  series: string;
}

export const KINDS: Kind[] = ['line', 'area', 'bar', 'stacked', 'scatter', 'histogram'];

/** What a first look at the columns suggests: time across as a line, names across as bars. */
export function suggested(columns: Column[]): Axes {
  const numbers = columns.filter((column) => isNumeric(column.type));
  const time = columns.find((column) => isTime(column.type));
  const words = columns.filter((column) => !isNumeric(column.type) && column !== time);
  const x = time ?? words[0] ?? numbers[0];
  const y = numbers.find((column) => column !== x);
  if (!x) return { kind: 'bar', x: '', y: '', series: '' };
  if (!y) return { kind: 'histogram', x: '', y: (numbers[0] ?? x).name, series: '' };
  const kind = time ? 'line' : words[0] ? 'bar' : 'scatter';
  return { kind, x: x.name, y: y.name, series: time ? (words[0]?.name ?? '') : '' };
}

/** The rows as a tile that a chart can draw. */
export function tileOf(columns: Column[], rows: Cell[][], axes: Axes, title: string): TileData {
  const role = (name: string): string | undefined =>
    name === axes.x && axes.kind !== 'histogram' ? 'x' : name === axes.y ? 'y' : name === axes.series ? 'series' : undefined;
  const kept = columns.flatMap((column, at) => (role(column.name) ? [{ column, at }] : []));
  return {
    id: 'chart',
    kind: axes.kind,
    state: rows.length ? 'ok' : 'empty',
    title,
    columns: kept.map(({ column }) => ({ name: column.name, label: column.name, type: column.type, role: role(column.name) })),
    rows: rows.map((row) => kept.map(({ at }) => row[at] ?? null)) as TileData['rows'],
  };
}

/** A metric's values as a line along time, split by its dimension; without a time there is nothing to draw along. */
export function tileOfMetric(measured: Measured, title: string, grain: string): TileData | null {
  const role: Record<string, string> = { time: 'x', dimension: 'series', metric: 'y', compared: 'compared' };
  if (!measured.columns.some((column) => column.role === 'time')) return null;
  return {
    id: 'chart',
    kind: 'line',
    state: 'ok',
    title,
    columns: measured.columns.map((column) => ({
      name: column.name,
      label: column.label,
      type: column.type,
      role: role[column.role] ?? column.role,
      format: column.format ?? undefined,
    })),
    rows: measured.rows as TileData['rows'],
    options: { grain },
  };
}
