//! One's own account: who one is here, and how the product looks.

use contract::accounts::{Language, MembershipView, PasswordPlace, Profile, Theme};
use contract::notifications::NotificationPreferences;
use contract::{CustomerId, May};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;

use super::server_fns::{LeaveCustomer, RemoveAvatar, RequestEmailChange, SetPreferences, UpdateProfile};
use crate::door::{Refused, door, look};
use crate::layouts::{Area, PageFrame, avatar, frame, page};
use crate::pages::auth::server_fns::SignOut;
use crate::pages::customer::notifications::choices::choices_card;
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::{TextField, file_field, form_fault, my_name, select_field, text_field};
use crate::ui::state::{Tone, state};
use crate::ui::time::time;
use crate::words::Words;

/// The account's pages, one beside the other.
pub(crate) fn tabs(words: Words, here: &str) -> impl IntoView + use<> {
    let links = [
        (paths::ACCOUNT, "account-tab-profile"),
        (paths::ACCOUNT_SECURITY, "account-tab-security"),
        (paths::ACCOUNT_SESSIONS, "account-tab-sessions"),
        (paths::ACCOUNT_SSH_KEYS, "account-tab-ssh-keys"),
        (paths::ACCOUNT_TOKENS, "account-tab-tokens"),
        (paths::ACCOUNT_WEBHOOKS, "account-tab-webhooks"),
    ]
    .into_iter()
    .map(|(href, key)| view! { <a href=href aria-current=(href == here).then_some("page")>{words.t(key)}</a> })
    .collect_view();
    view! { <div class="seg-line"><nav class="seg" aria-label=words.t("account-title")>{links}</nav></div> }
}

/// What has just been done here, by the word in the address; nothing beside a refusal.
pub(crate) fn done_notice(words: Words, refused: bool, known: &[(&str, &str)]) -> Option<AnyView> {
    let done = use_query_map().get_untracked().get("done")?;
    let (_, key) = known.iter().find(|(word, _)| *word == done.as_str()).filter(|_| !refused)?;
    let view = view! { <section class="card notice" role="status"><p>{words.t(key)}</p></section> };
    Some(view.into_any())
}

/// `/account`.
#[component]
pub fn AccountPage() -> impl IntoView {
    let (platform, ctx) = door();
    page(
        async move {
            let profile = platform::accounts::profile(&platform, &ctx).await?;
            let place = platform::accounts::security(&platform, &ctx).await?.password_place;
            let leaving = platform::accounts::may_leave(&platform, &ctx).await?;
            Ok((profile, place, leaving, platform::notifications::preferences(&platform, &ctx).await?))
        },
        |(profile, place, leaving, told)| account_view(profile, place, leaving, told),
    )
}

/// `place`: where the password is that is not here.
fn account_view(
    profile: Profile,
    place: Option<PasswordPlace>,
    leaving: Vec<(CustomerId, May)>,
    told: NotificationPreferences,
) -> AnyView {
    let words = Words::now();
    let note = standing_note(words, &profile);
    let known = [("picture", "account-done-picture"), ("picture-removed", "account-done-picture-removed")];
    let done = done_notice(words, Refused::from_query().is_some(), &known);
    let head = PageFrame::new(words.t("account-title"), Area::Account).actions(view! {
        <form method="post" action=SignOut::url()>
            <button class="btn">{words.t("sign-out")}</button>
        </form>
    });
    frame(
        head,
        view! {
            {tabs(words, paths::ACCOUNT)}
            {done}
            {note.map(|text| view! { <p class="note-line">{text}</p> })}
            <div class="columns">
                {who(words, profile.clone(), &leaving)}
                {picture(words, &profile)}
                {preferences(words, profile)}
                {match place {
                    Some(place) => email_elsewhere(words, place).into_any(),
                    None => email_change(words).into_any(),
                }}
                {choices_card(words, told)}
            </div>
        },
    )
}

/// Why there is no customer to act for: staff act for none, who signed up by themselves was not given a place yet, another's
/// is disabled, and another has only to choose.
fn standing_note(words: Words, profile: &Profile) -> Option<String> {
    let names = |list: &[MembershipView]| {
        let names: Vec<_> = list.iter().map(|membership| membership.customer_name.clone()).collect();
        names.join(&words.t("list-separator"))
    };
    if door().1.is_staff() {
        let belongs = !profile.memberships.is_empty();
        return belongs.then(|| words.with("account-staff-nowhere", &[("name", names(&profile.memberships))]));
    }
    if profile.tenant_id.is_some() {
        return None;
    }
    Some(match (profile.memberships.is_empty(), profile.disabled_memberships.is_empty()) {
        (true, true) => words.t("account-nowhere"),
        (true, false) => words.with("account-customer-disabled", &[("name", names(&profile.disabled_memberships))]),
        (false, _) => words.with("account-choose-customer", &[("name", names(&profile.memberships))]),
    })
}

