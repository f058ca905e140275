-- Whether a person acted for the customer whom an event concerns, or as the platform's staff: said when it is done, because
-- who leaves a customer was one of its people all the same. Absent for events of before, and for those of no customer.
alter table audit_events add column actor_side text;
alter table audit_events add constraint audit_events_actor_side_known check (actor_side in ('customer', 'staff'));

-- How the event's text was made that a seal is of: 1 as it was before, 2 with the side behind it. While one version of the
-- server takes over from another, both seal, and either's events.
alter table audit_seals add column form smallint not null default 1;
