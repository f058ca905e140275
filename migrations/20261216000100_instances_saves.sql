-- Instances that are kept as images: wanted by a person, done by a job, and what came of it.

-- An image that was an instance has an archive, as one that was uploaded has.
alter table images drop constraint images_file_of_upload;
alter table images add constraint images_file_of_archive check (source in ('upload', 'instance') or file_id is null);

-- What the platform itself takes in for somebody: nobody sends chunks to it.
alter table uploads add column by_platform boolean not null default false;

create table instance_saves (
  id           bigint generated always as identity primary key,
  instance_id  bigint not null references instances (id),
  customer_id  bigint not null references customers (id),
  machine_id   bigint not null references machines (id),
  created_by   bigint not null references users (id),
  created_name text not null default '',
  -- Of the image.
  name         text not null,
  description  text,
  remark       text,
  -- What its engine, and every other that loads its archive, calls the image: nobody can make another of that name before.
  tag          uuid not null default gen_random_uuid(),
  state        text not null default 'waiting',
  fault        text,
  detail       text,
  done_bytes   bigint not null default 0,
  total_bytes  bigint not null default 0,
  -- Rises with every try: what one of before finds out does not count any more.
  run          bigint not null default 0,
  -- What is on its way into the store for it.
  upload_id    bigint,
  -- The engine may have the image.
  on_engine    boolean not null default false,
  image_id     bigint,
  created_at   timestamptz not null,
  ended_at     timestamptz,
  constraint instance_saves_upload_fkey foreign key (upload_id) references uploads (id) on delete set null,
  constraint instance_saves_image_fkey foreign key (image_id) references images (id),
  constraint instance_saves_tag_unique unique (tag),
  constraint instance_saves_name_length check (char_length(name) between 1 and 100),
  constraint instance_saves_state_known check (state in ('waiting', 'saving', 'done', 'failed', 'cancelled')),
  constraint instance_saves_fault_of_failed check ((state = 'failed') = (fault is not null)),
  constraint instance_saves_image_of_done check ((state = 'done') = (image_id is not null)),
  constraint instance_saves_ended check ((state in ('waiting', 'saving')) = (ended_at is null))
);
create index instance_saves_instance on instance_saves (instance_id, id);
create unique index instance_saves_one on instance_saves (instance_id) where ended_at is null;
create unique index instance_saves_name on instance_saves (customer_id, lower(name)) where ended_at is null;
create index instance_saves_on_engine on instance_saves (machine_id) where on_engine;
create index instance_saves_upload on instance_saves (upload_id) where upload_id is not null;

alter table instance_saves enable row level security;
alter table instance_saves force row level security;
create policy instance_saves_operator on instance_saves
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy instance_saves_customer on instance_saves for select using (customer_id = (select app_customer()));
grant select, insert, update on instance_saves to remotegpu_app;
