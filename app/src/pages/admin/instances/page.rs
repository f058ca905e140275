//! `/admin/instances/{id}`: anybody's instance, what happened to it, and what staff can do with it.

use contract::apps::AppLinkView;
use contract::instances::{
    InstanceAction, InstanceEvent, InstanceLogs, InstanceState, InstanceStats, InstanceView, InstanceWish,
    StaffLogQuery,
};
use contract::{InstanceId, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;

use super::server_fns::ActOnInstance;
use crate::door::{Refused, door, id_of_path};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::customer::instances::apps::staff_apps_card;
use crate::pages::customer::instances::cells::{
    deletion_card, events_card, facts_card, follow, logs_card, reason_card, standing, state_now, stats_card,
};
use crate::pages::customer::instances::idle::idle_card;
use crate::pages::customer::instances::page::AGAIN;
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::forms::{TextField, form_fault, text_field};
use crate::words::Words;

/// `/admin/instances/{id}`.
#[component]
pub fn InstancePage() -> impl IntoView {
    let id: InstanceId = id_of_path();
    let reason = use_query_map().get_untracked().get("reason").filter(|reason| !reason.trim().is_empty());
    let (platform, ctx) = door();
    page(
        async move {
            let view = platform::instances::get_any(&platform, &ctx, id).await?;
            let events = platform::instances::events_of_any(&platform, &ctx, id).await?;
            let said = match reason {
                Some(reason) => {
                    let query = StaffLogQuery { reason: reason.clone(), ..StaffLogQuery::default() };
                    match platform::instances::logs_of_any(&platform, &ctx, id, query).await {
                        Ok(logs) => Said::Logs(Some(logs)),
                        Err(error) => match error.fields.into_iter().find(|field| field.path == "reason") {
                            Some(fault) => {
                                Said::NotAsked(reason, Some(texts::message(ctx.language(), fault.key, &fault.args)))
                            }
                            None => Said::Logs(None),
                        },
                    }
                }
                None => Said::NotAsked(String::new(), None),
            };
            let stats = match view.state {
                InstanceState::Running => platform::instances::stats_of_any(&platform, &ctx, id).await.ok(),
                _ => None,
            };
            // None where the installation has no place for them.
            let apps = match view.state {
                InstanceState::Deleted => None,
                _ => platform::instances::app_links_of_any(&platform, &ctx, id).await.ok(),
            };
            Ok((view, (events, apps), (said, stats)))
        },
        |(view, had, said)| instance_view(view, had, said),
    )
}

/// What there is of its log.
enum Said {
    /// The reason as it was typed, and what is wrong with it.
    NotAsked(String, Option<String>),
    /// Nothing where it cannot be read now.
    Logs(Option<InstanceLogs>),
}

fn instance_view(
    view: InstanceView,
    (events, apps): (Vec<InstanceEvent>, Option<Vec<AppLinkView>>),
    (said, stats): (Said, Option<InstanceStats>),
) -> AnyView {
    let (words, ctx) = (Words::now(), door().1);
    let refused = Refused::from_query();
    let operates = ctx.holds(Permission::InstancesOperate);
    let head = PageFrame::new(view.name.clone(), Area::Instances)
        .crumb(words.t("nav-instances"), paths::INSTANCES)
        .beside(state_now(words, view.state))
        .actions(operates.then(|| view! { <div class="part" data-part="actions">{actions(words, &view)}</div> }))
        .logs();
    let message = refused.as_ref().map(|refused| refused.message(words.0));
    let no_reason = refused.as_ref().and_then(|refused| refused.fault(words.0, "reason"));
    let delete = (operates && view.allows(InstanceAction::Rename)).then(|| delete_card(words, &view, refused.as_ref()));
    // To read a log is told to its customer each time: such a page is not fetched again by itself.
    let follows = !matches!(said, Said::Logs(_)) && view.state != InstanceState::Deleted;
    let logs = operates.then(|| match said {
        Said::Logs(said) => logs_card(words, said, None, None).into_any(),
        Said::NotAsked(typed, fault) => reason_form(words, &view, typed, fault),
    });
    let href = format!("/api/admin/instances/{}", view.id);
    frame(
        head,
        view! {
            {follows.then(|| follow(words, href, standing(&view), AGAIN))}
            {form_fault(message)}
            {no_reason.map(|fault| view! { <p class="fault">{fault}</p> })}
            <div class="main-column">
                <div class="main-column" data-part="main">
                    {reason_card(words, &view)}
                    {idle_card(words, &view, None)}
                    {stats_card(words, stats)}
                    {apps.map(|links| staff_apps_card(words, links))}
                    {facts_card(words, &view)}
                </div>
                {logs}
                <div class="main-column" data-part="more">
                    {events_card(words, events)}
                    {delete}
                </div>
            </div>
        },
    )
}

fn actions(words: Words, view: &InstanceView) -> impl IntoView + use<> {
    let runs = view.wanted == InstanceWish::Running;
    let offered = [(InstanceAction::Start, !runs), (InstanceAction::Stop, runs), (InstanceAction::Restart, true)];
    let button = |(action, makes_sense): (InstanceAction, bool)| {
        (makes_sense && view.allows(action)).then(|| {
            let does = words.t(&format!("instance-{}", action.code()));
            Ask::new(action.code(), does, words.t("instance-act-hint-staff"), ActOnInstance::url())
                .class("btn")
                .field("id", view.id)
                .field("action", action.code())
                .reason(words)
                .view(words)
        })
    };
    offered.map(button).into_iter().collect_view()
}

/// What a customer's instance says is theirs: who reads it gives a reason, which they read.
fn reason_form(words: Words, view: &InstanceView, typed: String, fault: Option<String>) -> AnyView {
    view! {
        <section class="card" id="logs">
            <header><h2>{words.t("instance-logs")}</h2></header>
            <form class="form" method="get" action=paths::instance(view.id)>
                <p class="sub">{words.t("instance-logs-reason-hint")}</p>
                {text_field(TextField {
                    label: words.t("instance-logs-reason"),
                    name: "reason".to_owned(),
                    value: typed,
                    fault,
                    required: true,
                    max_length: Some(1000),
                    autocomplete: Some("off"),
                    ..TextField::default()
                })}
                <p class="actions"><button class="btn">{words.t("instance-logs-read")}</button></p>
            </form>
        </section>
    }
    .into_any()
}

fn delete_card(words: Words, view: &InstanceView, refused: Option<&Refused>) -> impl IntoView + use<> {
    let lost = words.t("instance-delete-hint-staff");
    let ask = Ask::new("delete", words.t("instance-delete"), lost.clone(), ActOnInstance::url())
        .field("id", view.id)
        .field("action", InstanceAction::Delete.code())
        .reason(words);
    deletion_card(words, view, refused, (lost, ask))
}
