-- Ways of being told beside mail: a person's own webhooks, and the platform's robots in chat groups.
create table notification_channels (
  id            bigint generated always as identity primary key,
  -- Names the row in what is sealed of it, before it has an id.
  token         uuid not null,
  -- null: the platform's, which staff set up
  user_id       bigint references users (id),
  kind          text not null,
  name          text not null,
  -- What is shown of the address: the rest of it may open the way for everybody.
  host          text not null,
  -- key id || nonce || ciphertext
  sealed_url    bytea not null,
  -- What messages are signed with
  sealed_secret bytea,
  -- What the platform's channels carry; a person's go by their choices.
  kinds         text[] not null default '{}',
  enabled       boolean not null default true,
  -- Deliveries given up in a row; too many of them switch it off.
  failures      integer not null default 0,
  created_at    timestamptz not null default now(),
  updated_at    timestamptz not null default now(),
  constraint notification_channels_kind_known check (kind in ('webhook', 'wecom', 'dingtalk', 'feishu')),
  constraint notification_channels_kind_of_owner check ((user_id is null) = (kind <> 'webhook')),
  constraint notification_channels_name_length check (char_length(name) between 1 and 100)
);
create unique index notification_channels_token_unique on notification_channels (token);
create index notification_channels_user on notification_channels (user_id);
create trigger notification_channels_updated before update on notification_channels
  for each row execute function set_updated_at();

-- What went out there or is to go out, and what became of it.
create table notification_deliveries (
  id         bigint generated always as identity primary key,
  -- Names it in its job and to whoever gets it, the same at every try.
  token      uuid not null,
  channel_id bigint not null references notification_channels (id) on delete cascade,
  -- The channel's person
  user_id    bigint references users (id),
  kind       text not null,
  -- Values of its text; put into words at every try.
  args       jsonb not null default '{}',
  link       text,
  state      text not null default 'queued',
  attempts   integer not null default 0,
  last_error text,
  created_at timestamptz not null,
  sent_at    timestamptz,
  constraint notification_deliveries_kind_shape check (kind ~ '^[a-z-]+$'),
  constraint notification_deliveries_link_local check (link is null or (link like '/%' and link not like '//%')),
  constraint notification_deliveries_state_known check (state in ('queued', 'sent', 'failed')),
  constraint notification_deliveries_sent_once check ((state = 'sent') = (sent_at is not null))
);
create unique index notification_deliveries_token_unique on notification_deliveries (token);
create index notification_deliveries_channel on notification_deliveries (channel_id);
create index notification_deliveries_user on notification_deliveries (user_id, id desc);
create index notification_deliveries_at on notification_deliveries (created_at);

-- One more way to be told of a kind; who chose nothing is told by it where they have one.
alter table notification_choices add column webhook boolean not null default true;

-- The secret of a new webhook crosses one redirect.
alter table shown_once
  drop constraint shown_once_kind_known,
  add constraint shown_once_kind_known check (kind in
    ('api_token', 'install_command', 'new_password', 'recovery_codes', 'webhook_secret'));

alter table notification_channels enable row level security;
alter table notification_channels force row level security;
create policy notification_channels_operator on notification_channels
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy notification_channels_self on notification_channels
  using (user_id = (select app_user())) with check (user_id = (select app_user()));
alter table notification_deliveries enable row level security;
alter table notification_deliveries force row level security;
create policy notification_deliveries_operator on notification_deliveries
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy notification_deliveries_self on notification_deliveries
  using (user_id = (select app_user())) with check (user_id = (select app_user()));

grant select, insert, update, delete on notification_channels, notification_deliveries to remotegpu_app;
