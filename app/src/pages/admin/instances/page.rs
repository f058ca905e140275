//! `/admin/instances/{id}`: anybody's instance, what happened to it, and what staff can do with it.

use contract::instances::{InstanceAction, InstanceEvent, InstanceView, InstanceWish};
use contract::{InstanceId, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::server_fns::ActOnInstance;
use crate::door::{Refused, door, id_of_path};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::customer::instances::cells::{events_card, facts_card, reason_card, state_cell};
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::forms::{TextField, form_fault, text_field};
use crate::words::Words;

/// `/admin/instances/{id}`.
#[component]
pub fn InstancePage() -> impl IntoView {
    let id: InstanceId = id_of_path();
    let (platform, ctx) = door();
    page(
        async move {
            let view = platform::instances::get_any(&platform, &ctx, id).await?;
            Ok((view, platform::instances::events_of_any(&platform, &ctx, id).await?))
        },
        |(view, events)| instance_view(view, events),
    )
}

fn instance_view(view: InstanceView, events: Vec<InstanceEvent>) -> AnyView {
    let (words, ctx) = (Words::now(), door().1);
    let refused = Refused::from_query();
    let operates = ctx.holds(Permission::InstancesOperate);
    let head = PageFrame::new(view.name.clone(), Area::Instances)
        .crumb(words.t("nav-instances"), paths::INSTANCES)
        .beside(state_cell(words, view.state))
        .actions(operates.then(|| actions(words, &view)));
    let message = refused.as_ref().map(|refused| refused.message(words.0));
    let delete = (operates && view.allows(InstanceAction::Rename)).then(|| delete_card(words, &view, refused.as_ref()));
    frame(
        head,
        view! {
            {form_fault(message)}
            <div class="main-column">
                {reason_card(words, &view)}
                {facts_card(words, &view)}
                {events_card(words, events)}
                {delete}
            </div>
        },
    )
}

fn actions(words: Words, view: &InstanceView) -> impl IntoView + use<> {
    let runs = view.wanted == InstanceWish::Running;
    let offered = [(InstanceAction::Start, !runs), (InstanceAction::Stop, runs), (InstanceAction::Restart, true)];
    let button = |(action, makes_sense): (InstanceAction, bool)| {
        (makes_sense && view.allows(action)).then(|| {
            view! {
                <form method="post" action=ActOnInstance::url()>
                    <input r#type="hidden" name="id" value=view.id.to_string() />
                    <input r#type="hidden" name="action" value=action.code() />
                    <button class="btn">{words.t(&format!("instance-{}", action.code()))}</button>
                </form>
            }
        })
    };
    offered.map(button).into_iter().collect_view()
}

fn delete_card(words: Words, view: &InstanceView, refused: Option<&Refused>) -> impl IntoView + use<> {
    let fault = refused.and_then(|refused| refused.fault(words.0, "confirm"));
    let lost = words.t("instance-delete-hint-staff");
    let ask = Ask::new("delete", words.t("instance-delete"), lost.clone(), ActOnInstance::url())
        .field("id", view.id)
        .field("action", InstanceAction::Delete.code())
        .inside(text_field(TextField {
            label: words.with("instance-delete-confirm", &[("name", view.name.clone())]),
            name: "confirm".to_owned(),
            form: "delete",
            fault: fault.clone(),
            required: true,
            autocomplete: Some("off"),
            ..TextField::default()
        }));
    view! {
        <section class="card">
            <header><h2>{words.t("instance-delete")}</h2></header>
            <div class="form">
                <p class="sub">{lost}</p>
                {fault.map(|fault| view! { <p class="fault">{fault}</p> })}
                {ask.view(words)}
            </div>
        </section>
    }
}
