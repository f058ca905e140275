// The whole life of an instance as a customer has it: made on its page, worked in by browser and by ssh, kept as an image,
// stopped, and on the bill to the microsecond.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Engine } from '../fixtures/engine.js';
import { expect, test } from '../fixtures/test.js';

/** What it says: more than its box shows, and a line in colour that was written over. */
const SAYS = ['sh', '-c', String.raw`for i in $(seq 60); do echo line $i; done; printf '\033[32mwait\r\033[31mready\033[m\n'; exec sleep 600`].join('\n');

/** Microseconds of an engine's time, which has nanoseconds, or of ours. */
function micros(time: string): bigint {
  const [whole, fraction = ''] = time.replace('Z', '').split('.');
  return BigInt(Date.parse(`${whole}Z`)) * 1000n + BigInt(fraction.slice(0, 6).padEnd(6, '0'));
}

test('create, terminal, ssh with a key, save as image, stop, bill', async ({ page, signIn, installation }) => {
  test.setTimeout(240_000);
  const engine = await Engine.start();
  try {
    engine.busybox();
    const token = await installation.token(installation.admin);
    const ask = async (address: string, method: string, body: unknown, by = token) => {
      const answer = await installation.rest(by, address, method, body);
      if (answer.body?.code !== 0) throw new Error(`${method} ${address}: ${JSON.stringify(answer.body)}`);
      return answer.body.data;
    };
    await ask('/api/admin/machines', 'POST', { id: 'life-room', name: 'Life room', pool: 'shared', listed: true });
    await ask('/api/admin/machines/life-room/docker', 'PUT', { kind: 'local', socket: engine.host.replace('unix://', '') });
    await ask('/api/admin/machines/life-room/docker/test', 'POST', {});
    const size = { name: 'Life spec', cpuCores: 1, memoryGb: 1, systemDiskGb: 1, dataDiskGb: 1 };
    const spec = (await ask('/api/admin/specs', 'POST', size)).id;
    await ask(`/api/admin/specs/${spec}/prices`, 'POST', { pricePerHour: '3600' });
    await ask(`/api/admin/specs/${spec}/list`, 'POST', {});
    const image = (await ask('/api/admin/images', 'POST', { name: 'Life base', address: 'busybox:1' })).id;
    await ask(`/api/admin/images/${image}/list`, 'POST', {});
    const made = await ask('/api/admin/customers', 'POST', { name: 'Living', owner: { username: 'liver', displayName: 'Liver' } });
    const person = { name: made.owner.username, password: made.owner.password };
    const theirs = await installation.token(person);
    const key = path.join(installation.dir, 'life-key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    await ask('/api/customer/settings/ssh-keys', 'POST', { name: 'laptop', publicKey: fs.readFileSync(`${key}.pub`, 'utf8') }, theirs);

    // Create.
    await signIn(page, person);
    await page.goto(`/instances/new?image=${image}&spec=${spec}`);
    await page.locator('[name="form[name]"]').fill('life');
    await page.locator('[name="form[command]"]').fill(SAYS);
    await page.locator('form[method="post"] button.primary').click();
    await expect(page).toHaveURL(/\/instances\/\d+/);
    const own = new URL(page.url()).pathname;
    // Page and list follow it by themselves: nobody reads them again.
    const list = await page.context().newPage();
    await list.goto('/instances');
    const loaded = await page.evaluate(() => performance.timeOrigin);
    await expect(page.locator(`a[href="${own}/terminal"]`)).toBeVisible({ timeout: 60_000 });
    await expect(page.locator('h1 ~ .state.ok')).toBeVisible();
    await expect(page.locator('#logs rg-logs')).toBeAttached();
    // What it says has its colours, and is read from its end.
    const said = page.locator('#logs .said');
    const colour = page.locator('#logs .ansi-red');
    await expect(colour).toHaveText('ready');
    await expect(said).not.toContainText('wait');
    await expect(colour).not.toHaveCSS('color', await said.evaluate((it) => getComputedStyle(it).color));
    await said.scrollIntoViewIfNeeded();
    await expect(colour).toBeInViewport();
    await expect(said.locator('pre > span').first()).not.toBeInViewport();
    expect(await page.evaluate(() => performance.timeOrigin), 'the page was not loaded again').toBe(loaded);
    await expect(list.locator('tbody tr', { hasText: 'life' }).locator('.state.ok')).toBeVisible({ timeout: 15_000 });

    // Terminal.
    await page.locator(`a[href="${own}/terminal"]`).click();
    const connected = (await page.locator('rg-terminal').getAttribute('data-connected')) ?? '';
    await expect(page.locator('.terminal-status')).toHaveText(connected);
    await page.locator('.xterm-helper-textarea').focus();
    await page.keyboard.type('echo typed-$((40+2)) > /work; echo wrote-$?');
    await page.keyboard.press('Enter');
    await expect(page.locator('.xterm-rows')).toContainText('wrote-0');

    // ssh with a key, by the line and the host key that the API tells.
    const told = (await installation.rest(theirs, `/api/customer${own}/ssh-command`)).body.data;
    const known = path.join(installation.dir, 'life-known');
    fs.writeFileSync(known, `[127.0.0.1]:${installation.sshPort} ${told.knownHosts.split(' ').slice(1).join(' ')}\n`);
    const options = ['-F', '/dev/null', '-i', key, '-o', 'BatchMode=yes', '-o', `UserKnownHostsFile=${known}`, '-p', String(installation.sshPort)];
    const ssh = (command: string) => execFileSync('ssh', [...options, `${person.name}+life@127.0.0.1`, command], { encoding: 'utf8' });
    expect(ssh('cat /work; echo by-ssh >> /work')).toBe('typed-42\n');

    // Save as image.
    await page.goto(own);
    const card = page.locator('#saves');
    await card.locator('input[name="name"]').fill('Life kept');
    await card.locator('form button').click();
    await expect(async () => {
      await page.goto(own);
      await expect(card.locator('tbody a')).toHaveText('Life kept', { timeout: 100 });
    }).toPass({ timeout: 90_000 });

    // Stop.
    const [container] = engine.docker(['ps', '-q', '--no-trunc']).split('\n');
    await page.locator('form', { has: page.locator('[name="action"][value="stop"]') }).locator('button').click();
    await expect(page.locator('h1 ~ .state.off')).toBeVisible({ timeout: 60_000 });
    await expect(page.locator('[name="action"][value="start"]')).toBeAttached();
    await expect(page.locator(`a[href="${own}/terminal"]`)).toHaveCount(0);
    await expect(page.locator('#logs rg-logs')).toHaveCount(0);
    await expect(list.locator('tbody tr', { hasText: 'life' }).locator('.state.off')).toBeVisible({ timeout: 15_000 });
    await list.close();

    // Bill: one stretch, exactly as long as the engine says that it ran, at a unit of money a second.
    const [started, finished] = engine.docker(['inspect', '--format', '{{.State.StartedAt}} {{.State.FinishedAt}}', container!]).split(' ');
    const ran = micros(finished!) - micros(started!);
    const lines = (await installation.rest(theirs, '/api/customer/billing/ledger')).body.data.list;
    expect(lines).toHaveLength(1);
    expect([lines[0].instanceName, lines[0].pricePerHour, lines[0].closedBy]).toEqual(['life', '3600', 'ended']);
    expect(micros(lines[0].endedAt) - micros(lines[0].startedAt)).toBe(ran);
    expect(Math.round(Number(lines[0].seconds) * 1e6)).toBe(Number(ran));
    expect(Math.abs(Number(lines[0].cost) - Number(ran) / 1e6)).toBeLessThan(0.0001);
    await page.goto('/billing');
    await expect(page.locator('#ledger')).toContainText('life');
    const check = (await installation.rest(token, '/api/admin/billing/check')).body.data;
    expect(check.differences.filter((one: { instanceName: string }) => one.instanceName === 'life')).toEqual([]);
    await ask(`/api/customer${own}`, 'DELETE', undefined, theirs);
    await expect(async () => expect(engine.docker(['ps', '-aq'])).toBe('')).toPass({ timeout: 60_000 });
  } finally {
    await engine.end();
  }
});
