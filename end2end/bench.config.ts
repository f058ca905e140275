// Benchmarks, one file per area, run as Playwright tests because those have the installation at hand.
// `cargo xtask bench [AREA]` builds everything and sets the REMOTEGPU_… variables.
import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: 'bench',
  testMatch: '*.bench.ts',
  outputDir: 'test-results-bench',
  timeout: 30 * 60_000,
  workers: 1,
  retries: 0,
  reporter: [['line']],
  use: { browserName: 'chromium', headless: true, launchOptions: { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] } },
});
