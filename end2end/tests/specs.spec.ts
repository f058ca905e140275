// Specs: added, priced, listed, found, taken away.
import { expect, expectAccessible, sayYes, test } from '../fixtures/test.js';

test('an admin adds a spec, prices it and lists it', async ({ page, signIn }) => {
  await signIn(page);
  await page.goto('/admin/specs/new');
  await page.locator('[name="form[name]"]').fill('Journey spec');
  await page.locator('[name="form[gpu_model]"]').fill('NVIDIA L4');
  await page.locator('form button.primary').click();
  await expect(page.locator('[name="form[gpu_memory_gb]"]')).toHaveAttribute('aria-invalid', 'true');
  await page.locator('[name="form[gpu_memory_gb]"]').fill('24');
  await page.locator('form button.primary').click();
  await expect(page).toHaveURL(/\/admin\/specs\/\d+$/);

  // What would be refused is not offered, and says why.
  await expect(page.locator('.held-back .btn')).toBeDisabled();
  await expect(page.locator('.held-back .hint')).toBeVisible();
  await page.locator('[name="price"]').fill('3.75');
  await page.locator('#prices button.primary').click();
  await expect(page.locator('#prices tbody tr')).toHaveCount(1);
  await page.locator('form', { has: page.locator('[name="listed"]') }).locator('button').click();
  await expect(page.locator('h1 ~ .state.ok')).toBeVisible();
  await expectAccessible(page);

  await page.goto('/admin/specs?q=journey&listed=true');
  await expect(page.locator('tbody tr')).toHaveCount(1);
  await page.locator('tbody a').click();
  await sayYes(page.getByRole('button', { name: 'Delete spec' }));
  await expect(page).toHaveURL(/\/admin\/specs$/);
  await page.goto('/admin/specs?q=journey');
  await expect(page.locator('tbody tr')).toHaveCount(0);
});
