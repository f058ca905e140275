-- A wish for more time that nobody answered before the lease was over: closed by that, and not taken back by who asked.
alter table renewal_requests add column lapsed boolean not null default false;

-- Its history tells so.
alter table allocation_events
  drop constraint allocation_events_kind_known,
  add constraint allocation_events_kind_known check (kind in ('created', 'started', 'renewed', 'shortened', 'ended',
    'grace', 'reclaim_started', 'reclaimed', 'cancelled', 'renewal_requested', 'renewal_refused', 'reminded',
    'delayed', 'step_skipped', 'renewal_withdrawn', 'renewal_lapsed'));
