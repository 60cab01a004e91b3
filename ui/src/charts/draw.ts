// From a tile's data to its chart: one function a kind, by name, with the height each asks for.

import { barsHeight, drawBar, standing } from './bar.ts';
import { boxHeight, drawBox } from './box.ts';
import { type Chosen, type Drawn, NOTHING_CHOSEN, type Room } from './drawing.ts';
import { drawFunnel, funnelHeight } from './funnel.ts';
import { drawHeatmap, heatmapHeight } from './heatmap.ts';
import { drawHistogram } from './histogram.ts';
import { drawLine } from './line.ts';
import type { Look } from './palette.ts';
import { drawScatter } from './scatter.ts';
import { drawColumns } from './stacked.ts';
import { axes, isTime, type Kind, type TileData } from './tile.ts';

type Draw = (tile: TileData, look: Look, room: Room, chosen: Chosen) => Drawn;

const DRAWN: Partial<Record<Kind, Draw>> = {
  line: drawLine,
  area: drawArea,
  bar: drawBar,
  stacked: drawColumns,
  scatter: drawScatter,
  histogram: drawHistogram,
  heatmap: drawHeatmap,
  box: drawBox,
  funnel: drawFunnel,
};

/** One shaded line, or areas on top of each other where the tile is split. */
function drawArea(tile: TileData, look: Look, room: Room, chosen: Chosen): Drawn {
  const split = axes(tile).series >= 0 && tile.options?.stacked !== false;
  return split ? drawColumns(tile, look, room, chosen, true) : drawLine(tile, look, room, chosen, true);
}

/** Whether a tile of this kind is drawn by ECharts; the others are text, tables and small curves. */
export const isChart = (kind: Kind): boolean => DRAWN[kind] !== undefined;

export function draw(tile: TileData, look: Look, room: Room, chosen: Chosen = NOTHING_CHOSEN): Drawn {
  const found = DRAWN[tile.kind];
  if (!found) throw new Error(`no chart is drawn for the kind ${tile.kind}`);
  return found(tile, look, room, chosen);
}

/** The height in pixels that a chart asks for at this width. */
export function heightOf(tile: TileData, width: number): number {
  const { kind, options } = tile;
  if (typeof options?.height === 'number' && options.height >= 80) return Math.min(1_200, options.height);
  if (kind === 'bar' && !standing(tile) && axes(tile).series < 0) return barsHeight(tile);
  if (kind === 'box') return boxHeight(tile);
  if (kind === 'funnel') return funnelHeight(tile);
  if (kind === 'heatmap') return heatmapHeight(tile);
  if (kind === 'scatter') return width < 480 ? 280 : 320;
  return width < 480 ? 230 : 270;
}

/** A height to keep free while the data of a kind is on its way. */
export const awaitedHeight = (kind: Kind): number =>
  ({ kpi: 78, sparkline: 60, table: 220, scatter: 320 } as Partial<Record<Kind, number>>)[kind] ?? 270;

export const isTimed = (tile: TileData): boolean => {
  const column = tile.columns[axes(tile).x];
  return column !== undefined && isTime(column);
};
