// Every page of the admin portal with this machine and three simulated hosts on it.
import { expect, hydrated, look, test } from '../fixtures/test.js';

const host = (model: string, seed: number) => `
seed = ${seed}

[[gpu]]
model = "${model}"
count = 8
load = { kind = "sine", mean = 60.0, amplitude = 30.0, period = 60.0 }
`;

test('pages', async ({ page, installation, signIn }) => {
  installation.startAgent('this-machine');
  const hosts = ['H100 80G', 'A100 80G', 'L40S'].map((model, i) => installation.startAgent(`gpu-00${i + 1}`, host(model, i)));
  await signIn(page);
  for (const theme of ['light', 'dark'] as const) {
    await look(page, installation.url, theme === 'light' ? 'en' : 'zh', theme);
    for (const [name, path] of [
      ['wall', '/admin/metrics'],
      ['machines', '/admin/machines'],
      ['machine', '/admin/machines/gpu-001'],
      ['join-tokens', '/admin/machines/join-tokens'],
    ] as const) {
      await page.goto(path);
      if (name === 'wall') {
        await hydrated(page);
        await expect(page.locator('.tile .gpu').nth(20)).toBeVisible({ timeout: 30_000 });
        if (theme === 'light') hosts[2].control('[gpu.3]\nlost = true\n');
        await expect(page.locator('.gpu.lost')).toHaveCount(1, { timeout: 20_000 });
      }
      await page.screenshot({ path: `../docs/screenshots/${name}-${theme}.png` });
    }
  }
});
