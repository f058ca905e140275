//! /api/customer/instances: containers of one's own.

use axum::response::Response;
use contract::access::SshCommand;
use contract::instances::{
    InstanceAction, InstanceCreate, InstanceEvent, InstanceKeep, InstanceLogQuery, InstanceLogs, InstanceQuery,
    InstanceResize, InstanceSave, InstanceSaveView, InstanceSize, InstanceStats, InstanceUpdate, InstanceView,
    Placement, PlacementQuery, TerminalShare, TerminalShareCreate, TerminalTicket, TerminalTicketCreate,
    TerminalUnshare, TerminalWatchCreate, TerminalWatchTicket,
};
use contract::specs::SpecView;
use contract::{Envelope, InstanceId, Page};
use platform::{access, instances};

use crate::rest::workbook::{AsWorkbook, download};
use crate::rest::{Body, Params, Part, Rest, instance_sheets};

/// One's customer's, for its owners, or one's own.
#[utoipa::path(get, path = "/api/customer/instances", tag = "instances", params(InstanceQuery),
    responses((status = 200, body = Envelope<Page<InstanceView>>)))]
pub async fn list(rest: Rest, wanted: AsWorkbook, Params(query): Params<InstanceQuery>) -> Response {
    if wanted.0 {
        return export(rest, Params(query)).await;
    }
    rest.answer(instances::list(&rest.platform, &rest.ctx, &query).await).await
}

/// One's customer's, for its owners, or one's own as a workbook, a million rows at most: where there are more, the last one says so. Who takes it away is in the log.
#[utoipa::path(get, path = "/api/customer/instances/export", tag = "instances", params(InstanceQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export(rest: Rest, Params(query): Params<InstanceQuery>) -> Response {
    let built = async {
        let language = rest.ctx.language();
        let mut list = instance_sheets::instances(language, false)?;
        let cut = instances::export(&rest.platform, &rest.ctx, &query, |row| {
            instance_sheets::instance(language, &mut list, false, row)
        })
        .await?;
        list.finish_export(cut)
    };
    download(&rest, built.await, "instances").await
}

/// Makes one: its place is taken at once, its container is made in the background.
#[utoipa::path(post, path = "/api/customer/instances", tag = "instances", request_body = InstanceCreate,
    responses((status = 201, body = Envelope<InstanceView>),
        (status = 422, description = "1500: a limit, with which and by how much; 1501: no machine fits; 1502: a budget is spent")))]
pub async fn create(rest: Rest, Body(body): Body<InstanceCreate>) -> Response {
    let result = instances::create(&rest.platform, &rest.ctx, body).await;
    rest.created(result, |view| format!("/api/customer/instances/{}", view.id)).await
}

/// What an instance can be made of, with the price of now.
#[utoipa::path(get, path = "/api/customer/instances/specs", tag = "instances",
    responses((status = 200, body = Envelope<Vec<SpecView>>)))]
pub async fn specs(rest: Rest) -> Response {
    rest.answer(instances::offers(&rest.platform, &rest.ctx).await).await
}

/// Where one could be now: every machine, with what is in the way, and other specs where nothing fits.
#[utoipa::path(get, path = "/api/customer/instances/matched-machines", tag = "instances", params(PlacementQuery),
    responses((status = 200, body = Envelope<Placement>)))]
pub async fn matched_machines(rest: Rest, Params(query): Params<PlacementQuery>) -> Response {
    rest.answer(instances::matched_machines(&rest.platform, &rest.ctx, &query).await).await
}

/// One of them.
#[utoipa::path(get, path = "/api/customer/instances/{id}", tag = "instances", params(("id" = InstanceId, Path)),
    responses((status = 200, body = Envelope<InstanceView>)))]
pub async fn get(rest: Rest, Part(id): Part<InstanceId>) -> Response {
    rest.answer(instances::get(&rest.platform, &rest.ctx, id).await).await
}

/// Changes its name and remark.
#[utoipa::path(patch, path = "/api/customer/instances/{id}", tag = "instances", params(("id" = InstanceId, Path)),
    request_body = InstanceUpdate,
    responses((status = 200, body = Envelope<InstanceView>), (status = 409, description = "1400: changed meanwhile")))]
pub async fn update(rest: Rest, Part(id): Part<InstanceId>, Body(body): Body<InstanceUpdate>) -> Response {
    rest.answer(instances::update(&rest.platform, &rest.ctx, id, body).await).await
}

/// Takes it away, with its container and its data disk; again changes nothing.
#[utoipa::path(delete, path = "/api/customer/instances/{id}", tag = "instances", params(("id" = InstanceId, Path)),
    responses((status = 200, body = Envelope<InstanceView>)))]
pub async fn delete(rest: Rest, Part(id): Part<InstanceId>) -> Response {
    rest.answer(instances::act(&rest.platform, &rest.ctx, id, InstanceAction::Delete).await).await
}

/// Starts it; one that runs runs.
#[utoipa::path(post, path = "/api/customer/instances/{id}/start", tag = "instances", params(("id" = InstanceId, Path)),
    responses((status = 200, body = Envelope<InstanceView>),
        (status = 422, description = "1402: not in its state; 1502: a budget is spent")))]
