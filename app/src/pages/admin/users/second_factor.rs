//! Somebody's second factor, on their page: for whoever lost the app and the recovery codes.

use contract::users::UserView;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::server_fns::ResetUserSecondFactor;
use crate::door::look;
use crate::ui::ask::Ask;
use crate::ui::time::time;
use crate::words::Words;

/// Nothing where none is on: there is nothing to be done.
pub(super) fn second_factor_card(words: Words, view: &UserView) -> Option<AnyView> {
    let since = view.totp_since?;
    let reset =
        Ask::new("totp", words.t("user-totp-reset"), words.t("user-totp-reset-hint"), ResetUserSecondFactor::url())
            .class("btn small")
            .yes(words.t("user-totp-reset-confirm"))
            .field("id", view.user.id)
            .may(words, &view.may.reset_second_factor);
    let card = view! {
        <section class="card" id="totp">
            <header><h2>{words.t("user-totp")}</h2> <div class="end">{reset}</div></header>
            <dl class="facts">
                <dt>{words.t("user-totp-since")}</dt>
                <dd>{time(since, look().zone)}</dd>
                <dt>{words.t("user-totp-codes")}</dt>
                <dd>{view.recovery_codes_left}</dd>
            </dl>
        </section>
    };
    Some(card.into_any())
}
