// What a customer wrote in an instance is an image of theirs, and is there in an instance of that.
import { Engine } from '../fixtures/engine.js';
import { expect, test } from '../fixtures/test.js';

test('a customer saves an instance as an image and deploys it', async ({ browser, page, signIn, installation }) => {
  test.setTimeout(240_000);
  const engine = await Engine.start();
  try {
    engine.busybox();
    const token = await installation.token(installation.admin);
    const ask = async (address: string, method: string, body: unknown) => {
      const answer = await installation.rest(token, address, method, body);
      if (answer.body?.code !== 0) throw new Error(`${method} ${address}: ${JSON.stringify(answer.body)}`);
      return answer.body.data;
    };
    await ask('/api/admin/machines', 'POST', { id: 'save-room', name: 'Save room', pool: 'shared', listed: true });
    await ask('/api/admin/machines/save-room/docker', 'PUT', { kind: 'local', socket: engine.host.replace('unix://', '') });
    await ask('/api/admin/machines/save-room/docker/test', 'POST', {});
    const size = { name: 'Save spec', cpuCores: 1, memoryGb: 1, systemDiskGb: 1, dataDiskGb: 1 };
    const spec = (await ask('/api/admin/specs', 'POST', size)).id;
    await ask(`/api/admin/specs/${spec}/prices`, 'POST', { pricePerHour: '0.5' });
    await ask(`/api/admin/specs/${spec}/list`, 'POST', {});
    const image = (await ask('/api/admin/images', 'POST', { name: 'Save base', address: 'busybox:1' })).id;
    await ask(`/api/admin/images/${image}/list`, 'POST', {});
    const made = await ask('/api/admin/customers', 'POST', { name: 'Savers', owner: { username: 'saver', displayName: 'Saver' } });
    const who = { name: made.owner.username, password: made.owner.password };
    const theirs = await installation.token(who);
    const body = { name: 'worked-in', image, spec, machine: 'save-room', command: ['sleep', '600'], environment: { SECRET: 'hunter2' } };
    const created = await installation.rest(theirs, '/api/customer/instances', 'POST', body);
    const own = `/instances/${created.body.data.id}`;

    await signIn(page, who);
    await expect(async () => {
      await page.goto(own);
      await expect(page.locator(`a[href="${own}/terminal"]`)).toBeVisible({ timeout: 100 });
    }).toPass({ timeout: 60_000 });
    await page.locator(`a[href="${own}/terminal"]`).click();
    const connected = (await page.locator('rg-terminal').getAttribute('data-connected')) ?? '';
    await expect(page.locator('.terminal-status')).toHaveText(connected);
    await page.locator('.xterm-helper-textarea').focus();
    await page.keyboard.type('echo kept-$((40+2)) > /made; echo wrote-$?');
    await page.keyboard.press('Enter');
    await expect(page.locator('.xterm-rows')).toContainText('wrote-0');

    // Without JavaScript, as the form is one.
    const plain = await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() });
    const without = await plain.newPage();
    await without.goto(`${installation.url}${own}`);
    const card = without.locator('#saves');
    await card.locator('input[name="name"]').fill('Save base');
    await card.locator('textarea[name="description"]').fill('with what I wrote');
    await card.locator('form button').click();
    await expect(async () => {
      await without.goto(`${installation.url}${own}`);
      await expect(card.locator('tbody a')).toHaveText('Save base', { timeout: 100 });
    }).toPass({ timeout: 90_000 });
    await plain.close();
    expect(engine.docker(['images', '--quiet', 'remotegpu/saved'])).toBe('');

    await page.goto(own);
    await page.locator('#saves tbody a').click();
    await expect(page.locator('h1')).toHaveText('Save base');
    // It is theirs to share, and theirs alone again.
    const sharing = page.locator('#sharing');
    await sharing.locator('button').click();
    await expect(sharing.locator('input[name="shared"]')).toHaveValue('false');
    await sharing.locator('button').click();
    await expect(sharing.locator('input[name="shared"]')).toHaveValue('true');
    await page.locator('a[href^="/instances/new?image="]').click();
    await page.locator('select[name="spec"]').selectOption(String(spec));
    await page.locator('form.choose button').click();
    await page.locator('input[name="form[name]"]').fill('made-of-it');
    await page.locator('textarea[name="form[command]"]').fill('sh\n-c\ncat /made; echo [$SECRET]; exec sleep 600');
    await page.locator('form[method="post"] button.primary').click();
    await expect(page.locator('h1')).toHaveText('made-of-it');
    await expect(async () => {
      await page.reload();
      await expect(page.locator('#logs pre')).toContainText('kept-42', { timeout: 100 });
    }).toPass({ timeout: 60_000 });
    await expect(page.locator('#logs pre')).toContainText('[]');
    // Its engine calls it as the platform does, and the container is made of the image itself.
    expect(engine.docker(['images', '--format', '{{.Repository}}'])).toContain('remotegpu.invalid/image-');
    expect(engine.docker(['ps', '--no-trunc', '--format', '{{.Image}}'])).toContain('sha256:');

    // What nothing uses is shown to staff first, and then taken away.
    engine.docker(['commit', engine.docker(['ps', '-q']).split('\n')[0], 'left-over:1']);
    const left = (await ask('/api/admin/images', 'POST', { name: 'Left over', address: 'left-over:1' })).id;
    await ask(`/api/admin/images/${left}`, 'DELETE', undefined);
    await signIn(page, installation.admin);
    await page.goto('/admin/images');
    await page.locator('a[href="/admin/images/cleanup"]').click();
    await page.locator('input[name="machine"]').fill('save-room');
    await page.locator('form.filters button').click();
    const unused = page.locator('form:has(input[name="images[]"])');
    await expect(unused.locator('tbody tr')).toHaveCount(1);
    await expect(unused.locator('tbody th')).toContainText('left-over:1');
    expect(engine.docker(['images', '--quiet', 'left-over:1'])).not.toBe('');
    await unused.locator('button').click();
    await expect(page.locator('#runs tbody tr')).toHaveCount(1);
    await expect(async () => expect(engine.docker(['images', '--quiet', 'left-over:1'])).toBe('')).toPass({ timeout: 60_000 });
  } finally {
    await engine.end();
  }
});
