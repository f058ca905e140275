//! What the staff's pages of instances call.

use contract::access::{AccessQuery, AccessSession, MachineAccess, MachineAccessQuery, RecordingQuery, RecordingView};
use contract::apps::AppLinkView;
use contract::instances::{InstanceEvent, InstanceLogs, InstanceQuery, InstanceStats, InstanceView, StaffLogQuery};
use contract::{ApiError, AppLinkId, InstanceId, Page};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{door, paths};

/// Everybody's.
#[server]
pub async fn list_instances(#[server(default)] query: InstanceQuery) -> Result<Page<InstanceView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::list_all(&platform, &ctx, &query).await).await
}

/// One of them.
#[server]
pub async fn get_instance(id: InstanceId) -> Result<InstanceView, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::get_any(&platform, &ctx, id).await).await
}

/// What happened to it.
#[server]
pub async fn instance_events(id: InstanceId) -> Result<Vec<InstanceEvent>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::events_of_any(&platform, &ctx, id).await).await
}

/// What it uses now.
#[server]
pub async fn read_instance_stats(id: InstanceId) -> Result<InstanceStats, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::stats_of_any(&platform, &ctx, id).await).await
}

/// What it says, when a reason was given; its customer reads it.
#[server]
pub async fn read_instance_logs(
    id: InstanceId,
    #[server(default)] query: StaffLogQuery,
) -> Result<InstanceLogs, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::logs_of_any(&platform, &ctx, id, query).await).await
}

/// Starts, stops, restarts it, or takes it away, when its name was typed; never without a reason, which its customer reads.
#[server]
pub async fn act_on_instance(
    id: InstanceId,
    action: String,
    #[server(default)] confirm: String,
    #[server(default)] reason: String,
) -> Result<(), ApiError> {
    use contract::instances::InstanceAction as A;
    let (platform, ctx) = door::door();
    let result = match (platform::instances::get_any(&platform, &ctx, id).await, A::parse(&action)) {
        (Err(error), _) => Err(error),
        (Ok(view), Some(A::Delete)) if view.name != confirm.trim() => {
            // Who may not do it at all hears that first.
            door::must_hold(&ctx, contract::Permission::InstancesOperate)
                .and(Err(platform::Error::field("confirm", "field-confirm-name")))
        }
        (Ok(_), Some(action @ (A::Start | A::Stop | A::Restart | A::Delete))) => {
            let why = contract::instances::StaffInstanceAct { reason };
            platform::instances::act_on_any(&platform, &ctx, id, action, why).await
        }
        (Ok(_), _) => Err(platform::Error::field("action", "field-unknown-value")),
    };
    let page = paths::instance(id);
    door::form_answer((&platform, &ctx), result, |_| page.clone(), &page, Vec::new()).await
}

/// Its ports that its customer's people open in the browser.
#[server]
pub async fn app_links(id: InstanceId) -> Result<Vec<AppLinkView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::app_links_of_any(&platform, &ctx, id).await).await
}

/// Takes one away; never without a reason, which whose instance it is is told.
#[server]
pub async fn remove_app_link(
    id: InstanceId,
    link: AppLinkId,
    #[server(default)] reason: String,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let why = contract::access::StaffEnding { reason };
    let result = platform::instances::remove_any_app_link(&platform, &ctx, id, link, why).await;
    let next = |()| paths::instance_apps(id);
    door::form_answer((&platform, &ctx), result, next, &paths::instance(id), Vec::new()).await
}

/// Who is, or was, in instances.
#[server]
pub async fn list_access(#[server(default)] query: AccessQuery) -> Result<Page<AccessSession>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::list_all_access(&platform, &ctx, &query).await).await
}

/// Ends one of them; never without a reason, which those whose it is are told.
#[server]
pub async fn end_access(id: String, #[server(default)] reason: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let why = contract::access::StaffEnding { reason };
    let result = platform::instances::end_any_access(&platform, &ctx, &id, why).await;
    let next = |()| paths::ACCESS.to_owned();
    door::form_answer((&platform, &ctx), result, next, paths::ACCESS, Vec::new()).await
}

/// Who is, or was, on whole machines.
#[server]
pub async fn list_machine_access(
    #[server(default)] query: MachineAccessQuery,
) -> Result<Page<MachineAccess>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::allocations::list_all_visits(&platform, &ctx, &query).await).await
}

/// Ends one of these, likewise.
#[server]
pub async fn end_machine_access(id: String, #[server(default)] reason: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let why = contract::access::StaffEnding { reason };
    let result = platform::allocations::end_any_visit(&platform, &ctx, &id, why).await;
    let next = |()| paths::ACCESS.to_owned();
    door::form_answer((&platform, &ctx), result, next, paths::ACCESS, Vec::new()).await
}

/// What everybody was recorded doing.
#[server]
pub async fn list_recordings(#[server(default)] query: RecordingQuery) -> Result<Page<RecordingView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::list_all_recordings(&platform, &ctx, &query).await).await
}

/// One of these recordings; with a reason also what was run, and its customer reads it.
#[server]
pub async fn get_recording(id: String, #[server(default)] reason: Option<String>) -> Result<RecordingView, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::instances::recording_of_any(&platform, &ctx, &id, reason).await).await
}
