// How values lie within each category: the middle half as a box, the median as a line, the ends as whiskers.

import { base, type Chosen, type Drawn, fit, labelFont, NOTHING_CHOSEN, type Option, paled, placedAxis, type Room, type Stop, widest } from './drawing.ts';
import { exact, short, tickLabels } from './format.ts';
import { type Look, mix } from './palette.ts';
import { niceScale } from './scale.ts';
import { axes, type Cell, isNumeric, place, type TileData, toNumber, toText } from './tile.ts';

const ROW = 32;
const BOTTOM = 26;
const MOST = 30;
const PARTS = ['least', 'lower quarter', 'median', 'upper quarter', 'greatest'];

export interface Five {
  name: string;
  cell: Cell;
  /** Least, lower quartile, median, upper quartile, greatest. */
  at: [number, number, number, number, number];
}

/** The five numbers of every category: as the server sends them, or from bare values. */
export function fivesOf(tile: TileData): Five[] {
  const told = ['low', 'q1', 'median', 'q3', 'high'].map((role) => place(tile, role));
  const numeric = told.every((at) => at >= 0) ? told : tile.columns.flatMap((column, at) => (isNumeric(column) && column.role !== 'x' && column.role !== 'label' ? [at] : []));
  const named = place(tile, 'x', 'label');
  const name = named >= 0 && !numeric.includes(named) ? named : tile.columns.findIndex((column, at) => !numeric.includes(at) && !isNumeric(column));
  if (numeric.length < 5) return fromValues(tile, name, numeric[0] ?? axes(tile).y);
  const parts = numeric.slice(0, 5);
  return tile.rows.flatMap((row): Five[] => {
    const five = parts.map((at) => toNumber(row[at]));
    if (five.some((value) => value === null)) return [];
    return [{ name: name >= 0 ? toText(row[name]) : 'all', cell: name >= 0 ? (row[name] ?? null) : null, at: five as Five['at'] }];
  });
}

function fromValues(tile: TileData, name: number, value: number): Five[] {
  const groups = new Map<string, { cell: Cell; values: number[] }>();
  for (const row of tile.rows) {
    const number = toNumber(row[value]);
    if (number === null) continue;
    const key = name >= 0 ? toText(row[name]) : 'all';
    const group = groups.get(key) ?? { cell: name >= 0 ? (row[name] ?? null) : null, values: [] };
    group.values.push(number);
    groups.set(key, group);
  }
  return [...groups].map(([key, { cell, values }]) => {
    values.sort((a, b) => a - b);
    return { name: key, cell, at: [0, 0.25, 0.5, 0.75, 1].map((share) => quantile(values, share)) as Five['at'] };
  });
}

/** The quantile between the two nearest of sorted values (Hyndman and Fan's type 7). */
export function quantile(sorted: number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at));
}

export const boxHeight = (tile: TileData): number => Math.min(MOST, Math.max(1, fivesOf(tile).length)) * ROW + BOTTOM;

export function drawBox(tile: TileData, look: Look, room: Room, chosen: Chosen = NOTHING_CHOSEN): Drawn {
  const found = fivesOf(tile).sort((a, b) => b.at[2] - a.at[2]);
  const fives = found.slice(0, MOST);
  const numeric = tile.columns.filter((column) => isNumeric(column) && column.role !== 'x');
  const median = tile.columns[place(tile, 'median')] ?? numeric[Math.min(2, numeric.length - 1)];
  const format = median?.format ?? 'number';
  const font = labelFont(look, 13.5, 400);
  const left = Math.ceil(widest(fives.map(({ name }) => fit(name, room.width * 0.36, font, room)), font, room)) + 16;
  const number = Math.ceil(widest(fives.map(({ at }) => short(at[2], format)), font, room));
  const right = Math.max(left + 30, room.width - number - 16);
  const low = fives.reduce((least, { at }) => Math.min(least, at[0]), Infinity);
  const high = fives.reduce((most, { at }) => Math.max(most, at[4]), -Infinity);
  const scale = niceScale(low > 0 && low < high * 0.4 ? 0 : low, high, Math.max(2, (right - left) / 90), false, format === 'duration');
  const across = (value: number): number => left + ((value - scale.min) / (scale.max - scale.min)) * (right - left);
  const labels = tickLabels(scale.ticks, format);
  const column = tile.columns.find((one) => !numeric.includes(one) && !isNumeric(one));
  const axis = placedAxis(scale.min, scale.max, scale.ticks.map((at, index) => ({ at, text: labels[index]! })), look);
  return {
    option: {
      ...base(look, { left, right: room.width - right, top: 0, bottom: BOTTOM }),
      xAxis: { ...axis, interval: scale.step, splitLine: { show: true, lineStyle: { color: look.line } } },
      yAxis: { type: 'value', show: false },
      series: [],
      graphic: {
        elements: fives.flatMap((five, index) => {
          const middle = index * ROW + ROW / 2;
          const pale = paled(chosen, column?.name, five.name);
          return [
            text(0, middle, fit(five.name, room.width * 0.36, font, room), font, look.ink, 'left'),
            text(room.width - 1, middle, short(five.at[2], format), font, look.ink, 'right'),
            ...boxShapes(five.at.map(across) as Five['at'], middle, look, pale ? 0.3 : 1),
          ];
        }),
      },
    },
    stops: fives.map((five, index): Stop => ({
      left: across(five.at[2]),
      top: index * ROW + 6,
      box: { left: 0, top: index * ROW, width: room.width, height: ROW },
      tip: () => ({ title: five.name, rows: five.at.map((value, at) => ({ name: PARTS[at]!, value: exact(value, format) })).reverse() }),
      pick: () => (column ? { column: column.name, value: five.cell } : undefined),
    })),
    hit: (_, top) => (top >= 0 && top < fives.length * ROW ? Math.floor(top / ROW) : -1),
    note: found.length > MOST ? `the ${MOST} highest of ${found.length}` : undefined,
  };
}

const text = (x: number, y: number, said: string, font: string, fill: string, align: string): Option => ({
  type: 'text', silent: true, x, y, z: 5, style: { text: said, font, fill, align, verticalAlign: 'middle' },
});

function boxShapes([least, lower, median, upper, most]: Five['at'], middle: number, look: Look, opacity: number): Option[] {
  const color = look.series[0]!;
  const line = (x1: number, x2: number, half: number, width: number): Option => ({
    type: 'line', silent: true, z: 4, shape: { x1, x2, y1: middle - half, y2: middle + half }, style: { stroke: color, lineWidth: width, opacity },
  });
  return [
    line(least, lower, 0, 1.2), line(upper, most, 0, 1.2), line(least, least, 4, 1.2), line(most, most, 4, 1.2),
    {
      type: 'rect', silent: true, z: 4, shape: { x: lower, y: middle - 7, width: Math.max(1, upper - lower), height: 14, r: 2 },
      style: { fill: mix(look.ground, color, 0.25), stroke: color, lineWidth: 1, opacity },
    },
    line(median, median, 7, 2.2),
  ];
}
