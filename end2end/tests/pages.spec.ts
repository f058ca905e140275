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

// A look costs half a second, so each has to show something new: names and structure are of a language and a width, colours
// of a theme and a width. The two languages have the themes the other way round, and all of these have been looked at.
for (const [language, wide, narrow] of [['zh', 'light', 'dark'], ['en', 'dark', 'light']] as const) {
  test(`every page is accessible and fits a phone (${language}, ${wide} when wide, ${narrow} on the phone)`, async ({ page, installation, signIn }) => {
    test.setTimeout(300_000);
    const problems: string[] = [];
    for (const as of ['nobody', 'admin', 'owner'] as const) {
      await page.context().clearCookies();
      await look(page, installation.url, language, wide);
      if (as !== 'nobody') await signIn(page, as === 'owner' ? seeded.owner : installation.admin);
      for (const { name, path } of PAGES.filter((one) => one.as === as)) {
        // Everything that is wrong anywhere, at once: the list is long.
        const note = async (what: string, look: () => Promise<void>) => look().catch((error) => problems.push(`${name}, ${what}: ${error.message}`));
        await page.setViewportSize({ width: 1280, height: 800 });
        expect((await page.goto(path(seeded)))!.status(), name).toBe(200);
        await expect(page.locator('html')).toHaveAttribute('lang', language === 'zh' ? 'zh-CN' : 'en');
        await expect(page.locator('html')).toHaveAttribute('data-theme', wide);
        await settled(page);
        await note('wide', () => expectAccessible(page));
        await page.setViewportSize({ width: 360, height: 740 });
        await note('360 px', () => expectNoSideScroll(page));
        // What the server would say for the other theme; the style sheet does the rest, without a transition.
        await page.evaluate((theme) => void (document.documentElement.dataset.theme = theme), narrow);
        await note(`360 px, ${narrow}`, () => expectNoSideScroll(page));
        await note(`360 px, ${narrow}`, () => expectAccessible(page));
      }
    }
    expect(problems).toEqual([]);
  });
}
