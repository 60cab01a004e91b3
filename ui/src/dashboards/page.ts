// What a dashboard page consists of, and how its address holds all that can be chosen in it.

import type { Pick } from '../charts/drawing.ts';
import { type Cell, type Kind, toText, type Trouble } from '../charts/tile.ts';

export interface PageInfo {
  name: string;
  title: string;
  file: string;
  owner?: string | null;
  description?: string | null;
  pinned?: boolean;
  tiles?: number;
  mistakes?: number;
  state?: string;
  age_seconds?: number | null;
  fresh_seconds?: number | null;
  tables?: string[];
}

export interface Choice {
  value: string;
  label?: string;
  count?: number | null;
}

export interface Control {
  name: string;
  label?: string;
  kind: 'choice' | 'many' | 'period' | 'text' | 'number';
  dimension?: string | null;
  values?: Choice[] | null;
  value?: string | null;
  default?: string | null;
  text?: string;
}

export interface Mistake extends Trouble {
  line?: number;
  column?: number;
}

export interface TileSpot {
  id: string;
  kind: Kind;
  title?: string;
  subtitle?: string;
  span?: number | null;
  options?: Record<string, unknown>;
  link?: string | null;
  line?: number;
  metric?: string | null;
  query?: string | null;
}

export interface Tab {
  label: string;
  blocks: Block[];
}

export type Block =
  | { kind: 'html'; html: string }
  | { kind: 'row'; tiles: TileSpot[] }
  | { kind: 'tabs'; tabs: Tab[] }
  | { kind: 'mistake'; mistake: Mistake };

export interface Page extends PageInfo {
  filters: Control[];
  blocks: Block[];
  problems: Mistake[];
}

/** Parameters of the address that say how the page is looked at, not what it is asked. */
const VIEW = 'show.';

/** The query for the server: the address's, without what only this page reads. In order, so that it is one key. */
export function asked(query: string): string {
  const kept = [...new URLSearchParams(query)].filter(([name]) => !name.startsWith(VIEW));
  kept.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return kept.length ? `?${new URLSearchParams(kept)}` : '';
}

export const viewed = (query: string, name: string): string => new URLSearchParams(query).get(VIEW + name) ?? '';

/** The values of a list as the address holds them: between commas; a comma of a value has a backslash before it. */
export const joined = (values: readonly string[]): string => values.map((value) => value.replace(/[\\,]/g, '\\$&')).join(',');

export const parted = (text: string): string[] =>
  (text.match(/(?:\\.|[^,\\])+/gs) ?? []).map((part) => part.replace(/\\(.)/gs, '$1'));

/** How the address writes that a value is missing. */
const NOTHING = '∅';

const addressed = (cell: Cell): string => (cell === null ? NOTHING : toText(cell));

/** What a control is set to: by the address, else by the page. */
export function valueOf(control: Control, query: string): string {
  return new URLSearchParams(query).get(control.name) ?? control.value ?? control.default ?? '';
}

export const ALL = 'all';

/** The change of the address that sets a control; its own default needs no parameter. */
export function setting(control: Control, value: string): Record<string, string | null> {
  const standard = control.default ?? '';
  if (value === standard) return { [control.name]: null };
  if (value !== '' && value !== ALL) return { [control.name]: value };
  if (standard === '' || standard === ALL) return { [control.name]: null };
  return { [control.name]: control.kind === 'period' ? ALL : '' };
}

/** The control that filters by a column of a tile, if the page has one. */
export function controlFor(controls: readonly Control[], column: string): Control | undefined {
  const wanted = column.toLowerCase();
  return controls.find(({ kind, name, dimension }) => {
    if (kind === 'period' || kind === 'number') return false;
    const filtered = (dimension ?? name).toLowerCase();
    return filtered === wanted || name.toLowerCase() === wanted || filtered.endsWith(`.${wanted}`);
  });
}

/** The change of the address that choosing this place in a chart makes; choosing it again takes it back. */
export function picking(control: Control, query: string, pick: Pick, add: boolean): Record<string, string | null> {
  const value = addressed(pick.value);
  const now = chosenIn(control, query);
  if (control.kind !== 'many' || !add) return setting(control, now.length === 1 && now[0] === value ? '' : control.kind === 'many' ? joined([value]) : value);
  return setting(control, joined(now.includes(value) ? now.filter((one) => one !== value) : [...now, value]));
}

/** The values that a control lets through; none means all. */
export function chosenIn(control: Control, query: string): string[] {
  const value = valueOf(control, query);
  if (value === '' || value === ALL) return [];
  return control.kind === 'many' ? parted(value) : [value];
}

