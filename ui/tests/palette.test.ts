import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apart, contrast, DARK, EYES, LIGHT, type Look, mix, readable, sequence } from '../src/charts/palette.ts';

const LOOKS: [string, Look][] = [['light', LIGHT], ['dark', DARK]];

for (const [name, look] of LOOKS) {
  test(`every ${name} series colour stands out from the ground (3 to 1), and its name can be read (4.5 to 1)`, () => {
    for (const color of look.series) {
      assert.ok(contrast(color, look.ground) >= 3, `${color} has ${contrast(color, look.ground).toFixed(2)}`);
      assert.ok(contrast(readable(color, look), look.ground) >= 4.5);
    }
    assert.ok(contrast(look.mute, look.ground) >= 4.5);
  });

  for (const eyes of EYES) {
    test(`${name} series colours are told apart by ${eyes} eyes`, () => {
      for (const [at, one] of look.series.entries()) {
        for (const other of look.series.slice(at + 1)) {
          assert.ok(apart(one, other, eyes) >= 0.07, `${one} and ${other}: ${apart(one, other, eyes).toFixed(3)}`);
        }
      }
    });
  }
}

test('contrast is that of WCAG', () => assert.equal(contrast('#000000', '#ffffff').toFixed(0), '21'));

test('a mix goes evenly from one colour to the other', () => {
  assert.equal(mix('#2176b3', '#fbfbfa', 0), '#2176b3');
  assert.equal(mix('#2176b3', '#fbfbfa', 1), '#fbfbfa');
  const steps = [0, 0.25, 0.5, 0.75, 1].map((share) => sequence(share, DARK));
  const jumps = steps.slice(1).map((color, at) => apart(steps[at]!, color, 'all'));
  assert.ok(Math.max(...jumps) < Math.min(...jumps) * 1.3, jumps.join());
});
