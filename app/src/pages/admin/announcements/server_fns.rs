//! What the pages of announcements call, and the banner of every page.

use contract::announcements::{AnnouncementQuery, AnnouncementView, BannerView};
use contract::{AnnouncementId, ApiError, CustomerId, Page};
use leptos::prelude::*;

use super::form::AnnouncementForm;
#[cfg(feature = "ssr")]
use crate::{door, paths};

/// A page of them, the latest first.
#[server]
pub async fn list_announcements(
    #[server(default)] query: AnnouncementQuery,
) -> Result<Page<AnnouncementView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::announcements::list(&platform, &ctx, &query).await).await
}

/// Says something.
#[server]
pub async fn create_announcement(
    #[server(default)] form: AnnouncementForm,
    #[server(default)] customers: Vec<CustomerId>,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let typed = form.typed(&customers);
    let result = async {
        match form.read(customers) {
            Ok(body) => platform::announcements::create(&platform, &ctx, body).await,
            Err(error) => door::must_hold(&ctx, contract::Permission::AnnouncementsManage).and(Err(error)),
        }
    };
    let next = |_| paths::announcements_done("made");
    door::form_answer((&platform, &ctx), result.await, next, paths::ANNOUNCEMENT_NEW, typed).await
}

/// Replaces what is said.
#[server]
pub async fn update_announcement(
    id: AnnouncementId,
    #[server(default)] form: AnnouncementForm,
    #[server(default)] customers: Vec<CustomerId>,
) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let typed = form.typed(&customers);
    let result = async {
        match form.read(customers) {
            Ok(body) => platform::announcements::update(&platform, &ctx, id, body).await,
            Err(error) => door::must_hold(&ctx, contract::Permission::AnnouncementsManage).and(Err(error)),
        }
    };
    let next = |_| paths::announcements_done("changed");
    door::form_answer((&platform, &ctx), result.await, next, &paths::announcement_edit(id), typed).await
}

/// Takes one away.
#[server]
pub async fn delete_announcement(id: AnnouncementId) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::announcements::delete(&platform, &ctx, id).await;
    let next = |()| paths::announcements_done("removed");
    door::form_answer((&platform, &ctx), result, next, paths::ANNOUNCEMENTS, Vec::new()).await
}

/// What one is told now and has not put away.
#[server]
pub async fn current_announcements() -> Result<Vec<BannerView>, ApiError> {
    let (platform, ctx) = door::door();
    door::answer(&platform, &ctx, platform::announcements::current(&platform, &ctx).await).await
}

/// Puts one away and goes back to the page it stood on, to what follows there: the next one, or what the page is about.
#[server]
pub async fn dismiss_announcement(id: AnnouncementId, #[server(default)] back: String) -> Result<(), ApiError> {
    let (platform, ctx) = door::door();
    let result = platform::announcements::dismiss(&platform, &ctx, id).await;
    let back = paths::local(&back).unwrap_or(paths::HOME).to_owned();
    door::form_answer((&platform, &ctx), result, |()| format!("{back}#content"), &back, Vec::new()).await
}
