//! Which machine is lent when: machines down, months across.

use chrono::{Datelike, Months, NaiveDate};
use contract::Permission;
use contract::allocations::{Timeline, TimelineBar, TimelineQuery, TimelineRow};
use contract::machines::ServiceState;

use super::store;
use crate::authz::AllocationRef;
use crate::calendar::begin_of_day;
use crate::{Error, OpContext, Platform, Result, audit, customers, machines};

/// Months across when nobody says.
const USUAL_MONTHS: u32 = 12;

/// A page of machines with what holds them in a range of months. Months begin at midnight of the reader's time zone.
///
/// # Errors
/// `Validation` for a month that does not read, too many months or an unknown time zone.
pub async fn timeline(platform: &Platform, ctx: &OpContext, query: &TimelineQuery) -> Result<Timeline> {
    ctx.authorize_list::<AllocationRef>(Permission::AllocationsManage)?;
    let (page, page_size) = audit::page_of(query.page, Some(query.page_size.unwrap_or(50)))?;
    let zone = match query.time_zone.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => text.parse().map_err(|_| Error::field("timeZone", "field-time-zone-unknown"))?,
        None => ctx.time_zone(platform),
    };
    let from = match query.from.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d")
            .ok()
            .filter(|day| (2000..2200).contains(&day.year()))
            .ok_or_else(|| Error::field("from", "field-not-a-month"))?,
        None => {
            let month = ctx.now().with_timezone(&zone).date_naive().with_day(1).unwrap_or_default();
            month.checked_sub_months(Months::new(1)).unwrap_or(month)
        }
    };
    let months = query.months.unwrap_or(USUAL_MONTHS);
    if !(1..=24).contains(&months) {
        let args = vec![("min", "1".to_owned()), ("max", "24".to_owned())];
        let mut wrong = crate::fields::Wrong::new();
        wrong.add_with("months", "field-number-range", args);
        wrong.into_result()?;
    }
    let until = from.checked_add_months(Months::new(months)).unwrap_or(from);
    let midnight = |day: NaiveDate| begin_of_day(day, zone).ok_or_else(|| Error::field("from", "field-not-a-month"));
    let (from, until) = (midnight(from)?, midnight(until)?);
    let mut tx = platform.db().begin(ctx).await?;
    let (found, total) = machines::page_of_names(&mut tx, query.q.as_deref(), page, page_size).await?;
    let ids: Vec<i64> = found.iter().map(|machine| machine.0.0).collect();
    let bars = store::bars(&mut tx, &ids, from, until).await?;
    let mut customers: Vec<i64> = bars.iter().map(|bar| bar.customer.0).collect();
    customers.sort_unstable();
    customers.dedup();
    let names = customers::names(&mut tx, &customers).await?;
    let service = machines::service_states(&mut tx, &ids).await?;
    tx.commit().await?;
    let mut rows: Vec<_> = found
        .into_iter()
        .map(|(id, machine, machine_name)| {
            let service_state = service.get(&id.0).copied().unwrap_or(ServiceState::InService);
            (id, TimelineRow { machine, machine_name, service_state, allocations: Vec::new() })
        })
        .collect();
    for bar in bars {
        if let Some((_, row)) = rows.iter_mut().find(|(id, _)| *id == bar.machine) {
            row.allocations.push(TimelineBar {
                id: bar.id,
                customer_name: names.get(&bar.customer.0).cloned().unwrap_or_default(),
                state: bar.state,
                starts_at: bar.starts_at,
                ends_at: bar.ends_at,
                held_until: bar.held_until,
            });
        }
    }
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    Ok(Timeline { from, until, time_zone: zone.name().to_owned(), rows, total, page, page_size })
}