pub async fn start(rest: Rest, Part(id): Part<InstanceId>) -> Response {
    rest.answer(instances::act(&rest.platform, &rest.ctx, id, InstanceAction::Start).await).await
}

/// Stops it; it keeps what it holds.
#[utoipa::path(post, path = "/api/customer/instances/{id}/stop", tag = "instances", params(("id" = InstanceId, Path)),
    responses((status = 200, body = Envelope<InstanceView>), (status = 422, description = "1402: not in its state")))]
pub async fn stop(rest: Rest, Part(id): Part<InstanceId>) -> Response {
    rest.answer(instances::act(&rest.platform, &rest.ctx, id, InstanceAction::Stop).await).await
}

/// Stops and starts it.
#[utoipa::path(post, path = "/api/customer/instances/{id}/restart", tag = "instances",
    params(("id" = InstanceId, Path)),
    responses((status = 200, body = Envelope<InstanceView>), (status = 422, description = "1402: it does not run")))]
pub async fn restart(rest: Rest, Part(id): Part<InstanceId>) -> Response {
    rest.answer(instances::act(&rest.platform, &rest.ctx, id, InstanceAction::Restart).await).await
}

/// Has one whose data disk was taken away at the machine (`failure` is `data-gone`) begin with an empty one, and starts it.
#[utoipa::path(post, path = "/api/customer/instances/{id}/renew-data", tag = "instances",
    params(("id" = InstanceId, Path)),
    responses((status = 200, body = Envelope<InstanceView>), (status = 422, description = "1402: it did not fail for that")))]
pub async fn renew_data(rest: Rest, Part(id): Part<InstanceId>) -> Response {
    rest.answer(instances::renew_data(&rest.platform, &rest.ctx, id).await).await
}

/// Keeps one that is not used for some hours from now on: it is not stopped for that before. The hours that are allowed at
/// most are in the instance's `idle`.
#[utoipa::path(post, path = "/api/customer/instances/{id}/keep", tag = "instances", params(("id" = InstanceId, Path)),
    request_body = InstanceKeep,
    responses((status = 200, body = Envelope<InstanceView>),
        (status = 422, description = "1402: it does not run, or nothing is stopped for not being used")))]
pub async fn keep(rest: Rest, Part(id): Part<InstanceId>, Body(body): Body<InstanceKeep>) -> Response {
    rest.answer(instances::keep(&rest.platform, &rest.ctx, id, body).await).await
}

/// What it could have instead of its spec, with what is in the way of each on the machine where it is.
#[utoipa::path(get, path = "/api/customer/instances/{id}/sizes", tag = "instances", params(("id" = InstanceId, Path)),
    responses((status = 200, body = Envelope<Vec<InstanceSize>>)))]
pub async fn sizes(rest: Rest, Part(id): Part<InstanceId>) -> Response {
    rest.answer(instances::sizes(&rest.platform, &rest.ctx, id).await).await
}

/// Gives it another spec while it is stopped; the one it has changes nothing. Its container is made anew at its next start:
/// what was written in it outside of its data disk goes then, and the price is the new one's.
#[utoipa::path(post, path = "/api/customer/instances/{id}/resize", tag = "instances", params(("id" = InstanceId, Path)),
    request_body = InstanceResize,
    responses((status = 200, body = Envelope<InstanceView>),
        (status = 409, description = "1400: changed meanwhile, or an image is being made of it"),
        (status = 422, description = "1402: not stopped; 1500: a limit, with which and by how much; 1501: it does not fit there")))]
pub async fn resize(rest: Rest, Part(id): Part<InstanceId>, Body(body): Body<InstanceResize>) -> Response {
    rest.answer(instances::resize(&rest.platform, &rest.ctx, id, body).await).await
}

/// What happened to it, the newest first; kept after it is gone.
#[utoipa::path(get, path = "/api/customer/instances/{id}/events", tag = "instances", params(("id" = InstanceId, Path)),
    responses((status = 200, body = Envelope<Vec<InstanceEvent>>)))]
pub async fn events(rest: Rest, Part(id): Part<InstanceId>) -> Response {
    rest.answer(instances::events(&rest.platform, &rest.ctx, id).await).await
}

/// What it says, the oldest first: its last lines, or what it said since the mark of an answer before. The last lines of one
/// that was deleted are kept for ninety days.
#[utoipa::path(get, path = "/api/customer/instances/{id}/logs", tag = "instances",
    params(("id" = InstanceId, Path), InstanceLogQuery),
    responses((status = 200, body = Envelope<InstanceLogs>),
        (status = 503, description = "1802: its machine cannot be asked")))]
pub async fn logs(rest: Rest, Part(id): Part<InstanceId>, Params(query): Params<InstanceLogQuery>) -> Response {
    rest.answer(instances::logs(&rest.platform, &rest.ctx, id, &query).await).await
}

