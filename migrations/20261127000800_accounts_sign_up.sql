-- People who make an account of their own: the link that proves their address belongs to nobody yet, and to no customer.
alter table one_time_links
  drop constraint one_time_links_purpose_known,
  add constraint one_time_links_purpose_known
    check (purpose in ('password_reset', 'first_password', 'email_change', 'invitation', 'sign_up')),
  drop constraint one_time_links_about,
  add constraint one_time_links_about check ((purpose in ('invitation', 'sign_up')) = (user_id is null)
    and (purpose = 'invitation') = (customer_id is not null) and (purpose = 'invitation') = (role is not null));

-- For how many went to one address lately.
create index one_time_links_sign_up on one_time_links (address, created_at) where purpose = 'sign_up';
