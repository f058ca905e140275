-- Containers that customers run: what is wanted of each beside what its engine said last.

-- By this an engine's containers are known again as ours; a restored backup is the same installation.
create table installation (
  one  boolean not null default true,
  id   uuid not null default gen_random_uuid(),
  constraint installation_pkey primary key (one),
  constraint installation_one check (one)
);
insert into installation default values;
alter table installation enable row level security;
alter table installation force row level security;
create policy installation_system on installation for select using ((select app_is_operator()));
grant select on installation to remotegpu_app;

create table instances (
  id              bigint generated always as identity primary key,
  customer_id     bigint not null references customers (id),
  created_by      bigint not null references users (id),
  created_name    text not null default '',
  name            text not null,
  remark          text,
  machine_id      bigint not null references machines (id),
  -- As they were called then: who has an instance need not see the fleet.
  machine_code    text not null,
  machine_name    text not null,
  image_id        bigint not null references images (id),
  image_name      text not null,
  spec_id         bigint not null references specs (id),
  -- What it gets and what an hour costs, frozen when it was made.
  spec            jsonb not null,
  -- The same as numbers, for sums.
  gpu_count       integer not null,
  cpu_cores       integer not null,
  memory_gb       integer not null,
  disk_gb         integer not null,
  command         text[],
  -- Sealed and bound to the row; names alone are shown.
  environment     bytea,
  variables       text[] not null default '{}',
  ports           integer[] not null default '{}',
  -- What a person wants.
  wanted          text not null default 'running',
  -- Rises with every wish, so that a worker sees that one came while it was at it.
  wish            bigint not null default 1,
  -- Rises with every wish for a restart; the other is the last one that was done.
  restarts_wanted bigint not null default 0,
  restarts_done   bigint not null default 0,
  -- What the engine said last, and when.
  observed        text not null default 'none',
  observed_at     timestamptz,
  container_id    text,
  host_ports      jsonb not null default '[]',
  exit_code       integer,
  out_of_memory   boolean not null default false,
  started_at      timestamptz,
  ended_at        timestamptz,
  -- So many looks in a row found it about to be started again by its engine.
  restarting_seen integer not null default 0,
  -- Its container was there once.
  made_at         timestamptz,
  -- When the work on the present wish was begun, for its limit.
  trying_since    timestamptz,
  -- Why it is failed: an engine's fault, or how its program ended.
  failure         text,
  detail          text,
  -- Since when its engine cannot be asked.
  lost_since      timestamptz,
  -- Of all the above, made in one place; for lists.
  state           text not null default 'creating',
  -- Since when it holds nothing of its machine any more.
  released_at     timestamptz,
  -- Which worker is at it, and how long that counts without a sign of life.
  lease_token     uuid,
  lease_until     timestamptz,
  revision        bigint not null default 1,
  created_at      timestamptz not null,
  updated_at      timestamptz not null default now(),
  deleted_at      timestamptz,
  constraint instances_name_length check (char_length(name) between 1 and 63),
  constraint instances_wanted_known check (wanted in ('running', 'stopped', 'deleted')),
  constraint instances_observed_known check (observed in ('none', 'created', 'running', 'ended', 'missing')),
  constraint instances_state_known check (state in ('creating', 'starting', 'running', 'stopping', 'stopped', 'failed',
    'lost', 'deleting', 'deleted')),
  constraint instances_deleted check ((deleted_at is not null) = (state = 'deleted')),
  -- What is gone holds nothing.
  constraint instances_deleted_released check (deleted_at is null or released_at is not null),
  constraint instances_lease_whole check ((lease_token is null) = (lease_until is null))
);
create unique index instances_name_unique on instances (customer_id, lower(name)) where deleted_at is null;
create index instances_customer on instances (customer_id, id);
create index instances_machine on instances (machine_id) where released_at is null;
create index instances_live on instances (machine_id, id) where deleted_at is null;
create trigger instances_updated before update on instances for each row
  when (new.revision is distinct from old.revision) execute function set_updated_at();

-- Whole GPUs of instances. A GPU that is held is in one live row: twice cannot be stored.
create table instance_gpus (
  instance_id bigint not null references instances (id),
  gpu_id      bigint not null references gpus (id),
  released_at timestamptz,
  constraint instance_gpus_pkey primary key (instance_id, gpu_id)
);
create unique index instance_gpus_held on instance_gpus (gpu_id) where released_at is null;

-- Parts of a GPU's memory.
create table gpu_shares (
  instance_id bigint not null references instances (id),
  gpu_id      bigint not null references gpus (id),
  mib         bigint not null,
  released_at timestamptz,
  constraint gpu_shares_pkey primary key (instance_id, gpu_id),
  constraint gpu_shares_mib_positive check (mib > 0)
);
create index gpu_shares_held on gpu_shares (gpu_id) where released_at is null;

