-- What an engine calls an image that it loads from an archive, as the archive says it: whoever reviews it has to know.
alter table images add column tags text[] not null default '{}';
