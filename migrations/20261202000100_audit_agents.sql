-- What the client called itself that an event came from; absent for events of before, and for the system's own.
-- Seals of form 3 have it behind the side: see audit_seals.form. A server of the version before that takes over seals its
-- events in form 2, which the text of form 3 does not replace: each seal is checked in its own form.
alter table audit_events add column user_agent text;
