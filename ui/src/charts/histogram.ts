// How often values fall into bins that touch; bins come from the server, or are made here from bare values.

import { base, type Drawn, type Room, type Stop } from './drawing.ts';
import { exact, short } from './format.ts';
import type { Look } from './palette.ts';
import { acrossAxis, gridOf, planeOf, upAxis } from './plane.ts';
import { niceScale } from './scale.ts';
import { axes, isNumeric, labelOf, places, type TileData, toNumber } from './tile.ts';

export interface Bin {
  low: number;
  high: number;
  count: number;
}

/** The bins of a tile: (low, high, count), or (low, count) in even steps, or counted here from one column. */
export function binsOf(tile: TileData): Bin[] {
  const edges = places(tile, 'x');
  const at = axes(tile);
  const numeric = tile.columns.filter(isNumeric).length;
  if (numeric < 2 || at.y < 0 || at.y === at.x) return counted(tile, at.x >= 0 && isNumeric(tile.columns[at.x]!) ? at.x : at.y);
  const [low = at.x, high = lows(tile, at.x, at.y)] = [...edges, ...places(tile, 'x2')];
  const bins = tile.rows.flatMap((row): Bin[] => {
    const from = toNumber(row[low]);
    const to = high >= 0 ? toNumber(row[high]) : null;
    return from === null ? [] : [{ low: from, high: to ?? from, count: toNumber(row[at.y]) ?? 0 }];
  }).sort((a, b) => a.low - b.low);
  if (high >= 0) return bins;
  const step = bins.slice(1).reduce((least, bin, index) => Math.min(least, bin.low - bins[index]!.low || Infinity), Infinity);
  return bins.map((bin) => ({ ...bin, high: bin.low + (step === Infinity ? 1 : step) }));
}

// A column called "high", "hi" or "to" closes the bins even when its role does not say so.
function lows(tile: TileData, x: number, y: number): number {
  return tile.columns.findIndex((column, at) => at !== x && at !== y && /^(hi|high|to|upper|bin_end|bin_high)$/i.test(column.name));
}

function counted(tile: TileData, at: number): Bin[] {
  const values = tile.rows.map((row) => toNumber(row[at])).filter((value) => value !== null);
  if (values.length === 0) return [];
  const [least, most] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  const scale = niceScale(least, most, Math.min(30, Math.ceil(Math.sqrt(values.length))));
  const bins = scale.ticks.slice(1).map((high, index) => ({ low: scale.ticks[index]!, high, count: 0 }));
  for (const value of values) bins[Math.min(bins.length - 1, Math.floor((value - scale.min) / scale.step))]!.count += 1;
  return bins;
}

export function drawHistogram(tile: TileData, look: Look, room: Room): Drawn {
  const bins = binsOf(tile);
  const at = axes(tile);
  const measure = tile.columns[at.x >= 0 ? at.x : at.y];
  const total = bins.reduce((sum, bin) => sum + bin.count, 0);
  const scale = niceScale(0, bins.reduce((most, bin) => Math.max(most, bin.count), 0), 4, true);
  const plane = planeOf({ room, look, scale, format: 'integer', right: 14 }, bins[0]?.low ?? 0, bins[bins.length - 1]?.high ?? 1);
  const format = measure?.format ?? 'number';
  const shapes = bins.map((bin) => {
    const [left, right] = [plane.across(bin.low), plane.across(bin.high)];
    const gap = right - left > 4 ? 1 : 0;
    const top = Math.min(plane.up(bin.count), bin.count > 0 ? plane.bottom - 1 : plane.bottom);
    return { left, top, width: Math.max(0.5, right - left - gap), height: plane.bottom - top };
  });
  return {
    option: {
      ...base(look, gridOf(plane, room)),
      xAxis: acrossAxis(plane, 'number', [], look, format),
      yAxis: upAxis(plane, look),
      series: [],
      graphic: {
        elements: shapes.map((box) => ({
          type: 'rect', silent: true, z: 3, shape: { x: box.left, y: box.top, width: box.width, height: box.height }, style: { fill: look.series[0] },
        })),
      },
    },
    stops: bins.map((bin, index): Stop => ({
      left: shapes[index]!.left + shapes[index]!.width / 2,
      top: shapes[index]!.top,
      box: { ...shapes[index]!, top: plane.top, height: plane.bottom - plane.top },
      tip: () => ({
        title: `${short(bin.low, format)} to ${short(bin.high, format)}`,
        rows: [
          { color: look.series[0]!, name: labelOf(tile.columns[at.y]) || 'rows', value: exact(bin.count, 'integer') },
          { name: 'of all', value: total > 0 ? short(bin.count / total, 'percent') : '–' },
        ],
      }),
    })),
    hit: (left, top) => (top < 0 || top > room.height ? -1 : shapes.findIndex((box) => left >= box.left && left <= box.left + box.width + 1)),
  };
}
