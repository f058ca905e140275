-- How much of its disks an instance takes: measured now and then, told where it is nearly or wholly what its spec has.
alter table instances
  -- When somebody began to measure, so that one server does.
  add column disks_looked_at  timestamptz,
  -- When it was measured last, and the bytes: beside its data disk, and on that.
  add column disks_at         timestamptz,
  add column disk_system_used bigint,
  add column disk_data_used   bigint,
  -- What its people were told last.
  add column disks_told       text,
  -- Since when it runs with more than it has.
  add column disks_full_since timestamptz,
  add constraint instances_disks_told_known check (disks_told in ('near', 'full'));
