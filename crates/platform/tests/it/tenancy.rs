//! The second wall: what row-level security and grants hold even when an operation forgets to ask.

use std::collections::BTreeMap;

use contract::CustomerId;
use platform::{OpContext, SystemActor};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, PgPool};
use test_support::{TestCustomer, TestPlatform};

/// Tables that hold nothing of anybody: key checks, due roll-ups and the list of migrations.
const NOBODYS: [&str; 3] = ["_sqlx_migrations", "key_checks", "rollup_pending"];

/// Every table of ours, without the partitions.
async fn tables(owner: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace
         and relkind in ('r', 'p') and not relispartition order by relname",
    )
    .fetch_all(owner)
    .await
    .unwrap()
}

async fn guarded_tables(owner: &PgPool) -> Vec<String> {
    tables(owner).await.into_iter().filter(|table| !NOBODYS.contains(&table.as_str())).collect()
}

#[tokio::test]
async fn every_table_has_forced_row_level_security() {
    let test = TestPlatform::new().await;
    let open: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
         and not relispartition and not (relrowsecurity and relforcerowsecurity) order by relname",
    )
    .fetch_all(test.owner_pool())
    .await
    .unwrap();
    assert_eq!(open, NOBODYS, "a new table needs row-level security, or a reason in this list");
    assert!(guarded_tables(test.owner_pool()).await.len() > 15, "the tables are looked at");
}

#[tokio::test]
async fn partitions_are_reached_only_through_their_parent() {
    let test = TestPlatform::new().await;
    let (partitions, reachable): (i64, i64) = sqlx::query_as(
        "select count(*), count(*) filter (where has_table_privilege('remotegpu_app', oid, 'select')
           or has_table_privilege('remotegpu_app', oid, 'insert, update, delete, truncate'))
         from pg_class where relispartition and relkind = 'r'",
    )
    .fetch_one(test.owner_pool())
    .await
    .unwrap();
    assert!(partitions > 0);
    assert_eq!(reachable, 0, "a partition has no row-level security of its own");
}

#[tokio::test]
async fn the_application_owns_nothing_and_cannot_change_the_schema() {
    let test = TestPlatform::new().await;
    let owned: i64 = sqlx::query_scalar(
        "select (select count(*) from pg_class where relowner = r.oid) + (select count(*) from pg_proc
         where proowner = r.oid) + (select count(*) from pg_namespace where nspowner = r.oid)
         from pg_roles r where rolname = 'remotegpu_app' and not rolsuper and not rolbypassrls
           and not rolcreaterole and not rolcreatedb",
    )
    .fetch_one(test.owner_pool())
    .await
    .unwrap();
    assert_eq!(owned, 0);
    let mut app = test.database().app_options().connect().await.unwrap();
    for statement in [
        "alter table machines disable row level security",
        "alter table machines no force row level security",
        "drop policy machines_operator on machines",
        "create table mine (n int)",
        "drop table jobs",
        "truncate audit_events",
        "set role remotegpu_owner",
        "alter role remotegpu_app bypassrls",
        "create or replace function app_is_operator() returns boolean language sql stable return true",
    ] {
        assert_refused(&mut app, statement).await;
    }
}

/// The statement fails for want of permission (42501), not for another reason.
async fn assert_refused(connection: &mut PgConnection, statement: &'static str) {
    let error = sqlx::raw_sql(statement).execute(connection).await.expect_err(statement);
    let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
    assert_eq!(code.as_deref(), Some("42501"), "{statement}: {error}");
}

