-- Roles: the built-in ones, whose permissions the policy in the program says, and those made here from permissions.
create table roles (
  id          bigint generated always as identity primary key,
  -- Word of a built-in role; null for those made here.
  builtin     text,
  -- What assignments name: the built-in word, or custom-<id>.
  code        text not null generated always as (coalesce(builtin, 'custom-' || (id::text))) stored,
  name        text not null,
  description text not null default '',
  scope_kind  text not null default 'platform',
  revision    bigint not null default 1,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  constraint roles_code_unique unique (code),
  constraint roles_builtin_known
    check (builtin in ('platform_admin', 'operator', 'customer_owner', 'customer_member')),
  constraint roles_name_length check (length(name) between 1 and 100),
  constraint roles_description_length check (length(description) <= 1000),
  constraint roles_scope_known check (scope_kind in ('platform', 'customer'))
);
create unique index roles_name_unique on roles (lower(name));
create trigger roles_updated before update on roles for each row execute function set_updated_at();

create table role_permissions (
  role_id    bigint not null references roles (id) on delete cascade,
  permission text not null,
  constraint role_permissions_pkey primary key (role_id, permission),
  constraint role_permissions_shape check (permission ~ '^[a-z-]+:[a-z-]+$')
);

insert into roles (builtin, name, scope_kind) values
  ('platform_admin', 'platform_admin', 'platform'),
  ('operator', 'operator', 'platform'),
  ('customer_owner', 'customer_owner', 'customer'),
  ('customer_member', 'customer_member', 'customer');

-- Assignments name any role of the platform from now on. What an older server writes ('platform_admin') still fits, and it
-- reads nothing else. The key also keeps a role that somebody holds from being deleted.
alter table role_assignments
  drop constraint role_assignments_role_known,
  add constraint role_assignments_role_known foreign key (role) references roles (code);
create index role_assignments_role on role_assignments (role);

alter table roles enable row level security;
alter table roles force row level security;
create policy roles_read on roles for select using ((select app_is_operator())
  or code in (select a.role from role_assignments a where a.user_id = (select app_user())));
-- Nobody changes a built-in role.
create policy roles_add on roles for insert with check ((select app_is_operator()) and builtin is null);
create policy roles_change on roles for update
  using ((select app_is_operator()) and builtin is null) with check ((select app_is_operator()) and builtin is null);
create policy roles_remove on roles for delete using ((select app_is_operator()) and builtin is null);

alter table role_permissions enable row level security;
alter table role_permissions force row level security;
create policy role_permissions_operator on role_permissions
  using ((select app_is_operator())) with check ((select app_is_operator())
    and role_id in (select r.id from roles r where r.builtin is null));

grant select, insert, update, delete on roles to remotegpu_app;
grant select, insert, delete on role_permissions to remotegpu_app;
