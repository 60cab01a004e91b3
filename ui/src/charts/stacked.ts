// Standing columns, one above the other or side by side, each series named beside its part of the last column.

import { base, type Chosen, type Drawn, nearest, NOTHING_CHOSEN, type Option, paled, type Room, type Stop, type TipRow } from './drawing.ts';
import { type End, endLabels, endsWidth } from './ends.ts';
import { exact } from './format.ts';
import { type Look, seriesColor } from './palette.ts';
import { acrossAxis, gridOf, pitch, type Plane, placeName, placesOf, planeOf, upAxis } from './plane.ts';
import { niceScale } from './scale.ts';
import { type Line, type Lines, linesOf, summed } from './series.ts';
import { axes, othersIn, type TileData } from './tile.ts';

const MOST_STACKED = 5;

/** A part of a column: from where to where it reaches. */
interface Part {
  line: Line;
  color: string;
  low: number;
  high: number;
  value: number;
}

/** Columns of a tile; without a split, plain columns. */
export function drawColumns(tile: TileData, look: Look, room: Room, chosen: Chosen = NOTHING_CHOSEN, area = false): Drawn {
  const data = linesOf(tile, MOST_STACKED + 1);
  if (data.rest.length > 0 && tile.options?.additive !== false) fold(data);
  else data.lines.push(...data.rest.splice(0)); // what does not add up is grey, each by itself
  if (data.across === 'category') sortPlaces(data);
  const colors = new Map(data.lines.map((line, at) => [line, line.other ? look.other : seriesColor(look, line.name, at)]));
  const places = placesOf(data.lines);
  const side = !area && tile.kind === 'bar' && data.lines.length > 1 && !tile.options?.stacked;
  const heights = new Map(data.lines.map((line) => [line, new Map(line.points)]));
  const stacks = new Map(places.map((x) => [x, partsAt(data, x, { heights, colors, side })]));
  const tops = [...stacks.values()].flat();
  const low = tops.reduce((least, part) => Math.min(least, part.low, part.high), 0);
  const high = tops.reduce((most, part) => Math.max(most, part.low, part.high), 0);
  const scale = niceScale(low, high, room.height < 200 ? 3 : 4, data.format === 'integer', data.format === 'duration');
  const named = data.lines.length > 1 || axes(tile).series >= 0;
  const right = endsWidth(named ? data.lines.map((line) => line.name) : [], look, room);
  const step = pitch(places) || (data.across === 'time' ? 86_400_000 : 1);
  const plane = planeOf({ room, look, scale, format: data.format, right }, places[0] ?? 0, places[places.length - 1] ?? 0, area ? 0 : step / 2);
  const column = Math.max(1, Math.min(48 * (side ? data.lines.length : 1), plane.across(step) - plane.across(0) - (places.length > 60 ? 1 : 3)));
  const ends = named ? endsOf(stacks.get(places[places.length - 1]!) ?? [], plane, area) : [];
  const shape = { data, places, colors, plane, column, side, chosen, partial: Boolean(tile.options?.partial), series: tile.columns[axes(tile).series]?.name, area };
  return {
    option: {
      ...base(look, gridOf(plane, room)),
      xAxis: acrossAxis(plane, data.across, data.categories, look, data.grain),
      yAxis: upAxis(plane, look),
      series: data.lines.map((line) => partSeries(line, shape)),
      graphic: { elements: endLabels(ends, plane.right, plane, look, room) },
    },
    stops: places.map((x) => stopOf(x, tile, data, stacks.get(x)!, plane)),
    hit: (left, top) => {
      if (left < plane.left || left > plane.right || top < 0 || top > room.height) return -1;
      return nearest(places, plane.from + ((left - plane.left) / (plane.right - plane.left)) * (plane.to - plane.from));
    },
    note: data.dropped > 0 ? `${data.dropped} rows without a place along the axis left out` : undefined,
  };
}

// What has no name of its own is one part: "other (294)".
function fold(data: Lines): void {
  const own = data.lines.filter((line) => !line.other);
  const weakest = own.reduce((least, line) => (line.weight < least.weight ? line : least));
  const rest = [...data.rest, weakest, ...data.lines.filter((line) => line.other)];
  const count = rest.reduce((sum, line) => sum + (line.other ? othersIn(line.name) : 1), 0);
  data.lines = [...own.filter((line) => line !== weakest), summed(rest, `other (${count.toLocaleString('en-US')})`)];
  data.rest = [];
}

