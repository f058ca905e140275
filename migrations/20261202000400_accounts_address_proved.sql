-- Since when an account is known to be of who reads the mail at its address: they made it by a link that went there, or set its
-- password by one. Until then its password may be known to who made the account or gave it the address, and so may be theirs
-- what was put there; a server of the version before leaves it empty, which is the careful answer.
alter table users add column address_proved_at timestamptz;

-- Who signed in before this was kept is taken for the person whose address it is: else the first forgotten password after the
-- upgrade would cost everybody their keys.
select set_config('app.kind', 'system', true);
update users set address_proved_at = now() where email is not null and last_login_at is not null;
select set_config('app.kind', '', true);
