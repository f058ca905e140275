-- What people saw and ran in instances, where the platform has it recorded. What was shown lies in the store of files, sealed.

create table recordings (
  id              uuid primary key,
  -- The terminal, or the visit by SSH, that it is of: a visit may have several. No reference: it may outlive both.
  access_id       uuid not null,
  door            text not null,
  -- What is kept: what a screen showed, or what went in and out of something that was run without one, or only that files
  -- were copied.
  kind            text not null,
  instance_id     bigint not null references instances (id),
  customer_id     bigint not null references customers (id),
  -- Who was recorded.
  user_id         bigint not null references users (id),
  server_id       uuid not null,
  -- What was run, sealed: it may hold secrets.
  sealed_command  bytea,
  cols            integer,
  rows            integer,
  -- What was typed is in it, too.
  with_input      boolean not null default false,
  began_at        timestamptz not null,
  -- A server that died says nothing any more: then it is over.
  lease_until     timestamptz not null,
  ended_at        timestamptz,
  ending          text,
  exit_code       integer,
  -- Of the text that is played.
  bytes           bigint not null default 0,
  -- Pieces that are in the store at least; all of them once whoever wrote it has said how it ended. One that has fewer was cut.
  frames          integer not null default 0,
  -- Bytes in the store, packed and sealed: what counts against the room of a day.
  stored          bigint not null default 0,
  -- What was recorded went on without being recorded.
  unrecorded      boolean not null default false,
  constraint recordings_door_known check (door in ('ssh', 'terminal')),
  constraint recordings_kind_known check (kind in ('screen', 'command', 'files')),
  constraint recordings_ending_known check (ending in ('over', 'limit', 'full', 'failed', 'server')),
  constraint recordings_ended_whole check ((ended_at is null) = (ending is null)),
  constraint recordings_bytes_positive check (bytes >= 0 and frames >= 0 and stored >= 0)
);
create index recordings_of_access on recordings (access_id);
create index recordings_of_customer on recordings (customer_id, began_at desc);
create index recordings_of_user on recordings (user_id, began_at desc);
create index recordings_began on recordings (began_at);
create index recordings_open on recordings (lease_until) where ended_at is null;

alter table recordings enable row level security;
alter table recordings force row level security;
create policy recordings_operator on recordings
  using ((select app_is_operator())) with check ((select app_is_operator()));
-- For who acts for its customer now, and for nobody who did; which of them, the operations decide.
create policy recordings_customer on recordings for select using (customer_id = (select app_customer()));
grant select, insert, update, delete on recordings to remotegpu_app;

-- Customers whose sessions are recorded whatever holds for everybody.
create table recording_policies (
  customer_id  bigint primary key references customers (id)
);
alter table recording_policies enable row level security;
alter table recording_policies force row level security;
create policy recording_policies_operator on recording_policies
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, delete on recording_policies to remotegpu_app;

-- When staff were told last that sessions of a customer could not be recorded any more.
create table recording_stops (
  customer_id  bigint primary key references customers (id),
  told_at      timestamptz not null
);
alter table recording_stops enable row level security;
alter table recording_stops force row level security;
create policy recording_stops_operator on recording_stops
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, update on recording_stops to remotegpu_app;
