import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, offsetAt, wallOf, zoneNote } from '../src/charts/clock.ts';
import { lineScale, niceScale, timeTicks } from '../src/charts/scale.ts';
import { spread } from '../src/charts/spread.ts';

/** Numbers that look random and are the same in every run. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    yield state / 4_294_967_296;
  }
}

test('a scale holds its values, begins and ends at a step, and has few ticks, for any extent', () => {
  const random = numbers(7);
  for (let round = 0; round < 2_000; round += 1) {
    const size = 10 ** (random.next().value! * 24 - 9);
    const low = (random.next().value! - 0.5) * size;
    const high = low + random.next().value! * size;
    const { min, max, ticks, step } = niceScale(low, high);
    const slack = step * 1e-6;
    assert.ok(min <= low + slack && max >= high - slack, `${low}..${high} in ${min}..${max}`);
    assert.ok(ticks.length >= 2 && ticks.length <= 8, `${ticks.length} ticks for ${low}..${high}`);
  }
});

test('a scale of nothing, of all zeros and of one value is still a scale', () => {
  assert.deepEqual(niceScale(0, 0).ticks, [0, 1]);
  assert.deepEqual(niceScale(0, 95, 4, false, true).ticks, [0, 30, 60, 90, 120]);
  assert.equal(niceScale(Infinity, -Infinity).min, 0);
  assert.equal(niceScale(5, 5).min, 0);
  assert.equal(niceScale(-5, -5).max, 0);
  assert.deepEqual(niceScale(0, 2, 4, true).ticks, [0, 1, 2]);
});

test('lines keep zero in sight unless all happens far from it', () => {
  assert.equal(lineScale(20, 100).min, 0);
  assert.ok(lineScale(1_000, 1_010).min >= 990);
  assert.ok(lineScale(-1_010, -1_000).max <= -990);
});

test('time ticks are round, in order, within the span, and no more than asked for', () => {
  const random = numbers(11);
  for (let round = 0; round < 1_000; round += 1) {
    const from = Date.UTC(1990, 0, 1) + random.next().value! * 1e12;
    const to = from + 10 ** (3 + random.next().value! * 9);
    const most = 2 + random.next().value! * 10;
    const ticks = timeTicks(from, to, most);
    assert.ok(ticks.length <= most * 1.6 + 2, `${ticks.length} of ${most}`);
    for (const [at, tick] of ticks.entries()) {
      assert.ok(tick.at >= from && tick.at <= to);
      if (at > 0) assert.ok(tick.at > ticks[at - 1]!.at);
    }
  }
  const quarter = timeTicks(Date.UTC(2026, 7, 1), Date.UTC(2026, 10, 6), 6);
  assert.deepEqual(quarter.map(({ text }) => text), ['Aug', 'Sep', 'Oct', 'Nov']);
  assert.deepEqual(timeTicks(Date.UTC(2026, 10, 1), Date.UTC(2027, 1, 10), 5).map(({ text }) => text), ['Nov', 'Dec', '2027', 'Feb']);
});

test('labels never overlap and stay near their lines, for any wishes', () => {
  const random = numbers(3);
  for (let round = 0; round < 1_000; round += 1) {
    const wishes = Array.from({ length: 1 + Math.floor(random.next().value! * 9) }, () => ({ at: random.next().value! * 240, size: 15 }));
    const centres = spread(wishes, 0, 240, 1);
    const sorted = [...centres].sort((a, b) => a - b);
    for (const [at, centre] of sorted.entries()) {
      assert.ok(centre >= 7.4 && centre <= 232.6, `${centre}`);
      if (at > 0) assert.ok(centre - sorted[at - 1]! >= 15.99, `${sorted}`);
    }
    const order = (list: number[]): string => list.map((_, at) => at).sort((a, b) => list[a]! - list[b]! || a - b).join();
    assert.equal(order(centres), order(wishes.map(({ at }) => at)));
  }
  assert.deepEqual(spread([{ at: 50, size: 10 }, { at: 150, size: 10 }], 0, 200), [50, 150]);
});

test('days begin at the midnight of the zone, on both sides of a change of clocks', () => {
  assert.equal(offsetAt(Date.UTC(2026, 6, 1), 'Europe/Berlin'), 7_200_000);
  assert.equal(offsetAt(Date.UTC(2026, 11, 1), 'Europe/Berlin'), 3_600_000);
  assert.equal(wallOf('2026-07-01T22:00:00Z', 'Europe/Berlin'), Date.UTC(2026, 6, 2));
  assert.equal(wallOf('2026-07-01', 'Europe/Berlin'), Date.UTC(2026, 6, 1));
  assert.equal(wallOf('2026-07-01 10:00:00', 'UTC'), Date.UTC(2026, 6, 1, 10));
  assert.equal(wallOf('yesterday', 'UTC'), null);
  assert.equal(offsetAt(0, 'Mars/Olympus'), 0);
});

test('a zone is named when it is not the reader\u2019s', () => {
  assert.equal(zoneNote('UTC', 'Europe/Berlin'), 'UTC');
  assert.equal(zoneNote('Europe/Paris', 'Europe/Berlin'), '');
  assert.equal(zoneNote('Europe/Berlin', 'Europe/Berlin'), '');
  assert.equal(zoneNote(undefined, 'Europe/Berlin'), '');
});

test('the next period of every grain', () => {
  assert.equal(after(Date.UTC(2026, 0, 31), 'day'), Date.UTC(2026, 1, 1));
  assert.equal(after(Date.UTC(2026, 11, 1), 'month'), Date.UTC(2027, 0, 1));
  assert.equal(after(0, 'fortnight'), null);
});
