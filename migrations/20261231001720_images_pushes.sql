-- Archives of images are put into a registry, which engines then pull them from: wanted by a person, done by a job, and what
-- came of it.

-- The one that takes archives.
alter table image_registries add column holds_archives boolean not null default false;
create unique index image_registries_holds on image_registries (holds_archives) where holds_archives;

create table image_pushes (
  image_id     bigint not null references images (id),
  registry_id  bigint not null references image_registries (id),
  state        text not null default 'waiting',
  done_bytes   bigint not null default 0,
  total_bytes  bigint not null default 0,
  fault        text,
  detail       text,
  -- What it is called there, with its digest.
  reference    text,
  wanted_name  text not null default '',
  -- Rises with every wish; a job puts what it was made for and nothing later.
  wish         bigint not null default 1,
  wanted_at    timestamptz not null,
  updated_at   timestamptz not null default now(),
  constraint image_pushes_pkey primary key (image_id),
  constraint image_pushes_state_known check (state in ('waiting', 'running', 'present', 'failed')),
  constraint image_pushes_fault_of_failed check ((state = 'failed') = (fault is not null)),
  constraint image_pushes_reference_of_present check ((state = 'present') = (reference is not null))
);
create index image_pushes_registry on image_pushes (registry_id);
create trigger image_pushes_updated before update on image_pushes for each row execute function set_updated_at();

alter table image_pushes enable row level security;
alter table image_pushes force row level security;
create policy image_pushes_operator on image_pushes
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, update, delete on image_pushes to remotegpu_app;
