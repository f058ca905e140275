-- What a customer means to spend in a month, and what becomes of it at the end of that.
create table budgets (
  id           bigint generated always as identity primary key,
  customer_id  bigint not null references customers (id),
  -- Whose it is to change: the customer's own, or the platform's.
  side         text not null,
  name         text not null,
  amount       numeric(18, 6) not null,
  currency     text not null,
  -- Percent at which its people are warned; the end of it always does.
  thresholds   integer[] not null,
  rule         text not null,
  -- Between the notice and the stop.
  grace_hours  integer not null,
  revision     bigint not null default 1,
  created_name text not null default '',
  created_at   timestamptz not null,
  updated_at   timestamptz not null default now(),
  constraint budgets_side_known check (side in ('customer', 'platform')),
  constraint budgets_rule_known check (rule in ('warn', 'refuse', 'stop')),
  constraint budgets_name_length check (char_length(name) between 1 and 100),
  constraint budgets_amount_positive check (amount > 0),
  constraint budgets_grace_range check (grace_hours between 0 and 720)
);
create unique index budgets_name_unique on budgets (customer_id, lower(name));
create trigger budgets_updated before update on budgets for each row execute function set_updated_at();

-- How a budget stands in a month of the installation's time zone. What is spent is the ledger's to say.
create table budget_months (
  budget_id     bigint not null references budgets (id) on delete cascade,
  -- 2026-11
  month         text not null,
  -- Thresholds that its people were told of.
  told          integer[] not null default '{}',
  -- Since when nothing of it is left.
  exceeded_at   timestamptz,
  -- When what runs is stopped, as its people were told.
  stops_at      timestamptz,
  -- When it was stopped first.
  stopped_at    timestamptz,
  -- The rest of this month it holds nobody up.
  lifted_at     timestamptz,
  lifted_name   text,
  lifted_because text,
  constraint budget_months_pkey primary key (budget_id, month),
  constraint budget_months_month_shape check (month ~ '^[0-9]{4}-[0-9]{2}$'),
  constraint budget_months_lift_whole
    check ((lifted_at is null) = (lifted_name is null) and (lifted_at is null) = (lifted_because is null))
);

alter table budgets enable row level security;
alter table budgets force row level security;
create policy budgets_operator on budgets
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy budgets_customer on budgets for select using (customer_id = (select app_customer()));
alter table budget_months enable row level security;
alter table budget_months force row level security;
create policy budget_months_operator on budget_months
  using ((select app_is_operator())) with check ((select app_is_operator()));
create policy budget_months_customer on budget_months for select
  using (budget_id in (select b.id from budgets b where b.customer_id = (select app_customer())));
grant select, insert, update, delete on budgets, budget_months to remotegpu_app;
