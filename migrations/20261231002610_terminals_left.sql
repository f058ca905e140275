-- What runs in a browser's shell is hung up when the shell ends. Where its engine did not hear that, others do it later, as for
-- connections by SSH: whoever tries has it for a while, and it comes again until it is known that nothing of it runs on.
alter table terminals
  -- What was over before is left as it is.
  add column hung_up_at timestamptz default now(),
  -- When it is tried again.
  add column hang_up_at timestamptz;
alter table terminals alter column hung_up_at drop default;
create index terminals_left on terminals (lease_until) where hung_up_at is null or ended_at is null;
