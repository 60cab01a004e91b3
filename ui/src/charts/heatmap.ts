// Cells of two categories, coloured by their value, with the scale written above and the number in the cell where it fits.

import { base, type Chosen, type Drawn, fit, labelFont, NOTHING_CHOSEN, type Option, paled, type Room, type Stop, TICK, widest } from './drawing.ts';
import { wallOf } from './clock.ts';
import { exact, short, wallTime } from './format.ts';
import { contrast, diverging, type Look, sequence } from './palette.ts';
import { axes, type Cell, isNumeric, isTime, labelOf, place, places, type TileData, toNumber, toText } from './tile.ts';

const TOP = 26;
const BOTTOM = 24;
const MOST = 4_000;

interface Field {
  across: { name: string; cell: Cell }[];
  down: { name: string; cell: Cell }[];
  cells: { x: number; y: number; value: number | null }[];
  columns: { x: number; y: number; value: number };
  low: number;
  high: number;
}

/** Which columns are across, down and the value: by role, then by place. */
function fieldColumns(tile: TileData): Field['columns'] {
  const value = place(tile, 'value', 'size');
  const down = place(tile, 'series', 'label');
  const at = axes(tile);
  const ys = places(tile, 'y');
  // With x, y and value all named, y is a category; with x, series and y, y is the value.
  if (value >= 0 && ys.length > 0) return { x: at.x, y: ys[0]!, value };
  const found = value >= 0 ? value : at.y;
  const other = down >= 0 && down !== at.x ? down : tile.columns.findIndex((_, index) => index !== at.x && index !== found);
  return { x: at.x, y: other, value: found };
}

function fieldOf(tile: TileData): Field {
  const columns = fieldColumns(tile);
  const index = (at: number) => {
    const seen = new Map<string, { at: number; cell: Cell }>();
    for (const row of tile.rows) {
      const name = nameOf(row[at], tile, at);
      if (!seen.has(name)) seen.set(name, { at: seen.size, cell: row[at] ?? null });
    }
    const column = tile.columns[at];
    const entries = [...seen];
    if (column && (isTime(column) || isNumeric(column))) entries.sort((a, b) => order(a[1].cell) - order(b[1].cell));
    return new Map(entries.map(([name, { cell }], place) => [name, { at: place, cell }]));
  };
  const across = index(columns.x);
  const down = index(columns.y);
  let [low, high] = [Infinity, -Infinity];
  const cells = tile.rows.slice(0, MOST).map((row) => {
    const value = toNumber(row[columns.value]);
    if (value !== null) [low, high] = [Math.min(low, value), Math.max(high, value)];
    return { x: across.get(nameOf(row[columns.x], tile, columns.x))!.at, y: down.get(nameOf(row[columns.y], tile, columns.y))!.at, value };
  });
  const named = (found: typeof across) => [...found].map(([name, { cell }]) => ({ name, cell }));
  return { across: named(across), down: named(down), cells, columns, low: low > high ? 0 : low, high: low > high ? 1 : high };
}

const order = (cell: Cell): number => toNumber(cell) ?? wallOf(cell) ?? 0;

function nameOf(cell: Cell | undefined, tile: TileData, at: number): string {
  const column = tile.columns[at];
  if (!column || !isTime(column)) return toText(cell);
  const wall = wallOf(cell, tile.options?.timezone);
  return wall === null ? toText(cell) : wallTime(wall, tile.options?.grain ?? '');
}

/** How high a heatmap is drawn: rows of an even height, within reason. */
export function heatmapHeight(tile: TileData): number {
  const rows = fieldOf(tile).down.length;
  return TOP + BOTTOM + Math.max(2, Math.min(rows, 40)) * (rows > 16 ? 18 : 26);
}

