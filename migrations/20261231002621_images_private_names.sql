-- A name that is taken tells of an image: those that one person has alone are told apart among themselves.
drop index images_name_unique;
create unique index images_name_unique on images (coalesce(customer_id, 0), lower(name))
  where deleted_at is null and shared;
create unique index images_name_own on images (coalesce(customer_id, 0), coalesce(created_by, 0), lower(name))
  where deleted_at is null and not shared;
drop index instance_saves_name;
create unique index instance_saves_name on instance_saves (customer_id, created_by, lower(name)) where ended_at is null;
