//! `/` and `/members`.

use contract::accounts::{InvitationView, MemberRole, Profile};
use contract::allocations::{AllocationQuery, AllocationSort, AllocationState, AllocationView};
use contract::customers::CustomerView;
use contract::reports::CustomerUsage;
use contract::{ErrorCode, MAX_PAGE_SIZE, Page, Permission};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use platform::customers::PeopleFound;

use super::instances::{Running, instances_card};
use super::invitations::{Inviting, invitation_card};
use super::machines::machines_card;
use crate::door::{Refused, door, look, see_other};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::allocations::list::{grace_end, is_in_grace, state_of, time_left_view};
use crate::pages::admin::customers::page::usage_card;
use crate::pages::admin::customers::people::{People, looked_for, people_cards};
use crate::pages::admin::machines::service::window_line;
use crate::pages::customer::machines::page::standing_of;
use crate::paths;
use crate::ui::forms::form_fault;
use crate::ui::lists::ListQuery;
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::{end_date_time, end_time, time};
use crate::ways;
use crate::words::Words;

/// `/`: the workbench of a customer; staff are sent to their dashboard, people who belong nowhere to their account.
#[component]
pub fn HomePage() -> impl IntoView {
    let list = ListQuery::here(paths::HOME, ["q", "state", "sort", "pageSize", "page"]);
    let query = AllocationQuery {
        page: list.asked().page,
        page_size: list.page_size(),
        q: list.some("q"),
        state: AllocationState::parse(list.get("state")),
        sort: list.some("sort").filter(|sort| contract::sort_of(Some(sort), AllocationSort::parse).is_ok()),
        held: Some(true),
        ..AllocationQuery::default()
    };
    let (platform, ctx) = door();
    let follows = followed(&query);
    page(
        async move {
            let profile = platform::accounts::profile(&platform, &ctx).await?;
            match platform::customers::mine(&platform, &ctx).await {
                Ok(customer) => {
                    // What there is to say and what is over, whatever is looked for among the machines.
                    let of_note = platform::allocations::of_note(&platform, &ctx).await?;
                    let over = AllocationQuery {
                        page_size: Some(MAX_PAGE_SIZE),
                        state: Some(AllocationState::Ended),
                        sort: Some("-endsAt".to_owned()),
                        ..AllocationQuery::default()
                    };
                    let over = platform::allocations::mine(&platform, &ctx, &over).await?.list;
                    let machines = platform::allocations::mine(&platform, &ctx, &query).await?;
                    let usage = platform::reports::my_usage(&platform, &ctx).await?;
                    let running = Running::of(&platform, &ctx).await?;
                    Ok(Some((customer, profile, (of_note, over, machines), (usage, running))))
                }
                // Belonging to no customer is not an error here, and nothing anybody tried to get at.
                Err(error) if error.code == ErrorCode::NotFound => Ok(None),
                Err(error) => Err(error),
            }
        },
        move |found| match found {
            Some((customer, profile, machines, used)) => home_view(customer, profile, machines, used, (&list, follows)),
            None => {
                see_other(crate::menus::first_page(&door().1));
                ().into_any()
            }
        },
    )
}

/// A machine of which there is something to say, and whether one can get at what is on it.
type Noted = (AllocationView, bool);

fn role_of(profile: &Profile, customer: &CustomerView) -> Option<MemberRole> {
    profile.memberships.iter().find(|m| m.customer_id == customer.id).map(|m| m.role)
}

