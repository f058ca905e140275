insert into memberships (customer_id, user_id, role)
select c.id, u.id, 'owner' from customers c, users u where c.name = 'Older 0' and u.name = 'older-0';
insert into imports (file_name, created_name, created_at, expires_at, state, subject, sheet, row_count, new_rows, update_rows)
values ('machines.xlsx', 'Older', now(), now() + interval '1 day', 'ready', 'machines', 'machines', 2, 1, 1);
insert into import_rows (import_id, row_number, verdict, code, cells, written, changes, base_revision)
select i.id, 2, 'update', m.code, '{"name": "Older 0", "id": "older-0", "region": "east"}',
       '{"name": "Older 0", "region": "east", "public_address": null, "private_address": null, "pool": "whole",
         "monitored": true, "listed": false, "remark": null, "declared": {}}', '{region}', m.revision
from imports i, machines m where m.code = 'older-0';
insert into import_rows (import_id, row_number, verdict, code, cells, written)
select id, 3, 'new', 'older-new', '{"name": "Older new", "id": "older-new", "memoryGb": "1500 MB"}',
       '{"name": "Older new", "region": null, "public_address": null, "private_address": null, "pool": "whole",
         "monitored": true, "listed": false, "remark": null, "declared": {"memoryGb": 1}}'
from imports;
