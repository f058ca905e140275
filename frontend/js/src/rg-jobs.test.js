import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RgJobs, details } from './rg-jobs.js';

const job = (more) => ({ id: 7, title: 'Save', about: 'train', state: 'running', says: 'Running', message: null, progress: 40, link: '/instances/3', createdAt: '2026-11-27T23:05:09Z', finishedAt: null, ...more });

test('a job says how it goes, how far it is, and since when', () => {
  assert.match(details(job(), 'UTC', 'en-GB'), /^Running · 40\u00a0% · 27\/11\/2026, 23:05$/);
  const done = job({ says: 'Done', finishedAt: '2026-11-27T23:30:00Z' });
  assert.match(details(done, 'Asia/Shanghai', 'en-GB'), /^Done · 28\/11\/2026, 07:30$/);
  assert.match(details(job({ progress: null }), 'UTC', 'en-GB'), /^Running · 27/);
});

/// As much of a document as the drawer needs.
class Node {
  constructor(name) {
    Object.assign(this, { name, children: [], attributes: {}, dataset: {}, listeners: {}, textContent: '', title: '', className: '' });
  }

  get childNodes() {
    return this.children;
  }

  append(...more) {
    this.children.push(...more);
  }

  replaceChildren(...all) {
    this.children = all;
  }

  setAttribute(name, value) {
    this.attributes[name] = value;
  }

  getAttribute(name) {
    return this.attributes[name] ?? this[name];
  }

  addEventListener(name, what) {
    this.listeners[name] = what;
  }

  contains() {
    return false;
  }

  querySelector(selector) {
    const found = this.children.find((child) => selector === `.${child.className}`);
    return found && Object.assign(found, { remove: () => this.children.splice(this.children.indexOf(found), 1) });
  }
}

test('the drawer counts what it hears, and reads when it is open', async () => {
  const link = Object.assign(new Node('a'), { href: '/jobs', title: 'None', className: 'jobs-button', attributes: { 'aria-label': 'None' } });
  let [heard, look, fetches, list, placed] = [null, null, 0, [], null];
  link.replaceWith = (menu, status) => (placed = { menu, status });
  const stub = {
    document: {
      createElement: (name) => new Node(name),
      addEventListener: (name, what) => name === 'rg-jobs' && (heard = (detail) => what({ detail })),
      documentElement: { lang: 'en-GB' },
      hidden: false,
      activeElement: null,
    },
    setInterval: (what) => (look = what),
    fetch: async () => {
      fetches += 1;
      return { ok: true, json: async () => ({ data: { going: list.length, list } }) };
    },
  };
  const before = Object.keys(stub).map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
  for (const [name, value] of Object.entries(stub)) Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  const settle = async () => {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  try {
    const dataset = { href: '/api', none: 'None', one: '1 at work', many: '{n} at work', empty: 'Nothing', away: 'Away', all: 'All', zone: 'UTC' };
    const element = Object.assign(new RgJobs(), { dataset, querySelector: () => link });
    element.connectedCallback();
    const [button, body] = placed.menu.children;
    const rows = () => body.children[0].children;
    heard({ going: 0, mark: 0 });
    assert.deepEqual([fetches, placed.status.textContent], [0, ''], 'as the page shows it');
    heard({ going: 2, mark: 9 });
    assert.deepEqual([fetches, button.title, placed.status.textContent], [0, '2 at work', '2 at work'], 'nobody looks in');
    assert.equal(button.querySelector('.badge').textContent, '2');
    look();
    assert.equal(fetches, 0, 'nor is it asked for');

    list = [job(), job({ id: 8, link: 'https://evil.example', state: 'failed', says: 'Failed', message: 'Full', finishedAt: '2026-11-27T23:06:00Z' })];
    placed.menu.open = true;
    placed.menu.listeners.toggle();
    await settle();
    assert.equal(fetches, 1);
    const [first, second] = rows().map((row) => row.children[0]);
    assert.deepEqual([first.href, first.dataset.id, second.href], ['/instances/3', 7, '/jobs'], 'no address from elsewhere');
    assert.deepEqual([first.children.map(({ name }) => name), second.children.map(({ name }) => name)], [['span', 'span', 'progress'], ['span', 'span', 'span']]);
    const shown = rows();
    look();
    await settle();
    assert.deepEqual([fetches, rows() === shown], [2, true], 'what stands as before is left');
    list = [];
    heard({ going: 0, mark: 11 });
    await settle();
    assert.deepEqual([fetches, rows()[0].textContent, button.title], [3, 'Nothing', 'None']);
    assert.equal(button.querySelector('.badge'), undefined);
    look();
    assert.equal(fetches, 3, 'nothing goes on');
  } finally {
    for (const [name, was] of before) was ? Object.defineProperty(globalThis, name, was) : delete globalThis[name];
  }
});
