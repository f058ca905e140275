import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fate, standing } from './rg-follow.js';

test('an allocation stands as its state and its end', () => {
  const row = (machine, state, endsAt) => ({ machine, state, endsAt });
  const list = [
    row('h2', 'active', '2026-12-01T00:00:00Z'),
    row('h1', 'ended', '2026-11-01T00:00:00Z'),
    row('h1', 'grace', '2026-11-27T14:00:00.123456Z'),
  ];
  assert.equal(standing(list, 'h1'), 'grace 1795788000');
  assert.equal(standing(list, 'h3'), '');
  assert.equal(standing([row('h1', 'cancelled', '2026-11-01T00:00:00Z')], 'h1'), '');
});

test('islands are left alone, and none is put in asleep', () => {
  assert.equal(fate(true, null), 'remove');
  assert.equal(fate(true, false), 'replace');
  assert.equal(fate(false, false), 'replace');
  assert.equal(fate(true, true), 'keep');
  assert.equal(fate(false, true), 'reload');
});
