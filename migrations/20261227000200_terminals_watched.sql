-- Links by which somebody lets one other person look on at their shell, and who looks on.

create table terminal_shares (
  -- SHA-256 of what stands in the link.
  hash         bytea primary key,
  terminal_id  uuid not null references terminals (id) on delete cascade,
  instance_id  bigint not null references instances (id),
  expires_at   timestamptz not null,
  constraint terminal_shares_hash_length check (octet_length(hash) = 32)
);
create index terminal_shares_expiry on terminal_shares (expires_at);
create index terminal_shares_of on terminal_shares (terminal_id);

create table terminal_watches (
  id           uuid primary key,
  terminal_id  uuid not null references terminals (id) on delete cascade,
  instance_id  bigint not null references instances (id),
  user_id      bigint not null references users (id),
  -- Of this session alone.
  session_id   bigint not null references sessions (id) on delete cascade,
  opened_at    timestamptz not null,
  -- By whose shell it is, or with it.
  ended_at     timestamptz
);
create index terminal_watches_open on terminal_watches (terminal_id) where ended_at is null;
create index terminal_watches_of_session on terminal_watches (session_id);

-- A ticket of somebody who looks on opens that and nothing else.
alter table terminal_tickets add column watch_id uuid references terminal_watches (id) on delete cascade;
create index terminal_tickets_watch on terminal_tickets (watch_id) where watch_id is not null;

alter table terminal_shares enable row level security;
alter table terminal_shares force row level security;
create policy terminal_shares_operator on terminal_shares
  using ((select app_is_operator())) with check ((select app_is_operator()));
alter table terminal_watches enable row level security;
alter table terminal_watches force row level security;
create policy terminal_watches_operator on terminal_watches
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, delete on terminal_shares to remotegpu_app;
grant select, insert, update on terminal_watches to remotegpu_app;
