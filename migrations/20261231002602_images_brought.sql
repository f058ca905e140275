-- What the platform itself brought to machines, and how often customers had given the machine back by then: who has a whole machine
-- is root there and may leave any image under any name, so that what is there from before the last time is brought anew.
create table image_checks (
  image_id     bigint not null references images (id),
  machine_id   bigint not null references machines (id),
  leases       bigint not null,
  constraint image_checks_pkey primary key (image_id, machine_id)
);
create index image_checks_machine on image_checks (machine_id);

alter table image_checks enable row level security;
alter table image_checks force row level security;
create policy image_checks_operator on image_checks
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, update, delete on image_checks to remotegpu_app;
