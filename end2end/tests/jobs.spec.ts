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
    await expect(page.locator('.facts dd').first()).toContainText('1 MiB');
    await expect(page.locator('.facts dd').first()).toContainText('2 GiB');

    await upload.locator('[popovertarget^="ask-"]').first().click();
    await upload.locator('.ask .btn.danger').first().click();
    await expect(page).toHaveURL(/\/jobs$/);
    await expect(page.locator('#uploads')).toHaveCount(0);
    await page.goto('/jobs?state=running');
    await expect(job).toHaveCount(0);
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
    const log = installation.sql("select action from audit_events where target_kind = 'job' and outcome = 'done' order by id");
    expect(log).toEqual(['jobs:retry', 'jobs:cancel']);
  });
});
