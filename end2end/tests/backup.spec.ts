// A backup is taken while people work, everything is lost, and it comes back.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { freePort, until } from '../fixtures/installation.js';
import { expect, test } from '../fixtures/test.js';

test('a backup brings everything back, and not without its key', async ({ installation }) => {
  const token = await installation.token(installation.admin);
  const made = await installation.rest(token, '/api/admin/machines', 'POST', { id: 'kept', name: 'Kept 机器' });
  expect(made.status).toBe(201);
  expect((await installation.rest(token, '/api/admin/machines/kept/connection', 'PUT', { user: 'root', password: 'open sesame' })).status).toBe(200);
  const file = path.join(installation.dir, 'remotegpu.backup');
  installation.cli(['backup', file]);
  expect(fs.statSync(file).mode & 0o777, 'for its owner alone').toBe(0o600);
  expect((await installation.rest(token, '/api/admin/machines/kept')).status, 'the server goes on').toBe(200);
  expect(fs.readFileSync(file).includes('open sesame')).toBe(false);

  const port = await freePort();
  const data = path.join(installation.dir, 'restored');
  fs.mkdirSync(data, { mode: 0o755 });
  const env = { ...process.env, DATABASE_URL: undefined, REMOTEGPU_DATA_DIR: data, REMOTEGPU_LISTEN: `127.0.0.1:${port}` };
  const run = (words: string[]) => execFileSync(process.env.REMOTEGPU_BIN!, words, { env, encoding: 'utf8', stdio: 'pipe' });

  // Without the key, with another one, or with what is no backup, nothing is written: what was missing can be brought.
  const other = path.join(installation.dir, 'other.backup');
  fs.writeFileSync(other, 'no backup');
  const key = path.join(data, 'secrets.key');
  expect(() => run(['restore', file]), 'no key').toThrow(/secrets\.key is missing.*nothing was written/s);
  fs.writeFileSync(key, '11'.repeat(32));
  expect(() => run(['restore', file]), 'another key').toThrow(/was written with the key .*nothing was written/s);
  fs.copyFileSync(path.join(installation.dir, 'data', 'secrets.key'), key);
  expect(() => run(['restore', other])).toThrow(/nothing was written/);
  run(['restore', file]);
  expect(() => run(['restore', file]), 'a second time').toThrow(/not empty/);

  const server = spawn(process.env.REMOTEGPU_BIN!, ['serve'], { env });
  server.stdout.on('data', () => {});
  server.stderr.on('data', () => {});
  try {
    const url = `http://127.0.0.1:${port}`;
    await until('the restored server is ready', 60, async () => (await fetch(`${url}/readyz`)).ok);
    const login = await fetch(`${url}/api/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: installation.admin.name, password: installation.admin.password }),
    });
    const { accessToken } = (await login.json()).data;
    const machine = await fetch(`${url}/api/admin/machines/kept`, { headers: { authorization: `Bearer ${accessToken}` } });
    expect((await machine.json()).data.name).toBe('Kept 机器');
  } finally {
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    await ended;
  }
});
