// Machines: add by form, refused input keeps what was typed, find, edit; without JavaScript too.
import { expect, expectAccessible, test } from '../fixtures/test.js';

test('an admin adds a machine, is told what is wrong, finds and edits it', async ({ page, signIn }) => {
  await signIn(page);
  await page.goto('/admin/machines/new');
  await page.locator('[name="form[name]"]').fill('Rack 7 node 2');
  await page.locator('[name="form[id]"]').fill('Rack 7!');
  await page.locator('form button.primary').click();
  await expect(page.locator('[name="form[id]"]')).toHaveAttribute('aria-invalid', 'true');
  await expect(page.locator('[name="form[name]"]')).toHaveValue('Rack 7 node 2');

  await page.locator('[name="form[id]"]').fill('rack7-2');
  await page.locator('[name="form[region]"]').fill('east');
  await page.locator('form button.primary').click();
  await expect(page).toHaveURL(/\/admin\/machines\/rack7-2$/);
  await expect(page.locator('h1')).toContainText('Rack 7 node 2');
  await expectAccessible(page);

  await page.goto('/admin/machines?q=rack+7');
  await expect(page.locator('tbody tr')).toHaveCount(1);
  await page.goto('/admin/machines?q=no-such-machine');
  await expect(page.locator('tbody tr')).toHaveCount(0);

  await page.goto('/admin/machines/rack7-2/edit');
  await page.locator('[name="form[region]"]').fill('west');
  await page.locator('form button.primary').click();
  await expect(page).toHaveURL(/\/admin\/machines\/rack7-2$/);
  await expect(page.locator('body')).toContainText('west');
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });
  test('signing in, adding and reading a machine work', async ({ page, signInByForm }) => {
    await signInByForm(page);
    await page.goto('/admin/machines/new');
    await page.locator('[name="form[name]"]').fill('Plain form');
    await page.locator('[name="form[id]"]').fill('plain-form');
    await page.locator('form button.primary').click();
    await expect(page).toHaveURL(/\/admin\/machines\/plain-form$/);
    await page.goto('/admin/metrics');
    await expect(page.locator('.tile', { hasText: 'Plain form' })).toBeVisible();
  });
});
