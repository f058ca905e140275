-- What instances are made of: by address in a registry, of an archive that was uploaded, or of an instance.
create table images (
  id             bigint generated always as identity primary key,
  -- Null: the platform's own.
  customer_id    bigint references customers (id),
  created_by     bigint references users (id),
  created_name   text not null default '',
  name           text not null,
  source         text not null,
  address        text,
  file_id        bigint,
  description    text,
  framework      text,
  cuda_version   text,
  architecture   text,
  memory_split   boolean not null default false,
  state          text not null,
  reason         text,
  reviewed_name  text,
  reviewed_at    timestamptz,
  listed         boolean not null default false,
  digest         text,
  size_bytes     bigint,
  remark         text,
  revision       bigint not null default 1,
  created_at     timestamptz not null default now(),
  updated_at     timestamptz not null default now(),
  -- The row stays for what was made from it.
  deleted_at     timestamptz,
  constraint images_file_fkey foreign key (file_id) references files (id),
  constraint images_name_length check (char_length(name) between 1 and 100),
  constraint images_source_known check (source in ('registry', 'upload', 'instance')),
  constraint images_architecture_known check (architecture in ('amd64', 'arm64')),
  constraint images_state_known check (state in ('pending_review', 'approved', 'rejected')),
  constraint images_address_of_registry check ((source = 'registry') = (address is not null)),
  constraint images_file_of_upload check (source = 'upload' or file_id is null),
  constraint images_reason_of_rejected check ((state = 'rejected') = (reason is not null)),
  constraint images_listed check (not listed or (state = 'approved' and deleted_at is null))
);
create unique index images_name_unique on images (coalesce(customer_id, 0), lower(name)) where deleted_at is null;
create index images_file on images (file_id);
create index images_waiting on images (created_at) where state = 'pending_review' and deleted_at is null;
create trigger images_updated before update on images for each row execute function set_updated_at();

alter table images enable row level security;
alter table images force row level security;
create policy images_operator on images using ((select app_is_operator())) with check ((select app_is_operator()));
create policy images_customer on images
  using (customer_id = (select app_customer())) with check (customer_id = (select app_customer()));
create policy images_market on images for select
  using (listed and deleted_at is null and (select app_customer()) is not null);
grant select, insert, update on images to remotegpu_app;
