//! The form that lends a machine, beside who has it when.

use contract::Permission;
use contract::allocations::{AllocationQuery, AllocationView};
use contract::customers::{CustomerQuery, CustomerRow};
use contract::machines::MachineView;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_params_map;

use super::form::LeaseForm;
use super::list::allocation_table;
use super::server_fns::AllocateMachine;
use crate::door::{Refused, door, must_hold};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::{TextField, form_fault, select_field, text_area, text_field};
use crate::words::Words;

/// `/admin/machines/{code}/allocate`.
#[component]
pub fn AllocatePage() -> impl IntoView {
    let code = use_params_map().get_untracked().get("code").unwrap_or_default();
    let (platform, ctx) = door();
    page(
        async move {
            let machine = platform::machines::get(&platform, &ctx, &code).await?;
            must_hold(&ctx, Permission::AllocationsCreate)?;
            let query = CustomerQuery { active: Some(true), page_size: Some(100), ..CustomerQuery::default() };
            let customers = platform::customers::list(&platform, &ctx, &query).await?;
            let query = AllocationQuery { machine: Some(code), page_size: Some(20), ..AllocationQuery::default() };
            let allocations = platform::allocations::list(&platform, &ctx, &query).await?;
            Ok((machine, customers.list, allocations.list))
        },
        |(machine, customers, allocations)| allocate_view(machine, customers, allocations),
    )
}

fn allocate_view(machine: MachineView, customers: Vec<CustomerRow>, allocations: Vec<AllocationView>) -> AnyView {
    let words = Words::now();
    let title = words.with("allocate-title", &[("name", machine.name.clone())]);
    let head = PageFrame::new(title, Area::Machines)
        .crumb(words.t("nav-machines"), paths::MACHINES)
        .crumb(machine.name.clone(), paths::machine(&machine.id));
    let body = if customers.is_empty() {
        view! {
            <section class="card empty">
                <p>{words.t("allocate-no-customers")}</p>
                <a class="btn primary" href=paths::CUSTOMER_NEW>{words.t("customers-add")}</a>
            </section>
        }
        .into_any()
    } else {
        form_view(words, &machine, customers).into_any()
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

fn form_view(words: Words, machine: &MachineView, customers: Vec<CustomerRow>) -> impl IntoView + use<> {
    let refused = Refused::from_query();
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
    view! {
        <form class="form card" method="post" action=AllocateMachine::url()>
            <input r#type="hidden" name="code" value=machine.id.clone() />
            {form_fault(general)}
            <fieldset>
                {select_field(words.t("allocation-customer"), "form[customer]", options, &form.customer, fault("customerId"))}
                {text_field(TextField { hint: hint("allocate-months-hint"), ..field("allocate-months", "months", "months", &form.months, "number") })}
                {text_field(TextField { hint: hint("allocate-until-hint"), ..field("allocate-until", "ends", "endsAt", &form.ends, "date") })}
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
