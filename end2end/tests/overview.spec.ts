// The staff's first page, and the log of who did what.
import fs from 'node:fs';
import { Installation } from '../fixtures/installation.js';
import { expect, expectAccessible, expectNoSideScroll, hydrated, look, test } from '../fixtures/test.js';
import { rowsOf } from '../fixtures/workbook.js';

const scenario = `
driver_version = "580.95.05"
cuda_version = "13.0"
seed = 71

[[gpu]]
model = "L40S"
count = 4
load = { kind = "constant", util = 80.0 }
`;

test.describe.configure({ mode: 'serial' });

test('an empty fleet says how to begin', async ({ page }) => {
  // Nothing has ever happened here: an installation of its own.
  const empty = await Installation.start();
  await look(page, empty.url, 'zh', 'dark');
  await page.goto(`${empty.url}/login`);
  await page.locator('input[name="username"]').fill(empty.admin.name);
  await page.locator('input[type="password"]').fill(empty.admin.password);
  await page.locator('form button.primary').click();
  await expect(page).toHaveURL(`${empty.url}/admin`);
  await expect(page.locator('.empty').first()).toContainText('接入一台主机');
  await hydrated(page);
  await expectAccessible(page);
  await page.goto('about:blank');
  await empty.stop();
});

test('the dashboard shows the fleet, its leases and what happened', async ({ page, installation, signIn }) => {
  installation.startAgent('busy-1', scenario);
  installation.cli(['admin', 'create-customer', 'Vandelay', '--owner', 'vandelay-owner']);
  const token = await installation.token(installation.admin);
  const customer = (await installation.rest(token, '/api/admin/customers?q=Vandelay')).body.data.list[0].id;
  await expect
    .poll(async () => (await installation.rest(token, '/api/admin/machines/busy-1')).body.data?.gpus?.length, { timeout: 30_000 })
    .toBe(4);
  expect((await installation.rest(token, '/api/admin/machines/busy-1/allocate', 'POST', { customerId: customer, endsAt: new Date(Date.now() + 10 * 86_400_000).toISOString() })).status).toBe(201);

  await signIn(page);
  await look(page, installation.url, 'en', 'light');
  await page.goto('/');
  await expect(page).toHaveURL(/\/admin$/);
  await hydrated(page);
  // Live: the sums come over the socket.
  await expect(page.locator('.live')).toHaveClass(/on/);
  await expect(async () => {
    const stats = (await installation.rest(token, '/api/admin/dashboard/stats')).body.data;
    expect(stats.fleet.gpusBusy).toBeGreaterThanOrEqual(4);
    await expect(page.locator('.stats').first()).toContainText(`${stats.fleet.gpusBusy}/ ${stats.fleet.gpus}`, { timeout: 1000 });
    await expect(page.locator('.stats').nth(1)).toContainText(`Machines lent${stats.machinesLent}`, { timeout: 1000 });
  }).toPass({ timeout: 30_000 });
  await expect(page.getByRole('row', { name: /busy-1 Vandelay/ })).toBeVisible();
  await expect(page.getByRole('row', { name: 'Vandelay 1 4' })).toBeVisible();
  await expect(page.getByRole('listitem').filter({ hasText: 'Allocate a machine' }).first()).toContainText('admin');
  await expectAccessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSideScroll(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole('link', { name: '7 days' }).click();
  await expect(page.getByRole('link', { name: '7 days' })).toHaveAttribute('aria-current', 'true');
});

test('the log is filtered, opened and taken away', async ({ page, installation, signIn }) => {
  const token = await installation.token(installation.admin);
  const machine = (await installation.rest(token, '/api/admin/machines/busy-1')).body.data;
  const changed = await installation.rest(token, '/api/admin/machines/busy-1', 'PUT', { name: 'Busy one', region: '=east', pool: machine.pool, monitored: true, listed: false, declared: {}, revision: machine.revision });
  expect(changed.status).toBe(200);
  await signIn(page);
  await look(page, installation.url, 'en', 'dark');
  await page.goto('/admin/audit');
  await expectAccessible(page);
  await page.getByLabel('Action', { exact: true }).selectOption({ label: 'Change a machine' });
  await page.getByRole('button', { name: 'Filter' }).click();
  await expect(page).toHaveURL(/action=machines%3Aupdate/);
  await expect(page.getByText(/^Filtered by .*Change a machine$/)).toBeVisible();
  const event = page.getByRole('listitem').filter({ hasText: 'Machine busy-1' });
  await expect(event).toHaveCount(1);
  await event.locator('summary').focus();
  await page.keyboard.press('Enter');
  await expect(event.getByRole('row', { name: 'name busy-1 Busy one' })).toBeVisible();
  await expect(event.getByRole('row', { name: 'region nothing =east' })).toBeVisible();
  await expect(event.getByRole('definition').filter({ hasText: /^node$/ }), 'what its client called itself').toBeVisible();
  await expectAccessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSideScroll(page);
  await page.setViewportSize({ width: 1280, height: 800 });

  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export' }).click()]);
  const rows = rowsOf(fs.readFileSync((await file.path())!));
  const [target, action] = ['Target’s id', 'Action’s code'].map((name) => rows[0].indexOf(name));
  expect(rows.slice(1).filter((row) => row[target] === 'busy-1')).toHaveLength(1);
  expect(rows.slice(1).find((row) => row[target] === 'busy-1')![rows[0].indexOf('Client')]).toBe('node');
  expect(rows.slice(1).every((row) => row[action] === 'machines:update'), 'only what is shown').toBe(true);
  await page.goto('/admin/audit?action=audit:export');
  await expect(page.getByRole('listitem').filter({ hasText: 'Export the audit log' })).toHaveCount(1);

  // The lists of customers and allocations are taken away as well.
  for (const [path, column] of [['/admin/customers', 'Vandelay'], ['/admin/allocations', 'Busy one']]) {
    await page.goto(path);
    const [list] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Export' }).click()]);
    expect(rowsOf(fs.readFileSync((await list.path())!)).some((row) => row[0] === column), path).toBe(true);
  }
  // A page beyond the last is no empty log.
  await page.goto('/admin/audit?action=audit:export&page=9');
  await expect(page.getByText('There is no page 9: the list has one page.')).toBeVisible();
  await expectAccessible(page);
  await page.getByRole('link', { name: 'To the last page' }).click();
  await expect(page).toHaveURL(/\/admin\/audit\?action=audit(%3A|:)export$/);
  await expect(page.getByRole('listitem').filter({ hasText: 'Export the audit log' })).toHaveCount(1);
  await page.goto('/admin/audit?actor=nobody-at-all');
  await expect(page.getByText('No events match these filters.')).toBeVisible();
});
