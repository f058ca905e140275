// Mail through a real SMTP conversation: a forgotten password, an invitation, both languages.
import { Page } from '@playwright/test';
import { Credentials } from '../fixtures/installation.js';
import { expect, expectAccessible, expectNoSideScroll, look, test } from '../fixtures/test.js';
import { SmtpSink, linkOf, subjectOf, textOf } from '../fixtures/smtp.js';

test.describe.configure({ mode: 'serial' });
test.use({ apart: 'mail' });

const password = 'three unusual words: quokka';
let sink: SmtpSink;
let owner: Credentials;

test.beforeAll(async () => {
  sink = await SmtpSink.start();
});
test.afterAll(async () => sink.stop());

async function fill(page: Page, name: string, value: string): Promise<void> {
  await page.locator(`[name="${name}"]`).fill(value);
}

test('an admin sets mail up on the page, is told what is wrong, and the password is never shown', async ({ page, installation, signIn }) => {
  await signIn(page);
  await look(page, installation.url, 'en', 'light');
  await page.goto('/admin/settings');
  await expectAccessible(page);
  await expectNoSideScroll(page);
  const mail = page.locator('#mail');
  await fill(page, 'form[mail.host]', '127.0.0.1');
  await fill(page, 'form[mail.port]', '1');
  await page.locator('[name="form[mail.security]"]').selectOption('none');
  await fill(page, 'form[mail.from_address]', 'gpu@example.org');
  await mail.locator('form').first().getByRole('button', { name: 'Save' }).click();
  await expect(page.locator('main').getByRole('status')).toContainText('Saved');
  await fill(page, 'to', 'somebody@example.org');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await expect(mail.getByRole('status')).toContainText('Nothing answers at that server and port');

  await fill(page, 'form[mail.port]', String(sink.port));
  await fill(page, 'form[mail.password]', 'hush-hush');
  await mail.locator('form').first().getByRole('button', { name: 'Save' }).click();
  await expect(mail).toContainText('A password is set');
  expect(await page.content()).not.toContain('hush-hush');
  await fill(page, 'to', 'somebody@example.org');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await expect(mail.getByRole('status')).toContainText('took the test mail');
  expect(subjectOf(await sink.to('somebody@example.org', 'Test mail'))).toBe('Test mail from RemoteGPU');
  await page.goto('/admin/settings/mails');
  await expectAccessible(page);
});

test('a name given to the installation is at the top, in the title and on the sign-in page', async ({ page, installation, signIn, browser }) => {
  await signIn(page);
  await page.goto('/admin/settings');
  await fill(page, 'form[branding.name]', 'Lab 7');
  await page.locator('#branding form').first().locator('button.primary').click();
  await expect(page.locator('.topbar .brand')).toContainText('Lab 7');
  await expect(page).toHaveTitle(/ · Lab 7$/);
  const fresh = await browser.newPage({ baseURL: installation.url });
  await fresh.goto('/login');
  await expect(fresh.locator('.brand')).toContainText('Lab 7');
  await fresh.close();
});

test('an owner invites somebody, who makes an account without a script', async ({ page, installation, signIn, browser }) => {
  const token = await installation.token(installation.admin);
  const set = async (key: string, value: string) => {
    expect((await installation.rest(token, `/api/admin/settings/${key}`, 'PUT', { value })).body.code).toBe(0);
  };
  await set('sign_in.sign_up', 'invitation');
  await set('branding.name', 'RemoteGPU');
  // Whose language is not known is written to in the installation's, whatever the owner reads.
  await set('general.language', 'en');
  owner = { name: 'acme.owner', password: installation.cli(['admin', 'create-customer', 'Acme', '--owner', 'acme.owner']) };
  await signIn(page, owner);
  await look(page, installation.url, 'en', 'light');
  await page.goto('/members');
  await fill(page, 'email', 'no-address zoe@');
  await page.getByRole('button', { name: 'Send invitations' }).click();
  await expect(page.locator('#invite [name="email"]')).toHaveValue(/no-address/);
  expect(page.url(), 'whom one invites stands in no address').not.toContain('no-address');
  await fill(page, 'email', 'lee@acme.example');
  await page.getByRole('button', { name: 'Send invitations' }).click();
  await expect(page.locator('#invite').getByRole('status')).toContainText('on its way');
  await expect(page.locator('#invite tbody')).toContainText('lee@acme.example');
  await expectAccessible(page);

  const mail = await sink.to('lee@acme.example', 'invites you');
  expect(subjectOf(mail)).toContain('Acme');
  await set('general.language', 'zh');
  const context = await browser.newContext({ baseURL: installation.url, javaScriptEnabled: false });
  const guest = await context.newPage();
  await look(guest, installation.url, 'en', 'dark');
  const opened = await guest.goto(linkOf(mail));
  expect(opened!.headers()['referrer-policy']).toBe('strict-origin');
  await expect(guest.getByRole('heading', { level: 1 })).toHaveText('Accept the invitation');
  await fill(guest, 'username', 'lee');
  await fill(guest, 'password', 'password12');
  await fill(guest, 'again', 'password12');
  await guest.getByRole('button', { name: 'Make the account' }).click();
  await expect(guest.locator('.fault').first()).toBeVisible();
  await expect(guest.locator('[name="username"]')).toHaveValue('lee');
  // A slip does not use the link up.
  await fill(guest, 'password', password);
  await fill(guest, 'again', `${password}!`);
  await guest.getByRole('button', { name: 'Make the account' }).click();
  await expect(guest.locator('#f-again-fault')).toBeVisible();
  await fill(guest, 'password', password);
  await fill(guest, 'again', password);
  await guest.getByRole('button', { name: 'Make the account' }).click();
  await expect(guest).toHaveURL(/\/login\?done=account$/);
  await expect(guest.getByRole('status')).toContainText('Your account is made');
  await guest.locator('[name="username"]').fill('lee');
  await guest.locator('[name="password"]').fill(password);
  await guest.locator('form button.primary').click();
  await expect(guest.locator('h1')).toContainText('lee');
  await context.close();
});

