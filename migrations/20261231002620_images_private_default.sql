-- A server of the version before saves an instance as an image without a word of who finds it: that is who made it, and not
-- everybody. What was uploaded stays its customer's.
create function images_find_default() returns trigger language plpgsql as $$
begin
  if new.shared is null then
    new.shared := new.source <> 'instance';
    if not new.shared then
      update files set shared = false where id = new.file_id;
    end if;
  end if;
  return new;
end $$;
alter table images alter column shared drop default;
create trigger images_shared before insert on images for each row execute function images_find_default();
