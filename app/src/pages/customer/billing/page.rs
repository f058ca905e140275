//! `/billing`: what one's customer, or oneself, used and what it costs; grouping, period and page are in the address.

use contract::billing::{BillingQuery, BillingUsage, LedgerLine};
use contract::budgets::BudgetView;
use contract::{Page, Permission};
use leptos::prelude::*;

use super::budgets::{Place, budgets_card};
use super::cards::{NAMES, Side, exports, ledger_card, ledger_query, query_of, usage_card};
use crate::door::{Refused, door};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::form_fault;
use crate::ui::lists::ListQuery;
use crate::words::Words;

const SIDE: Side = Side { rest: "/api/customer/billing", staff: false };

/// `/billing`.
#[component]
pub fn OwnBillingPage() -> impl IntoView {
    let list = ListQuery::here(paths::OWN_BILLING, NAMES);
    let query = query_of(&list);
    let (platform, ctx) = door();
    let rows = ledger_query(&list, &query);
    page(
        async move {
            let usage = platform::billing::own_usage(&platform, &ctx, &query).await?;
            let rows = platform::billing::own_ledger(&platform, &ctx, &rows).await?;
            // What their customer means to spend is the owners'.
            let budgets = match ctx.holds(Permission::BillingManageOwn) {
                true => {
                    let all = super::budgets::query(None);
                    Some(platform::billing::budgets::list_own(&platform, &ctx, &all).await?.list)
                }
                false => None,
            };
            Ok((query, usage, rows, budgets))
        },
        move |(query, usage, rows, budgets)| billing_view(&list, &query, (usage, rows, budgets)),
    )
}

/// What is used, the rows of it, and budgets for who may see them.
type Found = (BillingUsage, Page<LedgerLine>, Option<Vec<BudgetView>>);

fn billing_view(list: &ListQuery, query: &BillingQuery, (usage, rows, budgets): Found) -> AnyView {
    let words = Words::now();
    let zone = usage.time_zone.parse().unwrap_or(chrono_tz::UTC);
    let head = PageFrame::new(words.t("billing-title"), Area::OwnBilling).actions(exports(words, SIDE, query));
    let refused = Refused::from_query();
    let message = refused.as_ref().map(|refused| refused.message(words.0));
    let edited = list.get("budget").parse().ok();
    let place = Place { staff: false, customer: None, manages: true, edited };
    frame(
        head,
        view! {
            {form_fault(message)}
            {budgets.map(|budgets| budgets_card(words, place, budgets, refused.as_ref()))}
            {usage_card(words, SIDE, list, usage)}
            {ledger_card(words, SIDE, list, zone, rows)}
        },
    )
}
