// Into an instance through the product's door for SSH, against OpenSSH's jump host: connecting, and bytes either way.
import { test } from '@playwright/test';
import { execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { Engine } from '../fixtures/engine.js';
import { runningInstance } from '../fixtures/running.js';
import { debian, freePort, Installation, interleaved, LOAD, MEASURED, publish, start, until } from './lib.js';

const trial = Number(process.env.BENCH_TRIAL ?? 0);
const MIB = trial ? 64 : 512;
const CONNECTS = trial ? 5 : 21;

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** Runs ssh, with so many bytes for it, and counts what it says. */
function ssh(words: string[], send = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(LOAD[0], [...LOAD.slice(1), 'ssh', ...words], { stdio: ['pipe', 'pipe', 'pipe'] });
    let [bytes, errors] = [0, ''];
    child.stdout.on('data', (chunk: Buffer) => (bytes += chunk.length));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk));
    child.on('exit', (code) => (code === 0 ? resolve(bytes) : reject(new Error(`ssh ${words.join(' ')}: ${code} ${errors}`))));
    const piece = Buffer.alloc(1 << 20);
    let left = send;
    const more = () => {
      while (left > 0) {
        left -= piece.length;
        if (!child.stdin.write(piece)) return void child.stdin.once('drain', more);
      }
      child.stdin.end();
    };
    child.stdin.on('error', () => undefined);
    more();
  });
}

/** An OpenSSH server with a host key and a list of keys of its own, on the measured core. */
async function server(program: string, folder: string, word: string, keys: string): Promise<{ port: number; stop: () => Promise<void> }> {
  const [port, host] = [await freePort(), path.join(folder, `${word}-host`)];
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', host]);
  const config = path.join(folder, `${word}.conf`);
  fs.writeFileSync(
    config,
    `ListenAddress 127.0.0.1:${port}\nHostKey ${host}\nAuthorizedKeysFile ${keys}\nStrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin prohibit-password\nPasswordAuthentication no\nMaxStartups 100\n`,
  );
  const child = start([...MEASURED, program, '-D', '-e', '-f', config]);
  return { port, stop: child.stop };
}

test('ssh', async () => {
  const sshd = debian('/usr/sbin/sshd', 'openssh-server');
  fs.mkdirSync('/run/sshd', { recursive: true });
  const installation = await Installation.start(MEASURED);
  const engine = await Engine.start();
  const stops: (() => Promise<void>)[] = [];
  try {
    const { person, theirs, own, ask } = await runningInstance(installation, engine, 'gate');
    const state = async () => (await installation.rest(theirs, `/api/customer${own}`)).body.data.state;
    await until('the instance runs', 60, async () => (await state()) === 'running');
    const key = path.join(installation.dir, 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const publicKey = fs.readFileSync(`${key}.pub`, 'utf8');
    await ask('/api/customer/settings/ssh-keys', 'POST', { name: 'laptop', publicKey }, theirs);
    const keys = path.join(installation.dir, 'keys');
    fs.writeFileSync(keys, publicKey);
    const [jump, target] = [await server(sshd, installation.dir, 'jump', keys), await server(sshd, installation.dir, 'target', keys)];
    stops.push(jump.stop, target.stop);
    const who = process.env.USER ?? 'root';
    const config = path.join(installation.dir, 'config');
    const common = `User ${who}\n  HostName 127.0.0.1\n  IdentityFile ${key}\n  IdentitiesOnly yes\n  BatchMode yes\n  LogLevel ERROR\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null`;
    fs.writeFileSync(
      config,
      `Host jump\n  Port ${jump.port}\n  ${common}\nHost target\n  Port ${target.port}\n  ProxyJump jump\n  ${common}\n` +
        `Host gate\n  Port ${installation.sshPort}\n  ${common.replace(`User ${who}`, `User ${person.name}+gate`)}\n`,
    );
    const to = (host: string, ...words: string[]) => ['-F', config, host, ...words];
    const busybox = (host: string) => (host === 'gate' ? '/bin/busybox' : '/usr/bin/env busybox');
    const connects = async (host: string) => {
      const times: number[] = [];
      for (let i = 0; i < CONNECTS; i++) {
        const begun = performance.now();
        await ssh(to(host, 'exit 0'));
        times.push(performance.now() - begun);
      }
      return median(times);
    };
    const bulk = async (host: string, down: boolean) => {
      const begun = performance.now();
      const command = down ? `${busybox(host)} head -c ${MIB << 20} /dev/zero` : 'cat > /dev/null';
      const came = await ssh(to(host, command), down ? 0 : MIB << 20);
      if (down && came !== MIB << 20) throw new Error(`${host} sent ${came} bytes`);
      return (MIB * 1.048576 * 1000) / (performance.now() - begun);
    };
    await until('both ways are open', 30, async () => {
      await Promise.all([ssh(to('gate', 'exit 0')), ssh(to('target', 'exit 0'))]);
      return true;
    });
    const pair = (what: string, run: (host: string) => Promise<number>) =>
      interleaved([
        { name: `product, ${what}`, run: () => run('gate') },
        { name: `ssh -J, ${what}`, run: () => run('target') },
      ]);
    const connect = await pair('a command that does nothing', connects);
    const down = await pair('bytes from there', (host) => bulk(host, true));
    const up = await pair('bytes to there', (host) => bulk(host, false));
    const ratio = ([ours, other]: { median: number }[]) => ours.median / other.median;
    publish(
      'ssh',
      `OpenSSH's client with a key, from another core. The product: its door and the server on one core, into a container, whose engine has all cores: who may come in is asked of the database, and the command is an exec of the engine. The peer: \`ssh -J\` over two OpenSSH servers on the product's core, which run the command on the host itself, where no engine is in between. Connecting is the whole life of the client, the median of ${CONNECTS} in a row; bytes are ${MIB} MiB of zeros, with the connecting.`,
      [...connect.map((m) => ({ ...m, unit: 'ms' })), ...[...down, ...up].map((m) => ({ ...m, unit: 'MB/s' }))],
      [
        { what: 'connecting, product / ssh -J', reached: ratio(connect), sense: '<=', goal: 1.2 },
        { what: 'bytes from there, product / ssh -J', reached: ratio(down), sense: '>=', goal: 0.8 },
        { what: 'bytes to there, product / ssh -J', reached: ratio(up), sense: '>=', goal: 0.8 },
      ],
    );
  } finally {
    for (const stop of stops) await stop();
    await installation.stop();
    await engine.end();
  }
});
