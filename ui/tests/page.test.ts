import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  asked, chosenOf, type Control, controlFor, drilled, hasPlace, joined, leading, leads, parted, picking, setting, spansOf, type TileSpot, undrilled, valueOf, viewed,
} from '../src/dashboards/page.ts';
import { aged, asOf, freshness, isLate } from '../src/dashboards/words.ts';

const REGION: Control = { name: 'region', kind: 'many', dimension: 'orders.region', default: '' };
const TIER: Control = { name: 'tier', kind: 'choice', dimension: 'customers.tier', default: 'gold' };
const PERIOD: Control = { name: 'period', kind: 'period', dimension: null, default: 'last 90 days' };
const CONTROLS = [REGION, TIER, PERIOD];

test('what only the page reads is not asked of the server, and order does not matter', () => {
  assert.equal(asked('?show.tab=B&tier=gold&region=North'), '?region=North&tier=gold');
  assert.equal(asked('?region=North&tier=gold'), asked('?tier=gold&region=North'));
  assert.equal(asked('?show.table=t1'), '');
  assert.equal(viewed('?show.table=t1', 'table'), 't1');
});

test('a list in the address keeps its commas', () => {
  for (const values of [['North'], ['a,b', 'c'], [], ['back\\slash', '\\,'], ['Ümläut & co', '=']]) assert.deepEqual(parted(joined(values)), values);
});

test('a control set to its default leaves the address; nothing is said where the default is something', () => {
  assert.deepEqual(setting(PERIOD, 'last 90 days'), { period: null });
  assert.deepEqual(setting(PERIOD, 'all'), { period: 'all' });
  assert.deepEqual(setting(REGION, ''), { region: null });
  assert.deepEqual(setting(TIER, ''), { tier: '' });
  assert.deepEqual(chosenOf(CONTROLS, ['tier'], '?tier='), new Map());
  assert.equal(valueOf(TIER, ''), 'gold');
  assert.equal(valueOf(TIER, '?tier=silver'), 'silver');
});

test('a column finds the control of its dimension, and no period', () => {
  assert.equal(controlFor(CONTROLS, 'region'), REGION);
  assert.equal(controlFor(CONTROLS, 'REGION'), REGION);
  assert.equal(controlFor(CONTROLS, 'orders.region'), REGION);
  assert.equal(controlFor(CONTROLS, 'period'), undefined);
  assert.equal(controlFor(CONTROLS, 'gion'), undefined);
});

test('a click chooses, the same click takes it back, a click with Shift adds', () => {
  const pick = { column: 'region', value: 'North' };
  assert.deepEqual(picking(REGION, '', pick, false), { region: 'North' });
  assert.deepEqual(picking(REGION, '?region=North', pick, false), { region: null });
  assert.deepEqual(picking(REGION, '?region=West', pick, true), { region: 'West,North' });
  assert.deepEqual(picking(REGION, '?region=West,North', pick, true), { region: 'West' });
  assert.deepEqual(picking(REGION, '?region=West,North', pick, false), { region: 'North' });
  assert.deepEqual(picking(TIER, '?tier=silver', { column: 'tier', value: 'silver' }, false), { tier: '' });
  assert.deepEqual([...chosenOf(CONTROLS, ['region', 'amount'], '?region=West,North')], [['region', new Set(['West', 'North'])]]);
});

test('tiles share a row of twelve', () => {
  const row = (...kinds: string[]): number[] => spansOf(kinds.map((kind) => ({ id: kind, kind }) as TileSpot));
  assert.deepEqual(row('line', 'bar'), [8, 4]);
  assert.deepEqual(row('line', 'area'), [6, 6]);
  assert.deepEqual(row('kpi', 'kpi', 'kpi', 'kpi'), [3, 3, 3, 3]);
  assert.deepEqual(row('line'), [12]);
  assert.deepEqual(row('kpi', 'kpi', 'kpi', 'kpi', 'kpi'), [3, 3, 3, 3, 3]);
  assert.deepEqual(spansOf([{ id: 'a', kind: 'line', span: 9 }, { id: 'b', kind: 'bar' }]), [9, 3]);
});

test('a tile leads to a page with what is chosen, on disk to its file, and never to a script', () => {
  assert.equal(leads('customer', '?region=North&show.tab=B'), '/dashboards/customer?region=North');
  assert.equal(leads('customer?tier=gold', ''), '/dashboards/customer?tier=gold');
  assert.equal(leads('customer', '?region=North', '.html'), 'customer.html');
  assert.equal(leads('/data/orders', ''), '/data/orders');
  assert.equal(leads('/data/orders', '', '.html'), null);
  assert.equal(leads('/dashboards/customers?country={country}', '', '.html'), 'customers.html');
  assert.equal(leads('javascript:alert(1)', ''), null);
  assert.equal(leads(null, ''), null);
  assert.equal(drilled('/dashboards/customer?region=North', [{ column: 'name', value: 'A & B' }]), '/dashboards/customer?region=North&name=A+%26+B');
});

test('a link with a place takes the chosen value there, and without one leads to all', () => {
  const link = '/dashboards/customers?country={country}&tier=gold';
  assert.equal(drilled(link, [{ column: 'country', value: 'DE' }]), '/dashboards/customers?country=DE&tier=gold');
  assert.equal(drilled('/data/{table}', [{ column: 'other', value: 1 }, { column: 'table', value: 'raw.orders' }]), '/data/raw.orders');
  assert.equal(undrilled(link), '/dashboards/customers?tier=gold');
  assert.ok(hasPlace(link, 'country') && !hasPlace(link, 'tier') && !hasPlace(null, 'x'));
  assert.equal(leads('customers?country={country}', ''), '/dashboards/customers?country=%7Bcountry%7D');
  assert.equal(drilled(leads('customers?country={country}', '')!, [{ column: 'country', value: 'A&B' }]), '/dashboards/customers?country=A%26B');
});

test('ages have one unit and lateness needs a target', () => {
  assert.equal(aged(12.7), '12 s');
  assert.equal(aged(11_000), '3 h');
  assert.equal(freshness(12, 60), '12 s old, target 1 min');
  assert.equal(freshness(null, null), '');
  assert.equal(asOf('2026-11-25T22:51:30Z', 'Europe/Berlin'), '25 Nov 2026, 23:51');
  assert.ok(isLate(61, 60) && !isLate(60, 60) && !isLate(1e9, null));
});

test('numbers in a text lead to where they come from, unless they stand in a link', () => {
  const value = '<span data-value="v" data-leads="/metrics/revenue" title="$1">$1</span>';
  assert.equal(leading(`<p>It is ${value}.</p>`), '<p>It is <a data-value="v" href="/metrics/revenue" title="$1">$1</a>.</p>');
  assert.equal(leading(`<p><a href="/x">${value}</a></p>`), `<p><a href="/x">${value}</a></p>`);
  assert.equal(leading('<p><span data-value="" class="mistake" title="no">{{ x }}</span></p>').includes('<a'), false);
  assert.equal(leading('<span data-value="v" data-leads="javascript:x">1</span>').includes('<a'), false);
});
