-- Shells that people opened in their instances by the browser, and the tickets their sockets are opened with.

create table terminals (
  id           uuid primary key,
  instance_id  bigint not null references instances (id),
  customer_id  bigint not null references customers (id),
  user_id      bigint not null references users (id),
  -- The process that holds it: others know that it is there, and no more.
  server_id    uuid not null,
  -- From where it was opened.
  address      text,
  opened_at    timestamptz not null,
  -- Somebody looked at it last.
  used_at      timestamptz not null,
  -- A server that died says nothing any more: then it is over.
  lease_until  timestamptz not null,
  ended_at     timestamptz,
  reason       text,
  exit_code    integer,
  constraint terminals_reason_known check (reason in ('exited', 'lost', 'idle', 'access', 'closed', 'failed', 'server')),
  constraint terminals_ended_whole check ((ended_at is null) = (reason is null))
);
create index terminals_open on terminals (instance_id) where ended_at is null;
create index terminals_open_of on terminals (user_id) where ended_at is null;

create table terminal_tickets (
  -- SHA-256 of what the browser holds.
  hash         bytea primary key,
  instance_id  bigint not null references instances (id),
  -- Of this session alone.
  session_id   bigint not null references sessions (id) on delete cascade,
  -- The shell it goes on with.
  terminal_id  uuid,
  expires_at   timestamptz not null,
  constraint terminal_tickets_hash_length check (octet_length(hash) = 32)
);
create index terminal_tickets_expiry on terminal_tickets (expires_at);

alter table terminals enable row level security;
alter table terminals force row level security;
create policy terminals_operator on terminals
  using ((select app_is_operator())) with check ((select app_is_operator()));
alter table terminal_tickets enable row level security;
alter table terminal_tickets force row level security;
create policy terminal_tickets_operator on terminal_tickets
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, update on terminals to remotegpu_app;
grant select, insert, delete on terminal_tickets to remotegpu_app;
