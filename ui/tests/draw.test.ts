import assert from 'node:assert/strict';
import { test } from 'node:test';
import { barsOf } from '../src/charts/bar.ts';
import { csvOf, fileName } from '../src/charts/csv.ts';
import { curve, thinned } from '../src/charts/curve.ts';
import { draw, heightOf } from '../src/charts/draw.ts';
import type { Drawn, Option } from '../src/charts/drawing.ts';
import { binsOf } from '../src/charts/histogram.ts';
import { quantile } from '../src/charts/box.ts';
import { DARK, LIGHT } from '../src/charts/palette.ts';
import { linesOf } from '../src/charts/series.ts';
import { type Cell, cut, type Kind, type TileData } from '../src/charts/tile.ts';
import { describe } from '../src/charts/words.ts';
import { room } from './room.ts';
import { bars, day, lines, tile } from './tiles.ts';

const seriesOf = (drawn: Drawn): Option[] => drawn.option.series as Option[];
const texts = (drawn: Drawn): Option[] =>
  (drawn.option.graphic as { elements: Option[] }).elements.filter(({ type }) => type === 'text');
const written = (drawn: Drawn): string[] => texts(drawn).map(({ style }) => (style as { text: string }).text);

const AWKWARD: [string, TileData][] = [
  ['no rows', lines([], 0, () => 0)],
  ['one row', lines(['North'], 1, () => 5)],
  ['nulls only', lines(['North'], 9, () => null)],
  ['all zeros', lines(['North', 'South'], 9, () => 0)],
  ['negative', lines(['North', 'South'], 9, (at) => at * -10 + 30)],
  ['300 series', lines(Array.from({ length: 300 }, (_, at) => `s${at}`), 30, (at, series) => at + series)],
  ['10,000 characters', lines(['x'.repeat(10_000)], 9, (at) => at)],
  ['right to left', lines(['المنطقة الشمالية', 'צפון'], 9, (at, series) => at + series)],
  ['emoji', lines(['👩‍👩‍👧‍👦 family', '🇩🇪'], 9, (at, series) => at + series)],
  ['a time column without order', lines(['North'], 40, (at) => at)],
  ['numbers as text', lines(['North'], 9, (at) => `${at}.50` as never)],
  ['infinite and no numbers', lines(['North'], 4, (at) => [Infinity, NaN, 1, 'n/a'][at] as never)],
  ['no columns', tile('line', [], [])],
  ['columns without roles', tile('line', [{ name: 'a', type: 'VARCHAR' }, { name: 'b', type: 'BIGINT' }], [['x', 1], ['y', 2]])],
];
AWKWARD[9]![1].rows.reverse();
const KINDS: Kind[] = ['line', 'area', 'bar', 'stacked', 'scatter', 'histogram', 'heatmap', 'box', 'funnel'];

for (const kind of KINDS) {
  for (const [name, made] of AWKWARD) {
    test(`a ${kind} of ${name} is drawn without a number that is none`, () => {
      const one: TileData = { ...made, kind };
      for (const width of [300, 900]) {
        const drawn = draw(one, LIGHT, room(width, heightOf(one, width)));
        assert.ok(!/"[a-z0-9]+":null/i.test(JSON.stringify({ ...drawn.option, series: [] })), 'a coordinate is not a number');
        for (const stop of drawn.stops) {
          assert.ok(Number.isFinite(stop.left) && Number.isFinite(stop.top));
          assert.ok(stop.tip().title.length <= 10_100);
        }
        assert.ok(drawn.hit(-5_000, -5_000) === -1);
        for (const text of written(drawn)) assert.ok(text.length < 330, `${text.length} characters are drawn`);
      }
      assert.ok(describe(one).length < 1_200);
    });
  }
}

test('names at the ends of lines never cover each other, however close the lines', () => {
  const drawn = draw(lines(['a', 'b', 'c', 'd', 'e', 'f'], 30, (at, series) => 100 + at + series * 0.1), LIGHT, room());
  const tops = texts(drawn).map(({ y }) => y as number).sort((a, b) => a - b);
  assert.equal(tops.length, 6);
  for (const [at, top] of tops.slice(1).entries()) assert.ok(top - tops[at]! >= 15.9);
});

