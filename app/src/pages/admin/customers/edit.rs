//! The customer form, for a new customer and for one that exists.

use contract::customers::CustomerRow;
use contract::{CustomerId, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::form::CustomerForm;
use super::server_fns::{CreateCustomer, UpdateCustomer};
use crate::door::{Refused, door, id_of_path, may_open};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::{TextField, form_fault, text_area, text_field};
use crate::words::Words;

/// `/admin/customers/new`.
#[component]
pub fn NewCustomerPage() -> impl IntoView {
    let (_, ctx) = door();
    page(async move { may_open(&ctx, Permission::CustomersCreate) }, |()| {
        let words = Words::now();
        let head = PageFrame::new(words.t("customer-new-title"), Area::Customers)
            .crumb(words.t("nav-customers"), paths::CUSTOMERS);
        frame(head, form_view(words, None))
    })
}

/// `/admin/customers/{id}/edit`.
#[component]
pub fn EditCustomerPage() -> impl IntoView {
    let id: CustomerId = id_of_path();
    let (platform, ctx) = door();
    page(
        async move {
            let customer = platform::customers::get(&platform, &ctx, id).await?;
            may_open(&ctx, Permission::CustomersUpdate)?;
            Ok(customer)
        },
        |customer| {
            let words = Words::now();
            let title = words.with("customer-edit-title", &[("name", customer.name.clone())]);
            let head = PageFrame::new(title, Area::Customers)
                .crumb(words.t("nav-customers"), paths::CUSTOMERS)
                .crumb(customer.name.clone(), paths::customer(customer.id));
            frame(head, form_view(words, Some(customer)))
        },
    )
}

fn form_view(words: Words, customer: Option<CustomerRow>) -> impl IntoView {
    let refused = Refused::from_query();
    let form = match (refused.as_ref().and_then(Refused::with_typed), &customer) {
        (Some(refused), _) => CustomerForm::from_typed(refused),
        (None, Some(customer)) => CustomerForm::of(customer),
        (None, None) => CustomerForm::default(),
    };
    let general = refused.as_ref().map(|r| r.message(words.0));
    let field = |key: &str, name: &str, path: &str, value: &str, max: u32| TextField {
        label: words.t(key),
        name: format!("form[{name}]"),
        value: value.to_owned(),
        fault: refused.as_ref().and_then(|r| r.fault(words.0, path)),
        max_length: Some(max),
        ..TextField::default()
    };
    let (action, back) = match &customer {
        Some(customer) => (UpdateCustomer::url(), paths::customer(customer.id)),
        None => (CreateCustomer::url(), paths::CUSTOMERS.to_owned()),
    };
    let owner = customer.is_none().then(|| {
        view! {
            <fieldset>
                <legend>{words.t("customer-owner")}</legend>
                <p class="hint">{words.t("customer-owner-hint")}</p>
                {text_field(field("customer-owner-username", "owner_username", "owner.username", &form.owner_username, 63))}
                {text_field(field("customer-owner-name", "owner_display_name", "owner.displayName", &form.owner_display_name, 100))}
                {text_field(TextField {
                    kind: "email",
                    hint: Some(words.t("member-email-hint")),
                    ..field("customer-owner-email", "owner_email", "owner.email", &form.owner_email, 254)
                })}
            </fieldset>
        }
    });
    let hidden = customer.as_ref().map(|customer| {
        view! {
            <input r#type="hidden" name="id" value=customer.id.to_string() />
            <input r#type="hidden" name="form[revision]" value=form.revision.clone() />
        }
    });
    view! {
        <form class="form card" method="post" action=action>
            {hidden}
            {form_fault(general)}
            <fieldset>
                {text_field(TextField { required: true, ..field("customer-name", "name", "name", &form.name, 100) })}
                {text_field(field("customer-contact", "contact_name", "contactName", &form.contact_name, 100))}
                {text_field(TextField { kind: "email", ..field("customer-email", "contact_email", "contactEmail", &form.contact_email, 254) })}
                {text_field(TextField { kind: "tel", ..field("customer-phone", "contact_phone", "contactPhone", &form.contact_phone, 50) })}
                {text_area(field("customer-remark", "remark", "remark", &form.remark, 1000))}
            </fieldset>
            {owner}
            <p class="actions">
                <button class="btn primary">{words.t("form-save")}</button>
                <a class="btn" href=back>{words.t("form-cancel")}</a>
            </p>
        </form>
    }
}
