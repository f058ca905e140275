-- An engine may also be reached through its machine's agent: nothing is stored of it, the agent knows its socket.
alter table engine_connections
  drop constraint engine_connections_kind_known,
  add constraint engine_connections_kind_known check (kind in ('local', 'tcp', 'agent')),
  add constraint engine_connections_agent check (kind <> 'agent' or (
    socket is null and host is null and port is null
    and ca_certificate is null and client_certificate is null and client_key is null)),
  -- Which end of certificates people were told of last, and how many days before it.
  add column warned_of   timestamptz,
  add column warned_days integer,
  add constraint engine_connections_warned check ((warned_of is null) = (warned_days is null));

-- A revision is never used again, also not by a connection that is set after another was deleted: a test that was still
-- running of that one would be kept as this one's. Far above what any row has counted to by itself.
create sequence engine_connections_revision start with 1000000;
grant usage on sequence engine_connections_revision to remotegpu_app;
alter table engine_connections alter column revision set default nextval('engine_connections_revision');

-- What a test finds out, and that people were told of an end, is no change of the connection.
drop trigger engine_connections_updated on engine_connections;
create trigger engine_connections_updated before update on engine_connections for each row
  when (new.revision is distinct from old.revision) execute function set_updated_at();
