-- What an instance of a customer gets, and what an hour of it costs.
create table specs (
  id             bigint generated always as identity primary key,
  name           text not null,
  gpu_model      text,
  gpu_count      integer not null default 0,
  -- Of all cards together.
  gpu_memory_gb  integer,
  gpu_use        text not null default 'whole',
  cpu_cores      integer not null,
  memory_gb      integer not null,
  system_disk_gb integer not null,
  data_disk_gb   integer not null default 0,
  listed         boolean not null default false,
  remark         text,
  revision       bigint not null default 1,
  created_at     timestamptz not null default now(),
  updated_at     timestamptz not null default now(),
  -- The row stays for what was made from it.
  deleted_at     timestamptz,
  constraint specs_name_length check (char_length(name) between 1 and 100),
  constraint specs_gpu_use_known check (gpu_use in ('whole', 'share')),
  constraint specs_gpus check (case gpu_count
    when 0 then gpu_model is null and gpu_memory_gb is null and gpu_use = 'whole'
    else gpu_count between 1 and 64 and gpu_model is not null and gpu_memory_gb between 1 and 65536 end),
  constraint specs_sizes check (cpu_cores between 1 and 1024 and memory_gb between 1 and 65536
    and system_disk_gb between 1 and 1000000 and data_disk_gb between 0 and 1000000),
  constraint specs_deleted check (deleted_at is null or not listed)
);
create unique index specs_name_unique on specs (lower(name)) where deleted_at is null;
create trigger specs_updated before update on specs for each row execute function set_updated_at();

-- Never changed and never taken away: a later row replaces an earlier one from its start on, and one with the same start
-- altogether.
create table spec_prices (
  id             bigint generated always as identity primary key,
  spec_id        bigint not null references specs (id),
  price_per_hour numeric(18, 6) not null,
  starts_at      timestamptz not null,
  created_by     bigint references users (id),
  created_name   text not null default '',
  created_at     timestamptz not null,
  constraint spec_prices_not_negative check (price_per_hour >= 0),
  constraint spec_prices_ahead check (starts_at >= created_at)
);
create index spec_prices_at on spec_prices (spec_id, starts_at desc, id desc);

alter table specs enable row level security;
alter table specs force row level security;
create policy specs_operator on specs
  using ((select app_is_operator())) with check ((select app_is_operator()));
alter table spec_prices enable row level security;
alter table spec_prices force row level security;
create policy spec_prices_operator on spec_prices
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, update on specs to remotegpu_app;
grant select, insert on spec_prices to remotegpu_app;
