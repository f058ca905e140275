// Signing in through a sign-in service, with a service of the test's own: there, back, and when it lies.
import { CLIENT, Service } from '../fixtures/oidc.js';
import { expect, test } from '../fixtures/test.js';

// The sign-in page of the others has no button for it.
test.use({ apart: 'sso' });

// The test's answer is scrolled to by its fragment; what a question gives the focus when it opens cannot have it at once then.
test.use({ expectedConsole: /^info: Autofocus processing was blocked because a document's URL has a fragment/ });

test('an admin adds a sign-in service, tests it, and somebody comes in by it', async ({ page, installation, signIn, browser }) => {
  const service = await Service.start();
  try {
    await signIn(page, installation.admin);
    await page.goto(`${installation.url}/admin/settings/identity`);
    await page.getByRole('link', { name: 'Add a sign-in service' }).click();
    await page.locator('input[name="form[name]"]').fill('Lab SSO');
    await page.locator('input[name="form[enabled]"]').check();
    await page.locator('input[name="form[issuer]"]').fill(service.issuer);
    await page.locator('input[name="form[client_id]"]').fill(CLIENT);
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByRole('status').filter({ hasText: 'Saved.' })).toBeVisible();
    await page.getByRole('button', { name: 'Test', exact: true }).click();
    await expect(page.getByText('It has 1 key.')).toBeVisible();
    await expect(page.getByText('The service takes the client ID')).toBeVisible();

    const theirs = await (await browser.newContext()).newPage();
    await theirs.goto(`${installation.url}/login?next=/account`);
    await theirs.getByRole('link', { name: 'Sign in with Lab SSO' }).click();
    await expect(theirs).toHaveURL(`${installation.url}/account`);
    // What takes a password of this platform is not offered to who has none.
    await expect(theirs.getByText('You sign in through Lab SSO')).toBeVisible();
    await expect(theirs.locator('input[type="password"]')).toHaveCount(0);
    await theirs.goto(`${installation.url}/account/security`);
    await expect(theirs.getByText('Your password is kept by Lab SSO.')).toBeVisible();

    service.audience = 'somebody else';
    const lied = await (await browser.newContext()).newPage();
    await lied.goto(`${installation.url}/login`);
    await lied.getByRole('link', { name: 'Sign in with Lab SSO' }).click();
    await expect(lied.getByText('What Lab SSO said could not be trusted')).toBeVisible();
  } finally {
    service.stop();
  }
});
