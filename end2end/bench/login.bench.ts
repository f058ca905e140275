// What a failed sign-in's time gives away: a name that is known against one that is not, both with a wrong password.
import { test } from '@playwright/test';
import { Installation, MEASURED, publish, spread, TRUSTING } from './lib.js';

const EACH = Number(process.env.BENCH_TRIAL ?? 0) ? 50 : 1000;
const WARM = 20;

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Standard error of a mean. */
const uncertainty = (values: number[]) => {
  const m = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - m) ** 2, 0) / (values.length - 1) / values.length);
};

test('login', async () => {
  test.setTimeout(900_000);
  const installation = await Installation.start(MEASURED, TRUSTING);
  try {
    let client = 0;
    // Each from an address of its own: nobody is delayed for the failures of before.
    const attempt = async (username: string): Promise<number> => {
      client += 1;
      const headers = { 'content-type': 'application/json', 'x-forwarded-for': `10.${client >> 16}.${(client >> 8) & 255}.${client & 255}` };
      const body = JSON.stringify({ username, password: 'not the password of anybody' });
      const begun = performance.now();
      const answer = await fetch(`${installation.url}/api/auth/login`, { method: 'POST', headers, body });
      await answer.arrayBuffer();
      const took = performance.now() - begun;
      if (answer.status !== 401) throw new Error(`${username}: ${answer.status}`);
      return took;
    };
    // Another one each time here too: a name that was tried three times asks for a challenge before anything else.
    installation.sql(`insert into users (name, password_hash)
      select 'known' || n, password_hash from users, generate_series(0, ${4 * EACH + WARM}) n where name = '${installation.admin.name}'`);
    const known = () => attempt(`known${client}`);
    // Another one each time: what was looked up once is in no cache.
    const unknown = () => attempt(`nobody${client}`);
    for (let i = 0; i < WARM; i++) await (i % 2 ? known() : unknown());
    const times: { known: number[]; unknown: number[] } = { known: [], unknown: [] };
    for (let i = 0; i < EACH; i++) {
      // A B B A: what drifts meanwhile is the same for both.
      for (const which of i % 2 ? (['unknown', 'known'] as const) : (['known', 'unknown'] as const)) {
        times[which].push(await (which === 'known' ? known() : unknown()));
      }
    }
    const difference = Math.abs(mean(times.known) - mean(times.unknown));
    publish(
      'login',
      `${2 * EACH} failed sign-ins over REST one after the other, in turn with a known and an unknown name, another one each time and from another address so that neither a delay nor a challenge is added. The difference of the two means is what somebody could learn names from; the uncertainty is the standard error of that difference.`,
      [
        spread('known name', 'ms', times.known),
        spread('unknown name', 'ms', times.unknown),
        spread('mean, known name', 'ms', [mean(times.known)]),
        spread('mean, unknown name', 'ms', [mean(times.unknown)]),
        spread('uncertainty of the difference', 'ms', [Math.hypot(uncertainty(times.known), uncertainty(times.unknown))]),
      ],
      [{ what: 'difference of the means', reached: difference, sense: '<=', goal: 2, unit: 'ms' }],
    );
  } finally {
    await installation.stop();
  }
});
