// A page with its tiles from the server: one question for all that is seen, again when its filters or tables change.
import { untrack } from 'svelte';
import type { TileData } from '../charts/tile.ts';
import { ApiError, type Fault, get } from '../lib/api.ts';
import { type Happened, listen } from '../lib/live.svelte.ts';
import type { Fed } from './feed.ts';
import { asked, type Page, viewed } from './page.ts';

/** What the server answers: how many seconds ago each was made, and the tiles that are asked for by themselves. */
interface Answer {
  made: string;
  seconds: number;
  page: Page;
  tiles: { made: string; seconds: number; tile: TileData }[];
  waiting: string[];
}

interface Seen<T> {
  asked: string;
  data: T | null;
  fault: Fault | null;
  at: number;
  /** What has the same mark is the same, and need not be drawn again. */
  made?: string;
}

const KEPT = 12;
const LONGEST = 1_500;
const kept = new Map<string, { page: Seen<Page>; tiles: Map<string, Seen<TileData>> }>();
const NOTHING = { asked: 'nothing yet', data: null, fault: null, at: 0 };

class Place implements Fed {
  now = $state.raw<Seen<TileData>>(NOTHING);
  shown = 0;
  private readonly wanted: () => string;

  constructor(wanted: () => string) {
    this.wanted = wanted;
  }

  get data(): TileData | null {
    return this.now.data;
  }

  get fault(): Fault | null {
    return this.now.fault;
  }

  get old(): boolean {
    return this.now.data !== null && this.now.asked !== this.wanted();
  }

  get at(): number {
    return this.now.at;
  }
}

/** For a component's set-up: a page by its name, under what `query()` says. */
export class Sheets {
  page = $state.raw<Seen<Page>>(NOTHING);
  private readonly base: string;
  private readonly places = new Map<string, Place>();
  private readonly alone = new Map<string, AbortController>();
  private readonly name: string;
  private readonly query: () => string;
  private readonly wanted = $derived.by(() => asked(this.query()));
  private flight: AbortController | null = null;
  /** What happened while a question was on its way is asked about once, after its answer. */
  private due: Happened[] = [];

  constructor(name: string, query: () => string) {
    this.name = name;
    this.query = query;
    this.base = `/dashboards/${encodeURIComponent(name)}`;
    $effect(() => {
      const key = this.wanted;
      untrack(() => {
        this.recall(key);
        const shown = this.mounted();
        void this.ask(shown.length > 0 ? shown : null);
      });
      return () => this.stop();
    });
    $effect(() => listen((event) => this.heard(event)));
  }

  /** A tile's data, for as long as the component that asks for it lives. */
  tile(id: string): Fed {
    const place = this.place(id);
    $effect(() => {
      place.shown += 1;
      // In a tab that was not open before, or one that took long: it is asked for by itself.
      untrack(() => this.fresh(place) || this.flight || this.alone.has(id) || void this.askAlone(id));
      return () => void (place.shown -= 1);
    });
    return place;
  }

  private place(id: string): Place {
    const known = this.places.get(id);
    if (known) return known;
    const made = new Place(() => this.wanted);
    this.places.set(id, made);
    return made;
  }

  private fresh(place: Place): boolean {
    return place.now.asked === this.wanted && (place.now.data !== null || place.now.fault !== null);
  }

  private mounted(): string[] {
    return [...this.places].filter(([, place]) => place.shown > 0).map(([id]) => id);
  }

  private stop(): void {
    this.flight?.abort();
    this.flight = null;
    for (const one of this.alone.values()) one.abort();
    this.alone.clear();
  }

  /** Shows at once what was seen lately under the same filters. */
  private recall(key: string): void {
    const known = kept.get(this.base + key);
    if (!known || this.page.asked === key) return;
    this.page = known.page;
    for (const [id, seen] of known.tiles) this.place(id).now = seen;
  }

  private keep(key: string): void {
    const tiles = new Map([...this.places].filter(([, { now }]) => now.asked === key).map(([id, { now }]) => [id, now]));
    kept.delete(this.base + key);
    kept.set(this.base + key, { page: this.page, tiles });
    if (kept.size > KEPT) kept.delete(kept.keys().next().value as string);
  }

