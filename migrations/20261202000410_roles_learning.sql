-- Teachers and students: built-in roles of people who learn here and do not work for the platform. What they may is about courses.
alter table roles
  drop constraint roles_builtin_known,
  add constraint roles_builtin_known
    check (builtin in ('platform_admin', 'operator', 'customer_owner', 'customer_member', 'teacher', 'student')),
  -- Who holds one works for the platform, and so stands outside of every customer. A server of the version before takes everybody
  -- with a role of the platform for such, so that a student acts for no customer there: give these roles when it is gone.
  add column of_staff boolean not null
    generated always as (scope_kind = 'platform' and coalesce(builtin not in ('teacher', 'student'), true)) stored;

-- A role that somebody made and called so keeps what it is: its name only makes room for the built-in word.
select set_config('app.kind', 'system', true);
update roles set name = left(name, 90) || ' (' || id || ')' where builtin is null and lower(name) in ('teacher', 'student');
select set_config('app.kind', '', true);

-- Nobody adds a built-in role but a migration.
alter table roles no force row level security;
insert into roles (builtin, name, scope_kind) values ('teacher', 'teacher', 'platform'), ('student', 'student', 'platform');
alter table roles force row level security;
