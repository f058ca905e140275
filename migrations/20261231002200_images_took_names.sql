-- Archives that a server of a version before may have brought to a machine under the tags that they say: what has an address for
-- its name there may be one of these. So is everything that there is, and whatever such a server adds while it still runs; this
-- version says of what it adds that it took no names.
alter table images add column took_names boolean not null default true;
