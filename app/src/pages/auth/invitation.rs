//! `/invitation?token=`: into a customer, with a new account or with the one that the invited address has. Plain forms, no
//! script; who has to sign in first comes back here.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use platform::accounts::{Invited, PasswordRule, WayIn, password_rule};

use super::links::{account_form, general, query, spent_view};
use super::server_fns::{AcceptInvitation, JoinByInvitation, SignOut};
use crate::door::{Refused, door, hide_address};
use crate::layouts::plain_page;
use crate::paths;
use crate::ui::forms::form_fault;
use crate::words::Words;

/// `/invitation?token=`.
#[component]
pub fn InvitationPage() -> impl IntoView {
    hide_address();
    let (platform, ctx) = door();
    let (words, token) = (Words::now(), query("token"));
    Suspend::new(async move {
        match platform::accounts::invited(&platform, &ctx, &token).await {
            Ok(invited) => invitation_view(words, token, invited, password_rule(&platform).await),
            Err(error) => {
                let says = (words.t("invitation-title"), "invitation-spent");
                spent_view((&platform, &ctx), says, error, ()).await
            }
        }
    })
}

fn invitation_view(words: Words, token: String, invited: Invited, rule: PasswordRule) -> AnyView {
    let role = words.t(&format!("member-role-{}", invited.role.code()));
    let says = words.with("invitation-says", &[("customer", invited.customer.clone()), ("role", role)]);
    let body = match invited.way {
        WayIn::NewAccount => {
            let form = account_form(words, AcceptInvitation::url(), token, invited.email, rule);
            view! { {form} <p class="sub">{words.t("invitation-another-address")}</p> }.into_any()
        }
        WayIn::AccountFromStaff => {
            let text = words.with("invitation-account-from-staff", &[("email", invited.email)]);
            view! { <p role="status">{text}</p> }.into_any()
        }
        WayIn::SignIn => sign_in_view(words, &token, invited.email),
        WayIn::Accept => accept_view(words, token, invited.email),
        WayIn::Already(held) => {
            let held = words.t(&format!("member-role-{}", held.code()));
            let already = words.with("invitation-already", &[("customer", invited.customer), ("role", held)]);
            view! {
                <p role="status">{already}</p>
                <p><a class="link" href=paths::HOME>{words.t("error-back-home")}</a></p>
            }
            .into_any()
        }
        WayIn::SwitchAccount => switch_view(words, &token, invited.email),
    };
    plain_page(words, words.t("invitation-title"), view! { <p>{says}</p> {body} })
}

/// This page with its link: where signing in and out leads back to.
fn back(token: &str) -> String {
    paths::with_query(paths::INVITATION, [("token", token)])
}

fn sign_in_view(words: Words, token: &str, email: String) -> AnyView {
    view! {
        <p class="sub">{words.with("invitation-email", &[("email", email)])}</p>
        <p>{words.t("invitation-has-account")}</p>
        <a class="btn primary wide" rel="nofollow" href=paths::login(Some(&back(token)))>
            {words.t("invitation-sign-in")}
        </a>
    }
    .into_any()
}

/// Who is signed in here, by the name they sign in with.
fn signed_in() -> String {
    door().1.user().map(|user| user.name.clone()).unwrap_or_default()
}

fn accept_view(words: Words, token: String, email: String) -> AnyView {
    let refused = Refused::from_query();
    view! {
        <form class="stack" method="post" action=JoinByInvitation::url()>
            {form_fault(general(refused.as_ref(), words))}
            <input r#type="hidden" name="token" value=token />
            <p class="sub">{words.with("invitation-email", &[("email", email)])}</p>
            <p>{words.with("invitation-signed-in", &[("name", signed_in())])}</p>
            <button class="btn primary wide">{words.t("invitation-accept")}</button>
        </form>
    }
    .into_any()
}

/// Nothing is accepted for whom it is not for; signing out keeps the link at hand.
fn switch_view(words: Words, token: &str, email: String) -> AnyView {
    let values = [("email", email), ("name", signed_in())];
    view! {
        <form class="stack" method="post" action=SignOut::url()>
            <input r#type="hidden" name="next" value=back(token) />
            <p>{words.with("invitation-for-another", &values)}</p>
            <p class="sub">{words.t("invitation-another-address")}</p>
            <button class="btn primary wide">{words.t("invitation-switch")}</button>
        </form>
        <p><a class="link" href=paths::HOME>{words.t("error-back-home")}</a></p>
    }
    .into_any()
}
