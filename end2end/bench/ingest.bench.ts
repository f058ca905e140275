// Rows of figures a server takes from agents and has committed, against bare COPY of the same rows into tables of the same
// shape in the same cluster.
import { test } from '@playwright/test';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { figure, Installation, interleaved, LOAD, MEASURED, publish, superuser } from './lib.js';

// Not the blocking kind: somebody has to read the server's log meanwhile, or the server waits for it.
const execute = promisify(execFile);
const [NODES, GPUS, SECONDS] = [100, 8, 8];
const programs = process.env.BENCH_PEERS ?? '';

/** Runs psql as the cluster's superuser on the cores of the load: its server has the measured one. */
async function psql(installation: Installation, ...args: string[]): Promise<void> {
  const words = [...LOAD, 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', ...args];
  await execute(words[0], words.slice(1), { env: { ...process.env, ...superuser(installation) } });
}

/** One script of transactions: hosts and GPUs of as many rows as the product put into one. */
function script(hostsFile: string, gpusFile: string, rows: number, perTransaction: number, out: string): void {
  const lines = (file: string) => fs.readFileSync(file, 'utf8').split('\n').filter(Boolean);
  const [hosts, gpus] = [lines(hostsFile), lines(gpusFile)];
  if (hosts.length + gpus.length !== rows) throw new Error(`${hosts.length + gpus.length} rows were written out, not ${rows}`);
  const perHost = Math.max(1, Math.round(perTransaction / (1 + GPUS)));
  const file = fs.openSync(out, 'w');
  for (let at = 0; at < hosts.length; at += perHost) {
    const part = (table: string, some: string[]) => `copy ${table} from stdin;\n${some.join('\n')}\n\\.\n`;
    const some = [hosts.slice(at, at + perHost), gpus.slice(at * GPUS, (at + perHost) * GPUS)];
    fs.writeSync(file, `begin;\n${part('copy_hosts', some[0])}${part('copy_gpus', some[1])}commit;\n`);
  }
  fs.closeSync(file);
}

test('ingest', async () => {
  const installation = await Installation.start(MEASURED);
  try {
    const token = installation.cli(['admin', 'join-token', '--max-uses', `${NODES}`]);
    const stored = () => Number(installation.sql('select (select count(*) from machine_samples) + (select count(*) from gpu_samples)')[0]);
    const counter = async (name: string) => {
      const text = await (await fetch(`${installation.url}/metrics`)).text();
      return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1] ?? 0);
    };
    // Every run begins with empty tables and a fresh checkpoint.
    const clear = (tables: string) => {
      installation.sql(`truncate ${tables}`);
      installation.sql('checkpoint');
    };
    const product = async (samples: number) => {
      clear('machine_samples, gpu_samples');
      const words = [...LOAD, path.join(programs, 'bench-nodes'), installation.url, NODES, GPUS, SECONDS, '--samples', samples].map(String);
      const { stdout } = await execute(words[0], words.slice(1), { env: { ...process.env, REMOTEGPU_JOIN_TOKEN: token } });
      const result = JSON.parse(stdout);
      const found = stored();
      if (found < result.rows) throw new Error(`${result.rows} rows were acknowledged, ${found} are stored`);
      return result.rows / result.seconds;
    };

    // The first run makes the rows that COPY gets, and shows how many go into one transaction.
    await product(1);
    const perTransaction = (await counter('remotegpu_sample_rows_total')) / (await counter('remotegpu_sample_flush_seconds_count'));
    const file = (name: string) => path.join(installation.dir, name);
    await psql(installation, '-c', `\\copy (select * from machine_samples) to '${file('hosts.copy')}'`);
    await psql(installation, '-c', `\\copy (select * from gpu_samples) to '${file('gpus.copy')}'`);
    const rows = stored();
    script(file('hosts.copy'), file('gpus.copy'), rows, perTransaction, file('copy.sql'));
    for (const [table, like] of [['copy_hosts', 'machine_samples'], ['copy_gpus', 'gpu_samples']]) {
      installation.sql(`create table ${table} (like ${like} including all) partition by range (at)`);
      for (const [name, from, to] of [['past', 'minvalue', 'current_date'], ['now', 'current_date', 'maxvalue']]) {
        const bound = (word: string) => (word === 'current_date' ? `'${new Date().toISOString().slice(0, 10)}'` : word);
        installation.sql(`create table ${table}_${name} partition of ${table} for values from (${bound(from)}) to (${bound(to)})`);
      }
    }
    const copy = async () => {
      clear('copy_hosts, copy_gpus');
      const began = performance.now();
      await psql(installation, '-f', file('copy.sql'));
      return (1000 * rows) / (performance.now() - began);
    };

    const measured = await interleaved([
      { name: 'product, one sample per frame', run: () => product(1) },
      { name: 'product, 60 samples per frame', run: () => product(60) },
      { name: 'COPY', run: copy },
    ]);
    const [live, kept, bare] = measured.map((m) => m.median);
    publish(
      'ingest',
      `Rows acknowledged to ${NODES} agents with ${GPUS} GPUs each, which send as fast as they are acknowledged, and an acknowledged row is committed: one sample per frame as an agent does while it is linked, and 60 as after a cut of a minute. A row has all figures of one host or one GPU at one instant. COPY: the same rows from a ready file by psql into tables of the same shape (partitions, keys) in the same cluster with the same settings, ${figure(perTransaction)} rows per transaction as the product had. The server and its PostgreSQL share one core; COPY has that core for PostgreSQL alone. All tables are empty at the start of a run.`,
      measured.map((m) => ({ ...m, unit: 'rows/s' })),
      [
        { what: 'product, one sample per frame / COPY', reached: live / bare, sense: '>=', goal: 0.5 },
        { what: 'product, 60 samples per frame / COPY', reached: kept / bare, sense: '>=', goal: 0.5 },
        { what: 'product, one sample per frame', reached: live, sense: '>=', goal: 5000, unit: 'rows/s' },
      ],
    );
  } finally {
    await installation.stop();
  }
});
