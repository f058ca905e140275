-- A challenge counts once, on every server: what was answered is kept until it would have expired anyway.
create table captcha_uses (
  -- SHA-256 of the challenge's id
  hash       bytea not null,
  expires_at timestamptz not null,
  constraint captcha_uses_pkey primary key (hash),
  constraint captcha_uses_hash_length check (octet_length(hash) = 32)
);
create index captcha_uses_expiry on captcha_uses (expires_at);

-- Where a person signed in from: there, other people's failures do not hold them up.
create table sign_in_networks (
  user_id bigint not null references users (id),
  -- One IPv4 address, or the /64 of an IPv6 address.
  network inet not null,
  last_at timestamptz not null,
  constraint sign_in_networks_pkey primary key (user_id, network)
);
create index sign_in_networks_at on sign_in_networks (last_at);

-- Earlier passwords of a person, so that they are not taken again.
create table password_history (
  id         bigint generated always as identity primary key,
  user_id    bigint not null references users (id),
  hash       text not null,
  -- When it stopped being the password.
  retired_at timestamptz not null
);
create index password_history_user on password_history (user_id, id desc);

alter table captcha_uses enable row level security;
alter table captcha_uses force row level security;
create policy captcha_uses_system on captcha_uses
  using ((select app_kind()) = 'system') with check ((select app_kind()) = 'system');

alter table sign_in_networks enable row level security;
alter table sign_in_networks force row level security;
create policy sign_in_networks_system on sign_in_networks
  using ((select app_kind()) = 'system') with check ((select app_kind()) = 'system');
create policy sign_in_networks_self on sign_in_networks
  using (user_id = (select app_user())) with check (user_id = (select app_user()));

alter table password_history enable row level security;
alter table password_history force row level security;
create policy password_history_system on password_history
  using ((select app_kind()) = 'system') with check ((select app_kind()) = 'system');
create policy password_history_self on password_history
  using (user_id = (select app_user())) with check (user_id = (select app_user()));

grant select, insert, delete on captcha_uses to remotegpu_app;
grant select, insert, update, delete on sign_in_networks to remotegpu_app;
grant select, insert, delete on password_history to remotegpu_app;
