// Every page in Chinese.
import { everyPage } from '../fixtures/every-page.js';
import { test } from '../fixtures/test.js';

// A trace of every look of axe would take longer than the looks.
test.use({ apart: 'pages-zh', trace: 'off' });
everyPage('zh', { wide: 'light', narrow: 'dark' });
