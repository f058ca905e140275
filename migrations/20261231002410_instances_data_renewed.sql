-- Its people said that its next container may begin with an empty data disk, because the one it had was taken away at the
-- machine; until that container is made.
alter table instances add column begins_empty boolean not null default false;
