-- Images on machines: wanted by a person, brought there by a job, and what came of it.
create table image_copies (
  image_id     bigint not null references images (id),
  machine_id   bigint not null references machines (id),
  state        text not null default 'waiting',
  done_bytes   bigint not null default 0,
  total_bytes  bigint not null default 0,
  -- Of the engine, the network or the image.
  fault        text,
  detail       text,
  wanted_name  text not null default '',
  -- Rises with every wish; a job brings what it was made for and nothing later.
  wish         bigint not null default 1,
  wanted_at    timestamptz not null,
  updated_at   timestamptz not null default now(),
  constraint image_copies_pkey primary key (image_id, machine_id),
  constraint image_copies_state_known check (state in ('waiting', 'running', 'present', 'failed', 'cancelled')),
  constraint image_copies_fault_of_failed check ((state = 'failed') = (fault is not null))
);
create index image_copies_machine on image_copies (machine_id);
create trigger image_copies_updated before update on image_copies for each row execute function set_updated_at();

alter table image_copies enable row level security;
alter table image_copies force row level security;
create policy image_copies_operator on image_copies
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, update on image_copies to remotegpu_app;
