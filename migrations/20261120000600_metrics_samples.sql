-- One row is one thing at one tick with all its figures; null is "not measured". The key makes a repeated sample a
-- no-op. Raw rows by day, roll-ups by month; partitions are made ahead and dropped by the functions at the end.
create table machine_samples (
  machine_id            bigint not null,
  at                    timestamptz not null,
  cpu_percent           real,
  load1                 real,
  memory_used_bytes     bigint,
  memory_total_bytes    bigint,
  swap_used_bytes       bigint,
  swap_total_bytes      bigint,
  disk_used_bytes       bigint,
  disk_total_bytes      bigint,
  disk_read_bytes_per_s real,
  disk_write_bytes_per_s real,
  net_rx_bytes_per_s    real,
  net_tx_bytes_per_s    real,
  uptime_s              bigint,
  constraint machine_samples_pkey primary key (machine_id, at)
) partition by range (at);

create table gpu_samples (
  gpu_id              bigint not null,
  at                  timestamptz not null,
  lost                boolean not null default false,
  util_percent        real,
  mem_util_percent    real,
  memory_used_bytes   bigint,
  memory_total_bytes  bigint,
  temperature_c       real,
  power_w             real,
  power_limit_w       real,
  sm_clock_mhz        integer,
  mem_clock_mhz       integer,
  fan_percent         real,
  pcie_rx_bytes_per_s real,
  pcie_tx_bytes_per_s real,
  pcie_generation     smallint,
  pcie_width          smallint,
  ecc_corrected       bigint,
  ecc_uncorrected     bigint,
  throttle_bits       bigint,
  encoder_percent     real,
  decoder_percent     real,
  performance_state   smallint,
  constraint gpu_samples_pkey primary key (gpu_id, at)
) partition by range (at);

create table gpu_events (
  gpu_id bigint not null,
  at     timestamptz not null,
  kind   text not null,
  value  bigint not null default 0,
  constraint gpu_events_pkey primary key (gpu_id, at, kind, value),
  constraint gpu_events_kind_known check (kind in ('xid', 'lost', 'returned', 'ecc_uncorrected'))
) partition by range (at);

-- Roll-ups: figure names as in the raw tables; samples counts the raw rows of the step.
do $$
declare
  tier text;
begin
  foreach tier in array array['1m', '10m', '1h'] loop
    execute format($t$
      create table machine_samples_%1$s (
        machine_id bigint not null,
        at         timestamptz not null,
        samples    integer not null,
        cpu_avg real, cpu_min real, cpu_max real,
        memory_used_avg real, memory_used_min bigint, memory_used_max bigint, memory_total bigint,
        disk_used_avg real, disk_used_min bigint, disk_used_max bigint, disk_total bigint,
        disk_read_avg real, disk_read_min real, disk_read_max real,
        disk_write_avg real, disk_write_min real, disk_write_max real,
        net_rx_avg real, net_rx_min real, net_rx_max real,
        net_tx_avg real, net_tx_min real, net_tx_max real,
        constraint machine_samples_%1$s_pkey primary key (machine_id, at)
      ) partition by range (at)$t$, tier);
    execute format($t$
      create table gpu_samples_%1$s (
        gpu_id  bigint not null,
        at      timestamptz not null,
        samples integer not null,
        util_avg real, util_min real, util_max real,
        memory_used_avg real, memory_used_min bigint, memory_used_max bigint, memory_total bigint,
        temperature_avg real, temperature_min real, temperature_max real,
        power_avg real, power_min real, power_max real,
        throttle_bits bigint,
        ecc_corrected bigint,
        ecc_uncorrected bigint,
        constraint gpu_samples_%1$s_pkey primary key (gpu_id, at)
      ) partition by range (at)$t$, tier);
  end loop;
end $$;

-- Steps with new raw rows that are not yet rolled up. Writers touch the row (update, not "do nothing"), so that a
-- roll-up that deletes it waits for them and sees what they wrote.
create table rollup_pending (
  tier text not null,
  at   timestamptz not null,
  constraint rollup_pending_pkey primary key (tier, at),
  constraint rollup_pending_tier_known check (tier in ('1m', '10m', '1h'))
);

-- The newest state of each machine, as its server knows it; written once a second in one batch. Unlogged: after a
-- crash of PostgreSQL it is empty for the second until the servers write again.
create unlogged table machine_latest (
  machine_id bigint primary key,
  server_id  uuid not null,
  at         timestamptz not null,
  state      jsonb not null
);

alter table machine_samples enable row level security;
alter table machine_samples force row level security;
create policy machine_samples_operator on machine_samples
  using ((select app_is_operator())) with check ((select app_is_operator()));
