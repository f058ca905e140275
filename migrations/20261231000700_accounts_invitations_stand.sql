-- Whether who sent an invitation may still send one into that customer: as one of its owners, or by a role of the platform that
-- permits it. `built_in`: the built-in roles that do, which the program knows.
create function invitation_stands(inviter bigint, customer bigint, built_in text[]) returns boolean
language sql stable as $$
  select exists(
    select from users u
    where u.id = inviter and u.state = 'active'
      and (exists(select from role_assignments a join roles r on r.code = a.role
                  where a.user_id = u.id
                    and (r.builtin = any(built_in)
                         or exists(select from role_permissions p
                                   where p.role_id = r.id and p.permission = 'customers:invite')))
           or exists(select from memberships m
                     where m.user_id = u.id and m.customer_id = customer and m.role = 'owner')))
$$;
