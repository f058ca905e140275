// The journey of both portals: machines come from a workbook; one of them is lent, lived in, asked for longer, taken back.
import fs from 'node:fs';
import { Credentials } from '../fixtures/installation.js';
import { expect, expectAccessible, expectNoSideScroll, hydrated, look, sayYes, test } from '../fixtures/test.js';
import { rowsOf, workbook } from '../fixtures/workbook.js';

const scenario = `
driver_version = "580.95.05"
cuda_version = "13.0"
seed = 31

[[gpu]]
model = "L40S"
count = 2
load = { kind = "idle" }
`;

test.describe.configure({ mode: 'serial' });
// A page whose machine is taken away while it is open is answered 404 by what it still asks for.
test.use({ expectedConsole: /404/ });

let owner: Credentials;

test('an admin imports fifty machines, three of which are refused', async ({ page, installation, signIn }) => {
  await signIn(page);
  await look(page, installation.url, 'en', 'light');
  const rows: (string | number)[][] = [['Name', 'Code', 'Region', 'Private address', 'GPU count']];
  for (let i = 1; i <= 50; i++) rows.push([`lease-${String(i).padStart(2, '0')}`, `lease-${String(i).padStart(2, '0')}`, 'east', `10.8.0.${i}`, 2]);
  rows[7][4] = 'two';
  rows[20][3] = 'not an address!';
  rows[30][0] = '';
  await page.goto('/admin/machines/import');
  await page.getByLabel('Workbook (.xlsx)').setInputFiles({ name: 'fleet.xlsx', mimeType: 'application/octet-stream', buffer: workbook(rows) });
  await page.getByRole('button', { name: 'Read it' }).click();
  await expect(page.locator('.head')).toContainText('Ready', { timeout: 20_000 });
  await page.getByRole('link', { name: 'Error 3' }).click();
  await expect(page.locator('tbody tr')).toHaveCount(3);
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Import 47 machines' }).click();
  await expect(page.locator('.head')).toContainText('Imported');
  const [result] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download the result' }).click()]);
  expect(rowsOf(fs.readFileSync((await result.path())!)).filter((row) => /Added as lease-/.test(row.at(-1)!))).toHaveLength(47);

  // One of them is a real host, whose agent comes with a token for this machine.
  const token = await installation.token(installation.admin);
  const join = await installation.rest(token, '/api/admin/machines/join-tokens', 'POST', { note: 'lease-01', machine: 'lease-01' });
  installation.startAgent('lease-01', scenario, join.body.data.secret);
  await page.goto('/admin/machines/lease-01');
  await expect(async () => {
    await page.reload();
    await expect(page.locator('.head')).toContainText('Online');
  }).toPass({ timeout: 30_000 });
  await hydrated(page);
});

