// A shell in an instance, in the browser: typed, found, reconnected with what was on its screen, and ended.
import { Engine } from '../fixtures/engine.js';
import { runningInstance } from '../fixtures/running.js';
import { expect, test } from '../fixtures/test.js';

test('a customer works in a shell that lives on without its window', async ({ browser, page, signIn, installation }) => {
  test.setTimeout(180_000);
  const engine = await Engine.start();
  try {
    const { person, own } = await runningInstance(installation, engine, 'typed');
    await signIn(page, person);
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
