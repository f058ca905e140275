-- How staff run machines: why one is out of service, maintenance windows, how to reach the host.
alter table machines
  add column service_note text,
  add column service_changed_at timestamptz,
  add column ssh_port integer,
  add column ssh_user text,
  -- 'password' or 'key'; the secret itself is sealed with the installation's key and never leaves the server again.
  add column ssh_secret_kind text,
  add column ssh_secret bytea,
  add column ssh_secret_set_at timestamptz,
  -- Where HAMi-core's library lies on the host.
  add column hami_core_path text,
  add constraint machines_service_note_length check (length(service_note) <= 1000),
  add constraint machines_ssh_port_range check (ssh_port between 1 and 65535),
  add constraint machines_ssh_secret_kind_known check (ssh_secret_kind in ('password', 'key')),
  add constraint machines_ssh_secret_whole
    check ((ssh_secret is null) = (ssh_secret_kind is null) and (ssh_secret is null) = (ssh_secret_set_at is null));

-- More words are paths now.
alter table machines drop constraint machines_code_shape;
alter table machines add constraint machines_code_shape check (code ~ '^[a-z0-9][a-z0-9-]{0,62}$'
  and code not in ('import', 'imports', 'export', 'join-tokens', 'new', 'bulk', 'facets'));

-- A machine is out for a while, and the people on it are told beforehand.
create table maintenance_windows (
  id           bigint generated always as identity primary key,
  machine_id   bigint not null references machines (id),
  starts_at    timestamptz not null,
  ends_at      timestamptz not null,
  -- For the people on the machine.
  message      text not null,
  state        text not null default 'planned',
  -- What the machine goes back to when the window ends.
  state_before text,
  created_by   bigint references users (id),
  created_name text not null default '',
  created_at   timestamptz not null default now(),
  ended_at     timestamptz,
  constraint maintenance_windows_forward check (starts_at < ends_at),
  constraint maintenance_windows_state_known check (state in ('planned', 'active', 'ended', 'cancelled')),
  constraint maintenance_windows_ended_once check ((state in ('ended', 'cancelled')) = (ended_at is not null)),
  constraint maintenance_windows_message_length check (length(message) between 1 and 1000),
  constraint maintenance_windows_no_overlap exclude using gist (machine_id with =, tstzrange(starts_at, ends_at) with &&)
    where (state in ('planned', 'active'))
);
create index maintenance_windows_due on maintenance_windows (starts_at) where state in ('planned', 'active');

alter table maintenance_windows enable row level security;
alter table maintenance_windows force row level security;
create policy maintenance_windows_operator on maintenance_windows
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy maintenance_windows_customer on maintenance_windows for select
  using (state in ('planned', 'active') and machine_id in (select a.machine_id from allocations a
         where a.customer_id = (select app_customer()) and a.state in ('scheduled', 'active', 'grace')));
grant select, insert, update on maintenance_windows to remotegpu_app;

-- Which columns a person wants to see in which list.
create table list_columns (
  user_id bigint not null references users (id) on delete cascade,
  list    text not null,
  columns text[] not null,
  constraint list_columns_pkey primary key (user_id, list),
  constraint list_columns_list_shape check (list ~ '^[a-z]{1,40}$'),
  constraint list_columns_bounded check (cardinality(columns) between 1 and 40)
);
alter table list_columns enable row level security;
alter table list_columns force row level security;
create policy list_columns_own on list_columns using (user_id = (select app_user())) with check (user_id = (select app_user()));
grant select, insert, update, delete on list_columns to remotegpu_app;
