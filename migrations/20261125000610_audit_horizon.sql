-- The sealer looks only at rows of transactions since the last seal, not at the whole log.
alter table audit_seals add column horizon xid8;
create index audit_events_xid on audit_events (xid);
