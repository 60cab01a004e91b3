// A small curve without axes, as an SVG path: gaps stay gaps, a value alone is a dot.

/** The path through these values in a box; "" when there is nothing to draw. */
export function curve(values: readonly (number | null)[], width: number, height: number, inset = 2): string {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return '';
  const low = known.reduce((a, b) => Math.min(a, b));
  const high = known.reduce((a, b) => Math.max(a, b));
  const step = values.length > 1 ? (width - 2 * inset) / (values.length - 1) : 0;
  const x = (at: number): string => (values.length > 1 ? inset + at * step : width / 2).toFixed(1);
  const y = (value: number): string => (high === low ? height / 2 : height - inset - ((value - low) / (high - low)) * (height - 2 * inset)).toFixed(1);
  const parts: string[] = [];
  for (const [at, value] of values.entries()) {
    if (value === null) continue;
    const joined = at > 0 && values[at - 1] !== null;
    const single = !joined && (values[at + 1] ?? null) === null;
    parts.push(`${joined ? 'L' : 'M'}${x(at)},${y(value)}`);
    if (single) parts.push('h0.01');
  }
  return parts.join(' ');
}

/** At most `most` values: the least and the greatest of every stretch, so that no spike is lost. */
export function thinned(values: readonly (number | null)[], most: number): (number | null)[] {
  if (values.length <= most) return [...values];
  const stretch = Math.ceil((values.length * 2) / most);
  const kept: (number | null)[] = [];
  for (let from = 0; from < values.length; from += stretch) {
    const part = values.slice(from, from + stretch);
    let [low, high] = [-1, -1];
    for (const [at, value] of part.entries()) {
      if (value === null) continue;
      if (low < 0 || value < part[low]!) low = at;
      if (high < 0 || value > part[high]!) high = at;
    }
    if (low < 0) kept.push(null);
    else kept.push(...[...new Set([Math.min(low, high), Math.max(low, high)])].map((at) => part[at]!));
  }
  return kept;
}