test('six of 300 lines have a name, the rest are grey, and the page says so', () => {
  const drawn = draw(AWKWARD[5]![1], LIGHT, room());
  assert.equal(drawn.note, '6 of 300 named, the rest in grey');
  assert.deepEqual(written(drawn).sort(), ['s294', 's295', 's296', 's297', 's298', 's299']);
});

test('a missing day is a gap, and a day alone is a dot', () => {
  const made = lines(['North'], 9, (at) => at);
  made.rows = made.rows.filter(([at]) => at !== day(3) && at !== day(5));
  const [line] = linesOf(made).lines;
  assert.deepEqual(line!.points.map(([, y]) => y), [0, 1, 2, null, 4, null, 6, 7, 8]);
  const data = seriesOf(draw(made, LIGHT, room()))[0]!.data as (Option | number[])[];
  assert.equal((data[4] as Option).symbol, 'circle');
});

test('a day of 23 hours is no gap', () => {
  const hours = [0, 24, 47, 71].map((hour): Cell[] => [new Date(Date.UTC(2026, 2, 27, 23) + hour * 3_600_000).toISOString(), hour]);
  const made = tile('line', [{ name: 't', type: 'TIMESTAMP WITH TIME ZONE', role: 'x' }, { name: 'v', type: 'DOUBLE', role: 'y' }], hours,
    { options: { grain: 'day', timezone: 'Europe/Berlin' } });
  assert.equal(linesOf(made).lines[0]!.points.length, 4);
});

test('a last period that is not over is dashed, a comparison is dashed and grey', () => {
  const made = lines(['North'], 9, (at) => at, { options: { grain: 'day', partial: true } });
  made.columns.push({ name: 'before', label: 'previous 9 days', type: 'DOUBLE', role: 'compared' });
  made.rows = made.rows.map((row) => [...row, 3]);
  const drawn = draw(made, LIGHT, room());
  const dashes = seriesOf(drawn).map(({ lineStyle }) => (lineStyle as { type: unknown; color: string }));
  assert.deepEqual(dashes.map(({ type }) => Array.isArray(type)), [true, false, true]);
  assert.equal(dashes[0]!.color, LIGHT.other);
  assert.ok(written(drawn).includes('previous 9 days'));
});

test('bars are sorted and start at zero; the rest is summed as other, last', () => {
  const made = bars(Array.from({ length: 220 }, (_, at): [Cell, Cell] => [`p${at}`, at]), { options: { limit: 8 } });
  const { bars: found } = barsOf(made);
  assert.deepEqual(found.slice(0, 2).map(({ name }) => name), ['p219', 'p218']);
  assert.equal(found.at(-1)!.name, 'other (212)');
  assert.equal(found.reduce((sum, bar) => sum + bar.value!, 0), (219 * 220) / 2);
  const axis = draw(made, LIGHT, room()).option.xAxis as { min: number };
  assert.equal(axis.min, 0);
});

test('what may not be summed has no other, and says how much is shown', () => {
  const made = bars(Array.from({ length: 30 }, (_, at): [Cell, Cell] => [`p${at}`, at]), { options: { limit: 5, additive: false } });
  assert.equal(barsOf(made).bars.length, 5);
  assert.equal(draw(made, LIGHT, room()).note, 'the largest 5 of 30');
});

test('negative bars grow the other way from one zero', () => {
  const { min, max } = draw(bars([['a', -50], ['b', 100]]), LIGHT, room()).option.xAxis as { min: number; max: number };
  assert.ok(min === -50 && max === 100);
});

