//! The sign-in services and directories somebody's account is bound to, on their page.

use contract::accounts::IdentityView;
use contract::users::UserView;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::server_fns::UnlinkUserIdentity;
use crate::door::look;
use crate::ui::ask::Ask;
use crate::ui::cells::text_cell;
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// Nothing where the account is bound to nothing: most installations have no services.
pub(super) fn identities_card(words: Words, view: &UserView) -> Option<AnyView> {
    if view.identities.is_empty() {
        return None;
    }
    let rows = view.identities.iter().map(|identity| row(words, view, identity.clone())).collect_view();
    let table = list_table(
        words.t("identity-mine"),
        view! {
            <th scope="col">{words.t("identity-name")}</th>
            <th scope="col">{words.t("identity-kind")}</th>
            <th scope="col">{words.t("identity-mine-who")}</th>
            <th scope="col">{words.t("identity-mine-since")}</th>
            <th scope="col">{words.t("identity-mine-used")}</th>
            <th scope="col"><span class="unseen-text">{words.t("list-actions")}</span></th>
        },
        rows,
    );
    let may = &view.may.unlink_identities;
    let why_not = may.why_not.clone().map(|why| view! { <p class="note-line">{why}</p> });
    let card = view! {
        <section class="card" id="identities">
            <header><h2>{words.t("identity-mine")}</h2></header>
            {table}
            {why_not}
        </section>
    };
    Some(card.into_any())
}

fn row(words: Words, user: &UserView, identity: IdentityView) -> impl IntoView + use<> {
    let zone = look().zone;
    let used = match identity.last_login_at {
        Some(at) => time(at, zone).into_any(),
        None => words.t("tokens-never-used").into_any(),
    };
    let kind = words.t(&format!("identity-kind-{}", identity.kind.code()));
    let unknown = words.t("sessions-unknown");
    let only_way = !user.has_password && user.identities.len() == 1;
    let part = user.may.unlink_identities.allowed.then(|| {
        let id = format!("identity-{}", identity.id);
        let ask =
            Ask::new(id, words.t("identity-unlink"), words.t("user-identity-part-hint"), UnlinkUserIdentity::url())
                .row(words.with("identity-unlink-of", &[("name", identity.provider_name.clone())]))
                .yes(words.t("identity-unlink-confirm"))
                .field("id", user.user.id)
                .field("identity", identity.id);
        let ask = match only_way {
            true => ask.inside(view! {
                <p>
                    <label>
                        <input r#type="checkbox" name="only_way" value="true" required=true />
                        " " {words.t("user-identity-only-way")}
                    </label>
                </p>
            }),
            false => ask,
        };
        ask.view(words)
    });
    let label = Some(identity.label).filter(|label| !label.is_empty());
    view! {
        <tr>
            <th scope="row">{identity.provider_name}</th>
            <td data-label=words.t("identity-kind")>{kind}</td>
            {text_cell(words.t("identity-mine-who"), label, &unknown)}
            <td data-label=words.t("identity-mine-since")>{time(identity.created_at, zone)}</td>
            <td data-label=words.t("identity-mine-used")>{used}</td>
            <td class="row-actions">{part}</td>
        </tr>
    }
}
