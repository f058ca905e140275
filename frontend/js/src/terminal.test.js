import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ending, pause, pieces, Shown, welcome } from './terminal.js';

test('the pause grows and stays bounded', () => {
  assert.equal(pause(0, 0.5), 500);
  assert.equal(pause(2, 0.5), 2000);
  assert.equal(pause(50, 0.5), 10_000);
  assert.ok(pause(50, 1) <= 12_500 && pause(0, 0) >= 375);
});

test('what is typed goes in pieces and loses nothing', () => {
  const bytes = new TextEncoder().encode('中'.repeat(20_000));
  const cut = pieces(bytes);
  assert.equal(cut.length, 4);
  assert.ok(cut.every((piece) => piece.length <= 16 * 1024));
  assert.deepEqual(Buffer.concat(cut), Buffer.from(bytes));
  assert.deepEqual(pieces(new Uint8Array()), []);
});

test('what was shown is told in sums', () => {
  const told = [];
  const shown = new Shown((bytes) => told.push(bytes));
  for (const bytes of [1000, 31_767, 1, 5, 40_000]) shown.add(bytes);
  assert.deepEqual(told, [32_768, 40_005]);
});

test('words say how it is', () => {
  const words = { exited: 'code {code}', exitIdle: 'idle', exitClosed: 'ended', elsewhere: 'e', gone: 'g', over: 'o', again: 'a', connected: 'c' };
  assert.equal(ending(words, { reason: 'exited', code: 0 }), 'code 0');
  assert.equal(ending(words, { reason: 'exited' }), 'code ?');
  assert.equal(ending(words, { reason: 'idle' }), 'idle');
  assert.equal(ending(words, { reason: 'some-new-word' }), 'ended');
  assert.equal(welcome(words, { resumed: true }), 'a');
  assert.equal(welcome(words, { resumed: false }), 'c');
  assert.equal(welcome(words, { resumed: false, instead: 'elsewhere' }), 'e');
  assert.equal(welcome(words, { resumed: false, instead: 'gone' }), 'g');
  assert.equal(welcome(words, { resumed: false, instead: 'ended' }), 'o');
});
