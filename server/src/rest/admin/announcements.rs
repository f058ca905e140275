//! /api/admin/announcements: what the platform has to say.

use axum::response::Response;
use contract::announcements::{AnnouncementEdit, AnnouncementQuery, AnnouncementView};
use contract::{AnnouncementId, Envelope, Page};
use platform::announcements;
use sheets::write::Kind;

use crate::rest::workbook::{AsWorkbook, List, download, say};
use crate::rest::{Body, Params, Part, Rest};

/// Between several values of a cell.
const BETWEEN: &str = ", ";

/// All of them, or those of these filters, the latest first.
#[utoipa::path(get, path = "/api/admin/announcements", tag = "announcements", params(AnnouncementQuery),
    responses((status = 200, body = Envelope<Page<AnnouncementView>>)))]
pub async fn list(rest: Rest, wanted: AsWorkbook, Params(query): Params<AnnouncementQuery>) -> Response {
    if wanted.0 {
        return export(rest, Params(query)).await;
    }
    rest.answer(announcements::list(&rest.platform, &rest.ctx, &query).await).await
}

/// The announcements of these filters as a workbook; that it was taken away is in the log.
#[utoipa::path(get, path = "/api/admin/announcements/export", tag = "announcements", params(AnnouncementQuery),
    responses((status = 200, description = "A workbook")))]
pub async fn export(rest: Rest, Params(query): Params<AnnouncementQuery>) -> Response {
    let built = async {
        let language = rest.ctx.language();
        let columns = [
            ("announcement-title", 32.0, Kind::Text),
            ("announcement-kind", 14.0, Kind::Text),
            ("announcement-audience", 18.0, Kind::Text),
            ("announcement-customers", 40.0, Kind::Text),
            ("announcement-state", 12.0, Kind::Text),
            ("announcement-starts", 20.0, Kind::DateTime),
            ("announcement-ends", 20.0, Kind::DateTime),
            ("announcement-work-starts", 20.0, Kind::DateTime),
            ("announcement-work-ends", 20.0, Kind::DateTime),
            ("announcement-author", 20.0, Kind::Text),
            ("announcement-body", 60.0, Kind::Text),
        ];
        let mut list = List::new(language, "announcements-title", &columns)?;
        let word = |of: &str, code: &str| say(language, &format!("announcement-{of}-{code}"), &[]);
        let cut = announcements::export(&rest.platform, &rest.ctx, &query, |row| {
            let customers: Vec<_> = row.customers.into_iter().map(|customer| customer.name).collect();
            list.row(&[
                row.title.into(),
                word("kind", row.kind.code()).into(),
                word("audience", row.audience.code()).into(),
                customers.join(BETWEEN).into(),
                word("state", row.state.code()).into(),
                row.starts_at.into(),
                row.ends_at.into(),
                row.work_starts_at.into(),
                row.work_ends_at.into(),
                row.created_by.into(),
                row.body.into(),
            ])
        })
        .await?;
        list.finish_export(cut)
    };
    download(&rest, built.await, "announcements").await
}

/// Says something: to everybody, to one portal, or to the people of some customers, for a while.
#[utoipa::path(post, path = "/api/admin/announcements", tag = "announcements", request_body = AnnouncementEdit,
    responses((status = 201, body = Envelope<AnnouncementView>)))]
pub async fn create(rest: Rest, Body(body): Body<AnnouncementEdit>) -> Response {
    let result = announcements::create(&rest.platform, &rest.ctx, body).await;
    rest.created(result, |view| format!("/api/admin/announcements/{}", view.id)).await
}

/// One of them.
#[utoipa::path(get, path = "/api/admin/announcements/{id}", tag = "announcements",
    params(("id" = AnnouncementId, Path)), responses((status = 200, body = Envelope<AnnouncementView>)))]
pub async fn get(rest: Rest, Part(id): Part<AnnouncementId>) -> Response {
    rest.answer(announcements::get(&rest.platform, &rest.ctx, id).await).await
}

/// Replaces what is said; who had put it away sees it again.
#[utoipa::path(put, path = "/api/admin/announcements/{id}", tag = "announcements",
    params(("id" = AnnouncementId, Path)), request_body = AnnouncementEdit,
    responses((status = 200, body = Envelope<AnnouncementView>), (status = 409, description = "1400: changed meanwhile")))]
pub async fn update(rest: Rest, Part(id): Part<AnnouncementId>, Body(body): Body<AnnouncementEdit>) -> Response {
    rest.answer(announcements::update(&rest.platform, &rest.ctx, id, body).await).await
}

/// Takes it away.
#[utoipa::path(delete, path = "/api/admin/announcements/{id}", tag = "announcements",
    params(("id" = AnnouncementId, Path)), responses((status = 200, description = "Taken away")))]
pub async fn delete(rest: Rest, Part(id): Part<AnnouncementId>) -> Response {
    rest.answer(announcements::delete(&rest.platform, &rest.ctx, id).await).await
}
