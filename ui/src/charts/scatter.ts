// Points of two measures, each series named at the height of its middle.

import { base, type Chosen, type Drawn, NOTHING_CHOSEN, type Option, paled, type Room, type Stop } from './drawing.ts';
import { type End, endLabels, endsWidth } from './ends.ts';
import { exact, wallTime } from './format.ts';
import { type Look, seriesColor } from './palette.ts';
import { acrossAxis, gridOf, type Plane, planeOf, upAxis } from './plane.ts';
import { lineScale, niceScale } from './scale.ts';
import { type Across, linesOf } from './series.ts';
import { axes, type Cell, isNumeric, isTime, labelOf, place, type TileData, toNumber, toText } from './tile.ts';
import { wallOf } from './clock.ts';

interface Dot {
  x: number;
  y: number;
  size: number | null;
  series: string;
  row: Cell[];
}

const NEAR = 14;
const INK = 0.7;
const MOST_INK = 0.95;
const LEAST_INK = 0.06; // paler ones vanish when a canvas rounds their colour
const CELL = 8;
const ALONE: Dot = { x: 0, y: 0, size: null, series: '', row: [] };

export function drawScatter(tile: TileData, look: Look, room: Room, chosen: Chosen = NOTHING_CHOSEN): Drawn {
  const at = axes(tile);
  const dots = dotsOf(tile);
  const named = linesOf(tile).lines.map((line) => line.name);
  const split = at.series >= 0;
  const colorOf = (name: string): string => (!split ? look.series[0]! : named.includes(name) ? seriesColor(look, name, named.indexOf(name)) : look.other);
  const heights = dots.map((dot) => dot.y);
  const low = heights.reduce((a, b) => Math.min(a, b), Infinity);
  const high = heights.reduce((a, b) => Math.max(a, b), -Infinity);
  const scale = lineScale(low, high, 4, tile.columns[at.y]?.format);
  const format = tile.columns[at.y]?.format ?? 'number';
  const right = endsWidth(split ? named : [], look, room);
  const kind = acrossOf(tile);
  const [from, to] = edges(dots, kind);
  const words = { y: labelOf(tile.columns[at.y]), x: kind === 'time' ? '' : labelOf(tile.columns[at.x]) };
  const plane = planeOf({ room, look, scale, format, right, top: words.y ? 28 : 10, bottom: words.x ? 42 : 26 }, from, to);
  const most = dots.reduce((largest, dot) => Math.max(largest, dot.size ?? 0), 0);
  const places = dots.map((dot) => ({ dot, left: plane.across(dot.x), top: plane.up(dot.y) }));
  const column = tile.columns[at.series]?.name;
  const inks = most > 0 ? dots.map(() => INK) : inksOf(places, sizeOf(dots[0] ?? ALONE, 0, dots.length));
  const ends = split ? named.map((name) => endOf(name, dots, plane, colorOf(name))) : [];
  return {
    option: {
      ...base(look, gridOf(plane, room)),
      xAxis: acrossAxis(plane, kind, [], look, tile.columns[at.x]?.format),
      yAxis: upAxis(plane, look),
      series: [{
        type: 'scatter',
        silent: true,
        large: dots.length > 20_000,
        data: dots.map((dot, index) => ({
          value: [dot.x, dot.y],
          symbolSize: sizeOf(dot, most, dots.length),
          itemStyle: { color: colorOf(dot.series), opacity: paled(chosen, column, dot.series) ? 0.12 : inks[index]! },
        })),
      }],
      graphic: { elements: [...endLabels(ends, plane.right, plane, look, room), ...axisWords(words, plane, room, look)] },
    },
    stops: places.map((found): Stop => ({
      left: found.left,
      top: found.top,
      tip: () => ({ title: titleOf(found.dot, tile), rows: rowsOf(found.dot, tile, colorOf(found.dot.series)) }),
      dots: () => [{ left: found.left, top: found.top, color: colorOf(found.dot.series) }],
      pick: () => (column ? { column, value: found.dot.row[at.series] ?? null } : undefined),
    })),
    hit: (left, top) => closest(places, left, top),
  };
}

