// Mail over an encrypted line, to servers whose authority this machine trusts.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Installation } from '../fixtures/installation.js';
import { authority, Encryption, SmtpSink } from '../fixtures/smtp.js';
import { expect, test } from '../fixtures/test.js';

test('mail goes over STARTTLS and over TLS, its password too, and to nobody who cannot prove the name', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'remotegpu-tls-'));
  const trusted = authority(dir);
  const [right, wrong] = [trusted.certificate('localhost'), trusted.certificate('elsewhere.test')];
  const installation = await Installation.start([], { SSL_CERT_FILE: trusted.file });
  const token = await installation.token(installation.admin);
  const step = async (kind: Encryption['kind'], sink: SmtpSink): Promise<string> => {
    const settings = { 'mail.host': 'localhost', 'mail.port': sink.port, 'mail.security': kind, 'mail.from_address': 'gpu@example.org', 'mail.user': 'gpu', 'mail.password': 'hush-hush' };
    for (const [key, value] of Object.entries(settings)) {
      expect((await installation.rest(token, `/api/admin/settings/${key}`, 'PUT', { value })).body.code, key).toBe(0);
    }
    const { body } = await installation.rest(token, '/api/admin/settings/mail/test', 'POST', { to: 'somebody@example.org' });
    return body.data.step;
  };
  for (const kind of ['starttls', 'tls'] as const) {
    const sink = await SmtpSink.start({ kind, ...right });
    expect(await step(kind, sink), kind).toBe('done');
    expect(sink.mails.map(({ to, encrypted, user }) => ({ to, encrypted, user }))).toEqual([{ to: 'somebody@example.org', encrypted: true, user: 'gpu' }]);
    await sink.stop();
    const other = await SmtpSink.start({ kind, ...wrong });
    expect(await step(kind, other), `${kind}, another name`).toBe('tls');
    expect(other.mails).toEqual([]);
    await other.stop();
  }
  await installation.stop();
  fs.rmSync(dir, { recursive: true, force: true });
});
