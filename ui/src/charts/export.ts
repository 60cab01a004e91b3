// A chart as a picture with its heading: PNG and SVG made in the browser, saved as a file.

import { draw, heightOf } from './draw.ts';
import { measure } from './measure.ts';
import type { Look } from './palette.ts';
import { cut, type TileData } from './tile.ts';

const WIDTH = 960;
const MARGIN = 24;
const HEAD = 64;
const SHARP = 2;

interface Sheet {
  width: number;
  height: number;
  inner: { width: number; height: number };
}

function sheetOf(tile: TileData): Sheet {
  const inner = { width: WIDTH - 2 * MARGIN, height: heightOf(tile, WIDTH) };
  return { width: WIDTH, height: inner.height + HEAD + MARGIN, inner };
}

/** The chart as a standing SVG document with its title and subtitle. */
export async function svgOf(tile: TileData, look: Look): Promise<string> {
  const { init } = await import('./echarts.ts');
  const { width, height, inner } = sheetOf(tile);
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...inner });
  chart.setOption(draw(tile, look, { ...inner, measure }).option);
  const drawing = chart.renderToSVGString().replace(/^<svg/, `<svg x="${MARGIN}" y="${HEAD}"`);
  chart.dispose();
  const head = `<text x="${MARGIN}" y="32" font-size="17" font-weight="620" fill="${look.ink}">${escaped(cut(tile.title ?? '', 110))}</text>`
    + `<text x="${MARGIN}" y="52" font-size="13" fill="${look.mute}">${escaped(cut(tile.subtitle ?? '', 140))}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${escaped(look.font)}">`
    + `<rect width="100%" height="100%" fill="${look.ground}"/>${head}${drawing}</svg>`;
}

const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[sign]!);

/** The chart as a PNG at twice its size, with its title and subtitle. */
export async function pngOf(tile: TileData, look: Look): Promise<Blob> {
  const { init } = await import('./echarts.ts');
  const { width, height, inner } = sheetOf(tile);
  const chart = init(document.createElement('div'), null, { renderer: 'canvas', devicePixelRatio: SHARP, ...inner });
  chart.setOption(draw(tile, look, { ...inner, measure }).option);
  const drawing = chart.renderToCanvas({ pixelRatio: SHARP });
  chart.dispose();
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [width * SHARP, height * SHARP];
  const pen = canvas.getContext('2d');
  if (!pen) throw new Error('this browser gives no 2d canvas');
  pen.scale(SHARP, SHARP);
  pen.fillStyle = look.ground;
  pen.fillRect(0, 0, width, height);
  write(pen, tile.title ?? '', 32, `620 17px ${look.font}`, look.ink);
  write(pen, tile.subtitle ?? '', 52, `400 13px ${look.font}`, look.mute);
  pen.drawImage(drawing, MARGIN, HEAD, inner.width, inner.height);
  return new Promise((done, failed) => canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error('no picture was made'))), 'image/png'));
}

function write(pen: CanvasRenderingContext2D, text: string, y: number, font: string, color: string): void {
  pen.font = font;
  pen.fillStyle = color;
  pen.fillText(cut(text, 120), MARGIN, y, WIDTH - 2 * MARGIN);
}

/** Has the browser save this under that name. */
export function save(content: Blob | string, name: string, type = 'text/plain'): void {
  const blob = typeof content === 'string' ? new Blob([content], { type: `${type};charset=utf-8` }) : content;
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
