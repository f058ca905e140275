-- Who the provider said that it is, at the last sign-in: so that people and staff see whom an account is bound to, and part
-- from whom they do not know. Words of the provider, never looked anybody up by.
alter table user_identities add column label text not null default '';