-- What no index can say, said under a lock on the GPU: no share of a GPU that is held whole, no whole one that is shared,
-- and shares of no more than there is.
create function guard_gpu_hold() returns trigger language plpgsql as $$
declare
  room bigint;
begin
  if new.released_at is not null then
    return new;
  end if;
  select memory_bytes / 1048576 into room from gpus where id = new.gpu_id for update;
  if tg_table_name = 'instance_gpus' then
    if exists (select from gpu_shares s where s.gpu_id = new.gpu_id and s.released_at is null) then
      raise exception 'the GPU is shared' using errcode = '23P01', constraint = 'instance_gpus_held';
    end if;
    return new;
  end if;
  if exists (select from instance_gpus g where g.gpu_id = new.gpu_id and g.released_at is null) then
    raise exception 'the GPU is held whole' using errcode = '23P01', constraint = 'gpu_shares_fit';
  end if;
  if room is null or room < new.mib + (
      select coalesce(sum(s.mib), 0) from gpu_shares s
      where s.gpu_id = new.gpu_id and s.released_at is null and s.instance_id <> new.instance_id) then
    raise exception 'the GPU has not so much memory left' using errcode = '23P01', constraint = 'gpu_shares_fit';
  end if;
  return new;
end $$;
create trigger instance_gpus_guard before insert or update on instance_gpus
  for each row execute function guard_gpu_hold();
create trigger gpu_shares_guard before insert or update on gpu_shares for each row execute function guard_gpu_hold();

-- A machine is lent whole or has instances, never both. Each side looks for the other under a lock on the machine.
create function guard_machine_use() returns trigger language plpgsql as $$
begin
  if tg_table_name = 'instances' then
    if new.released_at is not null then
      return new;
    end if;
    perform from machines where id = new.machine_id for update;
    if exists (select from allocations a where a.machine_id = new.machine_id
               and a.state in ('scheduled', 'active', 'grace', 'reclaiming')) then
      raise exception 'the machine is lent' using errcode = '23P01', constraint = 'instances_machine_lent';
    end if;
    return new;
  end if;
  if new.state not in ('scheduled', 'active', 'grace', 'reclaiming') then
    return new;
  end if;
  perform from machines where id = new.machine_id for update;
  if exists (select from instances i where i.machine_id = new.machine_id and i.released_at is null) then
    raise exception 'the machine has instances' using errcode = '23P01', constraint = 'allocations_machine_used';
  end if;
  return new;
end $$;
create trigger instances_machine_use before insert on instances for each row execute function guard_machine_use();
create trigger allocations_machine_use before insert on allocations for each row execute function guard_machine_use();

-- What happened to an instance; kept after its container is gone.
create table instance_events (
  id          bigint generated always as identity primary key,
  instance_id bigint not null references instances (id),
  at          timestamptz not null,
  kind        text not null,
  -- A word: an engine's fault, or how its program ended.
  reason      text,
  detail      text,
  exit_code   integer,
  -- Empty: nobody, it came about.
  actor_name  text not null default '',
  constraint instance_events_kind_known check (kind in ('created', 'made', 'start_wanted', 'started', 'stop_wanted',
    'stopped', 'restart_wanted', 'restarted', 'ended', 'failed', 'lost', 'found', 'missing', 'renamed', 'delete_wanted',
    'deleted'))
);
create index instance_events_instance on instance_events (instance_id, id);

-- The last that it said; kept for some time after its container is gone.
create table instance_logs (
  instance_id bigint not null references instances (id),
  kept_at     timestamptz not null,
  lines       jsonb not null,
  constraint instance_logs_pkey primary key (instance_id)
);
create index instance_logs_kept on instance_logs (kept_at);

alter table instances enable row level security;
alter table instances force row level security;
create policy instances_operator on instances
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy instances_customer on instances for select using (customer_id = (select app_customer()));
alter table instance_gpus enable row level security;
alter table instance_gpus force row level security;
create policy instance_gpus_operator on instance_gpus
  using ((select app_is_operator())) with check ((select app_is_operator()));
alter table gpu_shares enable row level security;
alter table gpu_shares force row level security;
create policy gpu_shares_operator on gpu_shares
  using ((select app_is_operator())) with check ((select app_is_operator()));
alter table instance_events enable row level security;
alter table instance_events force row level security;
create policy instance_events_operator on instance_events
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy instance_events_customer on instance_events for select
  using (instance_id in (select i.id from instances i where i.customer_id = (select app_customer())));

alter table instance_logs enable row level security;
alter table instance_logs force row level security;
create policy instance_logs_operator on instance_logs
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy instance_logs_customer on instance_logs for select
  using (instance_id in (select i.id from instances i where i.customer_id = (select app_customer())));

grant select, insert, update on instances, instance_gpus, gpu_shares to remotegpu_app;
grant select, insert on instance_events to remotegpu_app;
grant select, insert, update, delete on instance_logs to remotegpu_app;
