// A room to draw in without a browser: letters have about the width they have on a screen.
import type { Room } from '../src/charts/drawing.ts';


export const room = (width = 700, height = 270): Room => ({
  width,
  height,
  measure: (text, font) => Array.from(text).length * Number(/(\d+(\.\d+)?)px/.exec(font)?.[1] ?? 12) * 0.56,
});
