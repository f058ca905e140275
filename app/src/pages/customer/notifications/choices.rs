//! How one wants to be told: a section of one's account.

use contract::notifications::{NotificationChoice, NotificationKind, NotificationPreferences};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::server_fns::ChooseNotifications;
use crate::door::Refused;
use crate::ui::forms::{TextField, form_fault, text_field};
use crate::ui::table::table_of;
use crate::words::Words;

/// Kinds down, ways across, and the quiet hours.
pub(crate) fn choices_card(words: Words, now: NotificationPreferences) -> impl IntoView {
    let refused = Refused::from_query().filter(|refused| refused.typed.contains_key("quiet_from"));
    let general = refused.as_ref().filter(|r| r.fields.is_empty()).map(|r| r.message(words.0));
    let clock = |key: &str, name: &str, path: &str, value: Option<String>| TextField {
        label: words.t(key),
        name: name.to_owned(),
        kind: "time",
        value: refused.as_ref().and_then(|r| r.typed.get(name).cloned()).or(value).unwrap_or_default(),
        fault: refused.as_ref().and_then(|r| r.fault(words.0, path)),
        ..TextField::default()
    };
    let (from, until) = (
        clock("notifications-quiet-from", "quiet_from", "quietFrom", now.quiet_from),
        clock("notifications-quiet-until", "quiet_until", "quietUntil", now.quiet_until),
    );
    // What was chosen beside hours that are none comes back, too; an empty box is not posted.
    let chosen = |way: &str, kind: NotificationKind, kept: bool| match refused.as_ref().and_then(|r| r.typed.get(way)) {
        Some(kinds) if !kind.is_security() => kinds.split(',').any(|word| word == kind.code()),
        _ => kept,
    };
    let rows = now.choices.into_iter().map(|mut choice| {
        choice.in_app = chosen("in_app", choice.kind, choice.in_app);
        choice.mail = chosen("mail", choice.kind, choice.mail);
        choice.webhook = chosen("webhook", choice.kind, choice.webhook);
        kind_row(words, choice)
    });
    let rows = rows.collect_view();
    view! {
        <section class="card" id="notifications">
            <header><h2>{words.t("notifications-choices")}</h2></header>
            <form class="form" method="post" action=ChooseNotifications::url()>
                {form_fault(general)}
                {table_of("choices cards", words.t("notifications-choices"), view! {
                    <th scope="col">{words.t("notifications-kind")}</th>
                    <th scope="col">{words.t("notifications-in-app")}</th>
                    <th scope="col">{words.t("notifications-mail")}</th>
                    <th scope="col">{words.t("notifications-webhook")}</th>
                }, rows)}
                <fieldset>
                    {text_field(from)}
                    {text_field(until)}
                </fieldset>
                <p class="hint">{words.t("notifications-quiet-hint")}</p>
                <p class="actions"><button class="btn primary">{words.t("form-save")}</button></p>
            </form>
        </section>
    }
}

fn kind_row(words: Words, choice: NotificationChoice) -> impl IntoView {
    let kind = words.t(&format!("notification-kind-{}", choice.kind.code()));
    // What may be somebody else's doing cannot be switched off.
    let fixed = choice.kind.is_security();
    let check = |name: &'static str, way: &str, on: bool| {
        let label = words.with("notifications-by", &[("kind", kind.clone()), ("way", words.t(way))]);
        view! {
            <td data-label=words.t(way)>
                <input r#type="checkbox" name=name value=choice.kind.code() checked=on disabled=fixed aria-label=label />
            </td>
        }
    };
    let in_app = check("in_app[]", "notifications-in-app", choice.in_app);
    let mail = check("mail[]", "notifications-mail", choice.mail);
    let webhook = check("webhook[]", "notifications-webhook", choice.webhook);
    view! {
        <tr>
            <th scope="row">{kind.clone()}</th>
            {in_app}
            {mail}
            {webhook}
        </tr>
    }
}
