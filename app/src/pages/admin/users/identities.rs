//! The sign-in services and directories somebody's account is bound to, on their page.

use contract::accounts::IdentityView;
use contract::users::UserView;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;

use super::server_fns::UnlinkUserIdentity;
use crate::pages::customer::accounts::identities::{bound_row, bound_table};
use crate::ui::ask::Ask;
use crate::ui::cells::text_cell;
use crate::words::Words;

/// Nothing where the account is bound to nothing: most installations have no services.
pub(super) fn identities_card(words: Words, view: &UserView) -> Option<AnyView> {
    if view.identities.is_empty() {
        return None;
    }
    let rows = view.identities.iter().map(|identity| row(words, view, identity.clone())).collect_view();
    let table = bound_table(words, rows);
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

/// That the account was parted, where it just was; and that it has no way in any more, where that is so.
pub(super) fn parted(words: Words, user: &UserView) -> Option<AnyView> {
    use_query_map().get_untracked().get("done").filter(|done| done == "parted")?;
    let way_in = user.has_password || user.identities.iter().any(|identity| identity.enabled);
    let warning = (!way_in).then(|| view! { <p><strong>{words.t("user-identity-no-way")}</strong></p> });
    let view = view! { <section class="card notice" role="status"><p>{words.t("identity-parted-done")}</p>{warning}</section> };
    Some(view.into_any())
}

fn row(words: Words, user: &UserView, identity: IdentityView) -> AnyView {
    let unknown = words.t("sessions-unknown");
    let only_way = identity.only_way;
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
    let label = Some(identity.label.clone()).filter(|label| !label.is_empty());
    bound_row(words, &identity, text_cell(words.t("identity-mine-who"), label, &unknown), part)
}
