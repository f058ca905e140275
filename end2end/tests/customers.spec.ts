// Customers: disabled, deleted and brought back; somebody in two of them chooses; what does not come back is asked about.
import { Credentials } from '../fixtures/installation.js';
import { expect, expectAccessible, expectNoSideScroll, look, test } from '../fixtures/test.js';

test.describe.configure({ mode: 'serial' });
// Whoever looks for a customer that is gone is answered 404.
test.use({ expectedConsole: /404/ });

let owner: Credentials;
const ids: number[] = [];

test('an admin adds two customers, the first with its owner', async ({ page, installation, signIn }) => {
  await signIn(page);
  await look(page, installation.url, 'en', 'light');
  await page.goto('/admin/customers/new');
  await page.locator('[name="form[name]"]').fill('Tyrell North');
  await page.locator('[name="form[owner_email]"]').fill('eve@tyrell.example');
  await page.locator('form button.primary').click();
  await expect(page.locator('[name="form[owner_username]"]')).toHaveAttribute('aria-invalid', 'true');
  await page.locator('[name="form[owner_username]"]').fill('tyrell.eve');
  await page.locator('form button.primary').click();
  const secret = (await page.locator('.secret code').textContent())!.trim().split(/\s+/);
  owner = { name: secret[0], password: secret[1] };
  expect(owner.name).toBe('tyrell.eve');
  await page.reload();
  await expect(page.locator('body')).not.toContainText(owner.password);
  await expect(page.getByRole('row', { name: /People/ })).toContainText('1');
  await expect(page.getByRole('heading', { name: 'Instances and costs' })).toBeVisible();
  await expectAccessible(page);
  await page.locator('form.filters input[name="q"]').fill('nobody');
  await page.locator('form.filters button').click();
  await expect(page.locator('main')).toContainText('Nothing matches these filters.');
  await page.locator('form.filters input[name="q"]').fill('EVE');
  await page.locator('form.filters button').click();
  await expect(page.getByRole('row', { name: /tyrell\.eve/ })).toBeVisible();

  const token = await installation.token(installation.admin);
  ids.push(Number(new URL(page.url()).pathname.split('/').at(-1)));
  ids.push((await installation.rest(token, '/api/admin/customers', 'POST', { name: 'Tyrell South' })).body.data.customer.id);
  const added = await installation.rest(token, `/api/admin/customers/${ids[1]}/members`, 'POST', { username: owner.name, existing: true });
  expect(added.status).toBe(201);
  // A member is no owner: the list says so, and can be asked for it.
  await page.goto('/admin/customers?q=Tyrell');
  await expect(page.getByRole('row', { name: /Tyrell South/ })).toContainText('No owner');
  await expect(page.getByRole('row', { name: /Tyrell North/ })).not.toContainText('No owner');
  await page.locator('select[name="state"]').selectOption('no-owner');
  await page.locator('form.filters button').click();
  await expect(page.locator('tbody tr')).toHaveCount(1);
  await expect(page.locator('tbody tr')).toContainText('Tyrell South');
  await expectAccessible(page);
});

test('somebody in both acts for the one that was chosen, without a script too', async ({ browser, installation, signIn }) => {
  const context = await browser.newContext({ javaScriptEnabled: false, baseURL: installation.url });
  const page = await context.newPage();
  await signIn(page, owner);
  await look(page, installation.url, 'en', 'dark');
  await page.goto('/');
  await expect(page.locator('main')).toContainText('Tyrell North');
  await page.locator('details.menu > summary').click();
  await page.getByRole('button', { name: 'Tyrell South' }).click();
  await expect(page).toHaveURL(`${installation.url}/`);
  await expect(page.locator('main')).toContainText('Tyrell South');
  // A member there, and no owner.
  await expect(page.getByRole('link', { name: 'Members', exact: true })).toHaveCount(0);
  await context.close();
});

test('a customer is disabled, deleted and brought back, each asked about once more', async ({ page, browser, installation, signIn }) => {
  await signIn(page);
  await look(page, installation.url, 'en', 'light');
  const theirs = await browser.newContext({ baseURL: installation.url });
  const other = await theirs.newPage();
  await signIn(other, owner);
  await page.goto(`/admin/customers/${ids[0]}`);
  await page.getByRole('button', { name: 'Disable' }).click();
  await page.getByRole('button', { name: 'Disable this customer' }).click();
  await expect(page.locator('h1 ~ .state')).toHaveText('Disabled');
  await other.goto('/account');
  await expect(other.locator('main')).toContainText(/Choose one in the menu/);

  await page.getByRole('button', { name: 'Delete' }).click();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Delete this customer' }).click();
  await expect(page.locator('h1 ~ .state')).toHaveText('Deleted');
  await page.goto('/admin/customers?q=Tyrell+North');
  await expect(page.locator('tbody tr')).toHaveCount(0);
  await page.goto('/admin/customers?q=Tyrell+North&state=deleted');
  await page.locator('tbody a').click();
  await page.getByRole('button', { name: 'Bring back' }).click();
  await expect(page.locator('h1 ~ .state'), 'as it was').toHaveText('Disabled');
  await page.getByRole('button', { name: 'Enable' }).click();
  await other.goto('/');
  await expect(other.locator('main')).toContainText('Tyrell North');
  await theirs.close();

  await page.setViewportSize({ width: 360, height: 740 });
  await page.reload();
  await expectNoSideScroll(page);
  // Its only owner's account stays.
  const token = await installation.token(installation.admin);
  const user = (await installation.rest(token, `/api/admin/users?q=${owner.name}`)).body.data.list[0].id;
  const refused = await installation.rest(token, `/api/admin/users/${user}`, 'DELETE');
  expect([refused.status, refused.body.code]).toEqual([422, 1402]);
});

