// What a terminal shows, recorded by policy: told at the beginning, played again by keyboard, looked at by staff with a
// reason that its customer reads, and kept where the server is killed in the middle of it.
import { Engine } from '../fixtures/engine.js';
import type { Installation } from '../fixtures/installation.js';
import { runningInstance } from '../fixtures/running.js';
import { expect, expectAccessible, test } from '../fixtures/test.js';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function record(installation: Installation, on: boolean) {
  const staff = await installation.token(installation.admin);
  const set = await installation.rest(staff, '/api/admin/settings/access.recording', 'PUT', { value: on });
  expect(set.body.code).toBe(0);
  return staff;
}

test.describe('recordings', () => {
  // The browser says so when the server it talks to is dead.
  test.use({ expectedConsole: /WebSocket connection|ERR_CONNECTION_(REFUSED|RESET)|50[023]/ });

  test('what a terminal shows is recorded, played again, and looked at with a reason', async ({ page, signIn, installation }) => {
    test.setTimeout(240_000);
    const engine = await Engine.start();
    try {
      const { person, theirs, own } = await runningInstance(installation, engine, 'filmed');
      const staff = await record(installation, true);
      await signIn(page, person);
      await expect(async () => {
        await page.goto(own);
        await expect(page.locator(`a[href="${own}/terminal"]`)).toBeVisible({ timeout: 100 });
      }).toPass({ timeout: 60_000 });
      // Said before it is opened, and in it.
      await page.goto(`${own}/terminal`);
      const words = (of: string, name: string) => page.locator(of).getAttribute(`data-${name}`).then((text) => text ?? '');
      await expect(page.locator('rg-terminal header strong')).toHaveText(await words('rg-terminal', 'recorded'));
      await page.locator('.xterm-helper-textarea').focus();
      await page.keyboard.type('echo $((40+2))-shown; sleep 1; clear; echo at-the-$((1+1))-end; exit 3');
      await page.keyboard.press('Enter');
      await expect(page.locator('.terminal-status')).toHaveText((await words('rg-terminal', 'exited')).replace('{code}', '3'));

      // From the session to its recording, played by the keyboard.
      await page.goto('/instances/access');
      await page.locator('tbody a[href*="recordings?session="]').click();
      await expect(page.locator('tbody tr')).toHaveCount(1);
      await page.locator('tbody a[href*="/recordings/"]').click();
      const player = page.locator('rg-player');
      const [screen, slider, button] = [player.locator('.xterm-rows'), player.locator('input[type="range"]'), player.locator('button')];
      await expect(slider).toBeVisible();
      await slider.focus();
      await page.keyboard.press('End');
      await expect(screen).toContainText('at-the-2-end');
      await expect(screen).not.toContainText('42-shown');
      await page.keyboard.press('Home');
      await expect(screen).not.toContainText('at-the-2-end');
      // However fast one goes to and fro, what is shown in the end is the last place.
      for (const key of ['End', 'Home', 'End', 'Home', 'End']) await page.keyboard.press(key);
      await expect(screen).toContainText('at-the-2-end');
      for (const key of ['Home', 'End', 'Home']) await page.keyboard.press(key);
      await expect(screen).not.toContainText('at-the-2-end');
      await player.locator('select').selectOption('4');
      await button.click();
      await expect(button).toHaveText(await words('rg-player', 'pause'));
      await expect(screen).toContainText('at-the-2-end', { timeout: 60_000 });
      await expect(button).toHaveText(await words('rg-player', 'play'));
      await expectAccessible(page);
      const [download] = await Promise.all([page.waitForEvent('download'), page.locator('a[download]').click()]);
      expect(download.suggestedFilename()).toMatch(/^\d{8}-\d{6}-[0-9a-f]{8}\.cast$/);

      // Staff give a reason; it stands in the customer's own log.
      const recording = page.url().split('/').pop();
      await page.context().clearCookies();
      await signIn(page, installation.admin);
      await page.goto(`/admin/instances/access/recordings/${recording}`);
      await expect(page.locator('rg-player')).toHaveCount(0);
      await page.locator('input[name="reason"]').fill('A complaint of Tuesday');
      await page.locator('input[name="reason"]').press('Enter');
      await page.locator('rg-player input[type="range"]').focus();
      await page.keyboard.press('End');
      await expect(page.locator('rg-player .xterm-rows')).toContainText('at-the-2-end');
      const log = (await installation.rest(theirs, '/api/customer/audits?action=instances:play-recording')).body.data;
      expect(log.list.map((row: { reason: string }) => row.reason)).toContain('A complaint of Tuesday');

      // kill -9 in the middle: what was shown until then is there.
      await page.context().clearCookies();
      await signIn(page, person);
      await page.goto(`${own}/terminal`);
      await page.locator('.xterm-helper-textarea').focus();
      await page.keyboard.type('echo last-$((40+2))-words; sleep 600');
      await page.keyboard.press('Enter');
      await expect(page.locator('.xterm-rows')).toContainText('last-42-words');
      await pause(1000);
      await installation.killServer('SIGKILL');
      installation.spawnServer();
      await installation.ready();
      const left = (await installation.rest(staff, '/api/admin/access/recordings')).body.data.list[0];
      expect(left.id).not.toBe(recording);
      const content = await fetch(`${installation.url}/api/admin/access/recordings/${left.id}/content?reason=after%20the%20crash`, {
        headers: { authorization: `Bearer ${staff}` },
      });
      expect(await content.text()).toContain('last-42-words');
    } finally {
      await record(installation, false);
      await engine.end();
    }
  });
});
