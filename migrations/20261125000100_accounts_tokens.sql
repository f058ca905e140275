-- What people and their programs prove themselves with, beside the password. Everything hangs on a session row: ending it
-- ends what was proved by it. 'api' is the session behind an API token.
alter table sessions drop constraint sessions_kind_known;
alter table sessions add constraint sessions_kind_known check (kind in ('browser', 'token', 'api'));

-- The family of refresh tokens of one sign-in is its session. Each is used once; the one that is shown a second time was
-- copied, and ends the session.
create table refresh_tokens (
  id           bigint generated always as identity,
  session_id   bigint not null references sessions (id) on delete cascade,
  token_hash   bytea not null,
  rotated_from bigint references refresh_tokens (id) on delete set null,
  expires_at   timestamptz not null,
  used_at      timestamptz,
  created_at   timestamptz not null,
  constraint refresh_tokens_pkey primary key (id),
  constraint refresh_tokens_hash_unique unique (token_hash),
  constraint refresh_tokens_hash_length check (octet_length(token_hash) = 32),
  constraint refresh_tokens_rotated_once unique (rotated_from)
);
create index refresh_tokens_session on refresh_tokens (session_id);

-- The token itself is the secret of its session; here is what its owner calls it and what it may do.
create table api_tokens (
  session_id bigint not null references sessions (id) on delete cascade,
  user_id    bigint not null references users (id),
  name       text not null,
  -- How the token begins, so that its owner recognises it.
  start      text not null,
  -- Names of permissions; null is everything that its owner may do.
  scopes     text[],
  expires_at timestamptz,
  created_at timestamptz not null,
  constraint api_tokens_pkey primary key (session_id),
  constraint api_tokens_name_length check (length(name) between 1 and 100)
);
create index api_tokens_user on api_tokens (user_id);

-- What a page shows exactly once, between the form that made it and the page after it; sealed with the installation's key.
create table shown_once (
  user_id    bigint not null references users (id),
  kind       text not null,
  content    bytea not null,
  expires_at timestamptz not null,
  constraint shown_once_pkey primary key (user_id, kind),
  constraint shown_once_kind_known check (kind in ('api_token', 'install_command', 'new_password', 'recovery_codes'))
);

alter table refresh_tokens enable row level security;
alter table refresh_tokens force row level security;
create policy refresh_tokens_system on refresh_tokens
  using ((select app_kind()) = 'system') with check ((select app_kind()) = 'system');

alter table api_tokens enable row level security;
alter table api_tokens force row level security;
create policy api_tokens_operator on api_tokens
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy api_tokens_self on api_tokens
  using (user_id = (select app_user())) with check (user_id = (select app_user()));

alter table shown_once enable row level security;
alter table shown_once force row level security;
create policy shown_once_system on shown_once
  using ((select app_kind()) = 'system') with check ((select app_kind()) = 'system');
create policy shown_once_self on shown_once
  using (user_id = (select app_user())) with check (user_id = (select app_user()));

grant select, insert, update, delete on refresh_tokens to remotegpu_app;
grant select, insert on api_tokens to remotegpu_app;
grant select, insert, update, delete on shown_once to remotegpu_app;
