// A tile's rows as a Parquet file: one row group, plain encoding, uncompressed. After the Apache Parquet format 2.9,
// whose headers are written in Thrift's compact protocol.

import { headsOf } from './csv.ts';
import { type Cell, type Column, type TileData } from './tile.ts';

const MAGIC = new TextEncoder().encode('PAR1');
const PHYSICAL = { boolean: 0, int32: 1, int64: 2, double: 5, bytes: 6 } as const;
const CONVERTED = { utf8: 0, decimal: 5, date: 6, timestamp: 10 } as const;
const OPTIONAL = 1;
const [PLAIN, RLE] = [0, 3];
const LARGEST = 2n ** 63n - 1n;
const DAY = 86_400_000;

/** How a column is stored: its type, and the bytes of a value; `null` for a value that it cannot hold. */
interface Kind {
  physical: number;
  converted?: number;
  scale?: number;
  precision?: number;
  size: number;
  read(cell: Cell): number | bigint | Uint8Array | null;
}

const utf8 = new TextEncoder();
const TEXT: Kind = {
  physical: PHYSICAL.bytes, converted: CONVERTED.utf8, size: 0,
  read: (cell) => utf8.encode(Array.isArray(cell) ? JSON.stringify(cell) : String(cell)),
};
const DOUBLE: Kind = { physical: PHYSICAL.double, size: 8, read: (cell) => finite(Number(cell)) };

const finite = (value: number): number | null => (Number.isNaN(value) ? null : value);

function whole(cell: Cell): bigint | null {
  if (typeof cell === 'number' ? !Number.isSafeInteger(cell) : !/^-?\d+$/.test(String(cell))) return null;
  const value = BigInt(String(cell));
  return value > LARGEST || value < -LARGEST ? null : value;
}

function decimal(precision: number, scale: number): Kind {
  const read = (cell: Cell): bigint | null => {
    const found = /^(-?)(\d+)(?:\.(\d*))?$/.exec(String(cell));
    if (!found) return null;
    const part = (found[3] ?? '').padEnd(scale, '0');
    const value = BigInt(`${found[2]}${part.slice(0, scale)}`);
    return /[1-9]/.test(part.slice(scale)) ? null : found[1] ? -value : value;
  };
  return { physical: PHYSICAL.int64, converted: CONVERTED.decimal, scale, precision, size: 8, read };
}

function kindOf(column: Column): Kind {
  const type = (column.type ?? '').toLowerCase();
  const decimals = /^(?:decimal|numeric)\((\d+), ?(\d+)\)$/.exec(type);
  if (decimals && Number(decimals[1]) <= 18) return decimal(Number(decimals[1]), Number(decimals[2]));
  if (type.endsWith(']')) return TEXT;
  if (/^(float|double|real|decimal|numeric)/.test(type)) return DOUBLE;
  if (/^u?(tiny|small|big|huge)?int/.test(type)) return { physical: PHYSICAL.int64, size: 8, read: whole };
  if (type.startsWith('bool')) return { physical: PHYSICAL.boolean, size: 0, read: (cell) => (typeof cell === 'boolean' ? Number(cell) : null) };
  if (type === 'date') {
    return { physical: PHYSICAL.int32, converted: CONVERTED.date, size: 4, read: (cell) => finite(Math.floor(Date.parse(String(cell)) / DAY)) };
  }
  if (type.startsWith('timestamp')) return { physical: PHYSICAL.int64, converted: CONVERTED.timestamp, size: 8, read: moment };
  return TEXT;
}

