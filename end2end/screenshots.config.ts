// `cargo xtask screenshots`: pictures of the running product, into docs/screenshots.
import base from './playwright.config.js';

export default { ...base, testDir: 'screenshots', outputDir: 'test-results-screenshots' };
