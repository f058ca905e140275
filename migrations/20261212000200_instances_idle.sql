-- Whether an instance is used: what was seen last, who was warned, and who keeps it.
create table instance_idle (
  instance_id    bigint primary key references instances (id),
  -- The run it is about: another one begins anew.
  run_started_at timestamptz not null,
  -- When it was seen to do something last; time in which nobody could look counts as if it had.
  active_at      timestamptz not null,
  -- The last look that could say something, and the last look.
  known_at       timestamptz not null,
  looked_at      timestamptz not null,
  -- Why the last one could not.
  unknown        text,
  gpu_percent    real,
  gpu_memory     bigint,
  cpu_percent    real,
  -- Counters of its engine, of which the next look makes a share of time.
  counters       jsonb,
  warned_at      timestamptz,
  kept_at        timestamptz,
  kept_until     timestamptz,
  kept_name      text,
  kept_because   text,
  constraint instance_idle_unknown_known
    check (unknown in ('not-reported', 'not-measured', 'not-reached', 'first-look')),
  constraint instance_idle_kept_whole check ((kept_until is null) = (kept_at is null)
    and (kept_until is null) = (kept_name is null) and (kept_until is null) = (kept_because is null))
);

-- After how many hours a customer's instances are idle, where that is another time than the installation's; 0 is never.
create table idle_policies (
  customer_id bigint primary key references customers (id),
  after_hours integer not null,
  constraint idle_policies_hours_range check (after_hours between 0 and 720)
);

alter table instance_idle enable row level security;
alter table instance_idle force row level security;
create policy instance_idle_operator on instance_idle
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy instance_idle_customer on instance_idle for select
  using (instance_id in (select i.id from instances i where i.customer_id = (select app_customer())));
alter table idle_policies enable row level security;
alter table idle_policies force row level security;
create policy idle_policies_operator on idle_policies
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, update, delete on instance_idle, idle_policies to remotegpu_app;
