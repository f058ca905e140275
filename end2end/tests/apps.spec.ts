// An application of an instance, opened from the instance's page: at an origin of its own, with nothing of the portal's.
import { Engine } from '../fixtures/engine.js';
import { until } from '../fixtures/installation.js';
import { runningInstance } from '../fixtures/running.js';
import { expect, test } from '../fixtures/test.js';

const PAGE = '<!DOCTYPE html><title>Lab</title><link rel="icon" href="data:,"><h1>A page of the instance</h1><p id="cookies"></p><script>document.cookie = "own=1"; document.getElementById("cookies").textContent = document.cookie;</script>';
const PROGRAM = `busybox mkdir -p /www; echo '${PAGE}' > /www/index.html; exec busybox httpd -f -p 127.0.0.1:8888 -h /www`;

// A link that was taken away leads to a page that says so. The card is scrolled to by its fragment after it was answered; what a
// question gives the focus when it opens cannot have it at once then.
test.use({ expectedConsole: /404|^info: Autofocus processing was blocked because a document's URL has a fragment/ });

test('a customer opens an application of an instance, and takes it away', async ({ browser, page, context, signIn, hear, installation }) => {
  test.setTimeout(180_000);
  const engine = await Engine.start();
  try {
    const { person, own, theirs } = await runningInstance(installation, engine, 'lab', ['/bin/sh', '-c', PROGRAM]);
    const id = own.split('/').at(-1);
    await until('the instance runs', 60, async () => (await installation.rest(theirs, `/api/customer/instances/${id}`)).body.data.state === 'running');
    await signIn(page, person);
    await page.goto(own);
    const card = page.locator('#apps');
    await card.locator('summary').click();
    await card.locator('input[name="name"]').fill('Lab');
    // What is wrong is said beside its field, and what was typed is still there.
    await card.locator('input[name="port"]').fill('70000');
    await card.locator('form.form button').click();
    await expect(card.locator('.fault')).toBeVisible();
    await expect(card.locator('input[name="name"]')).toHaveValue('Lab');
    await card.locator('input[name="port"]').fill('8888');
    await card.locator('form.form button').click();
    const link = card.locator('tbody th a');
    await expect(link).toHaveText('Lab');
    const address = (await link.getAttribute('href'))!;
    expect(new URL(address).host).toMatch(new RegExp(`^[a-z0-9]{20}\\.localhost:${installation.appsPort}$`));

    // In a tab of its own, by way of the portal, which knows who it is.
    const opening = context.waitForEvent('page');
    await link.click();
    const tab = await opening;
    await expect(tab.locator('h1')).toHaveText('A page of the instance');
    expect(tab.url()).toBe(address);
    await expect(tab.locator('#cookies')).toHaveText('own=1');
    const kept = await context.cookies(address);
    expect(kept.map((cookie) => cookie.name).sort()).toEqual(['own', 'remotegpu-app', 'remotegpu-app-state']);
    expect(kept.filter((cookie) => cookie.name !== 'own').every((cookie) => cookie.httpOnly && cookie.sameSite === 'Lax')).toBe(true);
    expect(await tab.evaluate(() => window.opener)).toBeNull();

    // Somebody with the address who is signed in nowhere: to the sign-in page, and from there on to where they were going, by
    // hand, because no browser follows a form of the portal to another origin.
    const elsewhere = await browser.newContext();
    hear(elsewhere);
    const stranger = await elsewhere.newPage();
    await stranger.goto(`${address}?a=b%20c#part`);
    await expect(stranger).toHaveURL(new RegExp(`^${installation.url}/login`));
    await stranger.locator('input[autocomplete="username"]').fill(person.name);
    await stranger.locator('input[type="password"]').fill(person.password);
    await stranger.locator('form button.primary').click();
    await expect(stranger).toHaveURL(new RegExp(`^${installation.url}/apps/`));
    await stranger.locator('main a.btn').click();
    await expect(stranger.locator('h1')).toHaveText('A page of the instance');
    expect(new URL(stranger.url()).search).toBe('?a=b%20c');
    await elsewhere.close();
    // Without a script it is the same.
    const plain = await browser.newContext({ javaScriptEnabled: false, storageState: await context.storageState() });
    const without = await plain.newPage();
    await without.goto(`${installation.url}${own}`);
    await expect(without.locator('#apps tbody th a')).toHaveText('Lab');
    await without.goto(address);
    await expect(without.locator('h1')).toHaveText('A page of the instance');
    await plain.close();

    // Who is in; and gone with the link.
    await page.goto('/instances/access?kind=app');
    await expect(page.locator('tbody tr').first()).toContainText(person.name);
    await page.goto(own);
    await card.locator('.row-actions > button').click();
    await page.locator('.ask:popover-open button.danger').click();
    await expect(card.locator('tbody')).toHaveCount(0);
    await expect(async () => {
      await tab.goto(address);
      await expect(tab).toHaveURL(new RegExp(`^${installation.url}/apps/`), { timeout: 1000 });
    }).toPass({ timeout: 20_000 });

    // Staff take one away, too, and say why: its owner reads it.
    await installation.rest(theirs, `/api/customer/instances/${id}/links`, 'POST', { name: 'Board', port: 8888 });
    const desk = await browser.newContext({ baseURL: installation.url });
    hear(desk);
    const staff = await desk.newPage();
    await signIn(staff);
    await staff.goto(`/admin/instances/${id}`);
    await staff.locator('#apps .row-actions > button').click();
    const question = staff.locator('.ask:popover-open');
    await question.locator('input[name="reason"]').fill('It was open to everybody');
    await question.locator('button.danger').click();
    await expect(staff.locator('#apps')).toHaveCount(0);
    await desk.close();
    await page.goto('/notifications');
    await expect(page.locator('main')).toContainText('It was open to everybody');
  } finally {
    await engine.end();
  }
});
