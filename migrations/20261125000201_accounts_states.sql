-- Accounts as staff run them: a revision so that two people do not overwrite each other, and whether an account that was
-- deleted comes back disabled.
alter table users
  add column revision    bigint not null default 1,
  add column disabled_at timestamptz;
create index users_created on users (created_at);
