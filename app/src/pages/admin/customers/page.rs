//! A customer: who it is, its people, its machines.

use contract::access::RecordingPolicy;
use contract::accounts::InvitationView;
use contract::allocations::{AllocationQuery, AllocationView};
use contract::audit::{AuditQuery, AuditView};
use contract::billing::UsageTotal;
use contract::budgets::BudgetView;
use contract::customers::CustomerRow;
use contract::quotas::{IdlePolicy, Quota, QuotaUsage};
use contract::reports::CustomerUsage;
use contract::{CustomerId, Page, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;
use platform::accounts::{ShownOnce, take_for_page};
use platform::customers::PeopleFound;

use super::idle::idle_card;
use super::instances::{Running, costs, instances_card};
use super::list::{customer_state, lacks_owner, ownerless};
use super::people::{People, looked_for, people_cards};
use super::recording::recording_card;
use super::server_fns::{DeleteCustomer, RestoreCustomer, SetCustomerActive};
use crate::door::{Refused, door, id_of_path, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::allocations::list::allocation_table;
use crate::pages::admin::audit::list::history_card;
use crate::pages::admin::users::quota::quota_card;
use crate::pages::admin::users::server_fns::SetCustomerQuota;
use crate::pages::customer::billing::budgets::{self, Place, budgets_card};
use crate::pages::customer::customers::invitations::{Inviting, invitation_card};
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::format::{self, NOT_MEASURED};
use crate::ui::forms::form_fault;
use crate::ui::time::time;
use crate::ways;
use crate::words::Words;

/// `/admin/customers/{id}`.
#[component]
pub fn CustomerPage() -> impl IntoView {
    let id: CustomerId = id_of_path();
    let (platform, ctx) = door();
    let people = looked_for();
    page(
        async move {
            let customer = platform::customers::get(&platform, &ctx, id).await?;
            let shown = platform::customers::find_people(&platform, &ctx, Some(id), &people).await?;
            let query = AllocationQuery { customer_id: Some(id), page_size: Some(100), ..AllocationQuery::default() };
            let allocations = match ctx.holds(Permission::AllocationsManage) {
                true => Some(platform::allocations::list(&platform, &ctx, &query).await?),
                false => None,
            };
            let quota = platform::quotas::of_customer(&platform, &ctx, id).await?;
            let used = platform::quotas::usage_of_customer(&platform, &ctx, id).await?;
            let usage = platform::reports::customer_usage(&platform, &ctx, id).await?;
            let newest = AuditQuery { customer_id: Some(id), page_size: Some(10), ..AuditQuery::default() };
            let history = match ctx.holds(Permission::AuditView) {
                true => Some(platform::audit::list(&platform, &ctx, &newest).await?.list),
                false => None,
            };
            let invitations = match ctx.holds(Permission::CustomersInvite) {
                true => Some(platform::accounts::invitations(&platform, &ctx, Some(id)).await?),
                false => None,
            };
            let budgets = match ctx.holds(Permission::BillingView) {
                true => {
                    let all = budgets::query(Some(id));
                    Some(platform::billing::budgets::list(&platform, &ctx, &all).await?.list)
                }
                false => None,
            };
            let running = Running::of(&platform, &ctx, id).await?;
            let idle = platform::instances::idle_policy(&platform, &ctx, id).await?;
            let recording = platform::instances::recording_policy(&platform, &ctx, id).await?;
            let made = take_for_page(&platform, &ctx, ShownOnce::NewPassword).await?;
            let mail_on = platform::mail::is_on(&platform).await;
            Ok(Found {
                customer,
                shown,
                allocations,
                usage,
                quota,
                used,
                history,
                invitations,
                budgets,
                running,
                idle,
                recording,
                mail_on,
                made,
            })
        },
        customer_view,
    )
}

struct Found {
    customer: CustomerRow,
    shown: PeopleFound,
    /// The first of them; nothing for those who may not see allocations.
    allocations: Option<Page<AllocationView>>,
    usage: CustomerUsage,
    quota: Quota,
    used: Vec<QuotaUsage>,
    /// Nothing for those who may not read the log.
    history: Option<Vec<AuditView>>,
    /// Nothing for those who may not invite.
    invitations: Option<Vec<InvitationView>>,
    /// Nothing for those who do not see what customers pay.
    budgets: Option<Vec<BudgetView>>,
    running: Running,
    idle: IdlePolicy,
    recording: RecordingPolicy,
    /// Mail goes out at all.
    mail_on: bool,
    /// Name and password of who was just added.
    made: Option<String>,
}

fn customer_view(found: Found) -> AnyView {
    let Found {
        customer,
        shown,
        allocations,
        usage,
        quota,
        used,
        history,
        invitations,
        budgets,
        running,
        idle,
        recording,
        mail_on,
        made,
    } = found;
    let (words, ctx) = (Words::now(), door().1);
    // The form that invites says its own.
    let refused = Refused::from_query().filter(|r| !r.typed.contains_key("email"));
    let message = refused.as_ref().map(|r| r.message(words.0));
    let deleted = customer.deleted_at.is_some();
    let may_change = ctx.holds(Permission::CustomersUpdate) && !deleted;
    let edit = may_change
        .then(|| view! { <a class="btn primary" href=paths::customer_edit(customer.id)>{words.t("machine-edit")}</a> });
    let head = PageFrame::new(customer.name.clone(), Area::Customers)
        .crumb(words.t("nav-customers"), paths::CUSTOMERS)
        .beside((customer_state(words, &customer), " ", ownerless(words, &customer)))
        .actions((switches(words, &customer, may_change), edit));
    let id = customer.id;
    let without_owner = lacks_owner(&customer)
        .then(|| view! { <div class="card notice" role="note"><p>{words.t("customer-no-owner-hint")}</p></div> });
    let owned = customer.has_owner;
    let own = platform::customers::may_make_owner(&ctx, id).unwrap_or_default();
    let inviting = Inviting { owned, may_own: own.allowed, mail_on };
    let people = People {
        id,
        name: customer.name.clone(),
        shown,
        add: ctx.holds(Permission::CustomersAddMember) && !deleted,
        add_known: ctx.holds_everywhere(Permission::CustomersManageMembers) && !deleted,
        manage: ctx.holds(Permission::CustomersManageMembers) && !deleted,
        own,
        back: paths::customer(id),
        export: format!("/api/admin/customers/{id}/members/export"),
        made,
    };
    let quota = quota_card(words, (SetCustomerQuota::url(), id.0), (&quota, used), may_change, refused.as_ref());
    let place = Place {
        staff: true,
        customer: Some(id),
        manages: ctx.holds(Permission::BillingManage) && !deleted,
        edited: use_query_map().get_untracked().get("budget").and_then(|id| id.parse().ok()),
    };
    let idle = idle_card(words, id, idle, may_change, refused.as_ref());
    let recording = recording_card(words, id, recording, may_change);
    frame(
        head,
        view! {
            {form_fault(message)}
            {without_owner}
            <div class="split">
                <div class="main-column">
                    {allocations.map(|allocations| machines_card(words, id, allocations))}
                    {instances_card(words, id, running)}
                    {budgets.map(|budgets| budgets_card(words, place, budgets, refused.as_ref()))}
                    {people_cards(words, people, refused.as_ref())}
                    {invitations.filter(|_| !deleted).map(|open| invitation_card(words, Some(id), open, inviting))}
                    {history.map(|history| history_card(words, format!("{}?customerId={id}", paths::AUDIT), history))}
                </div>
                <aside class="side-column" aria-label=words.t("customer-facts")>
                    {usage_card(words, &usage, None)}
                    {facts(words, customer)}
                    {quota}
                    {idle}
                    {recording}
                </aside>
            </div>
        },
    )
}

/// Disable, enable, delete, bring back; what takes people's access away is asked about once more.
fn switches(words: Words, customer: &CustomerRow, may_change: bool) -> impl IntoView + use<> {
    let id = customer.id.to_string();
    let deleted = customer.deleted_at.is_some();
    let may_delete = door().1.holds(Permission::CustomersDelete);
    let switch = may_change.then(|| match customer.active {
        true => {
            Ask::new("disable", words.t("customer-disable"), words.t("customer-disable-hint"), SetCustomerActive::url())
                .class("btn")
                .yes(words.t("customer-disable-confirm"))
                .field("id", &id)
                .field("active", false)
                .view(words)
        }
        false => view! {
            <form method="post" action=SetCustomerActive::url()>
                <input r#type="hidden" name="id" value=id.clone() />
                <input r#type="hidden" name="active" value="true" />
                <button class="btn">{words.t("customer-enable")}</button>
            </form>
        }
        .into_any(),
    });
    let may = customer.may_delete.clone().unwrap_or_default();
    let delete = (!deleted).then(|| {
        Ask::new("delete", words.t("customer-delete"), words.t("customer-delete-hint"), DeleteCustomer::url())
            .yes(words.t("customer-delete-confirm"))
            .field("id", &id)
            .may(words, &may)
    });
    let restore = (may_delete && deleted).then(|| {
        view! {
            <form method="post" action=RestoreCustomer::url()>
                <input r#type="hidden" name="id" value=id.clone() />
                <button class="btn primary">{words.t("customer-restore")}</button>
            </form>
        }
    });
    (switch, delete, restore)
}

fn machines_card(words: Words, id: CustomerId, allocations: Page<AllocationView>) -> impl IntoView {
    view! {
        <section class="card">
            <header><h2>{words.t("home-machines")}</h2></header>
            {allocations_view(words, id, allocations)}
        </section>
    }
}

/// Its allocations, and where the others are when there are more than fit here.
fn allocations_view(words: Words, id: CustomerId, allocations: Page<AllocationView>) -> AnyView {
    if allocations.list.is_empty() {
        return view! { <div class="empty"><p>{words.t("customer-no-machines")}</p></div> }.into_any();
    }
    let more = allocations.total.saturating_sub(allocations.list.len() as u64);
    let more = (more > 0).then(|| {
        let text = words.with("customer-more-allocations", &[("n", more.to_string())]);
        view! { <p class="note-line">{ways::link(paths::allocations_of(id), text)}</p> }
    });
    view! {
        {allocation_table(words, allocations.list, false)}
        {more}
    }
    .into_any()
}

/// What it has had so far; and what this month costs, where that stands nowhere else on the page.
pub(crate) fn usage_card(words: Words, usage: &CustomerUsage, month: Option<Vec<UsageTotal>>) -> impl IntoView + use<> {
    // What is more than nothing is not shown as nothing.
    let hours = |hours: f64| match hours > 0.0 && hours < 0.05 {
        true => "< 0.1".to_owned(),
        false => format::decimal(hours),
    };
    let month = month.map(|totals| {
        view! {
            <dt>{words.t("customer-cost-month")}</dt>
            <dd>{ways::link(paths::OWN_BILLING, costs(words, &totals))}</dd>
        }
    });
    let util = usage.gpu_util_percent.map(|percent| format!("{} %", format::decimal(f64::from(percent))));
    view! {
        <section class="card">
            <header><h2>{words.t("usage-title")}</h2></header>
            <dl class="facts start">
                {month}
                <dt>{words.t("usage-gpu-hours")}</dt>
                <dd>{hours(usage.gpu_hours)}</dd>
                <dt>{words.t("usage-gpu-hours-30")}</dt>
                <dd>{hours(usage.gpu_hours_30_days)}</dd>
                <dt>{words.t("usage-machine-hours")}</dt>
                <dd>{hours(usage.machine_hours)}</dd>
                <dt>{words.t("usage-utilisation")}</dt>
                <dd>{util.unwrap_or_else(|| NOT_MEASURED.to_owned())}</dd>
                <dt>{words.t("usage-allocations")}</dt>
                <dd>{usage.allocations}</dd>
            </dl>
        </section>
    }
}

fn facts(words: Words, customer: CustomerRow) -> impl IntoView {
    let zone = look().zone;
    let text = |value: Option<String>| value.unwrap_or_else(|| NOT_MEASURED.to_owned());
    let since = |key: &str, value: Option<chrono::DateTime<chrono::Utc>>| {
        value.map(|value| view! { <dt>{words.t(key)}</dt><dd>{time(value, zone)}</dd> })
    };
    view! {
        <section class="card">
            <header><h2>{words.t("customer-facts")}</h2></header>
            <dl class="facts">
                <dt>{words.t("customer-number")}</dt>
                <dd class="mono">{customer.id.to_string()}</dd>
                <dt>{words.t("customer-contact")}</dt>
                <dd>{text(customer.contact_name)}</dd>
                <dt>{words.t("customer-email")}</dt>
                <dd>{text(customer.contact_email)}</dd>
                <dt>{words.t("customer-phone")}</dt>
                <dd>{text(customer.contact_phone)}</dd>
                <dt>{words.t("customer-remark")}</dt>
                <dd>{text(customer.remark)}</dd>
                <dt>{words.t("customer-since")}</dt>
                <dd>{time(customer.created_at, zone)}</dd>
                {since("user-disabled-at", customer.disabled_at)}
                {since("user-deleted-at", customer.deleted_at)}
            </dl>
        </section>
    }
}
