-- How much of its disks an instance takes: measured now and then, told where it is nearly or wholly what its spec has.
alter table instances
  -- When somebody began to measure, so that one server does.
  add column disks_looked_at  timestamptz,
  -- When it was measured last, and what was known last and when, in bytes: beside its data disk, and on that.
  add column disks_at         timestamptz,
  add column disk_system_used bigint,
  add column disk_system_at   timestamptz,
  add column disk_data_used   bigint,
  add column disk_data_at     timestamptz,
  -- What its people were told last.
  add column disks_told       text,
  -- The run that it was measured in, by the engine's clock, and when that is stopped unless there is room before.
  add column disks_run        timestamptz,
  add column disks_stop_at    timestamptz,
  add constraint instances_disks_told_known check (disks_told in ('near', 'full'));

-- Why an engine did not say it last, how often in a row, and that it is not asked again before.
alter table engine_looks
  add column disks_fault    text,
  add column disks_failures integer not null default 0,
  add column disks_retry_at timestamptz;