/// One row of Acme's (or the platform's) in every table that its people do not fill.
const FILL: &str = "
    insert into audit_events (at, actor_kind, actor_name, via, action, target_kind, customer_id, outcome, request_id)
      values (now(), 'user', 'a', 'rest', 'customers:view', 'customer', $acme, 'done', 'r');
    insert into audit_seals (position, audit_id, at, prev_hash, hash)
      values (1, 1, now(), decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'));
    insert into jobs (kind, customer_id) values ('k', $acme);
    insert into job_events (job_id, attempt, kind) select id, 0, 'queued' from jobs;
    insert into finished_jobs (id, kind, payload, state, attempt, max_attempts, customer_id, run_at, created_at)
      values (1000, 'k', '{}', 'done', 1, 1, $acme, now(), now());
    insert into job_servers (server_id, host, version, lanes) values (gen_random_uuid(), 'h', '1', '{}');
    insert into login_attempts (subject) values ('x');
    insert into refresh_tokens (session_id, token_hash, expires_at, created_at)
      select min(id), decode(repeat('00', 32), 'hex'), now(), now() from sessions;
    insert into api_tokens (session_id, user_id, name, start, created_at)
      select (select min(id) from sessions), max(id), 'a robot', 'rgpu_', now() from users;
    insert into shown_once (user_id, kind, content, expires_at) select max(id), 'api_token', 'x', now() from users;
    insert into kept_forms (user_id, session_id, content, expires_at)
      select max(id), (select min(id) from sessions), 'x', now() from users;
    insert into ssh_keys (user_id, name, public_key, algorithm, fingerprint, created_at)
      select max(id), 'laptop', 'ssh-ed25519 x', 'ssh-ed25519', 'SHA256:x', now() from users;
    insert into audit_anchors (pruned_before, position, hash, events)
      values (now() - interval '1 year', 0, decode(repeat('00', 32), 'hex'), 0);
    insert into captcha_uses (hash, expires_at) values (decode(repeat('00', 32), 'hex'), now());
    insert into sign_in_networks (user_id, network, last_at) select max(id), '192.0.2.1', now() from users;
    insert into password_history (user_id, hash, retired_at) select max(id), 'x', now() from users;
    insert into identity_providers (kind, name, config) values ('ldap', 'Example', '{}');
    insert into user_identities (provider_id, issuer, subject, user_id, created_at)
      select (select max(id) from identity_providers), '', 's', max(id), now() from users;
    insert into oidc_sign_ins (browser_hash, state_hash, provider_id, sealed, expires_at)
      select decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'), max(id), 'x', now()
      from identity_providers;
    insert into identity_links (user_id, provider_id, issuer, subject, label, expires_at)
      select max(id), (select max(id) from identity_providers), '', 's', 'me', now() from users;
    insert into totp_secrets (user_id, secret, created_at) select max(id), 'x', now() from users;
    insert into recovery_codes (user_id, code_hash) select max(id), decode(repeat('00', 32), 'hex') from users;
    insert into sign_in_challenges (browser_hash, user_id, token_version, expires_at)
      select decode(repeat('00', 32), 'hex'), max(id), 1, now() from users;
    insert into role_assignments (user_id, role) select max(id), 'platform_admin' from users;
    insert into settings (key, value) values ('branding.name', '\"Acme\"');
    insert into settings_imports (document, seen) values ('{}', '{}');
    insert into mails (token, kind, user_id, address, language)
      select gen_random_uuid(), 'test', max(id), 'staff@example.org', 'en' from users;
    insert into one_time_links (hash, purpose, customer_id, address, role, created_at, expires_at)
      values (decode(repeat('00', 32), 'hex'), 'invitation', $acme, 'new@acme.example', 'member', now(), now());
    insert into notifications (user_id, kind, created_at) select max(id), 'maintenance', now() from users;
    insert into notification_choices (user_id, kind, in_app, mail) select max(id), 'maintenance', true, true from users;
    insert into notification_quiet (user_id, from_minute, until_minute) select max(id), 0, 1 from users;
    insert into roles (name) values ('night shift');
    insert into role_permissions (role_id, permission) select max(id), 'machines:view' from roles;
    insert into quotas (subject_kind, subject_id, resource, limit_value) values ('customer', $acme, 'gpu', 8);
    insert into machines (code, name) values ('host-1', 'host-1');
    insert into gpus (machine_id, gpu_index, uuid, model) select id, 0, 'GPU-1', 'H100' from machines;
    insert into join_tokens (secret_hash, expires_at) values (decode(repeat('00', 32), 'hex'), now());
    insert into node_links (machine_id, server_id, link_id, lease_until)
      select id, gen_random_uuid(), gen_random_uuid(), now() from machines;
    insert into engine_connections (machine_id, kind, socket) select id, 'local', '/var/run/docker.sock' from machines;
    insert into engine_looks (machine_id) select machine_id from engine_connections;
    insert into specs (name, cpu_cores, memory_gb, system_disk_gb) values ('small', 1, 1, 1);
    insert into spec_prices (spec_id, price_per_hour, starts_at, created_at) select id, 1, now(), now() from specs;
    insert into blobs (sha256, size_bytes, chunk_size, store_key)
      values (decode(repeat('00', 32), 'hex'), 1, 1, gen_random_uuid());
    insert into files (customer_id, name, purpose, sha256, size_bytes) select $acme, 'a.tar', 'image', sha256, 1 from blobs;
    insert into uploads (customer_id, name, purpose, size_bytes, chunk_size, store_key, expires_at)
      values ($acme, 'b.tar', 'image', 1, 1, gen_random_uuid(), now() + interval '1 day');
    insert into upload_chunks (upload_id, n, size_bytes, sha256, received_at)
      select id, 0, 1, decode(repeat('00', 32), 'hex'), now() from uploads;
    insert into images (customer_id, name, source, file_id, state)
      select $acme, 'ours', 'upload', id, 'pending_review' from files;
    insert into image_copies (image_id, machine_id, wanted_at) select i.id, m.id, now() from images i, machines m;
    insert into image_checks (image_id, machine_id, leases) select i.id, m.id, 0 from images i, machines m;
    insert into image_registries (address) values ('registry.example.org');
    insert into image_pushes (image_id, registry_id, wanted_at) select i.id, r.id, now() from images i, image_registries r;
    insert into image_cleanups (machine_id, unused_days, created_at) select id, 30, now() from machines;
    insert into image_cleanup_items (cleanup_id, engine_id, names, size_bytes, reason)
      select id, 'sha256:a', '{}', 1, 'unused' from image_cleanups;
    insert into instances (customer_id, created_by, name, machine_id, machine_code, machine_name, image_id, image_name,
                           spec_id, spec, gpu_count, cpu_cores, memory_gb, disk_gb, released_at, created_at)
      select $acme, (select min(user_id) from memberships where customer_id = $acme), 'ours', m.id, m.code, m.name,
             i.id, i.name, s.id, '{}', 0, 1, 1, 1, now(), now() from machines m, images i, specs s;
    insert into instance_events (instance_id, at, kind) select id, now(), 'created' from instances;
    insert into ledger_intervals (subject_id, subject_name, customer_id, customer_name, user_id, user_name, machine_id,
                                  machine_code, machine_name, spec_id, spec_name, spec, price_per_hour, currency,
                                  run_started_at, started_at, opened_by)
      select id, name, customer_id, 'Acme', created_by, '', machine_id, machine_code, machine_name, spec_id, 'small', '{}',
             1, 'CNY', now(), now(), 'started' from instances;
    insert into budgets (customer_id, side, name, amount, currency, thresholds, rule, grace_hours, created_at)
      values ($acme, 'customer', 'all', 1, 'CNY', '{100}', 'warn', 0, now());
    insert into budget_months (budget_id, month) select id, '2026-11' from budgets;
    insert into instance_idle (instance_id, run_started_at, active_at, known_at, looked_at)
      select id, now(), now(), now(), now() from instances;
    insert into idle_policies (customer_id, after_hours) values ($acme, 1);
    insert into recording_policies (customer_id) values ($acme);
    insert into recording_stops (customer_id, told_at) values ($acme, now());
    insert into instance_saves (instance_id, customer_id, machine_id, created_by, name, created_at)
      select id, customer_id, machine_id, created_by, 'saved', now() from instances;
    insert into instance_logs (instance_id, kept_at, lines) select id, now(), '[]' from instances;
    insert into terminals (id, instance_id, customer_id, user_id, server_id, opened_at, used_at, lease_until)
      select gen_random_uuid(), id, customer_id, created_by, gen_random_uuid(), now(), now(), now() from instances;
    insert into ssh_host_keys (public_key, sealed, created_at) values ('ssh-ed25519 A', 'x', now());
    insert into ssh_visits (id, instance_id, customer_id, user_id, server_id, opened_at, lease_until)
      select gen_random_uuid(), id, customer_id, created_by, gen_random_uuid(), now(), now() from instances;
    insert into app_links (instance_id, customer_id, label, name, port, shared, created_by, created_at)
      select id, customer_id, repeat('a', 20), 'lab', 8888, true, created_by, now() from instances;
    insert into app_tickets (hash, link_id, session_id, state_hash, way, expires_at)
      select decode(repeat('00', 32), 'hex'), l.id, s.id, decode(repeat('00', 32), 'hex'), '/', now()
      from app_links l, sessions s limit 1;
    insert into app_visits (id, link_id, instance_id, customer_id, user_id, secret_hash, opened_at, used_at)
      select gen_random_uuid(), id, instance_id, customer_id, created_by, decode(repeat('00', 32), 'hex'), now(), now()
      from app_links;
    insert into recordings (id, access_id, door, kind, instance_id, customer_id, user_id, server_id, began_at, lease_until)
      select gen_random_uuid(), gen_random_uuid(), 'ssh', 'files', id, customer_id, created_by, gen_random_uuid(), now(), now()
      from instances;
    insert into terminal_shares (hash, terminal_id, instance_id, expires_at)
      select decode(repeat('00', 32), 'hex'), id, instance_id, now() from terminals limit 1;
    insert into terminal_watches (id, terminal_id, instance_id, user_id, session_id, opened_at, seen_at)
      select gen_random_uuid(), t.id, t.instance_id, t.user_id, s.id, now(), now() from terminals t, sessions s limit 1;
    insert into terminal_tickets (hash, instance_id, session_id, expires_at)
      select decode(repeat('00', 32), 'hex'), i.id, s.id, now() from instances i, sessions s limit 1;
    insert into instance_gpus (instance_id, gpu_id, released_at) select i.id, g.id, now() from instances i, gpus g;
    insert into gpu_shares (instance_id, gpu_id, mib, released_at) select i.id, g.id, 1, now() from instances i, gpus g;
    insert into machine_samples (machine_id, at) values (1, now());
    insert into gpu_samples (gpu_id, at) values (1, now());
    insert into gpu_events (gpu_id, at, kind) values (1, now(), 'lost');
    insert into machine_samples_1m (machine_id, at, samples) values (1, now(), 1);
    insert into machine_samples_10m (machine_id, at, samples) values (1, now(), 1);
    insert into machine_samples_1h (machine_id, at, samples) values (1, now(), 1);
    insert into gpu_samples_1m (gpu_id, at, samples) values (1, now(), 1);
    insert into gpu_samples_10m (gpu_id, at, samples) values (1, now(), 1);
    insert into gpu_samples_1h (gpu_id, at, samples) values (1, now(), 1);
    insert into machine_latest (machine_id, server_id, at, state) values (1, gen_random_uuid(), now(), '{}');
    insert into allocations (machine_id, customer_id, starts_at, ends_at, state, hold)
      select id, $acme, now(), now() + interval '1 day', 'active', tstzrange(now(), now() + interval '1 day')
      from machines;
    insert into allocation_events (allocation_id, at, kind, actor_name) select id, now(), 'created', 'a' from allocations;
    insert into renewal_requests (allocation_id, customer_id, wanted_until) select id, $acme, now() from allocations;
    insert into reclaim_steps (allocation_id, step, position, state, at)
      select id, 'access', 0, 'waiting', now() from allocations;
    insert into allocation_health (allocation_id, phase, at, snapshot) select id, 'handover', now(), '{}' from allocations;
    insert into host_keys (machine_id, account) select id, 'gpu' from machines;
    insert into lease_door_keys (allocation_id, public_key, sealed, created_at)
      select id, 'ssh-ed25519 A', 'x', now() from allocations;
    insert into machine_visits (id, allocation_id, machine_id, machine_code, customer_id, user_id, server_id, opened_at,
                                lease_until)
      select gen_random_uuid(), a.id, a.machine_id, 'host', a.customer_id, (select max(id) from users),
             gen_random_uuid(), now(), now() from allocations a;
    insert into maintenance_windows (machine_id, starts_at, ends_at, message)
      select id, now(), now() + interval '1 hour', 'new disk' from machines;
    insert into idempotency_keys (principal, key, request_hash, run, lease_until, created_at)
      select 'user:' || max(id), 'k', decode(repeat('00', 32), 'hex'), gen_random_uuid(), now(), now() from users;
    insert into notification_channels (token, user_id, kind, name, host, sealed_url)
      select gen_random_uuid(), max(id), 'webhook', 'pager', 'a.example', 'x' from users;
    insert into notification_deliveries (token, channel_id, user_id, kind, created_at)
      select gen_random_uuid(), id, user_id, 'test', now() from notification_channels;
    insert into announcements (kind, title, audience, starts_at) values ('announcement', 'hello', 'chosen', now());
    insert into announcement_customers (announcement_id, customer_id) select id, $acme from announcements;
    insert into announcement_dismissals (announcement_id, user_id, revision)
      select a.id, max(u.id), 1 from announcements a, users u group by a.id;
    insert into avatars (user_id, picture, tag, updated_at) select max(id), 'x', 'x', now() from users;
    insert into list_columns (user_id, list, columns) select max(id), 'machines', '{gpus}' from users;
    insert into imports (file_name, created_at, expires_at) values ('m.xlsx', now(), now() + interval '1 day');
    insert into import_rows (import_id, row_number, verdict, cells) select id, 2, 'new', '[]' from imports;
    insert into import_parts (import_id, part, bytes) select id, 0, 'x' from imports;";

async fn two_tenants(test: &TestPlatform) -> (TestCustomer, TestCustomer) {
    let acme = test.customer("Acme").await;
    // The admin is the last user: the role assignment is theirs, not a tenant's.
    let umbrella = test.customer("Umbrella").await;
    sqlx::raw_sql("insert into users (name) values ('staff')").execute(test.owner_pool()).await.unwrap();
    let fill = FILL.replace("$acme", &acme.id.to_string());
    sqlx::raw_sql(AssertSqlSafe(fill)).execute(test.owner_pool()).await.unwrap();
    for table in guarded_tables(test.owner_pool()).await {
        let rows = sqlx::query_scalar::<_, i64>(AssertSqlSafe(format!("select count(*) from {table}")));
        assert!(rows.fetch_one(test.owner_pool()).await.unwrap() > 0, "{table} needs a row to be looked for");
    }
    (acme, umbrella)
}

/// Rows of each guarded table that this context's transaction finds; tables without any, or without permission to
/// read, are left out.
async fn visible(test: &TestPlatform, ctx: &OpContext) -> BTreeMap<String, i64> {
    let mut found = BTreeMap::new();
    for table in guarded_tables(test.owner_pool()).await {
        let mut tx = test.platform.db().begin(ctx).await.unwrap();
        let query = sqlx::query_scalar::<_, i64>(AssertSqlSafe(format!("select count(*) from {table}")));
        let rows = query.fetch_one(&mut *tx).await.unwrap_or_else(|error| panic!("{table}: {error}"));
        if rows > 0 {
            found.insert(table, rows);
        }
    }
    found
}

fn rows<const N: usize>(expected: [(&str, i64); N]) -> BTreeMap<String, i64> {
    expected.into_iter().map(|(table, rows)| (table.to_owned(), rows)).collect()
}

#[tokio::test]
async fn another_tenants_transaction_finds_nothing_of_ours() {
    let test = TestPlatform::new().await;
    let (acme, umbrella) = two_tenants(&test).await;
    // Only Umbrella's own: its two people, itself, their memberships, the asker's session.
    let own = rows([("customers", 1), ("memberships", 2), ("sessions", 1), ("users", 2)]);
    for user in [&umbrella.owner, &umbrella.member] {
        assert_eq!(visible(&test, &user.ctx()).await, own);
    }
    // The same rows are there for whom they concern: it is the wall that hides them.
    let ours = rows([
        ("allocation_events", 1),
        ("allocations", 1),
        // What the platform has to say to it.
        ("announcement_customers", 1),
        ("announcements", 1),
        ("audit_events", 1),
        ("budget_months", 1),
        ("budgets", 1),
        ("customers", 1),
        ("blobs", 1),
        ("files", 1),
        ("finished_jobs", 1),
        ("gpus", 1),
        ("host_keys", 1),
        ("images", 1),
        ("instance_events", 1),
        ("instance_idle", 1),
        ("instance_logs", 1),
        ("instance_saves", 1),
        ("instances", 1),
        ("jobs", 1),
        ("ledger_intervals", 1),
        // The machine it has and the work announced on it, and none of its figures.
        ("machines", 1),
        ("maintenance_windows", 1),
        ("memberships", 2),
        ("quotas", 1),
        ("recordings", 1),
        ("renewal_requests", 1),
        ("sessions", 1),
        ("upload_chunks", 1),
        ("uploads", 1),
        ("users", 2),
    ]);
    assert_eq!(visible(&test, &acme.owner.ctx()).await, ours);
    let outsider = test.outsider("outsider").await;
    assert_eq!(visible(&test, &outsider.ctx()).await, rows([("sessions", 1), ("users", 1)]));
    assert_eq!(visible(&test, &test.anonymous()).await, rows([]));
}

#[tokio::test]
async fn without_a_context_there_is_nothing() {
    let test = TestPlatform::new().await;
    two_tenants(&test).await;
    let mut app = test.database().app_options().connect().await.unwrap();
    for table in guarded_tables(test.owner_pool()).await {
        let query = sqlx::query_scalar::<_, i64>(AssertSqlSafe(format!("select count(*) from {table}")));
        assert_eq!(query.fetch_one(&mut app).await.unwrap(), 0, "{table}");
    }
    // What a transaction was for ends with it: the pool's next user inherits nothing.
    let mut tx = test.platform.db().begin(&test.system(SystemActor::Worker)).await.unwrap();
    let seen: i64 = sqlx::query_scalar("select count(*) from machines").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(seen, 1);
    tx.commit().await.unwrap();
    let mut tx = test.platform.db().begin(&test.anonymous()).await.unwrap();
    let seen: i64 = sqlx::query_scalar("select count(*) from machines").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(seen, 0);
}

/// Runs a statement as the user and rolls it back; rows it touched, or the error's code.
async fn attempt(test: &TestPlatform, ctx: &OpContext, statement: &str, on: CustomerId) -> Result<u64, String> {
    let statement = statement.replace("$acme", &on.to_string());
    let mut tx = test.platform.db().begin(ctx).await.unwrap();
    match sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *tx).await {
        Ok(done) => Ok(done.rows_affected()),
        Err(error) => {
            let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
            Err(code.unwrap_or_else(|| error.to_string()))
        }
    }
}

