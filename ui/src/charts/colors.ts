// Which of the six colours a name has: the same in every chart of a page.

import { MOST_SERIES } from './palette.ts';
import { axes, isOther, type TileData, toNumber, toText } from './tile.ts';

/** A chart's series: the column that splits it, and the names that get a colour. */
export interface Split {
  column: string;
  names: string[];
}

/** The strongest names of a chart in the order of its rows, or null where it is not split. */
export function splitOf(tile: TileData): Split | null {
  const at = axes(tile);
  if (at.series < 0) return null;
  const weights = new Map<string, number>();
  for (const row of tile.rows) {
    const name = toText(row[at.series]);
    weights.set(name, (weights.get(name) ?? 0) + Math.abs(toNumber(row[at.y]) ?? 0));
  }
  const names = [...weights.keys()].filter((name) => !isOther(name));
  const strong = new Set([...names].sort((a, b) => weights.get(b)! - weights.get(a)!).slice(0, MOST_SERIES));
  return { column: tile.columns[at.series]!.name, names: names.filter((name) => strong.has(name)) };
}

/**
 * The place among the colours of each name, for one chart after the other. A name has the place that it is `known` by, or had in a
 * chart before, unless two names of one chart would share it; a new one takes the first that no name of its column has.
 */
export function placed(splits: readonly (Split | null)[], known: Map<string, number>): (Map<string, number> | null)[] {
  const ofColumn = new Map<string, Set<string>>();
  return splits.map((split) => {
    if (!split) return null;
    const own = new Map<string, number>();
    const free = new Set(Array.from({ length: MOST_SERIES }, (_, at) => at));
    for (const name of split.names) {
      const at = known.get(name);
      if (at !== undefined && free.delete(at)) own.set(name, at);
    }
    const alike = ofColumn.get(split.column) ?? new Set<string>();
    ofColumn.set(split.column, alike);
    const avoided = new Set([...alike].map((name) => known.get(name)));
    for (const name of split.names) {
      if (own.has(name)) continue;
      const at = [...free].find((place) => !avoided.has(place)) ?? [...free][0]!;
      free.delete(at);
      own.set(name, at);
      if (!known.has(name)) known.set(name, at);
    }
    for (const name of split.names) alike.add(name);
    return own;
  });
}
