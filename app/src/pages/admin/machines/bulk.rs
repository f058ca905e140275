//! One action with many machines: first what would become of each, then the doing. What is refused stays on the page with
//! its reason.

use contract::machines::{MachineAction, MachineBulk, MachineView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;

use super::server_fns::ActOnMachines;
use crate::door::{door, to_api_error};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::{TextField, text_field};
use crate::ui::state::{Tone, state};
use crate::words::Words;

/// `/admin/machines/bulk?action=drain&ids=host-001&ids=host-002`.
#[component]
pub fn BulkPage() -> impl IntoView {
    let map = use_query_map().get_untracked();
    let ids = map.get_all("ids").unwrap_or_default();
    let action = map.get("action").and_then(|word| MachineAction::parse(&word));
    let done = map.get("done").and_then(|n| n.parse::<u32>().ok());
    let (platform, ctx) = door();
    page(
        async move {
            let action = action.ok_or_else(platform::Error::not_found)?;
            let bulk = MachineBulk { ids, action, note: None };
            let mut rows = Vec::new();
            for (machine, possible) in platform::machines::preview_many(&platform, &ctx, &bulk).await? {
                let refusal = match possible {
                    Ok(()) => None,
                    Err(error) => Some(to_api_error(&platform, &ctx, error).await.message),
                };
                rows.push((machine, refusal));
            }
            Ok((action, rows))
        },
        move |(action, rows)| bulk_view(action, rows, done),
    )
}

fn bulk_view(action: MachineAction, rows: Vec<(MachineView, Option<String>)>, done: Option<u32>) -> AnyView {
    let words = Words::now();
    let head = PageFrame::new(words.t(&format!("action-{}", action.code())), Area::Machines)
        .crumb(words.t("nav-machines"), paths::MACHINES);
    if rows.is_empty() {
        return frame(
            head,
            view! {
                <section class="card empty">
                    <p>{words.t("bulk-nothing")}</p>
                    <a class="btn" href=paths::MACHINES>{words.t("nav-machines")}</a>
                </section>
            },
        );
    }
    let possible = rows.iter().filter(|(_, refusal)| refusal.is_none()).count();
    let ids = rows
        .iter()
        .filter(|(_, refusal)| refusal.is_none())
        .map(|(machine, _)| view! { <input r#type="hidden" name="ids[]" value=machine.id.clone() /> })
        .collect_view();
    let lines = rows.into_iter().map(|(machine, refusal)| line(words, machine, refusal)).collect_view();
    let some_done = done.filter(|n| *n > 0).map(|n| {
        view! { <p class="note-line" role="status">{state(Tone::Ok, words.with("bulk-done", &[("n", n.to_string())]))}</p> }
    });
    let count = words.with("bulk-possible", &[("n", possible.to_string())]);
    let class = if action == MachineAction::Delete { "btn danger" } else { "btn primary" };
    let note = matches!(action, MachineAction::Cordon | MachineAction::Drain | MachineAction::Retire).then(|| {
        text_field(TextField {
            label: words.t("service-note"),
            name: "note".to_owned(),
            max_length: Some(1000),
            ..TextField::default()
        })
    });
    frame(
        head,
        view! {
            {some_done}
            <section class="card">
                <p class="note-line">{words.t(&format!("action-{}-hint", action.code()))}</p>
                <div class="scroll" tabindex="0" role="region" aria-label=words.t("machines-title")>
                    <table class="cards">
                        <thead>
                            <tr>
                                <th scope="col">{words.t("machine-name")}</th>
                                <th scope="col">{words.t("machine-code")}</th>
                                <th scope="col">{words.t("machines-service")}</th>
                                <th scope="col">{words.t("bulk-outcome")}</th>
                            </tr>
                        </thead>
                        <tbody>{lines}</tbody>
                    </table>
                </div>
                <form class="form" method="post" action=ActOnMachines::url()>
                    <input r#type="hidden" name="action" value=action.code() />
                    {ids}
                    {note}
                    <p class="actions">
                        <button class=class disabled={possible == 0}>{count}</button>
                        <a class="btn" href=paths::MACHINES>{words.t("form-cancel")}</a>
                    </p>
                </form>
            </section>
        },
    )
}

fn line(words: Words, machine: MachineView, refusal: Option<String>) -> impl IntoView {
    let outcome = match refusal {
        None => state(Tone::Ok, words.t("bulk-will")).into_any(),
        Some(why) => (state(Tone::Bad, words.t("bulk-refused")), " ", why).into_any(),
    };
    view! {
        <tr>
            <th scope="row"><a href=paths::machine(&machine.id)>{machine.name.clone()}</a></th>
            <td class="mono" data-label=words.t("machine-code")>{machine.id.clone()}</td>
            <td data-label=words.t("machines-service")>{words.t(&format!("service-{}", machine.service_state.code()))}</td>
            <td data-label=words.t("bulk-outcome")>{outcome}</td>
        </tr>
    }
}
