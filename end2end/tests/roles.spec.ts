// Custom roles: what they show, what they hide, and that the server refuses what is hidden; people and members; without
// JavaScript; accessible in both languages.
import { expect, expectAccessible, expectNoSideScroll, look, sayYes, test } from '../fixtures/test.js';

// What somebody may not see is not there.
test.use({ apart: 'roles', expectedConsole: /404/ });

const PASSWORD = 'a long enough password';

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('an admin makes a role and gives it to a new person, who sees and may exactly that', async ({ page, browser, installation, signIn, signInByForm }) => {
    await signIn(page);
    await page.goto('/admin/roles/new');
    await page.locator('[name="form[name]"]').fill('Night shift');
    await page.locator('#p-machines-view').check();
    await page.locator('main form button.primary').click();
    await expect(page.locator('h1')).toHaveText('Night shift');
    await expect(page.locator('code', { hasText: 'machines:view' })).toBeVisible();
    await page.goto('/admin/roles?q=night');
    await expect(page.locator('tbody tr')).toHaveCount(1);
    await expect(page.locator('tbody')).toContainText('Night shift');

    await page.goto('/admin/users/new');
    await page.locator('[name="form[username]"]').fill('night');
    await page.locator('[name="form[password]"]').fill('tiny');
    await page.locator('[name="form[again]"]').fill('tiny');
    await page.locator('[name="form[role]"]').selectOption({ label: 'Night shift' });
    await page.locator('main form button.primary').click();
    await expect(page.locator('[name="form[password]"]')).toHaveAttribute('aria-invalid', 'true');
    await expect(page.locator('[name="form[username]"]')).toHaveValue('night');
    expect(page.url()).not.toContain('tiny');
    await page.locator('[name="form[password]"]').fill(PASSWORD);
    await page.locator('main form button.primary').click();
    await expect(page.locator('[name="form[again]"]')).toHaveAttribute('aria-invalid', 'true');
    await page.locator('[name="form[password]"]').fill(PASSWORD);
    await page.locator('[name="form[again]"]').fill(PASSWORD);
    await page.locator('main form button.primary').click();
    await expect(page.locator('h1')).toHaveText('night');
    await expect(page.locator('body')).toContainText('Night shift');

    // Where the form of a new machine posts to: the person who may not see the form knows it all the same.
    await page.goto('/admin/machines/new');
    const action = await page.locator('main form[method="post"]').getAttribute('action');

    const theirs = await browser.newContext({ baseURL: installation.url, javaScriptEnabled: false });
    const night = await theirs.newPage();
    await signInByForm(night, { name: 'night', password: PASSWORD });
    await expect(night).toHaveURL(/\/admin\/machines$/);
    const nav = night.locator('nav.nav');
    await expect(nav.locator('a[href="/admin/machines"]')).toBeVisible();
    for (const hidden of ['/admin', '/admin/users', '/admin/roles', '/admin/customers', '/admin/audit']) {
      await expect(nav.locator(`a[href="${hidden}"]`)).toHaveCount(0);
    }
    await expect(night.locator('a[href="/admin/machines/new"]')).toHaveCount(0);
    for (const address of ['/admin/machines/new', '/admin/users', '/admin/roles']) {
      expect((await night.goto(address))!.status(), address).toBe(404);
    }
    const refused = await night.request.post(action!, {
      form: { 'form[name]': 'mine' },
      headers: { origin: installation.url, accept: 'application/json' },
    });
    expect(refused.status(), 'the server function refuses what the page hides').toBe(403);

    // Taken away, it is gone at once.
    await page.goto('/admin/users?q=night');
    await page.locator('tbody a', { hasText: 'night' }).click();
    await sayYes(page.getByRole('row', { name: 'Night shift' }).getByRole('button'));
    await expect(page.locator('form[action*="revoke_role"]')).toHaveCount(0);
    await night.goto('/admin/machines');
    await expect(night).toHaveURL(/\/login/);
    await theirs.close();
  });

  test('several people are disabled and enabled from the list', async ({ page, signIn }) => {
    await signIn(page);
    for (const name of ['bulk-one', 'bulk-two']) {
      await page.goto('/admin/users/new');
      await page.locator('[name="form[username]"]').fill(name);
      await page.locator('[name="form[password]"]').fill(PASSWORD);
      await page.locator('[name="form[again]"]').fill(PASSWORD);
      await page.locator('main form button.primary').click();
      await expect(page.locator('h1')).toHaveText(name);
    }
    await page.goto('/admin/users');
    for (const name of ['bulk-one', 'bulk-two', 'admin']) {
      await page.locator('tbody tr', { hasText: name }).first().locator('input[name="ids"]').check();
    }
    await page.locator('#bulk select').selectOption('disable');
    await page.locator('#bulk button').click();
    await expect(page.locator('tbody tr')).toHaveCount(3);
    await page.locator('main form button.primary').click();
    await expect(page).toHaveURL(/\/admin\/users\?done=2&seal=/);
    await expect(page.locator('main')).toContainText('Done for 2 users.');
    await page.goto('/admin/users?state=disabled');
    await expect(page.locator('tbody tr')).toHaveCount(2);
  });

  test('an owner hands the customer over by typing its name', async ({ page, browser, installation, signIn }) => {
    const owner = installation.cli(['admin', 'create-customer', 'Vision Lab', '--owner', 'vision']);
    installation.cli(['admin', 'add-member', 'Vision Lab', 'helper']);
    await signIn(page, { name: 'vision', password: owner });
    await page.goto('/members');
    await expect(page.locator('tbody tr')).toHaveCount(2);
    await page.locator('details.card > summary').click();
    await page.locator('#f-transfer-user').selectOption({ label: 'helper (helper)' });
    await page.locator('[name="confirm"]').fill('vision lab');
    await page.locator('form[action*="transfer_ownership"] button').click();
    await expect(page).toHaveURL(/\/members\?refused=/);
    await expect(page.locator('[name="confirm"]')).toHaveAttribute('aria-invalid', 'true');
    await page.locator('#f-transfer-user').selectOption({ label: 'helper (helper)' });
    await page.locator('[name="confirm"]').fill('Vision Lab');
    await page.locator('form[action*="transfer_ownership"] button').click();
    await expect(page).toHaveURL(/\/login/);
  });
});

