//! The instances on a customer's workbench, and what the month has cost so far.

use contract::billing::{BillingGroup, BillingQuery, UsageTotal};
use contract::instances::{InstanceQuery, InstanceView};
use contract::{Page, Permission};
use leptos::prelude::*;
use platform::{OpContext, Platform};

use crate::door::door;
use crate::pages::customer::instances::cells::{follow, price_now, since, spec_line, standing_of_list, state_cell};
use crate::pages::customer::instances::idle::idle_since;
use crate::pages::customer::instances::list::{EVERY, followed};
use crate::paths;
use crate::ui::table::list_table;
use crate::ways;
use crate::words::Words;

/// Most of them on the page.
const SHOWN: u32 = 10;

/// What the reader may see of it.
#[derive(Default)]
pub(super) struct Running {
    /// The newest of those that are not gone.
    pub instances: Option<Page<InstanceView>>,
    /// Of this month.
    pub costs: Option<Vec<UsageTotal>>,
}

impl Running {
    pub(super) async fn of(platform: &Platform, ctx: &OpContext) -> platform::Result<Self> {
        let mut found = Self::default();
        if ctx.holds(Permission::InstancesUse) {
            found.instances = Some(platform::instances::list(platform, ctx, &asked()).await?);
        }
        if ctx.holds(Permission::BillingViewOwn) {
            let query = BillingQuery { group_by: Some(BillingGroup::Customer), ..BillingQuery::default() };
            found.costs = Some(platform::billing::own_usage(platform, ctx, &query).await?.totals);
        }
        Ok(found)
    }
}

fn asked() -> InstanceQuery {
    InstanceQuery { page_size: Some(SHOWN), ..InstanceQuery::default() }
}

/// They, as they stand now, with where all of them are.
pub(super) fn instances_card(words: Words, instances: Option<Page<InstanceView>>) -> Option<AnyView> {
    let page = instances?;
    let follow = follow(words, followed("/api/customer/instances", &asked()), standing_of_list(&page), EVERY);
    let card = view! {
        <section class="card" id="instances" data-part="instances">
            <header>
                <h2>{words.t("nav-own-instances")}</h2>
                <span class="end">{ways::link(paths::OWN_INSTANCES, count(words, page.total))}</span>
            </header>
            {table(words, page)}
        </section>
    };
    Some(view! { {follow} {card} }.into_any())
}

fn count(words: Words, total: u64) -> String {
    words.with("instances-count", &[("n", total.to_string())])
}

fn table(words: Words, page: Page<InstanceView>) -> AnyView {
    if page.list.is_empty() {
        let add = door().1.holds(Permission::InstancesCreate).then(|| {
            view! { <a class="btn" href=paths::INSTANCE_NEW>{words.t("instances-add")}</a> }
        });
        return view! { <div class="empty"><p>{words.t("instances-empty")}</p> {add}</div> }.into_any();
    }
    let rows = page.list.into_iter().map(|view| {
        view! {
            <tr>
                <th scope="row"><a href=paths::own_instance(view.id)>{view.name.clone()}</a></th>
                <td data-label=words.t("instance-state")>{state_cell(words, view.state)} " " {idle_since(words, &view)}</td>
                <td data-label=words.t("instance-since")>{since(&view)}</td>
                <td data-label=words.t("instance-machine")>{view.machine_name.clone()}</td>
                <td data-label=words.t("instance-spec")>{spec_line(words, &view.spec)}</td>
                <td class="num" data-label=words.t("instance-price")>{price_now(words, &view)}</td>
            </tr>
        }
    });
    let head = view! {
        <th scope="col">{words.t("instance-name")}</th>
        <th scope="col">{words.t("instance-state")}</th>
        <th scope="col">{words.t("instance-since")}</th>
        <th scope="col">{words.t("instance-machine")}</th>
        <th scope="col">{words.t("instance-spec")}</th>
        <th scope="col" class="num">{words.t("instance-price")}</th>
    };
    list_table(words.t("nav-own-instances"), head, rows.collect_view()).into_any()
}