/// The role that a person of disabled customers only has there: signed in they are nothing else.
fn role_words(words: Words, profile: &Profile) -> String {
    let waiting = profile.memberships.is_empty() && profile.role == "signed_in";
    let own = profile.disabled_memberships.iter().map(|m| words.t(&format!("member-role-{}", m.role.code())));
    let mut roles: Vec<_> = match waiting && !profile.disabled_memberships.is_empty() {
        true => own.collect(),
        false => profile.roles.iter().map(|role| crate::role_words::role_name(words.0, role, role)).collect(),
    };
    roles.dedup();
    roles.join(&words.t("list-separator"))
}

/// A customer one belongs to, and the way out of it.
fn membership(words: Words, m: MembershipView, disabled: bool, leaving: &[(CustomerId, May)]) -> impl IntoView + use<> {
    let role = words.t(&format!("member-role-{}", m.role.code()));
    let text = words.with("account-membership", &[("customer", m.customer_name.clone()), ("role", role)]);
    let named = |key: &str| words.with(key, &[("customer", m.customer_name.clone())]);
    let leave = leaving.iter().find(|(id, _)| *id == m.customer_id).and_then(|(id, may)| {
        Ask::new(format!("leave-{id}"), words.t("account-leave"), named("account-leave-hint"), LeaveCustomer::url())
            .row(named("account-leave-of"))
            .yes(named("account-leave-of"))
            .field("customer", id)
            .may(words, may)
    });
    view! {
        <dt>{words.t("account-customer")}</dt>
        <dd>
            {text} " " {disabled.then(|| state(Tone::Off, words.t("customer-disabled")))} " " {leave}
        </dd>
    }
}

fn who(words: Words, profile: Profile, leaving: &[(CustomerId, May)]) -> impl IntoView + use<> {
    let zone = look().zone;
    let roles = role_words(words, &profile);
    let refused = Refused::from_query();
    let typed = refused.as_ref().and_then(|r| r.typed.get("displayName").cloned());
    let name = TextField {
        label: words.t("account-name"),
        name: "display_name".to_owned(),
        value: typed.unwrap_or_else(|| profile.display_name.clone()),
        fault: refused.as_ref().and_then(|r| r.fault(words.0, "displayName")),
        autocomplete: Some("name"),
        max_length: Some(100),
        ..TextField::default()
    };
    let memberships = profile.memberships.into_iter().map(|m| membership(words, m, false, leaving));
    let disabled = profile.disabled_memberships.into_iter().map(|m| membership(words, m, true, leaving));
    view! {
        <section class="card">
            <header><h2>{words.t("account-who")}</h2></header>
            <dl class="facts">
                <dt>{words.t("account-username")}</dt>
                <dd class="mono">{profile.name}</dd>
                <dt>{words.t("account-email")}</dt>
                <dd>{profile.email.unwrap_or_else(|| NOT_MEASURED.to_owned())}</dd>
                <dt>{words.t("account-roles")}</dt>
                <dd>{roles}</dd>
                {memberships.collect_view()}
                {disabled.collect_view()}
                <dt>{words.t("account-last-sign-in")}</dt>
                <dd>{profile.last_login_at.map_or_else(|| NOT_MEASURED.into_any(), |at| time(at, zone).into_any())}</dd>
            </dl>
            <form class="form" method="post" action=UpdateProfile::url()>
                {text_field(name)}
                <p class="actions"><button class="btn">{words.t("form-save")}</button></p>
            </form>
        </section>
    }
}

