-- The login account of a host in which its agent keeps the public keys of who has the machine: what the agent said last of it.
-- Which keys are to be there is nowhere stored: it follows from the lease, the customer's people and their keys.
create table host_keys (
  machine_id   bigint not null,
  -- None: the host's owner does not let the agent keep any, or not any more.
  account      text,
  -- Of the keys that are there, as `ssh-keygen -l` shows them.
  fingerprints text[] not null default '{}',
  -- How many others are in the same file.
  others       integer not null default 0,
  -- Public halves of the keys with which its sshd proves itself.
  sshd_keys    text[] not null default '{}',
  -- Of the lease that was worked off last; none while nobody has the machine.
  lease_id     bigint,
  -- What hinders it, and what the host says of that.
  fault        text,
  detail       text,
  seen_at      timestamptz,
  updated_at   timestamptz not null default now(),
  constraint host_keys_pkey primary key (machine_id),
  constraint host_keys_machine foreign key (machine_id) references machines (id),
  constraint host_keys_fault_known check (fault in ('account', 'unsafe', 'io', 'permission', 'keys')),
  constraint host_keys_detail_whole check (detail is null or fault is not null)
);
create trigger host_keys_updated before update on host_keys for each row execute function set_updated_at();
alter table host_keys enable row level security;
alter table host_keys force row level security;
create policy host_keys_operator on host_keys
  using ((select app_is_operator())) with check ((select app_is_operator()));
-- Who has the machine learns who keeps keys there, and in its grace still gets at what is on it; what is shown of it the
-- operations decide.
create policy host_keys_customer on host_keys for select
  using (machine_id in (select a.machine_id from allocations a
                        where a.customer_id = (select app_customer()) and a.state in ('active', 'grace')));
grant select, insert, update on host_keys to remotegpu_app;

-- With which the SSH door comes to a machine for who has it: a key for each lease, forgotten when the machine is taken back.
create table lease_door_keys (
  allocation_id bigint not null,
  public_key    text not null,
  -- The secret half, sealed.
  sealed        bytea not null,
  created_at    timestamptz not null,
  constraint lease_door_keys_pkey primary key (allocation_id),
  constraint lease_door_keys_allocation foreign key (allocation_id) references allocations (id)
);
alter table lease_door_keys enable row level security;
alter table lease_door_keys force row level security;
create policy lease_door_keys_operator on lease_door_keys
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, delete on lease_door_keys to remotegpu_app;
