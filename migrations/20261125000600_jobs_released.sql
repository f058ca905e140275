-- A server that stops gives its running jobs back.
alter table job_events drop constraint job_events_kind_known;
alter table job_events add constraint job_events_kind_known
  check (kind in ('queued', 'started', 'progress', 'retried', 'taken_over', 'released', 'done', 'failed', 'cancelled'));
