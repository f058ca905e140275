-- The durable queue. Finished rows move to finished_jobs, so that the table workers scan stays small.
create table jobs (
  id                  bigint generated always as identity primary key,
  kind                text not null,
  payload             jsonb not null default '{}',
  state               text not null default 'ready',
  priority            integer not null default 0,
  run_at              timestamptz not null default now(),
  attempt             integer not null default 0,
  max_attempts        integer not null default 5,
  lease_owner         text,
  lease_token         uuid,
  lease_until         timestamptz,
  heartbeat_at        timestamptz,
  progress            real,
  message             text,
  cancel_requested_at timestamptz,
  idempotency_key     text,
  subject_kind        text,
  subject_id          text,
  customer_id         bigint references customers (id),
  created_at          timestamptz not null default now(),
  updated_at          timestamptz not null default now(),
  constraint jobs_state_known check (state in ('ready', 'running')),
  constraint jobs_attempts_sane check (attempt >= 0 and max_attempts >= 1),
  constraint jobs_lease_whole check ((state = 'running') = (lease_token is not null))
);
create index jobs_ready on jobs (priority desc, run_at, id) where state = 'ready';
create index jobs_leases on jobs (lease_until) where state = 'running';
create unique index jobs_idempotency on jobs (kind, idempotency_key) where idempotency_key is not null;
create trigger jobs_updated before update on jobs for each row execute function set_updated_at();

create table finished_jobs (
  id              bigint primary key,
  kind            text not null,
  payload         jsonb not null,
  state           text not null,
  attempt         integer not null,
  max_attempts    integer not null,
  progress        real,
  message         text,
  idempotency_key text,
  subject_kind    text,
  subject_id      text,
  customer_id     bigint references customers (id),
  run_at          timestamptz not null,
  created_at      timestamptz not null,
  finished_at     timestamptz not null default now(),
  constraint finished_jobs_state_known check (state in ('done', 'failed', 'cancelled'))
);
create unique index finished_jobs_idempotency on finished_jobs (kind, idempotency_key) where idempotency_key is not null;
create index finished_jobs_at on finished_jobs (finished_at);

create table job_events (
  id      bigint generated always as identity primary key,
  job_id  bigint not null,
  at      timestamptz not null default now(),
  attempt integer not null,
  kind    text not null,
  message text,
  constraint job_events_kind_known
    check (kind in ('queued', 'started', 'progress', 'retried', 'taken_over', 'done', 'failed', 'cancelled'))
);
create index job_events_job on job_events (job_id, id);

alter table jobs enable row level security;
alter table jobs force row level security;
create policy jobs_operator on jobs using ((select app_is_operator())) with check ((select app_is_operator()));
create policy jobs_customer_read on jobs for select using (customer_id = (select app_customer()));
create policy jobs_customer_add on jobs for insert with check (customer_id = (select app_customer()));
alter table finished_jobs enable row level security;
alter table finished_jobs force row level security;
create policy finished_jobs_operator on finished_jobs
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy finished_jobs_customer on finished_jobs for select using (customer_id = (select app_customer()));
alter table job_events enable row level security;
alter table job_events force row level security;
create policy job_events_operator on job_events
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy job_events_customer_add on job_events for insert
  with check (job_id in (select j.id from jobs j where j.customer_id = (select app_customer())));

grant select, insert, update, delete on jobs to remotegpu_app;
grant select, insert, delete on finished_jobs to remotegpu_app;
grant select, insert, delete on job_events to remotegpu_app;
