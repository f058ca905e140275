-- Files: what is in the store, whose it is, and what is on its way in.

-- Content by its hash. It lies in the store's folder store_key, in parts of chunk_size bytes.
create table blobs (
  sha256     bytea primary key,
  size_bytes bigint not null,
  chunk_size bigint not null,
  store_key  uuid not null,
  created_at timestamptz not null default now(),
  constraint blobs_hash_length check (octet_length(sha256) = 32),
  constraint blobs_sizes check (size_bytes > 0 and chunk_size > 0),
  constraint blobs_store_key_unique unique (store_key)
);

create table files (
  id           bigint generated always as identity primary key,
  -- Null: the platform's own.
  customer_id  bigint references customers (id),
  created_by   bigint references users (id),
  created_name text not null default '',
  name         text not null,
  purpose      text not null,
  sha256       bytea not null references blobs (sha256),
  size_bytes   bigint not null,
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now(),
  constraint files_name_length check (char_length(name) between 1 and 255),
  constraint files_purpose_known check (purpose in ('image', 'dataset', 'other'))
);
create index files_customer on files (customer_id, id);
create index files_blob on files (sha256);
create trigger files_updated before update on files for each row execute function set_updated_at();

create table uploads (
  id           bigint generated always as identity primary key,
  customer_id  bigint references customers (id),
  created_by   bigint references users (id),
  created_name text not null default '',
  name         text not null,
  purpose      text not null,
  size_bytes   bigint not null,
  chunk_size   bigint not null,
  -- Announced; what comes in must be that.
  sha256       bytea,
  -- Folder of the store that the chunks lie in; becomes the blob's.
  store_key    uuid not null,
  state        text not null default 'open',
  fault        text,
  file_id      bigint references files (id) on delete set null,
  expires_at   timestamptz not null,
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now(),
  constraint uploads_name_length check (char_length(name) between 1 and 255),
  constraint uploads_purpose_known check (purpose in ('image', 'dataset', 'other')),
  constraint uploads_sizes check (size_bytes > 0 and chunk_size > 0),
  constraint uploads_hash_length check (octet_length(sha256) = 32),
  constraint uploads_state_known check (state in ('open', 'assembling', 'done', 'aborted')),
  constraint uploads_fault_known check (fault in ('cancelled', 'expired', 'hash', 'store')),
  constraint uploads_fault_of_aborted check ((state = 'aborted') = (fault is not null)),
  constraint uploads_store_key_unique unique (store_key)
);
create index uploads_customer on uploads (customer_id, id);
create index uploads_going on uploads (expires_at) where state in ('open', 'assembling');
create trigger uploads_updated before update on uploads for each row execute function set_updated_at();

create table upload_chunks (
  upload_id   bigint not null references uploads (id) on delete cascade,
  n           integer not null,
  size_bytes  bigint not null,
  sha256      bytea not null,
  received_at timestamptz not null,
  constraint upload_chunks_pkey primary key (upload_id, n),
  constraint upload_chunks_sane check (n >= 0 and size_bytes > 0 and octet_length(sha256) = 32)
);

alter table files enable row level security;
alter table files force row level security;
create policy files_operator on files using ((select app_is_operator())) with check ((select app_is_operator()));
create policy files_customer on files
  using (customer_id = (select app_customer())) with check (customer_id = (select app_customer()));
alter table uploads enable row level security;
alter table uploads force row level security;
create policy uploads_operator on uploads using ((select app_is_operator())) with check ((select app_is_operator()));
create policy uploads_customer on uploads
  using (customer_id = (select app_customer())) with check (customer_id = (select app_customer()));
alter table upload_chunks enable row level security;
alter table upload_chunks force row level security;
create policy upload_chunks_operator on upload_chunks
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy upload_chunks_customer on upload_chunks
  using (upload_id in (select u.id from uploads u where u.customer_id = (select app_customer())))
  with check (upload_id in (select u.id from uploads u where u.customer_id = (select app_customer())));
-- Content is seen through the files it is of, and written by the system alone.
alter table blobs enable row level security;
alter table blobs force row level security;
create policy blobs_operator on blobs using ((select app_is_operator())) with check ((select app_is_operator()));
create policy blobs_customer on blobs for select
  using (exists (select from files f where f.sha256 = blobs.sha256 and f.customer_id = (select app_customer())));

-- To lock a row takes the right to change it.
grant select, insert, update, delete on blobs to remotegpu_app;
grant select, insert, update, delete on files to remotegpu_app;
grant select, insert, update, delete on uploads to remotegpu_app;
grant select, insert, delete on upload_chunks to remotegpu_app;

-- Bytes of a person's files and open uploads, of all their customers: one's limit holds across them, and who acts for one
-- customer sees no row of another: counted as the system, it tells a sum and nothing else.
create function stored_by(person bigint) returns bigint
language sql stable set app.kind = 'system' as $$
  select coalesce(sum(size_bytes), 0)::bigint
  from (select size_bytes from files where created_by = person
        union all
        select size_bytes from uploads where created_by = person and state in ('open', 'assembling')) as taken
$$;
revoke execute on function stored_by(bigint) from public;
grant execute on function stored_by(bigint) to remotegpu_app;
