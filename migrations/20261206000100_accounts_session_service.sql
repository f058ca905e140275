-- By which service or directory somebody came in, so that its end ends exactly the sessions it gave. Empty for a password
-- kept here, and for sessions of before. Not a reference: what ended by a service still says so when the service is gone.
alter table sessions add column provider_id bigint;
create index sessions_provider on sessions (provider_id) where provider_id is not null;
-- The same of who proved themselves there and has still to type a code.
alter table sign_in_challenges add column provider_id bigint;
