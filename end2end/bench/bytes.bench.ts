// What a browser downloads for a page, with brotli as behind any TLS proxy, against a bare Next.js page.
import { test } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as http from 'node:http';
import * as path from 'node:path';
import * as zlib from 'node:zlib';
import { Installation, npm, publish, until } from './lib.js';

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
  const folder = npm('vue-element', { vite: '8.3.7', vue: '3.5.44', 'vue-router': '5.5.0', 'element-plus': '2.14.7' });
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

const exact = (name: string, bytes: number) => ({ name, median: bytes / 1000, least: bytes / 1000, most: bytes / 1000, unit: 'kB' });

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
    const wall = await loaded('/admin/metrics');
    const machine = await loaded('/admin/machines/this-machine');
    const script = (paths: string[]) => paths.filter((file) => /\.(js|wasm)$/.test(file));
    if (script(wall).length === 0 || script(machine).length < script(wall).length) throw new Error(`not loaded as thought: ${wall} ${machine}`);
    const whole = await size([...new Set([...login, ...wall, ...machine])]);
    const peer = vueElement();
    const wallScript = await size(script(wall));
    publish(
      'bytes',
      'What the browser downloads on a first visit, brotli. The peer is one button on a bare page of Vue 3, vue-router and the whole of Element Plus, as the Vue admin templates register it; they add icons, charts and their own code.',
      [
        exact('sign-in page, style', await size(login)),
        exact('wall, wasm and script', wallScript),
        exact('machine page, wasm and script', await size(script(machine))),
        exact('whole bundle', whole),
        exact('Vue + Element Plus, script', peer.script),
        exact('Vue + Element Plus, script and style', peer.all),
      ],
      [
        { what: 'sign-in page, wasm', reached: (await size(login.filter((file) => file.endsWith('.wasm')))) / 1000, sense: '<=', goal: 0, unit: 'kB' },
        { what: 'whole bundle', reached: whole / 1000, sense: '<=', goal: 150, unit: 'kB' },
        { what: 'wall, wasm and script / Vue + Element Plus', reached: wallScript / peer.script, sense: '<=', goal: 0.3 },
      ],
    );
    await agent.kill('SIGTERM');
  } finally {
    await installation.stop();
  }
});
