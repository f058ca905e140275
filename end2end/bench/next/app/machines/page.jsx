// The machine list of whoever is signed in, by the product's own queries for the session and for the list; nothing else of
// the product's page: no navigation, filters, choice of columns, menus of the rows.
import { createHash } from 'node:crypto';
import { cookies } from 'next/headers';
import { redirect } from 'next/navigation';
import pg from 'pg';

export const dynamic = 'force-dynamic';
export const metadata = { title: 'Machines' };

// Where the database is, is said by the usual variables.
const pool = new pg.Pool({ max: 20 });

const moment = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });

const SESSION = {
  name: 'session',
  text: `select s.id as session_id, s.customer_id, s.last_seen_at, u.id, u.name::text, u.display_name, u.token_version, u.language,
                u.theme, u.time_zone,
                exists(select from role_assignments r where r.user_id = u.id and r.role = 'platform_admin') as admin,
                array(select m.customer_id from memberships m join customers c on c.id = m.customer_id
                      where m.user_id = u.id and c.state = 'active' and c.deleted_at is null order by c.name) as customers,
                array(select m.role from memberships m join customers c on c.id = m.customer_id
                      where m.user_id = u.id and c.state = 'active' and c.deleted_at is null order by c.name) as roles
         from sessions s join users u on u.id = s.user_id
         where s.secret_hash = $1 and s.kind = 'browser' and s.ended_at is null and s.expires_at > now()
           and u.state = 'active' and u.deleted_at is null and s.token_version = u.token_version`,
};
const MACHINES = {
  name: 'machines',
  text: `select m.id, m.code, m.name, m.region, m.private_address, m.pool, m.monitored, m.listed, m.service_state, m.last_seen_at,
                m.declared, m.discovered, m.created_at, g.model, g.count, g.lost, count(*) over () as total
         from machines m left join lateral (select min(model) as model, count(*) as count, count(*) filter (where lost) as lost
           from gpus where machine_id = m.id and removed_at is null) g on true
         where m.deleted_at is null order by m.code asc nulls last limit 50 offset 0`,
};

async function signedIn() {
  const id = (await cookies()).get('remotegpu_session')?.value;
  if (!id) return undefined;
  const secret = Buffer.from(id, 'base64url').reverse();
  const found = await pool.query(SESSION, [createHash('sha256').update(secret).digest()]);
  return found.rows.find((user) => user.admin);
}

function state(machine) {
  if (machine.lost > 0) return 'GPU lost';
  if (!machine.last_seen_at) return 'never seen';
  return Date.now() - machine.last_seen_at.getTime() < 15_000 ? 'online' : 'offline';
}

function Row({ machine }) {
  const { declared, discovered } = machine;
  const model = machine.model ?? declared.gpuModel;
  const count = Number(machine.count) || declared.gpuCount;
  const cores = discovered?.cpuCores ?? discovered?.cpuThreads ?? declared.cpuCores;
  const memory = discovered?.memoryBytes ?? (declared.memoryGb && declared.memoryGb * 1e9);
  return (
    <tr>
      <th scope="row">
        <a href={`/admin/machines/${machine.code}`}>{machine.name}</a>
      </th>
      <td className="mono" data-label="Code">
        {machine.code}
      </td>
      <td data-label="State">{state(machine)}</td>
      <td data-label="GPUs">{count ? `${count} × ${model}` : '—'}</td>
      <td className="num" data-label="CPU">
        {cores ? `${cores} cores` : '—'}
      </td>
      <td className="num" data-label="Memory">
        {memory ? `${Math.round(memory / 2 ** 30)} GiB` : '—'}
      </td>
      <td data-label="Region">{machine.region ? <span className="tag">{machine.region}</span> : '—'}</td>
      <td data-label="Let as">{machine.pool}</td>
      <td data-label="Last seen">{machine.last_seen_at ? <time dateTime={machine.last_seen_at.toISOString()}>{moment.format(machine.last_seen_at)}</time> : '—'}</td>
    </tr>
  );
}

export default async function Machines() {
  const user = await signedIn();
  if (!user) redirect('/login');
  const { rows } = await pool.query(MACHINES);
  const headings = ['Name', 'Code', 'State', 'GPUs', 'CPU', 'Memory', 'Region', 'Let as', 'Last seen'];
  return (
    <main className="page">
      <h1>Machines</h1>
      <p className="sub">
        {rows[0]?.total ?? 0} machines, for {user.display_name || user.name}
      </p>
      <table className="cards">
        <thead>
          <tr>
            {headings.map((heading) => (
              <th scope="col" key={heading}>
                {heading}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((machine) => (
            <Row key={machine.id} machine={machine} />
          ))}
        </tbody>
      </table>
    </main>
  );
}