#[tokio::test]
async fn another_tenant_writes_nothing_of_ours() {
    let test = TestPlatform::new().await;
    let (acme, umbrella) = two_tenants(&test).await;
    let theirs = umbrella.owner.ctx();
    for statement in [
        "update customers set name = 'taken' where id = $acme",
        "update users set state = 'disabled' where id in (select id from users) and name like 'cacme%'",
        "delete from memberships where customer_id = $acme",
        "update memberships set role = 'owner' where customer_id = $acme",
        "update sessions set expires_at = now() where customer_id = $acme",
        "delete from sessions where customer_id = $acme",
        "update jobs set priority = 9",
        "delete from jobs",
        "delete from finished_jobs",
        "delete from job_servers",
        "update machines set name = 'taken'",
        "delete from role_assignments",
        "update allocations set ends_at = ends_at + interval '1 year'",
        "update renewal_requests set state = 'approved', decided_at = now()",
        "update maintenance_windows set message = 'taken'",
        "delete from list_columns",
        "delete from idempotency_keys",
        "update refresh_tokens set used_at = null",
        "delete from shown_once",
        "delete from kept_forms",
        "update ssh_keys set name = 'mine'",
        "delete from ssh_keys",
        "update totp_secrets set last_step = 0",
        "delete from totp_secrets",
        "update recovery_codes set used_at = null",
        "delete from sign_in_challenges",
        "delete from captcha_uses",
        "update sign_in_networks set last_at = now()",
        "delete from password_history",
        "update identity_providers set enabled = true",
        "delete from identity_providers",
        "update user_identities set subject = 'mine'",
        "delete from user_identities",
        "delete from oidc_sign_ins",
        "update identity_links set subject = 'mine'",
        "delete from imports",
        "update settings set value = null",
        "delete from settings_imports",
        "update mails set state = 'failed'",
        "update one_time_links set used_at = now()",
        "update notifications set read_at = now()",
        "update notification_choices set mail = false",
        "delete from notification_quiet",
        "update notification_channels set enabled = false",
        "delete from notification_channels",
        "delete from notification_deliveries",
        "update notification_deliveries set state = 'failed'",
        "update announcements set title = 'taken'",
        "delete from announcements",
        "delete from announcement_customers",
        "update announcement_dismissals set revision = 9",
        "delete from avatars",
        "update instances set wanted = 'deleted'",
        "update instance_gpus set released_at = now()",
        "update gpu_shares set mib = 2",
        "update instance_logs set lines = '[1]'",
        "delete from instance_logs",
        "update instance_saves set done_bytes = 9",
        "update image_registries set password = null",
        "delete from image_registries",
        "update image_pushes set wish = 9",
        "delete from image_pushes",
        "update image_cleanups set unused_days = 0",
        "update image_cleanup_items set freed_bytes = 9",
        "delete from image_copies",
        "update image_checks set leases = 9",
        "delete from image_checks",
        "update terminals set used_at = now()",
        "update ssh_visits set lease_until = now()",
        "delete from ssh_visits",
        "update machine_visits set lease_until = now()",
        "delete from machine_visits",
        "update app_links set shared = true",
        "delete from app_links",
        "delete from app_tickets",
        "update app_visits set used_at = now()",
        "delete from app_visits",
        "update recordings set bytes = 9",
        "delete from recordings",
        "update ssh_host_keys set sealed = 'y'",
        "update host_keys set account = 'root'",
        "delete from lease_door_keys",
        "delete from terminal_tickets",
        "delete from terminal_shares",
        "update terminal_watches set ended_at = now(), reason = 'left'",
        "update ledger_intervals set ended_at = now(), closed_by = 'ended'",
        "update budgets set amount = 2",
        "delete from budgets",
        "update budget_months set told = '{}'",
        "delete from budget_months",
        "update instance_idle set active_at = now()",
        "delete from instance_idle",
        "delete from idle_policies",
        "delete from recording_policies",
        "update recording_stops set told_at = now()",
    ] {
        assert_eq!(attempt(&test, &theirs, statement, acme.id).await, Ok(0), "{statement}");
    }
    let refused = Err("42501".to_owned());
    for statement in [
        "insert into jobs (kind, customer_id) values ('k', $acme)",
        "insert into jobs (kind) values ('k')",
        "insert into memberships (customer_id, user_id, role) values ($acme, app_user(), 'owner')",
        "insert into role_assignments (user_id, role) values (app_user(), 'platform_admin')",
        "insert into customers (name) values ('mine')",
        "insert into machines (code, name) values ('mine', 'mine')",
        "insert into allocations (machine_id, customer_id, starts_at, ends_at, state, hold)
           values (1, app_customer(), now(), now() + interval '1 day', 'scheduled', 'empty')",
        "insert into renewal_requests (allocation_id, customer_id, wanted_until) values (1, app_customer(), now())",
        "insert into allocation_events (allocation_id, at, kind, actor_name) values (1, now(), 'renewal_requested', 'me')",
        "insert into maintenance_windows (machine_id, starts_at, ends_at, message) values (1, now(), now() + interval '1 day', 'm')",
        "insert into announcements (kind, title, audience, starts_at) values ('announcement', 'me', 'everybody', now())",
        "insert into instance_events (instance_id, at, kind) values (1, now(), 'created')",
        "insert into instance_gpus (instance_id, gpu_id) values (1, 1)",
        "insert into instance_logs (instance_id, kept_at, lines) values (1, now(), '[]')",
        "insert into budgets (customer_id, side, name, amount, currency, thresholds, rule, grace_hours, created_at)
           values (app_customer(), 'customer', 'mine', 1, 'CNY', '{100}', 'warn', 0, now())",
        "insert into budget_months (budget_id, month) values (1, '2026-12')",
        "insert into instance_idle (instance_id, run_started_at, active_at, known_at, looked_at)
           values (1, now(), now(), now(), now())",
        "insert into idle_policies (customer_id, after_hours) values (app_customer(), 0)",
        "insert into recording_policies (customer_id) values (app_customer())",
        "insert into recording_stops (customer_id, told_at) values (app_customer(), now())",
        "insert into instance_saves (instance_id, customer_id, machine_id, created_by, name, created_at)
           values (1, app_customer(), 1, app_user(), 'mine', now())",
        "insert into terminals (id, instance_id, customer_id, user_id, server_id, opened_at, used_at, lease_until)
           values (gen_random_uuid(), 1, app_customer(), app_user(), gen_random_uuid(), now(), now(), now())",
        "insert into ssh_visits (id, instance_id, customer_id, user_id, server_id, opened_at, lease_until)
           values (gen_random_uuid(), 1, app_customer(), app_user(), gen_random_uuid(), now(), now())",
        "insert into machine_visits (id, allocation_id, machine_id, machine_code, customer_id, user_id, server_id,
           opened_at, lease_until)
           values (gen_random_uuid(), 1, 1, 'host', app_customer(), app_user(), gen_random_uuid(), now(), now())",
        "insert into app_links (instance_id, customer_id, label, name, port, shared, created_by, created_at)
           values (1, app_customer(), repeat('b', 20), 'mine', 1, true, app_user(), now())",
        "insert into app_tickets (hash, link_id, session_id, state_hash, way, expires_at)
           values (decode(repeat('11', 32), 'hex'), 1, 1, decode(repeat('11', 32), 'hex'), '/', now())",
        "insert into app_visits (id, link_id, instance_id, customer_id, user_id, secret_hash, opened_at, used_at)
           values (gen_random_uuid(), 1, 1, app_customer(), app_user(), decode(repeat('11', 32), 'hex'), now(), now())",
        "insert into recordings (id, access_id, door, kind, instance_id, customer_id, user_id, server_id, began_at, lease_until)
           values (gen_random_uuid(), gen_random_uuid(), 'ssh', 'files', 1, app_customer(), app_user(), gen_random_uuid(),
                   now(), now())",
        "insert into terminal_shares (hash, terminal_id, instance_id, expires_at)
           values (decode(repeat('11', 32), 'hex'), gen_random_uuid(), 1, now())",
        "insert into terminal_watches (id, terminal_id, instance_id, user_id, session_id, opened_at, seen_at)
           values (gen_random_uuid(), gen_random_uuid(), 1, app_user(), 1, now(), now())",
        "insert into ssh_host_keys (public_key, sealed, created_at) values ('mine', 'x', now())",
        "insert into host_keys (machine_id, account) values (2, 'root')",
        "update ledger_intervals set price_per_hour = 0",
        "delete from ledger_intervals",
        "insert into notification_channels (token, kind, name, host, sealed_url)
           values (gen_random_uuid(), 'wecom', 'me', 'a.example', 'x')",
        "insert into join_tokens (secret_hash, expires_at) values (decode(repeat('11', 32), 'hex'), now())",
        "insert into idempotency_keys (principal, key, request_hash, run, lease_until, created_at)
           values ('user:1', 'mine', decode(repeat('11', 32), 'hex'), gen_random_uuid(), now(), now())",
        "insert into audit_seals (position, audit_id, at, prev_hash, hash)
           values (2, 2, now(), decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'))",
    ] {
        assert_eq!(attempt(&test, &theirs, statement, acme.id).await, refused, "{statement}");
    }
    // Whose allocation it is may ask, and may not answer.
    let acmes = acme.owner.ctx();
    for statement in [
        "update allocations set ends_at = ends_at + interval '1 year'",
        "update renewal_requests set state = 'approved', decided_at = now()",
        "update reclaim_steps set state = 'skipped'",
        "update host_keys set account = 'root'",
    ] {
        assert_eq!(attempt(&test, &acmes, statement, acme.id).await, Ok(0), "{statement}");
    }
    // The same statement for oneself works: the wall refuses the tenant, not the table.
    let own = "insert into jobs (kind, customer_id) values ('k', $acme)";
    assert_eq!(attempt(&test, &theirs, own, umbrella.id).await, Ok(1));
}

