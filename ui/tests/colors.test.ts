import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placed, splitOf } from '../src/charts/colors.ts';
import { draw } from '../src/charts/draw.ts';
import { LIGHT } from '../src/charts/palette.ts';
import { room } from './room.ts';
import { lines } from './tiles.ts';

const split = (column: string, ...names: string[]): { column: string; names: string[] } => ({ column, names });
const given = (...splits: (ReturnType<typeof split> | null)[]): (Record<string, number> | null)[] =>
  placed(splits, new Map()).map((found) => found && Object.fromEntries(found));

test('a name has one colour in every chart, in whichever order it comes', () => {
  assert.deepEqual(given(split('region', 'North', 'West', 'South'), split('region', 'South', 'North')), [
    { North: 0, West: 1, South: 2 }, { South: 2, North: 0 },
  ]);
  assert.deepEqual(given(split('region', 'North'), split('shipped_to', 'West', 'North'))[1], { West: 1, North: 0 });
});

test('a new name of a column takes a colour that no other name of it has, as long as there are any', () => {
  const found = given(split('country', 'A', 'B', 'C'), split('country', 'B', 'D', 'A'), split('country', 'E', 'F', 'G', 'H'));
  assert.deepEqual(found[1], { B: 1, D: 3, A: 0 });
  assert.deepEqual([found[2]!.E, found[2]!.F], [4, 5]);
  assert.deepEqual([found[2]!.G, found[2]!.H], [0, 1]);
});

test('names of another column begin with the first colour', () => {
  assert.deepEqual(given(split('region', 'North', 'West'), null, split('tier', 'gold', 'silver')), [{ North: 0, West: 1 }, null, { gold: 0, silver: 1 }]);
});

test('two names of one chart never share a colour, whatever charts before have given them', () => {
  const found = placed([split('tier', 'North', 'gold')], new Map([['North', 2], ['gold', 2]]));
  assert.deepEqual(Object.fromEntries(found[0]!), { North: 2, gold: 0 });
});

test('what is known stays, and what is new is learned', () => {
  const known = new Map([['West', 3]]);
  assert.deepEqual(Object.fromEntries(placed([split('region', 'North', 'West')], known)[0]!), { West: 3, North: 0 });
  assert.deepEqual(Object.fromEntries(known), { West: 3, North: 0 });
});

test('the six strongest names of a chart are coloured, never what is summed', () => {
  const names = ['a', 'b', 'c', 'other (3)', 'd', 'e', 'f', 'g'];
  assert.deepEqual(splitOf(lines(names, 3, (_, series) => 10 - series)), { column: 'region', names: ['a', 'b', 'c', 'd', 'e', 'f'] });
  assert.equal(splitOf({ ...lines(['a'], 3, () => 1), columns: lines(['a'], 3, () => 1).columns.filter(({ role }) => role !== 'series') }), null);
});

for (const kind of ['line', 'area', 'stacked', 'scatter'] as const) {
  test(`the colours of a page are those of its ${kind} charts`, () => {
    const tile = { ...lines(['North', 'West'], 5, (at, series) => at + series + 1), kind };
    const look = { ...LIGHT, places: new Map([['North', 4], ['West', 2]]) };
    const said = JSON.stringify(draw(tile, look, room(700, 270)).option);
    assert.ok(said.includes(LIGHT.series[4]!) && said.includes(LIGHT.series[2]!));
    assert.ok(!said.includes(LIGHT.series[0]!) && !said.includes(LIGHT.series[1]!));
  });
}
