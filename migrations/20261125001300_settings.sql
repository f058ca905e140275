-- What an admin may change at run time. A key that was never changed has no row; the program knows what there is.
create table settings (
  key          text not null,
  -- null: back to the default
  value        jsonb,
  -- key id || nonce || ciphertext, for what is written and never read back
  secret       bytea,
  version      bigint not null default 1,
  updated_by   bigint references users (id),
  updated_name text not null default '',
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now(),
  constraint settings_pkey primary key (key),
  constraint settings_key_shape check (key ~ '^[a-z_]+\.[a-z_]+$'),
  constraint settings_one_value check (value is null or secret is null)
);
create trigger settings_updated before update on settings for each row execute function set_updated_at();

-- A configuration that was handed in and waits to be confirmed; kept for a day.
create table settings_imports (
  id         bigint generated always as identity primary key,
  document   jsonb not null,
  -- Key → version it was judged against.
  seen       jsonb not null,
  created_by bigint references users (id),
  created_at timestamptz not null default now()
);
create index settings_imports_at on settings_imports (created_at);

alter table settings enable row level security;
alter table settings force row level security;
create policy settings_operator on settings using ((select app_is_operator())) with check ((select app_is_operator()));
alter table settings_imports enable row level security;
alter table settings_imports force row level security;
create policy settings_imports_operator on settings_imports
  using ((select app_is_operator())) with check ((select app_is_operator()));

grant select, insert, update on settings to remotegpu_app;
grant select, insert, delete on settings_imports to remotegpu_app;
