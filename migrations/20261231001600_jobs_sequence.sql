-- Jobs of one sequence run one after the other, in the order in which they were added: what is told to one person arrives in
-- the order in which it was said, also after a time in which nothing went out. A server of the version before does not look
-- at it.
alter table jobs add column sequence_key text;
create index jobs_sequence on jobs (sequence_key, id) where sequence_key is not null;
