-- A lease whose machine is out of service or not free when it would begin waits for it: since when, and for what, so that each
-- is told of once.
alter table allocations
  add column waits_since timestamptz,
  add column waits_for   text,
  add constraint allocations_waits_for_known check (waits_for in ('occupied', 'maintenance', 'out-of-service'));

-- When it did begin: what was before that was not its customer's, whatever day was agreed. None where that is the day.
alter table allocations add column began_at timestamptz;

-- What its history tells besides: that it waits, which step of taking a machine back somebody left out, and that a wish for
-- more time was taken back.
alter table allocation_events
  drop constraint allocation_events_kind_known,
  add constraint allocation_events_kind_known check (kind in ('created', 'started', 'renewed', 'shortened', 'ended',
    'grace', 'reclaim_started', 'reclaimed', 'cancelled', 'renewal_requested', 'renewal_refused', 'reminded',
    'delayed', 'step_skipped', 'renewal_withdrawn'));
