-- Workbooks are staged in one place, whatever they are about: machines, or people.
alter table machine_imports rename to imports;
alter table machine_import_rows rename to import_rows;
alter table machine_import_parts rename to import_parts;

alter sequence machine_imports_id_seq rename to imports_id_seq;
alter table imports rename constraint machine_imports_pkey to imports_pkey;
alter table imports rename constraint machine_imports_created_by_fkey to imports_created_by_fkey;
alter table imports rename constraint machine_imports_state_known to imports_state_known;
alter table imports rename constraint machine_imports_file_name_length to imports_file_name_length;
alter table imports rename constraint machine_imports_size to imports_size;
alter index machine_imports_expiry rename to imports_expiry;
alter index machine_imports_creator rename to imports_creator;
alter policy machine_imports_operator on imports rename to imports_operator;
alter table import_rows rename constraint machine_import_rows_pkey to import_rows_pkey;
alter table import_rows rename constraint machine_import_rows_import_id_fkey to import_rows_import_id_fkey;
alter table import_rows rename constraint machine_import_rows_verdict_known to import_rows_verdict_known;
alter table import_rows rename constraint machine_import_rows_was_known to import_rows_was_known;
alter index machine_import_rows_changed rename to import_rows_changed;
alter policy machine_import_rows_operator on import_rows rename to import_rows_operator;
alter table import_parts rename constraint machine_import_parts_pkey to import_parts_pkey;
alter table import_parts rename constraint machine_import_parts_import_id_fkey to import_parts_import_id_fkey;
alter table import_parts rename constraint machine_import_parts_size to import_parts_size;
alter policy machine_import_parts_operator on import_parts rename to import_parts_operator;

alter table import_rows rename column machine to written;
-- Hash of a password that a cell had: the cell itself is kept only as dots.
alter table import_rows add column secret text;

alter table imports add column subject text not null default 'machines',
  -- What the person might who staged it: rows are judged by that until somebody confirms.
  add column staged_as jsonb,
  add constraint imports_subject_known check (subject in ('machines', 'users'));

-- For servers of the version before, while both run: what they stage is read and confirmed by either.
create view machine_imports with (security_invoker = true) as
  select id, file_name, content, state, refusal, sheet, unknown_columns, row_count, new_rows, update_rows,
         unchanged_rows, error_rows, created_by, created_name, created_at, expires_at, confirmed_at, size_bytes
  from imports where subject = 'machines';
create view machine_import_rows with (security_invoker = true) as
  select import_id, row_number, verdict, code, cells, written as machine, changes, faults, base_revision, was
  from import_rows;
create view machine_import_parts with (security_invoker = true) as select import_id, part, bytes from import_parts;
grant select, insert, update, delete on machine_imports, machine_import_rows to remotegpu_app;
grant select, insert, delete on machine_import_parts to remotegpu_app;

-- A new person sets their first password by a link that waits longer than one that somebody has just asked for.
alter table one_time_links drop constraint one_time_links_purpose_known,
  add constraint one_time_links_purpose_known
    check (purpose in ('password_reset', 'first_password', 'email_change', 'invitation'));
