// Somebody binds their account to a sign-in service and comes in by it; staff part it, and that way is shut.
import { Page } from '@playwright/test';
import { Credentials } from '../fixtures/installation.js';
import { CLIENT, Service } from '../fixtures/oidc.js';
import { expect, expectAccessible, expectNoSideScroll, sayYes, test } from '../fixtures/test.js';

test.describe.configure({ mode: 'serial' });
// The sign-in page of the others has no button for it. The question is scrolled to by its fragment, so what a closed question
// gives the focus when it opens cannot have it at once.
test.use({ apart: 'binding', expectedConsole: /^info: Autofocus processing was blocked because a document's URL has a fragment/ });

const zoe: Credentials = { name: 'zoe', password: 'three unusual words: quokka' };
const PROVIDER = 'Lab SSO';
let service: Service;

test.beforeAll(async ({ installation }) => {
  service = await Service.start();
  const token = await installation.token(installation.admin);
  const person = { username: zoe.name, displayName: 'Zoe', password: zoe.password, roles: [] };
  const added = await installation.rest(token, '/api/admin/users', 'POST', person);
  expect(added.status, JSON.stringify(added.body)).toBe(201);
  // Nobody gets an account by coming: whoever is bound to none stays outside.
  const oidc = { issuer: service.issuer, clientId: CLIENT, scopes: ['profile'], nameClaim: 'preferred_username', groupsClaim: 'groups' };
  const people = { createsAccounts: false, onlyMapped: false, mappings: [] };
  const provider = { kind: 'oidc', name: PROVIDER, enabled: true, oidc, secret: 'unread', ...people };
  const made = await installation.rest(token, '/api/admin/settings/identity-providers', 'POST', provider);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
});
test.afterAll(() => service.stop());

async function comeBy(page: Page, next: string): Promise<void> {
  await page.goto(`/login?next=${next}`);
  await page.getByRole('link', { name: `Sign in with ${PROVIDER}` }).click();
}

/** The newest of what the bell tells. */
async function expectTold(page: Page, text: string): Promise<void> {
  await page.locator('.bell').click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Notifications');
  await expect(page.locator('tbody tr').first()).toContainText(text);
}

/** Who did it and how it ended, newest first. */
async function expectAudited(page: Page, action: string, rows: [string, string][]): Promise<void> {
  await page.goto(`/admin/audit?action=${action}`);
  const events = page.getByRole('list', { name: 'Audit' }).locator('summary');
  await expect(events).toHaveCount(rows.length);
  for (const [index, [actor, outcome]] of rows.entries()) {
    await expect(events.nth(index)).toContainText(actor);
    await expect(events.nth(index)).toContainText(`User ${zoe.name}`);
    await expect(events.nth(index)).toContainText(outcome);
  }
}

test('who is bound to nobody stays outside, and is told what to do', async ({ page }) => {
  await comeBy(page, '/account/sessions');
  await expect(page.getByRole('alert')).toHaveText(`${PROVIDER} knows you, but you have no account here. Ask an administrator.`);
  await expect(page.locator('input[name="next"]').first(), 'where they wanted to go').toHaveValue('/account/sessions');
});

test('an account is bound with its password alone, and comes in by the service', async ({ page, signIn }) => {
  await signIn(page, zoe);
  await page.goto('/account/security');
  const services = page.locator('#services');
  await expect(services).toContainText('This account is bound to no other service.');
  await services.getByRole('link', { name: `Bind to ${PROVIDER}` }).click();
  const question = page.locator('#link');
  await expect(question).toContainText(`${PROVIDER} says that you are wanda.`);
  // Coming back has bound nothing yet.
  await expect(services).toContainText('This account is bound to no other service.');
  await expectAccessible(page);
  await expectNoSideScroll(page);

  await question.getByLabel('Password').fill('of somebody else');
  await question.getByRole('button', { name: 'Bind', exact: true }).click();
  await expect(question.getByLabel('Password')).toHaveAccessibleDescription(/^This is not your password\./);
  await expect(services).toContainText('This account is bound to no other service.');
  await question.getByLabel('Password').fill(zoe.password);
  await question.getByRole('button', { name: 'Bind', exact: true }).click();
  await expect(page.getByRole('status').filter({ hasText: 'The account is bound.' })).toBeVisible();
  await expect(services.getByRole('row', { name: PROVIDER })).toContainText('wanda');
  await expectTold(page, `Zoe bound your account to ${PROVIDER}: whoever is wanda there signs in to it.`);

  await page.goto('/account');
  await page.getByRole('button', { name: 'Sign out' }).first().click();
  await expect(page).toHaveURL(/\/login/);
  await comeBy(page, '/account/security');
  await expect(page).toHaveURL(/\/account\/security$/);
  await expect(services.getByRole('row', { name: PROVIDER })).not.toContainText('Never');
});

test('staff part it: every session ends, the way is shut, and the owner is told', async ({ page, installation, signIn, browser }) => {
  await comeBy(page, '/account');
  await expect(page.locator('main')).toContainText(zoe.name);

  const context = await browser.newContext({ baseURL: installation.url });
  const staff = await context.newPage();
  await signIn(staff);
  await staff.goto('/admin/users');
  await staff.getByRole('link', { name: zoe.name, exact: true }).click();
  const bound = staff.locator('#identities');
  await expect(bound.getByRole('row', { name: PROVIDER })).toContainText('wanda');
  await expectAccessible(staff);
  await sayYes(bound.getByRole('button', { name: `Part from ${PROVIDER}` }));
  await expect(bound).toHaveCount(0);

  await page.goto('/account');
  await expect(page, 'the session that was open').toHaveURL(/\/login\?next=%2Faccount$/);
  await comeBy(page, '/account');
  await expect(page.getByRole('alert')).toContainText('you have no account here');
  await signIn(page, zoe);
  await page.goto('/account');
  await expectTold(page, `Staff of the platform parted your account from ${PROVIDER}.`);

  await expectAudited(staff, 'accounts:link-identity', [[zoe.name, 'Done'], [zoe.name, 'Failed']]);
  await expectAudited(staff, 'users:unlink-identity', [['admin', 'Done']]);
  await context.close();
});
