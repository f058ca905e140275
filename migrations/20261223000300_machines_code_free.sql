-- A deleted machine frees its code, as it frees its name: nobody sees it any more, and a host that is set up anew gets its own
-- name back. Its row stays for what refers to it by its id.
alter table machines drop constraint machines_code_unique;
create unique index machines_code_unique on machines (code) where deleted_at is null;
