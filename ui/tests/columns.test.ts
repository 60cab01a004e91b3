import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evenly, filled, shown, sorted, sparkOf, widthsOf } from '../src/charts/columns.ts';
import { type Cell, type TileData } from '../src/charts/tile.ts';
import { room } from './room.ts';
import { tile } from './tiles.ts';

const { measure } = room();
const FONT = '400 14px sans';

const table = (rows: Cell[][]): TileData => tile('table', [
  { name: 'name', type: 'VARCHAR', role: 'label' }, { name: 'days', type: 'DOUBLE', role: 'value', format: 'number' },
  { name: 'share', type: 'DOUBLE', role: 'value', format: 'percent' }, { name: 'revenue', type: 'DECIMAL(18,2)', role: 'bar', format: 'eur' },
  { name: 'course', type: 'DOUBLE[]', role: 'spark' },
], rows);
const ROWS: Cell[][] = [['b', 3, 0.25, '9.50', [1, 2]], ['a', 3.25, null, '100000000000000000.25', '[1, null, 3]'], [null, 10, 0.5, null, null]];

test('numbers of a column have the same decimals', () => {
  const columns = evenly(table(ROWS));
  assert.deepEqual(ROWS.map((row) => shown(row[1], columns[1]!)), ['3.00', '3.25', '10.00']);
  assert.deepEqual(ROWS.map((row) => shown(row[2], columns[2]!).replace('\u00a0', ' ')), ['25 %', '–', '50 %']);
});

test('rows are sorted by value, names by words, and what is missing comes last', () => {
  assert.deepEqual(sorted(table(ROWS), 1, true).map(([, days]) => days), [10, 3.25, 3]);
  assert.deepEqual(sorted(table(ROWS), 0, false).map(([name]) => name), ['a', 'b', null]);
  assert.deepEqual(sorted(table(ROWS), 0, true).map(([name]) => name), ['b', 'a', null]);
  assert.deepEqual(sorted(table(ROWS), 9, true), ROWS);
});

test('widths do not depend on the order of rows, and shrink to their room', () => {
  const wide = table([['A very long name of a customer indeed', 1, 1, 1, []], ...ROWS]);
  const widths = widthsOf(wide, 1_000, measure, FONT);
  assert.deepEqual(widthsOf({ ...wide, rows: [...wide.rows].reverse() }, 1_000, measure, FONT), widths);
  const narrow = widthsOf(wide, 480, measure, FONT);
  assert.ok(narrow[0]! < widths[0]! && narrow[3]! < widths[3]! && narrow[1] === widths[1]);
});

test('a course is a list, a list written as text, or pairs', () => {
  assert.deepEqual(sparkOf([1, null]), [1, null]);
  assert.deepEqual(sparkOf('[1, null, 3]'), [1, null, 3]);
  assert.deepEqual(sparkOf([['2026-01-01', 5]]), [5]);
  assert.deepEqual(sparkOf('[not a list'), []);
  assert.deepEqual(sparkOf(null), []);
});

test('a chart as a table leaves out the parts it has no values for', () => {
  const made = tile('bar', [{ name: 'x', role: 'x' }, { name: 'series', role: 'series' }, { name: 'y', role: 'y' }], [['a', null, 1]]);
  assert.deepEqual(filled(made).columns.map(({ name }) => name), ['x', 'y']);
  assert.deepEqual(filled(made).rows, [['a', 1]]);
});
