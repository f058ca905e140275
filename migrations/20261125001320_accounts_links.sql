-- Links that work once: the token travels by mail, only its SHA-256 is kept.
create table one_time_links (
  id          bigint generated always as identity primary key,
  hash        bytea not null,
  purpose     text not null,
  -- Whose account it is about; nobody's yet for an invitation.
  user_id     bigint references users (id),
  customer_id bigint references customers (id),
  -- The address it went to.
  address     citext not null,
  -- What the invited person will be.
  role        text,
  created_by  bigint references users (id),
  created_at  timestamptz not null,
  expires_at  timestamptz not null,
  used_at     timestamptz,
  constraint one_time_links_purpose_known check (purpose in ('password_reset', 'email_change', 'invitation')),
  constraint one_time_links_hash_length check (octet_length(hash) = 32),
  constraint one_time_links_role_known check (role in ('owner', 'member')),
  constraint one_time_links_about check ((purpose = 'invitation') = (user_id is null)
    and (purpose = 'invitation') = (customer_id is not null) and (purpose = 'invitation') = (role is not null))
);
create unique index one_time_links_hash_unique on one_time_links (hash);
create index one_time_links_user on one_time_links (user_id) where user_id is not null;
create index one_time_links_customer on one_time_links (customer_id) where customer_id is not null;
create index one_time_links_expiry on one_time_links (expires_at);

alter table one_time_links enable row level security;
alter table one_time_links force row level security;
-- Nobody who asks for it reads or writes a link; those who may see invitations do so through the system, by permission.
create policy one_time_links_system on one_time_links
  using ((select app_kind()) = 'system') with check ((select app_kind()) = 'system');

grant select, insert, update, delete on one_time_links to remotegpu_app;