  private async ask(ids: string[] | null): Promise<void> {
    this.flight?.abort();
    const mine = new AbortController();
    this.flight = mine;
    const key = this.wanted;
    const named = ids?.join(',');
    // More names than an address takes are all that is seen.
    const view = named !== undefined && named.length < LONGEST ? `show.tiles=${encodeURIComponent(named)}` : `show.tab=${encodeURIComponent(viewed(this.query(), 'tab'))}`;
    try {
      const answer = await get<Answer>(`${this.base}/sheet${key}${key ? '&' : '?'}${view}`, mine.signal);
      this.take(key, answer);
    } catch (problem) {
      if (mine.signal.aborted) return;
      if (!(problem instanceof ApiError)) throw problem;
      this.lost(key, problem);
    } finally {
      if (this.flight === mine) {
        this.flight = null;
        const due = this.due;
        this.due = [];
        if (due.length > 0) this.again(due);
      }
    }
  }

  private take(key: string, answer: Answer): void {
    if (this.page.asked !== key || this.page.made !== answer.made) {
      this.page = { asked: key, data: answer.page, fault: null, at: Date.now() - answer.seconds * 1000, made: answer.made };
    }
    for (const { made, seconds, tile } of answer.tiles) {
      const place = this.place(tile.id);
      const same = place.now.asked === key && place.now.made === made;
      if (!same) place.now = { asked: key, data: tile, fault: null, at: Date.now() - seconds * 1000, made };
    }
    this.keep(key);
    for (const id of answer.waiting) void this.askAlone(id);
    // In a tab that was opened meanwhile.
    for (const id of this.mounted()) if (!this.fresh(this.place(id)) && !this.alone.has(id)) void this.askAlone(id);
  }

  // The server is away: what was there stays, and the header says since when.
  private lost(key: string, { status, fault }: ApiError): void {
    if (status === 0 && this.page.asked === key && this.page.data) return;
    this.page = { asked: key, data: null, fault, at: Date.now() };
  }

  private async askAlone(id: string): Promise<void> {
    this.alone.get(id)?.abort();
    const mine = new AbortController();
    this.alone.set(id, mine);
    const key = this.wanted;
    const place = this.place(id);
    try {
      const data = await get<TileData>(`${this.base}/tiles/${encodeURIComponent(id)}${key}`, mine.signal);
      place.now = { asked: key, data, fault: null, at: Date.now() };
      this.keep(key);
    } catch (problem) {
      if (mine.signal.aborted) return;
      if (!(problem instanceof ApiError)) throw problem;
      const stays = problem.status === 0 && place.now.asked === key && place.now.data;
      if (!stays) place.now = { asked: key, data: null, fault: problem.fault, at: Date.now() };
    } finally {
      if (this.alone.get(id) === mine) this.alone.delete(id);
    }
  }

  private heard(event: Happened): void {
    if (!this.concerns(event)) return;
    if (this.flight) this.due.push(event);
    else this.again([event]);
  }

  private concerns(event: Happened): boolean {
    return event.kind === 'hello' || edited(event, this.name) || touched(event, this.page.data?.tables);
  }

  private again(events: Happened[]): void {
    const all = events.some((event) => event.kind !== 'commit');
    // An edited page may have other tiles; a commit concerns those that read its tables.
    if (all) void this.ask(null);
    else void this.ask(this.mounted().filter((id) => events.some((event) => touched(event, this.place(id).now.data?.tables))));
  }
}

// A page in a folder is told by its path, web/operations, and shown by its name, web.operations.
const edited = (event: Happened, name: string): boolean =>
  event.kind === 'project' || (event.kind === 'page' && (!event.name || event.name.replaceAll('/', '.') === name));

const touched = (event: Happened, tables: string[] | undefined): boolean =>
  event.kind === 'commit' && (!tables?.length || (event.tables ?? []).some((table) => tables.includes(table)));
