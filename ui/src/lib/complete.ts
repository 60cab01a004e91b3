// What an editor of SQL offers at the cursor: tables after from, columns of what the query reads, functions, words.
import type { Words } from './types';

export interface Offer {
  text: string;
  kind: 'table' | 'column' | 'function' | 'metric' | 'word';
  detail: string;
  /** What is put in after it: the bracket of a function. */
  after: string;
}

export interface Offers {
  from: number;
  list: Offer[];
}

const MOST = 60;
const TYPED = /[\p{L}\p{N}_$.]*$/u;
const READ = /\b(?:from|join|,)\s+((?:"[^"]+"|[\p{L}_][\p{L}\p{N}_$]*)(?:\.(?:"[^"]+"|[\p{L}_][\p{L}\p{N}_$]*))*)(?:\s+(?:as\s+)?([\p{L}_][\p{L}\p{N}_$]*))?/giu;

/** The offers for the text before `at`; `wanted` offers even where nothing was typed yet. */
export function complete(text: string, at: number, words: Words, wanted = false): Offers {
  const before = text.slice(0, at);
  if (inQuotes(before)) return metricOffers(before, at, words);
  const typed = TYPED.exec(before)?.[0] ?? '';
  if ((!typed && !wanted) || /^\d/.test(typed)) return { from: at, list: [] };
  const dot = typed.lastIndexOf('.');
  const read = readTables(text, words);
  if (dot >= 0) {
    const owner = read.get(typed.slice(0, dot).toLowerCase());
    const columns = owner ? columnsOf(owner, words) : [];
    const list = ranked(columns, typed.slice(dot + 1));
    if (list.length) return { from: at - (typed.length - dot - 1), list };
    return { from: at - typed.length, list: ranked(tables(words), typed) };
  }
  const after = /\b(from|join|into)\s+$/i.test(before.slice(0, at - typed.length));
  const all = after ? tables(words) : everything(words, read);
  const list = ranked(all, typed);
  const [only] = list;
  return { from: at - typed.length, list: list.length === 1 && only?.text === typed ? [] : list };
}

/** An odd number of quotes before the cursor: it stands in a text, where only a metric's name can be offered. */
const inQuotes = (before: string): boolean => (before.replaceAll("''", '').match(/'/g)?.length ?? 0) % 2 === 1;

function metricOffers(before: string, at: number, words: Words): Offers {
  const call = /\bmetric\(\s*'([\w.]*)$/i.exec(before);
  if (call) return { from: at - (call[1] ?? '').length, list: ranked(metrics(words), call[1] ?? '') };
  const by = /\bmetric\(\s*'([\w.]+)'[^)]*\bby\s*:=\s*\[[^\]]*'([\w.]*)$/i.exec(before);
  const metric = by && words.metrics.find((one) => one.name === by[1]);
  if (!metric) return { from: at, list: [] };
  const list = metric.dimensions.map((text): Offer => ({ text, kind: 'column', detail: `dimension of ${metric.name}`, after: '' }));
  return { from: at - (by[2] ?? '').length, list: ranked(list, by[2] ?? '') };
}

/** What the query reads, by its name and by its alias, to the table's name. */
function readTables(text: string, words: Words): Map<string, string> {
  const known = new Set(words.tables.map((table) => table.name));
  const keywords = new Set(words.keywords);
  const found = new Map<string, string>();
  for (const match of text.matchAll(READ)) {
    const name = (match[1] ?? '').replaceAll('"', '');
    if (!known.has(name)) continue;
    found.set(name.toLowerCase(), name);
    found.set(name.slice(name.lastIndexOf('.') + 1).toLowerCase(), name);
    const alias = match[2]?.toLowerCase();
    if (alias && !keywords.has(alias)) found.set(alias, name);
  }
  return found;
}

const columnsOf = (name: string, words: Words): Offer[] =>
  (words.tables.find((table) => table.name === name)?.columns ?? []).map((column) => ({
    text: /^[a-z_][a-z0-9_]*$/.test(column.name) ? column.name : `"${column.name.replaceAll('"', '""')}"`,
    kind: 'column',
    detail: `${column.type} of ${name}`,
    after: '',
  }));

const tables = (words: Words): Offer[] =>
  words.tables.map((table) => ({ text: table.name, kind: 'table', detail: `${table.columns.length} columns`, after: '' }));

const metrics = (words: Words): Offer[] =>
  words.metrics.map((metric) => ({ text: metric.name, kind: 'metric', detail: metric.label, after: '' }));

function everything(words: Words, read: Map<string, string>): Offer[] {
  const columns = [...new Set(read.values())].flatMap((name) => columnsOf(name, words));
  return [
    ...columns.filter((one, at) => columns.findIndex((other) => other.text === one.text) === at),
    ...words.keywords.map((text): Offer => ({ text, kind: 'word', detail: '', after: '' })),
    ...words.functions.map((one): Offer => ({ text: one.name, kind: 'function', detail: one.signature, after: '(' })),
    ...tables(words),
  ];
}

/** Those that begin with what was typed, then those with a later part that does; shorter names first among functions. */
function ranked(all: Offer[], typed: string): Offer[] {
  const word = typed.toLowerCase();
  const first: Offer[] = [];
  const second: Offer[] = [];
  for (const one of all) {
    const name = one.text.toLowerCase();
    if (name.startsWith(word)) first.push(one);
    else if (word.length > 1 && one.kind !== 'word' && ['_', '.', '"'].some((mark) => name.includes(mark + word))) second.push(one);
  }
  return [...first, ...second].slice(0, MOST);
}
