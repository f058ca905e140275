// The files that are shipped beside the program: systemd takes the unit, the server starts from the configuration.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { freePort, Installation, until } from '../fixtures/installation.js';
import { expect, test } from '../fixtures/test.js';

const deploy = path.resolve(import.meta.dirname, '../../deploy');

function replaced(text: string, from: string, to: string): string {
  expect(text, 'the shipped file').toContain(from);
  return text.replaceAll(from, to);
}

test('systemd has nothing to say about the unit', async () => {
  test.skip(process.getuid?.() !== 0 && !fs.existsSync('/usr/bin/systemd-analyze'), 'systemd-analyze is not here, and only root installs it');
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'remotegpu-unit-'));
  try {
    // The program is not in /usr/local/bin here, and systemd looks for it.
    const verify = (unit: string) => {
      const file = path.join(dir, 'remotegpu.service');
      fs.writeFileSync(file, unit);
      const done = spawnSync('systemd-analyze', ['verify', '--man=no', '--recursive-errors=no', file], { encoding: 'utf8', env: { ...process.env, SYSTEMD_LOG_LEVEL: 'warning' } });
      return `${done.status} ${done.stdout}${done.stderr}`.trim();
    };
    const unit = replaced(fs.readFileSync(path.join(deploy, 'remotegpu.service'), 'utf8'), '/usr/local/bin/remotegpu', process.env.REMOTEGPU_BIN!);
    expect(verify(unit)).toBe('0');
    // It would say so: of a word it does not know, and of a program that is not there.
    expect(verify(replaced(unit, 'ProtectHome=yes', 'ProtectHouse=yes'))).toContain('ProtectHouse');
    expect(verify(replaced(unit, process.env.REMOTEGPU_BIN!, '/nowhere/remotegpu'))).toContain('/nowhere/remotegpu');
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
});

test('the server starts from the shipped configuration', async () => {
  const dir = fs.mkdtempSync(path.join(Installation.parent, 'remotegpu-config-'));
  fs.chmodSync(dir, 0o755); // PostgreSQL runs as another user when this is root
  const port = await freePort();
  let text = fs.readFileSync(path.join(deploy, 'remotegpu.toml'), 'utf8');
  text = replaced(text, 'https://gpu.example.org', `http://localhost:${port}`);
  text = replaced(text, '127.0.0.1:3000', `127.0.0.1:${port}`);
  text = replaced(text, '/var/lib/remotegpu', path.join(dir, 'data'));
  const file = path.join(dir, 'remotegpu.toml');
  const env: NodeJS.ProcessEnv = { PATH: process.env.PATH, HOME: process.env.HOME };
  const serve = () => spawn(process.env.REMOTEGPU_BIN!, ['--config', file, 'serve'], { env });

  // A name that is spelled wrong is no default.
  fs.writeFileSync(file, replaced(text, 'log_json', 'log_jason'));
  const wrong = serve();
  expect((await once(wrong, 'exit'))[0]).not.toBe(0);

  fs.writeFileSync(file, text);
  const server = serve();
  let [out, log] = ['', ''];
  server.stdout.on('data', (chunk) => (out += chunk));
  server.stderr.on('data', (chunk) => (log += chunk));
  try {
    await until('the server is ready', 60, async () => {
      if (server.exitCode !== null) throw new Error(`it ended: ${log}`);
      return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
    });
    expect(out).toContain(`http://localhost:${port}`);
    const password = /password\s+(\S+)/.exec(out)![1];
    // As the proxy in front of it, which is trusted.
    const login = await fetch(`http://127.0.0.1:${port}/api/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': '192.0.2.7' },
      body: JSON.stringify({ username: 'admin', password }),
    });
    const { accessToken } = (await login.json()).data;
    const audits = await fetch(`http://127.0.0.1:${port}/api/admin/audits?action=accounts:sign-in`, { headers: { authorization: `Bearer ${accessToken}` } });
    expect((await audits.json()).data.list[0].address).toBe('192.0.2.7');
    expect(log.trim().split('\n').map((line) => JSON.parse(line)).length, 'lines of JSON').toBeGreaterThan(0);
    expect(fs.existsSync(path.join(dir, 'data/secrets.key'))).toBe(true);
  } finally {
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    await ended;
    fs.rmSync(dir, { recursive: true, force: true });
  }
});
