-- What is paid for: one row per stretch of time that something ran at one price. Nothing of it is ever changed or taken away.
create table ledger_intervals (
  id                    bigint generated always as identity primary key,
  subject_kind          text not null default 'instance',
  subject_id            bigint not null,
  -- As all of them were called then.
  subject_name          text not null,
  customer_id           bigint not null references customers (id),
  customer_name         text not null,
  user_id               bigint not null references users (id),
  user_name             text not null,
  machine_id            bigint not null references machines (id),
  machine_code          text not null,
  machine_name          text not null,
  spec_id               bigint not null references specs (id),
  spec_name             text not null,
  spec                  jsonb not null,
  price_per_hour        numeric(18, 6) not null,
  currency              text not null,
  -- When the run began that it is a part of, as its engine says: a price that begins meanwhile cuts a run in two.
  run_started_at        timestamptz not null,
  started_at            timestamptz not null,
  -- Empty while it goes on.
  ended_at              timestamptz,
  opened_by             text not null,
  closed_by             text,
  -- Most memory that was measured; empty: it was not.
  measured_memory_bytes bigint,
  created_at            timestamptz not null default now(),
  constraint ledger_intervals_subject_known check (subject_kind in ('instance')),
  constraint ledger_intervals_opened_known check (opened_by in ('started', 'price', 'resumed')),
  constraint ledger_intervals_closed_known check (closed_by in ('ended', 'price', 'restarted', 'unseen')),
  constraint ledger_intervals_closed_whole check ((ended_at is null) = (closed_by is null)),
  constraint ledger_intervals_order check (ended_at >= started_at and started_at >= run_started_at),
  constraint ledger_intervals_price_not_negative check (price_per_hour >= 0),
  -- No second is paid twice.
  constraint ledger_intervals_no_overlap
    exclude using gist (subject_kind with =, subject_id with =, tstzrange(started_at, ended_at) with &&)
);
create unique index ledger_intervals_open on ledger_intervals (subject_kind, subject_id) where ended_at is null;
create index ledger_intervals_last on ledger_intervals (subject_kind, subject_id, started_at desc, id desc);
create index ledger_intervals_customer on ledger_intervals (customer_id, started_at);
create index ledger_intervals_started on ledger_intervals (started_at);

-- The one change there is: an open row gets its end.
create function guard_ledger() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and old.ended_at is null and new.ended_at is not null
     and to_jsonb(new) - '{ended_at,closed_by,measured_memory_bytes}'::text[]
       = to_jsonb(old) - '{ended_at,closed_by,measured_memory_bytes}'::text[] then
    return new;
  end if;
  raise exception 'the ledger is only added to' using errcode = '23514', constraint = 'ledger_intervals_append_only';
end $$;
create trigger ledger_intervals_append_only before update or delete on ledger_intervals
  for each row execute function guard_ledger();
create trigger ledger_intervals_kept before truncate on ledger_intervals
  for each statement execute function guard_ledger();

alter table ledger_intervals enable row level security;
alter table ledger_intervals force row level security;
create policy ledger_intervals_operator on ledger_intervals
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy ledger_intervals_customer on ledger_intervals for select using (customer_id = (select app_customer()));
grant select, insert on ledger_intervals to remotegpu_app;
grant update (ended_at, closed_by, measured_memory_bytes) on ledger_intervals to remotegpu_app;
