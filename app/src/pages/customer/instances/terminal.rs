//! `/instances/{id}/terminal`: a shell in an instance (`frontend/js/src/rg-terminal.js`). Without JavaScript the page says so.

use contract::instances::{InstanceState, InstanceView};
use contract::{InstanceId, Permission};
use leptos::prelude::*;

use super::cells::state_cell;
use super::recordings::told;
use crate::door::{door, id_of_path, may_open};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::words::Words;

/// `/instances/{id}/terminal`.
#[component]
pub fn TerminalPage() -> impl IntoView {
    let id: InstanceId = id_of_path();
    let (platform, ctx) = door();
    page(
        async move {
            may_open(&ctx, Permission::InstancesCreate)?;
            let view = platform::instances::get(&platform, &ctx, id).await?;
            let recorded = platform::instances::recorded_here(&platform, &ctx, id).await?;
            let recorded = recorded.map(|policy| policy.input);
            Ok((view, recorded))
        },
        |(view, recorded)| terminal_view(view, recorded),
    )
}

/// With whether what is typed is recorded, too, where it is recorded at all.
fn terminal_view(view: InstanceView, recorded: Option<bool>) -> AnyView {
    let words = Words::now();
    let running = view.state == InstanceState::Running;
    let head = PageFrame::new(words.t("terminal-title"), Area::OwnInstances)
        .crumb(words.t("nav-own-instances"), paths::OWN_INSTANCES)
        .crumb(view.name.clone(), paths::own_instance(view.id))
        .beside(state_cell(words, view.state));
    if !running {
        let back = paths::own_instance(view.id);
        return frame(
            head,
            view! {
                <section class="card empty">
                    <p>{words.t("terminal-not-running")}</p>
                    <p class="actions"><a class="btn" href=back>{view.name}</a></p>
                </section>
            },
        );
    }
    let told = recorded.map(|input| view! { <p class="note-line">{told(words, input)}</p> });
    frame(head.terminal(), view! { {told} {element(words, &view)} })
}

fn element(words: Words, view: &InstanceView) -> impl IntoView + use<> {
    let left_open = |key: &str, name: &'static str| words.with(key, &[(name, format!("{{{name}}}"))]);
    let (ticket, socket) =
        (format!("/api/customer/instances/{}/terminal/ticket", view.id), format!("/ws/instances/{}/terminal", view.id));
    view! {
        <rg-terminal
            class="card terminal"
            data-ticket=ticket
            data-socket=socket
            data-share=format!("/api/customer/instances/{}/terminal/share", view.id)
            data-unshare-at=format!("/api/customer/instances/{}/terminal/unshare", view.id)
            data-watch-page=paths::watch_terminal(view.id)
            data-share-label=words.t("watch-share")
            data-share-link=words.t("watch-link")
            data-unshare=words.t("watch-unshare")
            data-watched=left_open("watch-watched", "people")
            data-label=words.with("terminal-label", &[("name", view.name.clone())])
            data-connecting=words.t("terminal-connecting")
            data-connected=words.t("terminal-connected")
            data-recorded=words.t("terminal-recorded")
            data-recorded-input=words.t("terminal-recorded-input")
            data-unrecorded=words.t("terminal-unrecorded")
            data-lost=words.t("terminal-lost")
            data-again=words.t("terminal-again")
            data-elsewhere=words.t("terminal-elsewhere")
            data-gone=words.t("terminal-gone")
            data-over=words.t("terminal-over")
            data-skipped=left_open("terminal-skipped", "bytes")
            data-viewers=left_open("terminal-viewers", "n")
            data-exited=left_open("terminal-exited", "code")
            data-exit-lost=words.t("terminal-exit-lost")
            data-exit-idle=words.t("terminal-exit-idle")
            data-exit-access=words.t("terminal-exit-access")
            data-exit-closed=words.t("terminal-exit-closed")
            data-new=words.t("terminal-new")
            data-close=words.t("terminal-close")
            data-copy=words.t("terminal-copy")
            data-copied=words.t("terminal-copied")
            data-search=words.t("terminal-search")
            data-previous=words.t("terminal-search-previous")
            data-next=words.t("terminal-search-next")
            data-none=words.t("terminal-search-none")
        >
            <noscript><p class="note-line">{words.t("terminal-plain")}</p></noscript>
        </rg-terminal>
        <p class="sub note-line">{words.t("terminal-hint")}</p>
    }
}
