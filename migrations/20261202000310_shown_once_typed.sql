-- What was typed into a refused form and belongs in no address waits for the page that the form comes back on.
alter table shown_once
  drop constraint shown_once_kind_known,
  add constraint shown_once_kind_known check (kind in
    ('api_token', 'install_command', 'new_password', 'recovery_codes', 'webhook_secret', 'typed'));
