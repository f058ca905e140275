// Every page in English.
import { everyPage } from '../fixtures/every-page.js';
import { test } from '../fixtures/test.js';

// A trace of every look of axe would take longer than the looks.
test.use({ apart: 'pages-en', trace: 'off' });
everyPage('en', { wide: 'dark', narrow: 'light' });