#[tokio::test]
async fn no_tenant_writes_roles_or_limits() {
    let test = TestPlatform::new().await;
    let (acme, umbrella) = two_tenants(&test).await;
    for who in [&acme.owner, &umbrella.owner] {
        for statement in [
            "update roles set name = 'taken'",
            "delete from roles",
            "delete from role_permissions",
            "update quotas set limit_value = 0",
            "delete from quotas",
        ] {
            assert_eq!(attempt(&test, &who.ctx(), statement, acme.id).await, Ok(0), "{statement}");
        }
        for statement in [
            "insert into roles (name) values ('mine')",
            "insert into role_permissions (role_id, permission) values (1, 'machines:view')",
            "insert into quotas (subject_kind, subject_id, resource, limit_value)
               values ('customer', app_customer(), 'vms', 1)",
        ] {
            assert_eq!(attempt(&test, &who.ctx(), statement, acme.id).await, Err("42501".to_owned()), "{statement}");
        }
    }
}

#[tokio::test]
async fn an_agent_finds_its_own_machine_only() {
    let test = TestPlatform::new().await;
    let (first, second) = (test.node("host-1").await, test.node("host-2").await);
    for node in [&first, &second] {
        platform::machines::report_inventory(&test.platform, &node.ctx(), "1.0.0", &node.inventory(2)).await.unwrap();
    }
    assert_eq!(visible(&test, &first.ctx()).await, rows([("gpus", 2), ("machines", 1)]));
    let mut tx = test.platform.db().begin(&first.ctx()).await.unwrap();
    let code: String = sqlx::query_scalar("select code from machines").fetch_one(&mut *tx).await.unwrap();
    assert_eq!(code, "host-1");
    let other = sqlx::query("update machines set name = 'taken' where id = $1").bind(second.machine.0);
    assert_eq!(other.execute(&mut *tx).await.unwrap().rows_affected(), 0);
}
