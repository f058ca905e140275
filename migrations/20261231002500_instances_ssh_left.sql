-- What somebody runs by SSH ends with their connection. A server that dies hangs up nothing: others do it after it, for every
-- connection that is over until it is known of it that nothing of it runs on.
alter table ssh_visits
  -- What ran for it had ended or was hung up. What was open before is left as it is: nobody could find its programs.
  add column hung_up_at timestamptz default now(),
  -- When it is tried again.
  add column hang_up_at timestamptz;
alter table ssh_visits alter column hung_up_at drop default;
create index ssh_visits_left on ssh_visits (lease_until) where hung_up_at is null;
