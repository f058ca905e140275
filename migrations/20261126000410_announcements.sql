-- What the platform has to say: to everybody, to one portal, or to some customers, for a while.
create table announcements (
  id           bigint generated always as identity primary key,
  kind         text not null,
  title        text not null,
  body         text not null default '',
  audience     text not null,
  starts_at    timestamptz not null,
  -- null: until it is taken away
  ends_at      timestamptz,
  -- Rises with every change, and shows it again to who had put it away.
  revision     bigint not null default 1,
  created_by   bigint references users (id),
  created_name text not null default '',
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now(),
  constraint announcements_kind_known check (kind in ('announcement', 'maintenance')),
  constraint announcements_audience_known check (audience in ('everybody', 'staff', 'customers', 'chosen')),
  constraint announcements_title_length check (char_length(title) between 1 and 100),
  constraint announcements_body_length check (char_length(body) <= 2000),
  constraint announcements_period check (ends_at is null or ends_at > starts_at)
);
create index announcements_at on announcements (starts_at desc, id desc);
create trigger announcements_updated before update on announcements for each row execute function set_updated_at();

-- For whom it is, where customers were chosen.
create table announcement_customers (
  announcement_id bigint not null references announcements (id) on delete cascade,
  customer_id     bigint not null references customers (id),
  constraint announcement_customers_pkey primary key (announcement_id, customer_id)
);
create index announcement_customers_customer on announcement_customers (customer_id);

-- Who put it away, as it was then.
create table announcement_dismissals (
  announcement_id bigint not null references announcements (id) on delete cascade,
  user_id         bigint not null references users (id),
  revision        bigint not null,
  constraint announcement_dismissals_pkey primary key (announcement_id, user_id)
);

alter table announcement_customers enable row level security;
alter table announcement_customers force row level security;
create policy announcement_customers_operator on announcement_customers
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy announcement_customers_own on announcement_customers for select
  using (customer_id = (select app_customer()));
alter table announcements enable row level security;
alter table announcements force row level security;
create policy announcements_operator on announcements
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy announcements_everybody on announcements for select
  using (audience = 'everybody' and (select app_user()) is not null);
create policy announcements_customers on announcements for select
  using (audience = 'customers' and (select app_customer()) is not null);
create policy announcements_chosen on announcements for select
  using (audience = 'chosen' and exists (
    select from announcement_customers c where c.announcement_id = id and c.customer_id = (select app_customer())));
alter table announcement_dismissals enable row level security;
alter table announcement_dismissals force row level security;
create policy announcement_dismissals_operator on announcement_dismissals
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy announcement_dismissals_self on announcement_dismissals
  using (user_id = (select app_user())) with check (user_id = (select app_user()));

grant select, insert, update, delete on announcements, announcement_customers, announcement_dismissals to remotegpu_app;
