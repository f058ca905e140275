// An instance on a real Docker Engine: made, stopped, started, deleted; without JavaScript, because every page works without.
import { Engine } from '../fixtures/engine.js';
import { expect, test } from '../fixtures/test.js';

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });
  test('a customer makes an instance, stops it, starts it and deletes it', async ({ page, signIn, installation }) => {
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
      const machine = { name: 'Instance room', pool: 'shared', listed: true };
      await ask('/api/admin/machines', 'POST', { id: 'instance-room', ...machine });
      await ask('/api/admin/machines/instance-room/docker', 'PUT', { kind: 'local', socket: engine.host.replace('unix://', '') });
      await ask('/api/admin/machines/instance-room/docker/test', 'POST', {});
      const spec = (await ask('/api/admin/specs', 'POST', { name: 'Instance spec', cpuCores: 1, memoryGb: 1, systemDiskGb: 1, dataDiskGb: 1 })).id;
      await ask(`/api/admin/specs/${spec}/prices`, 'POST', { pricePerHour: '0.5' });
      await ask(`/api/admin/specs/${spec}/list`, 'POST', {});
      const large = (await ask('/api/admin/specs', 'POST', { name: 'Instance large', cpuCores: 1, memoryGb: 2, systemDiskGb: 1, dataDiskGb: 1 })).id;
      await ask(`/api/admin/specs/${large}/prices`, 'POST', { pricePerHour: '0.75' });
      await ask(`/api/admin/specs/${large}/list`, 'POST', {});
      const image = (await ask('/api/admin/images', 'POST', { name: 'Instance image', address: 'busybox:1' })).id;
      await ask(`/api/admin/images/${image}/list`, 'POST', {});
      const made = await ask('/api/admin/customers', 'POST', { name: 'Instance makers', owner: { username: 'maker', displayName: 'Maker' } });

      await signIn(page, { name: made.owner.username, password: made.owner.password });
      await page.goto('/instances');
      await page.locator('a[href="/instances/new"]').first().click();
      await page.locator('[name="image"]').selectOption(String(image));
      await page.locator('[name="spec"]').selectOption(String(spec));
      await page.locator('form[method="get"] button').last().click();
      await expect(page.locator('#where .state.ok')).toHaveCount(1);
      await page.locator('[name="form[name]"]').fill('a b');
      await page.locator('[name="form[command]"]').fill(['sh', '-c', String.raw`printf '\033[31mred\033[0m \033[2K1 %%\r\033[36mdone\033[m\n'; echo hello $WHO; exec sleep 600`].join('\n'));
      await page.locator('[name="form[environment]"]').fill('WHO=world');
      await page.locator('[name="form[ports]"]').fill('8080, 6006');
      await page.locator('form[method="post"] button.primary').click();
      await expect(page.locator('[name="form[name]"]')).toHaveAttribute('aria-invalid', 'true');
      // What was typed is there again, and what may be secret is not in the address.
      await expect(page.locator('[name="form[environment]"]')).toHaveValue('WHO=world');
      expect(page.url()).not.toContain('WHO');
      await page.locator('[name="form[name]"]').fill('first');
      await page.locator('form[method="post"] button.primary').click();
      await expect(page).toHaveURL(/\/instances\/\d+/);
      const stateIs = async (tone: string) => {
        await expect(async () => {
          await page.reload();
          await expect(page.locator(`h1 ~ .state.${tone}`)).toBeVisible({ timeout: 100 });
        }).toPass({ timeout: 60_000 });
      };
      const act = async (action: string) => page.locator('form', { has: page.locator(`[name="action"][value="${action}"]`) }).locator('button').click();
      await stateIs('ok');
      await expect(page.locator('#logs')).toContainText('hello world');
      // As a terminal would leave it, and nothing for terminals is left in it.
      await expect(page.locator('#logs pre .ansi-cyan')).toHaveText('done');
      expect(await page.locator('#logs pre').innerText()).not.toMatch(/\x1b|\r|red|1 %/);
      // What it uses, its ports on the machine alone, and what it says, followed without a script.
      await expect(page.locator('#stats dd').first()).toContainText('%');
      expect(engine.docker(['ps', '--format', '{{.Ports}}'])).toMatch(/127\.0\.0\.1:\d+->8080\/tcp/);
      const own = page.url();
      // The workbench has it with what an hour costs, the search finds it, and the list of it is taken away.
      await page.goto('/');
      await expect(page.getByRole('row', { name: /first/ })).toContainText('0.50');
      await page.goto('/search?q=first');
      await expect(page.locator(`#hits a[href="${new URL(own).pathname}"]`)).toBeVisible();
      await page.goto('/instances');
      const [list] = await Promise.all([page.waitForEvent('download'), page.locator('a[download]').click()]);
      expect(list.suggestedFilename()).toMatch(/^instances-.*\.xlsx$/);
      await page.goto(own);
      await page.locator('#logs a[href*="follow=logs"]').click();
      await expect(page).toHaveURL(/follow=logs/);
      await page.locator('#logs header a').click();
      await expect(page).toHaveURL((url) => url.search === '');
      await act('stop');
      await stateIs('off');
      // Another spec: what it loses is said before it is done, and its container is made anew by the next start.
      await page.locator('[popovertarget="ask-resize"]').first().click();
      await expect(page.locator('#ask-resize')).toContainText('/data');
      await page.locator('#ask-resize [name="spec"]').selectOption(String(large));
      await page.locator('#ask-resize .btn.danger').click();
      await expect(page.locator('#sizes tr', { hasText: 'Instance large' }).locator('.state.info')).toBeVisible();
      await act('start');
      await stateIs('ok');
      expect(engine.docker(['inspect', '--format', '{{.HostConfig.Memory}}', engine.docker(['ps', '-q'])])).toBe(String(2 * 1024 ** 3));
      const remove = async (name: string) => {
        await page.locator('[popovertarget="ask-delete"]').first().click();
        await page.locator('#ask-delete [name="confirm"]').fill(name);
        await page.locator('#ask-delete .btn.danger').click();
      };
      await remove('second');
      await expect(page.locator('#ask-delete [name="confirm"]')).toHaveAttribute('aria-invalid', 'true');
      await remove('first');
      await expect(page).toHaveURL(/\/instances$/);
      await expect(async () => expect(engine.docker(['ps', '-aq'])).toBe('')).toPass({ timeout: 60_000 });
      expect(engine.docker(['volume', 'ls', '-q'])).toBe('');
      // What it said last is kept, and how it ended; staff read it when they say why.
      await expect(async () => {
        await page.goto(own);
        await expect(page.locator('#logs')).toContainText('hello world', { timeout: 100 });
      }).toPass({ timeout: 60_000 });
      await expect(page.locator('#events')).toContainText('143');
      await signIn(page, installation.admin);
      await page.goto(`/admin${new URL(own).pathname}`);
      await expect(page.locator('#logs')).not.toContainText('hello world');
      await page.locator('#logs [name="reason"]').fill('The customer asked');
      await page.locator('#logs button').click();
      await expect(page.locator('#logs')).toContainText('hello world');
    } finally {
      await engine.end();
    }
  });
});
