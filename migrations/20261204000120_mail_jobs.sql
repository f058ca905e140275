-- When a waiting mail is tried next stands in its job: asked for by the page of outgoing mail.
create index jobs_mail on jobs ((payload ->> 'mail')) where kind = 'mail-send' and state = 'ready';
