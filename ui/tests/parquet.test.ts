import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parquetOf } from '../src/charts/parquet.ts';
import { type Cell, type TileData } from '../src/charts/tile.ts';
import { tile } from './tiles.ts';

const PYTHON = join(import.meta.dirname, '..', '..', '.venv', 'bin', 'python');

/** What DuckDB reads in the file: the types, and the rows as text. */
function readBack(made: TileData): { types: string[]; rows: (string | null)[][] } {
  const folder = mkdtempSync(join(tmpdir(), 'parquet-'));
  try {
    const file = join(folder, 'made.parquet');
    writeFileSync(file, parquetOf(made));
    const script = 'import duckdb, json, sys; r = duckdb.sql(f"from \'{sys.argv[1]}\'"); '
      + 'print(json.dumps({"types": [str(t) for t in r.types], "rows": [[None if v is None else str(v) for v in row] for row in duckdb.sql("set timezone = \'UTC\'; from r").fetchall()]}))';
    return JSON.parse(execFileSync(PYTHON, ['-c', script, file], { encoding: 'utf8' })) as ReturnType<typeof readBack>;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const columns = (...types: string[]): TileData['columns'] => types.map((type, at) => ({ name: `c${at}`, type }));

test('every type comes back as it was, nulls as nulls', () => {
  const rows: Cell[][] = [
    [1, 1.5, '12.34', 'Ümläut 😀', '2026-11-25', true, '2026-11-25T21:44:54.123456Z', [1, null]],
    [null, null, null, null, null, null, null, null],
    ['9007199254740993', -0.25, -5, '', '1969-12-31', false, '1969-12-31T23:59:59.5Z', []],
  ];
  const { types, rows: found } = readBack(tile('table', columns('BIGINT', 'DOUBLE', 'DECIMAL(18,2)', 'VARCHAR', 'DATE', 'BOOLEAN', 'TIMESTAMP WITH TIME ZONE', 'DOUBLE[]'), rows));
  assert.deepEqual(types.slice(0, 6), ['BIGINT', 'DOUBLE', 'DECIMAL(18,2)', 'VARCHAR', 'DATE', 'BOOLEAN']);
  assert.match(types[6]!, /^TIMESTAMP/);
  assert.deepEqual(found[0]!.slice(0, 6), ['1', '1.5', '12.34', 'Ümläut 😀', '2026-11-25', 'True']);
  assert.match(found[0]![6]!, /^2026-11-25 21:44:54.123456/);
  assert.equal(found[0]![7], '[1,null]');
  assert.deepEqual(found[1], Array(8).fill(null));
  assert.deepEqual(found[2]!.slice(0, 6), ['9007199254740993', '-0.25', '-5.00', '', '1969-12-31', 'False']);
  assert.match(found[2]![6]!, /^1969-12-31 23:59:59.5/);
});

test('what a type cannot hold is text, and nothing is lost', () => {
  const { types, rows } = readBack(tile('table', columns('HUGEINT', 'DECIMAL(9,2)'), [['170141183460469231731687303715884105727', '1.234']]));
  assert.deepEqual([types, rows], [['VARCHAR', 'VARCHAR'], [['170141183460469231731687303715884105727', '1.234']]]);
});

test('two columns of one name, thousands of rows, and none', () => {
  const made = tile('table', [{ name: 'v', type: 'BIGINT', role: 'y' }, { name: 'v', type: 'BIGINT', role: 'compared' }], Array.from({ length: 5_000 }, (_, at): Cell[] => [at, at % 7 ? at : null]));
  const { rows } = readBack(made);
  assert.equal(rows.length, 5_000);
  assert.deepEqual([rows[4_999], rows[7]], [['4999', '4999'], ['7', null]]);
  assert.deepEqual(readBack({ ...made, rows: [] }).rows, []);
});
