-- When the engine that a machine's instances are on said its ID last: one that was set up anew with the data there was says another.
-- And the engines that somebody gave up for another: what is on them is of instances that have begun anew elsewhere, so that what
-- is there of them does not say that one of these is the engine that they are on.
alter table engine_connections
  add column engine_id_at timestamptz,
  add column given_up_ids text[] not null default '{}';
