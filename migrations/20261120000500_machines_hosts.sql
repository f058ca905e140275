create sequence machines_code_number;
grant usage on sequence machines_code_number to remotegpu_app;

create table machines (
  id              bigint generated always as identity primary key,
  code            text not null,
  name            text not null,
  region          text,
  public_address  text,
  private_address text,
  pool            text not null default 'whole',
  monitored       boolean not null default true,
  listed          boolean not null default false,
  remark          text,
  service_state   text not null default 'in_service',
  declared        jsonb not null default '{}',
  discovered      jsonb,
  discovered_at   timestamptz,
  agent_version   text,
  -- The agent's key and the host it was made for; SHA-256, never the key.
  node_key_hash   bytea,
  last_seen_at    timestamptz,
  revision        bigint not null default 1,
  deleted_at      timestamptz,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now(),
  constraint machines_code_unique unique (code),
  constraint machines_code_shape check (code ~ '^[a-z0-9][a-z0-9-]{0,62}$'
    and code not in ('import', 'export', 'join-tokens', 'new')),
  constraint machines_name_length check (length(name) between 1 and 100),
  constraint machines_pool_known check (pool in ('whole', 'shared')),
  constraint machines_service_state_known
    check (service_state in ('in_service', 'cordoned', 'draining', 'maintenance', 'retired')),
  constraint machines_node_key_length check (octet_length(node_key_hash) = 32)
);
create unique index machines_name_unique on machines (lower(name)) where deleted_at is null;
create unique index machines_node_key_unique on machines (node_key_hash) where node_key_hash is not null;
-- What people change raises the revision; signs of life do not touch updated_at.
create trigger machines_updated before update on machines for each row
  when (new.revision is distinct from old.revision) execute function set_updated_at();

create table gpus (
  id            bigint generated always as identity primary key,
  machine_id    bigint not null references machines (id),
  gpu_index     integer not null,
  uuid          text not null,
  model         text not null,
  memory_bytes  bigint,
  pci_bus_id    text,
  power_limit_w real,
  mig_enabled   boolean,
  ecc_enabled   boolean,
  mig_devices   jsonb not null default '[]',
  lost          boolean not null default false,
  first_seen_at timestamptz not null default now(),
  -- Set when the agent no longer lists it at all (taken out); a lost one is still listed.
  removed_at    timestamptz,
  updated_at    timestamptz not null default now(),
  constraint gpus_uuid_unique unique (uuid)
);
create index gpus_machine on gpus (machine_id, gpu_index);
create trigger gpus_updated before update on gpus for each row execute function set_updated_at();

create table join_tokens (
  id          bigint generated always as identity primary key,
  secret_hash bytea not null,
  note        text not null default '',
  machine_id  bigint references machines (id),
  uses        integer not null default 0,
  max_uses    integer not null default 1,
  created_by  bigint references users (id),
  created_at  timestamptz not null default now(),
  expires_at  timestamptz not null,
  revoked_at  timestamptz,
  constraint join_tokens_secret_unique unique (secret_hash),
  constraint join_tokens_secret_length check (octet_length(secret_hash) = 32),
  constraint join_tokens_uses_bounded check (uses between 0 and max_uses and max_uses between 1 and 1000)
);

-- Which server holds an agent's link now; the lease ends by itself when that server dies.
create table node_links (
  machine_id       bigint primary key references machines (id),
  server_id        uuid not null,
  link_id          uuid not null,
  internal_address text,
  lease_until      timestamptz not null,
  connected_at     timestamptz not null default now()
);

alter table machines enable row level security;
alter table machines force row level security;
create policy machines_operator on machines using ((select app_is_operator())) with check ((select app_is_operator()));
create policy machines_node on machines for select using (id = (select app_machine()));
create policy machines_node_update on machines for update
  using (id = (select app_machine())) with check (id = (select app_machine()));
alter table gpus enable row level security;
alter table gpus force row level security;
create policy gpus_operator on gpus using ((select app_is_operator())) with check ((select app_is_operator()));
create policy gpus_node on gpus
  using (machine_id = (select app_machine())) with check (machine_id = (select app_machine()));
alter table join_tokens enable row level security;
alter table join_tokens force row level security;
create policy join_tokens_operator on join_tokens
  using ((select app_is_operator())) with check ((select app_is_operator()));
alter table node_links enable row level security;
alter table node_links force row level security;
create policy node_links_operator on node_links
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy node_links_node on node_links
  using (machine_id = (select app_machine())) with check (machine_id = (select app_machine()));

grant select, insert, update on machines, gpus, join_tokens to remotegpu_app;
grant select, insert, update, delete on node_links to remotegpu_app;
