import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clock, parse, sizeOf, until, wish } from './player.js';

const header = JSON.stringify({ version: 2, width: 80, height: 24, timestamp: 1 });

test('a recording is read up to where it was cut', () => {
  const whole = `${header}\n[0.5,"o","a\\r\\n"]\n[1.25,"r","100x30"]\n[1.0,"o","b"]\n`;
  const { width, height, events, length } = parse(whole);
  assert.deepEqual([width, height, length], [80, 24, 1.25]);
  assert.deepEqual(events, [[0.5, 'o', 'a\r\n'], [1.25, 'r', '100x30'], [1.25, 'o', 'b']]);
  assert.equal(parse(`${whole}[2.0,"o","never en`).events.length, 3);
  assert.deepEqual(parse(header).events, []);
});

test('what is no recording is none', () => {
  for (const text of ['', 'hello', '{"version":1}', '{"version":2,"width":0,"height":24}', '{"version":2,"width":80}', 'null']) {
    assert.equal(parse(text), null, text);
  }
  assert.equal(parse(`${header}\n{"a":1}\n[1,"o","x"]`).events.length, 0);
});

test('sizes are those of terminals', () => {
  assert.deepEqual(sizeOf('100x30'), [100, 30]);
  for (const text of ['', '100', '0x5', '1001x5', 'axb', '1.5x2']) assert.equal(sizeOf(text), null, text);
});

test('what has happened until then', () => {
  const events = [[0, 'o', 'a'], [1, 'o', 'b'], [1, 'o', 'c'], [4, 'o', 'd']];
  assert.deepEqual([-1, 0, 0.5, 1, 3.9, 4, 99].map((at) => until(events, at)), [0, 1, 1, 3, 3, 4, 4]);
  assert.equal(until([], 3), 0);
});

test('time is read as people read it', () => {
  assert.deepEqual([0, 59.9, 60, 3599, 3600, 36_061].map(clock), ['0:00', '0:59', '1:00', '59:59', '1:00:00', '10:01:01']);
});

test('keys go somewhere, and never out of it', () => {
  const now = { at: 3, length: 100, speed: 1 };
  assert.deepEqual(wish({ key: ' ' }, now), { toggle: true });
  assert.deepEqual(wish({ key: 'ArrowLeft' }, now), { to: 0 });
  assert.deepEqual(wish({ key: 'ArrowRight' }, now), { to: 8 });
  assert.deepEqual(wish({ key: 'ArrowRight', shiftKey: true }, { ...now, at: 50 }), { to: 100 });
  assert.deepEqual(wish({ key: 'End' }, now), { to: 100 });
  assert.deepEqual(wish({ key: '>' }, now), { speed: 2 });
  assert.deepEqual(wish({ key: '>' }, { ...now, speed: 16 }), { speed: 16 });
  assert.deepEqual(wish({ key: '<' }, { ...now, speed: 0.5 }), { speed: 0.5 });
  assert.equal(wish({ key: 'a' }, now), null);
});
