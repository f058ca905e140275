// The documented nginx before applications, with nothing behind it: what it says by itself stands at no address with a ticket,
// because scripts of the application are at the same origin.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from '@playwright/test';
import { freePort, until } from '../fixtures/installation.js';

const root = path.resolve(import.meta.dirname, '../..');
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };

test('nginx lets no page of its own stand where a ticket is', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'apps-proxy-'));
  const [port, behind] = await Promise.all([freePort(), freePort()]);
  const replaced = (text: string, from: string, to: string) => {
    expect(text, 'the documented configuration').toContain(from);
    return text.replaceAll(from, to);
  };
  let text = fs.readFileSync(path.join(root, 'deploy/nginx-apps.conf'), 'utf8');
  text = replaced(text, 'listen 443 ssl http2;', `listen 127.0.0.1:${port};`);
  text = replaced(text, '127.0.0.1:3001', `127.0.0.1:${behind}`);
  text = text.replaceAll(/^ *ssl_.*$/gm, '');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${dir}/${kind};`).join(' ');
  const map = 'map $http_upgrade $remotegpu_connection { default upgrade; "" ""; }';
  fs.writeFileSync(path.join(dir, 'site.conf'), text);
  fs.writeFileSync(path.join(dir, 'nginx.conf'), `daemon off; pid ${dir}/pid; error_log ${dir}/error.log; worker_processes 1; events {} http { access_log off; ${temporary} ${map} include ${dir}/site.conf; }`);
  const nginx = spawn('nginx', ['-c', path.join(dir, 'nginx.conf')], { env, stdio: 'ignore' });
  const ask = async (address: string, cookie = 'a=b') => {
    const request = http.get({ port, host: '127.0.0.1', path: address, headers: { host: 'x.apps.example.org', cookie } });
    const [answer] = (await once(request, 'response')) as [http.IncomingMessage];
    answer.resume();
    return { status: answer.statusCode, location: answer.headers.location };
  };
  try {
    await until('nginx answers', 20, async () => (await ask('/').catch(() => null)) !== null);
    const way = '/~remotegpu/enter?ticket=secret';
    const on = { status: 303, location: '/~remotegpu/ticket' };
    expect(await ask(way), 'no server is there').toEqual(on);
    expect(await ask(way, `a=${'x'.repeat(40_000)}`), 'a head that is too large, by cookies that a script set').toEqual(on);
    expect((await ask('/')).status).toBe(502);
    expect((await ask('/', `a=${'x'.repeat(40_000)}`)).status).toBe(400);
  } finally {
    const ended = once(nginx, 'exit');
    nginx.kill('SIGTERM');
    await ended;
    fs.rmSync(dir, { recursive: true });
  }
});
