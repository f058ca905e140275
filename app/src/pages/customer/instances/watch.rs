//! `/instances/{id}/terminal/watch?share=…`: looking on at somebody's shell who gave a link to it. The page says nothing of the
//! instance: who has no link of it learns nothing.

use contract::{InstanceId, Permission};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::door::{door, id_of_path};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::{TextField, text_field};
use crate::words::Words;

/// `/instances/{id}/terminal/watch`.
#[component]
pub fn WatchPage() -> impl IntoView {
    let id: InstanceId = id_of_path();
    let map = use_query_map().get_untracked();
    let get = |name: &str| map.get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let (share, reason) = (get("share").unwrap_or_default(), get("reason"));
    let ctx = door().1;
    page(
        async move {
            let staff = ctx.holds(Permission::InstancesOperate);
            match staff || ctx.holds(Permission::InstancesUse) {
                true => Ok(staff),
                false => Err(platform::Error::not_found()),
            }
        },
        move |staff| view_of(id, staff, share, reason),
    )
}

fn view_of(id: InstanceId, staff: bool, share: String, reason: Option<String>) -> AnyView {
    let words = Words::now();
    let (area, crumb, back) = match staff {
        true => (Area::Instances, "nav-instances", paths::INSTANCES),
        false => (Area::OwnInstances, "nav-own-instances", paths::OWN_INSTANCES),
    };
    let head = PageFrame::new(words.t("watch-title"), area).crumb(words.t(crumb), back);
    if staff && reason.is_none() {
        return frame(head, reason_form(words, id, share));
    }
    let side = if staff { "admin" } else { "customer" };
    frame(head.terminal(), element(words, id, side, share, reason))
}

fn element(words: Words, id: InstanceId, side: &str, share: String, reason: Option<String>) -> impl IntoView + use<> {
    view! {
        <rg-terminal
            class="card terminal"
            data-watch=""
            data-given=share
            data-reason=reason
            data-ticket=format!("/api/{side}/instances/{id}/terminal/watch")
            data-socket=format!("/ws/instances/{id}/terminal/watch")
            data-label=words.t("watch-title")
            data-connecting=words.t("terminal-connecting")
            data-connected=words.t("watch-connected")
            data-recorded=words.t("terminal-recorded")
            data-recorded-input=words.t("terminal-recorded-input")
            data-unrecorded=words.t("terminal-unrecorded")
            data-lost=words.t("watch-lost")
            data-elsewhere=words.t("watch-elsewhere")
            data-again=words.t("watch-connected")
            data-skipped=words.with("terminal-skipped", &[("bytes", "{bytes}".to_owned())])
            data-viewers=words.with("terminal-viewers", &[("n", "{n}".to_owned())])
            data-exited=words.with("terminal-exited", &[("code", "{code}".to_owned())])
            data-exit-lost=words.t("terminal-exit-lost")
            data-exit-idle=words.t("terminal-exit-idle")
            data-exit-access=words.t("terminal-exit-access")
            data-exit-closed=words.t("terminal-exit-closed")
            data-exit-unshared=words.t("watch-unshared")
            data-copy=words.t("terminal-copy")
            data-copied=words.t("terminal-copied")
            data-search=words.t("terminal-search")
            data-previous=words.t("terminal-search-previous")
            data-next=words.t("terminal-search-next")
            data-none=words.t("terminal-search-none")
        >
            <noscript><p class="note-line">{words.t("terminal-plain")}</p></noscript>
        </rg-terminal>
        <p class="sub note-line">{words.t("watch-hint")}</p>
    }
}

/// What somebody does in a customer's instance is theirs: staff who look on give a reason, which they read.
fn reason_form(words: Words, id: InstanceId, share: String) -> impl IntoView {
    view! {
        <section class="card">
            <form class="form" method="get" action=paths::watch_terminal(id)>
                <p class="sub">{words.t("watch-reason-hint")}</p>
                <input r#type="hidden" name="share" value=share />
                {text_field(TextField {
                    label: words.t("watch-reason"),
                    name: "reason".to_owned(),
                    required: true,
                    max_length: Some(1000),
                    autocomplete: Some("off"),
                    ..TextField::default()
                })}
                <p class="actions"><button class="btn primary">{words.t("watch-title")}</button></p>
            </form>
        </section>
    }
}
