//! What the platform has to say, on top of the pages it is for.

use chrono::{DateTime, Utc};
use contract::announcements::{AnnouncementKind, Audience, BannerView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::here;
use crate::door::{Announced, look};
use crate::pages::admin::announcements::server_fns::DismissAnnouncement;
use crate::paths;
use crate::ui::time::time;
use crate::words::Words;

/// Where they stand, also while there is nothing to say: `rg-bell` brings what is in it up to date, from what the page was
/// made with on.
pub(super) fn banners(words: Words) -> impl IntoView {
    let mark = use_context::<Announced>().unwrap_or_default().0;
    view! { <div id="announced" aria-live="polite" data-mark=mark.to_string()>{shown(words)}</div> }
}

/// One beside the other; nothing where there is nothing to say.
fn shown(words: Words) -> impl IntoView {
    let back = here();
    let staff_side = back.starts_with(paths::ADMIN);
    let of_this_portal = |banner: &BannerView| match banner.audience {
        Audience::Everybody => true,
        Audience::Staff => staff_side,
        Audience::Customers | Audience::Chosen => !staff_side,
    };
    let banners = use_context::<Vec<BannerView>>().unwrap_or_default();
    let mut shown: Vec<_> =
        banners.into_iter().filter(of_this_portal).map(|b| banner(words, b, back.clone())).collect();
    if shown.is_empty() {
        return None;
    }
    // The first is the most serious; more than two would push the page out of sight.
    let folded = if shown.len() > 2 { shown.split_off(1) } else { Vec::new() };
    let folded = (!folded.is_empty()).then(|| {
        let count = words.with("announcements-more", &[("n", folded.len().to_string())]);
        view! { <details class="more-banners"><summary>{count}</summary> <div class="banners">{folded}</div></details> }
    });
    Some(view! { <aside class="banners" aria-label=words.t("announcements-title")>{shown} {folded}</aside> })
}

fn banner(words: Words, banner: BannerView, back: String) -> impl IntoView {
    let maintenance = banner.kind == AnnouncementKind::Maintenance;
    let class = if maintenance { "banner maintenance" } else { "banner" };
    // When something is out matters; until when that is told would be read as its end.
    let times = match banner.work_starts_at.zip(banner.work_ends_at) {
        Some(work) => Some(work_period(words, work).into_any()),
        None if maintenance => None,
        None => banner.ends_at.map(|at| {
            view! { <span class="sub">{words.t("announcement-until")} " " {time(at, look().zone)}</span> }.into_any()
        }),
    };
    let label = words.with("announcement-dismiss-of", &[("title", banner.title.clone())]);
    view! {
        <section class=class>
            <div>
                <p>
                    <strong>{words.t(&format!("announcement-kind-{}", banner.kind.code()))}</strong> " " {banner.title} " " {times}
                </p>
                {(!banner.body.is_empty()).then(|| view! { <p class="text">{banner.body}</p> })}
            </div>
            <form method="post" action=DismissAnnouncement::url()>
                <input r#type="hidden" name="id" value=banner.id.to_string() />
                <input r#type="hidden" name="back" value=back />
                <button class="btn ghost small" aria-label=label>{words.t("announcement-dismiss")}</button>
            </form>
        </section>
    }
}

/// When the work of a maintenance begins and ends.
pub fn work_period(words: Words, (from, until): (DateTime<Utc>, DateTime<Utc>)) -> impl IntoView {
    let zone = look().zone;
    view! {
        <span class="sub">
            {words.t("announcement-work-from")} " " {time(from, zone)} " " {words.t("announcement-work-until")} " " {time(until, zone)}
        </span>
    }
}
