-- Browsers at applications are counted for each person: how many are in, and how many came lately.

alter table app_visits drop constraint app_visits_reason_known;
alter table app_visits add constraint app_visits_reason_known
  check (reason in ('access', 'removed', 'idle', 'stopped', 'limit'));

create index app_visits_user on app_visits (user_id, opened_at);
-- Whether a link has any, also ended ones, is asked before the link goes.
create index app_visits_link on app_visits (link_id);
drop index app_visits_open;