// The names of both measures stand at the ends of their axes: here no heading can say which is which.
function axisWords(words: { x: string; y: string }, plane: Plane, room: Room, look: Look): Option[] {
  const text = (x: number, y: number, said: string, align: string): Option => ({
    type: 'text', silent: true, x, y, style: { text: said, font: `400 11px ${look.font}`, fill: look.mute, align, verticalAlign: 'middle' },
  });
  return [
    ...(words.y ? [text(0, 7, `${words.y} ↑`, 'left')] : []),
    ...(words.x ? [text(plane.right, room.height - 8, `${words.x} →`, 'right')] : []),
  ];
}

function acrossOf(tile: TileData): Across {
  const column = tile.columns[axes(tile).x];
  return column && isTime(column) ? 'time' : 'number';
}

function dotsOf(tile: TileData): Dot[] {
  const at = axes(tile);
  const size = place(tile, 'size');
  const time = acrossOf(tile) === 'time';
  return tile.rows.flatMap((row): Dot[] => {
    const x = time ? wallOf(row[at.x], tile.options?.timezone) : toNumber(row[at.x]);
    const y = toNumber(row[at.y]);
    if (x === null || y === null) return [];
    return [{ x, y, size: size >= 0 ? toNumber(row[size]) : null, series: at.series >= 0 ? toText(row[at.series]) : '', row }];
  });
}

function edges(dots: Dot[], kind: Across): [number, number] {
  const low = dots.reduce((a, dot) => Math.min(a, dot.x), Infinity);
  const high = dots.reduce((a, dot) => Math.max(a, dot.x), -Infinity);
  if (low > high) return [0, 1];
  if (kind === 'time') return [low, high];
  const scale = low >= 0 && low < (high - low) * 0.5 ? niceScale(0, high, 6) : niceScale(low, high, 6);
  return [scale.min, scale.max];
}

function sizeOf(dot: Dot, most: number, count: number): number {
  if (dot.size === null || most === 0) return count > 2_000 ? 3 : count > 800 ? 4 : count > 300 ? 5 : 7;
  return 3 + 21 * Math.sqrt(Math.max(0, dot.size) / most);
}

/**
 * How opaque each dot is: one alone has its full ink, those that lie on each other so little that together they are the darker the more
 * they are, up to nearly solid where most of all are.
 */
function inksOf(places: { left: number; top: number }[], size: number): number[] {
  const cells = new Map<number, number>();
  const cellOf = ({ left, top }: { left: number; top: number }): number => Math.floor(left / CELL) * 10_000 + Math.floor(top / CELL);
  for (const found of places) cells.set(cellOf(found), (cells.get(cellOf(found)) ?? 0) + 1);
  const cover = Math.min(1, (Math.PI * size * size) / 4 / (CELL * CELL));
  const layers = (count: number): number => Math.max(1, count * cover);
  const most = [...cells.values()].reduce((a, b) => Math.max(a, layers(b)), 1);
  return places.map((found) => {
    const deep = layers(cells.get(cellOf(found))!);
    const together = INK + (MOST_INK - INK) * (most > 1 ? Math.log(deep) / Math.log(Math.max(most, 8)) : 0);
    return Math.max(LEAST_INK, 1 - (1 - together) ** (1 / deep));
  });
}

function endOf(name: string, dots: Dot[], plane: Plane, color: string): End {
  const mine = dots.filter((dot) => dot.series === name);
  const middle = mine.reduce((sum, dot) => sum + dot.y, 0) / Math.max(1, mine.length);
  return { name, color, top: plane.up(middle), left: plane.right, loose: true };
}

function titleOf(dot: Dot, tile: TileData): string {
  const label = place(tile, 'label', 'link');
  if (label >= 0) return toText(dot.row[label]);
  return dot.series || (acrossOf(tile) === 'time' ? wallTime(dot.x) : '');
}

function rowsOf(dot: Dot, tile: TileData, color: string) {
  const at = axes(tile);
  return tile.columns.flatMap((column, index) => {
    if (index === at.series || column.role === 'label' || column.role === 'link') return [];
    const value = isNumeric(column) || index === at.y ? exact(dot.row[index], column.format) : toText(dot.row[index]);
    return [{ name: labelOf(column), value, ...(index === at.y ? { color } : {}) }];
  });
}

function closest(places: { left: number; top: number }[], left: number, top: number): number {
  let [best, distance] = [-1, NEAR];
  for (const [index, found] of places.entries()) {
    const so = Math.hypot(found.left - left, found.top - top);
    if (so < distance) [best, distance] = [index, so];
  }
  return best;
}
