//! What the customers' pages of instances call.

use contract::access::{
    AccessQuery, AccessSession, MachineAccess, MachineAccessQuery, RecordingQuery, RecordingView, SshCommand,
};
use contract::apps::{AppLinkView, SharedAppView};
use contract::instances::{
    InstanceEvent, InstanceLogQuery, InstanceLogs, InstanceQuery, InstanceSaveView, InstanceSize, InstanceStats,
    InstanceView, Placement, PlacementQuery,
};
use contract::specs::SpecView;
use contract::{ApiError, AppLinkId, InstanceId, Page};
use leptos::prelude::*;

use super::form::InstanceForm;
#[cfg(feature = "ssr")]
use crate::{door, paths};

/// One's customer's instances, or one's own.
#[server]
pub async fn list_own_instances(#[server(default)] query: InstanceQuery) -> Result<Page<InstanceView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::list(&platform, &ctx, &query).await).await
}

/// What an instance can be made of.
#[server]
pub async fn list_instance_specs() -> Result<Vec<SpecView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::offers(&platform, &ctx).await).await
}

/// Where one could be.
#[server]
pub async fn match_machines(#[server(default)] query: PlacementQuery) -> Result<Placement, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::matched_machines(&platform, &ctx, &query).await).await
}

/// Makes one and goes to it.
#[server]
pub async fn create_instance(#[server(default)] form: InstanceForm) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = match form.read() {
        Ok(body) => platform::instances::create(&platform, &ctx, body).await,
        // Who may not do it at all hears that first.
        Err(error) => door::must_hold(&ctx, contract::Permission::InstancesCreate).and(Err(error)),
    };
    let next = |view: InstanceView| paths::own_instance(view.id);
    let page = paths::new_instance(&form.image, &form.spec);
    door::form_answer_sealed((&platform, &ctx), result, next, &page, form.typed()).await
}

/// One of one's own.
#[server]
pub async fn get_own_instance(id: InstanceId) -> Result<InstanceView, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::get(&platform, &ctx, id).await).await
}

/// What happened to it.
#[server]
pub async fn own_instance_events(id: InstanceId) -> Result<Vec<InstanceEvent>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::events(&platform, &ctx, id).await).await
}

/// What it says.
#[server]
pub async fn own_instance_logs(
    id: InstanceId,
    #[server(default)] query: InstanceLogQuery,
) -> Result<InstanceLogs, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::logs(&platform, &ctx, id, &query).await).await
}

/// What it uses now.
#[server]
pub async fn own_instance_stats(id: InstanceId) -> Result<InstanceStats, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::stats(&platform, &ctx, id).await).await
}

/// Starts, stops or restarts it, or has it begin with an empty data disk where its own is gone (`renew-data`).
#[server]
pub async fn act_on_own_instance(id: InstanceId, action: String) -> Result<(), ApiError> {
    use contract::instances::InstanceAction as A;
    let (platform, ctx) = door::door();
    let result = match A::parse(&action) {
        Some(action @ (A::Start | A::Stop | A::Restart)) => platform::instances::act(&platform, &ctx, id, action).await,
        None if action == "renew-data" => platform::instances::renew_data(&platform, &ctx, id).await,
        _ => Err(platform::Error::field("action", "field-unknown-value")),
    };
    let page = paths::own_instance(id);
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, Vec::new()).await
}

/// Keeps it for some hours although nobody uses it.
#[server]
pub async fn keep_own_instance(
    id: InstanceId,
    #[server(default)] hours: String,
    #[server(default)] because: String,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = match hours.trim().parse() {
        Ok(number) => {
            let body = contract::instances::InstanceKeep { hours: number, because: because.clone() };
            platform::instances::keep(&platform, &ctx, id, body).await
        }
        // Who may not do it at all hears that first.
        Err(_) => door::must_hold(&ctx, contract::Permission::InstancesCreate)
            .and(Err(platform::Error::field("hours", "field-not-a-number"))),
    };
    let page = paths::own_instance(id);
    let typed = vec![("hours", hours), ("because", because)];
    door::form_answer((&platform, &ctx), result, |_| format!("{page}#idle"), &page, typed).await
}

/// Changes its name and remark.
#[server]
pub async fn update_own_instance(
    id: InstanceId,
    #[server(default)] name: String,
    #[server(default)] remark: String,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let body =
        contract::instances::InstanceUpdate { name: Some(name.clone()), remark: Some(remark.clone()), revision: None };
    let result = platform::instances::update(&platform, &ctx, id, body).await;
    let page = paths::own_instance(id);
    let typed = vec![("name", name), ("remark", remark)];
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, typed).await
}

/// What it could have instead of its spec, on the machine where it is.
#[server]
pub async fn own_instance_sizes(id: InstanceId) -> Result<Vec<InstanceSize>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::sizes(&platform, &ctx, id).await).await
}

/// Gives it another spec.
#[server]
pub async fn resize_own_instance(id: InstanceId, #[server(default)] spec: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = match spec.parse::<i64>().map(contract::SpecId) {
        Ok(spec) => {
            let body = contract::instances::InstanceResize { spec, revision: None };
            platform::instances::resize(&platform, &ctx, id, body).await
        }
        // Who may not do it at all hears that first.
        Err(_) => door::must_hold(&ctx, contract::Permission::InstancesCreate)
            .and(Err(platform::Error::field("spec", "field-spec-unknown"))),
    };
    let page = paths::own_instance(id);
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, vec![("spec", spec)]).await
}

