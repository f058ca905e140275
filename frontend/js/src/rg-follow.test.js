import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RgFollow, carry, fate, instances, standing, stepping } from './rg-follow.js';

test('an allocation stands as its state and its end', () => {
  const row = (machine, state, endsAt) => ({ machine, state, endsAt });
  const list = [
    row('h2', 'active', '2026-12-01T00:00:00Z'),
    row('h1', 'ended', '2026-11-01T00:00:00Z'),
    row('h1', 'grace', '2026-11-27T14:00:00.123456Z'),
  ];
  assert.equal(standing(list, 'h1'), 'grace 2026-11-27T14:00:00');
  assert.equal(standing(list, 'h3'), '');
  assert.equal(standing([row('h1', 'cancelled', '2026-11-01T00:00:00Z')], 'h1'), '');
  const asked = { ...row('h1', 'active', '2026-11-27T14:00:00Z'), openRequest: 7 };
  assert.equal(standing([asked], 'h1'), 'active 2026-11-27T14:00:00 asked', 'a refusal changes this alone');
});

test('a workbench stands as all that is not over', () => {
  const list = [
    { machine: 'h1', state: 'active', endsAt: '2026-12-01T00:00:00Z', openRequest: 7, presence: 'online', maintenance: { state: 'planned' } },
    { machine: 'h2', state: 'scheduled', endsAt: '2026-12-02T00:00:00.5Z', openRequest: null, presence: null, maintenance: null },
    { machine: 'h3', state: 'ended', endsAt: '2026-11-02T00:00:00Z', presence: null },
  ];
  assert.equal(standing(list), 'all; h1 active 2026-12-01T00:00:00 asked online planned; h2 scheduled 2026-12-02T00:00:00  ');
  assert.equal(standing([]), 'all');
});

test('instances stand as their states, and a list as all of them', () => {
  const one = { id: 7, name: 'train', state: 'running', wanted: 'running', revision: 3, startedAt: '2026-11-27T14:00:00.123456Z' };
  const first = '7 running running 3 2026-11-27T14:00:00';
  assert.equal(instances(one), first);
  assert.notEqual(instances({ ...one, startedAt: '2026-11-27T14:05:00Z' }), first, 'it was started again between two looks');
  const other = { id: 8, state: 'creating', wanted: 'running', revision: 1, startedAt: null };
  assert.equal(instances({ list: [one, other], total: 2, page: 1, pageSize: 20 }), `2; ${first}; 8 creating running 1 `);
  assert.equal(instances({ list: [], total: 0 }), '0');
});

/// Being taken back: somebody's process still holds `usedBytes`.
function detail(usedBytes, at, memory = 'waiting') {
  const steps = [
    { state: 'done', at: '2026-11-27T14:00:00.123456Z', result: {} },
    { state: 'waiting', at, result: { reason: 'offline' } },
    { state: memory, at, result: { usedBytes } },
  ];
  return { allocation: { state: 'reclaiming' }, steps };
}

const first = 'reclaiming done2026-11-27T14:00:00 waitingoffline waiting65';

test('one allocation stands as its state and its steps, and a waiting one as what is read of it', () => {
  assert.equal(stepping(detail('7000000000', '2026-11-27T14:00:01Z')), first);
  assert.equal(stepping(detail('7000000001', '2026-11-27T14:00:09Z')), first);
  assert.notEqual(stepping(detail('8000000000', '2026-11-27T14:00:09Z')), first);
  assert.notEqual(stepping(detail('0', '2026-11-27T14:00:09Z', 'done')), first);
  assert.equal(stepping({ allocation: { state: 'active' }, steps: [] }), 'active');
});

test('islands are left alone, and none is put in asleep', () => {
  assert.equal(fate(true, null), 'remove');
  assert.equal(fate(true, false), 'replace');
  assert.equal(fate(false, false), 'replace');
  assert.equal(fate(true, true), 'keep');
  assert.equal(fate(false, true), 'reload');
});

test('what is typed stays in its own form where several have a field of that name', () => {
  const form = (action) => ({ getAttribute: (name) => name === 'action' && action });
  const field = (action, value) => ({ name: 'form[word]', value, defaultValue: '', form: form(action) });
  const page = { '[action="/renew"] [name="form[word]"]': field('/renew', ''), '[action="/end"] [name="form[word]"]': field('/end', '') };
  const from = { querySelectorAll: () => [field('/answer', ''), field('/renew', ''), field('/end', 'Broken fan')] };
  carry(from, { querySelector: (selector) => page[selector] ?? null });
  assert.deepEqual(Object.values(page).map(({ value }) => value), ['', 'Broken fan']);
});

test('what is unfolded stays so', () => {
  const details = (textContent, open) => ({ open, firstElementChild: { textContent } });
  const now = [details('Add an application', false), details('Keep it', false)];
  carry({ querySelectorAll: (what) => (what === 'details' ? [details('Keep it', true), details('Gone', true)] : []) }, { querySelectorAll: () => now });
  assert.deepEqual(now.map(({ open }) => open), [false, true]);
});

test('a page is not taken away under the hand, and brought up to date afterwards', async () => {
  let [data, busy, fetches, replaced, look] = [detail('7000000000', '2026-11-27T14:00:01Z'), false, 0, 0, null];
  const said = { textContent: '' };
  const next = { querySelector: () => null };
  const part = { dataset: { part: 'main' }, querySelector: () => null, querySelectorAll: () => [], replaceWith: () => (replaced += 1) };
  const stub = {
    document: {
      querySelector: (selector) => (selector.includes(':popover-open') && busy ? {} : null),
      querySelectorAll: () => [part],
      adoptNode: (node) => node,
    },
    location: { href: 'https://rg.example/admin/allocations/7' },
    DOMParser: class {
      parseFromString = () => ({ querySelector: () => next });
    },
    fetch: async (href) => {
      fetches += href === stub.location.href;
      return { ok: true, json: async () => ({ data }), text: async () => '' };
    },
    setInterval: (what) => (look = what),
  };
  const before = Object.keys(stub).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
  for (const [name, value] of Object.entries(stub)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  try {
    const element = Object.assign(new RgFollow(), { dataset: { href: '/api/admin/allocations/7', seen: first, changed: 'Changed.' }, querySelector: () => said });
    element.connectedCallback();
    data = detail('7000000001', '2026-11-27T14:00:06Z');
    await look();
    assert.deepEqual([fetches, replaced, said.textContent], [0, 0, ''], 'what reads as before is nothing new');
    busy = true;
    data = detail('0', '2026-11-27T14:00:11Z', 'done');
    await look();
    assert.deepEqual([fetches, replaced, said.textContent], [0, 0, ''], 'a question is open');
    busy = false;
    await look();
    await look();
    assert.deepEqual([fetches, replaced, said.textContent], [1, 1, 'Changed.'], 'once it is answered, and once only');
  } finally {
    for (const [name, was] of before) was ? Object.defineProperty(globalThis, name, was) : delete globalThis[name];
  }
});
