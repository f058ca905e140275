-- Registries of images (HTTP API V2) that want to know who asks: engines pull from them by these credentials.
create table image_registries (
  id              bigint generated always as identity primary key,
  -- As the addresses of its images begin: a name or an address, with a port where it is not the usual one.
  address         text not null,
  -- Over HTTP, in a private network.
  plain           boolean not null default false,
  username        text,
  -- Sealed and bound to the row.
  password        bytea,
  -- PEM; who else vouches for it, where that is nobody the servers trust anyway.
  ca_certificate  text,
  last_tested_at  timestamptz,
  last_fault      text,
  last_detail     text,
  revision        bigint not null default 1,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now(),
  constraint image_registries_address_unique unique (address),
  constraint image_registries_password_of_name check (password is null or username is not null)
);
create trigger image_registries_updated before update on image_registries
  for each row execute function set_updated_at();

alter table image_registries enable row level security;
alter table image_registries force row level security;
create policy image_registries_operator on image_registries
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, update, delete on image_registries to remotegpu_app;
