-- Roles, who a transaction is for, and the trigger every table uses.
-- The application's role owns nothing and bypasses nothing; it may already exist, because roles belong to the cluster.
do $$
begin
  if not exists (select from pg_roles where rolname = 'remotegpu_app') then
    create role remotegpu_app nologin nosuperuser nobypassrls;
  end if;
exception when duplicate_object or unique_violation then null; -- another database of this cluster was faster
end $$;

create extension if not exists citext;

grant usage on schema public to remotegpu_app;

-- Who this transaction is for; set by db.begin(ctx), empty otherwise, and then every policy says no.
-- Kinds: staff, customer (a person with an active customer or none), node, system, anonymous.
create function app_kind() returns text language sql stable
  return coalesce(nullif(current_setting('app.kind', true), ''), 'nobody');
create function app_customer() returns bigint language sql stable
  return nullif(current_setting('app.customer', true), '')::bigint;
create function app_user() returns bigint language sql stable
  return nullif(current_setting('app.user', true), '')::bigint;
create function app_machine() returns bigint language sql stable
  return nullif(current_setting('app.machine', true), '')::bigint;
create function app_is_operator() returns boolean language sql stable
  return current_setting('app.kind', true) in ('staff', 'system');

create function set_updated_at() returns trigger language plpgsql as $$
begin
  new.updated_at := now();
  return new;
end $$;

-- A value encrypted with each key ever used: a server that holds another key finds out at start.
create table key_checks (
  key_id     text primary key,
  check_text bytea not null,
  created_at timestamptz not null default now()
);
grant select, insert on key_checks to remotegpu_app;
