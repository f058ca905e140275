//! What is found for a text: what can be done with what is open, pages, actions, machines, allocations, instances, images,
//! specs, customers, people; each only for who may. The command palette shows this page's list in its dialog.

mod actions;
mod wares;

use contract::allocations::{AllocationQuery, AllocationState};
use contract::customers::CustomerQuery;
use contract::machines::{MachineQuery, MachineRow};
use contract::users::UserQuery;
use contract::{ErrorCode, Permission};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use platform::{Error, OpContext, Platform, Result};

use self::actions::Typed;
use crate::door::door;
use crate::layouts::{Area, PageFrame, destinations, frame, page};
use crate::paths;
use crate::ways;
use crate::words::Words;

/// Most hits of a kind.
const MOST: u32 = 8;

/// Something found.
struct Hit {
    /// Key of the word for its kind.
    kind: &'static str,
    title: String,
    detail: String,
    href: String,
}

/// `/search?q=`; `on` is the page that one comes from.
#[component]
pub fn SearchPage() -> impl IntoView {
    let map = use_query_map().get_untracked();
    let text = map.get("q").map(|q| q.trim().to_owned()).unwrap_or_default();
    let on = map.get("on").unwrap_or_default();
    let (platform, ctx) = door();
    let (wanted, open) = (text.clone(), on.clone());
    page(
        async move {
            if ctx.user().is_none() {
                return Err(Error::new(ErrorCode::Unauthenticated));
            }
            hits(&platform, &ctx, &wanted, &open).await
        },
        move |hits| search_view(text, on, hits),
    )
}

async fn hits(platform: &Platform, ctx: &OpContext, text: &str, on: &str) -> Result<Vec<Hit>> {
    let words = Words::now();
    let lower = text.to_lowercase();
    let typed = Typed::new(text);
    let open = actions::on_open(platform, ctx, words, (on, &typed)).await;
    let nothing_open = open.is_none();
    let mut hits = open.unwrap_or_default();
    let pages = destinations(words).into_iter();
    let pages = pages.filter(|(title, _)| lower.is_empty() || title.to_lowercase().contains(&lower));
    hits.extend(pages.map(|(title, href)| Hit { kind: "search-page", title, detail: String::new(), href }));
    hits.extend(actions::general(words, ctx, &typed));
    if nothing_open {
        hits.extend(actions::with_a_choice(words, ctx, &typed));
    }
    if text.is_empty() {
        return Ok(hits);
    }
    let q = Some(text.to_owned());
    let acts = ctx.user().is_some_and(|user| user.active_customer.is_some());
    if ctx.holds(Permission::MachinesView) {
        let query = MachineQuery { q: q.clone(), page_size: Some(MOST), ..MachineQuery::default() };
        for machine in platform::machines::list(platform, ctx, &query).await?.list {
            let actions = machine_actions(words, ctx, &machine);
            hits.push(Hit {
                kind: "search-machine",
                href: paths::machine(&machine.id),
                title: machine.name,
                detail: machine.id,
            });
            hits.extend(actions);
        }
    } else if acts && ctx.holds(Permission::AllocationsView) {
        let query = AllocationQuery { q: q.clone(), page_size: Some(MOST), ..AllocationQuery::default() };
        for row in platform::allocations::mine(platform, ctx, &query).await?.list {
            if row.state == AllocationState::Active {
                let href = paths::my_machine(&row.machine);
                hits.push(Hit { kind: "search-machine", title: row.machine_name, detail: row.machine, href });
            }
        }
    }
    if ctx.holds(Permission::AllocationsManage) {
        let query = AllocationQuery { q: q.clone(), page_size: Some(MOST), ..AllocationQuery::default() };
        // Those that are over come last, and nobody is looking for them here.
        for row in platform::allocations::list(platform, ctx, &query).await?.list {
            if row.state.holds() {
                let names = [("machine", row.machine_name), ("customer", row.customer_name)];
                hits.push(Hit {
                    kind: "search-allocation",
                    title: words.with("allocation-title", &names),
                    detail: row.machine,
                    href: paths::allocation(row.id),
                });
            }
        }
    }
    hits.extend(wares::found(platform, ctx, words, text).await?);
    if ctx.holds(Permission::CustomersManage) {
        let query = CustomerQuery { q: q.clone(), page_size: Some(MOST), ..CustomerQuery::default() };
        for customer in platform::customers::list(platform, ctx, &query).await?.list {
            let href = paths::customer(customer.id);
            let detail = customer.contact_name.unwrap_or_default();
            let edit = ctx.holds(Permission::CustomersUpdate).then(|| Hit {
                kind: "search-action",
                title: words.with("customer-edit-title", &[("name", customer.name.clone())]),
                detail: String::new(),
                href: paths::customer_edit(customer.id),
            });
            hits.push(Hit { kind: "search-customer", title: customer.name, detail, href });
            hits.extend(edit);
        }
    }
    if ctx.holds(Permission::UsersView) {
        let query = UserQuery { q, page_size: Some(MOST), ..UserQuery::default() };
        for user in platform::accounts::users::list(platform, ctx, &query).await?.list {
            let href = paths::user(user.id);
            hits.push(Hit { kind: "search-user", title: user.display_name, detail: user.name, href });
        }
    }
    Ok(hits)
}

/// What the reader may do with a machine.
fn machine_actions(words: Words, ctx: &OpContext, machine: &MachineRow) -> Vec<Hit> {
    let actions = [
        ("service-title", paths::machine_service(&machine.id)),
        ("allocate-title", paths::machine_allocate(&machine.id)),
        ("machine-edit-title", paths::machine_edit(&machine.id)),
        ("passport-title", paths::machine_passport(&machine.id)),
    ];
    let open = actions.into_iter().filter(|(_, href)| ways::opens(ctx, href));
    open.map(|(key, href)| Hit {
        kind: "search-action",
        title: words.with(key, &[("name", machine.name.clone()), ("machine", machine.name.clone())]),
        detail: machine.id.clone(),
        href,
    })
    .collect()
}

fn search_view(text: String, on: String, hits: Vec<Hit>) -> AnyView {
    let words = Words::now();
    let head = PageFrame::new(words.t("search-title"), Area::Elsewhere);
    let found = hits.into_iter().map(|hit| {
        view! {
            <li>
                <a href=hit.href>
                    <span class="what">{hit.title}</span>
                    <span class="sub mono">{hit.detail}</span>
                    <span class="kind">{words.t(hit.kind)}</span>
                </a>
            </li>
        }
    });
    let found: Vec<_> = found.collect();
    let list = if found.is_empty() {
        view! { <p class="empty" id="hits">{words.with("search-none", &[("text", text.clone())])}</p> }.into_any()
    } else {
        view! { <ul class="hits" id="hits">{found}</ul> }.into_any()
    };
    frame(
        head,
        view! {
            <section class="card">
                <form class="filters" method="get" action=paths::SEARCH role="search">
                    <input class="filter-q" r#type="search" name="q" value=text aria-label=words.t("frame-search") />
                    <input r#type="hidden" name="on" value=on />
                    <button class="btn">{words.t("search-go")}</button>
                </form>
                {list}
            </section>
        },
    )
}
