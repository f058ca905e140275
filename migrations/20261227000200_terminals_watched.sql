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
  -- The terminal's: nothing of another is opened by it.
  instance_id  bigint not null references instances (id),
  user_id      bigint not null references users (id),
  -- Customers are not told who of them it was.
  by_staff     boolean not null default false,
  -- Of this session alone; of none once that is forgotten.
  session_id   bigint references sessions (id) on delete set null,
  address      text,
  opened_at    timestamptz not null,
  -- By the database's clock: who was not there for minutes looks on no more.
  seen_at      timestamptz not null,
  ended_at     timestamptz,
  reason       text,
  constraint terminal_watches_reason_known check (reason in ('left', 'access', 'closed')),
  constraint terminal_watches_ended_whole check ((ended_at is null) = (reason is null))
);
create index terminal_watches_of on terminal_watches (terminal_id);
create index terminal_watches_open_of on terminal_watches (user_id) where ended_at is null;
create index terminal_watches_of_session on terminal_watches (session_id);

-- A ticket of somebody who looks on opens that and nothing else. By a link it names that; there is no such watch before the
-- socket is there.
alter table terminal_tickets add column watch_id uuid;
alter table terminal_tickets add column share_hash bytea;
-- Why staff look on, for the log.
alter table terminal_tickets add column reason text;

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
