-- Who will have a machine reads what is in it as who has it does: else they read what somebody typed of it once.
create policy gpus_customer_scheduled on gpus for select
  using (machine_id in (select a.machine_id from allocations a
                        where a.customer_id = (select app_customer()) and a.state = 'scheduled'));
