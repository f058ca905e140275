-- Who to talk to, what staff note, and a revision so that two people do not overwrite each other.
alter table customers
  add column contact_name  text,
  add column contact_email text,
  add column contact_phone text,
  add column remark        text,
  add column disabled_at   timestamptz,
  add column revision      bigint not null default 1,
  add constraint customers_disabled_since check ((state = 'disabled') = (disabled_at is not null));
