-- Limits of people and customers; no row is no limit. What is used is counted by the areas that use it.
create table quotas (
  subject_kind text not null,
  subject_id   bigint not null,
  resource     text not null,
  limit_value  bigint not null,
  updated_at   timestamptz not null default now(),
  constraint quotas_pkey primary key (subject_kind, subject_id, resource),
  constraint quotas_subject_known check (subject_kind in ('user', 'customer')),
  constraint quotas_resource_known
    check (resource in ('cpu', 'memoryGb', 'diskGb', 'gpu', 'instances', 'vms', 'storageGb')),
  constraint quotas_limit_range check (limit_value between 0 and 1000000000)
);
create trigger quotas_updated before update on quotas for each row execute function set_updated_at();

alter table quotas enable row level security;
alter table quotas force row level security;
create policy quotas_operator on quotas using ((select app_is_operator())) with check ((select app_is_operator()));
create policy quotas_read on quotas for select
  using ((subject_kind = 'user' and subject_id = (select app_user()))
    or (subject_kind = 'customer' and subject_id = (select app_customer())));

grant select, insert, update, delete on quotas to remotegpu_app;
