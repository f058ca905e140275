//! The ledger without an engine: it is only added to, no second is in it twice, and sums are exact.

use contract::billing::{BillingGroup, BillingQuery, BillingUsage, LedgerQuery};
use contract::{ErrorCode, SpecId};
use platform::{OpContext, billing};
use sqlx::AssertSqlSafe;
use test_support::{TestCustomer, TestPlatform};

use crate::instances::{small, spec_listed};

struct World {
    test: TestPlatform,
    acme: TestCustomer,
    globex: TestCustomer,
    admin: OpContext,
    spec: SpecId,
}

async fn world() -> World {
    let test = TestPlatform::new().await;
    let admin = test.admin().await.ctx();
    let (acme, globex) = (test.customer("Acme").await, test.customer("Globex").await);
    test.node("host-001").await;
    let spec = spec_listed(&test, &admin, small()).await;
    World { test, acme, globex, admin, spec }
}

impl World {
    /// A row of this instance, of whoever is named; without an end it is open.
    async fn row(
        &self,
        instance: i64,
        (from, until): (&str, Option<&str>),
        price: &str,
        member: bool,
    ) -> Result<(), String> {
        let customer = &self.acme;
        let user = if member { &customer.member } else { &customer.owner };
        let until = until.map_or("null, null".to_owned(), |until| format!("'{until}', 'ended'"));
        self.write(format!(
            "insert into ledger_intervals (subject_id, subject_name, customer_id, customer_name, user_id, user_name,
                                           machine_id, machine_code, machine_name, spec_id, spec_name, spec, price_per_hour,
                                           currency, run_started_at, started_at, opened_by, ended_at, closed_by)
             select {instance}, 'i-{instance}', {}, 'Acme', {}, '{}', id, code, name, {}, 'Small', '{{}}', {price}, 'CNY',
                    '{from}', '{from}', 'started', {until} from machines",
            customer.id, user.id, user.name, self.spec
        ))
        .await
    }

    /// What the database says against it: a constraint's name or a code.
    async fn write(&self, sql: String) -> Result<(), String> {
        let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(self.test.owner_pool()).await;
        done.map(|_| ()).map_err(|error| {
            let error = error.into_database_error().unwrap();
            error.constraint().map_or_else(|| error.message().to_owned(), str::to_owned)
        })
    }

    async fn usage(&self, by: BillingGroup, (from, until): (&str, &str)) -> BillingUsage {
        let query = period(by, from, until);
        billing::usage(&self.test.platform, &self.admin, &query).await.unwrap()
    }
}

fn period(by: BillingGroup, from: &str, until: &str) -> BillingQuery {
    let (from, until) = (Some(from.parse().unwrap()), Some(until.parse().unwrap()));
    BillingQuery { group_by: Some(by), from, until, ..BillingQuery::default() }
}

fn lines(usage: &BillingUsage) -> Vec<(Option<&str>, &str, &str)> {
    usage.lines.iter().map(|line| (line.name.as_deref(), line.seconds.as_str(), line.cost.as_str())).collect()
}

const DAY: (&str, &str) = ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z");

#[tokio::test]
async fn the_ledger_is_only_added_to_and_has_no_second_twice() {
    let world = world().await;
    world.row(1, ("2026-11-01T08:00Z", Some("2026-11-01T09:00Z")), "1", false).await.unwrap();
    world.row(1, ("2026-11-01T09:00Z", None), "1", false).await.unwrap();
    let overlap = Err("ledger_intervals_no_overlap".to_owned());
    for (from, until) in [
        ("2026-11-01T08:30Z", Some("2026-11-01T08:40Z")),
        ("2026-11-01T07:00Z", Some("2026-11-01T08:00:00.000001Z")),
        ("2026-12-01T00:00Z", Some("2026-12-02T00:00Z")),
    ] {
        assert_eq!(world.row(1, (from, until), "1", false).await, overlap, "{from}");
    }
    let second = world.row(1, ("2026-12-01T00:00Z", None), "1", false).await;
    assert!(second.is_err(), "one that is open at most");
    world.row(2, ("2026-11-01T08:30Z", None), "1", false).await.unwrap();
    let kept = Err("ledger_intervals_append_only".to_owned());
    for change in [
        "update ledger_intervals set price_per_hour = 0",
        "update ledger_intervals set ended_at = '2026-11-01T10:00Z', closed_by = 'ended', price_per_hour = 0 where ended_at is null",
        "update ledger_intervals set ended_at = '2026-11-01T10:00Z', closed_by = 'ended' where ended_at is not null",
        "update ledger_intervals set ended_at = null, closed_by = null where ended_at is not null",
        "delete from ledger_intervals",
    ] {
        assert_eq!(world.write(change.to_owned()).await, kept, "{change}");
    }
    assert!(world.write("truncate ledger_intervals".to_owned()).await.is_err());
    let before =
        "update ledger_intervals set ended_at = '2026-11-01T07:00Z', closed_by = 'ended' where ended_at is null";
    assert_eq!(world.write(before.to_owned()).await, Err("ledger_intervals_order".to_owned()));
    let close =
        "update ledger_intervals set ended_at = '2026-11-01T10:00Z', closed_by = 'ended' where ended_at is null";
    assert_eq!(world.write(close.to_owned()).await, Ok(()));
}

