-- Which machine a confirmed row wrote: by the time an import is taken back, its code may be that of another machine, which
-- somebody added after the first was deleted. Rows that were confirmed before, or by a server of the version before, have none.
alter table import_rows add column machine_id bigint;
