-- A workbook lies in parts while it waits to be read, so that no server holds it whole; once it is read, only its rows
-- stay: they are judged again from their cells. What the version before staged still has `content`.
create table machine_import_parts (
  import_id bigint not null references machine_imports (id) on delete cascade,
  part      integer not null,
  bytes     bytea not null,
  constraint machine_import_parts_pkey primary key (import_id, part),
  constraint machine_import_parts_size check (octet_length(bytes) <= 1048576)
);
-- Packed already; parts are read whole.
alter table machine_import_parts alter column bytes set storage external;

-- For the limit on what one person has staged.
alter table machine_imports add column size_bytes bigint not null default 0;
create index machine_imports_creator on machine_imports (created_by) where state in ('reading', 'ready');
-- The verdict it had when somebody looked, where it is another one now.
alter table machine_import_rows add column was text,
  add constraint machine_import_rows_was_known check (was in ('new', 'update', 'unchanged', 'error'));
create index machine_import_rows_changed on machine_import_rows (import_id) where was is not null;

-- Looked up by hundreds at a time. An index on lower(name) is of no use there: behind row-level security a function that
-- is not leakproof is computed for every row of the table.
alter table machines add column name_key text generated always as (lower(name)) stored;
create index machines_name_key on machines (name_key) where deleted_at is null;

alter table machine_import_parts enable row level security;
alter table machine_import_parts force row level security;
create policy machine_import_parts_operator on machine_import_parts
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, delete on machine_import_parts to remotegpu_app;
