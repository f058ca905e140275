// A whole machine whose agent keeps its customer's keys: the pages say who manages them, a key that is added is on the host, and
// taking the machine back removes it.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Credentials, until } from '../fixtures/installation.js';
import { expect, test } from '../fixtures/test.js';

test('the keys of who has a machine are on its host, and gone after', async ({ page, signIn, installation }) => {
  test.setTimeout(120_000);
  const token = await installation.token(installation.admin);
  const ask = async (address: string, method = 'GET', body: unknown = undefined, by = token) => {
    const answer = await installation.rest(by, address, method, body);
    if (answer.body?.code !== 0) throw new Error(`${method} ${address}: ${JSON.stringify(answer.body)}`);
    return answer.body.data;
  };
  const home = path.join(installation.dir, 'keys-home');
  fs.mkdirSync(home);
  const file = path.join(home, '.ssh', 'authorized_keys');
  const kept = () => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');
  await ask('/api/admin/machines', 'POST', { id: 'keys-01', name: 'keys-01' });
  const made = await ask('/api/admin/customers', 'POST', { name: 'Key users', owner: { username: 'keys-owner', displayName: 'Owner' } });
  const person: Credentials = { name: made.owner.username, password: made.owner.password };
  const lease = await ask('/api/admin/machines/keys-01/allocate', 'POST', { customerId: made.customer.id, months: 1 });

  // Without an agent that keeps them, whoever runs the host does.
  await signIn(page, person);
  const card = page.locator('#access');
  await page.goto('/machines/keys-01');
  const before = await card.locator('header .end').innerText();
  await expect(card.getByText('ssh -J')).toHaveCount(0);

  const secret = (await ask('/api/admin/machines/join-tokens', 'POST', { note: 'keys-01', machine: 'keys-01' })).secret;
  installation.startAgent('keys-01', undefined, secret, ['--manage-keys', 'gpu', '--keys-home', home]);
  await expect(async () => {
    await page.goto('/machines/keys-01');
    await expect(card.locator('header .end')).not.toHaveText(before, { timeout: 100 });
  }).toPass({ timeout: 60_000 });
  await expect(card.locator('code').first()).toHaveText(`ssh -p ${installation.sshPort} ${person.name}++keys-01@127.0.0.1`);
  await expect(card.locator('code').nth(1)).toHaveText(`ssh -J ${person.name}++keys-01@127.0.0.1:${installation.sshPort} gpu@keys-01`);

  const key = path.join(installation.dir, 'machine-key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', key]);
  const publicKey = fs.readFileSync(`${key}.pub`, 'utf8').trim();
  await ask('/api/customer/settings/ssh-keys', 'POST', { name: 'laptop', publicKey }, await installation.token(person));
  await until('the key is on the host', 30, async () => kept().includes(publicKey));
  await until('the agent says so', 30, async () => (await ask('/api/admin/machines/keys-01')).connection.keys?.fingerprints.length === 2);
  await signIn(page);
  await page.goto('/admin/machines/keys-01/service');
  // The person's, and that with which the door comes in.
  await expect(page.locator('#keys code')).toHaveText([/^SHA256:/, /^SHA256:/]);

  await ask(`/api/admin/allocations/${lease.allocation.id}/reclaim`, 'POST', { note: 'over' });
  await until('the key is gone from the host', 30, async () => !kept().includes('ssh-ed25519'));
  await until('the step is done', 60, async () => {
    const { steps } = await ask(`/api/admin/allocations/${lease.allocation.id}`);
    return steps.find((step: { step: string }) => step.step === 'keys')?.state === 'done';
  });
});
