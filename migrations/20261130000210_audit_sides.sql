-- Whether a person acted for the customer whom an event concerns, or as the platform's staff: said when it is done, because
-- who leaves a customer was one of its people all the same. Absent for events of before, and for those of no customer. The
-- chain's text of an event ends with it where it is there, so that what was sealed before still fits.
alter table audit_events add column actor_side text;
alter table audit_events add constraint audit_events_actor_side_known check (actor_side in ('customer', 'staff'));
