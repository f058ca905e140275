-- Whether an event, when it was sealed, was dated far before those that were sealed before it: see `DATED_BACK` in the chain. For
-- the page; `verify-audit` finds it anew.
alter table audit_seals add column dated_back boolean not null default false;