/// What it uses now; it is looked at twice, half a second apart.
#[utoipa::path(get, path = "/api/customer/instances/{id}/stats", tag = "instances", params(("id" = InstanceId, Path)),
    responses((status = 200, body = Envelope<InstanceStats>), (status = 422, description = "1402: it does not run"),
        (status = 503, description = "1802: its machine cannot be asked")))]
pub async fn stats(rest: Rest, Part(id): Part<InstanceId>) -> Response {
    rest.answer(instances::stats(&rest.platform, &rest.ctx, id).await).await
}

/// Keeps what was written in it, outside of its data disk, as an image of its customer's: the image is made in the background,
/// and its container stands still for a part of that. Volumes, variables and the command are not in it. Its customer can use it
/// at once; before it is listed, somebody of the platform reviews it.
#[utoipa::path(post, path = "/api/customer/instances/{id}/save-image", tag = "instances",
    params(("id" = InstanceId, Path)), request_body = InstanceSave,
    responses((status = 201, body = Envelope<InstanceSaveView>),
        (status = 409, description = "1400: it is being saved already; 1401: the name is taken"),
        (status = 422, description = "1402: it has no container; 1500: nothing may be stored any more")))]
pub async fn save_image(rest: Rest, Part(id): Part<InstanceId>, Body(body): Body<InstanceSave>) -> Response {
    let result = instances::save_image(&rest.platform, &rest.ctx, id, body).await;
    rest.created(result, |_| format!("/api/customer/instances/{id}/saves")).await
}

/// Images it was, or is being, kept as, the newest first; with how far it is, or why it failed.
#[utoipa::path(get, path = "/api/customer/instances/{id}/saves", tag = "instances", params(("id" = InstanceId, Path)),
    responses((status = 200, body = Envelope<Vec<InstanceSaveView>>)))]
pub async fn saves(rest: Rest, Part(id): Part<InstanceId>) -> Response {
    rest.answer(instances::saves(&rest.platform, &rest.ctx, id).await).await
}

/// A ticket for one socket of `/ws/instances/{id}/terminal?ticket=…`: it counts once, for twenty seconds, of the session that
/// asks. With a terminal that was opened before, its shell goes on.
#[utoipa::path(post, path = "/api/customer/instances/{id}/terminal/ticket", tag = "instances",
    params(("id" = InstanceId, Path)), request_body = TerminalTicketCreate,
    responses((status = 200, body = Envelope<TerminalTicket>), (status = 422, description = "1402: it does not run")))]
pub async fn terminal_ticket(
    rest: Rest,
    Part(id): Part<InstanceId>,
    Body(body): Body<TerminalTicketCreate>,
) -> Response {
    rest.answer(instances::keep_terminal_ticket(&rest.platform, &rest.ctx, id, &body).await).await
}

/// Lets one other person look on at one's own shell: somebody of the same customer, or of the staff with a reason, who has
/// the link, once, within ten minutes.
#[utoipa::path(post, path = "/api/customer/instances/{id}/terminal/share", tag = "instances",
    params(("id" = InstanceId, Path)), request_body = TerminalShareCreate,
    responses((status = 200, body = Envelope<TerminalShare>)))]
pub async fn share_terminal(rest: Rest, Part(id): Part<InstanceId>, Body(body): Body<TerminalShareCreate>) -> Response {
    rest.answer(instances::share_terminal(&rest.platform, &rest.ctx, id, &body).await).await
}

/// Ends that anybody looks on at one's own shell, within seconds; links that nobody used count no more.
#[utoipa::path(post, path = "/api/customer/instances/{id}/terminal/unshare", tag = "instances",
    params(("id" = InstanceId, Path)), request_body = TerminalUnshare,
    responses((status = 200, description = "Nobody looks on any more")))]
pub async fn unshare_terminal(rest: Rest, Part(id): Part<InstanceId>, Body(body): Body<TerminalUnshare>) -> Response {
    rest.answer(instances::unshare_terminal(&rest.platform, &rest.ctx, id, &body).await).await
}

/// Uses such a link up, or comes back: a ticket for one socket of `/ws/instances/{id}/terminal/watch?ticket=…`.
#[utoipa::path(post, path = "/api/customer/instances/{id}/terminal/watch", tag = "instances",
    params(("id" = InstanceId, Path)), request_body = TerminalWatchCreate,
    responses((status = 200, body = Envelope<TerminalWatchTicket>), (status = 404, description = "1300: no such link")))]
pub async fn watch_terminal(rest: Rest, Part(id): Part<InstanceId>, Body(body): Body<TerminalWatchCreate>) -> Response {
    rest.answer(instances::keep_watch_ticket(&rest.platform, &rest.ctx, id, &body).await).await
}

/// The line that leads into it by SSH, and by what the door is known; 1402 where coming in by SSH is switched off.
#[utoipa::path(get, path = "/api/customer/instances/{id}/ssh-command", tag = "instances",
    params(("id" = InstanceId, Path)),
    responses((status = 200, body = Envelope<SshCommand>), (status = 422, description = "1402: switched off")))]
pub async fn ssh_command(rest: Rest, Part(id): Part<InstanceId>) -> Response {
    rest.answer(access::ssh_command(&rest.platform, &rest.ctx, id).await).await
}
