-- When the work of a maintenance begins and ends: other times than those from when and until when it is told.
alter table announcements
  add column work_starts_at timestamptz,
  add column work_ends_at timestamptz,
  add constraint announcements_work_whole check ((work_starts_at is null) = (work_ends_at is null)),
  add constraint announcements_work_period check (work_ends_at > work_starts_at);
