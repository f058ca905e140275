//! The page to print when a machine is handed over, and when it comes back.

use contract::AllocationId;
use contract::allocations::{AllocationState, HandoverView, HealthSnapshot};
use contract::machines::gpus_in_words;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::page::{began, seen, step_state};
use crate::door::{door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::format::{self, NOT_MEASURED};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::{date_time, end_time, time};
use crate::words::Words;

/// `/admin/allocations/{id}/handover`.
#[component]
pub fn HandoverPage() -> impl IntoView {
    let id = use_params_map().get_untracked().get("id").and_then(|id| id.parse::<AllocationId>().ok());
    let (platform, ctx) = door();
    page(
        async move {
            let id = id.ok_or_else(platform::Error::not_found)?;
            platform::allocations::handover(&platform, &ctx, id).await
        },
        handover_view,
    )
}

fn handover_view(handover: HandoverView) -> AnyView {
    let (words, zone) = (Words::now(), look().zone);
    let HandoverView { allocation, agreed_until, handed_over, returned, xid_errors, steps } = handover;
    let waits = allocation.state == AllocationState::Reclaiming;
    let as_of = date_time(door().1.now(), zone);
    let as_of = words.with("handover-as-of", &[("at", as_of), ("zone", zone.name().to_owned())]);
    let early = agreed_until.map(|agreed| {
        view! {
            <dt>{words.t("handover-agreed")}</dt>
            <dd>{end_time(agreed, zone)} " " {state(Tone::Warn, words.t("handover-early"))}</dd>
        }
    });
    let title = words.with(
        "handover-title",
        &[("machine", allocation.machine_name.clone()), ("customer", allocation.customer_name.clone())],
    );
    let head = PageFrame::new(title, Area::Allocations)
        .crumb(words.t("nav-allocations"), paths::ALLOCATIONS)
        .crumb(allocation.machine_name.clone(), paths::allocation(allocation.id))
        .actions(view! {
            <rg-print><button r#type="button" class="btn primary">{words.t("handover-print")}</button></rg-print>
        });
    let steps = (!steps.is_empty()).then(|| {
        let rows = steps
            .iter()
            .map(|step| {
                view! {
                    <tr>
                        <th scope="row">{words.t(&format!("step-{}", step.step))}</th>
                        <td data-label=words.t("allocation-state")>{step_state(words, step)}</td>
                        <td class="says" data-label=words.t("step-seen")>{seen(words, step)}</td>
                        <td data-label=words.t("step-at")>{time(step.at, zone)}</td>
                    </tr>
                }
            })
            .collect_view();
        view! {
            <section class="card">
                <header><h2>{words.t("reclaim-title")}</h2></header>
                {list_table(words.t("reclaim-title"), view! {
                    <th scope="col">{words.t("step-what")}</th>
                    <th scope="col">{words.t("allocation-state")}</th>
                    <th scope="col">{words.t("step-seen")}</th>
                    <th scope="col">{words.t("step-at")}</th>
                }, rows)}
            </section>
        }
    });
    let gpus = allocation.gpu_model.as_ref().map(|model| gpus_in_words(allocation.gpu_count.unwrap_or(0), model));
    frame(
        head,
        view! {
            <div class="main-column handover">
                <p class="note-line">{as_of}</p>
                {waits.then(|| view! {
                    <div class="card notice" role="note"><p>{words.t("handover-unfinished")}</p></div>
                })}
                <section class="card">
                    <header><h2>{words.t("customer-facts")}</h2></header>
                    <dl class="facts">
                        <dt>{words.t("allocation-machine")}</dt>
                        <dd>{allocation.machine_name.clone()} " (" {allocation.machine.clone()} ")"</dd>
                        <dt>{words.t("machines-gpu")}</dt>
                        <dd>{gpus.unwrap_or_else(|| NOT_MEASURED.to_owned())}</dd>
                        <dt>{words.t("allocation-customer")}</dt>
                        <dd>{allocation.customer_name.clone()}</dd>
                        <dt>{words.t("allocation-starts")}</dt>
                        <dd>{time(allocation.starts_at, zone)}</dd>
                        {began(words, &allocation)}
                        <dt>{words.t("allocation-ends")}</dt>
                        <dd>{end_time(allocation.ends_at, zone)}</dd>
                        {early}
                        <dt>{words.t("handover-xid")}</dt>
                        <dd>{xid_errors}</dd>
                    </dl>
                </section>
                {health_card(words, "handover-before", handed_over)}
                {(!allocation.state.holds() || returned.is_some()).then(|| health_card(words, "handover-after", returned))}
                {steps}
                <section class="card signatures" aria-label=words.t("handover-signatures")>
                    <p>{words.t("handover-for-operator")}</p>
                    <p>{words.t("handover-for-customer")}</p>
                </section>
            </div>
        },
    )
}

fn health_card(words: Words, key: &str, health: Option<HealthSnapshot>) -> impl IntoView + use<> {
    let zone = look().zone;
    let title = words.t(key);
    let body = match health {
        None => view! { <div class="empty"><p>{words.t("handover-not-seen")}</p></div> }.into_any(),
        Some(health) => {
            let driver = health.driver_version.clone().unwrap_or_else(|| NOT_MEASURED.to_owned());
            let at = health.at;
            let bytes = |value: Option<u64>| format::text(value.map(|bytes| format::bytes(bytes as f64)));
            let rows = health
                .gpus
                .into_iter()
                .map(|gpu| {
                    let ecc = gpu.ecc_uncorrected.map(|n| n.to_string()).unwrap_or_else(|| NOT_MEASURED.to_owned());
                    let lost = if gpu.lost { words.t("trouble-gpu_lost") } else { String::new() };
                    view! {
                        <tr>
                            <th scope="row">{format!("GPU {}", gpu.index)}</th>
                            <td data-label=words.t("hardware-gpu-model")>{gpu.model} " " {lost}</td>
                            <td class="says" data-label="UUID"><span class="mono">{gpu.uuid}</span></td>
                            <td class="num" data-label=words.t("hardware-gpu-memory")>{bytes(gpu.memory_bytes)}</td>
                            <td class="num" data-label=words.t("handover-ecc")>{ecc}</td>
                        </tr>
                    }
                })
                .collect_view();
            view! {
                <p class="note-line">{time(at, zone)} " · " {words.t("agent-driver")} " " {driver}</p>
                {list_table(title.clone(), view! {
                    <th scope="col">{words.t("gpu-index")}</th>
                    <th scope="col">{words.t("hardware-gpu-model")}</th>
                    <th scope="col">"UUID"</th>
                    <th scope="col" class="num">{words.t("hardware-gpu-memory")}</th>
                    <th scope="col" class="num">{words.t("handover-ecc")}</th>
                }, rows)}
            }
            .into_any()
        }
    };
    view! {
        <section class="card">
            <header><h2>{title}</h2></header>
            {body}
        </section>
    }
}
