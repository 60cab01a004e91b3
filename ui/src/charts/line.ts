// Lines and areas over time, numbers or categories: named at their ends, dashed where they are not final.

import { base, type Chosen, type Drawn, type Dot, nearest, NOTHING_CHOSEN, type Option, paled, type Pick, type Room, type Stop, type TipRow } from './drawing.ts';
import { type End, endLabels, endsWidth } from './ends.ts';
import { before, exact, short } from './format.ts';
import { type Look, seriesColor } from './palette.ts';
import { acrossAxis, gridOf, type Plane, placeName, placesOf, planeOf, upAxis } from './plane.ts';
import { lineScale } from './scale.ts';
import { extent, lastOf, type Line, type Lines, linesOf, type Point, reach } from './series.ts';
import { axes, labelOf, type TileData } from './tile.ts';

const MOST_GREY = 300;

/** The colour of a line by its place; what is summed as other is grey. */
const colorOf = (lines: readonly Line[], at: number, look: Look): string => (lines[at]!.other ? look.other : seriesColor(look, lines[at]!.name, at));

const TIP_ROWS = 8;
// A click means a line that is so many pixels away at most.
const NEAR = 40;

/** The option, stops and names of a line chart; `filled` shades the ground under a single line. */
export function drawLine(tile: TileData, look: Look, room: Room, chosen: Chosen = NOTHING_CHOSEN, filled = false): Drawn {
  const data = linesOf(tile);
  const drawnLines = [...data.lines, ...data.rest];
  const [low, high] = extent(drawnLines);
  const scale = lineScale(low, filled ? Math.max(high, 0) : high, room.height < 200 ? 3 : 4, data.format);
  const names = endNames(tile, data);
  const marks = tile.options?.marks ?? [];
  const right = endsWidth([...names.values()].map((name) => name.text), look, room);
  const [from, to] = reach(drawnLines);
  const plane = planeOf({ room, look, scale, format: data.format, right, top: marks.includes('max') ? 22 : 10 }, from, to, data.across === 'time' && from === to ? 43_200_000 : 0);
  const places = placesOf(data.lines);
  const seriesColumn = tile.columns[axes(tile).series]?.name;
  const partialAt = tile.options?.partial ? to : null;
  const series: Option[] = [
    ...data.rest.slice(0, MOST_GREY).map((line) => stroke(line.points, { color: look.other, width: 1, opacity: 0.35 })),
    ...comparisons(data, look),
    ...data.lines.flatMap((line, at) => {
      const pale = paled(chosen, seriesColumn, line.name);
      return lineSeries(line, colorOf(data.lines, at, look), { partialAt, pale, filled: filled && data.lines.length === 1, look });
    }),
    ...markSeries(data, marks, look),
  ];
  const ends = endsOf(data, names, plane, look);
  return {
    option: {
      ...base(look, gridOf(plane, room)),
      xAxis: acrossAxis(plane, data.across, data.categories, look, data.grain),
      yAxis: upAxis(plane, look),
      series,
      graphic: { elements: endLabels(ends, plane.right, plane, look, room) },
    },
    stops: places.map((x) => stopOf(x, tile, data, plane, look)),
    hit: (left, top) => {
      if (left < plane.left - 12 || left > plane.right + 12 || top < 0 || top > room.height) return -1;
      return nearest(places, plane.from + ((left - plane.left) / (plane.right - plane.left)) * (plane.to - plane.from));
    },
    note: notes(data),
  };
}

function notes(data: Lines): string | undefined {
  const said: string[] = [];
  if (data.rest.length > 0) said.push(`${data.lines.length} of ${data.lines.length + data.rest.length} named, the rest in grey`);
  if (data.dropped > 0) said.push(`${data.dropped} rows without a place along the axis left out`);
  return said.join('; ') || undefined;
}

interface EndName {
  text: string;
  quiet?: boolean;
}

// A line alone is named by the heading: its end says where it stands.
function endNames(tile: TileData, data: Lines): Map<Line | 'compared', EndName> {
  const names = new Map<Line | 'compared', EndName>();
  const split = axes(tile).series >= 0;
  for (const line of data.lines) {
    const last = lastOf(line.points);
    if (!last) continue;
    const value = short(last[1], data.format);
    const named = tile.options?.marks?.includes('last') ? `${line.name} ${value}` : line.name;
    names.set(line, { text: split ? named : value });
  }
  if (data.lines.length === 1 && lastOf(data.lines[0]!.compared)) {
    const column = tile.columns[axes(tile).compared];
    names.set('compared', { text: tile.options?.compare ? before(tile.options.compare) : labelOf(column), quiet: true });
  }
  return names;
}

function endsOf(data: Lines, names: Map<Line | 'compared', EndName>, plane: Plane, look: Look): End[] {
  const ends: End[] = [];
  // With one place along x there are no lines that a name could be joined to.
  const alike = data.cells.size < 2;
  for (const [at, line] of data.lines.entries()) {
    const last = lastOf(line.points);
    const name = names.get(line);
    if (last && name) ends.push({ name: name.text, color: colorOf(data.lines, at, look), top: plane.up(last[1]!), left: alike ? plane.right : plane.across(last[0]) });
  }
  const compared = names.get('compared');
  const last = lastOf(data.lines[0]?.compared ?? []);
  if (compared && last) ends.push({ name: compared.text, color: look.other, top: plane.up(last[1]!), left: plane.across(last[0]), quiet: true });
  return ends;
}