fn picture(words: Words, profile: &Profile) -> impl IntoView + use<> {
    let refused = Refused::from_query().filter(|refused| refused.typed.contains_key("avatar"));
    let fault = refused.as_ref().and_then(|r| r.fault(words.0, "file"));
    let general = refused.as_ref().filter(|r| r.fields.is_empty()).map(|r| r.message(words.0));
    let file = file_field(
        "avatar-file",
        words.t("account-avatar-file"),
        "image/png,image/jpeg,image/webp",
        fault,
        Some(words.t("account-avatar-hint")),
        (),
    );
    let has = profile.avatar.is_some();
    view! {
        <section class="card" id="avatar">
            <header><h2>{words.t("account-avatar")}</h2> {avatar(&profile.display_name)}</header>
            <form class="form" method="post" action=contract::accounts::AVATAR_PATH enctype="multipart/form-data">
                {form_fault(general)}
                {file}
                <p class="actions"><button class="btn">{words.t("account-avatar-upload")}</button></p>
            </form>
            {has.then(|| {
                let (opens, question) = (words.t("account-avatar-remove"), words.t("account-avatar-remove-hint"));
                let remove = Ask::new("avatar", opens, question, RemoveAvatar::url())
                    .class("btn")
                    .yes(words.t("account-avatar-remove-confirm"));
                view! { <div class="actions">{remove.view(words)}</div> }
            })}
        </section>
    }
}

/// Where no password here proves that the account is theirs, nothing is changed by one.
fn email_elsewhere(words: Words, place: PasswordPlace) -> impl IntoView {
    view! {
        <section class="card">
            <header><h2>{words.t("account-change-email")}</h2></header>
            <p class="note-line">{words.with("account-change-email-elsewhere", &[("provider", place.provider_name)])}</p>
        </section>
    }
}

fn email_change(words: Words) -> impl IntoView {
    let refused = Refused::from_query();
    let fault = |path: &str| refused.as_ref().and_then(|r| r.fault(words.0, path));
    let general =
        refused.as_ref().filter(|r| r.fields.is_empty() && r.typed.contains_key("email")).map(|r| r.message(words.0));
    let sent = use_query_map().get_untracked().get("sent").is_some();
    let email = TextField {
        label: words.t("account-change-email-to"),
        name: "email".to_owned(),
        kind: "email",
        value: refused.as_ref().and_then(|r| r.typed.get("email").cloned()).unwrap_or_default(),
        fault: fault("email"),
        autocomplete: Some("email"),
        required: true,
        ..TextField::default()
    };
    let password = TextField {
        label: words.t("account-change-email-password"),
        name: "password".to_owned(),
        kind: "password",
        fault: fault("password"),
        autocomplete: Some("current-password"),
        required: true,
        ..TextField::default()
    };
    view! {
        <section class="card">
            <header><h2>{words.t("account-change-email")}</h2></header>
            <form class="form" method="post" action=RequestEmailChange::url()>
                {form_fault(general)}
                {sent.then(|| view! { <p role="status">{words.t("account-change-email-sent")}</p> })}
                {my_name()}
                {text_field(email)}
                {text_field(password)}
                <p class="actions"><button class="btn">{words.t("account-change-email-action")}</button></p>
            </form>
        </section>
    }
}

fn preferences(words: Words, profile: Profile) -> impl IntoView {
    let look = look();
    let refused = Refused::from_query();
    let fault = refused.as_ref().and_then(|r| r.fault(words.0, "timeZone"));
    let typed = refused.as_ref().and_then(|r| r.typed.get("timeZone").cloned());
    let languages = Language::ALL.map(|l| (l.code().to_owned(), words.t(&format!("frame-language-{}", l.code()))));
    let themes = Theme::ALL.map(|t| (t.code().to_owned(), words.t(&format!("theme-{}", t.code()))));
    let zone = TextField {
        label: words.t("account-time-zone"),
        name: "time_zone".to_owned(),
        value: typed.or(profile.time_zone).unwrap_or_default(),
        hint: Some(words.with("account-time-zone-hint", &[("zone", look.zone.name().to_owned())])),
        fault,
        ..TextField::default()
    };
    // The other form of this page says its own.
    let general = refused
        .filter(|r| {
            r.fields.is_empty() && ["email", "quiet_from", "avatar"].iter().all(|name| !r.typed.contains_key(*name))
        })
        .map(|r| r.message(words.0));
    view! {
        <section class="card">
            <header><h2>{words.t("account-preferences")}</h2></header>
            <form class="form" method="post" action=SetPreferences::url()>
                <input r#type="hidden" name="back" value=paths::ACCOUNT />
                {form_fault(general)}
                {select_field(words.t("account-language"), "language", languages.into(), look.language.code(), None)}
                {select_field(words.t("account-theme"), "theme", themes.into(), look.theme.code(), None)}
                {text_field(zone)}
                <p class="actions"><button class="btn primary">{words.t("form-save")}</button></p>
            </form>
        </section>
    }
}
