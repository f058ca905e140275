// Budgets: an owner sets one and changes it, staff cap it and lift it; without JavaScript, because every page works without.
import { expect, expectAccessible, test } from '../fixtures/test.js';

// What is done leads back to the card; the questions there cannot take the focus then, and the browser says so.
test.use({ expectedConsole: /^info: Autofocus processing was blocked because a document's URL has a fragment/ });

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });
  test('an owner sets a budget, staff set another and lift it for the month', async ({ page, signIn, installation }) => {
    const token = await installation.token(installation.admin);
    const answer = await installation.rest(token, '/api/admin/customers', 'POST', {
      name: 'Budget keepers',
      owner: { username: 'keeper', displayName: 'Keeper' },
    });
    const { customer, owner } = answer.body.data;

    await signIn(page, { name: owner.username, password: owner.password });
    await page.goto('/billing');
    const form = page.locator('#budgets form', { has: page.locator('[name="form[amount]"]') });
    await page.locator('#budgets summary').click();
    await form.locator('[name="form[name]"]').fill('Everything');
    await form.locator('[name="form[amount]"]').fill('nothing');
    await form.locator('[name="form[thresholds]"]').fill('60, 90');
    await form.locator('button').click();
    await expect(form.locator('[name="form[amount]"]')).toHaveAttribute('aria-invalid', 'true');
    await expect(form.locator('[name="form[thresholds]"]')).toHaveValue('60, 90');
    await form.locator('[name="form[amount]"]').fill('1234.5');
    await form.locator('[name="form[rule]"]').selectOption('refuse');
    await form.locator('button').click();
    const rows = page.locator('#budgets tbody tr');
    await expect(rows).toHaveCount(1);
    await expect(rows).toContainText('1,234.50 CNY');
    await rows.locator('a[href*="budget="]').click();
    await expect(form.locator('[name="form[amount]"]')).toHaveValue('1234.5');
    await form.locator('[name="form[amount]"]').fill('2000');
    await form.locator('button').click();
    await expect(rows).toContainText('2,000.00 CNY');

    await signIn(page, installation.admin);
    await page.goto(`/admin/customers/${customer.id}`);
    await page.locator('#budgets summary').click();
    await form.locator('[name="form[name]"]').fill('Cap');
    await form.locator('[name="form[amount]"]').fill('5000');
    await form.locator('[name="form[rule]"]').selectOption('stop');
    await form.locator('button').click();
    await expect(rows).toHaveCount(2);
    const cap = rows.filter({ hasText: 'Cap' });
    await cap.locator('[popovertarget^="ask-lift"]').first().click();
    await cap.locator('[name="because"]').fill('The demo week');
    await cap.locator('.ask .btn.danger').first().click();
    await expect(cap).toContainText('The demo week');
    await expect(cap.locator('.state.info')).toBeVisible();
    await page.goto('/admin/billing');
    await expect(page.locator('#budgets')).toContainText('Budget keepers');

    // What staff set, its owner sees and does not change.
    await signIn(page, { name: owner.username, password: owner.password });
    await page.goto('/billing');
    await expect(rows).toHaveCount(2);
    await expect(rows.filter({ hasText: 'Cap' }).locator('a[href*="budget="]')).toHaveCount(0);
    await rows.filter({ hasText: 'Everything' }).locator('[popovertarget^="ask-budget"]').first().click();
    await page.locator('.ask:popover-open .btn.danger').click();
    await expect(rows).toHaveCount(1);
  });
});

test('the page of budgets can be used by everybody', async ({ page, signIn, installation }) => {
  const token = await installation.token(installation.admin);
  const made = (await installation.rest(token, '/api/admin/customers', 'POST', { name: 'Budget readers' })).body.data;
  const customerId = made.customer.id;
  await installation.rest(token, '/api/admin/billing/budgets', 'POST', { customerId, name: 'Cap', amount: '10', rule: 'stop' });
  await signIn(page);
  await page.goto(`/admin/customers/${customerId}`);
  await page.locator('#budgets summary').click();
  await expectAccessible(page);
});
