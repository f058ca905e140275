-- Mail on its way out, and what became of it. Its values are sealed: they may hold a link that opens an account.
create table mails (
  id              bigint generated always as identity primary key,
  -- Names the mail in its job and in its Message-ID, the same at every try.
  token           uuid not null,
  kind            text not null,
  user_id         bigint references users (id),
  address         text not null,
  language        text not null,
  -- key id || nonce || ciphertext of the values; forgotten once the mail is out
  sealed          bytea,
  state           text not null default 'queued',
  attempts        integer not null default 0,
  last_error      text,
  -- Whose the try is that has begun to hand the text over.
  handing_over    uuid,
  -- A second mail with the same key is not added.
  idempotency_key text,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now(),
  sent_at         timestamptz,
  -- unknown: the server died between the text and its answer; it is not sent again, because it may be out.
  constraint mails_state_known check (state in ('queued', 'handing_over', 'sent', 'failed', 'unknown')),
  constraint mails_language_known check (language in ('zh', 'en')),
  constraint mails_sent_once check ((state = 'sent') = (sent_at is not null))
);
create unique index mails_token_unique on mails (token);
create unique index mails_idempotency on mails (idempotency_key) where idempotency_key is not null;
create index mails_state on mails (state, id desc);
create trigger mails_updated before update on mails for each row execute function set_updated_at();

alter table mails enable row level security;
alter table mails force row level security;
create policy mails_operator on mails using ((select app_is_operator())) with check ((select app_is_operator()));

grant select, insert, update, delete on mails to remotegpu_app;
