//! The form that lends a machine, beside who has it when.

use contract::allocations::{AllocationQuery, AllocationView};
use contract::customers::{CustomerQuery, CustomerRow};
use contract::machines::MachineView;
use contract::{CustomerId, Page, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::form::LeaseForm;
use super::list::allocation_table;
use super::server_fns::AllocateMachine;
use crate::door::{Refused, door, may_open};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::{TextField, form_fault, select_field, text_area, text_field};
use crate::ways;
use crate::words::Words;

/// `/admin/machines/{code}/allocate`.
#[component]
pub fn AllocatePage() -> impl IntoView {
    let code = use_params_map().get_untracked().get("code").unwrap_or_default();
    let search = use_query_map().get_untracked().get(SEARCH).map(|q| q.trim().to_owned()).unwrap_or_default();
    let refused = Refused::from_query();
    let chosen = refused.as_ref().and_then(|refused| refused.typed.get("customer")?.parse::<CustomerId>().ok());
    let (platform, ctx) = door();
    let wanted = search.clone();
    page(
        async move {
            let machine = platform::machines::get(&platform, &ctx, &code).await?;
            may_open(&ctx, Permission::AllocationsCreate)?;
            let query = CustomerQuery {
                active: Some(true),
                q: Some(wanted).filter(|q| !q.is_empty()),
                page_size: Some(contract::MAX_PAGE_SIZE),
                ..CustomerQuery::default()
            };
            let mut customers = platform::customers::list(&platform, &ctx, &query).await?;
            // Who was chosen before the form was refused stays to be chosen, wherever they stand in the list.
            if let Some(id) = chosen.filter(|id| !customers.list.iter().any(|row| row.id == *id))
                && let Ok(row) = platform::customers::get(&platform, &ctx, id).await
            {
                customers.list.push(row);
            }
            let query = AllocationQuery { machine: Some(code), page_size: Some(20), ..AllocationQuery::default() };
            let allocations = platform::allocations::list(&platform, &ctx, &query).await?;
            Ok((machine, customers, allocations.list))
        },
        move |(machine, customers, allocations)| allocate_view(machine, &search, customers, allocations, refused),
    )
}

/// The parameter that narrows the customers to choose from.
const SEARCH: &str = "customerQ";

fn allocate_view(
    machine: MachineView,
    search: &str,
    customers: Page<CustomerRow>,
    allocations: Vec<AllocationView>,
    refused: Option<Refused>,
) -> AnyView {
    let words = Words::now();
    let title = words.with("allocate-title", &[("name", machine.name.clone())]);
    let head = PageFrame::new(title, Area::Machines)
        .crumb(words.t("nav-machines"), paths::MACHINES)
        .crumb(machine.name.clone(), paths::machine(&machine.id));
    let ruled = platform::allocations::may_be_lent(machine.pool, machine.service_state);
    // The rule asks nobody, so that it cannot fail otherwise.
    let may = platform::may(&door().1, true, ruled).unwrap_or_default();
    let body = if let Some(why) = may.why_not {
        view! {
            <section class="card empty">
                <p>{why}</p>
                <a class="btn" href=paths::machine(&machine.id)>{machine.name.clone()}</a>
            </section>
        }
        .into_any()
    } else if customers.list.is_empty() && search.is_empty() {
        view! {
            <section class="card empty">
                <p>{words.t("allocate-no-customers")}</p>
                {ways::button("btn primary", paths::CUSTOMER_NEW, words.t("customers-add"))}
            </section>
        }
        .into_any()
    } else {
        view! {
            {find_customer(words, &machine, search, &customers)}
            {form_view(words, &machine, customers.list, refused)}
        }
        .into_any()
    };
    frame(
        head,
        view! {
            {body}
            {(!allocations.is_empty()).then(|| view! {
                <section class="card">
                    <header><h2>{words.t("allocate-others")}</h2></header>
                    {allocation_table(words, allocations, true)}
                </section>
            })}
        },
    )
}

/// A step before the form where there are more customers than a choice can hold: every one of them can be found.
fn find_customer(
    words: Words,
    machine: &MachineView,
    search: &str,
    customers: &Page<CustomerRow>,
) -> Option<impl IntoView + use<>> {
    let (shown, total) = (customers.list.len(), customers.total);
    let needed = !search.is_empty() || total > shown as u64;
    let values = [("shown", shown.to_string()), ("total", total.to_string())];
    let said = if total == 0 { words.t("allocate-find-none") } else { words.with("allocate-find-shown", &values) };
    needed.then(|| {
        view! {
            <section class="card">
                <form class="filters" method="get" action=paths::machine_allocate(&machine.id) role="search">
                    <input class="filter-q" r#type="search" name=SEARCH value=search.to_owned()
                        placeholder=words.t("allocate-find") aria-label=words.t("allocate-find") />
                    <button class="btn">{words.t("search-go")}</button>
                    <span class="sub" role="status">{said}</span>
                </form>
            </section>
        }
    })
}

fn form_view(
    words: Words,
    machine: &MachineView,
    customers: Vec<CustomerRow>,
    refused: Option<Refused>,
) -> impl IntoView + use<> {
    let form = refused.as_ref().map(LeaseForm::from_typed).unwrap_or_default();
    let general = refused.as_ref().map(|r| r.message(words.0));
    let fault = |path: &str| refused.as_ref().and_then(|r| r.fault(words.0, path));
    let field = |key: &str, name: &str, path: &str, value: &str, kind: &'static str| TextField {
        label: words.t(key),
        name: format!("form[{name}]"),
        value: value.to_owned(),
        fault: fault(path),
        kind,
        ..TextField::default()
    };
    let mut options = vec![(String::new(), words.t("allocate-choose"))];
    options.extend(customers.into_iter().map(|customer| (customer.id.to_string(), customer.name)));
    let hint = |key: &str| Some(words.t(key));
    let zone = platform::settings::usual_time_zone(&door().0).name().to_owned();
    let until_hint = Some(words.with("allocate-until-hint", &[("zone", zone)]));
    view! {
        <form class="form card" method="post" action=AllocateMachine::url()>
            <input r#type="hidden" name="code" value=machine.id.clone() />
            {form_fault(general)}
            <fieldset>
                {select_field(words.t("allocation-customer"), "form[customer]", options, &form.customer, fault("customerId"))}
                {text_field(TextField { hint: hint("allocate-months-hint"), ..field("allocate-months", "months", "months", &form.months, "number") })}
                {text_field(TextField { hint: until_hint, ..field("allocate-until", "ends", "endsAt", &form.ends, "date") })}
                {text_field(TextField { hint: hint("allocate-from-hint"), ..field("allocate-from", "starts", "startsAt", &form.starts, "date") })}
                {text_field(TextField { hint: hint("allocate-grace-hint"), ..field("allocate-grace", "grace", "graceDays", &form.grace, "number") })}
                {text_area(TextField { max_length: Some(1000), ..field("customer-remark", "remark", "remark", &form.remark, "") })}
            </fieldset>
            <p class="actions">
                <button class="btn primary">{words.t("machine-allocate")}</button>
                <a class="btn" href=paths::machine(&machine.id)>{words.t("form-cancel")}</a>
            </p>
        </form>
    }
}
