-- What a job found that did its work: an instance that cannot be made leaves its job done and is failed itself. And what a
-- failed job needs to be done again: how important it is, and the machine whose link it needs. A server of the version before
-- writes none of it: what that one ends counts as found well, as ordinary, and as anybody's.
alter table finished_jobs
  add column thing_failed boolean not null default false,
  add column priority integer not null default 0,
  add column near_machine_id bigint,
  -- When its last attempt began; a server of the version before does not say.
  add column began_at timestamptz,
  add constraint finished_jobs_near_machine_fkey foreign key (near_machine_id) references machines (id);
alter table jobs add column began_at timestamptz;
-- Lists are of some kinds: what comes round every few seconds is most of what there is.
create index finished_jobs_kind on finished_jobs (kind, id desc);
-- A failed job that staff let run again.
alter table job_events drop constraint job_events_kind_known;
alter table job_events add constraint job_events_kind_known
  check (kind in ('queued', 'started', 'progress', 'retried', 'taken_over', 'released', 'requeued', 'done', 'failed',
                  'cancelled'));

-- The servers that have workers, as each says of itself every few seconds. Which job a worker holds, the job's lease says.
create table job_servers (
  server_id  uuid not null,
  host       text not null,
  version    text not null,
  -- How many workers each lane has there, by its word.
  lanes      jsonb not null,
  started_at timestamptz not null default now(),
  seen_at    timestamptz not null default now(),
  constraint job_servers_pkey primary key (server_id)
);
alter table job_servers enable row level security;
alter table job_servers force row level security;
create policy job_servers_operator on job_servers
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, update, delete on job_servers to remotegpu_app;
