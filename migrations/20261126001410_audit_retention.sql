-- Where the chain begins after old months of the audit log were dropped: the last seal that went with them.
create table audit_anchors (
  -- Events before are gone.
  pruned_before timestamptz not null,
  position      bigint not null,
  hash          bytea not null,
  events        bigint not null,
  created_at    timestamptz not null default now(),
  constraint audit_anchors_pkey primary key (pruned_before),
  constraint audit_anchors_hash_length check (octet_length(hash) = 32)
);
alter table audit_anchors enable row level security;
alter table audit_anchors force row level security;
create policy audit_anchors_read on audit_anchors for select using ((select app_is_operator()));
create policy audit_anchors_write on audit_anchors for insert with check ((select app_kind()) = 'system');
create policy audit_seals_prune on audit_seals for delete using ((select app_kind()) = 'system');
grant select on audit_anchors to remotegpu_app;

-- Drops the whole months of the log that ended before this time, and the seals that nothing later needs. The application
-- may not delete a single row; it may only call this, which keeps half a year whatever it is asked for.
-- Nothing happens, and no row comes back, while there is no such month, or a row of one is not sealed yet.
create function prune_audit(before_at timestamptz)
returns table (pruned_before timestamptz, "position" bigint, hash bytea, events bigint)
language plpgsql security definer
set search_path = public, pg_temp set timezone = 'UTC' set lock_timeout = '5s' as $$
#variable_conflict use_column
declare
  cutoff timestamptz := date_trunc('month', before_at);
  last   audit_anchors%rowtype;
  months text[];
  part   text;
  upto   bigint;
  ending bytea;
  gone   bigint;
begin
  if before_at > now() - interval '180 days' then
    raise exception 'the audit log is kept for at least 180 days';
  end if;
  perform pg_advisory_xact_lock(hashtext('remotegpu.audit-chain'));
  perform pg_advisory_xact_lock(hashtext('remotegpu.partitions'));
  select array_agg(c.relname::text order by c.relname) into months
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'public.audit_events'::regclass
      and to_timestamp(substring(c.relname::text from '_p([0-9]+)$'), 'YYYYMM') < cutoff;
  select * into last from audit_anchors a order by a.pruned_before desc limit 1;
  if months is null or cutoff <= last.pruned_before then
    return;
  end if;
  if exists (select from audit_events e
             where e.at < cutoff and not exists (select from audit_seals s where s.audit_id = e.id)) then
    return;
  end if;
  select count(*) into gone from audit_events e where e.at < cutoff;
  -- Sealed in the order in which they were committed, events of two months may lie mixed in the chain: it is cut before
  -- the first one that stays. The newest seal stays in any case, because the next one goes on from it.
  select coalesce(min(s.position), (select max(m.position) from audit_seals m), 1) - 1 into upto
    from audit_seals s where s.at >= cutoff;
  select s.hash into ending from audit_seals s where s.position = upto;
  if ending is null then
    upto := coalesce(last.position, 0);
    ending := coalesce(last.hash, decode(repeat('00', 32), 'hex'));
  end if;
  delete from audit_seals s where s.position <= upto;
  foreach part in array months loop
    execute format('drop table %I', part);
  end loop;
  insert into audit_anchors (pruned_before, position, hash, events) values (cutoff, upto, ending, gone);
  return query select cutoff, upto, ending, gone;
end $$;
revoke execute on function prune_audit(timestamptz) from public;
grant execute on function prune_audit(timestamptz) to remotegpu_app;
