// A page without data, made anew for every request: the product's sign-in page against its own bytes as they lie, the same text
// by axum and maud, and the same text by Next.js.
import { test } from '@playwright/test';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { figure, freePort, Installation, interleaved, manyClients, MEASURED, publish, spread, start, TRUSTING, until, wrk } from './lib.js';
import { NEXT, nextJs } from './next.js';

const SECONDS = 3;
const programs = process.env.BENCH_PEERS ?? '';
const english = { 'Accept-Language': 'en' };

/** What a page says, without comments, marks and spaces. */
const said = (html: string) => [/<script.*?<\/script>/gs, /<title>.*?<\/title>/gs, /<!--.*?-->/gs, /<[^>]*>/g, /\s/g].reduce((text, mark) => text.replace(mark, ''), html);

test('page', async () => {
  const installation = await Installation.start(MEASURED, TRUSTING);
  const servers: { stop: () => Promise<void> }[] = [];
  try {
    const get = async (url: string) => (await fetch(url, { headers: english })).text();
    const product = `${installation.url}/login`;
    const html = await get(product);
    const file = path.join(installation.dir, 'login.html');
    fs.writeFileSync(file, html);

    const port = await freePort();
    servers.push(start([...MEASURED, path.join(programs, 'bench-page'), `${port}`, file]));
    const [bytes, maud] = [`http://127.0.0.1:${port}/static`, `http://127.0.0.1:${port}/login`];
    await until('the plain peers answer', 10, async () => (await fetch(bytes)).ok);
    const next = await nextJs();
    servers.push(next);
    const pages = { 'product': html, 'static': await get(bytes), 'axum + maud': await get(maud), [NEXT]: await get(`${next.url}/login`) };
    for (const [name, page] of Object.entries(pages)) {
      if (said(page) !== said(html)) throw new Error(`${name} says ${said(page)}, not ${said(html)}`);
    }

    const script = manyClients();
    const load = (url: string, seconds = SECONDS) => wrk(url, english, seconds, 32, script);
    // Next.js is slow until its code is compiled.
    load(`${next.url}/login`, 2 * SECONDS);
    const measured = await interleaved([
      { name: 'product, sign-in page', run: async () => load(product) },
      { name: 'static, the same bytes', run: async () => load(bytes) },
      { name: 'axum + maud, the same text', run: async () => load(maud) },
      { name: `${NEXT}, the same text`, run: async () => load(`${next.url}/login`) },
    ]);
    const [ours, lying, maudMade, nextMade] = measured.map((m) => m.median);
    publish(
      'page',
      `The sign-in page: a form with two fields, a link and two switches, ${figure(html.length)} characters. It is the one page of the product that needs no session; it has no island and no rows of data, so this is what a page costs by itself: request id, client, rate, session layer, language, rendering, policy with a fresh nonce, compression and log of the real program in its default configuration, with one trusted proxy said so that its limit of 200 requests per second and client is not what is measured. It asks the database nothing. The static peer answers the very bytes, the maud peer renders the same text and markup; both are bare axum. Next.js renders the same text for every request (\`force-dynamic\`) in a production build, compression off. All are asked by wrk from 32 connections without \`Accept-Encoding\`.`,
      [
        ...measured.map((m) => ({ ...m, unit: 'requests/s' })),
        ...Object.entries(pages).map(([name, page]) => spread(`${name}, size of the page`, 'bytes', [Buffer.byteLength(page)])),
      ],
      [
        { what: 'product / static', reached: ours / lying, sense: '>=', goal: 0.2 },
        { what: 'product / axum + maud', reached: ours / maudMade, sense: '>=', goal: 0.25 },
        { what: 'product / Next.js', reached: ours / nextMade, sense: '>=', goal: 30 },
      ],
    );
  } finally {
    for (const server of servers) await server.stop();
    await installation.stop();
  }
});
