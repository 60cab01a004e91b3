// Bars: lying for categories (name, bar, number), standing over time; from zero, sorted, the rest summed as "other".

import { base, type Chosen, type Drawn, fit, labelFont, NOTHING_CHOSEN, type Option, paled, type Room, type Stop, widest } from './drawing.ts';
import { before, exact, short } from './format.ts';
import { type Look, mix } from './palette.ts';
import { niceScale, type Scale } from './scale.ts';
import { drawColumns } from './stacked.ts';
import { axes, isNumeric, isOther, isTime, labelOf, type TileData, toNumber, toText, type Cell } from './tile.ts';

export const ROW = 28;
const THICK = 14;
const MOST_BARS = 12;
const NAME = 14;
const NUMBER = 13.5;

export interface Bar {
  name: string;
  value: number | null;
  cell: Cell;
  compared: number | null;
  other: boolean;
}

/** The bars of a tile, sorted and cut to the limit; what is left is one bar "other (n)" where it may be summed. */
export function barsOf(tile: TileData): { bars: Bar[]; left: number } {
  const at = axes(tile);
  const options = tile.options ?? {};
  const all: Bar[] = tile.rows.map((row) => ({
    name: toText(row[at.x]),
    cell: row[at.x] ?? null,
    value: toNumber(row[at.y]),
    compared: at.compared >= 0 ? toNumber(row[at.compared]) : null,
    other: options.other !== false && isOther(toText(row[at.x])),
  }));
  const asGiven = options.sort === 'none' || options.order === 'none' || options.order === 'given';
  const rank = (bar: Bar): number => bar.value ?? -Infinity;
  const named = all.filter((bar) => !bar.other);
  if (!asGiven) named.sort((a, b) => rank(b) - rank(a) || a.name.localeCompare(b.name));
  const others = all.filter((bar) => bar.other);
  const limit = Math.max(1, options.limit ?? MOST_BARS);
  if (named.length <= limit || (named.length === limit + 1 && options.limit === undefined)) return { bars: [...named, ...others], left: 0 };
  const rest = named.slice(limit);
  const kept = named.slice(0, limit);
  if (others.length > 0 || options.other === false || options.additive === false) return { bars: [...kept, ...others], left: rest.length };
  const sum = rest.reduce((total, bar) => total + (bar.value ?? 0), 0);
  return { bars: [...kept, { name: `other (${rest.length.toLocaleString('en-US')})`, cell: null, value: sum, compared: null, other: true }], left: 0 };
}

/** How high lying bars are drawn: every bar its row. */
export const barsHeight = (tile: TileData): number => Math.max(1, barsOf(tile).bars.length) * ROW + 6;

/** Whether these bars stand: over time, over numbers such as hours, or when asked. */
export const standing = (tile: TileData): boolean => {
  const column = tile.columns[axes(tile).x];
  return tile.options?.horizontal === false || (column !== undefined && tile.options?.horizontal !== true && (isTime(column) || isNumeric(column)));
};

export function drawBar(tile: TileData, look: Look, room: Room, chosen: Chosen = NOTHING_CHOSEN): Drawn {
  if (standing(tile) || axes(tile).series >= 0) return drawColumns(tile, look, room, chosen);
  const { bars, left } = barsOf(tile);
  const at = axes(tile);
  const column = tile.columns[at.x];
  const format = tile.columns[at.y]?.format ?? 'number';
  const wide = lying(bars, format, look, room);
  const rows = bars.map((bar, index) => ({ bar, top: index * ROW + ROW / 2 + 2 }));
  const colour = (bar: Bar): string => (bar.other ? look.other : look.series[0]!);
  return {
    option: {
      ...base(look, { left: wide.left, right: room.width - wide.right, top: 2, bottom: room.height - bars.length * ROW - 2 }),
      xAxis: { type: 'value', show: false, min: wide.scale.min, max: wide.scale.max },
      yAxis: { type: 'category', inverse: true, show: false, data: bars.map((_, index) => index) },
      series: [{
        type: 'bar',
        silent: true,
        barWidth: THICK,
        barMinHeight: 2,
        data: bars.map((bar) => ({
          value: bar.value,
          itemStyle: { color: colour(bar), opacity: paled(chosen, column?.name, bar.name) ? 0.3 : 1, borderRadius: 2 },
        })),
      }],
      graphic: { elements: rows.flatMap(({ bar, top }) => rowTexts(bar, top, format, wide, look, room)) },
    },
    stops: rows.map(({ bar, top }): Stop => ({
      left: wide.at(Math.max(0, bar.value ?? 0)),
      top,
      box: { left: 0, top: top - ROW / 2, width: room.width, height: ROW },
      tip: () => tipOf(bar, tile, format, colour(bar), look),
      pick: () => (bar.other || !column ? undefined : { column: column.name, value: bar.cell }),
    })),
    hit: (_, top) => (top >= 2 && top < 2 + bars.length * ROW ? Math.floor((top - 2) / ROW) : -1),
    note: left > 0 ? `the largest ${bars.filter((bar) => !bar.other).length} of ${(bars.length + left).toLocaleString('en-US')}` : undefined,
  };
}

