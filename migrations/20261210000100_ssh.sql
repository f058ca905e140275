-- The SSH door: what it proves itself with, sessions that came in by it, and who was in which instance through it.

-- One key for all servers of an installation; the newest that is not retired counts.
create table ssh_host_keys (
  id          bigint generated always as identity primary key,
  -- `ssh-ed25519 AAAA…`, as everybody may read it.
  public_key  text not null,
  -- The secret half, sealed.
  sealed      bytea not null,
  created_at  timestamptz not null,
  retired_at  timestamptz
);
create unique index ssh_host_keys_in_use on ssh_host_keys ((true)) where retired_at is null;
alter table ssh_host_keys enable row level security;
alter table ssh_host_keys force row level security;
create policy ssh_host_keys_system on ssh_host_keys
  using ((select app_kind()) = 'system') with check ((select app_kind()) = 'system');
grant select, insert, update on ssh_host_keys to remotegpu_app;

-- A connection is a session like any other, so that what ends sessions ends it. By a key it counts while that key is there.
alter table sessions add column ssh text;
alter table sessions add column ssh_key_id bigint references ssh_keys (id) on delete set null;
alter table sessions add constraint sessions_ssh_known check (ssh in ('key', 'password'));
create index sessions_ssh_key on sessions (ssh_key_id) where ssh_key_id is not null;

-- Somebody who is, or was, in an instance by SSH: one row a connection.
create table ssh_visits (
  id           uuid primary key,
  instance_id  bigint not null references instances (id),
  customer_id  bigint not null references customers (id),
  user_id      bigint not null references users (id),
  -- Ended with it.
  session_id   bigint references sessions (id) on delete set null,
  server_id    uuid not null,
  address      text,
  client       text,
  -- `SHA256:…` of the key, or none for a password.
  fingerprint  text,
  opened_at    timestamptz not null,
  -- A server that died says nothing any more: then it is over.
  lease_until  timestamptz not null,
  ended_at     timestamptz,
  reason       text,
  constraint ssh_visits_reason_known check (reason in ('left', 'access', 'lost', 'stopped', 'server')),
  constraint ssh_visits_ended_whole check ((ended_at is null) = (reason is null))
);
create index ssh_visits_open on ssh_visits (instance_id) where ended_at is null;
create index ssh_visits_open_of on ssh_visits (user_id) where ended_at is null;
create index ssh_visits_ended on ssh_visits (ended_at) where ended_at is not null;
alter table ssh_visits enable row level security;
alter table ssh_visits force row level security;
create policy ssh_visits_operator on ssh_visits
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, update, delete on ssh_visits to remotegpu_app;
