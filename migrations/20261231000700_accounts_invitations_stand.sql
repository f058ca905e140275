-- Whether who sent an invitation could still send it into that customer: as one of its owners, who stands inside of it, or by
-- roles of the platform that permit it and everything that is given with the role (`wanted`). What that is, the program knows:
-- for each role (`roles`) permissions that are needed (`needed`), with one of the ways to each (`ways`) in a row, which is a
-- permission that somebody put into a role or the word of a built-in role.
create function invitation_stands(inviter bigint, customer bigint, wanted text, roles text[], needed text[], ways text[])
returns boolean
language sql stable as $$
  select exists(
    select from users u
    where u.id = inviter and u.state = 'active'
      and (not exists(
             select from unnest(roles, needed, ways) as n(role, permission, way)
             where n.role = wanted
             group by n.permission
             having not bool_or(n.way in (
               select coalesce(r.builtin, p.permission)
               from role_assignments a join roles r on r.code = a.role
                    left join role_permissions p on p.role_id = r.id and r.builtin is null
               where a.user_id = u.id and coalesce(r.builtin, p.permission) is not null)))
           or exists(select from memberships m
                     where m.user_id = u.id and m.customer_id = customer and m.role = 'owner')
              and not exists(select from role_assignments a join roles r on r.code = a.role and r.of_staff
                             where a.user_id = u.id)))
$$;

-- All open invitations are looked at every minute, by who sent them into what.
create index one_time_links_open_invitations on one_time_links (created_by, customer_id, role)
  where purpose = 'invitation' and used_at is null;
