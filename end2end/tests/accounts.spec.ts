// Signing in and out.
import { expect, expectAccessible, test } from '../fixtures/test.js';

test('a wrong password is refused without saying what was wrong, and the name stays', async ({ page }) => {
  await page.goto('/login');
  await page.locator('input[name="username"]').fill('admin');
  await page.locator('input[type="password"]').fill('not the password');
  await page.locator('form button.primary').click();
  await expect(page).toHaveURL(/\/login/);
  await expect(page.locator('input[name="username"]')).toHaveValue('admin');
  await expect(page.locator('input[type="password"]')).toHaveValue('');
  await expect(page.locator('input[type="password"]')).toHaveAttribute('aria-invalid', 'true');
  await expect(page.locator('.fault').first()).toBeVisible();
  expect(page.url()).not.toContain('not+the+password');
  expect(page.url()).not.toContain('not%20the%20password');
  await expectAccessible(page);
});

test('the sign-in page ships no wasm', async ({ page }) => {
  const fetched: string[] = [];
  page.on('request', (request) => fetched.push(request.url()));
  await page.goto('/login', { waitUntil: 'networkidle' });
  expect(fetched.filter((url) => url.endsWith('.wasm') || /remotegpu-[0-9a-f]+\.js/.test(url))).toEqual([]);
});

test('signing out ends the session: the old cookie opens nothing', async ({ page, context, signInByForm, installation }) => {
  await signInByForm(page);
  const cookies = await context.cookies();
  const session = cookies.find((cookie) => cookie.httpOnly);
  expect(session, 'a session cookie that scripts cannot read').toBeTruthy();
  expect(session!.sameSite).toBe('Lax');
  await page.goto('/account');
  await page.locator('form[action*="sign_out"] button').last().click();
  await expect(page).toHaveURL(/\/login/);
  const answer = await fetch(`${installation.url}/admin/metrics`, {
    headers: { cookie: `${session!.name}=${session!.value}` },
    redirect: 'manual',
  });
  expect([302, 303, 307, 401]).toContain(answer.status);
});

test('a form posted from another origin is refused', async ({ installation, page, context, signIn }) => {
  await signIn(page);
  const cookie = (await context.cookies()).map((c) => `${c.name}=${c.value}`).join('; ');
  const answer = await fetch(`${installation.url}/api/admin/machines`, {
    method: 'POST',
    headers: { cookie, origin: 'https://evil.example', 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'from elsewhere' }),
  });
  expect(answer.status).toBe(403);
});

test('on a phone no tab of the account stands alone on a line', async ({ page, context, signIn, installation }) => {
  await signIn(page);
  await page.setViewportSize({ width: 360, height: 740 });
  for (const language of ['en', 'zh']) {
    await context.addCookies([{ name: 'lang', value: language, url: installation.url }]);
    await page.goto('/account');
    const tops = await page.locator('.seg-line > .seg > a').evaluateAll((tabs) => tabs.map((tab) => Math.round(tab.getBoundingClientRect().top)));
    const lines = [...new Set(tops)].map((top) => tops.filter((other) => other === top).length);
    expect(Math.min(...lines), `${language}: ${lines.join(', ')} tabs on the lines`).toBeGreaterThan(1);
  }
});
