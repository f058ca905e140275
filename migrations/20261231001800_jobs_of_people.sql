-- What somebody wanted themselves is counted for every page they have open, and the newest of it is shown beside it.
create index jobs_user on jobs (user_id, id desc) where user_id is not null;
create index finished_jobs_user on finished_jobs (user_id, id desc) where user_id is not null;
