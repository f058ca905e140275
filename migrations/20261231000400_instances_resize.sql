-- Another spec for an instance: its container is made anew at its next start.
alter table instances
  -- Rises with every other spec; the other is the one that its container was made with, as its engine says.
  add column remakes_wanted bigint not null default 0,
  add column remakes_done   bigint not null default 0,
  -- Until the container of the spec before is gone: that spec, what of GPUs that container was made with, and what the next
  -- one gets. All of it is held together.
  add column remake         jsonb;

alter table instance_events
  drop constraint instance_events_kind_known,
  add constraint instance_events_kind_known check (kind in ('created', 'made', 'start_wanted', 'started', 'stop_wanted',
    'stopped', 'restart_wanted', 'restarted', 'ended', 'failed', 'lost', 'found', 'missing', 'renamed', 'resized',
    'delete_wanted', 'deleted'));
