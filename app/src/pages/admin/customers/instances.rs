//! What a customer runs, and what it costs so far.

use chrono::TimeDelta;
use contract::billing::{BillingGroup, BillingQuery, UsageTotal};
use contract::instances::{InstanceQuery, InstanceView};
use contract::{CustomerId, Page, Permission};
use leptos::prelude::*;
use platform::{OpContext, Platform};

use crate::pages::customer::instances::cells::{price_now, since, spec_line, state_cell};
use crate::pages::customer::instances::idle::idle_since;
use crate::paths;
use crate::ui::money::money;
use crate::ui::table::list_table;
use crate::ways;
use crate::words::Words;

/// Most of them on the page.
const SHOWN: u32 = 10;
/// Days.
const YEAR: i64 = 365;

/// What the reader may see of it.
#[derive(Default)]
pub(super) struct Running {
    /// The first of those that are not gone.
    instances: Option<Page<InstanceView>>,
    /// Of this month, and of the last year.
    costs: Option<[Vec<UsageTotal>; 2]>,
}

impl Running {
    pub(super) async fn of(platform: &Platform, ctx: &OpContext, id: CustomerId) -> platform::Result<Self> {
        let mut found = Self::default();
        if ctx.holds(Permission::InstancesView) {
            let query = InstanceQuery { customer_id: Some(id), page_size: Some(SHOWN), ..InstanceQuery::default() };
            found.instances = Some(platform::instances::list_all(platform, ctx, &query).await?);
        }
        if ctx.holds(Permission::BillingView) {
            let mut query = BillingQuery {
                group_by: Some(BillingGroup::Customer),
                customer_id: Some(id),
                ..BillingQuery::default()
            };
            let month = platform::billing::usage(platform, ctx, &query).await?.totals;
            query.from = Some(ctx.now() - TimeDelta::days(YEAR));
            found.costs = Some([month, platform::billing::usage(platform, ctx, &query).await?.totals]);
        }
        Ok(found)
    }
}

/// Its instances, with where all of them are, and its costs.
pub(super) fn instances_card(words: Words, id: CustomerId, running: Running) -> Option<AnyView> {
    let Running { instances, costs } = running;
    if instances.is_none() && costs.is_none() {
        return None;
    }
    let costs = costs.map(|[month, year]| costs_view(words, id, &month, &year));
    let card = view! {
        <section class="card" id="instances">
            <header><h2>{words.t("customer-instances")}</h2></header>
            {costs}
            {instances.map(|page| table(words, id, page))}
        </section>
    };
    Some(card.into_any())
}

/// Amounts in each currency, one below the other.
pub(super) fn costs(words: Words, totals: &[UsageTotal]) -> AnyView {
    match totals {
        [] => words.t("customer-cost-none").into_any(),
        totals => totals
            .iter()
            .map(|total| view! { <div>{money(words, &total.cost, &total.currency)}</div> })
            .collect_view()
            .into_any(),
    }
}

fn costs_view(words: Words, id: CustomerId, month: &[UsageTotal], year: &[UsageTotal]) -> impl IntoView + use<> {
    let billing = paths::billing_of(id);
    let more = ways::open_here(&billing).then(|| {
        view! { <p class="note-line"><a class="link" href=billing>{words.t("customer-cost-more")}</a></p> }
    });
    view! {
        <dl class="facts start">
            <dt>{words.t("customer-cost-month")}</dt>
            <dd>{costs(words, month)}</dd>
            <dt>{words.t("customer-cost-year")}</dt>
            <dd>{costs(words, year)}</dd>
        </dl>
        {more}
    }
}

fn table(words: Words, id: CustomerId, page: Page<InstanceView>) -> AnyView {
    if page.list.is_empty() {
        return view! { <div class="empty"><p>{words.t("customer-no-instances")}</p></div> }.into_any();
    }
    let more = (page.total > page.list.len() as u64).then(|| {
        let text = words.with("customer-all-instances", &[("n", page.total.to_string())]);
        view! { <p class="note-line">{ways::link(paths::instances_of(id), text)}</p> }
    });
    let rows = page.list.into_iter().map(|view| {
        view! {
            <tr>
                <th scope="row">{ways::name(paths::instance(view.id), view.name.clone())}</th>
                <td data-label=words.t("instance-state")>{state_cell(words, view.state)} " " {idle_since(words, &view)}</td>
                <td data-label=words.t("instance-since")>{since(&view)}</td>
                <td data-label=words.t("instance-created-by")>{view.created_by.clone()}</td>
                <td data-label=words.t("instance-machine")>
                    {ways::name(paths::machine(&view.machine), view.machine.clone())}
                </td>
                <td data-label=words.t("instance-spec")>{spec_line(words, &view.spec)}</td>
                <td class="num" data-label=words.t("instance-price")>{price_now(words, &view)}</td>
            </tr>
        }
    });
    let head = view! {
        <th scope="col">{words.t("instance-name")}</th>
        <th scope="col">{words.t("instance-state")}</th>
        <th scope="col">{words.t("instance-since")}</th>
        <th scope="col">{words.t("instance-created-by")}</th>
        <th scope="col">{words.t("instance-machine")}</th>
        <th scope="col">{words.t("instance-spec")}</th>
        <th scope="col" class="num">{words.t("instance-price")}</th>
    };
    view! {
        {list_table(words.t("customer-instances"), head, rows.collect_view())}
        {more}
    }
    .into_any()
}