/** What is chosen, by the names that a tile's columns may have. */
export function chosenOf(controls: readonly Control[], columns: readonly string[], query: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const column of columns) {
    const control = controlFor(controls, column);
    const values = control ? chosenIn(control, query) : [];
    // Charts know a missing value by the words they show for it.
    if (values.length > 0) found.set(column, new Set(values.map((value) => (value === NOTHING ? toText(null) : value))));
  }
  return found;
}

const WIDE: readonly string[] = ['line', 'area', 'stacked', 'scatter', 'heatmap', 'histogram'];

/** The twelfths of the page that each tile of a row takes: as the file says, the rest shared by what needs it. */
export function spansOf(tiles: readonly TileSpot[]): number[] {
  const free = tiles.filter(({ span }) => !span);
  const taken = tiles.reduce((sum, { span }) => sum + Math.min(12, span ?? 0), 0);
  const left = Math.max(free.length, 12 - (taken % 12 || (taken ? 12 : 0)));
  const room = taken >= 12 ? 12 : left;
  const weights = free.map(({ kind }) => (WIDE.includes(kind) ? 2 : 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mixed = free.length === 2 && weights[0] !== weights[1];
  return tiles.map((tile) => {
    if (tile.span) return Math.min(12, Math.max(1, tile.span));
    const weight = mixed ? weights[free.indexOf(tile)]! / total : 1 / free.length;
    return Math.max(room >= 12 ? 3 : 1, Math.floor(room * weight));
  });
}

/** Where a tile leads: a page by its name, an address of the app, or another site; `null` where it leads nowhere. */
export function leads(link: string | null | undefined, query: string, extension = ''): string | null {
  if (!link) return null;
  if (/^https?:\/\//i.test(link)) return link;
  const [, onDisk] = /^\/dashboards\/([^/?#]+)/.exec(link) ?? [];
  if (link.startsWith('/')) return !extension ? link : onDisk ? `${onDisk}${extension}` : null;
  if (/^[a-z][a-z0-9+.-]*:/i.test(link)) return null;
  const [name = '', own = ''] = link.split('?');
  if (extension) return `${encodeURIComponent(name)}${extension}`;
  const all = new URLSearchParams(asked(query));
  for (const [key, value] of new URLSearchParams(own)) all.set(key, value);
  const text = all.toString();
  return `/dashboards/${encodeURIComponent(name)}${text ? `?${text}` : ''}`;
}

const PLACE = /\{([^{}]+)\}|%7B([^%{}]+)%7D/gi;

/** Whether a link says itself where a chosen value belongs: `/dashboards/customers?country={country}`. */
export const hasPlace = (link: string | null | undefined, column: string): boolean =>
  [...(link ?? '').matchAll(PLACE)].some(([, plain, coded]) => (plain ?? coded) === column);

/** The link for all, with nothing chosen: parameters that wait for a value are left out. */
export function undrilled(to: string): string {
  const [path = '', query = ''] = to.split('?');
  const kept = [...new URLSearchParams(query)].filter(([, value]) => !/\{[^{}]+\}/.test(value));
  const plain = path.replace(/\/(?:\{[^{}]+\}|%7B[^%{}]+%7D)/gi, '');
  return kept.length ? `${plain}?${new URLSearchParams(kept)}` : plain;
}

/** The same address with one place of a chart chosen in it: where the link has a place for it, else as a parameter. */
export function drilled(to: string, picks: readonly Pick[]): string {
  const values = new Map(picks.map(({ column, value }) => [column, value]));
  const placed = to.replace(PLACE, (whole, plain?: string, coded?: string) => {
    const value = values.get(plain ?? coded ?? '');
    return value === undefined ? whole : encodeURIComponent(addressed(value));
  });
  if (placed !== to) return undrilled(placed);
  const [path = '', query = ''] = undrilled(to).split('?');
  const all = new URLSearchParams(query);
  const [first] = picks;
  if (first) all.set(first.column, addressed(first.value));
  return `${path}?${all}`;
}

const VALUE = /<span data-value="([^"<>]*)" data-leads="(\/[^"<>]*)"([^<>]*)>([^<]*)<\/span>/g;

/** The text of a page whose numbers lead to where they come from; one that stands in a link stays part of that. */
export const leading = (html: string): string =>
  html.split(/(<a\b[^>]*>[\s\S]*?<\/a>)/).map((part, at) => (at % 2 ? part : part.replace(VALUE, '<a data-value="$1" href="$2"$3>$4</a>'))).join('');
