import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clock, markAt, parse, sizeOf, steps, until, wish } from './player.js';

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

test('what is shown comes in pieces, and every event once', () => {
  const events = [[0, 'o', 'abc'], [1, 'r', '100x30'], [1, 'i', 'typed'], [2, 'o', 'defgh'], [3, 'r', 'bad'], [3, 'm', 'limit'], [4, 'o', 'i']];
  const all = (...rest) => [...steps(events, ...rest)];
  assert.deepEqual(all(0, 7, false, 4), [
    { text: 'abc', done: 1 }, { size: [100, 30], done: 2 }, { text: 'defgh', done: 4 }, { text: 'i', done: 7 },
  ]);
  assert.deepEqual(all(2, 3, true), [{ text: '\u001b[2mtyped\u001b[22m', done: 3 }]);
  assert.deepEqual(all(2, 3, false), [{ text: '', done: 3 }], 'nothing to show is still shown');
  assert.deepEqual(all(7, 7, false), []);
  const long = Array.from({ length: 1000 }, (_, n) => [n, 'o', 'x'.repeat(50_000)]);
  let [letters, done] = [0, 0];
  for (const step of steps(long, 0, 1000, false)) {
    assert.ok(step.text.length < 200_000 && step.done > done);
    letters += step.text.length;
    ({ done } = step);
  }
  assert.deepEqual([letters, done], [50_000_000, 1000]);
});

test('a marker is read while it is fresh', () => {
  const words = { markLimit: 'full length', markLeftOut: '{bytes} left out' };
  const marks = [[2, 'left-out 300'], [20, 'a chapter'], [40, 'limit']];
  assert.deepEqual([0, 2, 12, 13, 20, 31, 45].map((at) => markAt(marks, at, words)), ['', '300 left out', '300 left out', '', 'a chapter', '', 'full length']);
  assert.equal(markAt([], 5, words), '');
  assert.deepEqual(parse(`${header}\n[1,"o","a"]\n[2,"m","limit"]\n`).marks, [[2, 'limit']]);
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
