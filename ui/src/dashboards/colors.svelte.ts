// The colours of a page: a name that is in several charts has one, whichever of them comes first, and keeps it under a filter.

import { untrack } from 'svelte';
import { placed, type Split, splitOf } from '../charts/colors';
import type { TileData } from '../charts/tile';
import type { Block } from './page';

export interface PageColors {
  /** Says what a tile shows; null while it is waited for. */
  told(id: string, tile: TileData | null): void;
  /** A tile that is no longer there is not waited for. */
  gone(id: string): void;
  /** The places of a tile's names among the colours of series. */
  of(id: string): ReadonlyMap<string, number> | undefined;
}

const idsOf = (blocks: readonly Block[]): string[] => blocks.flatMap((block) =>
  block.kind === 'row' ? block.tiles.map(({ id }) => id) : block.kind === 'tabs' ? block.tabs.flatMap((tab) => idsOf(tab.blocks)) : []);

const same = (one: ReadonlyMap<string, number> | undefined, other: ReadonlyMap<string, number>): boolean =>
  one?.size === other.size && [...other].every(([name, at]) => one.get(name) === at);

/** For a page's set-up: `blocks` gives the order in which its tiles are coloured. */
export function pageColors(blocks: () => readonly Block[]): PageColors {
  const shown = new Map<string, Split | null>();
  const waited = new Set<string>();
  const read = new WeakMap<TileData, Split | null>();
  let known = new Map<string, number>();
  let given = $state.raw(new Map<string, ReadonlyMap<string, number>>());

  function give(): void {
    const order = idsOf(blocks()).filter((id) => shown.get(id));
    // Until all have come, what has come is coloured anew: which of them was the first says nothing.
    const names = new Map(known);
    const found = placed(order.map((id) => shown.get(id)!), names);
    if (waited.size === 0) known = names;
    const next = new Map(order.map((id, at) => [id, same(given.get(id), found[at]!) ? given.get(id)! : found[at]!]));
    if (next.size !== given.size || [...next].some(([id, places]) => given.get(id) !== places)) given = next;
  }

  return {
    told(id, tile) {
      if (!tile) return void waited.add(id);
      if (!read.has(tile)) read.set(tile, splitOf(tile));
      const held = shown.has(id) && shown.get(id) === read.get(tile);
      shown.set(id, read.get(tile)!);
      if (waited.delete(id) || !held) untrack(give);
    },
    gone(id) {
      if (waited.delete(id)) untrack(give);
    },
    of: (id) => given.get(id),
  };
}
