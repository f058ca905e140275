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

test('what is announced is brought up to date once, when another number is heard, and not from under the hand', async () => {
  const node = () => ({ setAttribute() {}, append() {}, addEventListener() {}, contains: () => false, querySelector: () => node(), remove() {}, replaceChildren() {} });
  let [listeners, fetches, replaced, busy] = [{}, 0, [], false];
  const shown = { matches: () => busy, replaceChildren: (...children) => replaced.push(children) };
  const stub = {
    document: { createElement: node, addEventListener() {}, getElementById: () => shown, hidden: false },
    location: { protocol: 'https:', host: 'rg.example' },
    setInterval() {},
    WebSocket: class {
      addEventListener = (name, what) => (listeners[name] = what);
    },
    DOMParser: class {
      parseFromString = (text) => ({ getElementById: () => (text ? { childNodes: [text] } : null) });
    },
    fetch: async () => {
      fetches += 1;
      return { text: async () => `page ${fetches}` };
    },
  };
  const before = Object.keys(stub).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
  for (const [name, value] of Object.entries(stub)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  try {
    const element = Object.assign(new RgBell(), { dataset: texts, querySelector: () => Object.assign(node(), { href: '/notifications' }), append() {} });
    element.connectedCallback();
    const hear = async (announced) => {
      const value = { unread: 0, latest: [] };
      listeners.message({ data: JSON.stringify({ type: 'delta', topic: 'notifications', data: { kind: 'notifications', value }, announced }) });
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    };
    for (const announced of [7, 7, undefined]) await hear(announced);
    assert.deepEqual([fetches, replaced], [0, []], 'the page is as it was rendered, and a server that says nothing of it changes nothing');
    await hear(7);
    await hear(8);
    assert.deepEqual([fetches, replaced], [1, [['page 1']]]);
    busy = true;
    await hear(9);
    assert.deepEqual([fetches, replaced.length], [2, 1]);
  } finally {
    for (const [name, was] of before) was ? Object.defineProperty(globalThis, name, was) : delete globalThis[name];
  }
});
