-- When each engine is looked at next, which server is at it, and what came of the last look.
create table engine_looks (
  machine_id  bigint not null references engine_connections (machine_id) on delete cascade,
  next_at     timestamptz not null default now(),
  -- Somebody asked for a look while one was going on.
  asked       boolean not null default false,
  lease_token uuid,
  lease_until timestamptz,
  looked_at   timestamptz,
  answered_at timestamptz,
  fault       text,
  constraint engine_looks_pkey primary key (machine_id),
  constraint engine_looks_lease_whole check ((lease_token is null) = (lease_until is null))
);
create index engine_looks_next on engine_looks (next_at);

alter table engine_looks enable row level security;
alter table engine_looks force row level security;
create policy engine_looks_operator on engine_looks
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, update, delete on engine_looks to remotegpu_app;
