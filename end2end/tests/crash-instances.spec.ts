// Whoever kills the server takes nothing from what runs: twenty containers go on, and who follows what they say misses no byte.
import { Engine } from '../fixtures/engine.js';
import { until } from '../fixtures/installation.js';
import { runningInstance } from '../fixtures/running.js';
import { expect, test } from '../fixtures/test.js';

const MANY = 20;
/** Seconds after the server answers again in which everything is followed again. */
const WITHIN = 10;

/** What a page has heard of an instance. */
interface Heard {
  lines: string[];
  mark?: string;
  at: number;
}

test.describe('kill -9 of the server', () => {
  // The browser says so when the server it talks to is dead.
  test.use({ expectedConsole: /WebSocket connection|ERR_CONNECTION_(REFUSED|RESET)|50[023]/ });

  test('while twenty containers talk loses no byte of it and restarts none', async ({ page, signIn, installation }) => {
    test.setTimeout(300_000);
    const engine = await Engine.start();
    try {
      const command = ['sh', '-c', 'i=0; while sleep 0.1; do i=$((i+1)); echo line $i; done'];
      const { person, theirs, own, ask } = await runningInstance(installation, engine, 'talks', command);
      // More cores than where tests run may have: what a container may take is its limit, not what it takes.
      installation.sql(`update engine_connections set last_report = last_report || '{"cpus": 500, "memory": 549755813888}'
        where machine_id = (select id from machines where code = 'talks-room')`);
      const first = (await installation.rest(theirs, `/api/customer${own}`)).body.data;
      for (let n = 1; n < MANY; n++) {
        const body = { name: `talks-${n}`, image: first.image, spec: first.spec.id, machine: 'talks-room', command };
        await ask('/api/customer/instances', 'POST', body, theirs);
      }
      const states = async (): Promise<{ id: number; state: string }[]> =>
        (await installation.rest(theirs, '/api/customer/instances?pageSize=100')).body.data.list;
      const allRun = async () => {
        const others = (await states()).filter((it) => it.state !== 'running');
        // Which, and why, is what tells a slow engine from a fault of ours.
        if (others.length > 0) throw new Error(installation.sql(`select i.id, i.name, e.kind, e.reason, e.detail from instances i
          left join lateral (select * from instance_events where instance_id = i.id order by id desc limit 1) e on true
          where i.id in (${others.map((it) => it.id).join(',')})`).join('; '));
        return true;
      };
      await until('all of them run', 120, allRun);
      const ids = (await states()).map((it) => it.id);
      expect(ids).toHaveLength(MANY);
      const containers = () => engine.docker(['ps', '-q', '--no-trunc']).split('\n').sort();
      const lives = () => engine.docker(['inspect', '--format', '{{.Id}} {{.State.StartedAt}} {{.RestartCount}} {{.State.Pid}}', ...containers()]);
      const before = lives();

      await signIn(page, person);
      await page.goto('/instances');
      await page.evaluate((all) => {
        const heard: Record<string, Heard> = {};
        (window as unknown as { heard: typeof heard }).heard = heard;
        for (const id of all) {
          const one: Heard = (heard[id] = { lines: [], at: 0 });
          const open = () => {
            const query = one.mark ? `after=${encodeURIComponent(one.mark)}` : 'tail=2000';
            const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws/instances/${id}/logs?${query}`);
            socket.onmessage = (event) => {
              const { data } = JSON.parse(event.data);
              if (!data) return;
              one.lines.push(...data.lines.map((line: { text: string }) => line.text));
              one.mark = data.mark ?? one.mark;
              if (data.lines.length > 0) one.at = Date.now();
            };
            socket.onclose = () => setTimeout(open, 250);
          };
          open();
        }
      }, ids);
      const heard = (): Promise<Record<string, Heard>> => page.evaluate(() => (window as unknown as { heard: Record<string, Heard> }).heard);
      /** All of them said something after this moment. */
      const allHeard = async (since: number) => {
        const all = Object.values(await heard());
        return all.length === MANY && all.every((one) => one.at > since);
      };
      await until('all of them are followed', 60, () => allHeard(Date.now() - 1000));

      await installation.killServer('SIGKILL');
      // So long nobody listens.
      const died = Date.now();
      await until('the containers talk on without a server', 60, async () => Date.now() - died > 3000);
      installation.spawnServer();
      await installation.ready();
      const back = Date.now();
      await until('all of them are followed again', WITHIN, () => allHeard(back));
      await until('all of them are known to run', WITHIN, allRun);
      console.log(`all ${MANY} followed and known to run ${Date.now() - back} ms after the server answered again`);

      for (const [id, one] of Object.entries(await heard())) {
        const numbers = one.lines.map((line) => Number(/^line (\d+)$/.exec(line)?.[1]));
        expect(numbers, `instance ${id}`).toEqual(numbers.map((_, n) => numbers[0] + n));
        expect(numbers.length, `instance ${id}`).toBeGreaterThan(30);
      }
      expect(lives(), 'the same containers, started when they were').toBe(before);
      const list = ids.join(',');
      const said = `select kind from instance_events where instance_id in (${list}) and kind not in ('created', 'made')`;
      expect(installation.sql(said), 'nothing happened to them').toEqual([]);
      const rows = `select count(*), count(*) filter (where ended_at is null), count(distinct subject_id) from ledger_intervals where subject_id in (${list})`;
      expect(installation.sql(rows), 'each is counted on in the row it had').toEqual([`${MANY}|${MANY}|${MANY}`]);
      for (const id of ids) await ask(`/api/customer/instances/${id}`, 'DELETE', undefined, theirs);
      await until('all of them are gone', 120, async () => (await states()).length === 0);
    } finally {
      await engine.end();
    }
  });
});
