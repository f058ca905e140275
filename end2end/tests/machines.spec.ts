// Machines: add by form, refused input keeps what was typed, find, edit; without JavaScript too.
import { expect, expectAccessible, expectNoSideScroll, look, test } from '../fixtures/test.js';

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
  test('signing in, adding and reading a machine work', async ({ page, signIn }) => {
    await signIn(page);
    await page.goto('/admin/machines/new');
    await page.locator('[name="form[name]"]').fill('Plain form');
    await page.locator('[name="form[id]"]').fill('plain-form');
    await page.locator('form button.primary').click();
    await expect(page).toHaveURL(/\/admin\/machines\/plain-form$/);
    await page.goto('/admin/metrics');
    await expect(page.locator('.tile', { hasText: 'Plain form' })).toBeVisible();
  });
});

for (const language of ['zh', 'en'] as const) {
  for (const theme of ['light', 'dark'] as const) {
    test(`pages are accessible and fit a phone (${language}, ${theme})`, async ({ page, installation, signIn }) => {
      await look(page, installation.url, language, theme);
      await page.goto('/login');
      await expect(page.locator('html')).toHaveAttribute('lang', language === 'zh' ? 'zh-CN' : 'en');
      await expectAccessible(page);
      await signIn(page);
      for (const path of ['/admin', '/admin/metrics', '/admin/machines', '/admin/machines/new', '/admin/machines/import', '/admin/machines/join-tokens', '/admin/customers', '/admin/allocations', '/admin/allocations/timeline', '/admin/audit', '/account']) {
        await page.setViewportSize({ width: 1280, height: 800 });
        await page.goto(path);
        await expect(page.locator('html')).toHaveAttribute('lang', language === 'zh' ? 'zh-CN' : 'en');
        await expect(page.locator('html')).toHaveAttribute('data-theme', theme);
        await expectAccessible(page);
        await page.setViewportSize({ width: 360, height: 740 });
        await expectNoSideScroll(page);
      }
    });
  }
}
