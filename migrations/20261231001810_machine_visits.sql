-- Somebody who is, or was, on a whole machine by the SSH door: one row a connection.
create table machine_visits (
  id            uuid primary key,
  allocation_id bigint not null,
  machine_id    bigint not null,
  -- As it was called then.
  machine_code  text not null,
  customer_id   bigint not null,
  user_id       bigint not null,
  -- Ended with it.
  session_id    bigint,
  server_id     uuid not null,
  address       text,
  client        text,
  -- `SHA256:…` of the key, or none for a password.
  fingerprint   text,
  opened_at     timestamptz not null,
  -- A server that died says nothing any more: then it is over.
  lease_until   timestamptz not null,
  ended_at      timestamptz,
  reason        text,
  constraint machine_visits_allocation_fkey foreign key (allocation_id) references allocations (id),
  constraint machine_visits_machine_fkey foreign key (machine_id) references machines (id),
  constraint machine_visits_customer_fkey foreign key (customer_id) references customers (id),
  constraint machine_visits_user_fkey foreign key (user_id) references users (id),
  constraint machine_visits_session_fkey foreign key (session_id) references sessions (id) on delete set null,
  constraint machine_visits_reason_known check (reason in ('left', 'access', 'lost', 'stopped', 'server')),
  constraint machine_visits_ended_whole check ((ended_at is null) = (reason is null))
);
create index machine_visits_customer on machine_visits (customer_id, opened_at desc);
create index machine_visits_opened on machine_visits (opened_at desc);
create index machine_visits_lease on machine_visits (lease_until) where ended_at is null;
create index machine_visits_ended on machine_visits (ended_at) where ended_at is not null;
create index machine_visits_session on machine_visits (session_id) where session_id is not null;
alter table machine_visits enable row level security;
alter table machine_visits force row level security;
-- Which of them somebody may see, the operations decide.
create policy machine_visits_operator on machine_visits
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, update, delete on machine_visits to remotegpu_app;
