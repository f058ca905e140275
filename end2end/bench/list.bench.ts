// The machine list of somebody who is signed in, against Next.js that asks the same database the same two things.
import { test } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import * as path from 'node:path';
import { Installation, interleaved, LOAD, manyClients, MEASURED, publish, signIn, spread, superuser, TRUSTING, until, wrk } from './lib.js';
import { NEXT, nextJs } from './next.js';

const [MACHINES, GPUS, SECONDS, PACED_SECONDS] = [24, 8, 3, 8];
const programs = process.env.BENCH_PEERS ?? '';

test('list', async () => {
  const installation = await Installation.start(MEASURED, TRUSTING);
  let next: Awaited<ReturnType<typeof nextJs>> | undefined;
  try {
    // Real rows: the machines join and say what they have.
    const token = installation.cli(['admin', 'join-token', '--max-uses', `${MACHINES}`]);
    const words = [...LOAD, path.join(programs, 'bench-nodes'), installation.url, MACHINES, GPUS, 3, '--live', 1].map(String);
    execFileSync(words[0], words.slice(1), { env: { ...process.env, REMOTEGPU_JOIN_TOKEN: token } });
    await until('all GPUs are known', 30, async () => Number(installation.sql('select count(*) from gpus')[0]) === MACHINES * GPUS);
    installation.sql("update machines set region = 'region-' || id % 3");
    installation.sql('vacuum analyze');

    const headers = { Cookie: await signIn(installation), 'Accept-Language': 'en' };
    next = await nextJs(superuser(installation));
    const [product, peer] = [`${installation.url}/admin/machines?pageSize=50`, `${next.url}/machines`];
    const sizes: number[] = [];
    for (const url of [product, peer]) {
      const html = await (await fetch(url, { headers })).text();
      const rows = html.split('<th scope="row"').length - 1;
      if (rows !== MACHINES) throw new Error(`${url} shows ${rows} rows`);
      sizes.push(Buffer.byteLength(html));
    }

    const script = manyClients();
    const load = (url: string) => wrk(url, headers, SECONDS, 32, script);
    // Next.js is slow until its code is compiled; the product's connections to the database are opened, too.
    for (const url of [peer, peer, product]) load(url);
    const measured = await interleaved([
      { name: 'product', run: async () => load(product) },
      { name: NEXT, run: async () => load(peer) },
    ]);
    const [ours, theirs] = measured.map((m) => m.median);

    const medians: Record<string, number[]> = { product: [], peer: [] };
    const paced = (url: string, rate: number, to: number[]) => {
      const words = [...LOAD, path.join(programs, 'bench-pace'), url, `${rate}`, `${PACED_SECONDS}`];
      for (const [name, value] of Object.entries(headers)) words.push(`${name}: ${value}`);
      const result = JSON.parse(execFileSync(words[0], words.slice(1), { encoding: 'utf8' }));
      to.push(result.p50Ms);
      return result.p99Ms as number;
    };
    const late = await interleaved([
      { name: 'product, p99 at 30 % of its throughput', run: async () => paced(product, 0.3 * ours, medians.product) },
      { name: `${NEXT}, p99 at 30 % of its throughput`, run: async () => paced(peer, 0.3 * theirs, medians.peer) },
    ]);
    publish(
      'list',
      `The list of ${MACHINES} machines with ${GPUS} GPUs each, signed in by a cookie. The product's page is the real one, with navigation, filters, choice of columns and a menu for each row, and asks the database in seven transactions under row-level security: session, bell, announcements, picture, list with its GPUs, values of the filters, chosen columns. ${NEXT} runs two of these queries, for the session and for the list, with \`pg\` on the same cluster as its superuser (no transactions, no row-level security), and renders the nine columns only; a production build, compression off. The product with PostgreSQL, or Next.js with PostgreSQL, share one core. Throughput by wrk from 32 connections. p99 under an even load of 30 % of the own throughput, each time counted from when the request was due, ${PACED_SECONDS} s a window.`,
      [
        ...measured.map((m) => ({ ...m, unit: 'requests/s' })),
        ...late.map((m) => ({ ...m, unit: 'ms' })),
        spread('product, p50 at 30 %', 'ms', medians.product),
        spread(`${NEXT}, p50 at 30 %`, 'ms', medians.peer),
        spread('product, size of the page', 'bytes', [sizes[0]]),
        spread(`${NEXT}, size of the page`, 'bytes', [sizes[1]]),
      ],
      [
        { what: 'throughput, product / Next.js', reached: ours / theirs, sense: '>=', goal: 10 },
        { what: 'p99 at 30 %, product / Next.js', reached: late[0].median / late[1].median, sense: '<=', goal: 0.2 },
      ],
    );
  } finally {
    await next?.stop();
    await installation.stop();
  }
});