interface Wide {
  left: number;
  right: number;
  scale: Scale;
  name: number;
  at(value: number): number;
}

function lying(bars: Bar[], format: string, look: Look, room: Room): Wide {
  const names = bars.map((bar) => fit(bar.name, room.width * 0.42, labelFont(look, NAME, 400), room));
  const name = Math.ceil(widest(names, labelFont(look, NAME, 400), room));
  const number = Math.ceil(widest(bars.map((bar) => short(bar.value, format)), labelFont(look, NUMBER, 400), room));
  const values = bars.flatMap((bar) => [bar.value ?? 0, bar.compared ?? 0]);
  const scale = { ...niceScale(Math.min(0, ...values), Math.max(0, ...values)), max: Math.max(0, ...values), min: Math.min(0, ...values) };
  // All zeros: the bars have no length, and the axis still needs one.
  if (scale.max === scale.min) scale.max = 1;
  const left = name + 14;
  const right = Math.max(left + 20, room.width - number - 14);
  return { left, right, scale, name, at: (value) => left + ((value - scale.min) / (scale.max - scale.min)) * (right - left) };
}

function rowTexts(bar: Bar, top: number, format: string, wide: Wide, look: Look, room: Room): Option[] {
  const text = (x: number, words: string, align: string, fill: string, size: number): Option => ({
    type: 'text', silent: true, x, y: top,
    style: { text: words, font: labelFont(look, size, 400), fill, align, verticalAlign: 'middle' },
  });
  const drawn = [
    text(0, fit(bar.name, wide.name, labelFont(look, NAME, 400), room), 'left', bar.other ? look.mute : look.ink, NAME),
    text(room.width - 1, short(bar.value, format), 'right', bar.value === null ? look.mute : look.ink, NUMBER),
  ];
  if (wide.scale.min < 0) drawn.push(zeroLine(wide.at(0), top, mix(look.line, look.mute, 0.4)));
  if (bar.compared !== null) drawn.push(tick(wide.at(bar.compared), top, look));
  return drawn;
}

const zeroLine = (x: number, top: number, stroke: string): Option => ({
  type: 'line', silent: true, z: 6, shape: { x1: x, x2: x, y1: top - ROW / 2, y2: top + ROW / 2 }, style: { stroke, lineWidth: 1 },
});

// Where the bar ended in the time it is compared with.
const tick = (x: number, top: number, look: Look): Option => ({
  type: 'line', silent: true, z: 6, shape: { x1: x, x2: x, y1: top - 9, y2: top + 9 }, style: { stroke: look.mute, lineWidth: 1.5, lineDash: [3, 2] },
});

function tipOf(bar: Bar, tile: TileData, format: string, color: string, look: Look) {
  const rows = [{ color, name: labelOf(tile.columns[axes(tile).y]), value: exact(bar.value, format), dashed: false }];
  if (bar.compared !== null) rows.push({ color: look.other, name: before(tile.options?.compare), value: exact(bar.compared, format), dashed: true });
  return { title: bar.name, rows };
}
