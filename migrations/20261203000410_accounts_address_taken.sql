-- Who came for the first time with an address that another account has got an account without it. They read so once, on the
-- first page after they signed in; until then this says that they did not.
alter table user_identities add column address_taken boolean not null default false;
