-- That what an import wrote was taken back, and of how many rows; the others were changed or used since, and stayed.
alter table imports add column taken_back_at timestamptz,
  add column taken_back_rows integer not null default 0,
  add column kept_rows integer not null default 0;
