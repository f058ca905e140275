import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ended, pause } from './live.js';
import { RgBell, local, read, said } from './rg-bell.js';

const texts = { none: 'Notifications', one: '1 not read', many: '{n} not read' };

test('the bell says how many there are', () => {
  assert.deepEqual(said(0, texts), { label: 'Notifications', badge: '' });
  assert.deepEqual(said(1, texts), { label: '1 not read', badge: '1' });
  assert.deepEqual(said(120, texts), { label: '120 not read', badge: '99+' });
});

test('only messages of its own topic are read', () => {
  const value = { unread: 1, latest: [] };
  const message = { type: 'delta', topic: 'notifications', data: { kind: 'notifications', value } };
  assert.deepEqual(read(JSON.stringify(message)), value);
  for (const other of [{ ...message, topic: 'wall' }, { ...message, type: 'refused' }, { type: 'pong', now: 1 }]) {
    assert.equal(read(JSON.stringify(other)), null);
  }
  assert.equal(read('{'), null);
});

test('the end of a session is told from other endings', () => {
  const error = { code: 1100, key: 'error-unauthenticated' };
  for (const over of [{ type: 'bye', reason: 'session_ended' }, { type: 'refused', topic: 'notifications', error }]) {
    assert.equal(ended(JSON.stringify(over)), true);
  }
  const others = [{ type: 'bye', reason: 'draining' }, { type: 'refused', error: { code: 1300 } }, { type: 'pong', now: 1 }];
  for (const other of others) assert.equal(ended(JSON.stringify(other)), false);
  assert.equal(ended('{'), false);
});

test('only pages of ours are led to', () => {
  assert.equal(local('/machines/host-001'), '/machines/host-001');
  for (const other of ['//evil.example', '/\\evil', 'https://evil.example', 'javascript:alert(1)', null]) {
    assert.equal(local(other), null);
  }
});

test('tries come further and further apart', () => {
  assert.equal(pause(0, 0.5), 1_000);
  assert.equal(pause(3, 0.5), 8_000);
  assert.equal(pause(50, 0.5), 30_000);
});

test('what is announced is brought up to date within a while, until it succeeds, and not from under the hand', async () => {
  const node = () => ({ setAttribute() {}, append() {}, addEventListener() {}, contains: () => false, querySelector: () => node(), remove() {}, replaceChildren() {} });
  let [listeners, fetches, replaced, busy, ok, timers, handed] = [{}, 0, [], false, true, [], []];
  const shown = { dataset: {}, matches: () => busy, replaceChildren: (...children) => replaced.push(children) };
  const stub = {
    document: { createElement: node, addEventListener() {}, getElementById: () => shown, dispatchEvent: ({ type, detail }) => handed.push([type, detail]), hidden: false },
    location: { protocol: 'https:', host: 'rg.example' },
    setInterval() {},
    setTimeout: (what, after) => timers.push({ what, after }),
    WebSocket: class {
      addEventListener = (name, what) => (listeners[name] = what);
    },
    DOMParser: class {
      parseFromString = (text) => ({ getElementById: () => (text ? { childNodes: [text] } : null) });
    },
    fetch: async () => {
      fetches += 1;
      return { ok, text: async () => `page ${fetches}` };
    },
  };
  const before = Object.keys(stub).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
  for (const [name, value] of Object.entries(stub)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  try {
    const element = Object.assign(new RgBell(), { dataset: texts, querySelector: () => Object.assign(node(), { href: '/notifications' }), append() {} });
    element.connectedCallback();
    const hear = (announced, jobs) => {
      const value = { unread: 0, latest: [] };
      listeners.message({ data: JSON.stringify({ type: 'delta', topic: 'notifications', data: { kind: 'notifications', value }, announced, jobs }) });
    };
    const wait = async () => {
      for (const { what, after } of timers.splice(0)) {
        assert.ok(after >= 0 && after <= 20_000, `after ${after}`);
        await what();
        for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
      }
    };
    for (const announced of [7, 7, undefined]) hear(announced);
    assert.deepEqual(handed, [], 'who sees no jobs hears of none');
    hear(7, { going: 1, mark: 5 });
    assert.deepEqual(handed, [['rg-jobs', { going: 1, mark: 5 }]], 'the line is the only one of the page');
    assert.deepEqual([timers, replaced], [[], []], 'the page is as it was rendered, and a server that says nothing of it changes nothing');
    hear(8);
    hear(8);
    assert.deepEqual([timers.length, fetches], [1, 0], 'not at once, and not twice');
    await wait();
    assert.deepEqual([fetches, replaced, timers], [1, [['page 1']], []]);
    ok = false;
    hear(9);
    await wait();
    assert.deepEqual([fetches, replaced.length, timers.length], [2, 1, 1], 'a page of a fault is none, and it is tried again');
    [ok, busy] = [true, true];
    await wait();
    assert.deepEqual([fetches, replaced.length, timers.length], [2, 1, 1], 'nor is it asked for while it could not be shown');
    busy = false;
    await wait();
    assert.deepEqual([fetches, replaced.length, timers.length], [3, 2, 0]);
    hear(10);
    hear(11);
    await wait();
    assert.deepEqual([fetches, timers.length], [4, 1], 'what came meanwhile is looked at, too');
    await wait();
    assert.deepEqual([fetches, timers.length], [5, 0]);
    // What changed while the page was on its way.
    shown.dataset.mark = '11';
    for (const [mark, due] of [[11, 0], [12, 1]]) {
      const another = Object.assign(new RgBell(), { dataset: texts, querySelector: () => Object.assign(node(), { href: '/notifications' }), append() {} });
      another.connectedCallback();
      hear(mark);
      assert.equal(timers.length, due, `${mark}`);
    }
  } finally {
    for (const [name, was] of before) was ? Object.defineProperty(globalThis, name, was) : delete globalThis[name];
  }
});
