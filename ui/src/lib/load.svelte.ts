// What a page shows of an address of the API: kept while it is asked again, so that nothing flickers.
import { untrack } from 'svelte';
import { ApiError, get, type Fault } from './api';
import { listen, type Happened } from './live.svelte';

export interface Loaded<T> {
  readonly data: T | null;
  readonly fault: Fault | null;
  readonly status: number;
  readonly busy: boolean;
  /** Whether what is shown belongs to another address than the one now asked for. */
  readonly old: boolean;
  again(): void;
}

interface Seen<T> {
  url: string;
  data: T | null;
  fault: Fault | null;
  status: number;
}

const KEPT = 60;
const kept = new Map<string, unknown>();

function keep(url: string, data: unknown): void {
  kept.delete(url);
  kept.set(url, data);
  if (kept.size > KEPT) kept.delete(kept.keys().next().value as string);
}

/**
 * Asks for `url()` whenever it changes, and again when `when` says that an event touches it. For a component's
 * set-up only. The answer before stays until the next one is there; what was seen lately is shown at once.
 */
export function load<T>(url: () => string | null, when: (event: Happened) => boolean = () => false): Loaded<T> {
  let now = $state.raw<Seen<T>>({ url: '', data: null, fault: null, status: 0 });
  let busy = $state(false);
  let flight: AbortController | null = null;
  let wanted = '';
  let due = false;

  async function ask(): Promise<void> {
    const asked = wanted;
    flight?.abort();
    const mine = new AbortController();
    flight = mine;
    busy = true;
    due = false;
    try {
      const data = await get<T>(asked, mine.signal);
      keep(asked, data);
      now = { url: asked, data, fault: null, status: 200 };
    } catch (problem) {
      if (mine.signal.aborted) return;
      if (!(problem instanceof ApiError)) throw problem;
      // The server is away: what was there stays, and the header says since when.
      const stays = problem.status === 0 && now.url === asked ? now.data : null;
      now = { url: asked, data: stays, fault: stays ? null : problem.fault, status: problem.status };
    } finally {
      if (flight === mine) {
        flight = null;
        busy = false;
        if (due) void ask();
      }
    }
  }

  $effect(() => {
    const next = url();
    if (next === null) return;
    wanted = next;
    // Only the address is followed: an answer that is read here would be a reason to ask again.
    untrack(() => {
      if (kept.has(next) && now.url !== next) now = { url: next, data: kept.get(next) as T, fault: null, status: 200 };
      void ask();
    });
    return () => flight?.abort();
  });

  // A burst of commits asks once more after the answer that is on its way, not once each.
  $effect(() =>
    listen((event) => {
      if (!wanted || !(event.kind === 'hello' || when(event))) return;
      if (flight) due = true;
      else void ask();
    }),
  );

  return {
    get data() {
      return now.data;
    },
    get fault() {
      return now.fault;
    },
    get status() {
      return now.status;
    },
    get busy() {
      return busy;
    },
    get old() {
      const next = url();
      return now.data !== null && next !== null && now.url !== next;
    },
    again: () => void ask(),
  };
}

/** Whether an event says that one of these tables has new rows, or that definitions changed. */
export const touches =
  (...names: string[]) =>
  (event: Happened): boolean =>
    event.kind === 'project' || (event.kind === 'commit' && (event.tables ?? []).some((table) => names.includes(table)));
