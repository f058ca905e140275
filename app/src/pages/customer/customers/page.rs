//! `/` and `/members`.

use contract::accounts::{MemberRole, Profile};
use contract::customers::{CustomerView, MemberView};
use contract::{ErrorCode, Permission};
use leptos::prelude::*;

use crate::door::{door, look, see_other};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::state::{Tone, state};
use crate::ui::time::time;
use crate::words::Words;

/// `/`: the workbench of a customer; staff are sent to the wall, people who belong nowhere to their account.
#[component]
pub fn HomePage() -> impl IntoView {
    let (platform, ctx) = door();
    page(
        async move {
            let profile = platform::accounts::profile(&platform, &ctx).await?;
            match platform::customers::mine(&platform, &ctx).await {
                Ok(customer) => Ok(Some((customer, profile))),
                // Belonging to no customer is not an error here, and nothing anybody tried to get at.
                Err(error) if error.code == ErrorCode::NotFound => Ok(None),
                Err(error) => Err(error),
            }
        },
        |found| match found {
            Some((customer, profile)) => home_view(customer, profile),
            None => {
                let staff = door().1.holds(Permission::MetricsView);
                see_other(if staff { paths::WALL } else { paths::ACCOUNT });
                ().into_any()
            }
        },
    )
}

fn role_of(profile: &Profile, customer: &CustomerView) -> Option<MemberRole> {
    profile.memberships.iter().find(|m| m.customer_id == customer.id).map(|m| m.role)
}

fn home_view(customer: CustomerView, profile: Profile) -> AnyView {
    let words = Words::now();
    let role = role_of(&profile, &customer).map(|role| words.t(&format!("member-role-{}", role.code())));
    let owner = door().1.holds(Permission::CustomersListMembers);
    let people = words.with("home-people-count", &[("n", customer.member_count.to_string())]);
    let active = if customer.active {
        state(Tone::Ok, words.t("customer-active")).into_any()
    } else {
        state(Tone::Off, words.t("customer-disabled")).into_any()
    };
    frame(
        PageFrame::new(words.with("home-title", &[("name", profile.display_name.clone())]), Area::Home),
        view! {
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
                        {if owner {
                            view! { <a class="link" href=paths::MEMBERS>{people}</a> }.into_any()
                        } else {
                            people.into_any()
                        }}
                    </dd>
                </dl>
            </section>
            <section class="card">
                <header><h2>{words.t("home-machines")}</h2></header>
                <div class="empty"><p>{words.t("home-machines-empty")}</p></div>
            </section>
        },
    )
}

/// `/members`: for owners.
#[component]
pub fn MembersPage() -> impl IntoView {
    let (platform, ctx) = door();
    page(async move { platform::customers::members(&platform, &ctx).await }, members_view)
}

fn members_view(members: Vec<MemberView>) -> AnyView {
    let (words, zone) = (Words::now(), look().zone);
    let count = words.with("home-people-count", &[("n", members.len().to_string())]);
    let rows = members.into_iter().map(|member| {
        let role = words.t(&format!("member-role-{}", member.role.code()));
        view! {
            <tr>
                <th scope="row">{member.display_name} " " <span class="sub mono">{member.name}</span></th>
                <td data-label=words.t("home-role")>{role}</td>
                <td data-label=words.t("members-joined")>{time(member.joined_at, zone)}</td>
            </tr>
        }
    });
    frame(
        PageFrame::new(words.t("members-title"), Area::Members).beside(view! { <span class="sub">{count}</span> }),
        view! {
            <section class="card">
                <div class="scroll" tabindex="0" role="region" aria-label=words.t("members-title")>
                    <table class="cards">
                        <thead>
                            <tr>
                                <th scope="col">{words.t("account-name")}</th>
                                <th scope="col">{words.t("home-role")}</th>
                                <th scope="col">{words.t("members-joined")}</th>
                            </tr>
                        </thead>
                        <tbody>{rows.collect_view()}</tbody>
                    </table>
                </div>
            </section>
        },
    )
}
