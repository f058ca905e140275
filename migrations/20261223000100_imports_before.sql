-- What there is in the columns that a row would change, for who agrees to it. Rows that the version before staged have none.
alter table import_rows add column before jsonb not null default '{}';
