// Figures survive the sudden death of every process on their way: the agent's spool, the server's acknowledgement after
// commit and the key (thing, instant) together lose nothing and double nothing.
import { until } from '../fixtures/installation.js';
import { expect, hydrated, test } from '../fixtures/test.js';

const GPUS = 8;
const scenario = `
driver_version = "580.95.05"
cuda_version = "13.0"
seed = 77

[[gpu]]
model = "A100 80G"
count = ${GPUS}
load = { kind = "sine", mean = 50.0, amplitude = 40.0, period = 20.0 }
`;

const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const second = (ms: number) => Math.floor(ms / 1000);

test.describe('kill -9', () => {
  // The browser says so when the server it talks to is dead.
  test.use({ expectedConsole: /WebSocket connection|ERR_CONNECTION_(REFUSED|RESET)|50[023]/ });

  test('of server, PostgreSQL and agent while figures stream loses and doubles none', async ({ page, installation, signIn }) => {
    test.setTimeout(240_000);
    const agent = installation.startAgent('sim-crash', scenario);
    const things = `select 'host' as thing, s.at from machine_samples s join machines m on m.id = s.machine_id
                      where m.code = 'sim-crash'
                    union all
                    select 'gpu ' || g.uuid, s.at from gpu_samples s join gpus g on g.id = s.gpu_id
                      join machines m on m.id = g.machine_id where m.code = 'sim-crash'`;
    const newest = () => Number(installation.sql(`select coalesce(extract(epoch from max(at)), 0) from (${things}) t`)[0]);
    const streaming = async (what: string) => {
      const from = second(Date.now());
      await until(`figures arrive ${what}`, 60, async () => newest() > from + 3);
    };
    // GPUs have rows only once their inventory is known.
    await until('every thing has figures', 60, async () => installation.sql(`select distinct thing from (${things}) t`).length === 1 + GPUS);
    await streaming('at first');
    const begin = Number(
      installation.sql(`select extract(epoch from max(first)) from (select min(at) as first from (${things}) t group by thing) f`)[0],
    );

    await signIn(page);
    await page.goto('/admin/metrics');
    await hydrated(page);
    const tile = page.locator('.tile', { hasText: 'sim-crash' });
    await expect(tile.locator('.gpu')).toHaveCount(GPUS);

    await installation.killServer('SIGKILL');
    await pause(3);
    installation.spawnServer();
    await installation.ready();
    await streaming('after the death of the server');

    process.kill(installation.postmasterPid(), 'SIGKILL');
    await until('the server has its database again', 60, async () => (await fetch(`${installation.url}/readyz`)).ok);
    await streaming('after the death of PostgreSQL');

    // Both at once, with nobody there to start PostgreSQL again.
    process.kill(installation.postmasterPid(), 'SIGKILL');
    await installation.killServer('SIGKILL');
    await pause(2);
    installation.spawnServer();
    await installation.ready();
    await streaming('after the death of both');

    // While the server is away the agent has figures that nobody acknowledged; then it dies too.
    await installation.killServer('SIGKILL');
    await pause(3);
    const died = Date.now();
    await agent.kill('SIGKILL');
    await pause(2);
    const restarted = Date.now();
    agent.start();
    installation.spawnServer();
    await installation.ready();
    await streaming('after the death of the agent');

    const end = second(Date.now());
    await until('everything up to now is stored', 30, async () => newest() > end);

    // One row per thing and second; only the dead agent's seconds are missing. The second it died in was perhaps not
    // finished, and a new agent leaves out the one it starts in and waits for its driver.
    const rows = installation.sql(`select thing, extract(epoch from at) from (${things}) t
                                   where at between to_timestamp(${begin}) and to_timestamp(${end}) order by 1, 2`);
    const seconds = new Map<string, number[]>();
    for (const row of rows) {
      const [thing, at] = row.split('|');
      seconds.set(thing, [...(seconds.get(thing) ?? []), Number(at)]);
    }
    expect(seconds.size).toBe(1 + GPUS);
    for (const [thing, stored] of seconds) {
      expect(stored.filter((at) => !Number.isInteger(at)), `${thing}: instants between two seconds`).toEqual([]);
      const have = new Set(stored);
      const missing = [];
      for (let at = begin; at <= end; at++) if (!have.has(at)) missing.push(at);
      const excused = (at: number) => at >= second(died) && at <= second(restarted) + 3;
      expect(missing.filter((at) => !excused(at)), `${thing}: lost seconds from ${begin} to ${end}`).toEqual([]);
      expect(stored.length, `${thing}: one row per second`).toBe(end - begin + 1 - missing.length);
      expect(missing.length, `${thing}: the agent was dead, so something is missing`).toBeGreaterThan(0);
    }

    // The page that was open all the time is live again, without a reload.
    await expect(tile).not.toHaveClass(/offline/, { timeout: 30_000 });
    await expect(tile.locator('.gpu')).toHaveCount(GPUS);
    await agent.kill('SIGTERM');
  });
});
