// What a chart shows, in words: for ears, for a search, and under an exported picture.

import { barsOf, standing } from './bar.ts';
import { exact, short, change } from './format.ts';
import { binsOf } from './histogram.ts';
import { fivesOf } from './box.ts';
import { placeName } from './plane.ts';
import { type Line, type Lines, linesOf } from './series.ts';
import { axes, cut, labelOf, type TileData, toNumber } from './tile.ts';

const KINDS: Record<string, string> = {
  line: 'Line chart', area: 'Area chart', bar: 'Bar chart', stacked: 'Stacked column chart', scatter: 'Scatter chart',
  histogram: 'Histogram', heatmap: 'Heatmap', box: 'Box chart', funnel: 'Funnel', table: 'Table', sparkline: 'Small line chart', kpi: 'Figure',
};
const MOST = 4;

/** The finding of a tile in a few sentences: last value, change, least and greatest. */
export function describe(tile: TileData): string {
  const opening = `${KINDS[tile.kind] ?? 'Chart'}${tile.title ? `: ${cut(tile.title, 120)}` : ''}.`;
  if (tile.rows.length === 0 && tile.kind !== 'kpi') return `${opening} It has no rows.`;
  return [opening, ...finding(tile)].join(' ');
}

function finding(tile: TileData): string[] {
  const { kind } = tile;
  if (kind === 'kpi') return figure(tile);
  if (kind === 'bar' && !standing(tile) && axes(tile).series < 0) return ranking(tile);
  if (kind === 'line' || kind === 'area' || kind === 'stacked' || kind === 'bar' || kind === 'sparkline') return courses(linesOf(tile, MOST));
  if (kind === 'histogram') return bins(tile);
  if (kind === 'box') return fivesOf(tile).slice(0, MOST).map(({ name, at }) =>
    `${cut(name, 60)}: median ${number(at[2], tile)}, half between ${number(at[1], tile)} and ${number(at[3], tile)}.`);
  if (kind === 'funnel') return funnel(tile);
  if (kind === 'scatter' || kind === 'heatmap') return [`${tile.rows.length.toLocaleString('en-US')} ${kind === 'scatter' ? 'points' : 'cells'}.`, ...spanOf(tile)];
  return [`${tile.rows.length.toLocaleString('en-US')} rows.`];
}

const number = (value: number | null, tile: TileData): string => short(value, tile.columns[axes(tile).y]?.format);

function figure({ kpi }: TileData): string[] {
  if (!kpi) return [];
  const said = [`${exact(kpi.value, kpi.format)}.`];
  const moved = change(kpi.ratio, toNumber(kpi.delta), kpi.format);
  if (moved) said.push(`${moved} against ${exact(kpi.compared, kpi.format)} before.`);
  return said;
}

function courses(data: Lines): string[] {
  const said = [...data.lines].sort((a, b) => b.weight - a.weight).slice(0, MOST).map((line) => course(line, data));
  const more = data.lines.length + data.rest.length - Math.min(MOST, data.lines.length);
  return more > 0 ? [...said, `${more} more series.`] : said;
}

function course(line: Line, data: Lines): string {
  const known = line.points.filter(([, y]) => y !== null) as [number, number][];
  const [first, last] = [known[0], known[known.length - 1]];
  if (!first || !last) return `${cut(line.name, 60)}: no values.`;
  const least = known.reduce((a, b) => (b[1] < a[1] ? b : a));
  const most = known.reduce((a, b) => (b[1] > a[1] ? b : a));
  const at = (point: [number, number]): string => `${short(point[1], data.format)} (${placeName(data, point[0])})`;
  const moved = known.length > 1 && first[1] !== 0 ? `, ${change((last[1] - first[1]) / Math.abs(first[1]), last[1] - first[1], data.format)} since ${placeName(data, first[0])}` : '';
  return `${cut(line.name, 60)}: last ${at(last)}${moved}; least ${at(least)}, most ${at(most)}.`;
}

function ranking(tile: TileData): string[] {
  const { bars } = barsOf(tile);
  const said = bars.slice(0, 3).map((bar) => `${cut(bar.name, 60)} ${number(bar.value, tile)}`).join(', ');
  const last = bars[bars.length - 1];
  return [`${bars.length} bars: ${said}${bars.length > 3 && last ? ` … ${cut(last.name, 60)} ${number(last.value, tile)}` : ''}.`];
}

function bins(tile: TileData): string[] {
  const found = binsOf(tile);
  if (found.length === 0) return ['It has no values.'];
  const most = found.reduce((a, b) => (b.count > a.count ? b : a));
  const format = tile.columns[axes(tile).x]?.format;
  return [`${found.length} bins from ${short(found[0]!.low, format)} to ${short(found[found.length - 1]!.high, format)}; most, ${short(most.count, 'integer')}, between ${short(most.low, format)} and ${short(most.high, format)}.`];
}

function funnel(tile: TileData): string[] {
  const at = axes(tile);
  const values = tile.rows.map((row) => toNumber(row[at.y]) ?? 0);
  const [first = 0, last = 0] = [values[0], values[values.length - 1]];
  return [`${values.length} steps: ${number(first, tile)} enter, ${number(last, tile)} reach the end${first > 0 ? ` (${short(last / first, 'percent')})` : ''}.`];
}

function spanOf(tile: TileData): string[] {
  const at = axes(tile);
  const values = tile.rows.map((row) => toNumber(row[at.y])).filter((value) => value !== null);
  if (values.length === 0) return [];
  const [least, most] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  return [`${labelOf(tile.columns[at.y])} from ${number(least, tile)} to ${number(most, tile)}.`];
}
