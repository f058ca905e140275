// Looking on at a terminal by a link: who has it sees who looks on, and ends it.
import { Engine } from '../fixtures/engine.js';
import { runningInstance } from '../fixtures/running.js';
import { expect, expectAccessible, test } from '../fixtures/test.js';

// The last try with a link that was ended is refused.
test.use({ expectedConsole: /404/ });

test('staff look on at a terminal by the consent of who has it', async ({ browser, page, signIn, installation }) => {
  test.setTimeout(180_000);
  const engine = await Engine.start();
  try {
    const { person, own } = await runningInstance(installation, engine, 'shared');
    await signIn(page, person);
    await expect(async () => {
      await page.goto(own);
      await expect(page.locator(`a[href="${own}/terminal"]`)).toBeVisible({ timeout: 100 });
    }).toPass({ timeout: 60_000 });
    await page.goto(`${own}/terminal`);
    const words = (of: typeof page, name: string) => of.locator('rg-terminal').getAttribute(`data-${name}`).then((text) => text ?? '');
    const button = async (name: string) => page.locator('rg-terminal header button', { hasText: await words(page, name) });
    await page.locator('.xterm-helper-textarea').focus();
    await page.keyboard.type('echo $((40+2))-first');
    await page.keyboard.press('Enter');
    await expect(page.locator('.xterm-rows')).toContainText('42-first');
    await (await button('share-label')).click();
    const link = await page.locator('rg-terminal .note-line input').inputValue();

    const theirs = await browser.newContext();
    const helper = await theirs.newPage();
    await signIn(helper, installation.admin);
    const lookOn = async (address: string) => {
      await helper.goto(address);
      const answered = helper.waitForResponse((answer) => answer.url().endsWith('/terminal/watch') && answer.request().method() === 'POST');
      await helper.locator('input[name="reason"]').fill('They asked for help');
      await helper.locator('input[name="reason"]').press('Enter');
      return (await answered).status();
    };
    expect(await lookOn(link)).toBe(200);
    await expect(helper.locator('.terminal-status')).toHaveText(await words(helper, 'connected'));
    await expect(helper.locator('.xterm-rows')).toContainText('42-first');
    await expectAccessible(helper);
    await expect(page.locator('rg-terminal header')).toContainText(installation.admin.name);
    await (await button('unshare')).click();
    await expect(helper.locator('.terminal-status')).toHaveText(await words(helper, 'exit-unshared'));
    await expect(page.locator('rg-terminal header')).not.toContainText(installation.admin.name);
    await expect(await button('unshare')).toBeHidden();

    // Another link counts in the same tab, and can be taken back before anybody used it, also after a reload.
    await (await button('share-label')).click();
    await expect(page.locator('rg-terminal .note-line input')).toBeVisible();
    await page.reload();
    await expect(await button('unshare')).toBeVisible();
    await (await button('unshare')).click();
    await expect(await button('unshare')).toBeHidden();
    await (await button('share-label')).click();
    const second = await page.locator('rg-terminal .note-line input').inputValue();
    expect(await lookOn(second)).toBe(200);
    await expect(helper.locator('.terminal-status')).toHaveText(await words(helper, 'connected'));
    // Who came by it comes back by it; and no more once that was ended while they were away.
    expect(await lookOn(second)).toBe(200);
    await expect(page.locator('rg-terminal header')).toContainText(installation.admin.name);
    await helper.goto('about:blank');
    await expect(page.locator('rg-terminal header')).not.toContainText(installation.admin.name);
    await page.reload();
    await (await button('unshare')).click();
    await expect(await button('unshare')).toBeHidden();
    expect(await lookOn(second)).toBe(404);
    await expect(page.locator('.xterm-rows')).toContainText('42-first');
    await theirs.close();
  } finally {
    await engine.end();
  }
});