fn home_view(
    customer: CustomerView,
    profile: Profile,
    (of_note, over, machines): (Vec<Noted>, Vec<AllocationView>, Page<AllocationView>),
    (usage, running): (CustomerUsage, Running),
    (query, follows): (&ListQuery, String),
) -> AnyView {
    let words = Words::now();
    let role = role_of(&profile, &customer).map(|role| words.t(&format!("member-role-{}", role.code())));
    let people = words.with("home-people-count", &[("n", customer.member_count.to_string())]);
    let active = if customer.active {
        state(Tone::Ok, words.t("customer-active")).into_any()
    } else {
        state(Tone::Off, words.t("customer-disabled")).into_any()
    };
    let earlier = earlier_card(words, &over);
    let joined = use_query_map().get_untracked().get("done").filter(|done| done == "joined").map(|_| {
        let says = words.with("home-joined", &[("name", customer.name.clone())]);
        view! { <section class="card notice" role="status"><p>{says}</p></section> }
    });
    frame(
        PageFrame::new(words.with("home-title", &[("name", profile.display_name.clone())]), Area::Home).loads(),
        view! {
            {joined}
            {follow(words, follows, &machines.list)}
            <div class="main-column" data-part="machines">
                {notices_card(words, &of_note)}
                {machines_card(words, machines, query)}
                {earlier}
            </div>
            <div class="main-column">{instances_card(words, running.instances)}</div>
            <div class="columns">
            {usage_card(words, &usage, running.costs)}
            <section class="card">
                <header>
                    <h2>{words.t("home-customer")}</h2>
                    <span class="end">{active}</span>
                </header>
                <dl class="facts start">
                    <dt>{words.t("home-customer-name")}</dt>
                    <dd>{customer.name}</dd>
                    <dt>{words.t("home-role")}</dt>
                    <dd>{role}</dd>
                    <dt>{words.t("home-people")}</dt>
                    <dd>
                        {ways::link(paths::MEMBERS, people)}
                    </dd>
                </dl>
            </section>
            </div>
        },
    )
}

/// Where to look how the machines that are shown stand: the same of them, however many there are.
fn followed(query: &AllocationQuery) -> String {
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    let (page, size) = (number(query.page), number(query.page_size));
    let pairs = [
        ("page", page.as_str()),
        ("pageSize", size.as_str()),
        ("q", query.q.as_deref().unwrap_or_default()),
        ("state", query.state.map(AllocationState::code).unwrap_or_default()),
        ("sort", query.sort.as_deref().unwrap_or_default()),
        ("held", "true"),
        ("load", "false"),
    ];
    paths::with_query("/api/customer/machines", pairs)
}

/// Brings the machines up to date when one of them stands otherwise than is shown.
fn follow(words: Words, href: String, machines: &[AllocationView]) -> impl IntoView + use<> {
    view! {
        <rg-follow data-href=href data-seen=standing(machines) data-changed=words.t("my-machine-changed")>
            <span role="status" class="unseen-text"></span>
        </rg-follow>
    }
}

/// How all that is not over stands, as `rg-follow` puts it together.
fn standing(machines: &[AllocationView]) -> String {
    let rows = machines.iter().filter(|row| row.state.holds()).map(|row| {
        let presence = row.presence.map(|presence| presence.code()).unwrap_or_default();
        let maintenance = row.maintenance.as_ref().map(|window| window.state.code()).unwrap_or_default();
        format!("{} {} {presence} {maintenance}", row.machine, standing_of(row))
    });
    std::iter::once("all".to_owned()).chain(rows).collect::<Vec<_>>().join("; ")
}

/// Machines the customer had, folded away.
fn earlier_card(words: Words, machines: &[AllocationView]) -> Option<impl IntoView + use<>> {
    let zone = look().zone;
    let rows: Vec<_> = machines
        .iter()
        .filter(|row| row.state == AllocationState::Ended)
        .map(|row| {
            let until = row.ended_at.unwrap_or(row.ends_at);
            view! {
                <tr>
                    <th scope="row">{row.machine_name.clone()} " " <span class="sub mono">{row.machine.clone()}</span></th>
                    <td data-label=words.t("allocation-starts")>{time(row.starts_at, zone)}</td>
                    <td data-label=words.t("allocation-ends")>{end_time(until, zone)}</td>
                </tr>
            }
        })
        .collect();
    let title = words.with("home-earlier", &[("n", rows.len().to_string())]);
    (!rows.is_empty()).then(|| {
        view! {
            <details class="card">
                <summary class="card-summary">{title.clone()}</summary>
                {list_table(title, view! {
                    <th scope="col">{words.t("allocation-machine")}</th>
                    <th scope="col">{words.t("allocation-starts")}</th>
                    <th scope="col">{words.t("allocation-ends")}</th>
                }, rows)}
            </details>
        }
    })
}

