-- Machines from a workbook: staged for a day, looked at row by row, confirmed as a whole.
create table machine_imports (
  id              bigint generated always as identity primary key,
  file_name       text not null,
  -- The workbook, until it is confirmed or discarded: what changed meanwhile makes it be read again.
  content         bytea,
  state           text not null default 'reading',
  refusal         jsonb,
  sheet           text,
  unknown_columns text[] not null default '{}',
  row_count       integer not null default 0,
  new_rows        integer not null default 0,
  update_rows     integer not null default 0,
  unchanged_rows  integer not null default 0,
  error_rows      integer not null default 0,
  created_by      bigint references users (id),
  created_name    text not null default '',
  created_at      timestamptz not null,
  expires_at      timestamptz not null,
  confirmed_at    timestamptz,
  constraint machine_imports_state_known check (state in ('reading', 'ready', 'refused', 'confirmed', 'discarded')),
  constraint machine_imports_file_name_length check (length(file_name) between 1 and 255),
  constraint machine_imports_size check (octet_length(content) <= 33554432)
);
create index machine_imports_expiry on machine_imports (expires_at);

create table machine_import_rows (
  import_id     bigint not null references machine_imports (id) on delete cascade,
  row_number    integer not null,
  verdict       text not null,
  code          text,
  cells         jsonb not null,
  -- What is written when it is confirmed.
  machine       jsonb,
  changes       text[] not null default '{}',
  faults        jsonb not null default '[]',
  -- The machine's revision that the verdict was made against.
  base_revision bigint,
  constraint machine_import_rows_pkey primary key (import_id, row_number),
  constraint machine_import_rows_verdict_known check (verdict in ('new', 'update', 'unchanged', 'error'))
);

alter table machine_imports enable row level security;
alter table machine_imports force row level security;
create policy machine_imports_operator on machine_imports
  using ((select app_is_operator())) with check ((select app_is_operator()));
alter table machine_import_rows enable row level security;
alter table machine_import_rows force row level security;
create policy machine_import_rows_operator on machine_import_rows
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, update, delete on machine_imports, machine_import_rows to remotegpu_app;
