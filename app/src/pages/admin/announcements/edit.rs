//! The form of an announcement, for a new one and for one that exists.

use contract::announcements::{AnnouncementKind, AnnouncementView, Audience, ChosenCustomer};
use contract::{AnnouncementId, CustomerId};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_params_map;
use platform::announcements;

use super::form::AnnouncementForm;
use super::server_fns::{CreateAnnouncement, UpdateAnnouncement};
use crate::door::{Refused, door};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::{TextField, form_fault, select_field, text_area, text_field};
use crate::words::Words;

/// `/admin/announcements/new`.
#[component]
pub fn NewAnnouncementPage() -> impl IntoView {
    let (platform, ctx) = door();
    page(async move { announcements::choices(&platform, &ctx).await }, |choices| form_page(None, choices))
}

/// `/admin/announcements/{id}/edit`.
#[component]
pub fn EditAnnouncementPage() -> impl IntoView {
    let id = use_params_map().get_untracked().get("id").and_then(|id| id.parse::<AnnouncementId>().ok());
    let (platform, ctx) = door();
    let load = async move {
        let id = id.ok_or_else(platform::Error::not_found)?;
        let view = announcements::get(&platform, &ctx, id).await?;
        Ok((view, announcements::choices(&platform, &ctx).await?))
    };
    page(load, |(view, choices)| form_page(Some(view), choices))
}

fn form_page(now: Option<AnnouncementView>, choices: Vec<ChosenCustomer>) -> AnyView {
    let words = Words::now();
    let title = words.t(if now.is_some() { "announcement-edit-title" } else { "announcement-new-title" });
    let head = PageFrame::new(title, Area::Announcements).crumb(words.t("announcements-title"), paths::ANNOUNCEMENTS);
    let refused = Refused::from_query();
    let again = refused.as_ref().and_then(Refused::with_typed);
    let form = match (again, &now) {
        (Some(refused), _) => AnnouncementForm::from_typed(refused),
        (None, Some(view)) => AnnouncementForm::of(view),
        (None, None) => AnnouncementForm::default(),
    };
    let chosen: Vec<CustomerId> = match (again, &now) {
        (Some(refused), _) => {
            let typed = refused.typed.get("customers").cloned().unwrap_or_default();
            typed.split(' ').filter_map(|id| id.parse().ok()).collect()
        }
        (None, Some(view)) => view.customers.iter().map(|customer| customer.id).collect(),
        (None, None) => Vec::new(),
    };
    frame(head, form_view(words, now, form, choices, &chosen, refused))
}

fn form_view(
    words: Words,
    now: Option<AnnouncementView>,
    form: AnnouncementForm,
    choices: Vec<ChosenCustomer>,
    chosen: &[CustomerId],
    refused: Option<Refused>,
) -> impl IntoView + use<> {
    let general = refused.as_ref().filter(|r| r.fields.is_empty()).map(|r| r.message(words.0));
    let fault = |path: &str| refused.as_ref().and_then(|r| r.fault(words.0, path));
    let field = |key: &str, name: &str, path: &str, value: &str| TextField {
        label: words.t(key),
        name: format!("form[{name}]"),
        value: value.to_owned(),
        fault: fault(path),
        ..TextField::default()
    };
    let action = if now.is_some() { UpdateAnnouncement::url() } else { CreateAnnouncement::url() };
    let hidden = now.map(|view| {
        view! {
            <input r#type="hidden" name="id" value=view.id.to_string() />
            <input r#type="hidden" name="form[revision]" value=form.revision.clone() />
        }
    });
    let kinds = AnnouncementKind::ALL
        .map(|kind| (kind.code().to_owned(), words.t(&format!("announcement-kind-{}", kind.code()))));
    let audiences = Audience::ALL
        .map(|audience| (audience.code().to_owned(), words.t(&format!("announcement-audience-{}", audience.code()))));
    let customer_fault = fault("customerIds");
    let described = if customer_fault.is_some() { "customers-fault customers-hint" } else { "customers-hint" };
    let options: Vec<_> = choices
        .into_iter()
        .map(|customer| {
            let selected = chosen.contains(&customer.id);
            view! {
                <label>
                    <input r#type="checkbox" name="customers[]" value=customer.id.to_string() checked=selected />
                    <span>{customer.name} " " <span class="sub mono">{customer.id.to_string()}</span></span>
                </label>
            }
        })
        .collect();
    view! {
        <form class="form card" method="post" action=action>
            {hidden}
            {form_fault(general)}
            <fieldset>
                {select_field(words.t("announcement-kind"), "form[kind]", kinds.into(), &form.kind, fault("kind"))}
                {text_field(TextField { required: true, max_length: Some(100), ..field("announcement-title", "title", "title", &form.title) })}
                {text_area(TextField { max_length: Some(2000), ..field("announcement-body", "body", "body", &form.body) })}
                {select_field(words.t("announcement-audience"), "form[audience]", audiences.into(), &form.audience, fault("audience"))}
                <div class="form-row">
                    <span id="announcement-customers">{words.t("announcement-customers")}</span>
                    <div class="tick-list" role="group" tabindex="0" aria-labelledby="announcement-customers" aria-describedby=described>
                        {options}
                    </div>
                    {customer_fault.map(|fault| view! { <span class="fault" id="customers-fault">{fault}</span> })}
                    <span class="hint" id="customers-hint">{words.t("announcement-customers-hint")}</span>
                </div>
            </fieldset>
            <fieldset>
                {text_field(TextField {
                    kind: "datetime-local",
                    hint: Some(words.t("announcement-starts-hint")),
                    ..field("announcement-starts", "starts", "startsAt", &form.starts)
                })}
                {text_field(TextField {
                    kind: "datetime-local",
                    hint: Some(words.t("announcement-ends-hint")),
                    ..field("announcement-ends", "ends", "endsAt", &form.ends)
                })}
            </fieldset>
            <p class="actions">
                <button class="btn primary">{words.t("form-save")}</button>
                <a class="btn" href=paths::ANNOUNCEMENTS>{words.t("form-cancel")}</a>
            </p>
        </form>
    }
}
