//! Workbooks of what is paid for: the same columns at both doors.

use contract::accounts::Language;
use contract::billing::{BillingUsage, LedgerLine};
use sheets::SheetWriter;
use sheets::write::Kind;

use super::workbook::{List, say};

/// The use, with its totals last. Money and seconds stay the texts they are: a spreadsheet's numbers are no decimals.
pub(super) fn usage(language: Language, usage: BillingUsage) -> platform::Result<SheetWriter> {
    let columns = [
        ("billing-from", 20.0, Kind::DateTime),
        ("billing-key", 16.0, Kind::Text),
        ("billing-what", 28.0, Kind::Text),
        ("billing-seconds", 18.0, Kind::Text),
        ("billing-cost", 18.0, Kind::Text),
        ("setting-general-currency", 10.0, Kind::Text),
    ];
    let mut list = List::new(language, "billing-usage", &columns)?;
    for line in usage.lines {
        list.row(&[
            line.starts_at.into(),
            line.key.into(),
            line.name.into(),
            line.seconds.into(),
            line.cost.into(),
            line.currency.into(),
        ])?;
    }
    for total in usage.totals {
        list.row(&[
            usage.from.into(),
            super::workbook::Cell::Blank,
            say(language, "billing-total", &[]).into(),
            total.seconds.into(),
            total.cost.into(),
            total.currency.into(),
        ])?;
    }
    list.finish()
}

/// An empty sheet of the ledger.
pub(super) fn ledger(language: Language) -> platform::Result<List> {
    let columns = [
        ("billing-row", 10.0, Kind::Text),
        ("billing-instance", 24.0, Kind::Text),
        ("billing-instance-id", 10.0, Kind::Text),
        ("billing-customer", 24.0, Kind::Text),
        ("billing-user", 20.0, Kind::Text),
        ("billing-machine", 16.0, Kind::Text),
        ("billing-spec", 20.0, Kind::Text),
        ("billing-started", 20.0, Kind::DateTime),
        ("billing-ended", 20.0, Kind::DateTime),
        ("billing-seconds", 18.0, Kind::Text),
        ("billing-price", 14.0, Kind::Text),
        ("billing-cost", 18.0, Kind::Text),
        ("setting-general-currency", 10.0, Kind::Text),
        ("billing-opened-by", 24.0, Kind::Text),
        ("billing-closed-by", 24.0, Kind::Text),
    ];
    List::new(language, "billing-ledger", &columns)
}

/// A row of it.
pub(super) fn line(language: Language, list: &mut List, line: LedgerLine) -> platform::Result<()> {
    let closed = line.closed_by.map(|by| say(language, &format!("billing-closed-{}", by.code()), &[]));
    list.row(&[
        line.id.to_string().into(),
        line.instance_name.into(),
        line.instance_id.to_string().into(),
        line.customer_name.into(),
        line.user_name.into(),
        line.machine.into(),
        line.spec_name.into(),
        line.started_at.into(),
        line.ended_at.into(),
        line.seconds.into(),
        line.price_per_hour.into(),
        line.cost.into(),
        line.currency.into(),
        say(language, &format!("billing-opened-{}", line.opened_by.code()), &[]).into(),
        closed.into(),
    ])
}
