// Sudden deaths in the middle of an import, of allocations, of reclaims: each is wholly done or not at all, what was
// answered is kept, and what was begun goes on after the restart.
import { Installation, until } from '../fixtures/installation.js';
import { expect, test } from '../fixtures/test.js';
import { workbook } from '../fixtures/workbook.js';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

type Victim = 'server' | 'PostgreSQL' | 'both';

async function kill(installation: Installation, victim: Victim): Promise<void> {
  if (victim !== 'server') process.kill(installation.postmasterPid(), 'SIGKILL');
  if (victim !== 'PostgreSQL') {
    await installation.killServer('SIGKILL');
    installation.spawnServer();
  }
  await pause(200);
  await until('the server is ready again', 60, async () => (await fetch(`${installation.url}/readyz`)).ok);
}

/** What a server that dies answers is no answer. */
async function attempt(installation: Installation, token: string, address: string, body: unknown, key?: string): Promise<number> {
  try {
    return (await installation.rest(token, address, 'POST', body, key ? { 'idempotency-key': key } : {})).status;
  } catch {
    return 0;
  }
}

const rounds: [Victim, number][] = [['server', 25], ['PostgreSQL', 60], ['both', 120]];

// Ten thousand machines stay behind, whose wall the tests after this would trace.
test.use({ apart: 'crash-leases' });

test('an import is written whole or not at all', async ({ installation }) => {
  test.setTimeout(180_000);
  const ROWS = 10_000;
  const token = await installation.token(installation.admin);
  for (const [round, [victim, delay]] of rounds.entries()) {
    const rows: (string | number)[][] = [['Name', 'Code', 'GPU count']];
    for (let i = 0; i < ROWS; i++) rows.push([`r${round}-${i}`, `r${round}-${i}`, 8]);
    const staged = await fetch(`${installation.url}/api/admin/machines/import/preview`, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: workbook(rows) });
    const id = (await staged.json()).data.id;
    // Killed while it is read: it is read again.
    if (round === 0) await kill(installation, 'both');
    await until('it is read', 90, async () => (await installation.rest(token, `/api/admin/machines/import/${id}`)).body?.data?.state === 'ready');
    const confirming = attempt(installation, token, `/api/admin/machines/import/${id}/confirm`, {});
    await pause(delay);
    await kill(installation, victim);
    const answered = await confirming;
    const machines = Number(installation.sql(`select count(*) from machines where code like 'r${round}-%'`)[0]);
    const state = installation.sql(`select state from imports where id = ${id}`)[0];
    const audited = Number(installation.sql(`select count(*) from audit_events where action = 'machines:import' and target_id = '${id}' and outcome = 'done'`)[0]);
    console.log(`import, ${victim} killed after ${delay} ms: answered ${answered}, ${machines} machines, ${state}`);
    expect([machines, state, audited]).toEqual(machines === 0 ? [0, 'ready', 0] : [ROWS, 'confirmed', 1]);
    if (answered === 200) expect(state, 'what was answered is kept').toBe('confirmed');
    if (state === 'ready') expect(await attempt(installation, token, `/api/admin/machines/import/${id}/confirm`, {}), 'it can be confirmed afterwards').toBe(200);
  }
});

