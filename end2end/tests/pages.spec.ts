// Every page with something on it, in both languages and both themes, wide and on a phone: accessible, nothing sticking
// out, nothing on the console.
import { expect, expectAccessible, expectNoSideScroll, look, settled, test } from '../fixtures/test.js';
import { PAGES, seed, Seeded } from '../fixtures/pages.js';

test.describe.configure({ mode: 'serial' });
// A trace of every look of axe would take longer than the looks.
test.use({ apart: 'pages', trace: 'off' });
let seeded: Seeded;

test.beforeAll(async ({ installation }) => {
  test.setTimeout(240_000);
  seeded = await seed(installation);
});

for (const language of ['zh', 'en'] as const) {
  for (const theme of ['light', 'dark'] as const) {
    test(`every page is accessible and fits a phone (${language}, ${theme})`, async ({ page, installation, signIn }) => {
      // Sixty pages, each looked at twice: a minute and a half on two quiet cores.
      test.setTimeout(480_000);
      const problems: string[] = [];
      for (const as of ['nobody', 'admin', 'owner'] as const) {
        await page.context().clearCookies();
        await look(page, installation.url, language, theme);
        await page.setViewportSize({ width: 1280, height: 800 });
        if (as !== 'nobody') await signIn(page, as === 'owner' ? seeded.owner : installation.admin);
        for (const { name, path } of PAGES.filter((one) => one.as === as)) {
          // Everything that is wrong anywhere, at once: the list is long.
          const note = async (what: string, look: () => Promise<void>) => look().catch((error) => problems.push(`${name}, ${what}: ${error.message}`));
          await page.setViewportSize({ width: 1280, height: 800 });
          expect((await page.goto(path(seeded)))!.status(), name).toBe(200);
          await expect(page.locator('html')).toHaveAttribute('lang', language === 'zh' ? 'zh-CN' : 'en');
          await expect(page.locator('html')).toHaveAttribute('data-theme', theme);
          await settled(page);
          await note('wide', () => expectAccessible(page));
          await page.setViewportSize({ width: 360, height: 740 });
          await note('360 px', () => expectNoSideScroll(page));
          // Names and structure are the same in every look; two of the four are enough.
          if ((language === 'zh') === (theme === 'dark')) await note('360 px', () => expectAccessible(page));
        }
      }
      expect(problems).toEqual([]);
    });
  }
}
