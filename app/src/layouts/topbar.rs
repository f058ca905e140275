//! The top bar: brand, search, language, theme, account; at narrow widths also the folded navigation.

use contract::Permission;
use contract::accounts::{Language, MembershipView, Theme};
use contract::jobs::MyJobsMark;
use contract::notifications::UnreadView;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use platform::OpContext;

use super::{Area, here, nav};
use crate::door::{Avatar, appearance, look};
use crate::pages::auth::server_fns::SignOut;
use crate::pages::customer::accounts::server_fns::{SetPreferences, SwitchCustomer};
use crate::paths;
use crate::ui::icons;
use crate::words::Words;

pub(super) fn topbar(words: Words, area: Area) -> impl IntoView {
    let ctx = use_context::<OpContext>();
    let home = ctx.as_ref().map_or(paths::HOME, crate::menus::first_page);
    view! {
        <header class="topbar">
            <details class="fold">
                <summary aria-label=words.t("frame-nav")>
                    <span class="icon" inner_html=icons::MENU></span>
                </summary>
                <nav class="folded" aria-label=words.t("frame-nav")>{nav::entries(words, area)}</nav>
            </details>
            <a class="brand" href=home aria-label=appearance().name>
                {brand()}
            </a>
            {search(words)}
            <div class="end">
                {look_switches(words)}
                {ctx.as_ref().and_then(|ctx| jobs(words, ctx))}
                {ctx.as_ref().and_then(OpContext::user).map(|user| (bell(words), account(words, user)))}
            </div>
        </header>
    }
}

/// Logo and name of the installation.
pub fn brand() -> impl IntoView {
    let appearance = appearance();
    let mark = match appearance.logo_tag {
        Some(tag) => view! { <img class="logo" src=paths::logo(&tag) alt="" /> }.into_any(),
        None => view! { <span class="icon" inner_html=icons::BRAND></span> }.into_any(),
    };
    view! {
        {mark}
        <span>{appearance.name}</span>
    }
}

fn search(words: Words) -> impl IntoView {
    // What can be done with what is open is found from here; the address without its query is enough for that.
    let on = here().split('?').next().unwrap_or_default().to_owned();
    let asks = paths::search_on(&on);
    view! {
        <form class="search" method="get" action=paths::SEARCH role="search">
            <span class="icon" inner_html=icons::SEARCH></span>
            <input r#type="search" name="q" placeholder=words.t("frame-search") aria-label=words.t("frame-search") aria-keyshortcuts="Control+K" />
            <input r#type="hidden" name="on" value=on />
        </form>
        <rg-palette data-label=words.t("frame-search") data-href=asks></rg-palette>
    }
}

/// Language and theme, as forms that work everywhere.
pub fn look_switches(words: Words) -> impl IntoView {
    let look = look();
    let (language, word) = match look.language {
        Language::Zh => (Language::En, words.t("frame-language-en")),
        Language::En => (Language::Zh, words.t("frame-language-zh")),
    };
    let (theme, icon) = match look.theme {
        Theme::Auto => (Theme::Light, icons::HALF),
        Theme::Light => (Theme::Dark, icons::SUN),
        Theme::Dark => (Theme::Auto, icons::MOON),
    };
    let label = words.t(match theme {
        Theme::Auto => "frame-theme-to-auto",
        Theme::Light => "frame-theme-to-light",
        Theme::Dark => "frame-theme-to-dark",
    });
    view! {
        <form class="switches" method="post" action=SetPreferences::url()>
            <input r#type="hidden" name="back" value=here() />
            <button class="btn ghost" name="language" value=language.code() lang=language.html_tag()>{word}</button>
        </form>
        <form class="switches" method="post" action=SetPreferences::url()>
            <input r#type="hidden" name="back" value=here() />
            <button class="btn ghost icon-only" name="theme" value=theme.code() aria-label=label.clone() title=label>
                <span class="icon" inner_html=icon></span>
            </button>
        </form>
    }
}

/// How many unread, or at work, as the top bar shows it.
fn badge(n: u64) -> Option<impl IntoView> {
    (n > 0).then(|| {
        let text = if n > 99 { "99+".to_owned() } else { n.to_string() };
        view! { <span class="badge" aria-hidden="true">{text}</span> }
    })
}

