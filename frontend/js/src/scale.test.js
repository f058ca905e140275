import assert from 'node:assert/strict';
import { test } from 'node:test';
import { once, range, rows, sameShape, show, single, units } from './scale.js';

const data = (more = {}) => ({
  at: [0, 10, 20],
  lines: [
    { label: 'load', unit: '%', avg: [1, null, 3], min: [0, null, 2], max: [2, null, 4] },
    { label: 'power', unit: 'W', avg: [100, 200, null] },
  ],
  ...more,
});

test('gaps stay gaps and bands name their rows', () => {
  const { table, plan, bands } = rows(data());
  assert.equal(table.length, 5);
  assert.deepEqual(table[1], [1, null, 3]);
  assert.deepEqual(plan.map((p) => p.role), ['line', 'max', 'min', 'line']);
  assert.deepEqual(bands, [{ series: [2, 3], index: 0 }]);
});

test('values read as in the pages', () => {
  const cases = [[null, '%', '—'], [12.34, '%', '12.3 %'], [99.96, '%', '100 %'], [1250000, 'B/s', '1.3 MB/s'], [2630, 'W', '2.6 kW'], [312.4, 'W', '312 W'], [0, 'W', '0 W']];
  for (const [value, unit, expected] of cases) assert.equal(show(value, unit), expected);
});

test('axes begin at zero and never collapse', () => {
  assert.deepEqual(range(100, 3), [0, 100]);
  assert.deepEqual(range(null, 0), [0, 1]);
  assert.ok(range(undefined, 50)[1] > 50);
  assert.deepEqual(units(data()), ['%', 'W']);
});

test('a refresh keeps the drawing, another set of lines does not', () => {
  assert.ok(sameShape(data(), data({ at: [5, 6] })));
  assert.ok(!sameShape(data(), data({ lines: [] })));
  assert.ok(!sameShape(undefined, data()));
});

test('a short axis says each minute once, and a single value is a dot', () => {
  assert.deepEqual(once(['13:42', '13:42', '13:43', '13:42']), ['13:42', '', '13:43', '13:42']);
  assert.deepEqual([[null, 5, null], [null, null], [1, 2]].map(single), [true, false, false]);
});
