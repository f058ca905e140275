//! /api/admin/access: who is, or was, in instances.

use axum::response::Response;
use contract::access::{
    AccessQuery, AccessSession, MachineAccess, MachineAccessQuery, RecordingQuery, RecordingReason, RecordingView,
    StaffEnding,
};
use contract::{Envelope, Page};
use platform::{allocations, instances};

use crate::rest::upload::RawBytes;
use crate::rest::workbook::{AsWorkbook, download};
use crate::rest::{Params, Part, Rest, recordings};

/// By SSH, by the browser's terminal and to applications, in the instances of everybody; the newest first.
#[utoipa::path(get, path = "/api/admin/access/sessions", tag = "access", params(AccessQuery),
    responses((status = 200, body = Envelope<Page<AccessSession>>)))]
pub async fn list(rest: Rest, wanted: AsWorkbook, Params(query): Params<AccessQuery>) -> Response {
    if wanted.0 {
        return export(rest, Params(query)).await;
    }
    rest.answer(instances::list_all_access(&rest.platform, &rest.ctx, &query).await).await
}

/// Ends one: it is closed within seconds. One that is over stays so. Whose instance it is, and who was in it, are told, with the
/// reason.
#[utoipa::path(delete, path = "/api/admin/access/sessions/{id}", tag = "access",
    params(("id" = String, Path), StaffEnding),
    responses((status = 200, description = "Ended"), (status = 400, description = "1000: no reason")))]
pub async fn end(rest: Rest, Part(id): Part<String>, Params(why): Params<StaffEnding>) -> Response {
    rest.answer(instances::end_any_access(&rest.platform, &rest.ctx, &id, why).await).await
}

/// On whole machines by the SSH door, everybody; the newest first.
#[utoipa::path(get, path = "/api/admin/access/machines", tag = "access", params(MachineAccessQuery),
    responses((status = 200, body = Envelope<Page<MachineAccess>>)))]
pub async fn on_machines(rest: Rest, Params(query): Params<MachineAccessQuery>) -> Response {
    rest.answer(allocations::list_all_visits(&rest.platform, &rest.ctx, &query).await).await
}

/// Ends one of these: it is closed within seconds. One that is over stays so. Who was on it and the customer's owners are told,
/// with the reason.
#[utoipa::path(delete, path = "/api/admin/access/machines/{id}", tag = "access",
    params(("id" = String, Path), StaffEnding),
    responses((status = 200, description = "Ended"), (status = 400, description = "1000: no reason")))]
pub async fn end_on_machine(rest: Rest, Part(id): Part<String>, Params(why): Params<StaffEnding>) -> Response {
    rest.answer(allocations::end_any_visit(&rest.platform, &rest.ctx, &id, why).await).await
}

/// All of them as a workbook, a million rows at most: where there are more, the last one says so. Who takes it away is in the log.
#[utoipa::path(get, path = "/api/admin/access/sessions/export", tag = "access", params(AccessQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export(rest: Rest, Params(query): Params<AccessQuery>) -> Response {
    let built = async {
        let language = rest.ctx.language();
        let mut list = recordings::sessions(language)?;
        let cut = instances::export_all_access(&rest.platform, &rest.ctx, &query, |row| {
            recordings::session(language, &mut list, row)
        })
        .await?;
        list.finish_export(cut)
    };
    download(&rest, built.await, "sessions").await
}

/// What everybody was recorded doing in instances, the newest first; without what was run or shown.
#[utoipa::path(get, path = "/api/admin/access/recordings", tag = "access", params(RecordingQuery),
    responses((status = 200, body = Envelope<Page<RecordingView>>)))]
pub async fn list_recordings(rest: Rest, Params(query): Params<RecordingQuery>) -> Response {
    rest.answer(instances::list_all_recordings(&rest.platform, &rest.ctx, &query).await).await
}

/// One of them; with a reason, which its customer reads in their own log, also what was run.
#[utoipa::path(get, path = "/api/admin/access/recordings/{id}", tag = "access",
    params(("id" = String, Path), RecordingReason),
    responses((status = 200, body = Envelope<RecordingView>)))]
pub async fn recording(rest: Rest, Part(id): Part<String>, Params(query): Params<RecordingReason>) -> Response {
    rest.answer(instances::recording_of_any(&rest.platform, &rest.ctx, &id, query.reason).await).await
}

/// What its screen showed, as an asciicast (version 2); not in an envelope. Its customer reads in their own log who took it,
/// and why.
#[utoipa::path(get, path = "/api/admin/access/recordings/{id}/content", tag = "access",
    params(("id" = String, Path), RecordingReason),
    responses((status = 200, body = inline(RawBytes), content_type = "application/x-asciicast"),
        (status = 400, description = "1000: no reason, or one that says nothing"),
        (status = 404, description = "1300: there is none, or nothing that could be played")))]
pub async fn recording_content(rest: Rest, Part(id): Part<String>, Params(query): Params<RecordingReason>) -> Response {
    let content = instances::recording_content_of_any(&rest.platform, &rest.ctx, &id, query.reason).await;
    recordings::send(&rest, content).await
}
