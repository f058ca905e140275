-- What people are told, and how they want to be told it.
create table notifications (
  id         bigint generated always as identity primary key,
  user_id    bigint not null references users (id),
  kind       text not null,
  -- Values of its text; put into words when it is read, in the reader's language.
  args       jsonb not null default '{}',
  -- A page of ours.
  link       text,
  created_at timestamptz not null,
  read_at    timestamptz,
  constraint notifications_kind_shape check (kind ~ '^[a-z-]+$'),
  constraint notifications_link_local check (link is null or (link like '/%' and link not like '//%'))
);
create index notifications_user on notifications (user_id, id desc);
create index notifications_unread on notifications (user_id) where read_at is null;
create index notifications_at on notifications (created_at);

-- No row: both ways.
create table notification_choices (
  user_id bigint not null references users (id),
  kind    text not null,
  in_app  boolean not null,
  mail    boolean not null,
  constraint notification_choices_pkey primary key (user_id, kind)
);

-- Hours in which mail waits, in the person's own time; minutes of the day, over midnight when the first is the later.
create table notification_quiet (
  user_id      bigint not null references users (id),
  from_minute  smallint not null,
  until_minute smallint not null,
  constraint notification_quiet_pkey primary key (user_id),
  constraint notification_quiet_minutes
    check (from_minute between 0 and 1439 and until_minute between 0 and 1439 and from_minute <> until_minute)
);

alter table notifications enable row level security;
alter table notifications force row level security;
create policy notifications_operator on notifications
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy notifications_self on notifications for select using (user_id = (select app_user()));
create policy notifications_self_read on notifications for update
  using (user_id = (select app_user())) with check (user_id = (select app_user()));
alter table notification_choices enable row level security;
alter table notification_choices force row level security;
create policy notification_choices_operator on notification_choices
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy notification_choices_self on notification_choices
  using (user_id = (select app_user())) with check (user_id = (select app_user()));
alter table notification_quiet enable row level security;
alter table notification_quiet force row level security;
create policy notification_quiet_operator on notification_quiet
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy notification_quiet_self on notification_quiet
  using (user_id = (select app_user())) with check (user_id = (select app_user()));

grant select, insert, update, delete on notifications, notification_choices, notification_quiet to remotegpu_app;