/// What one wanted oneself and is under way, as of this page: the way to the page of jobs, which `<rg-jobs>` makes a drawer of
/// that is kept up to date.
fn jobs(words: Words, ctx: &OpContext) -> Option<impl IntoView + use<>> {
    let going = use_context::<MyJobsMark>()?.going;
    let label = words.with("jobs-drawer", &[("n", going.to_string())]);
    let [none, one, many] = ["0", "1", "{n}"].map(|n| words.with("jobs-drawer", &[("n", n.to_owned())]));
    let href = if ctx.holds_everywhere(Permission::JobsView) { paths::JOBS } else { paths::OWN_JOBS };
    Some(view! {
        <rg-jobs
            data-href="/api/customer/jobs/mine"
            data-none=none
            data-one=one
            data-many=many
            data-empty=words.t("jobs-drawer-empty")
            data-away=words.t("jobs-drawer-away")
            data-all=words.t("jobs-drawer-all")
            data-zone=look().zone.name()
        >
            <a class="btn ghost icon-only jobs-button" href=href aria-label=label.clone() title=label>
                <span class="icon" inner_html=icons::HOURGLASS></span>
                {badge(going)}
            </a>
        </rg-jobs>
    })
}

/// What was not read yet, as of this page; `<rg-bell>` keeps it up to date, and opens the dialog when the session ends.
fn bell(words: Words) -> impl IntoView + use<> {
    let unread = use_context::<UnreadView>().unwrap_or_default().unread;
    let label = words.with("notifications-bell", &[("n", unread.to_string())]);
    // Says the same with other numbers, as they come.
    let told = ["0", "1", "{n}"].map(|n| words.with("notifications-bell", &[("n", n.to_owned())]));
    let [none, one, many] = told;
    view! {
        <rg-bell
            data-none=none
            data-one=one
            data-many=many
            data-latest=words.t("notifications-latest")
            data-empty=words.t("notifications-empty")
            data-all=words.t("notifications-show-all")
            data-new=words.t("notifications-unread")
        >
            <a class="btn ghost icon-only bell" href=paths::NOTIFICATIONS aria-label=label.clone() title=label>
                <span class="icon" inner_html=icons::BELL></span>
                {badge(unread)}
            </a>
            <dialog class="ended" aria-labelledby="ended">
                <h2 id="ended">{words.t("frame-ended")}</h2>
                <p>{words.t("frame-ended-hint")}</p>
                <p class="actions">
                    <a class="btn primary" href=paths::login(paths::local(&here()))>{words.t("login-action")}</a>
                    <a class="btn" href=paths::HOME>{words.t("error-back-home")}</a>
                </p>
            </dialog>
        </rg-bell>
    }
}

fn account(words: Words, user: &platform::UserPrincipal) -> impl IntoView + use<> {
    let name = user.display_name.clone();
    let picture = avatar(&name);
    view! {
        <details class="menu">
            <summary aria-label=words.with("frame-account-of", &[("name", name.clone())])>
                {picture}
            </summary>
            <div class="menu-body">
                <p class="who">{name}</p>
                {switcher(words, user)}
                <a href=paths::ACCOUNT>{words.t("nav-account")}</a>
                <form method="post" action=SignOut::url()>
                    <button class="link">{words.t("sign-out")}</button>
                </form>
            </div>
        </details>
    }
}

/// The customers one may act for, where there is a choice.
fn switcher(words: Words, user: &platform::UserPrincipal) -> Option<impl IntoView + use<>> {
    let choices = use_context::<Vec<MembershipView>>().filter(|choices| !choices.is_empty())?;
    let active = user.active_customer;
    let buttons = choices.into_iter().map(|choice| {
        let here = active == Some(choice.customer_id);
        view! {
            <button class="link" name="customer" value=choice.customer_id.to_string() disabled=here
                aria-current=here.then_some("true")>{choice.customer_name}</button>
        }
    });
    Some(view! {
        <form class="acts-for" method="post" action=SwitchCustomer::url()>
            <fieldset>
                <legend>{words.t("frame-act-for")}</legend>
                {buttons.collect_view()}
            </fieldset>
        </form>
    })
}

/// The picture of who asks, or the initial of their name.
pub fn avatar(name: &str) -> AnyView {
    match use_context::<Avatar>().and_then(|avatar| avatar.0) {
        Some(tag) => view! { <img class="avatar" src=paths::avatar(&tag) alt="" /> }.into_any(),
        None => {
            let initial: String = name.chars().next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
            view! { <span class="avatar" aria-hidden="true">{initial}</span> }.into_any()
        }
    }
}
