-- The language of the pages when somebody last signed in there: what mails to those who chose none are written in. What pages
-- are shown in stays each browser's own until somebody chooses.
alter table users add column read_in text;
alter table users add constraint users_read_in_known check (read_in in ('zh', 'en'));