test('what is not chosen is pale, and a click chooses the cell of the row', () => {
  const made = bars([['North', 5], [null, 3]]);
  const drawn = draw(made, LIGHT, room(), new Map([['product', new Set(['North'])]]));
  const data = (seriesOf(drawn)[0]!.data as { itemStyle: { opacity: number } }[]).map(({ itemStyle }) => itemStyle.opacity);
  assert.deepEqual(data, [1, 0.3]);
  assert.deepEqual(drawn.stops[1]!.pick!(0), { column: 'product', value: null });
});

test('bins are as they come, or counted from bare values', () => {
  const given = tile('histogram', [
    { name: 'lo', type: 'DOUBLE', role: 'x' }, { name: 'hi', type: 'DOUBLE' }, { name: 'n', type: 'BIGINT', role: 'y' },
  ], [[0, 10, 3], [10, 20, 1]]);
  assert.deepEqual(binsOf(given), [{ low: 0, high: 10, count: 3 }, { low: 10, high: 20, count: 1 }]);
  const bare = tile('histogram', [{ name: 'amount', type: 'DOUBLE', role: 'x' }], [1, 2, 2, 3, 9].map((value) => [value]));
  assert.equal(binsOf(bare).reduce((sum, bin) => sum + bin.count, 0), 5);
});

test('quantiles are those of type 7', () => assert.equal(quantile([1, 2, 3, 4], 0.25), 1.75));

test('dark and light draw the same shapes', () => {
  const shape = (drawn: Drawn): string => JSON.stringify(drawn.option).replace(/#[0-9a-f]{6,8}/gi, '').replace(/"width":1\.\d/g, '');
  const made = lines(['a', 'b'], 30, (at, series) => at * series);
  assert.equal(shape(draw(made, LIGHT, room())), shape(draw(made, DARK, room())));
});

test('the words of a chart say last, change, least and most', () => {
  const said = describe(lines(['North'], 3, (at) => 100 + at * 10)).replaceAll('\u00a0', ' ');
  assert.equal(said, 'Line chart: Revenue by region. North: last $120 (3 Sep 2026), +20 % since 1 Sep 2026; least $100 (1 Sep 2026), most $120 (3 Sep 2026).');
  assert.match(describe(lines([], 0, () => 0)), /no rows/);
});

test('CSV quotes what must be quoted and leaves no formula', () => {
  const made = bars([['a,"b"', 1.5], ['=1+1', '-12.50'], [null, null]]);
  assert.equal(csvOf(made), 'product,revenue\r\n"a,""b""",1.5\r\n\'=1+1,-12.50\r\n,\r\n');
  assert.equal(fileName('sales', made, 'csv'), 'sales-revenue-by-region.csv');
});

test('a long text is cut between characters', () => {
  assert.equal(cut('abc', 3), 'abc');
  assert.equal(cut('abcd', 3), 'ab…');
  assert.equal(cut('😀'.repeat(10), 3), '😀😀…');
});

test('a curve has its gaps, and thinning keeps the spikes', () => {
  assert.equal(curve([], 90, 26), '');
  assert.equal((curve([1, null, 2, 3], 90, 26).match(/M/g) ?? []).length, 2);
  const spiky = Array.from({ length: 10_000 }, (_, at) => (at === 4_321 ? 999 : at % 3));
  const kept = thinned(spiky, 100);
  assert.ok(kept.length <= 110 && kept.includes(999));
});

test('a million points sampled to the screen are an option within 50 ms', () => {
  const sampled = lines(['North'], 4_000, (at) => Math.sin(at / 50) * at, { sampled: true, total_rows: 1_000_000 });
  draw(sampled, LIGHT, room());
  const start = performance.now();
  draw(sampled, LIGHT, room(1_100));
  assert.ok(performance.now() - start < 50 * 4, `${performance.now() - start} ms`);
});

test('what the server summed as other is last and grey, among bars and among lines', () => {
  assert.equal(barsOf(bars([['other (5)', 900], ['a', 3]])).bars.at(-1)!.name, 'other (5)');
  const drawn = draw({ ...lines(['other (5)', 'a'], 9, (at) => at), kind: 'stacked' }, LIGHT, room());
  const color = (at: number): unknown => (seriesOf(drawn)[at]!.data as { itemStyle: { color: string } }[])[0]!.itemStyle.color;
  assert.deepEqual([color(0), color(1)], [LIGHT.series[0], LIGHT.other]);
});

test('what the server summed and what has no colour of its own are one part that counts all of them', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'other (292)'];
  const drawn = draw({ ...lines(names, 9, (at) => at), kind: 'stacked' }, LIGHT, room());
  assert.equal(seriesOf(drawn).length, 6);
  assert.deepEqual(written(drawn).filter((name) => name.startsWith('other')), ['other (295)']);
});

