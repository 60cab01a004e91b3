// A result as the server has it in memory: columns of bytes, of which only the cells that are looked at are read.
import type { Cell, Column } from './types.ts';

export const COLUMNS = 'application/vnd.penstock.columns';

/** Rows that are read when they are asked for; `rows` reads them all. */
export interface Read {
  columns: Column[];
  length: number;
  truncated: boolean;
  at(row: number): Cell[];
  readonly rows: Cell[][];
}

interface Head {
  columns: (Column & { kind: string; parts: number[][] })[];
  batches: number[];
  truncated: boolean;
}

type Reader = (row: number) => Cell;
type Typed = { length: number; [at: number]: number } | { length: number; [at: number]: bigint };
type Make = new (buffer: ArrayBuffer, from: number, length: number) => Typed;

const EDGE = 8;
const ARRAYS: Record<string, Make> = {
  int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array, int32: Int32Array, uint32: Uint32Array,
  int64: BigInt64Array, uint64: BigUint64Array, float32: Float32Array, float64: Float64Array, date: Int32Array,
  moment: BigInt64Array, instant: BigInt64Array,
};
const EXACT = 2n ** 53n;
const DAY = 86_400_000;
const text = new TextDecoder();

/** Rows that came as JSON, in the same form. */
export const listed = <T extends { columns: Column[]; rows: Cell[][]; truncated: boolean }>(found: T): T & Read =>
  Object.assign(found, { length: found.rows.length, at: (row: number): Cell[] => found.rows[row] ?? [] });

/** The answer of the server, with what else its head says. */
export function read<T>(buffer: ArrayBuffer): T & Read {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(text.decode(new Uint8Array(buffer, 4, length))) as T & Head;
  const body = Math.ceil((4 + length) / EDGE) * EDGE;
  const starts: number[] = [];
  let rows = 0;
  for (const many of head.batches) {
    starts.push(rows);
    rows += many;
  }
  const readers = head.batches.map((many, batch) =>
    head.columns.map((column) => reader(buffer, column.kind, column.type, column.parts[batch]!.map((from) => (from < 0 ? from : body + from)), many)));
  const at = (row: number): Cell[] => {
    let batch = starts.length - 1;
    while (batch > 0 && starts[batch]! > row) batch -= 1;
    const inside = row - starts[batch]!;
    return (readers[batch] ?? []).map((one) => one(inside));
  };
  let all: Cell[][] | null = null;
  return {
    ...head,
    columns: head.columns.map(({ name, type }) => ({ name, type })),
    length: rows,
    at,
    get rows() {
      return (all ??= Array.from({ length: rows }, (_, row) => at(row)));
    },
  };
}

function reader(buffer: ArrayBuffer, kind: string, type: string, [nulls, values, bytes]: number[], rows: number): Reader {
  const one = valueOf(buffer, kind, type, values!, bytes ?? 0, rows);
  if (nulls! < 0) return one;
  const there = new Uint8Array(buffer, nulls, Math.ceil(rows / 8));
  return (row) => (there[row >> 3]! & (1 << (row & 7)) ? one(row) : null);
}

function valueOf(buffer: ArrayBuffer, kind: string, type: string, from: number, bytes: number, rows: number): Reader {
  if (kind === 'text') {
    const ends = new Int32Array(buffer, from, rows + 1);
    return (row) => text.decode(new Uint8Array(buffer, bytes + ends[row]!, ends[row + 1]! - ends[row]!));
  }
  if (kind === 'decimal') {
    const halves = new BigInt64Array(buffer, from, rows * 2);
    const digits = Number(/,\s*(\d+)/.exec(type)?.[1] ?? 0);
    return (row) => decimal((halves[row * 2 + 1]! << 64n) | BigInt.asUintN(64, halves[row * 2]!), digits);
  }
  const list = new ARRAYS[kind]!(buffer, from, rows);
  if (type === 'boolean') return (row) => list[row] === 1;
  if (kind === 'date') return (row) => iso(Number(list[row]) * DAY).slice(0, 10);
  if (kind === 'moment') return (row) => moment(list[row] as bigint);
  if (kind === 'instant') return (row) => `${moment(list[row] as bigint)}+00:00`;
  if (kind.startsWith('float')) return (row) => bounded(list[row] as number);
  if (kind.endsWith('64')) return (row) => exactly(list[row] as bigint);
  return (row) => list[row] as number;
}

// As JSON of the server has them: what its numbers cannot carry exactly is text.
const bounded = (value: number): Cell => (Number.isFinite(value) ? value : String(value));
const exactly = (value: bigint): Cell => (-EXACT < value && value < EXACT ? Number(value) : String(value));

function decimal(value: bigint, digits: number): string {
  const sign = value < 0n ? '-' : '';
  const said = String(value < 0n ? -value : value).padStart(digits + 1, '0');
  return sign + (digits ? `${said.slice(0, -digits)}.${said.slice(-digits)}` : said);
}

function iso(millis: number): string {
  const found = new Date(millis);
  return Number.isNaN(found.getTime()) ? (millis < 0 ? '-infinity' : 'infinity') : found.toISOString();
}

/** Microseconds since 1970 as ISO 8601 has them. */
function moment(micros: bigint): string {
  const rest = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const said = iso(Number((micros - rest) / 1000n)).slice(0, 19);
  return rest && said.includes('T') ? `${said}.${String(rest).padStart(6, '0')}` : said;
}