test('allocations and reclaims are whole, and reclaims that were begun end', async ({ installation }) => {
  test.setTimeout(240_000);
  const COUNT = 30;
  const token = await installation.token(installation.admin);
  installation.cli(['admin', 'create-customer', 'Crash', '--owner', 'crash-owner']);
  const customerId = (await installation.rest(token, '/api/admin/customers?q=Crash')).body.data.list[0].id;
  for (const [round, [victim, delay]] of rounds.entries()) {
    const codes = Array.from({ length: COUNT }, (_, i) => `lent-${round}-${i}`);
    for (const id of codes) expect((await installation.rest(token, '/api/admin/machines', 'POST', { id, name: id })).status).toBe(201);

    const allocating = codes.map((code) => attempt(installation, token, `/api/admin/machines/${code}/allocate`, { customerId, months: 1 }));
    await pause(delay);
    await kill(installation, victim);
    const allocated = await Promise.all(allocating);
    const whole = `select m.code, a.id,
        (select count(*) from allocation_events e where e.allocation_id = a.id and e.kind = 'created'),
        (select count(*) from audit_events u where u.action = 'allocations:create' and u.outcome = 'done' and u.target_id = a.id::text)
      from allocations a join machines m on m.id = a.machine_id where m.code like 'lent-${round}-%' order by a.id`;
    const rows = installation.sql(whole).map((row) => row.split('|'));
    expect(rows.filter(([, , events, audits]) => events !== '1' || audits !== '1'), 'half allocations').toEqual([]);
    expect(new Set(rows.map(([code]) => code)).size, 'one per machine').toBe(rows.length);
    for (const [i, status] of allocated.entries()) {
      if (status === 201) expect(rows.map(([code]) => code), 'what was answered is kept').toContain(codes[i]);
    }
    for (const code of codes) {
      if (!rows.some(([have]) => have === code)) {
        expect(await attempt(installation, token, `/api/admin/machines/${code}/allocate`, { customerId, months: 1 }), code).toBe(201);
      }
    }

    const ids = installation.sql(whole).map((row) => row.split('|')[1]);
    expect(ids).toHaveLength(COUNT);
    const reclaiming = ids.map((id) => attempt(installation, token, `/api/admin/allocations/${id}/reclaim`, {}));
    await pause(delay);
    await kill(installation, victim);
    const reclaimed = await Promise.all(reclaiming);
    const states = new Map(installation.sql(`select id, state from allocations where id in (${ids.join(',')})`).map((row) => row.split('|') as [string, string]));
    console.log(`${victim} killed after ${delay} ms: ${rows.length} of ${COUNT} allocated, ${[...states.values()].filter((state) => state !== 'active').length} reclaimed or under way`);
    for (const [i, status] of reclaimed.entries()) {
      if (status === 200) expect(states.get(ids[i]), 'what was answered is kept').not.toBe('active');
    }
    for (const id of ids) if (states.get(id) === 'active') expect(await attempt(installation, token, `/api/admin/allocations/${id}/reclaim`, {})).toBe(200);
    // Nobody can look at these machines, which have no agent: staff leave those steps out.
    await until('every reclaim has ended', 90, async () => {
      const waiting = installation.sql(`select allocation_id, step from reclaim_steps where state = 'waiting' and step not in ('access', 'pool') and allocation_id in (${ids.join(',')})`);
      await Promise.all(waiting.map((row) => row.split('|')).map(([id, step]) => attempt(installation, token, `/api/admin/allocations/${id}/checklist/${step}/skip`, {})));
      return installation.sql(`select 1 from allocations where id in (${ids.join(',')}) and state <> 'ended'`).length === 0;
    });
    const twice = installation.sql(`select allocation_id from allocation_events where allocation_id in (${ids.join(',')}) and kind in ('reclaim_started', 'reclaimed') group by allocation_id, kind having count(*) <> 1`);
    expect(twice, 'begun or ended twice').toEqual([]);
  }
});

test('asking again with the same key after a sudden death does nothing twice', async ({ installation }) => {
  test.setTimeout(180_000);
  const COUNT = 20;
  const token = await installation.token(installation.admin);
  for (const [round, [victim, delay]] of rounds.entries()) {
    const names = Array.from({ length: COUNT }, (_, i) => `Keyed ${round}-${i}`);
    const ask = (name: string) => attempt(installation, token, '/api/admin/customers', { name, remark: 'keyed' }, `crash-${round}-${name.replace(' ', '-')}`);
    const asking = names.map(ask);
    await pause(delay);
    await kill(installation, victim);
    const first = await Promise.all(asking);
    const count = (name: string) => Number(installation.sql(`select count(*) from customers where name = '${name}'`)[0]);
    const made = names.filter((name) => count(name) === 1).length;
    console.log(`${victim} killed after ${delay} ms: ${first.filter((status) => status === 201).length} of ${COUNT} answered, ${made} made`);
    for (const [i, name] of names.entries()) if (first[i] === 201) expect(count(name), 'what was answered is kept').toBe(1);
    // Who died holds its keys until nobody can be at work any more.
    const held = await Promise.all(names.map(ask));
    expect(held.filter((status) => ![201, 409].includes(status)), 'answered, done now, or told to wait').toEqual([]);
    installation.sql("update idempotency_keys set lease_until = now() where response is null");
    for (const name of names) {
      const again = await ask(name);
      // Made by who died, whose answer nobody heard: the name is taken.
      expect([201, 409], name).toContain(again);
      expect(count(name), name).toBe(1);
    }
  }
});
