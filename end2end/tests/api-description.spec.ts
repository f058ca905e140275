// The API's own description, turned against it: schemathesis makes requests of every operation out of it, valid ones and
// broken ones, and nothing may answer with a fault of the server.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from '../fixtures/test.js';

test.use({ apart: 'described' });

test('no request made out of the description is answered with a 500', async ({ installation }) => {
  test.setTimeout(600_000);
  const token = await installation.token(installation.admin);
  // Not spawnSync: this process reads the server's log, and what nobody reads is lost.
  const run = spawn(
    process.env.SCHEMATHESIS ?? 'schemathesis',
    [
      'run',
      `${installation.url}/api/openapi.json`,
      ...['--header', `Authorization: Bearer ${token}`],
      ...['--checks', 'not_a_server_error'],
      ...['--phases', 'examples,coverage,fuzzing', '--max-examples', '5'],
      // What ends the very session these requests are made with.
      ...['--exclude-path', '/api/auth/logout', '--exclude-path', '/api/auth/sessions', '--exclude-path', '/api/auth/sessions/{id}'],
      ...['--exclude-path', '/api/auth/password/change', '--exclude-path', '/api/auth/totp/confirm'],
      // Whoever is given a password or a role is signed out, and the first account is the asker's.
      ...['--exclude-path', '/api/admin/users/{id}/sessions', '--exclude-path', '/api/admin/users/{id}/sessions/{sessionId}'],
      ...['--exclude-path', '/api/admin/users/{id}/password', '--exclude-path', '/api/admin/users/{id}/roles'],
      ...['--exclude-path', '/api/admin/users/{id}/roles/{roleId}'],
      // It has no way to make a workbook; those have tests of their own.
      ...['--exclude-path', '/api/admin/machines/import/preview'],
      ...['--exclude-path', '/api/admin/users/import/preview'],
      // A client has 200 requests a second.
      ...['--rate-limit', '100/s', '--generation-database', 'none', '--continue-on-failure', '--no-color'],
    ],
    // It keeps notes where it is run.
    { cwd: installation.dir, timeout: 540_000, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  for (const stream of [run.stdout, run.stderr]) stream.on('data', (chunk) => (said += chunk));
  const [status] = await once(run, 'close');
  // Its summary is long and says nothing of what went wrong.
  const fault = said.search(/^=+ (FAILURES|ERRORS) =+$/m);
  expect(status, fault < 0 ? said.slice(-6000) : said.slice(fault, fault + 12_000)).toBe(0);
  const [, made] = /(\d+) generated/.exec(said) ?? [];
  expect(Number(made), 'it did ask').toBeGreaterThan(500);
  // The session was open to the end, or it would all have been refused unseen.
  expect((await installation.rest(token, '/api/auth/profile')).status).toBe(200);
});
