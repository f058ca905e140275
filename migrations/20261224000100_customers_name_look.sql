-- What a customer's name looks like: without spaces, widths and letters of other alphabets. Two that look the same would be taken
-- for one another. The server notes it, also of those that are here already.
alter table customers add column name_look text;
create unique index customers_name_look_unique on customers (name_look) where deleted_at is null;
create index customers_name_look_unknown on customers (id) where name_look is null;
