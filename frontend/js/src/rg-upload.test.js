// Run by `node --test`.
import assert from 'node:assert/strict';
import test from 'node:test';

import { camel, keyOf, missing, pause, said, size } from './rg-upload.js';

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
  assert.deepEqual([0, 1023, 1536, 16 << 20, 250 * 1024 ** 3].map(size), ['0 B', '1023 B', '1.5 KiB', '16.0 MiB', '250 GiB']);
  assert.equal(pause(0, 0.5), 1000);
  assert.ok(pause(100, 1) <= 37_500);
});
