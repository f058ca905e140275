// Images: added by address, uploaded in chunks with a pause and a reload in between, reviewed, found in the market.
import fs from 'node:fs';

import { imageArchive } from '../fixtures/archive.js';
import { expect, expectAccessible, sayYes, test } from '../fixtures/test.js';

// A chunk that never arrives, and an archive that is none.
test.use({ expectedConsole: /ERR_FAILED|status of 400/ });

test('an admin adds an image by its address and lists it', async ({ page, signIn }) => {
  await signIn(page);
  await page.goto('/admin/images/new');
  await page.locator('[name="form[name]"]').fill('Journey JAX');
  await page.locator('[name="form[address]"]').fill('https://nvcr.io/nvidia/jax');
  await page.locator('form button.primary').click();
  await expect(page.locator('[name="form[address]"]')).toHaveAttribute('aria-invalid', 'true');
  await page.locator('[name="form[address]"]').fill('nvcr.io/nvidia/jax:24.04-py3');
  await page.locator('form button.primary').click();
  await expect(page).toHaveURL(/\/admin\/images\/\d+$/);
  await page.locator('form', { has: page.locator('[name="listed"]') }).locator('button').click();
  await expect(page.locator('h1 ~ .state.ok')).toHaveCount(2);
  await expectAccessible(page);
  await page.goto('/admin/images?q=journey&listed=true');
  await expect(page.locator('tbody tr')).toHaveCount(1);
  await page.locator('tbody a').click();
  await sayYes(page.getByRole('button', { name: 'Delete image' }));
  await expect(page).toHaveURL(/\/admin\/images$/);
});

test('an archive is uploaded in chunks, goes on after a reload, and is reviewed', async ({ page, signIn }) => {
  test.slow();
  await signIn(page);
  // On disk, so that it is the same file after the reload, with its time.
  const file = test.info().outputPath('journey.tar');
  fs.writeFileSync(file, imageArchive('journey', 40 << 20, ['nvcr.io/nvidia/cuda:12']));
  await page.goto('/admin/images/upload');
  // The second chunk never arrives while this holds.
  await page.route('**/chunks/1', (route) => route.abort());
  await page.locator('[name="name"]').fill('Journey upload');
  await page.locator('rg-upload input').setInputFiles(file);
  await page.locator('form button.primary').click();
  await expect(page.locator('rg-upload progress')).toBeVisible();
  await expect.poll(() => page.locator('rg-upload progress').evaluate((bar: HTMLProgressElement) => bar.value)).toBeGreaterThan(0.5);
  await page.locator('rg-upload button').first().click();
  await page.unroute('**/chunks/1');
  page.on('dialog', (dialog) => dialog.accept());
  await page.reload();
  await expect(page.locator('rg-upload [role="status"]')).toContainText('journey.tar');

  let sent = 0;
  page.on('request', (request) => void (request.url().includes('/chunks/') && sent++));
  await page.locator('[name="name"]').fill('Journey upload');
  await page.locator('rg-upload input').setInputFiles(file);
  await page.locator('form button.primary').click();
  await expect(page).toHaveURL(/\/admin\/images\/\d+$/, { timeout: 60_000 });
  expect(sent).toBeLessThanOrEqual(3);
  await expect(page.locator('.facts')).toContainText('sha256:');
  await expect(page.locator('#review .note-line').last()).toContainText('nvcr.io/nvidia/cuda:12');
  await page.locator('#review textarea').fill('It has no licence.');
  await page.locator('#review button.danger').click();
  await expect(page.locator('h1 ~ .state.bad')).toBeVisible();
  await page.locator('#review button.primary').click();
  await expect(page.locator('h1 ~ .state.ok')).toBeVisible();
  await sayYes(page.getByRole('button', { name: 'Delete image' }));
  await expect(page).toHaveURL(/\/admin\/images$/);
});

test('what is no image is refused with the reason, and the form keeps what was typed', async ({ page, signIn }) => {
  await signIn(page);
  await page.goto('/admin/images/upload');
  await page.locator('[name="name"]').fill('No image');
  await page.locator('rg-upload input').setInputFiles({ name: 'no.tar', mimeType: 'application/x-tar', buffer: Buffer.from('no image') });
  await page.locator('form button.primary').click();
  await expect(page.locator('rg-upload [role="alert"]')).toContainText('docker save');
  await expect(page.locator('[name="name"]')).toHaveValue('No image');
});
