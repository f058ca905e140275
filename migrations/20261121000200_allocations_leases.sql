-- Whole machines, lent to a customer for a period.
create extension if not exists btree_gist;

create table allocations (
  id           bigint generated always as identity primary key,
  machine_id   bigint not null references machines (id),
  customer_id  bigint not null references customers (id),
  starts_at    timestamptz not null,
  ends_at      timestamptz not null,
  -- Days after the end in which the customer still reads what is there.
  grace_days   integer not null default 3,
  state        text not null,
  remark       text,
  -- What keeps others off: the period with its grace; cut short when the machine is back in the pool earlier.
  hold         tstzrange not null,
  ended_at     timestamptz,
  -- Days before the end for which the reminder is out: 30, 14, 7, 1.
  reminded_days integer,
  created_by   bigint references users (id),
  revision     bigint not null default 1,
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now(),
  constraint allocations_state_known
    check (state in ('scheduled', 'active', 'grace', 'reclaiming', 'ended', 'cancelled')),
  constraint allocations_period_forward check (starts_at < ends_at),
  constraint allocations_grace_bounded check (grace_days between 0 and 90),
  constraint allocations_remark_length check (length(remark) <= 1000),
  constraint allocations_ended_once check ((state in ('ended', 'cancelled')) = (ended_at is not null)),
  constraint allocations_no_overlap exclude using gist (machine_id with =, hold with &&)
    where (state in ('scheduled', 'active', 'grace', 'reclaiming'))
);
create index allocations_customer on allocations (customer_id, ends_at);
create index allocations_machine on allocations (machine_id, starts_at);
create index allocations_due on allocations (ends_at) where state in ('scheduled', 'active', 'grace', 'reclaiming');
create trigger allocations_updated before update on allocations for each row execute function set_updated_at();

-- What happened to an allocation, for its history; written with the change.
create table allocation_events (
  id            bigint generated always as identity primary key,
  allocation_id bigint not null references allocations (id),
  at            timestamptz not null,
  kind          text not null,
  -- The end before and after, for what moves it.
  ends_before   timestamptz,
  ends_after    timestamptz,
  actor_name    text not null,
  note          text,
  constraint allocation_events_kind_known check (kind in ('created', 'started', 'renewed', 'shortened', 'ended',
    'grace', 'reclaim_started', 'reclaimed', 'cancelled', 'renewal_requested', 'renewal_refused', 'reminded'))
);
create index allocation_events_allocation on allocation_events (allocation_id, id);

-- A customer's wish for more time; one open at a time.
create table renewal_requests (
  id            bigint generated always as identity primary key,
  allocation_id bigint not null references allocations (id),
  customer_id   bigint not null references customers (id),
  wanted_until  timestamptz not null,
  message       text,
  state         text not null default 'open',
  granted_until timestamptz,
  answer        text,
  requested_by  bigint references users (id),
  requested_name text not null default '',
  decided_by    bigint references users (id),
  created_at    timestamptz not null default now(),
  decided_at    timestamptz,
  constraint renewal_requests_state_known check (state in ('open', 'approved', 'changed', 'refused', 'withdrawn')),
  constraint renewal_requests_words_length check (length(message) <= 1000 and length(answer) <= 1000),
  constraint renewal_requests_decided_once check ((state = 'open') = (decided_at is null))
);
create unique index renewal_requests_one_open on renewal_requests (allocation_id) where state = 'open';
create index renewal_requests_customer on renewal_requests (customer_id, created_at desc);

alter table allocations enable row level security;
alter table allocations force row level security;
create policy allocations_operator on allocations
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy allocations_customer on allocations for select using (customer_id = (select app_customer()));

alter table allocation_events enable row level security;
alter table allocation_events force row level security;
create policy allocation_events_operator on allocation_events
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy allocation_events_customer on allocation_events for select
  using (allocation_id in (select a.id from allocations a where a.customer_id = (select app_customer())));
create policy allocation_events_customer_add on allocation_events for insert
  with check (kind = 'renewal_requested'
    and allocation_id in (select a.id from allocations a where a.customer_id = (select app_customer())));

alter table renewal_requests enable row level security;
alter table renewal_requests force row level security;
create policy renewal_requests_operator on renewal_requests
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy renewal_requests_customer on renewal_requests for select using (customer_id = (select app_customer()));
-- Customers ask; only staff answer.
create policy renewal_requests_customer_add on renewal_requests for insert
  with check (customer_id = (select app_customer()) and state = 'open'
    and allocation_id in (select a.id from allocations a where a.customer_id = (select app_customer())));

grant select, insert, update on allocations, renewal_requests to remotegpu_app;
grant select, insert on allocation_events to remotegpu_app;

-- Customers find the machines they have, had or will have, for their lists; what is shown of them the operations decide.
-- Figures stay the staff's: a customer's are read for it, cut to its period.
create policy machines_customer on machines for select
  using (id in (select a.machine_id from allocations a where a.customer_id = (select app_customer())));
create policy gpus_customer on gpus for select
  using (machine_id in (select a.machine_id from allocations a
                        where a.customer_id = (select app_customer()) and a.state in ('active', 'grace')));

-- Taking a machine back, step by step. A step that cannot be done yet waits and says why.
create table reclaim_steps (
  allocation_id bigint not null references allocations (id),
  step          text not null,
  position      integer not null,
  state         text not null,
  -- Figures of the step, for the page to put into words.
  result        jsonb not null default '{}',
  at            timestamptz not null,
  constraint reclaim_steps_pkey primary key (allocation_id, step),
  constraint reclaim_steps_state_known check (state in ('waiting', 'done', 'skipped'))
);
alter table reclaim_steps enable row level security;
alter table reclaim_steps force row level security;
create policy reclaim_steps_operator on reclaim_steps
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, update on reclaim_steps to remotegpu_app;
