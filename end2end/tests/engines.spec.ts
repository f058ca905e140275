// The Docker Engine of a machine: said, tried, mended; without JavaScript, because every page works without.
import { expect, expectAccessible, test } from '../fixtures/test.js';

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });
  test('an admin says how an engine is reached, and is told why it is not', async ({ page, signIn }) => {
    await signIn(page);
    await page.goto('/admin/machines/new');
    await page.locator('[name="form[name]"]').fill('Engine room');
    await page.locator('[name="form[id]"]').fill('engine-room');
    await page.locator('form button.primary').click();
    await page.locator('a[href="/admin/machines/engine-room/docker"]').click();
    const form = page.locator('form', { has: page.locator('[name="form[kind]"]') });
    await form.locator('[name="form[host]"]').fill('169.254.169.254');
    await form.locator('button.primary').click();
    await expect(page.locator('[name="form[host]"]')).toHaveAttribute('aria-invalid', 'true');
    await expect(page.locator('[name="form[host]"]')).toHaveValue('169.254.169.254');

    await form.locator('[name="form[kind]"]').selectOption('local');
    await form.locator('[name="form[socket]"]').fill('/nonexistent/docker.sock');
    await form.locator('button.primary').click();
    await expect(page.locator('body')).toContainText('unix:///nonexistent/docker.sock');
    await page.locator('#test button').click();
    await expect(page.locator('#test .state.bad')).toBeVisible();
  });
});

test('the page of an engine that is not reached can be read by everybody', async ({ page, signIn }) => {
  await signIn(page);
  await page.goto('/admin/machines/new');
  await page.locator('[name="form[name]"]').fill('Engine room two');
  await page.locator('[name="form[id]"]').fill('engine-room-2');
  await page.locator('form button.primary').click();
  await page.goto('/admin/machines/engine-room-2/docker');
  await expectAccessible(page);
});

test.describe('through the agent, without JavaScript', () => {
  test.use({ javaScriptEnabled: false });
  test('a machine without an agent says that its agent is not linked', async ({ page, signIn }) => {
    await signIn(page);
    await page.goto('/admin/machines/new');
    await page.locator('[name="form[name]"]').fill('Engine room three');
    await page.locator('[name="form[id]"]').fill('engine-room-3');
    await page.locator('form button.primary').click();
    await page.goto('/admin/machines/engine-room-3/docker');
    const form = page.locator('form', { has: page.locator('[name="form[kind]"]') });
    await form.locator('[name="form[kind]"]').selectOption('agent');
    await form.locator('button.primary').click();
    await page.locator('#test button').click();
    await expect(page.locator('#test .state.bad')).toBeVisible();
    await expect(page.locator('#test')).not.toContainText('engine-fault');
  });
});
