-- What an instance was saved as holds what a person wrote: until somebody shares it, who made it and who owns its customer
-- alone find it, and its archive.
alter table images add column shared boolean not null default true;
alter table files add column shared boolean not null default true;
select set_config('app.kind', 'system', true);
update images set shared = false where source = 'instance';
update files set shared = false
  where exists (select from images i where i.file_id = files.id and i.source = 'instance');
select set_config('app.kind', '', true);

-- Who reaches all of the customer that is acted for, and not only what is their own there; set as the others are.
create function app_is_owner() returns boolean language sql stable
  return coalesce(current_setting('app.owner', true), '') = 'on';

alter policy images_customer on images
  using (customer_id = (select app_customer())
         and (shared or created_by = (select app_user()) or (select app_is_owner())))
  with check (customer_id = (select app_customer())
              and (shared or created_by = (select app_user()) or (select app_is_owner())));
alter policy files_customer on files
  using (customer_id = (select app_customer())
         and (shared or created_by = (select app_user()) or (select app_is_owner())))
  with check (customer_id = (select app_customer())
              and (shared or created_by = (select app_user()) or (select app_is_owner())));

-- Bytes of a customer's, or the platform's, files: also what its asker does not find counts; a sum and nothing else.
create function stored_in(customer bigint) returns bigint
language sql stable set app.kind = 'system' as $$
  select coalesce(sum(size_bytes), 0)::bigint from files where customer_id is not distinct from customer
$$;
revoke execute on function stored_in(bigint) from public;
grant execute on function stored_in(bigint) to remotegpu_app;
