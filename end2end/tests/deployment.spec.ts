// As it is deployed: two servers on one PostgreSQL behind the documented nginx with TLS; one of them is replaced by a
// newer version while people work. OLDER_REMOTEGPU names the program of the version before; without it the older
// servers are of this version too.
import { ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { freePort, Installation, until } from '../fixtures/installation.js';
import { expect, hydrated, test } from '../fixtures/test.js';
import { workbook } from '../fixtures/workbook.js';

const root = path.resolve(import.meta.dirname, '../..');

test.use({ ignoreHTTPSErrors: true });

/** The documented configuration with this test's names, ports and certificate. */
function nginx(dir: string, ports: { http: number; https: number; servers: number[] }): ChildProcess {
  const [crt, key] = [path.join(dir, 'tls.crt'), path.join(dir, 'tls.key')];
  const openssl = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', crt];
  execFileSync('openssl', openssl, { stdio: 'pipe' });
  const replaced = (text: string, from: string, to: string) => {
    expect(text, 'the documented configuration').toContain(from);
    return text.replaceAll(from, to);
  };
  let text = fs.readFileSync(path.join(root, 'deploy/nginx.conf'), 'utf8');
  text = replaced(text, 'listen 80;', `listen 127.0.0.1:${ports.http};`);
  text = replaced(text, 'listen 443 ssl', `listen 127.0.0.1:${ports.https} ssl`);
  text = replaced(text, 'https://$host$request_uri', `https://$host:${ports.https}$request_uri`);
  text = replaced(text, 'proxy_set_header Host              $host;', 'proxy_set_header Host $http_host;');
  text = replaced(text, 'proxy_set_header Host            $host;', 'proxy_set_header Host $http_host;');
  text = replaced(text, '/etc/nginx/tls/gpu.example.org.crt', crt);
  text = replaced(text, '/etc/nginx/tls/gpu.example.org.key', key);
  text = replaced(text, 'gpu.example.org', 'localhost');
  text = replaced(text, 'server 127.0.0.1:3000 max_fails=1 fail_timeout=5s;', ports.servers.map((port) => `server 127.0.0.1:${port} max_fails=1 fail_timeout=5s;`).join('\n'));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${dir}/${kind};`).join(' ');
  const whole = `daemon off; pid ${dir}/nginx.pid; error_log ${dir}/error.log; worker_processes 1; events { worker_connections 512; } http { access_log off; ${temporary} include ${dir}/site.conf; }`;
  fs.writeFileSync(path.join(dir, 'site.conf'), text);
  fs.writeFileSync(path.join(dir, 'nginx.conf'), whole);
  execFileSync('nginx', ['-t', '-q', '-c', path.join(dir, 'nginx.conf')], { stdio: 'pipe', env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } });
  return spawn('nginx', ['-c', path.join(dir, 'nginx.conf')], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } });
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const ended = once(child, 'exit');
  child.kill(signal);
  return (await ended)[0];
}

test('behind nginx with TLS, and one server after the other is replaced under load', async ({ page, installation }) => {
  test.setTimeout(180_000);
  const dir = fs.mkdtempSync(path.join(installation.dir, 'deployment-'));
  const [http, https, first, second, third] = await Promise.all([1, 2, 3, 4, 5].map(() => freePort()));
  const base = `https://localhost:${https}`;
  // A PostgreSQL that is not the server's own: a database of its own in the cluster that is here anyway.
  const cluster = path.join(installation.dir, 'data/postgres');
  const { superuser } = JSON.parse(fs.readFileSync(path.join(cluster, 'passwords.json'), 'utf8'));
  installation.sql('create database deployed');
  const env = (port: number): NodeJS.ProcessEnv => ({
    ...process.env,
    DATABASE_URL: `postgres://postgres:${superuser}@localhost/deployed?host=${encodeURIComponent(path.join(cluster, 'socket'))}`,
    REMOTEGPU_SECRETS_KEY_FILE: path.join(dir, 'secrets.key'),
    REMOTEGPU_DATA_DIR: path.join(dir, `data-${port}`),
    REMOTEGPU_LISTEN: `127.0.0.1:${port}`,
    REMOTEGPU_PUBLIC_URL: base,
    REMOTEGPU_TRUSTED_PROXIES: '1',
    REMOTEGPU_DATABASE_CONNECTIONS: '8',
  });
  const newer = process.env.REMOTEGPU_BIN!;
  const before = process.env.OLDER_REMOTEGPU || newer;
  const run = (program: string, port: number, words: string[]) => execFileSync(program, words, { env: env(port), encoding: 'utf8', stdio: 'pipe' }).trim();

  // An old schema is refused with what to do about it; afterwards it serves.
  expect(() => run(before, first, ['serve']), 'no schema yet').toThrow(/remotegpu migrate/);
  run(before, first, ['migrate']);
  const servers: ChildProcess[] = [];
  const serve = async (program: string, port: number) => {
    const child = spawn(program, ['serve'], { env: env(port) });
    child.stdout.on('data', () => {});
    child.stderr.on('data', (chunk) => process.env.E2E_VERBOSE && process.stderr.write(chunk));
    servers.push(child);
    await until('a server is ready', 60, async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok);
    return child;
  };
  const older = await serve(before, first);
  await serve(before, second);
  const proxy = nginx(dir, { http, https, servers: [first, second, third] });
  try {
    const password = run(before, first, ['admin', 'reset-password', 'admin']).split('\n').at(-1)!;
    await until('nginx answers', 20, async () => (await fetch(`http://localhost:${http}/healthz`, { redirect: 'manual' })).status === 301);

    // A browser through TLS: the cookie belongs to this host alone, the page is live over the socket.
    await page.goto(`${base}/login`);
    await page.locator('input[name="username"]').fill('admin');
    await page.locator('input[type="password"]').fill(password);
    await page.locator('form button.primary').click();
    await expect(page).toHaveURL(`${base}/admin`);
    const cookie = (await page.context().cookies()).find((cookie) => cookie.name.startsWith('__Host-'));
    expect(cookie).toMatchObject({ secure: true, httpOnly: true, path: '/' });
    await hydrated(page);
    await expect(page.locator('.live')).toHaveClass(/on/, { timeout: 15_000 });

    // The caller's address, not the proxy's claim of a client's: what the client says about itself is replaced.
    const api = async (address: string, init: { method?: string; data?: unknown; headers?: Record<string, string> } = {}) =>
      page.context().request.fetch(`${base}${address}`, { ...init, headers: { origin: base, ...init.headers } });
    expect((await api('/api/admin/machines', { method: 'POST', data: { name: 'proxied', id: 'proxied' }, headers: { 'x-forwarded-for': '203.0.113.9' } })).status()).toBe(201);
    const audits = await (await api('/api/admin/audits?action=machines:create')).json();
    expect(audits.data.list[0].address).toBe('127.0.0.1');

    // Where servers ask each other, the proxy answers by itself.
    const peers = await api('/peer/tunnel');
    expect([peers.status(), peers.headers()['x-request-id']]).toEqual([404, undefined]);

    // A large workbook passes, one beyond the limit does not.
    const rows: (string | number)[][] = [['Name', 'Code']];
    for (let i = 0; i < 20_000; i++) rows.push([`w${i}`, `w-${i}`]);
    const book = workbook(rows);
    expect((await page.context().request.post(`${base}/api/admin/machines/import/preview`, { data: book, headers: { origin: base } })).status()).toBe(201);
    const tooLarge = await page.context().request.post(`${base}/api/admin/machines/import/preview`, { data: Buffer.alloc(34 << 20), headers: { origin: base } });
    expect(tooLarge.status()).toBe(413);

    // Load: reads and changes, all the while.
    const answers = new Map<number, number>();
    let written = 0;
    let over = false;
    const load = [0, 1, 2, 3].map(async (worker) => {
      for (let i = 0; !over; i++) {
        const change = i % 5 === 0;
        const answer = change
          ? await api('/api/admin/machines', { method: 'POST', data: { name: `load ${worker} ${i}`, id: `load-${worker}-${i}` } })
          : await api('/api/admin/machines?pageSize=20');
        answers.set(answer.status(), (answers.get(answer.status()) ?? 0) + 1);
        if (change && answer.status() === 201) written += 1;
      }
    });
    await new Promise((done) => setTimeout(done, 2000));
    // A newer version widens the schema, and its first server joins; the older ones work on over it.
    if (before === newer) {
      const widen = "alter table machines add column of_a_newer_version text; insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (29990101000000, 'newer', true, '', 0)";
      execFileSync('psql', ['-h', path.join(cluster, 'socket'), '-U', 'postgres', '-d', 'deployed', '-XAtqc', widen], { env: { ...process.env, PGPASSWORD: superuser }, stdio: 'pipe' });
    } else {
      run(newer, third, ['migrate']); // nothing, where that version has the same schema
    }
    await serve(newer, third);
    await new Promise((done) => setTimeout(done, 1000));
    const begun = Date.now();
    expect(await end(older, 'SIGTERM'), 'exit status').toBe(0);
    expect(Date.now() - begun, 'milliseconds to drain').toBeLessThan(30_000);
    await new Promise((done) => setTimeout(done, 2000));
    over = true;
    await Promise.all(load);
    expect([...answers.keys()].sort(), `answers: ${JSON.stringify([...answers])}`).toEqual([200, 201]);
    const kept = await (await api('/api/admin/machines?q=load-&pageSize=20')).json();
    expect(kept.data.total, 'every change that was answered is there').toBe(written);
    console.log(`answers while a server was replaced: ${JSON.stringify([...answers])}, drained in ${Date.now() - begun - 2000} ms`);
    // The page went on by itself.
    await expect(page.locator('.live')).toHaveClass(/on/, { timeout: 30_000 });
    await page.goto('about:blank'); // an open page would say that its proxy died
  } finally {
    await end(proxy, 'SIGTERM');
    for (const server of servers) await end(server, 'SIGTERM');
  }
});
