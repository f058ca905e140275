// The peer pages of bench/next, built by Next.js in the cache.
import { execFileSync } from 'node:child_process';
import * as crypto from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, MEASURED, npm, start, until } from './lib.js';

const pages = path.join(path.dirname(fileURLToPath(import.meta.url)), 'next');
const packages = { next: '16.4.6', pg: '8.23.1', react: '19.3.1', 'react-dom': '19.3.1' };
const quiet = { NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' };

/** What it is called in the tables. */
export const NEXT = `Next.js ${packages.next}`;

/** Builds the pages once. */
function build(): string {
  const folder = npm('next', packages);
  const hash = crypto.createHash('sha256').update(JSON.stringify(packages));
  for (const entry of fs.readdirSync(pages, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) hash.update(entry.name).update(fs.readFileSync(path.join(entry.parentPath, entry.name)));
  }
  const [stamp, digest] = [path.join(folder, 'built'), hash.digest('hex')];
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === digest) return folder;
  fs.rmSync(path.join(folder, 'app'), { recursive: true, force: true });
  fs.cpSync(pages, folder, { recursive: true });
  execFileSync('npx', ['next', 'build'], { cwd: folder, env: { ...process.env, ...quiet }, stdio: 'inherit' });
  fs.writeFileSync(stamp, digest);
  return folder;
}

/** Serves them on the measured core; `env` is for the pages. */
export async function nextJs(env: Record<string, string> = {}): Promise<{ url: string; stop: () => Promise<void> }> {
  const folder = build();
  const port = await freePort();
  const words = [...MEASURED, process.execPath, 'node_modules/next/dist/bin/next', 'start', '-H', '127.0.0.1', '-p', `${port}`];
  const server = start(words, { cwd: folder, env: { ...quiet, ...env } });
  const url = `http://127.0.0.1:${port}`;
  await until('Next.js answers', 60, async () => (await fetch(`${url}/login`)).ok);
  return { url, stop: server.stop };
}
