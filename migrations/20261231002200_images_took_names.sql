-- Archives that a server of a version before may have brought to a machine under the tags that they say: what has an address for
-- its name there may be one of these. Of those that come later nothing of the kind is to be feared, whatever they are made of.
alter table images add column took_names boolean not null default false;

select set_config('app.kind', 'system', true);
update images set took_names = true where customer_id is not null and digest is not null and tags <> '{}';
select set_config('app.kind', '', true);
