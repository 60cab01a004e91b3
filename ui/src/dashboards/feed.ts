// Where a page's tiles come from: a server that is asked, or the data that a static site carries with it.

import type { Fault } from '../lib/api.ts';
import type { TileData } from '../charts/tile.ts';

export interface Fed {
  readonly data: TileData | null;
  readonly fault: Fault | null;
  /** Whether what is shown answers another question than the one now asked. */
  readonly old: boolean;
  /** When the data came, in milliseconds. */
  readonly at: number;
}

export interface Feed {
  /** For a component's set-up: the tile's data, kept up to date. */
  tile(id: string): Fed;
  /** The moment whose data is shown, where it is not that of a server that goes on. */
  asOf?: string;
  /** Whether there is a server: pages of the app can be linked to and filters be set. */
  served: boolean;
}
