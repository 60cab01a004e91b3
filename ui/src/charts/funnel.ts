// Steps that fewer and fewer reach: bars in the order of the steps, with the share of the step before and of the first.

import { base, type Chosen, type Drawn, fit, labelFont, NOTHING_CHOSEN, type Option, paled, type Room, type Stop, widest } from './drawing.ts';
import { exact, short } from './format.ts';
import { type Look, mix } from './palette.ts';
import { axes, type TileData, toNumber, toText } from './tile.ts';

const ROW = 46;

export const funnelHeight = (tile: TileData): number => Math.max(1, Math.min(tile.rows.length, 24)) * ROW + 4;

export function drawFunnel(tile: TileData, look: Look, room: Room, chosen: Chosen = NOTHING_CHOSEN): Drawn {
  const at = axes(tile);
  const format = tile.columns[at.y]?.format ?? 'integer';
  const column = tile.columns[at.x];
  const steps = tile.rows.slice(0, 24).map((row) => ({ name: toText(row[at.x]), cell: row[at.x] ?? null, value: toNumber(row[at.y]) }));
  const most = steps.reduce((high, step) => Math.max(high, step.value ?? 0), 0) || 1;
  const font = labelFont(look, 14, 400);
  const small = labelFont(look, 12, 400);
  const left = Math.ceil(widest(steps.map(({ name }) => fit(name, room.width * 0.36, font, room)), font, room)) + 16;
  const kept = steps.map((step, index) => keptOf(step.value, steps[index - 1]?.value ?? null));
  const right = room.width - Math.ceil(Math.max(widest(kept, small, room), widest(steps.map(({ value }) => short(value, format)), font, room))) - 16;
  const wide = (value: number | null): number => Math.max(2, ((value ?? 0) / most) * Math.max(20, right - left));
  const color = look.series[0]!;
  return {
    option: {
      ...base(look, { left, right: room.width - right, top: 0, bottom: 0 }),
      xAxis: { type: 'value', show: false },
      yAxis: { type: 'value', show: false },
      series: [],
      graphic: {
        elements: steps.flatMap((step, index) => {
          const middle = index * ROW + 15;
          const next = steps[index + 1];
          const opacity = paled(chosen, column?.name, step.name) ? 0.3 : 1;
          return [
            said(0, middle, fit(step.name, room.width * 0.36, font, room), font, look.ink, 'left'),
            said(room.width - 1, middle, short(step.value, format), font, look.ink, 'right'),
            ...(kept[index] ? [said(room.width - 1, middle + 17, kept[index]!, small, look.mute, 'right')] : []),
            bar(left, middle - 10, wide(step.value), color, opacity),
            ...(next ? [slope(left, middle + 10, wide(step.value), wide(next.value), mix(look.ground, color, 0.14))] : []),
          ];
        }),
      },
    },
    stops: steps.map((step, index): Stop => ({
      left: left + wide(step.value),
      top: index * ROW + 4,
      box: { left: 0, top: index * ROW, width: room.width, height: ROW - 8 },
      tip: () => ({
        title: step.name,
        rows: [
          { color, name: 'reached', value: exact(step.value, format) },
          { name: 'of the first', value: share(step.value, steps[0]!.value) },
          ...(index > 0 ? [{ name: 'of the step before', value: share(step.value, steps[index - 1]!.value) }] : []),
        ],
      }),
      pick: () => (column ? { column: column.name, value: step.cell } : undefined),
    })),
    hit: (_, top) => (top >= 0 && top < steps.length * ROW ? Math.floor(top / ROW) : -1),
  };
}

const share = (value: number | null, of: number | null): string => (value === null || !of ? '–' : short(value / of, 'percent'));
const keptOf = (value: number | null, before: number | null): string => (before === null ? '' : share(value, before));

const said = (x: number, y: number, text: string, font: string, fill: string, align: string): Option => ({
  type: 'text', silent: true, x, y, z: 5, style: { text, font, fill, align, verticalAlign: 'middle' },
});

const bar = (x: number, y: number, width: number, fill: string, opacity: number): Option => ({
  type: 'rect', silent: true, z: 4, shape: { x, y, width, height: 20, r: 2 }, style: { fill, opacity },
});

const slope = (x: number, y: number, top: number, bottom: number, fill: string): Option => ({
  type: 'polygon', silent: true, z: 2, shape: { points: [[x, y], [x + top, y], [x + bottom, y + ROW - 20], [x, y + ROW - 20]] }, style: { fill },
});
