//! Whole leases by the clock: ends of months, leap days, time zones, clocks that change.

use chrono_tz::Tz;

use super::*;

/// A lease that begins at `starts`, where the installation is.
struct Lease {
    zone: Tz,
    starts: &'static str,
    months: u32,
    /// A wall clock in `zone`.
    ends: &'static str,
    /// After one month more.
    renewed: &'static str,
}

#[tokio::test]
async fn a_whole_lease_keeps_to_the_calendar_of_the_place() {
    // The clock only goes forward, and audit partitions are made ahead of it, so each lease has a world of its own.
    for lease in [
        // The 31st in Shanghai is still the 30th in UTC.
        Lease {
            zone: Tz::Asia__Shanghai,
            starts: "2027-01-30T16:30:00Z",
            months: 1,
            ends: "2027-02-28 00:30",
            renewed: "2027-03-31 00:30",
        },
        Lease {
            zone: Tz::UTC,
            starts: "2028-01-31T08:00:00Z",
            months: 1,
            ends: "2028-02-29 08:00",
            renewed: "2028-03-31 08:00",
        },
        Lease {
            zone: Tz::UTC,
            starts: "2028-02-29T08:00:00Z",
            months: 12,
            ends: "2029-02-28 08:00",
            renewed: "2029-03-29 08:00",
        },
        // Clocks go forward on 28 March 2027 and back on 31 October.
        Lease {
            zone: Tz::Europe__Berlin,
            starts: "2027-03-01T09:00:00Z",
            months: 1,
            ends: "2027-04-01 10:00",
            renewed: "2027-05-01 10:00",
        },
        // There is no half past two on that day, and on the next there is.
        Lease {
            zone: Tz::Europe__Berlin,
            starts: "2027-02-28T01:30:00Z",
            months: 1,
            ends: "2027-03-28 03:00",
            renewed: "2027-04-28 02:30",
        },
        Lease {
            zone: Tz::Europe__Berlin,
            starts: "2027-10-15T08:00:00Z",
            months: 1,
            ends: "2027-11-15 10:00",
            renewed: "2027-12-15 10:00",
        },
    ] {
        check(lease).await;
    }
}

async fn check(lease: Lease) {
    let world = World::over(TestPlatform::in_zone(lease.zone).await).await;
    let p = &world.test.platform;
    let starts: DateTime<Utc> = lease.starts.parse().unwrap();
    let here = |at: DateTime<Utc>| at.with_timezone(&lease.zone).format("%Y-%m-%d %H:%M").to_string();
    // The evening before: it is agreed for the next day.
    world.advance(starts - TimeDelta::hours(12) - world.now()).await;
    world.machine("h1").await;
    let body = AllocationCreate { starts_at: Some(starts), grace_days: Some(3), ..months(lease.months) };
    let made = world.allocate("h1", world.acme.id, body).await.unwrap();
    let ends = made.allocation.ends_at;
    assert_eq!(here(ends), lease.ends, "{} in {}", lease.starts, lease.zone);

    let at = async |instant: DateTime<Utc>| {
        world.advance(instant - world.now()).await;
        world.state(&made).await
    };
    let second = TimeDelta::seconds(1);
    assert_eq!(at(starts - second).await, AllocationState::Scheduled);
    assert_eq!(at(starts).await, AllocationState::Active);
    for days in [30, 14, 7, 1] {
        if ends - TimeDelta::days(days) > world.now() {
            at(ends - TimeDelta::days(days)).await;
        }
    }
    let detail = allocations::get(p, &world.admin.ctx(), made.allocation.id).await.unwrap();
    let reminded = detail.events.iter().filter(|event| event.kind == "reminded").count();
    let expected = [30, 14, 7, 1].into_iter().filter(|days| ends - starts > TimeDelta::days(*days)).count();
    assert_eq!(reminded, expected, "{}", lease.starts);
    assert_eq!(at(ends - second).await, AllocationState::Active);
    assert_eq!(at(ends).await, AllocationState::Grace);

    // A month more, agreed in the grace, counts from the end, and from the day it began on.
    let more = AllocationRenew { months: Some(1), ..AllocationRenew::default() };
    let renewed = allocations::renew(p, &world.admin.ctx(), made.allocation.id, more).await.unwrap();
    let ends = renewed.allocation.ends_at;
    assert_eq!((here(ends).as_str(), renewed.allocation.state), (lease.renewed, AllocationState::Active));
    assert_eq!(at(ends - second).await, AllocationState::Active);
    assert_eq!(at(ends).await, AllocationState::Grace);
    assert_eq!(at(ends + TimeDelta::days(3) - second).await, AllocationState::Grace);
    assert_eq!(at(ends + TimeDelta::days(3)).await, AllocationState::Reclaiming);
}

#[tokio::test]
async fn dates_in_refusals_are_of_who_reads_them() {
    let world = World::over(TestPlatform::in_zone(Tz::Asia__Shanghai).await).await;
    world.machine("h1").await;
    // Until two in the morning of the next day in Shanghai.
    let end = (world.now() + TimeDelta::days(10)).date_naive().and_hms_opt(18, 0, 0).unwrap().and_utc();
    let body = AllocationCreate { ends_at: Some(end), grace_days: Some(0), ..AllocationCreate::default() };
    world.allocate("h1", world.acme.id, body).await.unwrap();
    let error = world.allocate("h1", world.globex.id, months(1)).await.unwrap_err();
    let until = error.fields[0].args.iter().find(|(name, _)| *name == "until").unwrap().1.clone();
    assert_eq!(until, (end.date_naive() + TimeDelta::days(1)).to_string());
}
