//! `/instances/{id}`: an instance, what happened to it, what it says, and what can be done with it.

use contract::access::SshCommand;
use contract::apps::AppLinkView;
use contract::instances::{
    InstanceAction, InstanceEvent, InstanceLogQuery, InstanceLogs, InstanceSaveView, InstanceSize, InstanceState,
    InstanceStats, InstanceView,
};
use contract::{InstanceId, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;

use super::access::connect_card;
use super::apps::apps_card;
use super::cells::{
    deletion_card, events_card, facts_card, follow, logs_card, reason_card, standing, state_now, stats_card,
};
use super::form::{OF_APPS, OF_SAVES};
use super::idle::{idle_card, keep_form};
use super::saves::saves_card;
use super::server_fns::{ActOnOwnInstance, DeleteOwnInstance, UpdateOwnInstance};
use super::sizes::sizes_card;
use crate::door::{Refused, door, id_of_path, reload_after};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::forms::{TextField, form_fault, text_area, text_field};
use crate::words::Words;

/// So often it is looked whether an instance stands otherwise; and without JavaScript, so often a page is read again while its
/// instance is on its way somewhere, or what it says is followed; seconds.
pub const AGAIN: u32 = 3;

/// Lines, or that they cannot be read now, what it uses, and the ways in: by SSH and to its applications.
type Said = (Option<InstanceLogs>, Option<InstanceStats>, (Option<SshCommand>, Option<Vec<AppLinkView>>));

/// What happened to it, what was kept of it, and what it could have instead of its spec while it is stopped.
type Happened = (Vec<InstanceEvent>, Vec<InstanceSaveView>, Option<Vec<InstanceSize>>);

/// `/instances/{id}`.
#[component]
pub fn OwnInstancePage() -> impl IntoView {
    let id: InstanceId = id_of_path();
    let (platform, ctx) = door();
    page(
        async move {
            let view = platform::instances::get(&platform, &ctx, id).await?;
            let events = platform::instances::events(&platform, &ctx, id).await?;
            let saves = platform::instances::saves(&platform, &ctx, id).await?;
            let sizes = match view.allows(InstanceAction::Resize) && ctx.holds(Permission::InstancesCreate) {
                true => Some(platform::instances::sizes(&platform, &ctx, id).await?),
                false => None,
            };
            // The rest of the page is of use without them.
            let query = InstanceLogQuery::default();
            let said = platform::instances::logs(&platform, &ctx, id, &query).await.ok();
            let stats = match view.state {
                InstanceState::Running => platform::instances::stats(&platform, &ctx, id).await.ok(),
                _ => None,
            };
            // Where one cannot come in by SSH, the card is not there.
            let ssh = match ctx.holds(Permission::InstancesCreate) && view.state != InstanceState::Deleted {
                true => platform::access::ssh_command(&platform, &ctx, id).await.ok(),
                false => None,
            };
            // Nor where the installation has no place for applications.
            let apps = match view.state {
                InstanceState::Deleted => None,
                _ => platform::instances::app_links(&platform, &ctx, id).await.ok(),
            };
            Ok((view, (events, saves, sizes), (said, stats, (ssh, apps))))
        },
        |(view, happened, said)| instance_view(view, happened, said),
    )
}

fn instance_view(view: InstanceView, (events, saves, sizes): Happened, (said, stats, (ssh, apps)): Said) -> AnyView {
    let (words, ctx) = (Words::now(), door().1);
    let refused = Refused::from_query();
    let asked = use_query_map().get_untracked().get("follow");
    let follows = asked.as_deref() == Some("logs");
    let saving = asked.as_deref() == Some("saves") && saves.iter().any(InstanceSaveView::is_going);
    // A page that is read again and again would lose what is being typed.
    let again = follows || saving;
    if again && refused.is_none() {
        reload_after(AGAIN);
    }
    let kept_up = (!again && view.state != InstanceState::Deleted).then(|| kept_up(words, &view, refused.is_none()));
    let manages = ctx.holds(Permission::InstancesCreate);
    let head = PageFrame::new(view.name.clone(), Area::OwnInstances)
        .crumb(words.t("nav-own-instances"), paths::OWN_INSTANCES)
        .beside(state_now(words, view.state))
        .actions(manages.then(|| view! { <div class="part" data-part="actions">{actions(words, &view)}</div> }))
        .logs();
    let message = refused.as_ref().map(|refused| refused.message(words.0));
    let follow_logs = follow_link(words, &view, follows);
    // With a script it goes on by itself; where the page is read again, it must not start anew each time.
    let goes_on = (view.state == InstanceState::Running && !follows).then_some(view.id);
    let saves = saves_card(words, &view, saves, (again, refused.as_ref()));
    let apps = apps.map(|links| apps_card(words, &view, links, (again, refused.as_ref())));
    let elsewhere = |it: &&Refused| [OF_SAVES, OF_APPS].iter().any(|form| it.typed.contains_key(*form));
    let forms = (manages && !again && view.allows(InstanceAction::Rename)).then(|| {
        view! {
            {sizes_card(words, &view, sizes, refused.as_ref())}
            {change_card(words, &view, refused.as_ref().filter(|it| !elsewhere(it)))}
            {delete_card(words, &view, refused.as_ref())}
        }
    });
    let keep = (manages && !follows).then(|| keep_form(words, &view, refused.as_ref())).flatten();
    let idle = idle_card(words, &view, keep);
    let renewal = (manages && view.failure.as_deref() == Some("data-gone")).then(|| renewal_card(words, &view));
    frame(
        head,
        view! {
            {kept_up}
            {form_fault(message)}
            <div class="main-column">
                <div class="main-column" data-part="main">
                    {reason_card(words, &view)}
                    {renewal}
                    {idle}
                    {stats_card(words, stats)}
                    {apps}
                    {ssh.map(|told| connect_card(words, told))}
                    {facts_card(words, &view)}
                </div>
                // By itself, because what goes on there is left alone while it goes on.
                <div class="main-column" data-part="logs">{logs_card(words, said, follow_logs, goes_on)}</div>
                <div class="main-column" data-part="more">
                    {events_card(words, events)}
                    {saves}
                    {forms}
                </div>
            </div>
        },
    )
}

/// What can be done where its data disk was taken away at the machine.
fn renewal_card(words: Words, view: &InstanceView) -> impl IntoView + use<> {
    let lost = words.t("instance-renew-data-hint");
    let ask = Ask::new("renew-data", words.t("instance-renew-data"), lost.clone(), ActOnOwnInstance::url())
        .field("id", view.id)
        .field("action", "renew-data");
    view! {
        <section class="card" id="renew-data">
            <header><h2>{words.t("instance-renew-data")}</h2></header>
            <div class="form">
                <p class="sub">{lost}</p>
                <div class="actions">{ask.view(words)}</div>
            </div>
        </section>
    }
}

/// Brings the page up to date; without JavaScript it is read again while its instance is on its way and nothing typed is lost.
fn kept_up(words: Words, view: &InstanceView, plain: bool) -> impl IntoView + use<> {
    let plain = (plain && view.state.is_moving()).then(|| {
        let again = format!("<meta http-equiv=\"refresh\" content=\"{AGAIN}\">");
        view! { <noscript inner_html=again></noscript> }
    });
    let href = format!("/api/customer/instances/{}", view.id);
    view! { {plain} {follow(words, href, standing(view), AGAIN)} }
}

fn actions(words: Words, view: &InstanceView) -> impl IntoView + use<> {
    use contract::instances::InstanceWish as W;
    let offered = [
        (InstanceAction::Start, view.wanted != W::Running),
        (InstanceAction::Stop, view.wanted == W::Running),
        (InstanceAction::Restart, true),
    ];
    let button = |(action, makes_sense): (InstanceAction, bool)| {
        (makes_sense && view.allows(action)).then(|| {
            view! {
                <form method="post" action=ActOnOwnInstance::url()>
                    <input r#type="hidden" name="id" value=view.id.to_string() />
                    <input r#type="hidden" name="action" value=action.code() />
                    <button class="btn">{words.t(&format!("instance-{}", action.code()))}</button>
                </form>
            }
        })
    };
    let terminal = (view.state == InstanceState::Running).then(|| {
        view! { <a class="btn" href=paths::own_instance_terminal(view.id)>{words.t("terminal-open")}</a> }
    });
    (terminal, offered.map(button).into_iter().collect_view())
}

/// Follows what it says, by reading the page again, or stops that.
fn follow_link(words: Words, view: &InstanceView, follows: bool) -> Option<AnyView> {
    let (key, query) = if follows { ("instance-logs-stop", "") } else { ("instance-logs-follow", "?follow=logs#logs") };
    (follows || view.state == InstanceState::Running).then(|| {
        let href = format!("{}{query}", paths::own_instance(view.id));
        view! { <a class="btn small" href=href data-logs-follow="">{words.t(key)}</a> }.into_any()
    })
}

fn change_card(words: Words, view: &InstanceView, refused: Option<&Refused>) -> impl IntoView + use<> {
    let fault = |path: &str| refused.and_then(|refused| refused.fault(words.0, path));
    let typed = |name: &str, now: String| refused.and_then(|it| it.typed.get(name).cloned()).unwrap_or(now);
    view! {
        <section class="card">
            <header><h2>{words.t("instance-change")}</h2></header>
            <form class="form" method="post" action=UpdateOwnInstance::url()>
                <input r#type="hidden" name="id" value=view.id.to_string() />
                {text_field(TextField {
                    label: words.t("instance-name"),
                    name: "name".to_owned(),
                    value: typed("name", view.name.clone()),
                    fault: fault("name"),
                    required: true,
                    max_length: Some(63),
                    ..TextField::default()
                })}
                {text_area(TextField {
                    label: words.t("instance-remark"),
                    name: "remark".to_owned(),
                    value: typed("remark", view.remark.clone().unwrap_or_default()),
                    fault: fault("remark"),
                    max_length: Some(1000),
                    ..TextField::default()
                })}
                <p class="actions"><button class="btn">{words.t("form-save")}</button></p>
            </form>
        </section>
    }
}

fn delete_card(words: Words, view: &InstanceView, refused: Option<&Refused>) -> impl IntoView + use<> {
    let lost = match view.spec.data_disk_gb {
        0 => words.t("instance-delete-hint"),
        disk => words.with("instance-delete-hint-data", &[("gb", disk.to_string())]),
    };
    let ask =
        Ask::new("delete", words.t("instance-delete"), lost.clone(), DeleteOwnInstance::url()).field("id", view.id);
    deletion_card(words, view, refused, (lost, ask))
}
