-- What somebody typed into a form that was refused, where it is too long for the address of the page it goes back to.
-- Sealed with the installation's key, for one session, for an hour, the newest few; never a password.
create table kept_forms (
  id         bigint generated always as identity,
  user_id    bigint not null references users (id),
  session_id bigint not null references sessions (id) on delete cascade,
  content    bytea not null,
  expires_at timestamptz not null,
  constraint kept_forms_pkey primary key (id),
  constraint kept_forms_content_length check (octet_length(content) <= 2097152)
);
create index kept_forms_session on kept_forms (session_id, id);
create index kept_forms_expiry on kept_forms (expires_at);

alter table kept_forms enable row level security;
alter table kept_forms force row level security;
create policy kept_forms_system on kept_forms
  using ((select app_kind()) = 'system') with check ((select app_kind()) = 'system');
create policy kept_forms_self on kept_forms
  using (user_id = (select app_user())) with check (user_id = (select app_user()));

grant select, insert, delete on kept_forms to remotegpu_app;
