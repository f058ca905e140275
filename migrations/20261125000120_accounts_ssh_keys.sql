-- Public keys with which a person comes in by SSH. Only public halves: the private one is never ours to see.
create table ssh_keys (
  id           bigint generated always as identity,
  user_id      bigint not null references users (id),
  name         text not null,
  -- `algorithm base64`, without options and comment.
  public_key   text not null,
  algorithm    text not null,
  -- As `ssh-keygen -l` shows it: SHA256:…
  fingerprint  text not null,
  created_at   timestamptz not null,
  last_used_at timestamptz,
  constraint ssh_keys_pkey primary key (id),
  constraint ssh_keys_fingerprint_unique unique (user_id, fingerprint),
  constraint ssh_keys_name_length check (length(name) between 1 and 100)
);
-- Who somebody is who shows this key at the gate.
create index ssh_keys_fingerprint on ssh_keys (fingerprint);

alter table ssh_keys enable row level security;
alter table ssh_keys force row level security;
create policy ssh_keys_system on ssh_keys
  using ((select app_kind()) = 'system') with check ((select app_kind()) = 'system');
create policy ssh_keys_self on ssh_keys
  using (user_id = (select app_user())) with check (user_id = (select app_user()));

grant select, insert, update, delete on ssh_keys to remotegpu_app;
