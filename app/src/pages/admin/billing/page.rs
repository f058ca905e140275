//! `/admin/billing`: what everybody used and what it costs; grouping, period and page are in the address.

use contract::Page;
use contract::billing::{BillingQuery, BillingUsage, LedgerLine};
use contract::budgets::BudgetView;
use leptos::prelude::*;

use crate::door::door;
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::customer::billing::budgets::{self, Place, budgets_card};
use crate::pages::customer::billing::cards::{NAMES, Side, exports, ledger_card, ledger_query, query_of, usage_card};
use crate::paths;
use crate::ui::lists::ListQuery;
use crate::words::Words;

const SIDE: Side = Side { rest: "/api/admin/billing", staff: true };

/// `/admin/billing`.
#[component]
pub fn BillingPage() -> impl IntoView {
    let list = ListQuery::here(paths::BILLING, NAMES);
    let query = query_of(&list);
    let (platform, ctx) = door();
    let rows = ledger_query(&list, &query);
    page(
        async move {
            let usage = platform::billing::usage(&platform, &ctx, &query).await?;
            let rows = platform::billing::ledger(&platform, &ctx, &rows).await?;
            let all = budgets::query(query.customer_id);
            let budgets = platform::billing::budgets::list(&platform, &ctx, &all).await?.list;
            Ok((query, usage, rows, budgets))
        },
        move |(query, usage, rows, budgets)| billing_view(&list, &query, (usage, rows, budgets)),
    )
}

fn billing_view(
    list: &ListQuery,
    query: &BillingQuery,
    (usage, rows, budgets): (BillingUsage, Page<LedgerLine>, Vec<BudgetView>),
) -> AnyView {
    let words = Words::now();
    let zone = usage.time_zone.parse().unwrap_or(chrono_tz::UTC);
    let head = PageFrame::new(words.t("billing-title"), Area::Billing).actions(exports(words, SIDE, query));
    // They are made and changed on their customer's page.
    let place = Place { staff: true, customer: None, manages: false, edited: None };
    frame(
        head,
        view! {
            {budgets_card(words, place, budgets, None)}
            {usage_card(words, SIDE, list, usage)}
            {ledger_card(words, SIDE, list, zone, rows)}
        },
    )
}