test('an admin adds a customer with an owner and lends it a machine', async ({ page, installation, signIn }) => {
  await signIn(page);
  await look(page, installation.url, 'en', 'light');
  await page.goto('/admin/customers');
  await page.getByRole('link', { name: 'Add customer' }).click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Initech Vision');
  await page.getByRole('textbox', { name: 'E-mail', exact: true }).fill('ops@initech.example');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Initech Vision');
  await expectAccessible(page);

  // The first person is to be an owner; the password is shown once.
  await page.getByRole('textbox', { name: 'User name', exact: true }).fill('initech.owner');
  await page.getByRole('button', { name: 'Add person' }).first().click();
  const secret = (await page.locator('.secret code').textContent())!.trim().split(/\s+/);
  expect(secret[0]).toBe('initech.owner');
  owner = { name: secret[0], password: secret[1] };
  await page.reload();
  await expect(page.locator('body')).not.toContainText(owner.password);
  await expect(page.getByRole('row', { name: /initech\.owner/ })).toContainText('Owner');

  await page.goto('/admin/machines/lease-01');
  await page.getByRole('link', { name: 'Allocate' }).click();
  await expectAccessible(page);
  // What is wrong stands at its field, and what was typed stays.
  await page.getByLabel('Months').fill('0');
  await page.getByRole('button', { name: 'Allocate' }).click();
  await expect(page.locator('.fault')).toHaveCount(2);
  await page.getByLabel('Customer').selectOption({ label: 'Initech Vision' });
  await page.getByLabel('Months').fill('3');
  await page.getByRole('button', { name: 'Allocate' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('lease-01 for Initech Vision');
  await expect(page.locator('.head')).toContainText(/\d+ days left/);
  await expectAccessible(page);

  // A second time it is taken.
  await page.goto('/admin/machines/lease-01/allocate');
  await page.getByLabel('Customer').selectOption({ label: 'Initech Vision' });
  await page.getByLabel('Months').fill('1');
  await page.getByRole('button', { name: 'Allocate' }).click();
  await expect(page.locator('.fault')).toContainText(/Taken from \d{4}-\d\d-\d\d until/);
  await expect(page.locator('.form-fault')).toContainText('Initech Vision');

  // The same in Chinese, with a Chinese name.
  const token = await installation.token(installation.admin);
  const made = await installation.rest(token, '/api/admin/customers', 'POST', { name: '启明视觉' });
  await installation.rest(token, '/api/admin/machines/lease-02/allocate', 'POST', { customerId: made.body.data.customer.id, months: 1 });
  await look(page, installation.url, 'zh', 'light');
  await page.goto('/admin/machines/lease-02/allocate');
  await page.getByLabel('客户').selectOption({ label: 'Initech Vision' });
  await page.getByLabel('月数').fill('1');
  await page.getByRole('button', { name: '分配', exact: true }).click();
  await expect(page.locator('.form-fault')).toContainText('该时段机器已被占用（启明视觉）');
});

test('its owner sees it live and asks for more time, and nobody else sees anything', async ({ browser, page, installation, signIn }) => {
  await signIn(page, owner);
  await look(page, installation.url, 'en', 'dark');
  await page.goto('/');
  await expect(page.getByRole('row', { name: /lease-01/ })).toContainText(/days left/);
  // The way onto it stands there too, to be copied.
  await expect(page.getByRole('row', { name: /lease-01/ })).toContainText('ssh 10.8.0.1');
  await expect(page.getByRole('row', { name: /lease-01/ }).getByRole('button', { name: 'Copy' })).toBeVisible();
  await expectAccessible(page);
  // How busy it is stands there, and is followed: what the cell says is written over by what comes in.
  const load = page.locator('[data-load="lease-01"]');
  await expect(load).toHaveText(/^\d+ % · \d+ %$/);
  await load.evaluate((cell) => (cell.textContent = 'nothing new'));
  await expect(load).toHaveText(/^\d+ % · \d+ %$/, { timeout: 15_000 });
  await page.setViewportSize({ width: 360, height: 780 });
  await expectNoSideScroll(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole('link', { name: 'lease-01' }).click();
  await hydrated(page);
  await expect(page.locator('.stats')).toBeVisible();
  await expect(page.locator('rg-chart canvas').first()).toBeVisible();
  await expect(page.locator('.head')).toContainText('Online');
  await expectAccessible(page);
  await page.getByLabel('Months more').fill('2');
  await page.getByLabel('Why').fill('The paper is due');
  await page.getByRole('button', { name: 'Ask for more time' }).click();
  await expect(page.getByText('Open', { exact: true })).toBeVisible();
  await page.setViewportSize({ width: 360, height: 780 });
  await expectNoSideScroll(page);

  // Not the fleet, not the allocation's admin page.
  for (const path of ['/admin/allocations', '/admin/customers', '/admin/machines/lease-01']) {
    expect((await page.goto(path))!.status(), path).toBe(404);
  }
  // Another customer: nothing, at any door.
  installation.cli(['admin', 'create-customer', 'Hooli', '--owner', 'hooli-owner']);
  const other = { name: 'hooli-member', password: installation.cli(['admin', 'add-member', 'Hooli', 'hooli-member']) };
  const token = await installation.token(other);
  for (const path of ['/api/customer/machines/lease-01', '/api/customer/machines/lease-01/monitoring', '/api/customer/machines/lease-01/history?range=1h']) {
    expect((await installation.rest(token, path)).status, path).toBe(404);
  }
  expect((await installation.rest(token, '/api/customer/machines')).body.data.total).toBe(0);
  const theirs = await browser.newPage({ baseURL: installation.url });
  await signIn(theirs, other);
  expect((await theirs.goto('/machines/lease-01'))!.status()).toBe(404);
  await theirs.goto('/');
  const listed = await theirs.evaluate(async () => {
    const answer = await fetch('/sfn/app/pages/customer/machines/server_fns/list_my_machines', { method: 'POST', headers: { accept: 'application/json' } });
    return answer.json();
  });
  expect(listed.total, 'by server function').toBe(0);
  const socket = await theirs.evaluate(async () => {
    const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws/live`);
    await new Promise((resolve) => (socket.onopen = resolve));
    const answer = new Promise((resolve) => (socket.onmessage = (event) => resolve(JSON.parse(event.data).type)));
    socket.send(JSON.stringify({ type: 'subscribe', topic: 'machine/lease-01' }));
    return answer;
  });
  expect(socket, 'by socket').toBe('refused');
  await theirs.close();
});

test('the admin grants it, takes the machine back, and the open page of its owner goes dark', async ({ browser, page, installation, signIn }) => {
  const theirs = await browser.newPage({ baseURL: installation.url });
  await signIn(theirs, owner);
  await look(theirs, installation.url, 'en', 'light');
  await theirs.goto('/machines/lease-01');
  await hydrated(theirs);
  const chinese = await browser.newPage({ baseURL: installation.url });
  await signIn(chinese, owner);
  await look(chinese, installation.url, 'zh', 'dark');
  await chinese.goto('/machines/lease-01');
  await hydrated(chinese);
  await expect(chinese.locator('.live')).toHaveClass(/on/);
  const socket = await theirs.evaluate(async () => {
    // A socket of its own, as a program would hold it.
    const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws/live`);
    (window as any).answers = [];
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.topic) (window as any).answers.push({ type: message.type, at: Date.now() });
    };
    await new Promise((resolve) => (socket.onopen = resolve));
    socket.send(JSON.stringify({ type: 'subscribe', topic: 'machine/lease-01' }));
    await new Promise((resolve) => setTimeout(resolve, 2500));
    return (window as any).answers.map((answer: any) => answer.type);
  });
  expect(socket[0]).toBe('snapshot');

  await signIn(page);
  await look(page, installation.url, 'zh', 'light');
  await page.goto('/admin/allocations');
  await expect(page.locator('body')).toContainText('The paper is due');
  await expectAccessible(page);
  // On the allocation's own page as well.
  await page.locator('form.inline a').first().click();
  await expect(page.locator('#request')).toContainText('The paper is due');
  await page.locator('#request').getByRole('button', { name: '拒绝' }).click();
  await expect(page.locator('#request .fault')).toHaveCount(1);
  await expect(page).toHaveURL(/\/admin\/allocations\/\d+/);
  await page.getByRole('button', { name: '同意' }).click();
  await expect(page.locator('body')).toContainText('续期');
  await expectAccessible(page);
  await sayYes(page.getByRole('button', { name: '立即回收' }));
  const reclaimed = Date.now();
  await expect(page.locator('body')).toContainText('回收清单');

  await expect.poll(() => theirs.evaluate(() => (window as any).answers.at(-1).type), { timeout: 15_000 }).toBe('refused');
  const refusedAt = await theirs.evaluate(() => (window as any).answers.at(-1).at);
  expect(refusedAt - reclaimed, 'milliseconds until the topic ended').toBeLessThan(5000);
  // The page that is open says so by itself.
  await expect(theirs.locator('.live')).toHaveClass(/lost/);
  await expect(theirs.locator('.live')).toHaveText('Your period on this machine is over.');
  await expect(chinese.locator('.live')).toHaveText('您对这台机器的使用期已结束。');
  // And does not go on showing how long still, or how to get in.
  await expect(theirs.locator('[data-part="main"]')).toContainText('The machine is being taken back.');
  await expect(theirs.locator('.head')).not.toContainText('days left');
  await expect(theirs.locator('.command-line')).toHaveCount(0);
  await chinese.close();
  await theirs.reload();
  await expect(theirs.locator('body')).not.toContainText('Online');
  await theirs.close();

  // The check-list works itself off: nobody is on the GPUs.
  await expect(async () => {
    await page.reload();
    await expect(page.locator('.head')).toContainText('已结束');
  }).toPass({ timeout: 60_000 });
  await expect(page.locator('body')).toContainText('归还资源池');

  // What told its owner of it still leads somewhere: to what was, and to nothing of the machine.
  const after = await browser.newPage({ baseURL: installation.url });
  await signIn(after, owner);
  await look(after, installation.url, 'en', 'light');
  await after.goto('/notifications');
  await after.getByRole('row', { name: /lease-01 is being taken back/ }).getByRole('button', { name: 'Open' }).click();
  await expect(after).toHaveURL(/\/machines\/lease-01$/);
  await expect(after.locator('[data-part="main"]')).toContainText('Your period is over.');
  await expect(after.locator('[data-part="state"]')).toContainText('Ended');
  await expectAccessible(after);
  await after.close();
});

