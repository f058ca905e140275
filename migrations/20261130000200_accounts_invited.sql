-- Who was brought in with a link to a first password has, until it is used, the hash of a password that nobody knows: such an
-- account is invited, and is nobody who can administer anything.
alter table users add column password_pending boolean not null default false;

-- Those who wait already: a first link went out, and no password was ever replaced by another.
select set_config('app.kind', 'system', true);
update users u set password_pending = true
  where u.last_login_at is null and u.password_hash is not null
    and exists (select from mails m where m.user_id = u.id and m.kind = 'first-password')
    and not exists (select from password_history h where h.user_id = u.id);
select set_config('app.kind', '', true);
