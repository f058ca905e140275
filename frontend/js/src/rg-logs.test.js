import assert from 'node:assert/strict';
import { test } from 'node:test';

import { heard, joined, shown } from './rg-logs.js';

test('only what an instance says is read', () => {
  const data = { lines: [{ at: null, error: false, text: 'hello' }], mark: '1-1-1', more: false, keptAt: null };
  const message = { type: 'snapshot', topic: 'instance/7/logs', epoch: 'a', seq: 0, data };
  assert.deepEqual(heard(JSON.stringify(message)), { lines: data.lines, mark: '1-1-1', anew: true });
  assert.equal(heard(JSON.stringify({ ...message, type: 'delta' })).anew, false);
  for (const other of ['{', 'null', '{"type":"pong","now":1}', '{"type":"delta","data":{}}', '{"type":"bye"}']) {
    assert.equal(heard(other), null, other);
  }
});

test('a line has the time of its reader', () => {
  const line = { at: '2026-11-27T23:05:09Z', error: false, text: 'x' };
  assert.equal(shown(line, 'UTC'), '23:05:09 x');
  assert.equal(shown(line, 'Asia/Shanghai'), '07:05:09 x');
  assert.equal(shown({ at: null, text: 'x' }, 'UTC'), ' x');
});

test('the oldest lines leave the page', () => {
  const lines = joined(Array.from({ length: 5000 }, (_, n) => String(n)), ['new']);
  assert.deepEqual([lines.length, lines[0], lines.at(-1)], [5000, '1', 'new']);
});
