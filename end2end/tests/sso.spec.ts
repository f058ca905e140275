// Signing in through a sign-in service, with a service of the test's own: there, back, and when it lies.
import { createHash, createSign, generateKeyPairSync } from 'node:crypto';
import { createServer, Server } from 'node:http';
import { AddressInfo } from 'node:net';
import { expect, test } from '../fixtures/test.js';

// The sign-in page of the others has no button for it.
test.use({ apart: 'sso' });

const CLIENT = 'remotegpu';
const base64 = (data: string | Buffer) => Buffer.from(data).toString('base64url');

/** A service that knows one person and lets everybody in as them. */
class Service {
  private codes = new Map<string, URLSearchParams>();
  private key = generateKeyPairSync('rsa', { modulusLength: 2048 });
  private server!: Server;
  issuer = '';
  /** Whom its tokens are for. */
  audience = CLIENT;

  static async start(): Promise<Service> {
    const service = new Service();
    service.server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', service.issuer);
      const answer = (body: unknown) => response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
      if (url.pathname === '/.well-known/openid-configuration') return answer(service.description());
      if (url.pathname === '/keys') return answer({ keys: [{ ...service.key.publicKey.export({ format: 'jwk' }), kid: '1', use: 'sig' }] });
      if (url.pathname === '/authorize') {
        const code = `code-${service.codes.size + 1}`;
        service.codes.set(code, url.searchParams);
        const back = new URL(url.searchParams.get('redirect_uri')!);
        back.searchParams.set('code', code);
        back.searchParams.set('state', url.searchParams.get('state')!);
        return response.writeHead(302, { location: back.href }).end();
      }
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => {
        const form = new URLSearchParams(body);
        if (service.codes.has(form.get('code')!)) return answer(service.token(form));
        response.statusCode = 400; // what the test of the provider turns in
        answer({ error: 'invalid_grant' });
      });
    });
    await new Promise<void>((done) => service.server.listen(0, '127.0.0.1', done));
    service.issuer = `http://127.0.0.1:${(service.server.address() as AddressInfo).port}`;
    return service;
  }

  private description() {
    return {
      issuer: this.issuer, authorization_endpoint: `${this.issuer}/authorize`, token_endpoint: `${this.issuer}/token`,
      jwks_uri: `${this.issuer}/keys`, response_types_supported: ['code'], subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'], code_challenge_methods_supported: ['S256'],
    };
  }

  private token(form: URLSearchParams) {
    const asked = this.codes.get(form.get('code')!)!;
    this.codes.delete(form.get('code')!);
    const challenge = createHash('sha256').update(form.get('code_verifier')!).digest('base64url');
    if (challenge !== asked.get('code_challenge')) throw new Error('the verifier is another');
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: this.issuer, aud: this.audience, sub: '1', iat: now, exp: now + 300, nonce: asked.get('nonce'),
      preferred_username: 'wanda', name: 'Wanda Erer',
    };
    const text = `${base64(JSON.stringify({ alg: 'RS256', kid: '1' }))}.${base64(JSON.stringify(claims))}`;
    const signature = createSign('RSA-SHA256').update(text).sign(this.key.privateKey).toString('base64url');
    return { access_token: 'unused', token_type: 'Bearer', id_token: `${text}.${signature}` };
  }

  stop() {
    this.server.close();
    this.server.closeAllConnections();
  }
}

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
