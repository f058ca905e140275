-- Staff see who has a second factor, and take it off whoever lost it. The secret is sealed, and codes are hashes.
create policy totp_secrets_staff on totp_secrets for select using ((select app_is_operator()));
create policy recovery_codes_staff on recovery_codes for select using ((select app_is_operator()));
