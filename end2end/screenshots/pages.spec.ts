// A picture of every page, in light (English) and dark (Chinese), of an installation with something on it.
import { expect, look, settled, test } from '../fixtures/test.js';
import { PAGES, seed, Seeded } from '../fixtures/pages.js';

test.describe.configure({ mode: 'serial' });
// Everything below the fold up to here is in the picture as well.
const [WIDTH, LOWEST, HIGHEST] = [1280, 720, 1400];
let seeded: Seeded;

test.beforeAll(async ({ installation }) => {
  test.setTimeout(240_000);
  seeded = await seed(installation);
});

for (const theme of ['light', 'dark'] as const) {
  for (const as of ['nobody', 'admin', 'owner'] as const) {
    test(`pages of ${as}, ${theme}`, async ({ page, installation, signIn }) => {
      test.setTimeout(240_000);
      await look(page, installation.url, theme === 'light' ? 'en' : 'zh', theme);
      if (as !== 'nobody') await signIn(page, as === 'owner' ? seeded.owner : installation.admin);
      for (const { name, path } of PAGES.filter((one) => one.as === as)) {
        await page.setViewportSize({ width: WIDTH, height: LOWEST });
        const answer = await page.goto(path(seeded));
        expect(answer!.status(), name).toBe(200);
        await settled(page);
        if (name === 'wall') {
          await expect(page.locator('.tile .gpu').nth(20)).toBeVisible({ timeout: 30_000 });
          await expect(page.locator('.gpu.lost')).toHaveCount(1, { timeout: 20_000 });
        }
        // Charts have their first figures.
        for (const canvas of await page.locator('rg-chart canvas').all()) await expect(canvas).toBeVisible();
        await page.waitForLoadState('networkidle', { timeout: 1500 }).catch(() => {});
        const height = await page.evaluate(() => document.documentElement.scrollHeight);
        await page.setViewportSize({ width: WIDTH, height: Math.min(Math.max(height, LOWEST), HIGHEST) });
        await page.screenshot({ path: `../docs/screenshots/${name}-${theme}.png`, animations: 'disabled' });
      }
    });
  }
}
