insert into customers (name, name_look) values ('Older {n}', 'older{n}');
insert into machines (code, name, pool, monitored, listed, declared) values ('older-{n}', 'Older {n}', 'whole', true, false, '{}');
insert into users (name, display_name, email) values ('older-{n}', 'Older {n}', 'older-{n}@example.org');
insert into allocations (machine_id, customer_id, starts_at, ends_at, grace_days, state, remark, hold)
select m.id, c.id, now(), now() + interval '30 days', 3, 'active', 'of the version before', tstzrange(now(), now() + interval '33 days')
from machines m, customers c where m.code = 'older-{n}' and c.name = 'Older {n}';
update allocations set ends_at = ends_at + interval '30 days', hold = tstzrange(starts_at, ends_at + interval '33 days'), revision = revision + 1
where machine_id = (select id from machines where code = 'older-{n}');
insert into allocation_events (allocation_id, at, kind, ends_before, ends_after, actor_name)
select id, now(), 'renewed', now(), ends_at, 'Older' from allocations where machine_id = (select id from machines where code = 'older-{n}');
insert into audit_events (at, actor_kind, actor_name, via, action, target_kind, target_id, outcome, request_id)
values (now(), 'system', 'older', 'cli', 'machines:create', 'machine', 'older-{n}', 'done', 'older-{n}');
