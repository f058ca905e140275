-- How a machine was when it was handed over, and when it came back.
create table allocation_health (
  allocation_id bigint not null references allocations (id),
  phase         text not null,
  at            timestamptz not null,
  -- A HealthSnapshot of the wire.
  snapshot      jsonb not null,
  constraint allocation_health_pkey primary key (allocation_id, phase),
  constraint allocation_health_phase_known check (phase in ('handover', 'return'))
);
alter table allocation_health enable row level security;
alter table allocation_health force row level security;
create policy allocation_health_operator on allocation_health
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, update on allocation_health to remotegpu_app;

-- The time line looks for what holds machines in a range of months.
create index allocations_hold on allocations using gist (machine_id, hold);
