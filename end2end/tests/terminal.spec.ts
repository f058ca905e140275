// A shell in an instance, in the browser: typed, found, reconnected with what was on its screen, and ended.
import { Engine } from '../fixtures/engine.js';
import { expect, test } from '../fixtures/test.js';

test('a customer works in a shell that lives on without its window', async ({ browser, page, signIn, installation }) => {
  test.setTimeout(180_000);
  const engine = await Engine.start();
  try {
    engine.busybox();
    const token = await installation.token(installation.admin);
    const ask = async (address: string, method: string, body: unknown) => {
      const answer = await installation.rest(token, address, method, body);
      if (answer.body?.code !== 0) throw new Error(`${method} ${address}: ${JSON.stringify(answer.body)}`);
      return answer.body.data;
    };
    await ask('/api/admin/machines', 'POST', { id: 'terminal-room', name: 'Terminal room', pool: 'shared', listed: true });
    await ask('/api/admin/machines/terminal-room/docker', 'PUT', { kind: 'local', socket: engine.host.replace('unix://', '') });
    await ask('/api/admin/machines/terminal-room/docker/test', 'POST', {});
    const size = { name: 'Terminal spec', cpuCores: 1, memoryGb: 1, systemDiskGb: 1, dataDiskGb: 1 };
    const spec = (await ask('/api/admin/specs', 'POST', size)).id;
    await ask(`/api/admin/specs/${spec}/prices`, 'POST', { pricePerHour: '0.5' });
    await ask(`/api/admin/specs/${spec}/list`, 'POST', {});
    const image = (await ask('/api/admin/images', 'POST', { name: 'Terminal image', address: 'busybox:1' })).id;
    await ask(`/api/admin/images/${image}/list`, 'POST', {});
    const made = await ask('/api/admin/customers', 'POST', { name: 'Terminal users', owner: { username: 'typist', displayName: 'Typist' } });
    const theirs = await installation.token({ name: made.owner.username, password: made.owner.password });
    const body = { name: 'typed', image, spec, machine: 'terminal-room', command: ['sleep', '600'] };
    const created = await installation.rest(theirs, '/api/customer/instances', 'POST', body);
    const own = `/instances/${created.body.data.id}`;

    await signIn(page, { name: made.owner.username, password: made.owner.password });
    await expect(async () => {
      await page.goto(own);
      await expect(page.locator(`a[href="${own}/terminal"]`)).toBeVisible({ timeout: 100 });
    }).toPass({ timeout: 60_000 });
    await page.locator(`a[href="${own}/terminal"]`).click();
    const status = page.locator('.terminal-status');
    const screen = page.locator('.xterm-rows');
    const words = (name: string) => page.locator('rg-terminal').getAttribute(`data-${name}`).then((text) => text ?? '');
    await expect(status).toHaveText(await words('connected'));
    await page.locator('.xterm-helper-textarea').focus();
    await page.keyboard.type('KEPT=here; echo $((40+2))-$KEPT');
    await page.keyboard.press('Enter');
    await expect(screen).toContainText('42-here');
    // Search by the keyboard, and out of the terminal by it.
    await page.keyboard.press('Control+Shift+F');
    await page.keyboard.type('no such words');
    await page.keyboard.press('Enter');
    await expect(page.locator('.terminal-search [role="status"]')).toHaveText(await words('none'));
    await page.keyboard.press('Escape');
    await page.keyboard.press('Shift+Escape');
    await expect(page.locator('rg-terminal header button').first()).toBeFocused();

    // A reload: the shell is as it was left, with what was on its screen.
    await page.reload();
    await expect(status).toHaveText(await words('again'));
    await expect(screen).toContainText('42-here');
    await page.locator('.xterm-helper-textarea').focus();
    await page.keyboard.type('echo st-$KEPT; exit 7');
    await page.keyboard.press('Enter');
    await expect(status).toHaveText((await words('exited')).replace('{code}', '7'));
    await expect(screen).toContainText('st-here');
    // A new one, ended by its button.
    const buttons = (name: string) => words(name).then((label) => page.locator('rg-terminal header button', { hasText: label }));
    await (await buttons('new')).click();
    await expect(status).toHaveText(await words('connected'));
    await (await buttons('close')).click();
    await expect(status).toHaveText(await words('exit-closed'));
    // Without JavaScript the page says what it needs.
    const plain = await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() });
    const without = await plain.newPage();
    await without.goto(page.url());
    await expect(without.locator('rg-terminal noscript p')).toContainText('JavaScript');
    await plain.close();
  } finally {
    await engine.end();
  }
});
