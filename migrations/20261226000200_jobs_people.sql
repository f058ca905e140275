-- Whose a job is, beside the customer: people see what is done for them, and owners what is done for their customer. What a
-- server of the version before adds or ends has nobody here, and is the owners' to see.
alter table jobs
  add column user_id bigint,
  add constraint jobs_user_fkey foreign key (user_id) references users (id);
alter table finished_jobs
  add column user_id bigint,
  add constraint finished_jobs_user_fkey foreign key (user_id) references users (id);
create index jobs_customer on jobs (customer_id, id desc) where customer_id is not null;
create index finished_jobs_customer on finished_jobs (customer_id, id desc) where customer_id is not null;
