// How people prove who they are: password, second factor, sessions, API tokens.
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { Browser, Page } from '@playwright/test';
import { Credentials, Installation } from '../fixtures/installation.js';
import { expect, expectAccessible, expectNoSideScroll, look, sayYes, test } from '../fixtures/test.js';

test.describe.configure({ mode: 'serial' });

/** What an authenticator app shows for this secret (RFC 6238: SHA-1, 30 s, six digits). */
function appCode(secret: string, at = Date.now()): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((letter) => letters.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const digest = createHmac('sha1', key).update(counter).digest();
  const offset = digest[19] & 15;
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

let used = 0;
/** A code that was not used yet: each is of a later step of 30 s, and the server knows each but once. */
async function freshCode(page: Page, secret: string): Promise<string> {
  const step = (ms: number) => Math.floor(ms / 30_000);
  // One step behind and one ahead are within the slack, so that the first three need not be waited for. One that is
  // behind is left out when it could be too old by the time it is looked at.
  used = Math.max(used + 1, step(Date.now() + 15_000) - 1);
  while (used > step(Date.now()) + 1) await page.waitForTimeout(200);
  return appCode(secret, used * 30_000);
}

function person(installation: Installation, name: string): Credentials {
  installation.cli(['admin', 'create-customer', `${name} Ltd`, '--owner', name]);
  return { name, password: installation.cli(['admin', 'reset-password', name]) };
}

async function elsewhere(browser: Browser, installation: Installation, who: Credentials): Promise<Page> {
  const page = await (await browser.newContext({ baseURL: installation.url })).newPage();
  await page.goto('/login');
  await page.locator('input[name="username"]').fill(who.name);
  await page.locator('input[name="password"]').fill(who.password);
  await Promise.all([page.waitForURL((url) => url.pathname === '/'), page.locator('form button.primary').click()]);
  return page;
}

test('a password is changed, weak ones are refused, and everything else is signed out', async ({ page, browser, installation, signIn }) => {
  const who = person(installation, 'pamela');
  const other = await elsewhere(browser, installation, who);
  await signIn(page, who);
  await look(page, installation.url, 'en', 'light');
  await page.goto('/account');
  await page.getByRole('link', { name: 'Security' }).click();
  await expectAccessible(page);
  const fill = async (old: string, next: string) => {
    await page.locator('input[name="old_password"]').fill(old);
    await page.locator('input[name="new_password"]').fill(next);
    await page.locator('input[name="again"]').fill(next);
    await page.getByRole('button', { name: 'Change password' }).click();
  };
  await fill(who.password, 'monkey12345');
  await expect(page.locator('.fault')).toContainText('too easily guessed');
  await fill(who.password, 'pamela1234');
  await expect(page.locator('.fault')).toContainText('made of your own');
  expect(page.url()).not.toContain('pamela1234');
  await fill(who.password, 'seven lazy pelicans');
  await expect(page.locator('.notice')).toContainText('The password is changed');
  await other.goto('/account');
  await expect(other).toHaveURL(/\/login/);
  await other.context().close();
  expect(await installation.token({ ...who, password: 'seven lazy pelicans' })).toBeTruthy();
});

test('when a session ends, its open page is covered and leads to sign-in and back', async ({ browser, installation }) => {
  const who = person(installation, 'olga');
  const open = await elsewhere(browser, installation, who);
  await look(open, installation.url, 'en', 'light');
  await open.goto('/members');
  await expect(open.locator('rg-bell details'), 'its line is open').toBeVisible();
  const cover = open.getByRole('dialog', { name: 'Your access to this page has ended' });
  await expect(cover).toHaveCount(0);
  who.password = installation.cli(['admin', 'reset-password', who.name]);
  await expect(cover).toBeVisible();
  await expectAccessible(open);
  for (let i = 0; i < 3; i++) await open.keyboard.press('Escape');
  await expect(cover).toBeVisible();
  const behind = await cover.evaluate((dialog) => getComputedStyle(dialog, '::backdrop').backgroundColor);
  expect(behind, 'nothing shines through').not.toMatch(/transparent|\/|rgba/);
  await cover.getByRole('link', { name: 'Sign in' }).click();
  await expect(open).toHaveURL(/\/login\?next=%2Fmembers$/);
  await open.locator('input[name="username"]').fill(who.name);
  await open.locator('input[name="password"]').fill(who.password);
  await Promise.all([open.waitForURL((url) => url.pathname === '/members'), open.locator('form button.primary').click()]);
  await open.context().close();
});

test('after three failures a browser does a little work, and without script there is a picture', async ({ page, browser, installation }) => {
  const who = person(installation, 'greta');
  await look(page, installation.url, 'en', 'light');
  await page.goto('/login');
  for (let i = 0; i < 3; i++) {
    await page.locator('input[name="username"]').fill(who.name);
    await page.locator('input[name="password"]').fill('a guess');
    await page.locator('form button.primary').click();
    await expect(page.locator('.fault').first()).toBeVisible();
  }
  await expect(page.getByText('Security check passed')).toBeVisible();
  await expect(page.getByRole('img')).toBeHidden();
  await expectAccessible(page);

  const plain = await browser.newContext({ baseURL: installation.url, javaScriptEnabled: false, locale: 'en' });
  const bare = await plain.newPage();
  await bare.goto('/login');
  await expect(bare.locator('img[alt*="five letters"]')).toBeVisible();
  await bare.locator('input[name="username"]').fill(who.name);
  await bare.locator('input[name="password"]').fill(who.password);
  await bare.locator('input[name="captcha"]').fill('QQQQQ');
  await bare.waitForTimeout(1500); // the delay after three failures
  await bare.locator('form button.primary').click();
  await expect(bare.getByRole('alert')).toContainText('does not count');
  await plain.close();

  const token = await installation.token(installation.admin).catch(() => '');
  expect(token, 'a program is asked for work too').toBe('');
  await page.locator('input[name="password"]').fill(who.password);
  await Promise.all([page.waitForURL((url) => url.pathname === '/'), page.locator('form button.primary').click()]);
  expect(await installation.token(installation.admin), 'and nobody is, once the failures are made good').toBeTruthy();
});

test('a session is ended from another browser, which is out within five seconds', async ({ page, browser, installation, signIn }) => {
  const who = person(installation, 'selma');
  const other = await elsewhere(browser, installation, who);
  await signIn(page, who);
  await look(page, installation.url, 'zh', 'dark');
  await page.goto('/account/sessions');
  await expect(page.getByRole('row')).toHaveCount(3);
  await expect(page.getByRole('row', { name: /Chrome/ })).toHaveCount(2);
  await expect(page.getByRole('row', { name: /127\.0\.0\.1/ })).toHaveCount(2);
  await expectAccessible(page);
  await sayYes(page.getByRole('row').getByRole('button'));
  await expect(page.getByRole('row')).toHaveCount(2);
  await expect
    .poll(async () => (await other.goto('/account')) && new URL(other.url()).pathname, { timeout: 5000 })
    .toBe('/login');
  await other.context().close();
  await page.setViewportSize({ width: 360, height: 740 });
  for (const address of ['/account', '/account/security', '/account/sessions', '/account/ssh-keys', '/account/tokens']) {
    await page.goto(address);
    await expectNoSideScroll(page);
  }
});

test('an API token is made, used and revoked', async ({ page, installation, signIn }) => {
  await signIn(page);
  await look(page, installation.url, 'en', 'dark');
  await page.goto('/account/tokens');
  await expect(page.locator('.empty')).toBeVisible();
  await page.locator('input[name="name"]').fill('night job');
  await page.locator('select[name="reach"]').selectOption('some');
  await page.locator('summary', { hasText: 'Permissions' }).click();
  await page.locator('input[value="machines:view"]').check();
  await page.getByRole('button', { name: 'Make token' }).click();
  const secret = await page.locator('code.select').innerText();
  expect(secret).toMatch(/^rgpu_[\w-]{43}$/);
  await expectAccessible(page);
  await page.reload();
  await expect(page.locator('code.select')).toHaveCount(0);

  expect((await installation.rest(secret, '/api/admin/machines')).status).toBe(200);
  expect((await installation.rest(secret, '/api/admin/machines', 'POST', { name: 'no' })).status).toBe(403);
  expect((await installation.rest(secret, '/api/auth/tokens', 'POST', { name: 'no' })).status).not.toBe(201);
  await page.reload();
  await expect(page.getByRole('row', { name: /night job/ })).not.toContainText('Never');
  // The browser itself opens the question: no script is needed.
  const bare = await page.context().browser()!.newContext({ baseURL: installation.url, javaScriptEnabled: false });
  await bare.addCookies(await page.context().cookies());
  const plain = await bare.newPage();
  await plain.goto('/account/tokens');
  await sayYes(plain.getByRole('button', { name: 'Revoke night job' }));
  await expect(plain.locator('.empty')).toBeVisible();
  await bare.close();
  expect((await installation.rest(secret, '/api/admin/machines')).status).toBe(401);

  for (const name of ['one', 'two']) {
    await page.goto('/account/tokens');
    await page.locator('input[name="name"]').fill(name);
    await page.getByRole('button', { name: 'Make token' }).click();
    await expect(page.locator('code.select')).toBeVisible();
  }
  await sayYes(page.getByRole('button', { name: 'Revoke all' }));
  await expect(page.locator('.notice')).toContainText('All of your tokens are revoked.');
  await expect(page.locator('.empty')).toBeVisible();
});

test('a public key is added, shown with its fingerprint and removed; a private one is never taken', async ({ page, installation, signIn }) => {
  const who = person(installation, 'kay');
  await signIn(page, who);
  await look(page, installation.url, 'en', 'light');
  await page.goto('/account/ssh-keys');
  await expect(page.locator('.empty')).toBeVisible();
  const add = async (key: string) => {
    await page.locator('textarea[name="public_key"]').fill(key);
    await page.getByRole('button', { name: 'Add key' }).click();
  };
  await add('-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----');
  await expect(page.locator('.fault')).toContainText('This is a private key');
  expect(page.url()).not.toContain('PRIVATE');
  await expect(page.locator('textarea[name="public_key"]')).toHaveValue('');

  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'remotegpu-keys-'));
  const file = path.join(folder, 'id');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'kay@laptop', '-f', file]);
  const [, fingerprint] = execFileSync('ssh-keygen', ['-lf', `${file}.pub`], { encoding: 'utf8' }).split(' ');
  const key = fs.readFileSync(`${file}.pub`, 'utf8');
  fs.rmSync(folder, { recursive: true });
  await add(key);
  const row = page.getByRole('row', { name: /kay@laptop/ });
  await expect(row).toContainText(fingerprint);
  await expectAccessible(page);
  await add(key);
  await expect(page.locator('.fault')).toContainText('already');
  await look(page, installation.url, 'zh', 'dark');
  await page.goto('/account/ssh-keys');
  await expectAccessible(page);
  await sayYes(row.getByRole('button', { name: '移除' }));
  await expect(page.locator('.empty')).toBeVisible();
});

