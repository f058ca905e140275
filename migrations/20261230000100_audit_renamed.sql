-- When something got another name: the log calls people and customers what they were called then, and somebody who signed in
-- a hundred thousand times has as many events, of which hardly any is one of these. Its condition is that of the statement.
create index audit_events_renamed on audit_events (target_kind, target_id, at, id)
  where outcome = 'done' and before->>'name' <> after->>'name';
