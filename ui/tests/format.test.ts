import assert from 'node:assert/strict';
import { test } from 'node:test';
import { change, duration, exact, short, tickLabels, wallTime } from '../src/charts/format.ts';

const plain = (text: string): string => text.replaceAll('\u00a0', ' ');

const SHORT: [unknown, string, string][] = [
  [4_921_330, 'usd', '$4.92M'], [412_400, 'usd', '$412k'], [80.41, 'usd', '$80.41'], [9_214.4, 'usd', '$9,214'], [9_999.7, 'usd', '$10k'],
  [80, 'usd', '$80'], [-1_250_000, 'eur', '−€1.25M'], [999_999, 'usd', '$1M'], [12_000, 'chf', 'CHF 12k'],
  [61_204, 'number', '61,204'], [999_960, 'integer', '1M'], [0, 'number', '0'], [-0, 'number', '0'], [0.00012345, 'number', '0.000123'], [3.14159, 'number', '3.14'],
  [0.027, 'percent', '2.7 %'], [0, 'percent', '0 %'], [1, 'percent', '100 %'], [0.0004, 'percent', '0.04 %'], [0.0018, 'percent', '0.18 %'], [0.25, 'percent1', '25.0 %'], [12.3456, 'percent', '1,235 %'],
  [12, 'duration', '12 s'], [200, 'duration', '3 min 20 s'], [7_500, 'duration', '2 h 5 min'], [0.0123, 'duration', '12 ms'], [59.7, 'duration', '1 min'], [187_200, 'duration', '2 d 4 h'],
  [1_530_000, 'bytes', '1.5 MB'], [999, 'bytes', '999 B'], [999_999, 'bytes', '1 MB'],
  [12.3, 'decimal2', '12.30'], ['12345678901234567890', 'integer', '1.23e19'], ['4921330.10', 'usd', '$4.92M'],
  [null, 'number', '–'], ['not a number', 'number', 'not a number'], [NaN, 'number', 'NaN'], [true, 'number', '1'],
];

for (const [cell, format, wanted] of SHORT) {
  test(`${String(cell)} as ${format} reads ${wanted}`, () => assert.equal(plain(short(cell as never, format)), wanted));
}

test('the exact form leaves nothing out, and text longer than a double keeps its figures', () => {
  assert.equal(exact('12345678901234567890', 'integer'), '12,345,678,901,234,567,890');
  assert.equal(exact('-1234.50', 'usd'), '−$1,234.50');
  assert.equal(exact(4_921_330.5, 'usd'), '$4,921,330.50');
  assert.equal(plain(exact(0.027123, 'percent')), '2.7123 %');
  assert.equal(exact(null), 'no value');
});

test('an axis has one unit and one number of decimals', () => {
  assert.deepEqual(tickLabels([0, 9_000, 18_000, 27_000], 'usd'), ['$0', '$9k', '$18k', '$27k']);
  assert.deepEqual(tickLabels([0, 0.5, 1, 1.5]), ['0.0', '0.5', '1.0', '1.5']);
  assert.deepEqual(tickLabels([-2e6, 0, 2e6]), ['−2M', '0', '2M']);
  assert.deepEqual(tickLabels([0, 500, 1_000]), ['0', '500', '1,000']);
});

test('a change is signed, and that of a share is in points', () => {
  assert.equal(plain(change(0.082, 10)), '+8.2 %');
  assert.equal(plain(change(-0.5, -1)), '−50 %');
  assert.equal(plain(change(0.2, 0.006, 'percent')), '+0.6 pt');
  assert.equal(plain(change(0, 0)), '±0 %');
  assert.equal(change(null, null), '');
});

test('durations carry over at their edges', () => {
  assert.equal(plain(duration(3_599.6)), '1 h');
  assert.equal(plain(duration(86_400)), '1 d');
});

test('a moment is named as finely as its grain', () => {
  const wall = Date.UTC(2026, 10, 5, 14, 30);
  assert.equal(wallTime(wall), '5 Nov 2026, 14:30');
  assert.equal(wallTime(wall, 'month'), 'Nov 2026');
  assert.equal(wallTime(wall, 'quarter'), 'Q4 2026');
  assert.equal(wallTime(Date.UTC(2026, 10, 5)), '5 Nov 2026');
});