#[tokio::test]
async fn sums_are_exact_and_rounded_once() {
    let world = world().await;
    // A second for 0.00005 each.
    for instance in 1..=3 {
        let span = ("2026-11-01T08:00:00Z", Some("2026-11-01T08:00:01Z"));
        world.row(instance, span, "0.18", instance == 3).await.unwrap();
    }
    let usage = world.usage(BillingGroup::Instance, DAY).await;
    assert_eq!(
        lines(&usage),
        [(Some("i-1"), "1", "0.0001"), (Some("i-2"), "1", "0.0001"), (Some("i-3"), "1", "0.0001")]
    );
    // 0.00015, and not three times 0.0001.
    assert_eq!((usage.totals[0].seconds.as_str(), usage.totals[0].cost.as_str()), ("3", "0.0002"));
    let usage = world.usage(BillingGroup::User, DAY).await;
    assert_eq!(usage.lines.len(), 2);
    assert_eq!((usage.lines[0].cost.as_str(), usage.lines[1].cost.as_str()), ("0.0001", "0.0001"));
    for by in [BillingGroup::Customer, BillingGroup::Machine, BillingGroup::Spec] {
        let usage = world.usage(by, DAY).await;
        assert_eq!((usage.lines.len(), usage.lines[0].cost.as_str()), (1, "0.0002"), "{by:?}");
    }
    // Where doubles would not do: a third of a microsecond's price is in it, a million times.
    let long = ("2026-11-01T10:00:00.000001Z", Some("2026-11-01T11:00:00.000002Z"));
    world.row(4, long, "999999999.999999", false).await.unwrap();
    let usage = world.usage(BillingGroup::Day, ("2026-11-01T10:00:00Z", DAY.1)).await;
    assert_eq!(lines(&usage), [(None, "3600.000001", "1000000000.2778")]);
}

#[tokio::test]
async fn hours_and_days_are_the_readers_and_only_what_lies_in_them_counts() {
    let world = world().await;
    // Staff of this installation are in UTC; 30 minutes before midnight until 90 after.
    world.row(1, ("2026-11-01T23:30:00Z", Some("2026-11-02T01:30:00Z")), "3.6", false).await.unwrap();
    let usage = world.usage(BillingGroup::Day, ("2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z")).await;
    let zone: chrono_tz::Tz = usage.time_zone.parse().unwrap();
    let days: std::collections::BTreeSet<_> =
        usage.lines.iter().map(|line| line.starts_at.unwrap().with_timezone(&zone).date_naive()).collect();
    assert_eq!(days.len(), usage.lines.len());
    assert_eq!(usage.totals[0].cost, "7.2");
    let usage = world.usage(BillingGroup::Hour, ("2026-11-01T23:45:00Z", "2026-11-02T01:00:00Z")).await;
    assert_eq!(lines(&usage), [(None, "900", "0.9"), (None, "3600", "3.6")]);
    let hours = ("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z");
    let refused =
        billing::usage(&world.test.platform, &world.admin, &period(BillingGroup::Hour, hours.0, hours.1)).await;
    assert_eq!(refused.unwrap_err().fields[0].key, "field-billing-steps");
    let backwards = period(BillingGroup::Day, DAY.1, DAY.0);
    let refused = billing::usage(&world.test.platform, &world.admin, &backwards).await.unwrap_err();
    assert_eq!(refused.fields[0].key, "field-time-range");
}

#[tokio::test]
async fn owners_see_their_customers_members_their_own_and_nobody_anothers() {
    let world = world().await;
    world.row(1, ("2026-11-01T08:00:00Z", Some("2026-11-01T09:00:00Z")), "1", false).await.unwrap();
    world.row(2, ("2026-11-01T08:00:00Z", Some("2026-11-01T10:00:00Z")), "1", true).await.unwrap();
    let platform = &world.test.platform;
    let query = period(BillingGroup::Instance, DAY.0, DAY.1);
    let seen = async |ctx: OpContext| {
        let usage = billing::own_usage(platform, &ctx, &query).await?;
        let ledger = LedgerQuery { from: query.from, until: query.until, ..LedgerQuery::default() };
        let total = billing::own_ledger(platform, &ctx, &ledger).await?.total;
        assert_eq!(total, usage.lines.len() as u64);
        Ok::<_, platform::Error>(total)
    };
    assert_eq!(seen(world.acme.owner.ctx()).await.unwrap(), 2);
    assert_eq!(seen(world.acme.member.ctx()).await.unwrap(), 1);
    assert_eq!(seen(world.globex.owner.ctx()).await.unwrap(), 0);
    assert_eq!(seen(world.admin.clone()).await.unwrap_err().code, ErrorCode::NotFound);
    let others = billing::usage(platform, &world.acme.owner.ctx(), &query).await.unwrap_err();
    assert_eq!(others.code, ErrorCode::NotFound);
}