test('somebody makes an account of their own, where that is open', async ({ installation, browser }) => {
  const token = await installation.token(installation.admin);
  const set = async (value: string) =>
    expect((await installation.rest(token, '/api/admin/settings/sign_in.sign_up', 'PUT', { value })).body.code).toBe(0);
  await set('open');
  const context = await browser.newContext({ baseURL: installation.url });
  const guest = await context.newPage();
  await look(guest, installation.url, 'en', 'light');
  await guest.goto('/login');
  await guest.getByRole('link', { name: 'Make an account' }).click();
  await fill(guest, 'email', 'kim@example.org');
  await expect(guest.locator('rg-captcha [role="status"]')).toContainText('Security check passed', { timeout: 20_000 });
  await expectAccessible(guest);
  await guest.getByRole('button', { name: 'Send the link' }).click();
  await expect(guest.getByRole('status')).toContainText('on its way');

  await guest.goto(linkOf(await sink.to('kim@example.org', 'make your account')));
  await expect(guest.getByText('For kim@example.org')).toBeVisible();
  await expectAccessible(guest);
  await fill(guest, 'username', 'kim');
  await fill(guest, 'password', password);
  await fill(guest, 'again', password);
  await guest.getByRole('button', { name: 'Make the account' }).click();
  await expect(guest).toHaveURL(/\/login\?done=account$/);
  await expect(guest.getByRole('status')).toContainText('Your account is made');
  await fill(guest, 'username', 'kim');
  await fill(guest, 'password', password);
  await guest.locator('form button.primary').click();
  await expect(guest.getByText('You belong to no customer here yet')).toBeVisible();
  await context.close();

  await set('invitation');
  expect((await fetch(`${installation.url}/register`)).status).toBe(404);
});

test('somebody who has an account accepts an invitation with it, and with no other, without a script', async ({ page, installation, signIn, browser }) => {
  installation.sql("update users set language = 'en' where name = 'kim' returning id");
  await signIn(page, owner);
  await look(page, installation.url, 'en', 'light');
  await page.goto('/members');
  // Whom one names by an account is asked first.
  await expect(page.locator('form[action*="add_existing_member"]')).toHaveCount(0);
  await fill(page, 'email', 'kim@example.org');
  await page.locator('#invite [name="role"]').selectOption('owner');
  await page.getByRole('button', { name: 'Send invitations' }).click();
  await expect(page.locator('#invite').getByRole('status')).toContainText('on its way');
  const link = linkOf(await sink.to('kim@example.org', 'invites you'));

  // Signed in as somebody else: who it is for, and a way out that keeps it.
  await page.goto(link);
  await expect(page.locator('main')).toContainText('kim@example.org');
  await expect(page.locator('main')).toContainText('acme.owner');
  await expect(page.locator('form[action*="join_by_invitation"]')).toHaveCount(0);
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Switch account' }).click();
  await expect(page.getByRole('link', { name: 'Sign in to accept' })).toBeVisible();

  const context = await browser.newContext({ baseURL: installation.url, javaScriptEnabled: false });
  const kim = await context.newPage();
  await look(kim, installation.url, 'en', 'dark');
  await kim.goto(link);
  await expect(kim.locator('[name="username"]')).toHaveCount(0);
  await kim.getByRole('link', { name: 'Sign in to accept' }).click();
  await fill(kim, 'username', 'kim');
  await fill(kim, 'password', password);
  await kim.locator('form button.primary').click();
  await expect(kim).toHaveURL(link);
  await expect(kim.locator('main')).toContainText('You are signed in as kim');
  await kim.getByRole('button', { name: 'Accept', exact: true }).click();
  await expect(kim).toHaveURL(`${installation.url}/?done=joined`);
  await expect(kim.getByText(/^You belong to .+ now\.$/)).toBeVisible();
  await expect(kim.locator('main')).toContainText('Acme');
  await kim.goto('/members');
  await expect(kim.getByRole('row', { name: /kim/ })).toContainText('Owner');
  await context.close();

  // It worked once.
  await page.goto(link);
  await expect(page.getByRole('alert')).toBeVisible();
  for (const width of [1280, 360]) {
    await page.setViewportSize({ width, height: 800 });
    await expectNoSideScroll(page);
  }
  expect(installation.log()).not.toContain(link.split('token=')[1]);
});

