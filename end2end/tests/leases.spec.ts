// Who has a machine and until when, wherever staff look at it; and that an open page says what becomes of it.
import { expect, expectAccessible, expectNoListScroll, expectNoSideScroll, hydrated, look, test } from '../fixtures/test.js';

test.describe.configure({ mode: 'serial' });

/** The customer's owner's, made on the command line. */
let password: string;

const later = (days: number) => new Date(Date.now() + days * 86_400_000 - 60_000).toISOString();

test('the wall, the list and the page of a machine say who has it and how long still', async ({ page, installation, signIn }) => {
  const token = await installation.token(installation.admin);
  password = installation.cli(['admin', 'create-customer', 'Hooli', '--owner', 'hooli-owner']);
  const customer = (await installation.rest(token, '/api/admin/customers?q=Hooli')).body.data.list[0].id;
  for (const id of ['held-1', 'held-2']) await installation.rest(token, '/api/admin/machines', 'POST', { id, name: id });
  const made = await installation.rest(token, '/api/admin/machines/held-1/allocate', 'POST', { customerId: customer, endsAt: later(47), remark: 'Spring term' });
  expect(made.status).toBe(201);

  await signIn(page);
  await look(page, installation.url, 'en', 'light');
  await page.goto('/admin/metrics?q=held-');
  await hydrated(page);
  await expect(page.locator('.tile', { hasText: 'held-1' })).toContainText('Hooli · 47 d left');
  await expect(page.locator('.tile', { hasText: 'held-2' })).toContainText('Free');
  await page.getByRole('link', { name: 'Customer', exact: true }).click();
  await expect(page.locator('.tile').first()).toContainText('held-1');
  await expectAccessible(page);

  await page.goto('/admin/machines?q=held-');
  await expect(page.getByRole('row', { name: /held-1/ })).toContainText('Hooli 47 days left');
  await expectAccessible(page);
  // By who has them: in that order, and of one customer alone.
  await page.getByRole('columnheader', { name: 'Customer' }).getByRole('link').click();
  await expect(page).toHaveURL(/sort=customer/);
  await expect(page.locator('tbody tr').first()).toContainText('held-1');
  await page.locator('.more-filters > summary').click();
  await page.locator('select[name="customerId"]').selectOption({ label: 'Hooli' });
  await page.getByRole('button', { name: 'Filter', exact: true }).click();
  await expect(page).toHaveURL(new RegExp(`customerId=${customer}`));
  await expect(page.locator('tbody tr')).toHaveCount(1);
  await expect(page.locator('select[name="customerId"]')).toHaveValue(String(customer));
  await expectNoListScroll(page);
  await expectAccessible(page);

  await page.goto('/admin/machines/held-1');
  const lease = page.locator('#lease');
  await expect(lease).toContainText('Hooli');
  await expect(lease).toContainText('47 days left');
  await expect(lease).toContainText('Spring term');
  await expect(page.getByRole('link', { name: 'Renew' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Allocate', exact: true })).toHaveCount(0);
  await expectAccessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSideScroll(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await look(page, installation.url, 'zh', 'dark');
  await page.goto('/admin/machines/held-1');
  await expect(lease).toContainText('剩余 47 天');
  await expectAccessible(page);

  // Why a machine is out of service stands beside its state.
  expect((await installation.rest(token, '/api/admin/machines/held-2/cordon', 'POST', { note: 'New fans' })).status).toBe(200);
  await page.goto('/admin/machines?q=held-2');
  await expect(page.getByRole('row', { name: /held-2/ })).toContainText('New fans');
  await page.goto('/admin/machines/held-2');
  await expect(page.locator('.head')).toContainText('New fans');
  await installation.rest(token, '/api/admin/machines/held-2/uncordon', 'POST', {});

  // What changes is on the open wall without a reload.
  await page.goto('/admin/metrics?q=held-');
  await hydrated(page);
  await installation.rest(token, `/api/admin/allocations/${made.body.data.allocation.id}/reclaim`, 'POST', {});
  await expect(page.locator('.tile', { hasText: 'held-1' })).toContainText('Hooli · 回收中', { timeout: 15_000 });

  // So is what becomes of a step on the open page of the allocation.
  const id = made.body.data.allocation.id;
  await look(page, installation.url, 'en', 'light');
  await page.goto(`/admin/allocations/${id}`);
  const step = page.getByRole('row', { name: /^No process on the GPUs/ });
  await expect(step).toContainText('No agent ever joined', { timeout: 15_000 });
  // A question that is open stays open whatever is new, through two looks; the page follows once nobody is in the middle of it.
  await page.locator('[popovertarget="ask-step-gpu_memory"]').first().click();
  const skipped = await installation.rest(token, `/api/admin/allocations/${id}/checklist/processes/skip`, 'POST', {});
  expect(skipped.status).toBe(200);
  const nextLook = () => page.waitForResponse((answer) => answer.url().endsWith(`/api/admin/allocations/${id}`));
  await nextLook();
  await nextLook();
  await expect(page.locator('#ask-step-gpu_memory')).toBeVisible();
  await expect(step).not.toContainText('Skipped');
  await page.keyboard.press('Escape');
  await page.locator('h1').click();
  await expect(step).toContainText('Skipped', { timeout: 15_000 });
  await expect(page.locator('rg-follow [role="status"]')).toHaveText('This page was brought up to date.');
  await expectAccessible(page);
});

test('a page that is open in the grace says when the machine is taken back', async ({ page, installation, signIn }) => {
  const token = await installation.token(installation.admin);
  const customer = (await installation.rest(token, '/api/admin/customers?q=Hooli')).body.data.list[0].id;
  const made = await installation.rest(token, '/api/admin/machines/held-2/allocate', 'POST', { customerId: customer, endsAt: later(3) });
  const id = made.body.data.allocation.id;
  installation.sql(`update allocations set ends_at = now() - interval '1 minute', starts_at = now() - interval '1 day', hold = tstzrange(now() - interval '1 day', now() + interval '3 days') where id = ${id} returning id`);
  await expect
    .poll(async () => (await installation.rest(token, `/api/admin/allocations/${id}`)).body.data.allocation.state, { timeout: 30_000 })
    .toBe('grace');

  await signIn(page, { name: 'hooli-owner', password });
  await look(page, installation.url, 'en', 'light');
  // The workbench says so before the machine is opened.
  await page.goto('/');
  await expect(page.locator('[data-part="machines"] .notice')).toContainText('Your period is over.');
  await expect(page.getByRole('row', { name: /held-2/ })).toContainText('Over, grace until');
  await page.goto('/machines/held-2');
  await expect(page.locator('[data-part="main"]')).toContainText('Your period is over.');
  await installation.rest(token, `/api/admin/allocations/${id}/reclaim`, 'POST', {});
  await expect(page.locator('[data-part="main"]')).toContainText('The machine is being taken back.', { timeout: 15_000 });
  await expect(page.locator('[data-part="state"]')).toContainText('Reclaiming');
  await expect(page.locator('rg-follow [role="status"]')).toHaveText('This page was brought up to date.');
  await expectAccessible(page);

  // And the bell has told the same.
  await page.goto('/notifications');
  await expect(page.locator('tbody')).toContainText('held-2 is being taken back');
});

test('an open workbench, and the page of a machine, say what staff do', async ({ page, installation, signIn }) => {
  const token = await installation.token(installation.admin);
  const customer = (await installation.rest(token, '/api/admin/customers?q=Hooli')).body.data.list[0].id;
  await installation.rest(token, '/api/admin/machines', 'POST', { id: 'held-3', name: 'held-3' });
  const made = await installation.rest(token, '/api/admin/machines/held-3/allocate', 'POST', { customerId: customer, endsAt: later(20) });
  const allocation = made.body.data.allocation;
  await signIn(page, { name: 'hooli-owner', password });
  await look(page, installation.url, 'en', 'light');
  await page.goto('/machines/held-3');
  await page.locator('input[name="form[months]"]').fill('2');
  await page.getByRole('button', { name: 'Ask for more time' }).click();
  await expect(page.locator('[data-part="side"]')).toContainText('Open');
  const asked = (await installation.rest(token, `/api/admin/allocations/${allocation.id}`)).body.data.allocation.openRequest;
  const refused = await installation.rest(token, `/api/admin/renewal-requests/${asked}/refuse`, 'POST', { answer: 'Somebody else needs it' });
  expect(refused.status).toBe(200);
  // Neither state nor end is another than before.
  await expect(page.locator('[data-part="side"]')).toContainText('Somebody else needs it', { timeout: 15_000 });

  await page.goto('/');
  const row = page.getByRole('row', { name: /held-3/ });
  await expect(row).toContainText('days left');
  // The last minutes are kept true while the page is open.
  installation.sql(`update allocations set ends_at = now() + interval '75 seconds' where id = ${allocation.id} returning id`);
  await page.reload();
  await expect(row).toContainText('2 minutes left');
  await expect(row).toContainText('1 minute left', { timeout: 30_000 });
  await installation.rest(token, `/api/admin/allocations/${allocation.id}/reclaim`, 'POST', {});
  await expect(row).toContainText('Reclaiming', { timeout: 15_000 });
  await expectAccessible(page);
});