export function drawHeatmap(tile: TileData, look: Look, room: Room, chosen: Chosen = NOTHING_CHOSEN): Drawn {
  const field = fieldOf(tile);
  const format = tile.columns[field.columns.value]?.format ?? 'number';
  const font = labelFont(look, 12.5, 400);
  const names = field.down.map(({ name }) => fit(name, room.width * 0.3, font, room));
  const left = Math.ceil(widest(names, font, room)) + 12;
  const wide = (room.width - left) / Math.max(1, field.across.length);
  const tall = (room.height - TOP - BOTTOM) / Math.max(1, field.down.length);
  const shade = shader(field, look);
  const numbers = labelFont(look, 11, 400);
  const written = tall >= 16 && field.cells.every(({ value }) => room.measure(short(value, format), numbers) < wide - 8);
  const boxes = field.cells.map((cell) => ({ cell, left: left + cell.x * wide, top: TOP + cell.y * tall, width: wide, height: tall }));
  const byPlace = new Map(boxes.map((box, at) => [`${box.cell.x},${box.cell.y}`, at]));
  const rowColumn = tile.columns[field.columns.y];
  return {
    option: {
      ...base(look, { left, right: 0, top: TOP, bottom: BOTTOM }),
      xAxis: { type: 'value', show: false },
      yAxis: { type: 'value', show: false },
      series: [],
      graphic: {
        elements: [
          ...boxes.flatMap((box) => cellShapes(box, shade(box.cell.value), written ? short(box.cell.value, format) : '', look,
            paled(chosen, rowColumn?.name, field.down[box.cell.y]!.name))),
          ...names.map((name, at) => words(0, TOP + (at + 0.5) * tall, name, font, look.ink, 'left')),
          ...acrossWords(field, left, wide, room, look),
          ...key(field, format, shade, room, look),
        ],
      },
    },
    stops: boxes.map((box): Stop => ({
      left: box.left + wide / 2,
      top: box.top,
      box,
      tip: () => ({
        title: `${field.down[box.cell.y]!.name}, ${field.across[box.cell.x]!.name}`,
        rows: [{ color: shade(box.cell.value), name: labelOf(tile.columns[field.columns.value]), value: exact(box.cell.value, format) }],
      }),
      pick: () => (rowColumn ? { column: rowColumn.name, value: field.down[box.cell.y]!.cell } : undefined),
    })),
    hit: (x, y) => byPlace.get(`${Math.floor((x - left) / wide)},${Math.floor((y - TOP) / tall)}`) ?? -1,
  };
}

function shader(field: Field, look: Look): (value: number | null) => string {
  const { low, high } = field;
  const most = Math.max(Math.abs(low), Math.abs(high)) || 1;
  const from = low >= 0 && low < high * 0.5 ? 0 : low;
  return (value) => {
    if (value === null) return look.ground;
    if (low < 0 && high > 0) return diverging(value / most, look);
    return sequence(high === from ? (value === 0 ? 0 : 0.5) : (value - from) / (high - from), look);
  };
}

const words = (x: number, y: number, text: string, font: string, fill: string, align: string): Option => ({
  type: 'text', silent: true, x, y, z: 5, style: { text, font, fill, align, verticalAlign: 'middle' },
});

type CellBox = { left: number; top: number; width: number; height: number };

function cellShapes(box: CellBox, fill: string, text: string, look: Look, pale: boolean): Option[] {
  const gap = box.width > 6 && box.height > 6 ? 1 : 0;
  const shape = { x: box.left, y: box.top, width: Math.max(0.5, box.width - gap), height: Math.max(0.5, box.height - gap), r: gap };
  const rect = { type: 'rect', silent: true, z: 3, shape, style: { fill, opacity: pale ? 0.3 : 1, ...(fill === look.ground ? { stroke: look.line, lineWidth: 1 } : {}) } };
  if (!text) return [rect];
  const inks = [look.ink, look.ground].sort((a, b) => contrast(b, fill) - contrast(a, fill));
  return [rect, words(box.left + box.width / 2, box.top + box.height / 2, text, labelFont(look, 11, 400), inks[0]!, 'center')];
}

function acrossWords(field: Field, left: number, wide: number, room: Room, look: Look): Option[] {
  const font = `400 ${TICK}px ${look.font}`;
  const short = field.across.map(({ name }) => fit(name, Math.max(64, wide - 4), font, room));
  const every = Math.max(1, Math.ceil((widest(short, font, room) + 8) / wide));
  return short.flatMap((name, at) => (at % every === 0
    ? [words(left + (at + 0.5) * wide, room.height - BOTTOM + 13, name, font, look.mute, 'center')] : []));
}

// From the least to the greatest, as a strip of the same colours.
function key(field: Field, format: string, shade: (value: number) => string, room: Room, look: Look): Option[] {
  const font = `400 ${TICK}px ${look.font}`;
  const [low, high] = [short(field.low, format), short(field.high, format)];
  const steps = 24;
  const strip = 96;
  const right = room.width - room.measure(high, font) - 8;
  const cells = Array.from({ length: steps }, (_, at): Option => ({
    type: 'rect', silent: true, z: 3,
    shape: { x: right - strip + (at * strip) / steps, y: 6, width: strip / steps + 0.5, height: 8 },
    style: { fill: shade(field.low + ((at + 0.5) / steps) * (field.high - field.low)) },
  }));
  return [
    words(right - strip - 6, 10, low, font, look.mute, 'right'), ...cells, words(room.width - 1, 10, high, font, look.mute, 'right'),
  ];
}