test('a question that lies in a menu gives the focus back when it is closed, and so does the menu', async ({ page, installation, signIn }) => {
  const owner = installation.cli(['admin', 'create-customer', 'Focus Lab', '--owner', 'focus']);
  installation.cli(['admin', 'add-member', 'Focus Lab', 'second']);
  await signIn(page, { name: 'focus', password: owner });
  await look(page, installation.url, 'en', 'light');
  await page.goto('/members');
  const row = page.getByRole('row', { name: /second/ });
  const [menu, asks] = [row.getByRole('button', { name: /^Actions for/ }), row.getByRole('button', { name: /^Remove/ }).first()];
  await menu.press('Enter');
  await asks.press('Enter');
  await expect(row.getByRole('button', { name: 'Back' })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(asks).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(menu).toBeFocused();
});

for (const language of ['zh', 'en'] as const) {
  // With something on them they are in fixtures/every-page.ts.
  test(`lists of people with nothing to show are accessible and fit a phone (${language})`, async ({ page, installation, signIn }) => {
    await look(page, installation.url, language, 'light');
    await signIn(page);
    for (const path of ['/admin/users?q=nobody-has-this-name', '/admin/users/bulk?action=disable&ids=1']) {
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.goto(path);
      await expect(page.locator('html')).toHaveAttribute('lang', language === 'zh' ? 'zh-CN' : 'en');
      await expectAccessible(page);
      await page.setViewportSize({ width: 360, height: 740 });
      await expectNoSideScroll(page);
    }
  });
}
