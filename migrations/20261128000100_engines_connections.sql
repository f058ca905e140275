-- How the Docker Engine of a machine is reached: one row per machine that has one.
create table engine_connections (
  machine_id         bigint not null references machines (id),
  kind               text not null,
  socket             text,
  host               text,
  port               integer,
  -- PEM, each sealed and bound to its column and row.
  ca_certificate     bytea,
  client_certificate bytea,
  client_key         bytea,
  -- The first end of the two certificates above.
  expires_at         timestamptz,
  -- That of the engine's own, as it showed it last.
  engine_expires_at  timestamptz,
  -- Rises with every change; what is tried was tried of one revision.
  revision           bigint not null default 1,
  last_tested_at     timestamptz,
  last_fault         text,
  last_detail        text,
  last_report        jsonb,
  created_at         timestamptz not null default now(),
  updated_at         timestamptz not null default now(),
  constraint engine_connections_pkey primary key (machine_id),
  constraint engine_connections_kind_known check (kind in ('local', 'tcp')),
  constraint engine_connections_local check (kind <> 'local' or (
    socket is not null and host is null and port is null
    and ca_certificate is null and client_certificate is null and client_key is null)),
  constraint engine_connections_tcp check (kind <> 'tcp' or (
    socket is null and host is not null and port between 1 and 65535
    and ca_certificate is not null and client_certificate is not null and client_key is not null)),
  constraint engine_connections_tested check (last_tested_at is null or (last_fault is null) <> (last_report is null))
);
create trigger engine_connections_updated before update on engine_connections for each row
  execute function set_updated_at();

alter table engine_connections enable row level security;
alter table engine_connections force row level security;
create policy engine_connections_operator on engine_connections
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, update, delete on engine_connections to remotegpu_app;
