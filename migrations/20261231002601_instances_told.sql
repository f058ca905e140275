-- That its people know that its next container is made anew, until that one is made or the one before is there again; and the
-- container that was made last, so that they are told of it once.
alter table instances
  add column told_anew boolean not null default false,
  add column told_container text;
