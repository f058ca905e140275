-- A lease whose machine is out of service when it would begin waits for it: since when, so that it is told of once.
alter table allocations add column waits_since timestamptz;

-- What its history tells besides: that it waits, which step of taking a machine back somebody left out, and that a wish for
-- more time was taken back.
alter table allocation_events
  drop constraint allocation_events_kind_known,
  add constraint allocation_events_kind_known check (kind in ('created', 'started', 'renewed', 'shortened', 'ended',
    'grace', 'reclaim_started', 'reclaimed', 'cancelled', 'renewal_requested', 'renewal_refused', 'reminded',
    'delayed', 'step_skipped', 'renewal_withdrawn'));
