-- From where a key was last used to come in.
alter table ssh_keys add column last_used_from inet;
