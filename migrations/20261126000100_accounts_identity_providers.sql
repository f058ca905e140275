-- What people sign in through beside a password kept here: directories (LDAP) and sign-in services (OpenID Connect).
create table identity_providers (
  id               bigint generated always as identity,
  kind             text not null,
  -- What stands on the sign-in page.
  name             text not null,
  enabled          boolean not null default false,
  -- How it is reached and asked; the shape belongs to the kind.
  config           jsonb not null,
  -- key id || nonce || ciphertext of the searching account's password, or of the client secret.
  secret           bytea,
  creates_accounts boolean not null default true,
  only_mapped      boolean not null default false,
  -- [{group, role, customerId}]
  mappings         jsonb not null default '[]',
  password_url     text,
  last_test        jsonb,
  version          bigint not null default 1,
  updated_by       bigint references users (id),
  updated_name     text not null default '',
  created_at       timestamptz not null default now(),
  updated_at       timestamptz not null default now(),
  constraint identity_providers_pkey primary key (id),
  constraint identity_providers_kind_known check (kind in ('ldap', 'oidc')),
  constraint identity_providers_name_length check (length(name) between 1 and 100)
);
create unique index identity_providers_name_unique on identity_providers (lower(name));
create trigger identity_providers_updated before update on identity_providers
  for each row execute function set_updated_at();

-- Whose account a person of a provider has. What binds is the provider, who says so (the issuer; empty for a directory)
-- and what never changes there (the subject): never a name or an address, which others may come to have.
create table user_identities (
  id            bigint generated always as identity,
  provider_id   bigint not null references identity_providers (id) on delete cascade,
  issuer        text not null,
  subject       text not null,
  user_id       bigint not null references users (id),
  -- The roles that the provider's groups gave, and that it may take away again: [{role, customerId}]
  granted       jsonb not null default '[]',
  created_at    timestamptz not null,
  last_login_at timestamptz,
  constraint user_identities_pkey primary key (id),
  constraint user_identities_subject_unique unique (provider_id, issuer, subject),
  constraint user_identities_user_once unique (provider_id, user_id),
  constraint user_identities_subject_length check (length(subject) between 1 and 1024)
);
create index user_identities_user on user_identities (user_id);

-- A browser that is on its way to a sign-in service and back: once, and for ten minutes. Bound to the browser by the
-- SHA-256 of its session's secret, as sign_in_challenges are.
create table oidc_sign_ins (
  browser_hash bytea not null,
  state_hash   bytea not null,
  provider_id  bigint not null references identity_providers (id) on delete cascade,
  -- Sealed: nonce, PKCE verifier, and where to go afterwards.
  sealed       bytea not null,
  -- Who is signed in and wants to bind their account to the service, if that is what it is for.
  link_user    bigint references users (id),
  expires_at   timestamptz not null,
  constraint oidc_sign_ins_pkey primary key (browser_hash, state_hash),
  constraint oidc_sign_ins_hash_length check (octet_length(browser_hash) = 32 and octet_length(state_hash) = 32)
);
create index oidc_sign_ins_expiry on oidc_sign_ins (expires_at);
create index oidc_sign_ins_provider on oidc_sign_ins (provider_id);

-- What came back and waits for its owner to say yes.
create table identity_links (
  user_id     bigint not null references users (id),
  provider_id bigint not null references identity_providers (id) on delete cascade,
  issuer      text not null,
  subject     text not null,
  -- Who the service says it is, for the question.
  label       text not null,
  expires_at  timestamptz not null,
  constraint identity_links_pkey primary key (user_id)
);
create index identity_links_expiry on identity_links (expires_at);

alter table identity_providers enable row level security;
alter table identity_providers force row level security;
create policy identity_providers_operator on identity_providers
  using ((select app_is_operator())) with check ((select app_is_operator()));

alter table user_identities enable row level security;
alter table user_identities force row level security;
create policy user_identities_operator on user_identities
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy user_identities_self on user_identities for select using (user_id = (select app_user()));

alter table oidc_sign_ins enable row level security;
alter table oidc_sign_ins force row level security;
create policy oidc_sign_ins_system on oidc_sign_ins
  using ((select app_kind()) = 'system') with check ((select app_kind()) = 'system');

alter table identity_links enable row level security;
alter table identity_links force row level security;
create policy identity_links_system on identity_links
  using ((select app_kind()) = 'system') with check ((select app_kind()) = 'system');

grant select, insert, update, delete on identity_providers, user_identities to remotegpu_app;
grant select, insert, delete on oidc_sign_ins to remotegpu_app;
grant select, insert, update, delete on identity_links to remotegpu_app;
