// The width of text as this browser draws it.

let context: CanvasRenderingContext2D | null = null;
const known = new Map<string, number>();
const MOST_KNOWN = 5_000;

export function measure(text: string, font: string): number {
  const key = font + text;
  let width = known.get(key);
  if (width === undefined) {
    context ??= document.createElement('canvas').getContext('2d');
    if (!context) throw new Error('this browser gives no 2d canvas');
    context.font = font;
    width = context.measureText(text).width;
    if (known.size > MOST_KNOWN) known.clear();
    known.set(key, width);
  }
  return width;
}