// Categories from the highest column to the lowest.
function sortPlaces(data: Lines): void {
  const totals = data.categories.map(() => 0);
  for (const line of data.lines) for (const [x, y] of line.points) totals[x] = (totals[x] ?? 0) + (y ?? 0);
  const order = data.categories.map((_, at) => at).sort((a, b) => totals[b]! - totals[a]!);
  const moved = new Map(order.map((old, now) => [old, now]));
  data.categories = order.map((old) => data.categories[old]!);
  data.cells = new Map([...data.cells].map(([x, cell]) => [moved.get(x)!, cell]));
  for (const line of data.lines) {
    line.points = line.points.map(([x, y]): [number, number | null] => [moved.get(x)!, y]).sort((a, b) => a[0] - b[0]);
  }
}

interface Stacking {
  heights: Map<Line, Map<number, number | null>>;
  colors: Map<Line, string>;
  side: boolean;
}

function partsAt(data: Lines, x: number, { heights, colors, side }: Stacking): Part[] {
  let [below, above] = [0, 0];
  return data.lines.flatMap((line): Part[] => {
    const y = heights.get(line)!.get(x) ?? null;
    if (y === null) return [];
    const low = side ? 0 : y < 0 ? below : above;
    if (y < 0) below += y;
    else above += y;
    return [{ line, color: colors.get(line)!, low, high: low + y, value: y }];
  });
}

function endsOf(parts: Part[], plane: Plane, area: boolean): End[] {
  const left = area ? plane.right : plane.across(plane.to) - 2;
  return parts.map((part) => ({
    name: part.line.name,
    color: part.color,
    top: plane.up((part.low + part.high) / 2),
    left: Math.min(left, plane.right),
  }));
}

interface Shape {
  data: Lines;
  places: number[];
  colors: Map<Line, string>;
  plane: Plane;
  column: number;
  side: boolean;
  chosen: Chosen;
  partial: boolean;
  series: string | undefined;
  area: boolean;
}

function partSeries(line: Line, shape: Shape): Option {
  const color = shape.colors.get(line)!;
  const opacity = paled(shape.chosen, shape.series, line.name) ? 0.3 : 1;
  const last = shape.places[shape.places.length - 1];
  if (shape.area) return areaSeries(line, color, opacity, shape);
  return {
    type: 'bar',
    silent: true,
    barWidth: shape.side ? Math.max(1, Math.floor(shape.column / shape.data.lines.length) - 1) : shape.column,
    barGap: shape.side ? '8%' : undefined,
    stack: shape.side ? undefined : 'all',
    data: line.points.map(([x, y]) => ({
      value: [x, y],
      itemStyle: shape.partial && x === last ? unfinished(color, opacity) : { color, opacity },
    })),
    itemStyle: { borderRadius: shape.data.lines.length === 1 ? [2, 2, 0, 0] : 0 },
  };
}

// A column whose period is not over: pale, with a dashed edge.
const unfinished = (color: string, opacity: number): Option => ({
  color: `${color}44`, opacity, borderColor: color, borderWidth: 1, borderType: [3, 2],
});

function areaSeries(line: Line, color: string, opacity: number, shape: Shape): Option {
  // A stack of areas needs every place in every series: an empty one counts as nothing there.
  const heights = new Map(line.points);
  return {
    type: 'line',
    silent: true,
    symbol: 'none',
    stack: 'all',
    data: shape.places.map((x) => [x, heights.get(x) ?? 0]),
    lineStyle: { color, width: 1.2, opacity },
    areaStyle: { color, opacity: 0.62 * opacity },
    itemStyle: { color },
  };
}

function stopOf(x: number, tile: TileData, data: Lines, parts: Part[], plane: Plane): Stop {
  const series = tile.columns[axes(tile).series];
  const column = tile.columns[axes(tile).x];
  const total = parts.reduce((sum, part) => sum + part.value, 0);
  return {
    left: plane.across(x),
    top: plane.top,
    rule: true,
    tip: () => {
      const rows: TipRow[] = [...parts].reverse().map((part) => ({ color: part.color, name: part.line.name, value: exact(part.value, data.format) }));
      if (parts.length > 1 && tile.options?.additive !== false) rows.push({ name: 'together', value: exact(total, data.format) });
      return { title: placeName(data, x), rows };
    },
    pick: (top) => {
      const y = plane.scale.min + ((plane.bottom - top) / (plane.bottom - plane.top)) * (plane.scale.max - plane.scale.min);
      const part = parts.find(({ low, high }) => y >= Math.min(low, high) && y <= Math.max(low, high));
      if (series && part && !part.line.other) return { column: series.name, value: part.line.name };
      return data.across === 'category' && column ? { column: column.name, value: data.cells.get(x) ?? null } : undefined;
    },
  };
}
