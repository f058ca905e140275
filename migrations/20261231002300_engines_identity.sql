-- Which engine a machine's instances are on, by its own id, where it says one; and since when another one answers there, until
-- somebody accepts that one or the first is back. An engine may have no id, so the time alone says that another one answers.
alter table engine_connections
  add column engine_id       text,
  add column other_engine_id text,
  add column other_since     timestamptz,
  add constraint engine_connections_other check (other_engine_id is null or other_since is not null);
