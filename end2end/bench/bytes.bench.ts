// What a browser downloads for a page on a first visit, brotli, against a bare page as Vue admin templates begin; and what
// Lighthouse says of the pages.
import { test } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as http from 'node:http';
import * as path from 'node:path';
import * as zlib from 'node:zlib';
import { Installation, Measured, npm, publish, signIn, spread, until } from './lib.js';

/** Bytes of the body as sent to a client that takes brotli; never decoded. */
function sent(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    http
      .get(url, { headers: { 'accept-encoding': 'br' } }, (answer) => {
        let bytes = 0;
        answer.on('data', (chunk: Buffer) => (bytes += chunk.length));
        answer.on('end', () => (answer.statusCode === 200 ? resolve(bytes) : reject(new Error(`${url}: ${answer.statusCode}`))));
      })
      .on('error', reject);
  });
}

/** A bare page as Vue admin templates begin: Vue, router, the whole of Element Plus with its style. Bytes, brotli. */
function vueElement(): { script: number; all: number } {
  const folder = npm('vue-element', { vite: '8.3.8', vue: '3.5.45', 'vue-router': '5.5.1', 'element-plus': '2.14.8' });
  fs.writeFileSync(path.join(folder, 'index.html'), '<!doctype html><div id="app"></div><script type="module" src="/main.js"></script>');
  fs.writeFileSync(
    path.join(folder, 'main.js'),
    `import { createApp, h, resolveComponent } from 'vue';
import { createRouter, createWebHistory } from 'vue-router';
import ElementPlus from 'element-plus';
import 'element-plus/dist/index.css';
const page = { render: () => h(resolveComponent('el-button'), () => 'Machines') };
const router = createRouter({ history: createWebHistory(), routes: [{ path: '/', component: page }] });
createApp({ render: () => h(resolveComponent('router-view')) }).use(router).use(ElementPlus).mount('#app');
`,
  );
  execFileSync('npx', ['vite', 'build', '--logLevel', 'error'], { cwd: folder, stdio: 'inherit' });
  const assets = path.join(folder, 'dist/assets');
  let [script, all] = [0, 0];
  for (const file of fs.readdirSync(assets).filter((file) => /\.(js|css)$/.test(file))) {
    const bytes = zlib.brotliCompressSync(fs.readFileSync(path.join(assets, file))).length;
    all += bytes;
    if (file.endsWith('.js')) script += bytes;
  }
  return { script, all };
}

/** Lighthouse's scores of a page, the lowest category last: of three runs on its simulated phone, because the first varies. */
function lighthouse(name: string, url: string, cookie = ''): (Measured & { unit: string })[] {
  const folder = npm('lighthouse', { lighthouse: '12.2.3' });
  const categories = ['performance', 'accessibility', 'best-practices'];
  const flags = `--chrome-flags=--headless=new${process.getuid?.() === 0 ? ' --no-sandbox' : ''}`;
  const words = ['lighthouse', url, '--quiet', '--output=json', `--only-categories=${categories}`, `--extra-headers=${JSON.stringify({ cookie })}`, '--no-enable-error-reporting', flags];
  const env = { ...process.env, CHROME_PATH: process.env.CHROMIUM ?? '/usr/bin/chromium' };
  const runs = [1, 2, 3].map(() => JSON.parse(execFileSync('npx', words, { cwd: folder, env, encoding: 'utf8', maxBuffer: 64 << 20 })).categories);
  const scores = categories.map((category) => spread(`${name}, Lighthouse ${category}`, 'of 100', runs.map((run) => 100 * run[category].score)));
  return scores.sort((a, b) => b.median - a.median);
}

const exact = (name: string, bytes: number) => spread(name, 'kB', [bytes / 1000]);

test('bytes', async ({ page }) => {
  const installation = await Installation.start();
  try {
    const agent = installation.startAgent('this-machine');
    /** Every file of the product the browser asks for on a page, by path. */
    const loaded = async (address: string): Promise<string[]> => {
      const paths = new Set<string>();
      const note = (request: { url(): string }) => {
        const url = new URL(request.url());
        if (url.pathname.startsWith('/pkg/')) paths.add(url.pathname);
      };
      page.on('request', note);
      await page.goto(installation.url + address);
      await page.waitForLoadState('networkidle').catch(() => {});
      page.off('request', note);
      return [...paths];
    };
    const size = async (paths: string[]) => {
      let sum = 0;
      for (const file of paths) sum += await sent(installation.url + file);
      return sum;
    };
    const login = await loaded('/login');
    await page.locator('input[name="username"]').fill(installation.admin.name);
    await page.locator('input[type="password"]').fill(installation.admin.password);
    await Promise.all([page.waitForURL((url) => url.pathname !== '/login'), page.locator('form button.primary').click()]);
    await until('the machine is there', 30, async () => Number(installation.sql('select count(*) from machines')[0]) === 1);
    // Each page with an empty cache, as a first visit.
    await page.context().route('**/pkg/**', (route) => route.continue());
    const dashboard = await loaded('/admin');
    const wall = await loaded('/admin/metrics');
    const machine = await loaded('/admin/machines/this-machine');
    const script = (paths: string[]) => paths.filter((file) => /\.(js|wasm)$/.test(file));
    for (const page of [dashboard, wall, machine]) if (!page.some((file) => file.endsWith('.wasm'))) throw new Error(`no islands: ${page}`);
    const whole = await size([...new Set([...login, ...dashboard, ...wall, ...machine])]);
    const peer = vueElement();
    const dashboardScript = await size(script(dashboard));
    const scores = [lighthouse('sign-in page', `${installation.url}/login`), lighthouse('dashboard', `${installation.url}/admin`, await signIn(installation))];
    publish(
      'bytes',
      'What the browser downloads on a first visit, brotli. The peer is one button on a bare page of Vue 3, vue-router and the whole of Element Plus, as the Vue admin templates register it; they add icons, charts and their own code. The whole bundle is all that those four pages load together.',
      [
        exact('sign-in page, style', await size(login)),
        exact('dashboard, wasm and script', dashboardScript),
        exact('wall, wasm and script', await size(script(wall))),
        exact('machine page, wasm and script', await size(script(machine))),
        exact('whole bundle', whole),
        exact('Vue + Element Plus, script', peer.script),
        exact('Vue + Element Plus, script and style', peer.all),
        ...scores.flat(),
      ],
      [
        { what: 'sign-in page, wasm', reached: (await size(login.filter((file) => file.endsWith('.wasm')))) / 1000, sense: '<=', goal: 0, unit: 'kB' },
        { what: 'whole bundle', reached: whole / 1000, sense: '<=', goal: 150, unit: 'kB' },
        { what: 'dashboard, wasm and script / Vue + Element Plus', reached: dashboardScript / peer.script, sense: '<=', goal: 0.3 },
        ...scores.map((of) => ({ what: `${of.at(-1)!.name} (its lowest)`, reached: of.at(-1)!.median, sense: '>=' as const, goal: 95, unit: 'of 100' })),
      ],
    );
    await agent.kill('SIGTERM');
  } finally {
    await installation.stop();
  }
});