test('a second factor is set up, asked for, replaced by a recovery code, and switched off', async ({ page, browser, installation, signIn }) => {
  const who = person(installation, 'tilda');
  await signIn(page, who);
  await look(page, installation.url, 'en', 'light');
  await page.goto('/account/security');
  // Whoever sits at an open session sets none up: the password is asked for.
  const enrol = page.locator('form[action*="enroll_totp"]');
  await enrol.locator('input[name="password"]').fill('not the password');
  await enrol.getByRole('button', { name: 'Set up' }).click();
  await expect(enrol.locator('.fault')).toBeVisible();
  await expectAccessible(page);
  await enrol.locator('input[name="password"]').fill(who.password);
  await enrol.getByRole('button', { name: 'Set up' }).click();
  await expect(page.locator('.qr svg')).toBeVisible();
  const secret = await page.locator('code.select').innerText();
  await expectAccessible(page);
  await page.locator('input[name="code"]').fill('123');
  await page.getByRole('button', { name: 'Switch on' }).click();
  await expect(page.locator('.fault')).toBeVisible();
  await page.locator('input[name="code"]').fill(await freshCode(page, secret));
  await page.getByRole('button', { name: 'Switch on' }).click();
  await expect(page.locator('.codes li')).toHaveCount(10);
  const recovery = await page.locator('.codes li').first().innerText();
  await expectAccessible(page);
  await page.reload();
  await expect(page.locator('.codes li')).toHaveCount(0);
  await expect(page.getByText('10 codes left')).toBeVisible();

  // In two steps, the second without the password.
  const other = await (await browser.newContext({ baseURL: installation.url, javaScriptEnabled: false })).newPage();
  const password = async () => {
    await other.goto('/login');
    await other.locator('input[name="username"]').fill(who.name);
    await other.locator('input[name="password"]').fill(who.password);
    await other.locator('form button.primary').click();
    await expect(other).toHaveURL(/\/login\/code/);
    expect(await other.content()).not.toContain(who.password);
  };
  const code = async (text: string) => {
    await other.locator('input[name="code"]').fill(text);
    await other.locator('form button.primary').click();
  };
  await password();
  await code('000000');
  await expect(other.locator('.fault')).toBeVisible();
  await code(await freshCode(page, secret));
  await expect(other).toHaveURL(`${installation.url}/`);
  await other.context().clearCookies();
  await password();
  await code(recovery);
  await expect(other).toHaveURL(`${installation.url}/`);
  await other.context().clearCookies();
  await password();
  await code(recovery);
  await expect(other.locator('.fault')).toBeVisible();
  await other.context().close();

  await page.reload();
  await expect(page.getByText('9 codes left')).toBeVisible();
  // New codes, with the password and a code; those so far count no more.
  await page.getByText('Make new recovery codes').first().click();
  const renewal = page.locator('form[action*="renew_recovery_codes"]');
  await renewal.locator('input[name="password"]').fill(who.password);
  await renewal.locator('input[name="code"]').fill('000000');
  await renewal.getByRole('button').click();
  await expect(renewal.locator('.fault')).toBeVisible();
  await expectAccessible(page);
  await renewal.locator('input[name="password"]').fill(who.password);
  await renewal.locator('input[name="code"]').fill(await freshCode(page, secret));
  await renewal.getByRole('button').click();
  await expect(page.locator('.codes li')).toHaveCount(10);
  await page.reload();
  await expect(page.getByText('10 codes left')).toBeVisible();
  const off = page.locator('form[action*="disable_totp"]');
  await off.locator('input[name="password"]').fill(who.password);
  await off.locator('input[name="code"]').fill(await freshCode(page, secret));
  await page.getByRole('button', { name: 'Switch off' }).click();
  await expect(page.locator('.notice')).toContainText('The second factor is off');
});

test('an administrator sees where somebody is signed in and ends it', async ({ page, browser, installation, signIn }) => {
  const who = person(installation, 'lost-laptop');
  const theirs = await (await browser.newContext({ baseURL: installation.url })).newPage();
  await signIn(theirs, who);
  await signIn(page, installation.admin);
  await look(page, installation.url, 'en', 'light');
  await page.goto('/admin/users?q=lost-laptop');
  await page.getByRole('link', { name: 'lost-laptop' }).first().click();
  const card = page.locator('#sessions');
  await expect(card.locator('tbody tr')).not.toHaveCount(0);
  await expect(card).toContainText('Browser');
  await expectAccessible(page);
  await sayYes(card.getByRole('button', { name: 'End all', exact: true }));
  await expect(card).toContainText('Signed in nowhere');
  await theirs.goto('/account');
  await expect(theirs).toHaveURL(/\/login/);
  await theirs.context().close();
});
