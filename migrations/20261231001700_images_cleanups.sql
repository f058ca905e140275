-- Images that nothing uses are taken from a machine: chosen by a person who saw what would go, done by a job, and what came
-- of each.
create table image_cleanups (
  id           bigint generated always as identity primary key,
  machine_id   bigint not null references machines (id),
  -- What was not needed there for so many days counts as unused.
  unused_days  integer not null,
  wanted_name  text not null default '',
  state        text not null default 'waiting',
  -- Why it went no further.
  fault        text,
  detail       text,
  created_at   timestamptz not null,
  ended_at     timestamptz,
  constraint image_cleanups_days check (unused_days between 0 and 3650),
  constraint image_cleanups_state_known check (state in ('waiting', 'running', 'done', 'failed')),
  constraint image_cleanups_fault_of_failed check ((state = 'failed') = (fault is not null)),
  constraint image_cleanups_ended check ((state in ('waiting', 'running')) = (ended_at is null))
);
create unique index image_cleanups_one on image_cleanups (machine_id) where ended_at is null;

create table image_cleanup_items (
  cleanup_id   bigint not null references image_cleanups (id),
  -- The engine's own id of it.
  engine_id    text not null,
  names        text[] not null,
  size_bytes   bigint not null,
  -- Why it was to go.
  reason       text not null,
  state        text not null default 'waiting',
  freed_bytes  bigint not null default 0,
  fault        text,
  detail       text,
  constraint image_cleanup_items_pkey primary key (cleanup_id, engine_id),
  constraint image_cleanup_items_reason_known
    check (reason in ('unused', 'delisted', 'rejected', 'deleted', 'dangling')),
  constraint image_cleanup_items_state_known check (state in ('waiting', 'removed', 'kept', 'gone', 'failed')),
  constraint image_cleanup_items_fault_of_failed check ((state = 'failed') = (fault is not null))
);

alter table image_cleanups enable row level security;
alter table image_cleanups force row level security;
create policy image_cleanups_operator on image_cleanups
  using ((select app_is_operator())) with check ((select app_is_operator()));
alter table image_cleanup_items enable row level security;
alter table image_cleanup_items force row level security;
create policy image_cleanup_items_operator on image_cleanup_items
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, update on image_cleanups, image_cleanup_items to remotegpu_app;
-- A copy that was taken away is none any more.
grant delete on image_copies to remotegpu_app;
