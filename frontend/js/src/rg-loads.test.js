import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parts, read, said } from './rg-loads.js';

const gpu = (utilPercent, memoryUsedBytes, more = {}) => ({ utilPercent, memoryUsedBytes, memoryTotalBytes: 80, lost: false, ...more });
const machine = (gpus, more = {}) => ({ presence: 'online', monitored: true, host: { cpuPercent: 12.4 }, gpus, ...more });

test('a load is of all GPUs and of now, as the server says it', () => {
  const gpus = [gpu(100, 80), gpu(25, 0), gpu(null, 40), gpu(0, 0, { lost: true })];
  assert.equal(said(machine(gpus)), '63 % · 50 %');
  assert.equal(said(machine(gpus, { presence: 'offline' })), '—');
  assert.equal(said(machine(gpus, { monitored: false })), '—');
  assert.equal(said(machine([])), '12 % · —');
  assert.equal(said(machine([gpu(null, null)])), '— · —');
});

test('only what is said of a machine is read', () => {
  const message = { type: 'delta', topic: 'machine/host-001', data: { kind: 'machine', value: machine([gpu(10, 8)]) } };
  assert.deepEqual(read(JSON.stringify(message)), { code: 'host-001', says: '10 % · 10 %' });
  assert.deepEqual(read(JSON.stringify({ type: 'refused', topic: 'machine/a', error: {} })), { code: 'a', says: '—' });
  for (const other of [{ ...message, topic: 'wall' }, { ...message, type: 'bye' }, { type: 'pong', now: 1 }]) {
    assert.equal(read(JSON.stringify(other)), null);
  }
});

test('no socket has more topics than the server takes', () => {
  const codes = Array.from({ length: 36 }, (_, number) => `host-${number}`);
  assert.deepEqual(parts(codes).map((part) => part.length), [16, 16, 4]);
  assert.deepEqual(parts(codes).flat(), codes);
});