// Microseconds, of which a JavaScript date knows only the milliseconds.
function moment(cell: Cell): bigint | null {
  const text = String(cell).replace(' ', 'T');
  const at = Date.parse(/(z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`);
  if (Number.isNaN(at)) return null;
  const fraction = (/\.(\d+)/.exec(text)?.[1] ?? '').padEnd(6, '0');
  return BigInt(at) * 1000n + BigInt(fraction.slice(3, 6) || '0');
}

/** The kind that holds every value of the column; text holds what its own kind does not. */
function fitting(column: Column, cells: Cell[]): { kind: Kind; values: (number | bigint | Uint8Array | null)[] } {
  const kind = kindOf(column);
  const values = cells.map((cell) => (cell === null ? null : kind.read(cell)));
  const held = values.every((value, at) => value !== null || cells[at] === null);
  return held ? { kind, values } : { kind: TEXT, values: cells.map((cell) => (cell === null ? null : TEXT.read(cell))) };
}

/** Bytes that grow, with what Thrift's compact protocol and Parquet write. */
class Bytes {
  parts: number[] = [];

  raw(bytes: Iterable<number>): this {
    for (const byte of bytes) this.parts.push(byte);
    return this;
  }

  fixed(value: bigint, size: number): this {
    for (let at = 0; at < size; at += 1) this.parts.push(Number((value >> BigInt(8 * at)) & 0xffn));
    return this;
  }

  double(value: number): this {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value, true);
    return this.raw(new Uint8Array(view.buffer));
  }

  varint(value: number): this {
    let left = value;
    for (; left >= 128; left = Math.floor(left / 128)) this.parts.push((left % 128) + 128);
    this.parts.push(left);
    return this;
  }
}

type Field = [id: number, value: Thrift];
type Thrift = { i32: number } | { i64: number } | { text: string } | { list: Thrift[] } | { struct: Field[] };

const typeOf = (value: Thrift): number => ('i32' in value ? 5 : 'i64' in value ? 6 : 'text' in value ? 8 : 'list' in value ? 9 : 12);

function thrift(out: Bytes, value: Thrift): Bytes {
  if ('i32' in value) return out.varint(value.i32 * 2);
  if ('i64' in value) return out.varint(value.i64 * 2);
  if ('text' in value) {
    const bytes = utf8.encode(value.text);
    return out.varint(bytes.length).raw(bytes);
  }
  if ('list' in value) {
    const type = value.list[0] ? typeOf(value.list[0]) : 12;
    if (value.list.length < 15) out.parts.push(value.list.length * 16 + type);
    else out.raw([0xf0 + type]).varint(value.list.length);
    for (const one of value.list) thrift(out, one);
    return out;
  }
  let last = 0;
  for (const [id, inner] of value.struct) {
    out.parts.push((id - last) * 16 + typeOf(inner));
    thrift(out, inner);
    last = id;
  }
  out.parts.push(0);
  return out;
}

function bits(flags: boolean[]): number[] {
  const bytes = new Array<number>(Math.ceil(flags.length / 8)).fill(0);
  for (const [at, flag] of flags.entries()) if (flag) bytes[at >> 3]! |= 1 << (at & 7);
  return bytes;
}

function pageOf(kind: Kind, values: (number | bigint | Uint8Array | null)[]): Bytes {
  const present = bits(values.map((value) => value !== null));
  const levels = new Bytes().varint(present.length * 2 + 1).raw(present);
  const page = new Bytes().fixed(BigInt(levels.parts.length), 4).raw(levels.parts);
  const known = values.filter((value) => value !== null);
  if (kind.physical === PHYSICAL.boolean) return page.raw(bits(known.map(Boolean)));
  for (const value of known) {
    if (value instanceof Uint8Array) page.fixed(BigInt(value.length), 4).raw(value);
    else if (kind.physical === PHYSICAL.double) page.double(Number(value));
    else page.fixed(BigInt(value), kind.size);
  }
  return page;
}

function headerOf(page: Bytes, rows: number): Bytes {
  const size = { i32: page.parts.length };
  const data: Field[] = [[1, { i32: rows }], [2, { i32: PLAIN }], [3, { i32: RLE }], [4, { i32: RLE }]];
  return thrift(new Bytes(), { struct: [[1, { i32: 0 }], [2, size], [3, size], [5, { struct: data }]] });
}

function element(name: string, kind: Kind): Thrift {
  const fields: Field[] = [[1, { i32: kind.physical }], [3, { i32: OPTIONAL }], [4, { text: name }]];
  if (kind.converted !== undefined) fields.push([6, { i32: kind.converted }]);
  if (kind.precision !== undefined) fields.push([7, { i32: kind.scale ?? 0 }], [8, { i32: kind.precision }]);
  return { struct: fields };
}

/** The file: its columns are nullable and typed as the tile's are; what a type cannot hold exactly is text. */
export function parquetOf(tile: TileData): Uint8Array<ArrayBuffer> {
  const rows = tile.rows.length;
  const names = headsOf(tile);
  const file = new Bytes().raw(MAGIC);
  const schema: Thrift[] = [{ struct: [[4, { text: 'schema' }], [5, { i32: tile.columns.length }]] }];
  const chunks: Thrift[] = [];
  for (const [at, column] of tile.columns.entries()) {
    const { kind, values } = fitting(column, tile.rows.map((row) => row[at] ?? null));
    schema.push(element(names[at]!, kind));
    const page = pageOf(kind, values);
    const header = headerOf(page, rows);
    const start = { i64: file.parts.length };
    const size = { i64: header.parts.length + page.parts.length };
    file.raw(header.parts).raw(page.parts);
    chunks.push({ struct: [[2, start], [3, { struct: [
      [1, { i32: kind.physical }], [2, { list: [{ i32: PLAIN }, { i32: RLE }] }], [3, { list: [{ text: names[at]! }] }], [4, { i32: 0 }],
      [5, { i64: rows }], [6, size], [7, size], [9, start],
    ] }]] });
  }
  const group: Thrift = { struct: [[1, { list: chunks }], [2, { i64: file.parts.length - MAGIC.length }], [3, { i64: rows }]] };
  const footer = thrift(new Bytes(), { struct: [
    [1, { i32: 1 }], [2, { list: schema }], [3, { i64: rows }], [4, { list: rows > 0 ? [group] : [] }], [6, { text: 'Penstock' }],
  ] });
  file.raw(footer.parts).fixed(BigInt(footer.parts.length), 4).raw(MAGIC);
  return new Uint8Array(file.parts);
}
