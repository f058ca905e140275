-- What a caller asked for under a key of its own, and what it was answered, so that asking again does not do it again.
create table idempotency_keys (
  -- Who asks: `user:<id>`. A key means nothing to anybody else.
  principal    text not null,
  key          text not null,
  -- HMAC of method, address and body with the installation's key: bodies hold secrets.
  request_hash bytea not null,
  -- Who runs it, and until when it counts as running; a server that dies in between leaves a row without an answer.
  run          uuid not null,
  lease_until  timestamptz not null,
  -- Sealed with the installation's key: answers hold secrets too.
  response     bytea,
  created_at   timestamptz not null,
  constraint idempotency_keys_pkey primary key (principal, key),
  constraint idempotency_keys_key_length check (length(key) between 1 and 128),
  constraint idempotency_keys_hash_length check (octet_length(request_hash) = 32),
  constraint idempotency_keys_response_bounded check (octet_length(response) <= 1100000)
);
create index idempotency_keys_age on idempotency_keys (created_at);

alter table idempotency_keys enable row level security;
alter table idempotency_keys force row level security;
create policy idempotency_keys_own on idempotency_keys
  using (principal = 'user:' || (select app_user())) with check (principal = 'user:' || (select app_user()));
-- The clean-up.
create policy idempotency_keys_system_read on idempotency_keys for select using ((select app_kind()) = 'system');
create policy idempotency_keys_system_delete on idempotency_keys for delete using ((select app_kind()) = 'system');
grant select, insert, update, delete on idempotency_keys to remotegpu_app;
