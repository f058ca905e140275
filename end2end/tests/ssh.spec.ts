// Coming into an instance by SSH with a key: the line of its page, a command, who is in, and the end of a connection; what the
// door offers to whoever knocks.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { Engine } from '../fixtures/engine.js';
import { runningInstance } from '../fixtures/running.js';
import { expect, test } from '../fixtures/test.js';

test('a customer comes in by SSH with a key, is listed, and is sent away', async ({ page, signIn, installation }) => {
  test.setTimeout(180_000);
  const engine = await Engine.start();
  try {
    const { person, theirs, own, ask } = await runningInstance(installation, engine, 'gate');
    const key = path.join(installation.dir, 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const publicKey = fs.readFileSync(`${key}.pub`, 'utf8');
    await signIn(page, person);
    await expect(async () => {
      await page.goto(own);
      await expect(page.locator(`a[href="${own}/terminal"]`)).toBeVisible({ timeout: 100 });
    }).toPass({ timeout: 60_000 });

    // The line and the fingerprint, and that there is no key yet.
    const card = page.locator('#ssh');
    await expect(card.locator('code').first()).toHaveText(`ssh -p ${installation.sshPort} ${person.name}+gate@127.0.0.1`);
    await expect(card.locator('code').nth(1)).toHaveText(/^SHA256:/);
    const without = await card.locator('.note-line').first().innerText();
    await ask('/api/customer/settings/ssh-keys', 'POST', { name: 'laptop', publicKey }, theirs);
    await page.reload();
    await expect(card.locator('.note-line').first()).not.toHaveText(without);

    const told = (await installation.rest(theirs, `/api/customer${own}/ssh-command`, 'GET')).body.data;
    const hostKey = told.knownHosts.split(' ').slice(1).join(' ');
    const known = path.join(installation.dir, 'known');
    fs.writeFileSync(known, `[127.0.0.1]:${installation.sshPort} ${hostKey}\n`);
    const options = ['-F', '/dev/null', '-i', key, '-o', 'BatchMode=yes', '-o', `UserKnownHostsFile=${known}`];
    const line = [...options, '-p', String(installation.sshPort), `${person.name}+gate@127.0.0.1`];
    expect(execFileSync('ssh', [...line, 'echo $((40+2))'], { encoding: 'utf8' })).toBe('42\n');

    const shell = spawn('ssh', ['-tt', ...line]);
    const ended = once(shell, 'exit');
    shell.stdin.write('echo in-$((40+2))\n');
    await expect(async () => {
      await page.goto('/instances/access?open=yes');
      await expect(page.locator('tbody tr')).toHaveCount(1, { timeout: 100 });
    }).toPass({ timeout: 30_000 });
    await expect(page.locator('tbody tr')).toContainText(person.name);
    await page.locator('tbody tr .row-actions > button').click();
    await page.locator('.ask:popover-open button.danger').click();
    await ended;
    await page.goto('/instances/access?open=no');
    await expect(page.locator('tbody tr').first()).toContainText('gate');
  } finally {
    await engine.end();
  }
});

test('ssh-audit finds nothing at the door that fails', async ({ installation }) => {
  // Not spawnSync: this process reads the server's log.
  const audit = spawn(process.env.SSH_AUDIT ?? 'ssh-audit', ['--json', '--port', String(installation.sshPort), '127.0.0.1'], {
    timeout: 60_000,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [said, wrong] = ['', ''];
  audit.stdout.on('data', (chunk) => (said += chunk));
  audit.stderr.on('data', (chunk) => (wrong += chunk));
  const [status] = await once(audit, 'close');
  // 2: warnings alone, of X25519 by itself, for clients that know nothing newer.
  expect([0, 2], said + wrong).toContain(status);
  const told = JSON.parse(said);
  const offered: { algorithm: string; notes: { fail?: string[] } }[] = ['kex', 'key', 'enc', 'mac'].flatMap((kind) => {
    expect(told[kind].length, kind).toBeGreaterThan(0);
    return told[kind];
  });
  expect(offered.filter(({ notes }) => notes.fail)).toEqual([]);
  expect(offered[0].algorithm, 'what clients are to take first').toBe('mlkem768x25519-sha256');
  expect(told.cves ?? []).toEqual([]);
  // It also comes as often as it can, to see whether that wears a server out.
  expect((told.additional_notes ?? []).join(' ')).not.toContain('throttling');
});
