-- The second factor: a secret per person (sealed with the installation's key), codes for the day the phone is lost, and
-- the moment between a right password and the code.
create table totp_secrets (
  user_id      bigint not null references users (id),
  secret       bytea not null,
  -- Null while it is being set up: only a confirmed one is asked for.
  confirmed_at timestamptz,
  -- The newest time step a code was taken for: a code counts once.
  last_step    bigint not null default 0,
  created_at   timestamptz not null,
  constraint totp_secrets_pkey primary key (user_id)
);

create table recovery_codes (
  user_id   bigint not null references users (id),
  code_hash bytea not null,
  used_at   timestamptz,
  constraint recovery_codes_pkey primary key (user_id, code_hash),
  constraint recovery_codes_hash_length check (octet_length(code_hash) = 32)
);

-- Bound to the browser that typed the password, by the SHA-256 of its session's secret.
create table sign_in_challenges (
  browser_hash  bytea not null,
  user_id       bigint not null references users (id),
  token_version bigint not null,
  failures      integer not null default 0,
  expires_at    timestamptz not null,
  constraint sign_in_challenges_pkey primary key (browser_hash),
  constraint sign_in_challenges_hash_length check (octet_length(browser_hash) = 32)
);
create index sign_in_challenges_expiry on sign_in_challenges (expires_at);

alter table totp_secrets enable row level security;
alter table totp_secrets force row level security;
create policy totp_secrets_system on totp_secrets
  using ((select app_kind()) = 'system') with check ((select app_kind()) = 'system');
create policy totp_secrets_self on totp_secrets
  using (user_id = (select app_user())) with check (user_id = (select app_user()));

alter table recovery_codes enable row level security;
alter table recovery_codes force row level security;
create policy recovery_codes_system on recovery_codes
  using ((select app_kind()) = 'system') with check ((select app_kind()) = 'system');
create policy recovery_codes_self on recovery_codes
  using (user_id = (select app_user())) with check (user_id = (select app_user()));

alter table sign_in_challenges enable row level security;
alter table sign_in_challenges force row level security;
create policy sign_in_challenges_system on sign_in_challenges
  using ((select app_kind()) = 'system') with check ((select app_kind()) = 'system');

grant select, insert, update, delete on totp_secrets, recovery_codes, sign_in_challenges to remotegpu_app;