test('an announcement is asked about once more before it is gone', async ({ page, installation, signIn }) => {
  await signIn(page);
  await look(page, installation.url, 'en', 'light');
  const token = await installation.token(installation.admin);
  await installation.rest(token, '/api/admin/announcements', 'POST', { title: 'Gone soon', audience: 'staff' });
  await page.goto('/admin/announcements');
  const row = page.getByRole('row', { name: /Gone soon/ });
  const remove = row.getByRole('button', { name: 'Remove Gone soon' });
  const question = page.getByRole('dialog', { name: 'Remove Gone soon' });
  // By the keyboard: the focus goes to what does nothing, and comes back.
  await remove.focus();
  await page.keyboard.press('Enter');
  await expect(question).toContainText('does not come back');
  await expect(question.getByRole('button', { name: 'Back' })).toBeFocused();
  await expectAccessible(page);
  await page.keyboard.press('Escape');
  await expect(question).toBeHidden();
  await expect(remove).toBeFocused();
  await page.setViewportSize({ width: 360, height: 740 });
  await remove.click();
  await expectNoSideScroll(page);
  await expect(question).toBeInViewport({ ratio: 1 });
  await question.getByRole('button', { name: 'Back' }).click();
  await expect(row).toBeVisible();
  await remove.click();
  await question.getByRole('button', { name: 'Remove this announcement' }).click();
  await expect(row).toHaveCount(0);
});

test('an announcement appears on a page that is open, and goes', async ({ page, installation, signIn }) => {
  await signIn(page);
  await look(page, installation.url, 'en', 'light');
  const token = await installation.token(installation.admin);
  await page.goto('/admin/machines');
  // Its line is open: the bell has its list.
  await expect(page.locator('rg-bell details.menu')).toBeVisible();
  await page.evaluate(() => Object.assign(window, { kept: true }));
  const made = await installation.rest(token, '/api/admin/announcements', 'POST', { title: 'Fans are cleaned now', audience: 'staff' });
  const banner = page.locator('#announced').getByText('Fans are cleaned now');
  // Pages ask within twenty seconds, so that not all do at once.
  await expect(banner).toBeVisible({ timeout: 30_000 });
  await expectAccessible(page);
  await installation.rest(token, `/api/admin/announcements/${made.body.data.id}`, 'DELETE');
  await expect(banner).toHaveCount(0, { timeout: 30_000 });
  expect(await page.evaluate(() => 'kept' in window), 'it is the same page').toBe(true);

  // Whoever puts one away by the keyboard goes on with what follows, and not at the page's top.
  const lamps = await installation.rest(token, '/api/admin/announcements', 'POST', { title: 'Lamps are new', audience: 'staff' });
  await page.goto('/admin/machines');
  await page.getByRole('button', { name: 'Dismiss: Lamps are new' }).press('Enter');
  await expect(page).toHaveURL(/\/admin\/machines#content$/);
  await expect(page.getByRole('main')).toBeFocused();
  await expect(page.getByText('Lamps are new')).toHaveCount(0);
  await installation.rest(token, `/api/admin/announcements/${lamps.body.data.id}`, 'DELETE');
});

test('a member leaves, is asked first, and goes on without the customer', async ({ page, installation, signIn }) => {
  installation.cli(['admin', 'create-customer', 'Wallace', '--owner', 'wallace']);
  const password = installation.cli(['admin', 'add-member', 'Wallace', 'joi']);
  await signIn(page, { name: 'joi', password });
  await look(page, installation.url, 'en', 'light');
  await page.goto('/account');
  await page.getByRole('button', { name: 'Leave Wallace' }).first().click();
  const question = page.getByRole('dialog', { name: 'Leave Wallace' });
  await expect(question).toContainText('at once');
  await expect(question.getByRole('button', { name: 'Back' })).toBeFocused();
  await expectAccessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSideScroll(page);
  await question.getByRole('button', { name: 'Leave Wallace' }).click();
  await expect(page).toHaveURL(/\/account$/);
  await expect(page.locator('main')).toContainText('You belong to no customer here yet');
});