/// What the people on the machines should know: maintenance, ends that were reminded of, and until when what is on a machine
/// can be saved.
fn notices_card(words: Words, machines: &[Noted]) -> Option<impl IntoView + use<>> {
    let (zone, ctx) = (look().zone, door().1);
    let may_ask = ctx.holds(Permission::AllocationsRequestRenewal);
    let mut lines = Vec::new();
    for (row, reachable) in machines {
        let machine = row.machine_name.clone();
        if let Some(window) = &row.maintenance {
            lines.push(view! { <p><b>{machine.clone()}</b> " " {window_line(words, window)}</p> }.into_any());
        }
        let reminded =
            row.state == AllocationState::Active && row.reminded_days.is_some() && row.open_request.is_none();
        // Owners ask.
        let ask = (may_ask && row.open_request.is_none()).then(|| {
            view! { <a class="link" href=paths::my_machine(&row.machine)>{words.t("home-ask-longer")}</a> }
        });
        if is_in_grace(row, ctx.now()) {
            // Nobody is told to save what cannot be reached.
            let key = if *reachable { "my-machine-grace" } else { "my-machine-grace-closed" };
            let text = words.with(key, &[("until", end_date_time(grace_end(row), zone))]);
            lines.push(view! { <p><b>{machine}</b> " " {state(Tone::Warn, text)} " " {ask}</p> }.into_any());
        } else if reminded {
            let left = time_left_view(words, row.ends_at, ctx.now(), |unit| format!("home-ends-{unit}"));
            let tone = if row.days_left <= 7 { Tone::Warn } else { Tone::Info };
            lines.push(
                view! {
                    <p>
                        <b>{machine}</b> " " {state_of(tone, left)} " " {end_time(row.ends_at, zone)} " " {ask}
                    </p>
                }
                .into_any(),
            );
        }
    }
    (!lines.is_empty())
        .then(|| view! { <section class="card notice" aria-label=words.t("home-notices")>{lines}</section> })
}

/// `/members`: for owners.
#[component]
pub fn MembersPage() -> impl IntoView {
    let (platform, ctx) = door();
    let query = looked_for();
    page(
        async move {
            let shown = platform::customers::find_people(&platform, &ctx, None, &query).await?;
            let open = platform::accounts::invitations(&platform, &ctx, None).await?;
            let mail_on = platform::mail::is_on(&platform).await;
            Ok((platform::customers::mine(&platform, &ctx).await?, shown, open, mail_on))
        },
        |(customer, shown, open, mail_on)| members_view(customer, shown, open, mail_on),
    )
}

fn members_view(customer: CustomerView, shown: PeopleFound, open: Vec<InvitationView>, mail_on: bool) -> AnyView {
    let (words, ctx) = (Words::now(), door().1);
    // The form that invites says its own.
    let refused = Refused::from_query().filter(|r| !r.typed.contains_key("email"));
    let message = refused.as_ref().map(|r| r.message(words.0));
    let count = words.with("home-people-count", &[("n", shown.count.to_string())]);
    let own = platform::customers::may_make_owner(&ctx, customer.id).unwrap_or_default();
    let inviting = Inviting { owned: true, may_own: own.allowed, mail_on };
    let people = People {
        id: customer.id,
        name: customer.name,
        shown,
        add: false,
        add_known: ctx.holds_everywhere(Permission::CustomersManageMembers),
        manage: ctx.holds(Permission::CustomersManageMembers),
        own,
        back: paths::MEMBERS.to_owned(),
        export: "/api/customer/members/export".to_owned(),
        // Owners make no accounts.
        made: None,
    };
    frame(
        PageFrame::new(words.t("members-title"), Area::Members).beside(view! { <span class="sub">{count}</span> }),
        view! {
            {form_fault(message)}
            {people_cards(words, people, refused.as_ref())}
            {invitation_card(words, None, open, inviting)}
        },
    )
}
