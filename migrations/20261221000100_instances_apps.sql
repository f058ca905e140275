-- Applications of instances: a port that people open in the browser through the server, at an origin of its own.

create table app_links (
  id            bigint generated always as identity primary key,
  instance_id   bigint not null references instances (id),
  customer_id   bigint not null references customers (id),
  -- The first part of its host name. Never used again: what a browser keeps for an origin is its own.
  label         text not null,
  -- Its port, where origins are told apart by ports.
  place         integer,
  name          text not null,
  -- Of the instance itself.
  port          integer not null,
  -- For everybody in the customer, or for those alone who may open a shell in the instance.
  shared        boolean not null,
  created_by    bigint not null references users (id),
  created_name  text not null default '',
  created_at    timestamptz not null,
  removed_at    timestamptz,
  constraint app_links_label_shape check (label ~ '^[a-z0-9]{20}$'),
  constraint app_links_label_unique unique (label),
  constraint app_links_name_length check (char_length(name) between 1 and 100),
  constraint app_links_port_range check (port between 1 and 65535),
  constraint app_links_place_range check (place between 1 and 65535)
);
create unique index app_links_port_unique on app_links (instance_id, port) where removed_at is null;
create unique index app_links_place_unique on app_links (place) where removed_at is null;
create index app_links_instance on app_links (instance_id);
create index app_links_removed on app_links (removed_at) where removed_at is not null;

-- What leads a browser from the portal to the origin of a link, once, and within seconds.
create table app_tickets (
  -- SHA-256 of what stands in the address.
  hash        bytea primary key,
  link_id     bigint not null references app_links (id) on delete cascade,
  -- Of whom, as long as they are signed in.
  session_id  bigint not null references sessions (id) on delete cascade,
  -- SHA-256 of what the browser that asked keeps: an address alone lets nobody in.
  state_hash  bytea not null,
  -- Where in the application to go on.
  way         text not null,
  expires_at  timestamptz not null,
  constraint app_tickets_hash_length check (octet_length(hash) = 32),
  constraint app_tickets_state_length check (octet_length(state_hash) = 32),
  constraint app_tickets_way_length check (octet_length(way) <= 4000)
);
create index app_tickets_expiry on app_tickets (expires_at);

-- A browser that was let in: it is, until the session of the portal, the right or the link ends.
create table app_visits (
  id           uuid primary key,
  link_id      bigint not null references app_links (id),
  instance_id  bigint not null references instances (id),
  customer_id  bigint not null references customers (id),
  user_id      bigint not null references users (id),
  session_id   bigint references sessions (id) on delete set null,
  -- SHA-256 of the cookie at the link's origin.
  secret_hash  bytea not null,
  address      text,
  client       text,
  opened_at    timestamptz not null,
  used_at      timestamptz not null,
  ended_at     timestamptz,
  reason       text,
  constraint app_visits_secret_length check (octet_length(secret_hash) = 32),
  constraint app_visits_secret_unique unique (secret_hash),
  constraint app_visits_reason_known check (reason in ('access', 'removed', 'idle', 'stopped')),
  constraint app_visits_ended_whole check ((ended_at is null) = (reason is null))
);
create index app_visits_open on app_visits (link_id) where ended_at is null;
create index app_visits_instance on app_visits (instance_id);
create index app_visits_session on app_visits (session_id) where session_id is not null;
create index app_visits_ended on app_visits (ended_at) where ended_at is not null;

alter table app_links enable row level security;
alter table app_links force row level security;
create policy app_links_operator on app_links
  using ((select app_is_operator())) with check ((select app_is_operator()));
alter table app_tickets enable row level security;
alter table app_tickets force row level security;
create policy app_tickets_operator on app_tickets
  using ((select app_is_operator())) with check ((select app_is_operator()));
alter table app_visits enable row level security;
alter table app_visits force row level security;
create policy app_visits_operator on app_visits
  using ((select app_is_operator())) with check ((select app_is_operator()));
grant select, insert, update, delete on app_links to remotegpu_app;
grant select, insert, delete on app_tickets to remotegpu_app;
grant select, insert, update, delete on app_visits to remotegpu_app;
