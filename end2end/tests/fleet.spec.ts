// Running machines: many at once, columns, maintenance told to who has the machine, connection data, the palette.
import { Credentials } from '../fixtures/installation.js';
import { expect, expectAccessible, expectNoSideScroll, look, test } from '../fixtures/test.js';

test.describe.configure({ mode: 'serial' });

let owner: Credentials;

test('many machines are acted on at once, and what is refused says why', async ({ page, installation, signIn }) => {
  const token = await installation.token(installation.admin);
  for (const id of ['fleet-1', 'fleet-2', 'fleet-3']) await installation.rest(token, '/api/admin/machines', 'POST', { id, name: id });
  owner = { name: 'stark-owner', password: installation.cli(['admin', 'create-customer', 'Stark Optics', '--owner', 'stark-owner']) };
  const customers = (await installation.rest(token, '/api/admin/customers?q=Stark')).body.data.list;
  await installation.rest(token, '/api/admin/machines/fleet-2/allocate', 'POST', { customerId: customers[0].id, months: 1 });

  await signIn(page);
  await look(page, installation.url, 'en', 'light');
  await page.goto('/admin/machines?q=fleet-');
  await expectAccessible(page);
  await page.getByRole('checkbox', { name: 'Choose all rows' }).check();
  await expect(page.getByRole('checkbox', { name: 'Choose fleet-3' })).toBeChecked();
  await page.getByRole('combobox', { name: 'With the chosen machines' }).selectOption({ label: 'Retire' });
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect(page.getByRole('row', { name: /fleet-2/ })).toContainText('Stark Optics has this machine until');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Do it for 2 machines' }).click();
  await expect(page.getByRole('status').filter({ hasText: 'Done for 2 machines: Retire' })).toBeVisible();
  await expectAccessible(page);
  await page.goto('/admin/machines?serviceState=retired');
  await expect(page.locator('tbody tr')).toHaveCount(2);
});

test('a person keeps their columns, and copies a code from the row', async ({ page, context, installation, signIn }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await signIn(page);
  await look(page, installation.url, 'en', 'dark');
  await page.goto('/admin/machines?q=fleet-');
  await page.getByText('Columns', { exact: true }).click();
  await page.getByRole('checkbox', { name: 'Let as' }).uncheck();
  await page.getByRole('checkbox', { name: 'Private address' }).check();
  await page.locator('.columns').getByRole('button').click();
  await expect(page).toHaveURL(/q=fleet-/);
  await expect(page.getByRole('columnheader', { name: 'Private address' })).toBeVisible();
  await expect(page.getByRole('columnheader', { name: 'Let as' })).toHaveCount(0);
  await page.reload();
  await expect(page.getByRole('columnheader', { name: 'Private address' })).toBeVisible();

  await page.getByLabel('Actions for fleet-2').click();
  await page.getByRole('button', { name: 'Copy code' }).click();
  await expect(page.getByRole('button', { name: 'Copied' })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('fleet-2');
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSideScroll(page);
});

test('who has the machine reads of its maintenance', async ({ page, browser, installation, signIn }) => {
  await signIn(page);
  await look(page, installation.url, 'en', 'light');
  await page.goto('/admin/machines/fleet-2');
  await page.getByRole('link', { name: 'Service', exact: true }).click();
  await expectAccessible(page);
  await page.getByLabel('Ends').fill('2020-01-01T10:00');
  await page.getByLabel('What they read').fill('New fans');
  await page.getByRole('button', { name: 'Plan maintenance' }).click();
  await expect(page.locator('.fault')).toContainText('after the beginning');
  await expect(page.getByLabel('What they read')).toHaveValue('New fans');
  const later = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 16);
  await page.getByLabel('Begins').fill(later(48));
  await page.getByLabel('Ends').fill(later(52));
  await page.getByRole('button', { name: 'Plan maintenance' }).click();
  await expect(page.getByText('Maintenance planned')).toBeVisible();

  // The secret is taken and never shown.
  await page.getByLabel('User').fill('root');
  await page.getByLabel('Password').fill('open sesame 42');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Password stored')).toBeVisible();
  expect(await page.content()).not.toContain('open sesame');
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSideScroll(page);

  const theirs = await (await browser.newContext({ baseURL: installation.url })).newPage();
  await signIn(theirs, owner);
  await look(theirs, installation.url, 'en', 'light');
  for (const path of ['/', '/machines/fleet-2']) {
    await theirs.goto(path);
    await expect(theirs.getByRole('main').getByText('New fans')).toBeVisible();
    await expectAccessible(theirs);
  }
  await theirs.context().close();
});

test('the palette finds machines, actions and pages by keyboard', async ({ page, installation, signIn }) => {
  await signIn(page);
  await look(page, installation.url, 'en', 'light');
  await page.goto('/admin/machines');
  await page.keyboard.press('Control+k');
  const box = page.getByRole('combobox', { name: 'Search machines, pages, actions…' });
  await expect(box).toBeFocused();
  await box.fill('fleet-2');
  await expect(page.getByRole('option', { name: /fleet-2.*Machine/ })).toBeVisible();
  await expectAccessible(page);
  await page.keyboard.press('ArrowDown');
  await expect(page.locator('rg-palette [aria-selected="true"]')).toContainText('Service of fleet-2');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/admin\/machines\/fleet-2\/service$/);
  // On a machine's page its own actions come first, by whatever people call them.
  await page.keyboard.press('Control+k');
  await box.fill('维护');
  await expect(page.locator('rg-palette [aria-selected="true"]')).toContainText('Plan maintenance: fleet-2');
  // The first clears the box, as in every search box; the second closes.
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  await page.keyboard.press('Escape');
  await expect(page.locator('dialog[open]')).toHaveCount(0);
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });
  test('searching and acting work', async ({ page, installation, signIn }) => {
    await signIn(page);
    await look(page, installation.url, 'en', 'light');
    await page.goto('/search?q=fleet-1');
    await page.locator('#hits').getByRole('link', { name: /Service of fleet-1/ }).click();
    await page.getByRole('button', { name: 'Return to service' }).click();
    await expect(page.locator('.head')).toContainText('In service');
  });
});
