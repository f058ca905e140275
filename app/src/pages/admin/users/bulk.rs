//! One action with many accounts: first what would become of each, then the doing. What is refused stays on the page with
//! its reason.

use contract::UserId;
use contract::users::{UserAction, UserBulk, UserRow};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;

use super::list::{KEPT, read_query, user_state};
use super::server_fns::ActOnUsers;
use crate::door::{door, to_api_error};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::machines::bulk::{Before, counts, refusal};
use crate::paths;
use crate::ui::lists::ListQuery;
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::words::Words;

/// `/admin/users/bulk?action=disable&ids=1&ids=2`, or `…&all=1&q=class-7`.
#[component]
pub fn UserBulkPage() -> impl IntoView {
    let map = use_query_map().get_untracked();
    let matching = map.get("all").is_some_and(|all| all == "1").then(|| read_query().1);
    // Boxes that were ticked before all were asked for.
    let ids = if matching.is_some() { Vec::new() } else { map.get_all("ids").unwrap_or_default() };
    let ids = paths::unpacked(&ids).iter().filter_map(|id| id.parse().ok()).map(UserId).collect();
    let action = map.get("action").and_then(|word| UserAction::parse(&word));
    let before = Before::here();
    let back = ListQuery::here(paths::USERS, KEPT).with(&[]);
    let (platform, ctx) = door();
    page(
        async move {
            let action = action.ok_or_else(platform::Error::not_found)?;
            let bulk = UserBulk { ids, matching, action };
            let mut rows = Vec::new();
            let (found, more) = platform::accounts::users::preview_many(&platform, &ctx, &bulk).await?;
            for (user, possible) in found {
                let refusal = match possible {
                    Ok(()) => None,
                    Err(error) => Some(to_api_error(&platform, &ctx, error).await.message),
                };
                rows.push((user, refusal));
            }
            Ok((action, rows, more))
        },
        move |(action, rows, more)| bulk_view(action, rows, (before, more), back),
    )
}

fn bulk_view(
    action: UserAction,
    rows: Vec<(UserRow, Option<String>)>,
    (before, more): (Before, u64),
    back: String,
) -> AnyView {
    let words = Words::now();
    let filters = back.split_once('?').map(|(_, filters)| filters.to_owned()).unwrap_or_default();
    let head = PageFrame::new(words.t(&format!("user-{}", action.code())), Area::Users)
        .crumb(words.t("nav-users"), paths::USERS);
    if rows.is_empty() {
        return frame(
            head,
            view! {
                <section class="card empty">
                    <p>{words.t("users-bulk-nothing")}</p>
                    <a class="btn" href=paths::USERS>{words.t("nav-users")}</a>
                </section>
            },
        );
    }
    let possible = rows.iter().filter(|(_, refusal)| refusal.is_none()).count();
    let ids = rows
        .iter()
        .filter(|(_, refusal)| refusal.is_none())
        .map(|(user, _)| view! { <input r#type="hidden" name="ids[]" value=user.id.to_string() /> })
        .collect_view();
    let lines = rows.into_iter().map(|(user, refusal)| line(words, user, refusal)).collect_view();
    let count = words.with("users-bulk-possible", &[("n", possible.to_string())]);
    frame(
        head,
        view! {
            {refusal(words)}
            {counts(words, before, more, "users-bulk-done")}
            <section class="card">
                <p class="note-line">{words.t(&format!("user-{}-hint", action.code()))}</p>
                {list_table(words.t("users-title"), view! {
                    <th scope="col">{words.t("customer-username")}</th>
                    <th scope="col">{words.t("customer-display-name")}</th>
                    <th scope="col">{words.t("user-state")}</th>
                    <th scope="col">{words.t("bulk-outcome")}</th>
                }, lines)}
                <form class="form" method="post" action=ActOnUsers::url()>
                    <input r#type="hidden" name="action" value=action.code() />
                    <input r#type="hidden" name="filters" value=filters />
                    {ids}
                    <p class="actions">
                        <button class="btn primary" disabled={possible == 0}>{count}</button>
                        <a class="btn" href=back>{words.t("form-cancel")}</a>
                    </p>
                </form>
            </section>
        },
    )
}

fn line(words: Words, user: UserRow, refusal: Option<String>) -> impl IntoView {
    let outcome = match refusal {
        None => state(Tone::Ok, words.t("bulk-will")).into_any(),
        Some(why) => (state(Tone::Bad, words.t("bulk-refused")), " ", why).into_any(),
    };
    view! {
        <tr>
            <th scope="row"><a class="mono" href=paths::user(user.id)>{user.name.clone()}</a></th>
            <td data-label=words.t("customer-display-name")>{user.display_name.clone()}</td>
            <td data-label=words.t("user-state")>{user_state(words, user.state)}</td>
            <td data-label=words.t("bulk-outcome")>{outcome}</td>
        </tr>
    }
}