test('what does not add up is not summed in a stacked chart either', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  const drawn = draw({ ...lines(names, 9, (at) => at, { options: { additive: false } }), kind: 'stacked' }, LIGHT, room());
  assert.equal(seriesOf(drawn).length, 8);
  assert.ok(!drawn.stops.some((stop) => stop.tip().rows.some(({ name }) => name === 'together' || name.startsWith('other'))));
});

test('the last word under a chart is not cut off at its edge', () => {
  const points = tile('scatter', [{ name: 'x', type: 'BIGINT', role: 'x' }, { name: 'y', type: 'BIGINT', role: 'y' }], [[0, 1], [500_000, 2], [1_000_000, 3]]);
  const axis = (draw(points, LIGHT, room()).option as { xAxis: { axisLabel: { alignMaxLabel?: string } } }).xAxis;
  assert.equal(axis.axisLabel.alignMaxLabel, 'right');
});

test('a split or a comparison that holds nothing is none', () => {
  const made = lines(['North'], 9, (at) => at);
  made.rows = made.rows.map(([x, , y]) => [x!, null, y!]);
  assert.deepEqual(written(draw(made, LIGHT, room())), ['$8']);
  const hours = tile('bar', [{ name: 'hour', type: 'integer', role: 'x' }, { name: 'series', type: 'varchar', role: 'series' }, { name: 'hits', type: 'double', role: 'y' }],
    Array.from({ length: 24 }, (_, at): Cell[] => [at, null, at * 7 % 5]));
  assert.deepEqual((seriesOf(draw(hours, LIGHT, room()))[0]!.data as { value: number[] }[]).map(({ value }) => value[0]), [...Array(24).keys()]);
});

const dotsAt = (points: [number, number][]): { opacity: number; size: number }[] => {
  const cloud = tile('scatter', [
    { name: 'orders', type: 'BIGINT', role: 'x' },
    { name: 'spend', type: 'DOUBLE', role: 'y' },
  ], points);
  const [{ data }] = draw(cloud, LIGHT, room(700, 320)).option.series as [{ data: { symbolSize: number; itemStyle: { opacity: number } }[] }];
  return data.map(({ symbolSize, itemStyle }) => ({ opacity: itemStyle.opacity, size: symbolSize }));
};

test('where many dots lie on each other each is pale, so that the thick of them is dark and not flat', () => {
  const thick: [number, number][] = Array.from({ length: 1_400 }, (_, at) => [(at % 37) / 2, at % 41]);
  const rare: [number, number][] = Array.from({ length: 100 }, (_, at) => [10 + at * 3, 20 + at * 7]);
  const dots = dotsAt([...thick, ...rare]);
  const [inThick, alone] = [dots[0]!, dots.at(-1)!];
  assert.ok(alone.opacity > 0.6, `alone ${alone.opacity}`);
  assert.ok(inThick.opacity < 0.3, `in the thick ${inThick.opacity}`);
  assert.ok(inThick.size <= 4);
  // Fifty of them on each other are darker than one alone.
  assert.ok(1 - (1 - inThick.opacity) ** 50 > alone.opacity);
});

test('a few dots apart from each other keep their size and their ink', () => {
  for (const { opacity, size } of dotsAt([[1, 1], [5, 9], [9, 4]])) assert.deepEqual([Number(opacity.toFixed(2)), size], [0.7, 7]);
});
