// Run by `node --test`.
import assert from 'node:assert/strict';
import test from 'node:test';

import { Refusal, camel, goneOn, keyOf, missing, pause, said, size, together, trying } from './rg-upload.js';

test('what is missing is what no range names', () => {
  assert.deepEqual(missing({ chunks: 5, received: [{ from: 0, to: 1 }, { from: 3, to: 3 }] }), [2, 4]);
  assert.deepEqual(missing({ chunks: 2, received: [] }), [0, 1]);
  assert.deepEqual(missing({ chunks: 2, received: [{ from: 0, to: 1 }] }), []);
});

test('a form is said as the API has it', () => {
  const elements = [
    { name: 'name', type: 'text', value: ' PyTorch ' },
    { name: 'cuda_version', type: 'text', value: '' },
    { name: 'memory_split', type: 'checkbox', value: 'on', checked: false },
    { name: 'file', type: 'file', value: 'C:\\fakepath\\a.tar' },
    { name: '', type: 'button', value: '' },
  ];
  assert.deepEqual(said(elements), { name: 'PyTorch', cudaVersion: null, memorySplit: false });
  assert.equal(camel('a_b_c'), 'aBC');
});

test('the same file is known again, another one is not', () => {
  const file = { name: 'a:b.tar', size: 10, lastModified: 1 };
  assert.equal(keyOf(file), keyOf({ ...file }));
  assert.notEqual(keyOf(file), keyOf({ ...file, lastModified: 2 }));
});

test('sizes and pauses', () => {
  assert.deepEqual([0, 999, 1000, 1500, 16e6, 250e9].map(size), ['0 B', '999 B', '1.0 kB', '1.5 kB', '16.0 MB', '250 GB']);
  assert.equal(pause(0, 0.5), 1000);
  assert.ok(pause(100, 1) <= 37_500);
});

const refusing = (status) => () => Promise.reject(new Refusal('no', {}, status));

test('what passes is tried again, what was refused is not', async () => {
  const { signal } = new AbortController();
  const answers = [new TypeError('no network'), new Refusal('busy', {}, 502), new Refusal('slower', {}, 429)];
  const once = async () => {
    const answer = answers.shift();
    if (answer) throw answer;
    return 'there';
  };
  let failed = 0;
  assert.equal(await trying(signal, once, () => failed++, async () => {}), 'there');
  assert.equal(failed, 3);
  await assert.rejects(trying(signal, refusing(403), () => failed++, async () => {}), { status: 403 });
  assert.equal(failed, 3);
});

test('an upload is begun anew only when the server says that the old one is gone', async () => {
  assert.equal(await goneOn(refusing(404)), null);
  assert.equal(await goneOn(async () => ({ state: 'aborted' })), null);
  assert.deepEqual(await goneOn(async () => ({ state: 'open' })), { state: 'open' });
  for (const status of [401, 403, 429, 502]) await assert.rejects(goneOn(refusing(status)), { status });
  await assert.rejects(goneOn(() => Promise.reject(new TypeError('no network'))), TypeError);
});

test('one sender that is refused stops the others', async () => {
  const { signal } = new AbortController();
  const ended = [];
  let senders = 0;
  const sender = async (signal) => {
    const n = senders++;
    if (n === 1) throw new Refusal('full', {}, 409);
    await new Promise((done) => signal.addEventListener('abort', done, { once: true }));
    ended.push(n);
    throw signal.reason;
  };
  await assert.rejects(together(3, signal, sender), { status: 409 });
  assert.deepEqual(ended, [0, 2], 'all have ended before it is told');
  await together(3, signal, async () => {});
});

test('who pauses stops all senders', async () => {
  const running = new AbortController();
  const sender = (signal) => new Promise((_, failed) => signal.addEventListener('abort', () => failed(signal.reason)));
  const sent = together(3, running.signal, sender);
  running.abort();
  await assert.rejects(sent, { name: 'AbortError' });
});
