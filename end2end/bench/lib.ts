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

/** Set for a trial of a benchmark: so many repeats, and nothing is written. */
const trial = Number(process.env.BENCH_TRIAL ?? 0);

/** Runs every variant `repeats` times, forth and back in turn (A B B A …), and gives the medians. */
export async function interleaved(variants: { name: string; run: () => Promise<number> }[], repeats = trial || 5): Promise<Measured[]> {
  const values = new Map<string, number[]>(variants.map((variant) => [variant.name, []]));
  for (let round = 0; round < repeats; round++) {
    for (const variant of round % 2 === 0 ? variants : [...variants].reverse()) {
      values.get(variant.name)!.push(await variant.run());
    }
  }
  return [...values].map(([name, all]) => spread(name, '', all));
}

/** Median and spread of figures. */
export function spread(name: string, unit: string, values: number[]): Measured & { unit: string } {
  const sorted = [...values].sort((a, b) => a - b);
  return { name, unit, median: sorted[Math.floor(sorted.length / 2)], least: sorted[0], most: sorted.at(-1)! };
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
  const apt = (...words: string[]) => spawnSync('apt-get', words, { env, stdio: 'ignore' }).status === 0;
  const install = () => apt('install', '-y', '-q', '--no-install-recommends', pkg);
  // The lists of a fresh machine are empty or old: a first failure means they have to be read.
  if (!install() && !(apt('update', '-q') && install())) throw new Error(`apt-get could not install ${pkg}`);
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

/** Packages of PyPI that the programs of `bench/python` use. */
export const PYTHON = { openpyxl: '3.1.5', XlsxWriter: '3.3.1' };

/** A Python with them, in a virtual environment in the cache, made once. */
export function python(): string {
  const folder = path.join(cache, 'python');
  const [program, stamp] = [path.join(folder, 'bin/python'), path.join(folder, 'packages')];
  const packages = Object.entries(PYTHON).map(([name, version]) => `${name}==${version}`);
  if (!fs.existsSync(stamp) || fs.readFileSync(stamp, 'utf8') !== packages.join()) {
    if (spawnSync('python3', ['-c', 'import venv, ensurepip']).status !== 0) debian('python3', 'python3-venv');
    execFileSync('python3', ['-m', 'venv', '--clear', folder], { stdio: 'inherit' });
    execFileSync(program, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', ...packages], { stdio: 'inherit' });
    fs.writeFileSync(stamp, packages.join());
  }
  return program;
}

/** A program of `bench/python`. */
export const pythonProgram = (name: string) => path.join(root, 'end2end/bench/python', name);

/** What `psql` needs to reach the installation's cluster as its superuser. */
export function superuser(installation: Installation): Record<string, string> {
  const folder = path.join(installation.dir, 'data', 'postgres');
  const { superuser } = JSON.parse(fs.readFileSync(path.join(folder, 'passwords.json'), 'utf8'));
  return { PGHOST: path.join(folder, 'socket'), PGUSER: 'postgres', PGDATABASE: 'remotegpu', PGPASSWORD: superuser, PGTZ: 'UTC' };
}

/** Signs the admin in as the page's form does; returns the cookie. */
export async function signIn(installation: Installation): Promise<string> {
  const form = await (await fetch(`${installation.url}/login`)).text();
  const action = /action="([^"]*\/sign_in)"/.exec(form)![1];
  const answer = await fetch(installation.url + action, {
    method: 'POST',
    redirect: 'manual',
    headers: { origin: installation.url, accept: 'text/html' },
    body: new URLSearchParams({ username: installation.admin.name, password: installation.admin.password }),
  });
  const [set] = answer.headers.getSetCookie();
  if (!set) throw new Error(`no session: ${answer.status}`);
  return set.split(';')[0];
}

/** For a server that limits the rate of each client and is measured beyond it: it trusts the address that `manyClients` says. */
export const TRUSTING = { REMOTEGPU_TRUSTED_PROXIES: '1' };

/** A script with which the requests of `wrk` come from 512 clients. */
export function manyClients(): string {
  const file = path.join(cache, 'many-clients.lua');
  fs.mkdirSync(cache, { recursive: true });
  fs.writeFileSync(
    file,
    `local requests, at = {}, 0
init = function()
  for i = 0, 511 do
    wrk.headers['X-Forwarded-For'] = '10.0.' .. math.floor(i / 256) .. '.' .. i % 256
    requests[i] = wrk.format()
  end
end
request = function()
  at = (at + 1) % 512
  return requests[at]
end
`,
  );
  return file;
}

/** Requests per second of an address under `wrk`, which must see no error. `script` is a file of Lua that makes the requests. */
export function wrk(url: string, headers: Record<string, string> = {}, seconds = 4, connections = 32, script?: string): number {
  const words = [...LOAD, debian('wrk', 'wrk'), '-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '30s'];
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

/** Most resident bytes. */
export interface Memory {
  /** Of a process, above what it had when the watch began. */
  rise: number;
  /** Of its children. */
  children: number;
  /** Both at one moment. */
  together: number;
}

/** Looks every few milliseconds at the memory of a process and of its children with this word in their command line. */
export function watchMemory(pid: number, word: string): { take: () => Memory; stop: () => void } {
  const before = usage(pid).residentBytes;
  let peak: Memory = { rise: 0, children: 0, together: 0 };
  const look = () => {
    try {
      const rise = usage(pid).residentBytes - before;
      let children = 0;
      for (const thread of fs.readdirSync(`/proc/${pid}/task`)) {
        for (const child of fs.readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean)) {
          if (fs.readFileSync(`/proc/${child}/cmdline`, 'utf8').includes(word)) children += usage(Number(child)).residentBytes;
        }
      }
      peak = { rise: Math.max(peak.rise, rise), children: Math.max(peak.children, children), together: Math.max(peak.together, rise + children) };
    } catch {
      // A thread or a child ended while it was looked at.
    }
  };
  const timer = setInterval(look, 10);
  return {
    /** The most since the last time. */
    take: () => {
      const taken = peak;
      peak = { rise: 0, children: 0, together: 0 };
      return taken;
    },
    stop: () => clearInterval(timer),
  };
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
  if (trial) return;
  const file = path.join(root, 'docs/benchmarks.md');
  const text = fs.readFileSync(file, 'utf8');
  const [begin, end] = [`<!-- ${area} -->`, `<!-- /${area} -->`];
  if (!text.includes(begin)) throw new Error(`docs/benchmarks.md has no ${begin}`);
  fs.writeFileSync(file, text.slice(0, text.indexOf(begin) + begin.length) + `\n${lines}\n` + text.slice(text.indexOf(end)));
}
