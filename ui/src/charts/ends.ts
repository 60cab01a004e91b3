// The names of lines, written beside their last points and moved apart so that none covers another.

import { fit, LABEL, labelFont, type Option, type Room } from './drawing.ts';
import { type Look, readable } from './palette.ts';
import { spread } from './spread.ts';

export interface End {
  name: string;
  color: string;
  /** Where its line ends, in pixels from the top and the left. */
  top: number;
  left: number;
  quiet?: boolean;
  /** Its name belongs to a height, not to an end that a hairline could lead to. */
  loose?: boolean;
}

const HEIGHT = 15;
const GAP = 10;

/** How much room on the right the names need: never more than a third of the width. */
export function endsWidth(names: string[], look: Look, room: Room): number {
  if (names.length === 0) return 12;
  const most = Math.max(48, Math.min(150, room.width * (room.width < 480 ? 0.27 : 0.3)));
  const font = labelFont(look);
  const widths = names.map((name) => room.measure(fit(name, most, font, room), font));
  return Math.ceil(Math.max(...widths)) + GAP + 4;
}

/** The names as drawn texts from `left` on, each as near to its line's end as the others allow. */
export function endLabels(ends: End[], left: number, grid: { top: number; bottom: number }, look: Look, room: Room): Option[] {
  const font = labelFont(look);
  const wide = room.width - left - GAP;
  const centres = spread(
    ends.map(({ top }) => ({ at: top, size: HEIGHT })),
    grid.top - HEIGHT / 2,
    Math.max(grid.bottom + HEIGHT / 2, grid.top + ends.length * (HEIGHT + 1)),
    1,
  );
  const drawn: Option[] = [];
  for (const [at, end] of ends.entries()) {
    const centre = centres[at]!;
    const far = !end.loose && (Math.abs(centre - end.top) > 4 || end.left < left - 6);
    if (far) drawn.push(leader(end, left, centre, look));
    drawn.push({
      type: 'text',
      silent: true,
      x: left + GAP,
      y: centre,
      z: 100,
      style: {
        text: fit(end.name, wide, font, room),
        font: end.quiet ? labelFont(look, LABEL, 400) : font,
        fill: end.quiet ? look.mute : readable(end.color, look),
        verticalAlign: 'middle',
      },
    });
  }
  return drawn;
}

// A hairline from the end of the line to a name that had to move.
function leader(end: End, left: number, centre: number, look: Look): Option {
  return {
    type: 'polyline',
    silent: true,
    z: 1,
    shape: { points: [[end.left + 2, end.top], [left + 2, end.top], [left + GAP - 2, centre]] },
    style: { stroke: end.quiet ? look.other : end.color, lineWidth: 1, opacity: 0.55, fill: 'none' },
  };
}