alter table gpu_samples enable row level security;
alter table gpu_samples force row level security;
create policy gpu_samples_operator on gpu_samples
  using ((select app_is_operator())) with check ((select app_is_operator()));
alter table gpu_events enable row level security;
alter table gpu_events force row level security;
create policy gpu_events_operator on gpu_events
  using ((select app_is_operator())) with check ((select app_is_operator()));
alter table machine_latest enable row level security;
alter table machine_latest force row level security;
create policy machine_latest_operator on machine_latest
  using ((select app_is_operator())) with check ((select app_is_operator()));
do $$
declare
  name text;
begin
  foreach name in array array['machine_samples_1m', 'machine_samples_10m', 'machine_samples_1h',
                              'gpu_samples_1m', 'gpu_samples_10m', 'gpu_samples_1h'] loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    execute format('create policy %I on %I using ((select app_is_operator())) with check ((select app_is_operator()))',
                   name || '_operator', name);
    execute format('grant select, insert, update, delete on %I to remotegpu_app', name);
  end loop;
end $$;
grant select, insert on machine_samples, gpu_samples, gpu_events to remotegpu_app;
grant select, insert, update, delete on rollup_pending, machine_latest to remotegpu_app;

-- Partitions. The application owns no table, so it may only call these two functions, which know their tables.
create function partition_plan(out parent text, out step interval, out keep interval) returns setof record
language sql immutable as $$
  values ('machine_samples', interval '1 day', interval '24 hours'),
         ('gpu_samples', interval '1 day', interval '24 hours'),
         ('gpu_events', interval '1 month', interval '2 years'),
         ('machine_samples_1m', interval '1 month', interval '30 days'),
         ('gpu_samples_1m', interval '1 month', interval '30 days'),
         ('machine_samples_10m', interval '1 month', interval '180 days'),
         ('gpu_samples_10m', interval '1 month', interval '180 days'),
         ('machine_samples_1h', interval '1 month', interval '2 years'),
         ('gpu_samples_1h', interval '1 month', interval '2 years'),
         ('audit_events', interval '1 month', null::interval)
$$;

-- Makes every partition from the one that holds from_at up to the one that holds to_at; returns how many are new.
create function ensure_partitions(from_at timestamptz, to_at timestamptz) returns integer
language plpgsql security definer set search_path = public, pg_temp set timezone = 'UTC' as $$
declare
  plan record;
  low timestamptz;
  child text;
  made integer := 0;
begin
  if to_at - from_at > interval '400 days' then
    raise exception 'too many partitions asked for at once';
  end if;
  perform pg_advisory_xact_lock(hashtext('remotegpu.partitions'));
  for plan in select * from partition_plan() loop
    low := date_trunc(case when plan.step = interval '1 day' then 'day' else 'month' end, from_at);
    while low <= to_at loop
      child := plan.parent || '_p' || to_char(low, case when plan.step = interval '1 day' then 'YYYYMMDD' else 'YYYYMM' end);
      if to_regclass('public.' || quote_ident(child)) is null then
        execute format('create table %I partition of %I for values from (%L) to (%L)',
                       child, plan.parent, low, low + plan.step);
        if plan.parent <> 'audit_events' then
          execute format('create index %I on %I using brin (at)', child || '_at', child);
        end if;
        made := made + 1;
      end if;
      low := low + plan.step;
    end loop;
  end loop;
  return made;
end $$;

-- Drops the partitions whose whole span is older than their table keeps; returns their names.
create function drop_expired_partitions(now_at timestamptz) returns setof text
language plpgsql security definer set search_path = public, pg_temp set timezone = 'UTC' as $$
declare
  plan record;
  child record;
  low timestamptz;
begin
  perform pg_advisory_xact_lock(hashtext('remotegpu.partitions'));
  for plan in select * from partition_plan() where keep is not null loop
    for child in
      select c.relname::text as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = to_regclass('public.' || quote_ident(plan.parent))
    loop
      low := to_timestamp(substring(child.name from '_p([0-9]+)$'),
                          case when plan.step = interval '1 day' then 'YYYYMMDD' else 'YYYYMM' end);
      if low + plan.step < now_at - plan.keep then
        execute format('drop table %I', child.name);
        return next child.name;
      end if;
    end loop;
  end loop;
end $$;

revoke execute on function ensure_partitions(timestamptz, timestamptz) from public;
revoke execute on function drop_expired_partitions(timestamptz) from public;
grant execute on function ensure_partitions(timestamptz, timestamptz) to remotegpu_app;
grant execute on function drop_expired_partitions(timestamptz) to remotegpu_app;

select ensure_partitions(now() - interval '1 day', now() + interval '3 days');
