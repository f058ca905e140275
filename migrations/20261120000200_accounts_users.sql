create table users (
  id             bigint generated always as identity primary key,
  name           citext not null,
  email          citext,
  display_name   text not null default '',
  password_hash  text,
  state          text not null default 'active',
  token_version  bigint not null default 1,
  language       text,
  theme          text,
  time_zone      text,
  last_login_at  timestamptz,
  deleted_at     timestamptz,
  created_at     timestamptz not null default now(),
  updated_at     timestamptz not null default now(),
  constraint users_name_shape check (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
  constraint users_state_known check (state in ('invited', 'active', 'disabled', 'deleted')),
  constraint users_language_known check (language in ('zh', 'en')),
  constraint users_theme_known check (theme in ('auto', 'light', 'dark'))
);
create unique index users_name_unique on users (name) where deleted_at is null;
create unique index users_email_unique on users (email) where deleted_at is null and email is not null;
create trigger users_updated before update on users for each row execute function set_updated_at();

create table customers (
  id         bigint generated always as identity primary key,
  name       text not null,
  state      text not null default 'active',
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint customers_state_known check (state in ('active', 'disabled')),
  constraint customers_name_length check (length(name) between 1 and 100)
);
create unique index customers_name_unique on customers (lower(name)) where deleted_at is null;
create trigger customers_updated before update on customers for each row execute function set_updated_at();

create table memberships (
  customer_id bigint not null references customers (id),
  user_id     bigint not null references users (id),
  role        text not null,
  created_at  timestamptz not null default now(),
  constraint memberships_pkey primary key (customer_id, user_id),
  constraint memberships_role_known check (role in ('owner', 'member'))
);
create index memberships_user on memberships (user_id);

-- One mechanism for roles outside memberships; course scopes join later. scope_id is 0 for the platform.
create table role_assignments (
  user_id    bigint not null references users (id),
  role       text not null,
  scope_kind text not null default 'platform',
  scope_id   bigint not null default 0,
  created_at timestamptz not null default now(),
  constraint role_assignments_pkey primary key (user_id, role, scope_kind, scope_id),
  constraint role_assignments_role_known check (role in ('platform_admin')),
  constraint role_assignments_scope_known check (scope_kind = 'platform' and scope_id = 0)
);

-- Browser sessions and the sessions behind access tokens. The secret itself is never stored, only its SHA-256.
-- user_id is null before sign-in. data is what tower-sessions keeps.
create table sessions (
  id           bigint generated always as identity primary key,
  kind         text not null,
  secret_hash  bytea not null,
  user_id      bigint references users (id),
  customer_id  bigint references customers (id),
  token_version bigint,
  data         jsonb not null default '{}',
  address      inet,
  user_agent   text,
  created_at   timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at   timestamptz not null,
  ended_at     timestamptz,
  constraint sessions_kind_known check (kind in ('browser', 'token')),
  constraint sessions_secret_length check (octet_length(secret_hash) = 32)
);
create unique index sessions_secret_unique on sessions (secret_hash);
create index sessions_user on sessions (user_id) where user_id is not null;
create index sessions_expiry on sessions (expires_at);

-- One row per failed sign-in: the delay is computed from these. subject is a SHA-256 of the name or the address.
create table login_attempts (
  subject bytea not null,
  at      timestamptz not null default now()
);
create index login_attempts_subject on login_attempts (subject, at);
create index login_attempts_at on login_attempts using brin (at);

alter table users enable row level security;
alter table users force row level security;
create policy users_operator on users using ((select app_is_operator())) with check ((select app_is_operator()));
create policy users_self on users for select using (id = (select app_user()));
create policy users_self_update on users for update
  using (id = (select app_user())) with check (id = (select app_user()));

alter table memberships enable row level security;
alter table memberships force row level security;
create policy memberships_operator on memberships
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy memberships_read on memberships for select
  using (user_id = (select app_user()) or customer_id = (select app_customer()));

-- People of the same customer see each other; memberships' own policy decides which rows that look-up finds.
create policy users_colleague on users for select
  using (id in (select m.user_id from memberships m where m.customer_id = (select app_customer())));

alter table customers enable row level security;
alter table customers force row level security;
create policy customers_operator on customers using ((select app_is_operator())) with check ((select app_is_operator()));
create policy customers_read on customers for select
  using (id = (select app_customer())
    or id in (select m.customer_id from memberships m where m.user_id = (select app_user())));

alter table role_assignments enable row level security;
alter table role_assignments force row level security;
create policy role_assignments_operator on role_assignments
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy role_assignments_self on role_assignments for select using (user_id = (select app_user()));

alter table sessions enable row level security;
alter table sessions force row level security;
create policy sessions_operator on sessions using ((select app_is_operator())) with check ((select app_is_operator()));
create policy sessions_self on sessions
  using (user_id = (select app_user())) with check (user_id = (select app_user()));

alter table login_attempts enable row level security;
alter table login_attempts force row level security;
create policy login_attempts_system on login_attempts
  using ((select app_kind()) = 'system') with check ((select app_kind()) = 'system');

grant select, insert, update on users, customers, sessions to remotegpu_app;
grant select, insert, update, delete on memberships, role_assignments to remotegpu_app;
grant delete on sessions to remotegpu_app;
grant select, insert, delete on login_attempts to remotegpu_app;
