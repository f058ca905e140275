import assert from 'node:assert/strict';
import { test } from 'node:test';

import { inWords, left } from './rg-left.js';

/// The same values as on the server, in `pages/admin/allocations/list.rs`.
test('the last day is told in hours and the last hour in minutes', () => {
  for (const [seconds, expected] of [
    [-5, ['minutes', 0]],
    [30, ['minutes', 1]],
    [3_600, ['minutes', 60]],
    [3_601, ['hours', 2]],
    [86_400, ['hours', 24]],
    [86_401, ['days', 2]],
  ]) {
    assert.deepEqual(left(seconds), expected, `${seconds}`);
  }
});

test('one is told in its own words', () => {
  const words = { days: ['1 day left', '{} days left'], hours: ['1 hour left', '{} hours left'], minutes: ['1 minute left', '{} minutes left'] };
  assert.equal(inWords(words, 119.4), '2 minutes left');
  assert.equal(inWords(words, 59.9), '1 minute left');
  assert.equal(inWords(words, 0), '0 minutes left');
  assert.equal(inWords(words, 7_300), '3 hours left');
});
