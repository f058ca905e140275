// What a customer's people see of their jobs, of what is on its way in and of how much is stored; and the queue as staff see it.
import { expect, expectNoListScroll, expectNoSideScroll, look, test } from '../fixtures/test.js';

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });
  test('an owner sees what was done and what is on its way, and gives an upload up', async ({ page, installation, signIn }) => {
    const token = await installation.token(installation.admin);
    const answer = await installation.rest(token, '/api/admin/customers', 'POST', {
      name: 'Uploaders',
      owner: { username: 'uploader', displayName: 'Uploader' },
    });
    const owner = { name: answer.body.data.owner.username, password: answer.body.data.owner.password };
    await installation.rest(token, `/api/admin/customers/${answer.body.data.customer.id}/quota`, 'PUT', { storageGb: 2 });
    await signIn(page, owner);
    await look(page, installation.url, 'en', 'light');
    await page.goto('/jobs');
    await expect(page.locator('#jobs .empty')).toBeVisible();
    await expect(page.locator('#uploads')).toHaveCount(0);

    const own = await installation.token(owner);
    const announce = (name: string, size: number, sha256?: string) =>
      installation.rest(own, '/api/files/uploads', 'POST', { name, size, sha256, purpose: 'other' });
    const done = (await announce('wrong.bin', 5, '0'.repeat(64))).body.data.id;
    const chunk = await fetch(`${installation.url}/api/files/uploads/${done}/chunks/0`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${own}`, 'content-type': 'application/octet-stream' },
      body: 'hello',
    });
    expect(chunk.status).toBe(200);
    await installation.rest(own, `/api/files/uploads/${done}/complete`, 'POST', {});
    await announce('going.bin', 1 << 20);

    await page.goto('/jobs');
    const job = page.locator('#jobs tbody tr');
    await expect(job).toHaveCount(1);
    await expect(job).toContainText('wrong.bin');
    // The job does its work; what counts is that the file is not what was announced.
    await expect(async () => {
      await page.reload();
      await expect(job.locator('.state.bad').last()).toHaveText('Failed', { timeout: 1000 });
    }).toPass({ timeout: 20_000 });
    await page.goto('/jobs?state=done');
    await expect(job).toHaveCount(0);
    await page.goto('/jobs?state=failed');
    await expect(job).toHaveCount(1);
    await page.goto('/jobs');
    const upload = page.locator('#uploads tbody tr');
    await expect(upload).toContainText('going.bin');
    await expect(page.locator('.facts dd').first()).toContainText('1 MB');
    await expect(page.locator('.facts dd').first()).toContainText('2 GB');

    await upload.locator('[popovertarget^="ask-"]').first().click();
    await upload.locator('.ask .btn.danger').first().click();
    await expect(page).toHaveURL(/\/jobs$/);
    await expect(page.locator('#uploads')).toHaveCount(0);
    await page.goto('/jobs?state=running');
    await expect(job).toHaveCount(0);

    // A job that failed itself runs again; of an upload nothing is left, so that nothing is offered there.
    installation.sql(`insert into finished_jobs (id, kind, payload, state, attempt, max_attempts, customer_id, user_id, run_at, created_at)
      select 910000002, 'instance-apply', '{"instance": 999999}', 'failed', 1, 1, ${answer.body.data.customer.id}, u.id, now(), now()
      from users u where u.name = 'uploader' returning id`);
    await page.goto('/jobs?state=failed');
    await expect(job).toHaveCount(2);
    await expect(page.getByRole('button', { name: 'Run again' })).toHaveCount(1);
    await job.filter({ hasText: 'Change an instance' }).getByRole('button', { name: 'Run again' }).click();
    await expect(page).toHaveURL(/\/jobs$/);
    await expect(async () => {
      await page.reload();
      await expect(job.filter({ hasText: 'Change an instance' }).locator('.state')).toHaveText('Done', { timeout: 1000 });
    }).toPass({ timeout: 20_000 });
  });

  test('staff look at the queue, let a failed job run again, and stop one that waits', async ({ page, installation, signIn }) => {
    const added = (statement: string) => installation.sql(statement)[0];
    const failed = added(`insert into finished_jobs (id, kind, payload, state, attempt, max_attempts, message, run_at, created_at)
      values (910000001, 'instance-apply', '{"instance": 999999}', 'failed', 1, 1, 'the disk was full', now(), now()) returning id`);
    const waits = added("insert into jobs (kind, run_at) values ('sign-up', now() + interval '1 day') returning id");
    await signIn(page);
    await look(page, installation.url, 'en', 'light');
    await page.goto('/admin/jobs');
    await expect(page.locator('nav.nav [aria-current="page"]')).toHaveText('Background jobs');
    await expect(page.locator('#workers')).toContainText('At work');
    await expect(page.locator('#statistics')).toContainText('Seal the audit log');
    const rows = page.locator('#jobs tbody tr');
    // What comes round by the clock is not shown before somebody asks for it.
    await expect(rows.filter({ hasText: 'Seal the audit log' })).toHaveCount(0);
    await expectNoListScroll(page);
    await page.locator('#jobs select[name="state"]').selectOption('failed');
    await page.getByRole('button', { name: 'Filter', exact: true }).click();
    await expect(page).toHaveURL(/state=failed/);
    await page.goto(`/admin/jobs/${failed}`);
    await expect(page.locator('.facts')).toContainText('the disk was full');
    await page.getByRole('button', { name: 'Run again' }).click();
    await expect(page).toHaveURL(new RegExp(`/admin/jobs/${failed}$`));
    await expect(page.locator('#events')).toContainText('Let run again');
    await expect(async () => {
      await page.reload();
      await expect(page.locator('.head')).toContainText('Done', { timeout: 1000 });
    }).toPass({ timeout: 20_000 });

    await page.goto(`/admin/jobs/${waits}`);
    await page.locator('[popovertarget="ask-cancel"]').first().click();
    await page.locator('#ask-cancel .btn.danger').click();
    await expect(page.locator('.head')).toContainText('Stopped');
    await page.setViewportSize({ width: 360, height: 780 });
    await expectNoSideScroll(page);
    await page.goto('/admin/jobs');
    await expectNoSideScroll(page);
    const log = installation.sql("select action from audit_events where target_kind = 'job' and outcome = 'done' and customer_id is null order by id");
    expect(log).toEqual(['jobs:retry', 'jobs:cancel']);
  });
});

test('every page has a drawer with what one wanted oneself, and keeps it up to date', async ({ page, installation, signIn }) => {
  const token = await installation.token(installation.admin);
  const answer = await installation.rest(token, '/api/admin/customers', 'POST', {
    name: 'Drawers',
    owner: { username: 'drawer', displayName: 'Drawer' },
  });
  const { owner, customer } = answer.body.data;
  await signIn(page, { name: owner.username, password: owner.password });
  await look(page, installation.url, 'en', 'light');
  await page.goto('/instances');
  const button = page.locator('rg-jobs summary');
  await expect(button).toHaveAccessibleName('Jobs: none at work');
  const [job] = installation.sql(`insert into jobs (kind, payload, customer_id, user_id, run_at)
    select 'instance-apply', '{}', ${customer.id}, u.id, now() + interval '1 day' from users u where u.name = 'drawer' returning id`);
  await expect(button.locator('.badge'), 'heard over the line of the bell').toHaveText('1', { timeout: 15_000 });
  await expect(button).toHaveAccessibleName('Jobs: 1 at work');
  await button.focus();
  await page.keyboard.press('Enter');
  const rows = page.locator('rg-jobs li');
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText('Waits');
  installation.sql(`with gone as (delete from jobs where id = ${job} returning *)
    insert into finished_jobs (id, kind, payload, state, attempt, max_attempts, customer_id, user_id, run_at, created_at)
    select id, kind, payload, 'failed', attempt, max_attempts, customer_id, user_id, run_at, created_at from gone returning id`);
  await expect(rows).toContainText('Failed', { timeout: 15_000 });
  await expect(button.locator('.badge')).toHaveCount(0);
  await page.setViewportSize({ width: 360, height: 780 });
  await expectNoSideScroll(page);
  await page.keyboard.press('Escape');
  await expect(page.locator('rg-jobs details')).toHaveJSProperty('open', false);
  await expect(button).toBeFocused();
  await button.click();
  await page.locator('rg-jobs').getByRole('link', { name: 'All jobs' }).click();
  await expect(page).toHaveURL(/\/jobs$/);
  // Staff have theirs, and lead to the queue.
  await signIn(page, installation.admin);
  await page.goto('/admin');
  await page.locator('rg-jobs summary').click();
  await page.locator('rg-jobs').getByRole('link', { name: 'All jobs' }).click();
  await expect(page).toHaveURL(/\/admin\/jobs$/);
});
