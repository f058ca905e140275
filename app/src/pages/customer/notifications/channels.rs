//! Webhooks of one's own, and the platform's robots: the same page for two owners.

use chrono::{DateTime, Utc};
use contract::notifications::{ChannelKind, ChannelView, DeliveryQuery, DeliveryState, DeliveryView, NotificationKind};
use contract::{ChannelId, May, Page, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;
use platform::accounts::{self, ShownOnce};
use platform::notifications::{self, Whose};
use platform::outbound::{Failure, Step};

use super::server_fns::{AddWebhook, ChangeWebhook, RemoveWebhook, TestWebhook};
use crate::door::{Refused, door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::settings::server_fns::{AddChannel, ChangeChannel, RemoveChannel, TestChannel};
use crate::pages::customer::accounts::page::tabs;
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::copy::copy_button;
use crate::ui::forms::{TextField, check_field, described_by, fault_view, form_fault, select_field, text_field};
use crate::ui::lists::{ListQuery, pager, past_the_end};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// Address of the page of these channels.
pub fn path_of(whose: Whose) -> &'static str {
    match whose {
        Whose::Own => paths::ACCOUNT_WEBHOOKS,
        Whose::Platform => paths::CHANNELS,
    }
}

/// The page after a test: of which channel, how far it came, and the HTTP status.
pub fn tested(whose: Whose, id: ChannelId, ended: Result<(), Failure>) -> String {
    let failure = ended.err();
    let step = failure.as_ref().map_or("done", |failure| failure.step.code());
    let status = failure.and_then(|failure| failure.status).map(|status| status.to_string()).unwrap_or_default();
    paths::with_query(path_of(whose), [("tested", id.to_string().as_str()), ("step", step), ("status", &status)])
}

/// What a posted form asks to change: an empty address or secret stays what it is.
pub fn change_of(
    name: String,
    url: String,
    secret: String,
    forget_secret: bool,
    enabled: bool,
    kinds: Option<&[String]>,
) -> platform::Result<contract::notifications::ChannelUpdate> {
    Ok(contract::notifications::ChannelUpdate {
        name: Some(name),
        url: Some(url).filter(|url| !url.trim().is_empty()),
        secret: if forget_secret { Some(String::new()) } else { Some(secret).filter(|secret| !secret.is_empty()) },
        enabled: Some(enabled),
        kinds: kinds.map(kinds_of).transpose()?,
    })
}

/// Kinds by their words.
pub fn kinds_of(words: &[String]) -> platform::Result<Vec<NotificationKind>> {
    let read = |word: &String| {
        NotificationKind::parse(word).ok_or_else(|| platform::Error::field("kinds", "field-unknown-value"))
    };
    words.iter().map(read).collect()
}

/// `/account/webhooks`.
#[component]
pub fn WebhooksPage() -> impl IntoView {
    channels_page(Whose::Own)
}

/// `/admin/settings/channels`.
#[component]
pub fn ChannelsPage() -> impl IntoView {
    channels_page(Whose::Platform)
}

struct Shown {
    whose: Whose,
    channels: Vec<ChannelView>,
    deliveries: Page<DeliveryView>,
    /// The newest, whatever is looked for below.
    lately: Vec<DeliveryView>,
    /// The secret of a new webhook.
    made: Option<String>,
    may_change: bool,
    /// Whether one can be added, and where it goes changed.
    may_hear: May,
}

fn channels_page(whose: Whose) -> impl IntoView {
    let list = ListQuery::here(path_of(whose), ["state", "pageSize", "page"]);
    let query = DeliveryQuery {
        page: list.page(),
        page_size: list.page_size(),
        state: DeliveryState::parse(list.get("state")),
    };
    let (platform, ctx) = door();
    let load = async move {
        let channels = notifications::list_channels(&platform, &ctx, whose).await?;
        let deliveries = notifications::deliveries(&platform, &ctx, whose, &query).await?;
        let lately = notifications::deliveries(&platform, &ctx, whose, &DeliveryQuery::default()).await?.list;
        let permission = match whose {
            Whose::Own => Permission::AccountsSecureOwn,
            Whose::Platform => Permission::SettingsUpdate,
        };
        let made = match whose {
            Whose::Own => accounts::take_for_page(&platform, &ctx, ShownOnce::WebhookSecret).await?,
            Whose::Platform => None,
        };
        let may_hear = notifications::may_hear(&ctx, whose)?;
        Ok(Shown { whose, channels, deliveries, lately, made, may_change: ctx.holds(permission), may_hear })
    };
    page(load, move |shown| channels_view(list, shown))
}

fn channels_view(query: ListQuery, shown: Shown) -> AnyView {
    let words = Words::now();
    let refused = Refused::from_query();
    let general = refused.as_ref().filter(|r| r.fields.is_empty()).map(|r| r.message(words.0));
    let (title, area, explained, empty, crumb) = match shown.whose {
        Whose::Own => {
            let crumb = (words.t("account-title"), paths::ACCOUNT);
            ("webhooks-title", Area::Account, "webhooks-explained", "webhooks-empty", crumb)
        }
        Whose::Platform => {
            let crumb = (words.t("nav-settings"), paths::SETTINGS);
            ("channels-title", Area::Settings, "channels-explained", "channels-empty", crumb)
        }
    };
    let head = PageFrame::new(words.t(title), area).crumb(crumb.0, crumb.1);
    let own = shown.whose == Whose::Own;
    let (whose, may_change, hears) = (shown.whose, shown.may_change, shown.may_hear.allowed);
    let why_not = shown.may_hear.why_not.map(|why| view! { <p class="note-line">{why}</p> });
    let cards = if shown.channels.is_empty() {
        view! { <section class="card"><div class="empty"><p>{words.t(empty)}</p></div></section> }.into_any()
    } else {
        let cards = shown.channels.into_iter().map(|view| {
            let now = standing(words, &view, failing_since(&shown.lately, view.id));
            card(words, whose, (view, now), (may_change, hears), refused.as_ref())
        });
        cards.collect_view().into_any()
    };
    let done = use_query_map().get_untracked().get("done");
    let done = ["added", "saved", "removed"].into_iter().find(|what| done.as_deref() == Some(*what));
    let done = done.map(|what| {
        view! { <p class="note-line" role="status">{words.t(&format!("channel-{what}"))}</p> }
    });
    frame(
        head,
        view! {
            {own.then(|| tabs(words, paths::ACCOUNT_WEBHOOKS))}
            {form_fault(general)}
            {done}
            {shown.made.map(|secret| made(words, secret))}
            <p class="note-line">{words.t(explained)}</p>
            {cards}
            {why_not}
            {(may_change && hears).then(|| new_form(words, whose, refused.as_ref()))}
            {deliveries_card(words, &query, shown.deliveries)}
        },
    )
}

fn made(words: Words, secret: String) -> impl IntoView {
    view! {
        <section class="card" role="status">
            <header><h2>{words.t("webhooks-made")}</h2></header>
            <p class="note-line">{words.t("webhooks-made-hint")}</p>
            <div class="note-line">
                <p class="command-line">
                    <code class="select">{secret.clone()}</code>
                    {copy_button(secret, words.t("copy"), words.t("copied"))}
                </p>
            </div>
        </section>
    }
}

/// Since when nothing has arrived there, of what was tried lately, newest first; `None` where the last try arrived.
fn failing_since(lately: &[DeliveryView], id: ChannelId) -> Option<DateTime<Utc>> {
    // What waited while the channel was off was not tried.
    let off = format!("{}: ", Step::Off.code());
    let was_tried = |row: &&DeliveryView| match &row.last_error {
        Some(error) => !error.starts_with(&off),
        None => row.state == DeliveryState::Sent,
    };
    let tried = lately.iter().filter(|row| row.channel_id == id).filter(was_tried);
    tried.take_while(|row| row.state != DeliveryState::Sent).last().map(|row| row.created_at)
}

/// Whether it is on, and whether what is sent there arrives.
fn standing(words: Words, view: &ChannelView, failing: Option<DateTime<Utc>>) -> AnyView {
    match (view.enabled, view.failures) {
        (true, 0) if failing.is_none() => state(Tone::Ok, words.t("channel-on")).into_any(),
        (true, _) => {
            let since = failing.map(|at| {
                view! { <span class="sub">{words.t("channel-failing-since")} " " {time(at, look().zone)}</span> }
            });
            view! { {state(Tone::Warn, words.t("channel-failing"))} " " {since} }.into_any()
        }
        (false, 0) => state(Tone::Off, words.t("channel-off")).into_any(),
        (false, _) => state(Tone::Bad, words.t("channel-switched-off")).into_any(),
    }
}

fn card(
    words: Words,
    whose: Whose,
    (view, now): (ChannelView, AnyView),
    (may_change, hears): (bool, bool),
    refused: Option<&Refused>,
) -> impl IntoView + use<> {
    let id = view.id.to_string();
    let carried = view.kinds.iter().map(|kind| words.t(&format!("notification-kind-{}", kind.code())));
    let carried = carried.collect::<Vec<_>>().join(&words.t("list-separator"));
    let signed = words.t(if view.has_secret { "channel-signed" } else { "channel-not-signed" });
    let (test, remove) = match whose {
        Whose::Own => (TestWebhook::url(), RemoveWebhook::url()),
        Whose::Platform => (TestChannel::url(), RemoveChannel::url()),
    };
    let (name, kind) = (view.name.clone(), view.kind);
    let actions = may_change.then(|| {
        let remove = Ask::new(&id, words.t("channel-remove"), words.t("channel-remove-hint"), remove)
            .row(words.with("channel-remove-of", &[("name", name.clone())]))
            .yes(words.t("channel-remove-confirm"))
            .field("id", &id);
        view! {
            <div class="actions">
                <form method="post" action=test>
                    <input r#type="hidden" name="id" value=id.clone() />
                    <button class="btn small">{words.t("channel-test")}</button>
                </form>
                {remove.view(words)}
            </div>
            {change_form(words, (whose, hears), &view, refused)}
        }
    });
    // Two may have one name and host; the rest of the address is nobody's to read.
    let number = words.with("channel-number", &[("n", id.clone())]);
    view! {
        <section class="card" id=format!("channel-{id}")>
            <header><h2>{name}</h2> <span class="sub">{number}</span> {now}</header>
            {test_result(words, &id)}
            <dl class="facts">
                <dt>{words.t("channel-kind")}</dt>
                <dd>{words.t(&format!("channel-kind-{}", kind.code()))}</dd>
                <dt>{words.t("channel-host")}</dt>
                <dd class="mono">{view.host.clone()}</dd>
                <dt>{words.t("channel-signature")}</dt>
                <dd>{signed}</dd>
                {(!carried.is_empty()).then(|| view! { <dt>{words.t("channel-kinds")}</dt> <dd>{carried}</dd> })}
            </dl>
            {actions}
        </section>
    }
}

/// What the last test of this channel found; only what we have words for is said.
fn test_result(words: Words, id: &str) -> impl IntoView + use<> {
    let map = use_query_map().get_untracked();
    let step = map.get("step").filter(|_| map.get("tested").as_deref() == Some(id)).and_then(|step| {
        let known = step == "done" || Step::ALL.iter().any(|s| s.code() == step);
        known.then(|| (step == "done", words.t(&format!("channel-test-{step}"))))
    });
    let status = map.get("status").and_then(|status| status.parse::<u16>().ok());
    step.map(|(fine, text)| {
        let status = status.map(|status| format!("HTTP {status}"));
        view! { <p class="note-line" role="status">{state(if fine { Tone::Ok } else { Tone::Bad }, text)} " " {status}</p> }
    })
}

fn name_field(words: Words, now: Option<&ChannelView>, refused: Option<&Refused>) -> TextField {
    let typed = refused.and_then(|r| r.typed.get("name").cloned());
    TextField {
        label: words.t("channel-name"),
        name: "name".to_owned(),
        value: typed.or(now.map(|view| view.name.clone())).unwrap_or_default(),
        fault: refused.and_then(|r| r.fault(words.0, "name")),
        required: true,
        max_length: Some(100),
        ..TextField::default()
    }
}

/// Fields that a new and a changed channel have both; `now` is what is kept.
fn fields(words: Words, whose: Whose, now: Option<&ChannelView>, refused: Option<&Refused>) -> impl IntoView + use<> {
    let fault = |path: &str| refused.and_then(|r| r.fault(words.0, path));
    let name = name_field(words, now, refused);
    let url = TextField {
        label: words.t("channel-url"),
        name: "url".to_owned(),
        kind: "url",
        fault: fault("url"),
        hint: Some(words.t(if now.is_some() { "channel-url-kept" } else { "channel-url-hint" })),
        autocomplete: Some("off"),
        required: now.is_none(),
        ..TextField::default()
    };
    let hint = match (whose, now) {
        (_, Some(_)) => "channel-secret-kept",
        (Whose::Own, None) => "webhooks-secret-hint",
        (Whose::Platform, None) => "channel-secret-hint",
    };
    let secret = TextField {
        label: words.t("channel-secret"),
        name: "secret".to_owned(),
        kind: "password",
        fault: fault("secret"),
        hint: Some(words.t(hint)),
        autocomplete: Some("off"),
        ..TextField::default()
    };
    let kinds = (whose == Whose::Platform).then(|| {
        let kinds_fault = fault("kinds");
        let id = format!("kinds-{}", now.map_or_else(|| "new".to_owned(), |view| view.id.to_string()));
        let described = described_by(&id, &kinds_fault, &None);
        let carried = now.map_or_else(|| NotificationKind::OF_PLATFORM.to_vec(), |view| view.kinds.clone());
        let boxes = NotificationKind::OF_PLATFORM.map(|kind| {
            view! {
                <label>
                    <input r#type="checkbox" name="kinds[]" value=kind.code() checked=carried.contains(&kind) />
                    <span>{words.t(&format!("notification-kind-{}", kind.code()))}</span>
                </label>
            }
        });
        view! {
            <div class="scopes" role="group" aria-label=words.t("channel-kinds") aria-describedby=described>
                {boxes.into_iter().collect_view()}
            </div>
            {fault_view(&id, kinds_fault)}
        }
    });
    view! {
        <fieldset>
            {text_field(name)}
            {text_field(url)}
            {text_field(secret)}
        </fieldset>
        {kinds}
    }
}

fn new_form(words: Words, whose: Whose, refused: Option<&Refused>) -> impl IntoView + use<> {
    let refused = refused.filter(|refused| refused.typed.get("form").is_some_and(|form| form == "new"));
    let (action, title) = match whose {
        Whose::Own => (AddWebhook::url(), "webhooks-new"),
        Whose::Platform => (AddChannel::url(), "channels-new"),
    };
    let kinds = (whose == Whose::Platform).then(|| {
        let kinds = ChannelKind::ROBOTS.map(|k| (k.code().to_owned(), words.t(&format!("channel-kind-{}", k.code()))));
        let chosen = refused.and_then(|r| r.typed.get("kind").cloned()).unwrap_or_default();
        select_field(
            words.t("channel-kind"),
            "kind",
            kinds.into(),
            &chosen,
            refused.and_then(|r| r.fault(words.0, "kind")),
        )
    });
    view! {
        <section class="card">
            <header><h2>{words.t(title)}</h2></header>
            <form class="form" method="post" action=action>
                {kinds}
                {fields(words, whose, None, refused)}
                <p class="actions"><button class="btn primary">{words.t("channel-add")}</button></p>
            </form>
        </section>
    }
}

/// Who may not have it told anything names it otherwise and switches it off; what it is told stays.
fn change_form(
    words: Words,
    (whose, hears): (Whose, bool),
    view: &ChannelView,
    refused: Option<&Refused>,
) -> impl IntoView + use<> {
    let id = view.id.to_string();
    let refused = refused.filter(|refused| refused.typed.get("form").is_some_and(|form| *form == id));
    let action = match whose {
        Whose::Own => ChangeWebhook::url(),
        Whose::Platform => ChangeChannel::url(),
    };
    let forget = (hears && whose == Whose::Platform && view.has_secret)
        .then(|| check_field(words.t("channel-secret-forget"), None, "forget_secret", false));
    let asked = match hears {
        true => fields(words, whose, Some(view), refused).into_any(),
        false => {
            let kinds = view.kinds.iter().map(|kind| kind.code());
            let kinds = kinds.map(|kind| view! { <input r#type="hidden" name="kinds[]" value=kind /> }).collect_view();
            view! { <fieldset>{text_field(name_field(words, Some(view), refused))}</fieldset> {kinds} }.into_any()
        }
    };
    let switch =
        (hears || view.enabled).then(|| check_field(words.t("channel-enabled"), None, "enabled", view.enabled));
    view! {
        <details open=refused.is_some()>
            <summary class="card-summary">{words.t("channel-change")}</summary>
            <form class="form" method="post" action=action>
                <input r#type="hidden" name="id" value=id />
                {asked}
                {forget}
                {switch}
                <p class="actions"><button class="btn">{words.t("form-save")}</button></p>
            </form>
        </details>
    }
}

/// What the last try ended with: in words, and what was said there behind them.
fn last_fault(words: Words, error: Option<String>) -> Option<AnyView> {
    let error = error?;
    let step = error.split_once(": ").filter(|(code, _)| Step::ALL.iter().any(|step| step.code() == *code));
    Some(match step {
        Some((code, said)) => {
            let means = words.t(&format!("channel-test-{code}"));
            view! { {means} " " <span class="sub mono">{said.to_owned()}</span> }.into_any()
        }
        None => error.into_any(),
    })
}

fn deliveries_card(words: Words, query: &ListQuery, page: Page<DeliveryView>) -> impl IntoView + use<> {
    let mut states = vec![(String::new(), words.t("filter-all"))];
    states.extend(DeliveryState::ALL.map(|s| (s.code().to_owned(), words.t(&format!("delivery-state-{}", s.code())))));
    let body = if page.total == 0 {
        let nothing = if query.get("state").is_empty() { "deliveries-empty" } else { "list-none-match" };
        view! { <div class="empty"><p>{words.t(nothing)}</p></div> }.into_any()
    } else {
        past_the_end(words, query, page.page, page.page_size, page.total)
            .unwrap_or_else(|| deliveries_table(words, query, page))
    };
    view! {
        <section class="card" id="deliveries">
            <header><h2>{words.t("deliveries-title")}</h2></header>
            <form class="filters" method="get" action=query.path.to_string()>
                <select name="state" aria-label=words.t("mails-state")>
                    {crate::ui::forms::options_view(states, query.get("state"))}
                </select>
                <button class="btn">{words.t("filter-apply")}</button>
            </form>
            {body}
        </section>
    }
}

fn deliveries_table(words: Words, query: &ListQuery, page: Page<DeliveryView>) -> AnyView {
    let zone = look().zone;
    let pager = pager(words, query, page.page, page.page_size, page.total);
    let rows = page.list.into_iter().map(|row| {
        let about = match row.kind.as_str() {
            "test" => words.t("delivery-test"),
            kind => words.t(&format!("notification-kind-{kind}")),
        };
        let tone = match row.state {
            DeliveryState::Queued => Tone::Info,
            DeliveryState::Sent => Tone::Ok,
            DeliveryState::Failed => Tone::Bad,
        };
        let hint = row.next_try_at.map(|_| words.t("mails-waits-hint"));
        let waits = row.next_try_at.map(|at| {
            view! { <span class="sub">" " {words.t("mails-waits-until")} " " {time(at, zone)}</span> }
        });
        view! {
            <tr>
                <td data-label=words.t("mails-at")>{time(row.created_at, zone)}</td>
                <th scope="row">{row.channel}</th>
                <td data-label=words.t("notifications-kind")>{about}</td>
                <td data-label=words.t("mails-state") title=hint>
                    {state(tone, words.t(&format!("delivery-state-{}", row.state.code())))} {waits}
                </td>
                <td class="num" data-label=words.t("mails-attempts")>{row.attempts}</td>
                <td class="says" data-label=words.t("mails-error")>{last_fault(words, row.last_error)}</td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        {list_table(words.t("deliveries-title"), view! {
            <th scope="col">{words.t("mails-at")}</th>
            <th scope="col">{words.t("channel-name")}</th>
            <th scope="col">{words.t("notifications-kind")}</th>
            <th scope="col">{words.t("mails-state")}</th>
            <th scope="col" class="num">{words.t("mails-attempts")}</th>
            <th scope="col">{words.t("mails-error")}</th>
        }, rows)}
        {pager}
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use contract::DeliveryId;

    use super::*;

    fn row(id: i64, channel: i64, state: DeliveryState, error: Option<&str>) -> DeliveryView {
        DeliveryView {
            id: DeliveryId(id),
            channel_id: ChannelId(channel),
            channel: "ours".to_owned(),
            kind: "test".to_owned(),
            state,
            attempts: 1,
            last_error: error.map(str::to_owned),
            created_at: DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(id),
            sent_at: None,
            next_try_at: None,
        }
    }

    #[test]
    fn a_channel_fails_since_the_oldest_message_after_the_last_that_arrived() {
        use DeliveryState::{Failed, Queued, Sent};
        let bad = Some("redirect: HTTP 302");
        let lately = [
            row(9, 1, Queued, None),
            row(8, 1, Queued, bad),
            row(7, 2, Sent, None),
            row(6, 1, Failed, bad),
            row(5, 1, Failed, Some("off: switched off meanwhile")),
            row(4, 1, Sent, None),
            row(3, 1, Failed, bad),
            row(2, 3, Failed, Some("off: switched off meanwhile")),
        ];
        let since = |id: i64| failing_since(&lately, ChannelId(id)).map(|at| at.timestamp() / 60);
        assert_eq!([since(1), since(2), since(3)], [Some(6), None, None]);
    }
}