test('staff add an account, and its owner is told by mail and by the bell', async ({ page, installation, signIn, browser }) => {
  await signIn(page);
  await look(page, installation.url, 'en', 'light');
  await page.goto('/admin/customers/new');
  await fill(page, 'form[name]', 'Globex');
  await page.locator('main form button.primary').click();
  await expect(page.locator('h1')).toHaveText('Globex');
  await expect(page.locator('main')).toContainText('No owner');
  await expectAccessible(page);
  const form = page.locator('form[action*="add_existing_member"]');
  await form.locator('[name="username"]').fill('kim');
  // Where nobody owns the customer, an owner is what is offered first.
  await expect(form.locator('[name="role"]')).toHaveValue('owner');
  await form.getByRole('button', { name: 'Add person' }).click();
  await expect(page.getByRole('row', { name: /kim/ })).toContainText('Owner');
  await expect(page.locator('main')).not.toContainText('No owner');
  expect(subjectOf(await sink.to('kim@example.org', 'you were added'))).toContain('Globex');
  const theirs = await browser.newContext({ baseURL: installation.url });
  const kim = await theirs.newPage();
  await signIn(kim, { name: 'kim', password });
  await look(kim, installation.url, 'en', 'light');
  await kim.goto('/notifications');
  await expect(kim.locator('tbody tr').first()).toContainText('added you to Globex as an owner');
  await theirs.close();
});

for (const language of ['en', 'zh'] as const) {
  test(`a forgotten password is set anew by mail (${language})`, async ({ page, installation }) => {
    installation.sql(`update users set language = '${language}' where name = 'lee' returning id`);
    await look(page, installation.url, language, language === 'en' ? 'light' : 'dark');
    await page.goto('/login');
    await page.locator('a[href="/forgot"]').click();
    await expectAccessible(page);
    await fill(page, 'account', 'lee');
    await page.locator('form button.primary').click();
    await expect(page.getByRole('status')).toBeVisible();
    // What tells of the last new password may still be on its way.
    const mail = await sink.to('lee@acme.example', language === 'en' ? 'RemoteGPU: set a new password' : 'RemoteGPU：重置密码');
    expect(textOf(mail)).toContain(language === 'en' ? 'works once' : '仅可使用一次');
    await page.goto(linkOf(mail));
    await expectAccessible(page);
    await expect(page.locator('.hint')).toContainText(language === 'en' ? 'At least 10 characters' : '至少 10 个字符');
    const chosen = `${password} ${language}`;
    await fill(page, 'new_password', chosen);
    await fill(page, 'again', chosen);
    await page.locator('form button.primary').click();
    await expect(page).toHaveURL(/\/login\?done=password$/);
    await expect(page.getByRole('status')).toContainText(language === 'en' ? 'new password is set' : '新密码已设置');
    await fill(page, 'username', 'lee');
    await fill(page, 'password', chosen);
    await Promise.all([page.waitForURL((url) => url.pathname !== '/login'), page.locator('form button.primary').click()]);
    // It worked once.
    await page.context().clearCookies();
    await look(page, installation.url, language, 'light');
    await page.goto(linkOf(mail));
    await expect(page.getByRole('alert')).toBeVisible();
    await expect(page.locator('[name="new_password"]')).toHaveCount(0);
    await expect(page.locator('a[href="/forgot"]')).toBeVisible();
    await expectAccessible(page);
    expect(installation.log()).not.toContain(linkOf(mail).split('token=')[1]);
  });
}

test('the bell counts what is new, and one chooses how one is told', async ({ page, installation, signIn }) => {
  await signIn(page, { name: 'lee', password: `${password} zh` });
  installation.sql("update users set language = 'en' where name = 'lee' returning id");
  await page.goto('/account');
  await expect(page.locator('.bell .badge')).toHaveText('2');
  await expectAccessible(page);
  await expectNoSideScroll(page);
  await page.locator('.bell').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Notifications');
  await expect(page.locator('tbody tr')).toHaveCount(2);
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Mark all as read' }).click();
  await expect(page.locator('.bell .badge')).toHaveCount(0);
});