/// What was, or is, kept of it as images.
#[server]
pub async fn own_instance_saves(id: InstanceId) -> Result<Vec<InstanceSaveView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::saves(&platform, &ctx, id).await).await
}

/// Keeps it as an image of this name.
#[server]
pub async fn save_own_instance(
    id: InstanceId,
    #[server(default)] name: String,
    #[server(default)] description: String,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let body =
        contract::instances::InstanceSave { name: name.clone(), description: Some(description.clone()), remark: None };
    let result = platform::instances::save_image(&platform, &ctx, id, body).await;
    let page = paths::own_instance(id);
    // The page has another form with a name.
    let typed = vec![("name", name), ("description", description), (super::form::OF_SAVES, "1".to_owned())];
    let next = |_| format!("{page}?follow=saves#saves");
    door::form_answer((&platform, &ctx), result, next, &page, typed).await
}

/// Takes it away, when its name was typed.
#[server]
pub async fn delete_own_instance(id: InstanceId, #[server(default)] confirm: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = match platform::instances::get(&platform, &ctx, id).await {
        Ok(view) if view.name == confirm.trim() => {
            let action = contract::instances::InstanceAction::Delete;
            platform::instances::act(&platform, &ctx, id, action).await
        }
        Ok(_) => Err(platform::Error::field("confirm", "field-confirm-name")),
        Err(error) => Err(error),
    };
    let next = |_| paths::OWN_INSTANCES.to_owned();
    door::form_answer((&platform, &ctx), result, next, &paths::own_instance(id), Vec::new()).await
}

/// The line that leads into it by SSH.
#[server]
pub async fn own_ssh_command(id: InstanceId) -> Result<SshCommand, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::access::ssh_command(&platform, &ctx, id).await).await
}

/// Applications that everybody in the customer one acts for may open.
#[server]
pub async fn list_shared_apps() -> Result<Vec<SharedAppView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::shared_apps(&platform, &ctx).await).await
}

/// Its ports that are opened in the browser.
#[server]
pub async fn own_app_links(id: InstanceId) -> Result<Vec<AppLinkView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::app_links(&platform, &ctx, id).await).await
}

/// Adds one.
#[server]
pub async fn add_own_app_link(
    id: InstanceId,
    #[server(default)] name: String,
    #[server(default)] port: String,
    #[server(default)] shared: bool,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    // What is no port is none, which is refused with what else is wrong.
    let number = port.trim().parse().unwrap_or_default();
    let body = contract::apps::AppLinkCreate { name: name.clone(), port: number, shared };
    let result = platform::instances::add_app_link(&platform, &ctx, id, body).await;
    let page = paths::own_instance(id);
    // The page has other forms with a name.
    let mut typed = vec![("name", name), ("port", port), (super::form::OF_APPS, "1".to_owned())];
    if shared {
        typed.push(("shared", "true".to_owned()));
    }
    door::form_answer((&platform, &ctx), result, |_| paths::own_instance_apps(id), &page, typed).await
}

/// Takes one away.
#[server]
pub async fn remove_own_app_link(id: InstanceId, link: AppLinkId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::instances::remove_app_link(&platform, &ctx, id, link).await;
    let next = |()| paths::own_instance_apps(id);
    door::form_answer((&platform, &ctx), result, next, &paths::own_instance(id), Vec::new()).await
}

/// Who is, or was, in one's customer's instances, or in one's own.
#[server]
pub async fn list_own_access(#[server(default)] query: AccessQuery) -> Result<Page<AccessSession>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::list_access(&platform, &ctx, &query).await).await
}

/// Ends one of them.
#[server]
pub async fn end_own_access(id: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::instances::end_access(&platform, &ctx, &id).await;
    let next = |()| paths::OWN_ACCESS.to_owned();
    door::form_answer((&platform, &ctx), result, next, paths::OWN_ACCESS, Vec::new()).await
}

/// Who is, or was, on one's customer's whole machines, or oneself there.
#[server]
pub async fn list_own_machine_access(
    #[server(default)] query: MachineAccessQuery,
) -> Result<Page<MachineAccess>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::allocations::list_visits(&platform, &ctx, &query).await).await
}

/// Ends one of these.
#[server]
pub async fn end_own_machine_access(id: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::allocations::end_visit(&platform, &ctx, &id).await;
    let next = |()| paths::OWN_ACCESS.to_owned();
    door::form_answer((&platform, &ctx), result, next, paths::OWN_ACCESS, Vec::new()).await
}

/// What the people of one's customer, or oneself, were recorded doing.
#[server]
pub async fn list_own_recordings(#[server(default)] query: RecordingQuery) -> Result<Page<RecordingView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::list_recordings(&platform, &ctx, &query).await).await
}

/// One of these recordings.
#[server]
pub async fn get_own_recording(id: String) -> Result<RecordingView, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::recording(&platform, &ctx, &id).await).await
}
