-- Insert-only for the application; partitioned by month; chained later by the sealer into audit_seals.
create sequence audit_events_id;
grant usage on sequence audit_events_id to remotegpu_app;
create table audit_events (
  id          bigint not null default nextval('audit_events_id'),
  at          timestamptz not null,
  xid         xid8 not null default pg_current_xact_id(),
  actor_kind  text not null,
  actor_id    bigint,
  actor_name  text not null,
  via         text not null,
  address     inet,
  action      text not null,
  target_kind text not null,
  target_id   text,
  customer_id bigint,
  outcome     text not null,
  before      jsonb,
  after       jsonb,
  request_id  text not null,
  constraint audit_events_pkey primary key (id, at),
  constraint audit_events_actor_known check (actor_kind in ('user', 'node', 'system', 'anonymous')),
  constraint audit_events_outcome_known check (outcome in ('done', 'denied', 'failed'))
) partition by range (at);
create index audit_events_at on audit_events (at desc, id desc);
create index audit_events_target on audit_events (target_kind, target_id, at desc);
create index audit_events_customer on audit_events (customer_id, at desc) where customer_id is not null;

-- hash = sha256(prev_hash || canonical text of the event); position has no gaps.
create table audit_seals (
  position  bigint primary key,
  audit_id  bigint not null,
  at        timestamptz not null,
  prev_hash bytea not null,
  hash      bytea not null,
  sealed_at timestamptz not null default now(),
  constraint audit_seals_event_once unique (audit_id),
  constraint audit_seals_hash_length check (octet_length(prev_hash) = 32 and octet_length(hash) = 32)
);

alter table audit_events enable row level security;
alter table audit_events force row level security;
create policy audit_events_write on audit_events for insert with check (true);
create policy audit_events_operator on audit_events for select using ((select app_is_operator()));
create policy audit_events_customer on audit_events for select using (customer_id = (select app_customer()));
alter table audit_seals enable row level security;
alter table audit_seals force row level security;
create policy audit_seals_read on audit_seals for select using ((select app_is_operator()));
create policy audit_seals_write on audit_seals for insert with check ((select app_kind()) = 'system');

grant select, insert on audit_events to remotegpu_app;
grant select, insert on audit_seals to remotegpu_app;
