// The Dockerfile's steps for real: the image is built, becomes healthy, survives a kill with its volume, stops cleanly.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Engine } from '../fixtures/engine.js';
import { freePort, until } from '../fixtures/installation.js';
import { expect, test } from '../fixtures/test.js';

const root = path.resolve(import.meta.dirname, '../..');

test('the image serves, keeps its data and stops when told', async ({ page }) => {
  test.setTimeout(600_000); // the first time a machine makes its base image from packages
  test.skip(process.getuid!() !== 0, 'a Docker Engine of one\'s own needs root');
  const engine = await Engine.start();
  try {
    engine.debian();
    const context = path.join(engine.dir, 'context');
    const dist = 'target/dist/remotegpu-test';
    fs.mkdirSync(path.join(context, dist), { recursive: true });
    execFileSync('strip', ['-o', path.join(context, dist, 'remotegpu'), process.env.REMOTEGPU_BIN!]);
    fs.copyFileSync(path.join(root, '.dockerignore'), path.join(context, '.dockerignore'));
    engine.docker(['build', '--network', 'host', '-q', '-t', 'remotegpu', '-f', path.join(root, 'Dockerfile'), '--build-arg', `DIST=${dist}`, context]);

    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    engine.docker(['run', '-d', '--name', 'gpu', '--health-interval', '1s', '--network', 'host', '-v', 'remotegpu:/var/lib/remotegpu', '-e', `REMOTEGPU_LISTEN=127.0.0.1:${port}`, 'remotegpu']);
    const healthy = () =>
      until('the container is healthy', 120, async () => {
        const state = JSON.parse(engine.docker(['inspect', '--format', '{{json .State}}', 'gpu']));
        if (!state.Running) throw new Error(engine.docker(['logs', 'gpu']));
        return state.Health.Status === 'healthy';
      });
    await healthy();
    expect(engine.docker(['exec', 'gpu', 'id', '-un'])).toBe('remotegpu');
    const password = engine.docker(['exec', 'gpu', 'remotegpu', 'admin', 'reset-password', 'admin']).split('\n').at(-1)!.trim();
    await page.goto(`${url}/login`);
    await page.locator('input[autocomplete="username"]').fill('admin');
    await page.locator('input[type="password"]').fill(password);
    await Promise.all([page.waitForURL(`${url}/admin`), page.locator('form button.primary').click()]);
    await page.goto('about:blank'); // an open page would say that its server died
    const login = async () => {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: 'admin', password }) };
      const answer = await (await fetch(`${url}/api/auth/login`, init)).json();
      return { authorization: `Bearer ${answer.data.accessToken}`, 'content-type': 'application/json' };
    };
    const made = await fetch(`${url}/api/admin/machines`, { method: 'POST', headers: await login(), body: JSON.stringify({ id: 'kept', name: 'Kept' }) });
    expect(made.status).toBe(201);

    engine.docker(['kill', 'gpu']);
    engine.docker(['start', 'gpu']);
    await healthy();
    expect((await fetch(`${url}/api/admin/machines/kept`, { headers: await login() })).status, 'the volume keeps').toBe(200);

    const began = Date.now();
    engine.docker(['stop', '-t', '30', 'gpu']);
    expect(Date.now() - began).toBeLessThan(30_000);
    expect(engine.docker(['inspect', '--format', '{{.State.ExitCode}}', 'gpu'])).toBe('0');
  } finally {
    await engine.end();
  }
});
