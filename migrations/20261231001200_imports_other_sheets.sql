-- Which sheets of a workbook nothing was read of, for who agrees to what was: last year's list often stands beside this year's.
alter table imports add column other_sheets text[] not null default '{}';
