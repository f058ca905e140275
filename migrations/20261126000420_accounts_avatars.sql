-- People's pictures: small, written anew by us, one each.
create table avatars (
  user_id    bigint not null references users (id),
  -- A PNG of at most 256 × 256
  picture    bytea not null,
  -- Changes with the picture
  tag        text not null,
  updated_at timestamptz not null,
  constraint avatars_pkey primary key (user_id),
  constraint avatars_size check (octet_length(picture) <= 524288)
);

alter table avatars enable row level security;
alter table avatars force row level security;
create policy avatars_operator on avatars using ((select app_is_operator())) with check ((select app_is_operator()));
create policy avatars_self on avatars
  using (user_id = (select app_user())) with check (user_id = (select app_user()));

grant select, insert, update, delete on avatars to remotegpu_app;
