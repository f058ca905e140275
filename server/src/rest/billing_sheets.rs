//! Workbooks of what is paid for: the same columns at both doors.

use contract::accounts::Language;
use contract::billing::{BillingUsage, LedgerLine};
use contract::budgets::BudgetView;
use sheets::SheetWriter;
use sheets::write::Kind;

use super::workbook::{Cell, List, say};

/// Places of money: that of the ledger's lines, and of prices as they are stored.
const COST: Kind = Kind::Decimal(4);
const PRICE: Kind = Kind::Decimal(6);
/// An engine's clock has more; the cell keeps them, and shows these.
const SECONDS: Kind = Kind::Decimal(3);

/// The use, with its totals last.
pub(super) fn usage(language: Language, usage: BillingUsage) -> platform::Result<SheetWriter> {
    let columns = [
        ("billing-from", 20.0, Kind::DateTime),
        ("billing-key", 16.0, Kind::Text),
        ("billing-what", 28.0, Kind::Text),
        ("billing-seconds", 18.0, SECONDS),
        ("billing-cost", 18.0, COST),
        ("setting-general-currency", 10.0, Kind::Text),
    ];
    let mut list = List::new(language, "billing-usage", &columns)?;
    for line in usage.lines {
        list.row(&[
            line.starts_at.into(),
            line.key.into(),
            line.name.into(),
            Cell::decimal(line.seconds),
            Cell::decimal(line.cost),
            line.currency.into(),
        ])?;
    }
    for total in usage.totals {
        list.row(&[
            usage.from.into(),
            Cell::Blank,
            say(language, "billing-total", &[]).into(),
            Cell::decimal(total.seconds),
            Cell::decimal(total.cost),
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
        ("billing-machine", 20.0, Kind::Text),
        ("billing-machine-code", 16.0, Kind::Text),
        ("billing-spec", 20.0, Kind::Text),
        ("billing-started", 20.0, Kind::DateTime),
        ("billing-ended", 20.0, Kind::DateTime),
        ("billing-seconds", 18.0, SECONDS),
        ("billing-price", 14.0, PRICE),
        ("billing-cost", 18.0, COST),
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
        line.machine_name.into(),
        line.machine.into(),
        line.spec_name.into(),
        line.started_at.into(),
        line.ended_at.into(),
        Cell::decimal(line.seconds),
        Cell::decimal(line.price_per_hour),
        Cell::decimal(line.cost),
        line.currency.into(),
        say(language, &format!("billing-opened-{}", line.opened_by.code()), &[]).into(),
        closed.into(),
    ])
}

/// An empty sheet of budgets.
pub(super) fn budgets(language: Language) -> platform::Result<List> {
    let columns = [
        ("budget-name", 24.0, Kind::Text),
        ("billing-customer", 24.0, Kind::Text),
        ("budget-month", 10.0, Kind::Text),
        ("budget-amount", 16.0, COST),
        ("budget-spent", 16.0, COST),
        ("budget-percent", 10.0, Kind::Number),
        ("budget-projected", 16.0, COST),
        ("setting-general-currency", 10.0, Kind::Text),
        ("budget-thresholds", 16.0, Kind::Text),
        ("budget-rule", 32.0, Kind::Text),
        ("budget-grace", 10.0, Kind::Number),
        ("budget-exceeded", 20.0, Kind::DateTime),
        ("budget-stops", 20.0, Kind::DateTime),
        ("budget-lifted", 20.0, Kind::DateTime),
        ("budget-lifted-because", 32.0, Kind::Text),
        ("budget-side", 16.0, Kind::Text),
    ];
    List::new(language, "budgets-title", &columns)
}

/// A row of it.
pub(super) fn budget(language: Language, list: &mut List, view: BudgetView) -> platform::Result<()> {
    let thresholds: Vec<String> = view.thresholds.iter().map(u32::to_string).collect();
    let (lifted_at, because) = view.lifted.map_or((None, None), |it| (Some(it.at), Some(it.because)));
    list.row(&[
        view.name.into(),
        view.customer_name.into(),
        view.month.into(),
        Cell::decimal(view.amount),
        Cell::decimal(view.spent),
        view.percent.into(),
        Cell::decimal(view.projected),
        view.currency.into(),
        thresholds.join(", ").into(),
        say(language, &format!("budget-rule-{}", view.rule.code()), &[]).into(),
        u64::from(view.grace_hours).into(),
        view.exceeded_at.into(),
        view.stops_at.into(),
        lifted_at.into(),
        because.into(),
        say(language, &format!("budget-side-{}", view.side.code()), &[]).into(),
    ])
}
