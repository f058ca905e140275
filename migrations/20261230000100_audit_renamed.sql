-- When something got another name: the log calls people and customers what they were called then, and somebody who signed in
-- a hundred thousand times has as many events, of which hardly any is one of these. Its condition is that of the
-- statement, and a comparison with a constant, because nearly all rows are expected of one that says that two differ.
create index audit_events_renamed on audit_events (target_kind, target_id, at, id)
  where outcome = 'done' and case when before->>'name' <> after->>'name' then 1 end = 1;