interface Stroke {
  color: string;
  width: number;
  opacity?: number;
  dash?: number[];
  area?: string;
}

function stroke(points: Point[], { color, width, opacity = 1, dash, area }: Stroke): Option {
  return {
    type: 'line',
    data: points.map(([x, y], at) => (alone(points, at) ? { value: [x, y], symbol: 'circle', symbolSize: 5 } : [x, y])),
    symbol: 'none',
    silent: true,
    connectNulls: false,
    lineStyle: { color, width, opacity, type: dash ?? 'solid', join: 'round', cap: dash ? 'butt' : 'round' },
    itemStyle: { color, opacity },
    ...(area ? { areaStyle: { color: area, opacity: 0.12, origin: 0 } } : {}),
    z: 3,
  };
}

// A point between two gaps has no line to it: it is drawn as a dot.
function alone(points: Point[], at: number): boolean {
  return points[at]![1] !== null && (points[at - 1]?.[1] ?? null) === null && (points[at + 1]?.[1] ?? null) === null;
}

function lineSeries(line: Line, color: string, { partialAt, pale, filled, look }: { partialAt: number | null; pale: boolean; filled: boolean; look: Look }): Option[] {
  const opacity = pale ? 0.25 : 1;
  const shade = filled ? color : undefined;
  const last = line.points.length - 1;
  const split = partialAt !== null && last > 0 && line.points[last]![0] === partialAt;
  const width = look.dark ? 1.7 : 1.8;
  if (!split) return [stroke(line.points, { color, width, opacity, area: shade })];
  return [
    stroke(line.points.slice(0, last), { color, width, opacity, area: shade }),
    stroke(line.points.slice(last - 1), { color, width, opacity, dash: [4, 3] }),
  ];
}

function comparisons(data: Lines, look: Look): Option[] {
  return data.lines
    .filter((line) => line.compared.some(([, y]) => y !== null))
    .map((line) => stroke(line.compared, { color: look.other, width: 1.3, dash: [3, 3] }));
}

function markSeries(data: Lines, marks: string[], look: Look): Option[] {
  const wanted = marks.filter((mark) => mark === 'min' || mark === 'max' || mark === 'last');
  if (wanted.length === 0) return [];
  const marked = data.lines.flatMap((line, at) => wanted.flatMap((mark) => markOf(line, mark, wanted, colorOf(data.lines, at, look), data, look)));
  return [{ type: 'scatter', data: marked, symbol: 'circle', symbolSize: 6, silent: true, z: 5 }];
}

function markOf(line: Line, mark: string, wanted: readonly string[], color: string, data: Lines, look: Look): Option[] {
  const points = line.points.filter(([, y]) => y !== null) as [number, number][];
  if (points.length === 0) return [];
  const better = (a: [number, number], b: [number, number]): [number, number] => ((mark === 'min' ? b[1] < a[1] : b[1] > a[1]) ? b : a);
  const point = mark === 'last' ? points[points.length - 1]! : points.reduce(better);
  // Values are written only where one line is drawn: on many they would cover the lines.
  const ends = wanted.includes('last') && point === points[points.length - 1];
  const written = mark !== 'last' && data.lines.length <= 2 && !ends;
  return [{
    value: point,
    itemStyle: { color },
    label: {
      show: written,
      formatter: () => short(point[1], data.format),
      position: mark === 'max' ? 'top' : 'bottom',
      color: look.mute,
      fontSize: 11,
      distance: 4,
      textBorderColor: look.ground,
      textBorderWidth: 3,
    },
  }];
}

function heightAt(points: Point[], x: number): number | null {
  const at = nearest(points.map(([place]) => place), x);
  return at >= 0 && points[at]![0] === x ? points[at]![1] : null;
}

function stopOf(x: number, tile: TileData, data: Lines, plane: Plane, look: Look): Stop {
  const here = (): { line: Line; color: string; y: number | null; earlier: number | null }[] =>
    data.lines.map((line, at) => ({ line, color: colorOf(data.lines, at, look), y: heightAt(line.points, x), earlier: heightAt(line.compared, x) }));
  const series = tile.columns[axes(tile).series];
  return {
    left: plane.across(x),
    top: plane.top,
    rule: true,
    tip: () => {
      const rows: TipRow[] = [];
      const found = here().sort((a, b) => (b.y ?? -Infinity) - (a.y ?? -Infinity));
      for (const { line, color, y, earlier } of found.slice(0, TIP_ROWS)) {
        rows.push({ color, name: line.name, value: exact(y, data.format) });
        if (earlier !== null) rows.push({ color: look.other, name: before(tile.options?.compare), value: exact(earlier, data.format), dashed: true });
      }
      const partial = tile.options?.partial && x === reach(data.lines)[1] ? ' (not complete)' : '';
      return { title: placeName(data, x) + partial, rows };
    },
    dots: () => here().flatMap(({ y, color }): Dot[] => (y === null ? [] : [{ left: plane.across(x), top: plane.up(y), color }])),
    pick: (top) => (series ? nearLine(here(), top, plane, series.name) : undefined),
  };
}

function nearLine(here: { line: Line; y: number | null }[], top: number, plane: Plane, column: string): Pick | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const { line, y } of here) {
    if (y === null) continue;
    const distance = Math.abs(plane.up(y) - top);
    if (!best || distance < best.distance) best = { name: line.name, distance };
  }
  return best && best.distance < NEAR ? { column, value: best.name } : undefined;
}
