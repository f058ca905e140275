-- People are told as well that a maintenance has begun and is over: as they chose for the one that is planned …
select set_config('app.kind', 'system', true);
insert into notification_choices (user_id, kind, in_app, mail, webhook)
select c.user_id, added.kind, c.in_app, c.mail, c.webhook
from notification_choices c cross join (values ('maintenance-begun'), ('maintenance-over')) as added (kind)
where c.kind = 'maintenance-planned'
on conflict do nothing;

-- … and so do the channels of the platform. A server of the version before leaves out the kinds it does not know.
update notification_channels set kinds = kinds || array['maintenance-begun', 'maintenance-over']
where 'maintenance-planned' = any (kinds);
select set_config('app.kind', '', true);
