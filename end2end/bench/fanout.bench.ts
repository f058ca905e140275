// What it costs a server to tell many watchers of the wall what changed, against Node's `ws` sending frames of the same size
// at the same rate.
import { test } from '@playwright/test';
import { execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as readline from 'node:readline';
import { figure, freePort, Installation, interleaved, LOAD, MEASURED, npm, publish, spread as median, start, until, usage } from './lib.js';

const [NODES, GPUS, WATCHERS, SECONDS] = [100, 8, 500, 20];
/** Memory of a connection: the difference of so many idle ones. */
const [FEW, MANY] = [100, 1000];
const programs = process.env.BENCH_PEERS ?? '';

/** Sends every client the same frame: encoded once, as a buffer, which is the cheapest this package has. */
const wsServer = `
import { WebSocketServer } from 'ws';
const [port, bytes, hz] = process.argv.slice(2).map(Number);
const server = new WebSocketServer({ port, host: '127.0.0.1', perMessageDeflate: false });
let seq = 0;
const frame = () => {
  const head = { type: 'delta', topic: 'wall', epoch: 'e', seq: ++seq, data: '' };
  const length = JSON.stringify(head).length;
  return Buffer.from(JSON.stringify({ ...head, data: 'x'.repeat(Math.max(0, bytes - length)) }));
};
const all = () => {
  const data = frame();
  return Promise.all([...server.clients].map((client) => new Promise((sent) => client.send(data, { binary: false }, sent))));
};
if (hz > 0) setInterval(all, 1000 / hz);
else
  for (;;) {
    await all();
    await new Promise(setImmediate);
  }
`;

const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** CPU seconds of the cluster's processes that live. */
function database(postmaster: number): number {
  const children = execFileSync('ps', ['-o', 'pid=', '--ppid', `${postmaster}`], { encoding: 'utf8' });
  let sum = usage(postmaster).cpuSeconds;
  for (const pid of children.split('\n').filter(Boolean)) {
    try {
      sum += usage(Number(pid)).cpuSeconds;
    } catch {
      // Ended meanwhile.
    }
  }
  return sum;
}

interface Watched {
  messages: number;
  deltas: number;
  fewest: number;
  bytes: number;
  seconds: number;
  p99LatencyMs: number;
  cpuSeconds: number;
  databaseSeconds: number;
  residentBytes: number;
}

/** Watchers of `url`, and what the process `pid` used while they counted. */
async function watched(url: string, seconds: number, pid: number, options: { token?: string; postmaster?: number; watchers?: number }): Promise<Watched> {
  const words = [...LOAD, path.join(programs, 'bench-watchers'), url, `${options.watchers ?? WATCHERS}`, `${seconds}`];
  if (!options.token) words.push('--plain');
  const child = spawn(words[0], words.slice(1), { env: { ...process.env, REMOTEGPU_TOKEN: options.token }, stdio: ['ignore', 'pipe', 'inherit'] });
  const used = () => ({ ...usage(pid), databaseSeconds: options.postmaster ? database(options.postmaster) : 0 });
  let before = used();
  let resident = 0;
  let result: Watched | undefined;
  for await (const line of readline.createInterface({ input: child.stdout })) {
    const message = JSON.parse(line);
    if (message.connected) {
      before = used();
      setTimeout(() => (resident = usage(pid).residentBytes), (seconds - 1) * 1000);
    } else {
      const after = used();
      result = {
        ...message,
        cpuSeconds: after.cpuSeconds - before.cpuSeconds,
        databaseSeconds: after.databaseSeconds - before.databaseSeconds,
        residentBytes: resident,
      };
    }
  }
  if (!result) throw new Error('the watchers did not come to an end');
  return result;
}

test('fanout', async () => {
  const folder = npm('ws', { ws: '8.23.0' });
  fs.writeFileSync(path.join(folder, 'server.mjs'), wsServer);
  const installation = await Installation.start(MEASURED);
  let feed: { stop: () => Promise<void> } | undefined;
  try {
    const [pid, postmaster] = [installation.serverPid(), installation.postmasterPid()];
    const product = async (seconds: number, watchers = WATCHERS) =>
      watched(installation.url, seconds, pid, { token: await installation.token(installation.admin), postmaster, watchers });
    const ws = async (bytes: number, hz: number, seconds: number, each: number[] = [WATCHERS]) => {
      const port = await freePort();
      const server = start([...MEASURED, process.execPath, path.join(folder, 'server.mjs'), `${port}`, `${bytes}`, `${hz}`]);
      try {
        await until('ws answers', 20, async () => (await fetch(`http://127.0.0.1:${port}`)).status === 426);
        const results: Watched[] = [];
        for (const watchers of each) results.push(await watched(`http://127.0.0.1:${port}`, seconds, server.process.pid!, { watchers }));
        return results;
      } finally {
        await server.stop();
      }
    };

    // Idle: nothing is measured, so nothing is sent but signs of life.
    const idle = [await product(15, FEW), await product(15, MANY)];
    const idleWs = await ws(0, 0.001, 15, [FEW, MANY]);
    const perConnection = ([few, many]: Watched[]) => (many.residentBytes - few.residentBytes) / (MANY - FEW) / 1000;

    const token = installation.cli(['admin', 'join-token', '--max-uses', `${NODES}`]);
    const words = [...LOAD, path.join(programs, 'bench-nodes'), installation.url, NODES, GPUS, 3600, '--live', 1].map(String);
    feed = start(words, { env: { REMOTEGPU_JOIN_TOKEN: token } });
    await until('all machines report', 60, async () => Number(installation.sql('select count(distinct machine_id) from machine_samples')[0]) === NODES);
    await pause(5);

    const first = await product(SECONDS);
    const size = Math.round(first.bytes / first.messages);
    const hz = first.deltas / first.seconds;

    const all: { product: Watched[]; ws: Watched[]; database: number[]; whole: number[] } = { product: [], ws: [], database: [], whole: [] };
    const fanOut = async () => {
      await pause(3);
      const [alone, aloneDatabase] = [usage(pid).cpuSeconds, database(postmaster)];
      await pause(SECONDS);
      const [fed, fedDatabase] = [usage(pid).cpuSeconds - alone, database(postmaster) - aloneDatabase];
      const result = await product(SECONDS);
      all.product.push(result);
      all.whole.push((1e6 * result.cpuSeconds) / result.messages);
      all.database.push((1e6 * (result.databaseSeconds - fedDatabase)) / result.messages);
      return (1e6 * (result.cpuSeconds - fed)) / result.messages;
    };
    const peer = async () => {
      const [result] = await ws(size, hz, SECONDS);
      all.ws.push(result);
      return (1e6 * result.cpuSeconds) / result.messages;
    };
    const fast: Watched[] = [];
    const fastest = async () => {
      const [result] = await ws(size, 0, 5);
      fast.push(result);
      return (1e6 * result.cpuSeconds) / result.messages;
    };
    const unit = 'CPU s per million';
    const measured = await interleaved([
      { name: 'product, for watchers', run: fanOut },
      { name: 'ws, same size and rate', run: peer },
      { name: 'ws, as fast as it can', run: fastest },
    ]);
    const rate = (results: Watched[]) => results.map((r) => r.messages / r.seconds);
    const late = (results: Watched[]) => results.map((r) => r.p99LatencyMs);
    const memory = (name: string, value: number) => median(name, 'kB per connection', [value]);
    const rows = [
      ...measured.map((m) => ({ ...m, unit })),
      median('product, whole server with its agents', unit, all.whole),
      median('product, its PostgreSQL because of watchers', unit, all.database),
      median('product, delivered', 'messages/s', rate(all.product)),
      median('ws, same size and rate, delivered', 'messages/s', rate(all.ws)),
      median('ws, as fast as it can, delivered', 'messages/s', rate(fast)),
      median('product, p99 latency', 'ms', late(all.product)),
      median('ws, same size and rate, p99 latency', 'ms', late(all.ws)),
      memory('product, idle connection', perConnection(idle)),
      memory('ws, idle connection', perConnection(idleWs)),
    ];
    publish(
      'fanout',
      `${WATCHERS} watchers of the wall of ${NODES} machines with ${GPUS} GPUs each, all of which report every second; the product sends one delta a second to everybody (${figure(size)} bytes, ${hz.toFixed(2)} per second), and ws broadcasts frames of that size at that rate, encoded once, and then as fast as it can. The measure is CPU time of the server process per million messages delivered; of the product, what it used in a window of ${SECONDS} s with watchers less what it used in one without, since the agents cost as much in both. Its PostgreSQL is a row of its own. Latency is from the first watcher that has a message to each that gets it. Memory is the growth of the resident set from ${FEW} to ${MANY} idle connections.`,
      rows,
      [
        { what: 'CPU per message, ws / product', reached: measured[1].median / measured[0].median, sense: '>=', goal: 3 },
        { what: 'product, p99 latency', reached: median('', '', late(all.product)).median, sense: '<=', goal: 250, unit: 'ms' },
        { what: 'product, memory of an idle connection', reached: perConnection(idle), sense: '<=', goal: 20, unit: 'kB' },
      ],
    );
    for (const result of all.product) if (result.fewest < 0.9 * SECONDS) console.log(`a watcher got only ${result.fewest} messages in ${SECONDS} s`);
  } finally {
    await feed?.stop();
    await installation.stop();
  }
});
