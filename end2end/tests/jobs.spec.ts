// What a customer's people see of their jobs, of what is on its way in and of how much is stored.
import { expect, test } from '../fixtures/test.js';

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
});
