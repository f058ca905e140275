// What every benchmark shares: interleaved repeats, cores for the measured and for the load, programs of others, the table.
import { ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, Installation, until } from '../fixtures/installation.js';

export { freePort, Installation, until };

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** Prefix of commands that are measured, and of those that make the load: different cores. */
export const MEASURED = ['taskset', '-c', '0'];
export const LOAD = ['taskset', '-c', os.cpus().length > 2 ? `1-${os.cpus().length - 1}` : '1'];

/** Packages of others live here, not in the repository. */
export const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'remotegpu', 'bench');

export interface Measured {
  name: string;
  median: number;
  least: number;
  most: number;
}

/** Runs every variant `repeats` times, forth and back in turn (A B B A …), and gives the medians. */
export async function interleaved(variants: { name: string; run: () => Promise<number> }[], repeats = 5): Promise<Measured[]> {
  const values = new Map<string, number[]>(variants.map((variant) => [variant.name, []]));
  for (let round = 0; round < repeats; round++) {
    for (const variant of round % 2 === 0 ? variants : [...variants].reverse()) {
      values.get(variant.name)!.push(await variant.run());
    }
  }
  return [...values].map(([name, all]) => {
    const sorted = [...all].sort((a, b) => a - b);
    return { name, median: sorted[Math.floor(sorted.length / 2)], least: sorted[0], most: sorted.at(-1)! };
  });
}

/** Starts a program; it ends with `stop`. What it writes to standard error is shown when it dies. */
export function start(command: string[], options: { env?: NodeJS.ProcessEnv; cwd?: string } = {}): { process: ChildProcess; stop: () => Promise<void> } {
  const child = spawn(command[0], command.slice(1), { ...options, env: { ...process.env, ...options.env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  let stopping = false;
  child.stderr!.on('data', (chunk) => (errors = (errors + chunk).slice(-4000)));
  child.on('exit', (code) => !stopping && console.error(`${command.join(' ')} ended with ${code}: ${errors}`));
  return {
    process: child,
    stop: async () => {
      stopping = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 5000);
      await ended;
      clearTimeout(late);
    },
  };
}

/** A Debian program; installed when this is root, named otherwise. */
export function debian(program: string, pkg: string): string {
  const find = () => spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim();
  if (find()) return find();
  if (process.getuid?.() !== 0) throw new Error(`missing: apt-get install --no-install-recommends ${pkg}`);
  // Installing a server must not start it.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  execFileSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', pkg], { env, stdio: 'ignore' });
  return find();
}

/** Pinned npm packages in the cache, once; returns their folder. */
export function npm(name: string, dependencies: Record<string, string>): string {
  const folder = path.join(cache, name);
  const manifest = JSON.stringify({ name: `bench-${name}`, private: true, dependencies }, undefined, 2);
  const file = path.join(folder, 'package.json');
  if (!fs.existsSync(file) || fs.readFileSync(file, 'utf8') !== manifest || !fs.existsSync(path.join(folder, 'node_modules'))) {
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(file, manifest);
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder, stdio: 'inherit' });
  }
  return folder;
}

/** Requests per second of an address under `wrk`, which must see no error. `script` is a file of Lua that makes the requests. */
export function wrk(url: string, headers: Record<string, string> = {}, seconds = 4, connections = 32, script?: string): number {
  const words = [...LOAD, debian('wrk', 'wrk'), '-t1', `-c${connections}`, `-d${seconds}s`];
  for (const [name, value] of Object.entries(headers)) words.push('-H', `${name}: ${value}`);
  if (script) words.push('-s', script);
  const out = execFileSync(words[0], [...words.slice(1), url], { encoding: 'utf8' });
  if (/Non-2xx|Socket errors/.test(out)) throw new Error(`${url}: ${out}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(out)![1]);
}

/** CPU seconds (user and system) of a process's living threads, to the nanosecond, and its resident bytes. */
export function usage(pid: number): { cpuSeconds: number; residentBytes: number } {
  let nanoseconds = 0;
  for (const thread of fs.readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(fs.readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  }
  const resident = /^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  return { cpuSeconds: nanoseconds / 1e9, residentBytes: Number(resident?.[1] ?? 0) * 1024 };
}

/** `1,234` or `0.123`. */
export function figure(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

export interface Goal {
  what: string;
  reached: number;
  /** `>=` when more is better. */
  sense: '>=' | '<=';
  goal: number;
  unit?: string;
}

/** Writes the area's section of docs/benchmarks.md: what was measured, and the ratios beside their goals, misses too. */
export function publish(area: string, how: string, measured: (Measured & { unit: string })[], goals: Goal[]): void {
  const cpu = /model name\s*: (.*)/.exec(fs.readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown CPU';
  const lines = [
    how,
    '',
    `Machine: ${os.cpus().length} × ${cpu}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${new Date().toISOString().slice(0, 10)}.`,
    '',
    '| measured | median | spread |',
    '| --- | --- | --- |',
    ...measured.map((m) => `| ${m.name} | ${figure(m.median)} ${m.unit} | ${figure(m.least)} – ${figure(m.most)} |`),
    '',
    '| compared | reached | goal | |',
    '| --- | --- | --- | --- |',
    ...goals.map((g) => {
      const met = g.sense === '>=' ? g.reached >= g.goal : g.reached <= g.goal;
      const unit = g.unit ?? '×';
      return `| ${g.what} | ${figure(g.reached)} ${unit} | ${g.sense === '>=' ? '≥' : '≤'} ${g.goal} ${unit} | ${met ? 'met' : '**missed**'} |`;
    }),
  ].join('\n');
  console.log(`\n## ${area}\n${lines}\n`);
  const file = path.join(root, 'docs/benchmarks.md');
  const text = fs.readFileSync(file, 'utf8');
  const [begin, end] = [`<!-- ${area} -->`, `<!-- /${area} -->`];
  if (!text.includes(begin)) throw new Error(`docs/benchmarks.md has no ${begin}`);
  fs.writeFileSync(file, text.slice(0, text.indexOf(begin) + begin.length) + `\n${lines}\n` + text.slice(text.indexOf(end)));
}
