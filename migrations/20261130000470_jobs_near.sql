-- A job that needs a machine's link is for the server that holds it; for any while nobody does.
alter table jobs add column near_machine_id bigint;
alter table jobs add constraint jobs_near_machine_fkey foreign key (near_machine_id) references machines (id);