test('many are renewed at once, and the time line and the hand-over page show it', async ({ page, installation, signIn }) => {
  const token = await installation.token(installation.admin);
  const customer = (await installation.rest(token, '/api/admin/customers?q=Initech')).body.data.list[0].id;
  for (const id of ['many-1', 'many-2']) {
    await installation.rest(token, '/api/admin/machines', 'POST', { id, name: id });
    await installation.rest(token, `/api/admin/machines/${id}/allocate`, 'POST', { customerId: customer, months: 1 });
  }
  const later = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
  await installation.rest(token, '/api/admin/machines/many-2/allocate', 'POST', { customerId: customer, startsAt: later(50), endsAt: later(90) });

  await signIn(page);
  await look(page, installation.url, 'en', 'light');
  await page.goto('/admin/allocations?q=many-&state=active');
  await page.getByRole('checkbox', { name: 'Choose all rows' }).check();
  await page.getByRole('button', { name: 'Renew chosen' }).click();
  await page.getByLabel('Months more').fill('2');
  await page.getByRole('button', { name: 'Preview' }).click();
  await expect(page.getByRole('row', { name: /many-2/ })).toContainText('Taken from');
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Renew what can be renewed' }).click();
  // What was refused stays, with why.
  await expect(page.getByRole('status').filter({ hasText: '1 is done; these are left.' })).toBeVisible();
  await expect(page.getByRole('row', { name: /many-2/ })).toContainText('Taken from');

  await page.goto('/admin/allocations/timeline?q=many-');
  await expect(page.locator('.timeline-names li')).toHaveCount(2);
  await expect(page.getByRole('link', { name: /many-2 · Initech Vision · .* · Scheduled/ })).toBeVisible();
  await expectAccessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSideScroll(page);
  await page.setViewportSize({ width: 1280, height: 800 });

  const rows = (await installation.rest(token, '/api/admin/allocations?q=lease-01&state=ended')).body.data.list;
  await page.goto(`/admin/allocations/${rows[0].id}/handover`);
  await expect(page.getByRole('heading', { name: 'At the hand-over' })).toBeVisible();
  await expect(page.locator('table').first()).toContainText('GPU-');
  await expect(page.getByText('GPUs missing: 0')).toBeVisible();
  await expectAccessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSideScroll(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ media: 'print' });
  await expect(page.getByRole('navigation').first()).toBeHidden();
  await page.emulateMedia({ media: null });

  // The machine's passport has the lease, and leads to its hand-over.
  await page.goto('/admin/machines/lease-01');
  await page.getByRole('link', { name: 'Passport', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText('Passport of lease-01');
  await expect(page.getByRole('region', { name: 'GPUs, present and past' })).toContainText('GPU-');
  const lease = page.getByRole('region', { name: 'Leases, and how the machine came back' });
  await expect(lease.getByRole('row', { name: /As it was handed over/ })).toBeVisible();
  await expectAccessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  await expectNoSideScroll(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ media: 'print' });
  await expect(page.getByRole('button', { name: 'Print' })).toBeHidden();
  await page.emulateMedia({ media: null });
  await lease.locator(`a[href$="/${rows[0].id}/handover"]`).click();
  await expect(page).toHaveURL(new RegExp(`/admin/allocations/${rows[0].id}/handover$`));
});
