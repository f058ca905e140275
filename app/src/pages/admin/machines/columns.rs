//! The columns a machine list can have, each with its heading and its cell.

use contract::Permission;
use contract::machines::{MachineRow, Presence, gpus_in_words};
use leptos::prelude::*;

use super::lease;
use super::page::service;
use crate::door::{door, look};
use crate::paths;
use crate::ui::cells::figure;
use crate::ui::format::{self, NOT_MEASURED};
use crate::ui::lists::{ListQuery, sort_header};
use crate::ui::state::{Tone, state};
use crate::ui::time::time;
use crate::words::Words;

/// Order when nothing is said.
const DEFAULT_SORT: &str = "id";

/// Key of a column's word.
pub fn word(column: &str) -> &'static str {
    match column {
        "name" => "machine-name",
        "id" => "machine-code",
        "state" => "machines-state",
        "holder" => "allocation-customer",
        "gpu" => "machines-gpu",
        "cpu" => "machines-cpu",
        "memory" => "machines-memory",
        "region" => "machine-region",
        "pool" => "machine-pool",
        "lastSeenAt" => "machines-last-seen",
        "privateAddress" => "machine-private-address",
        "monitored" => "machine-monitored",
        _ => "machine-added",
    }
}

/// Its heading; a link where the list can be sorted by it.
pub fn heading(words: Words, query: &ListQuery, column: &str) -> AnyView {
    let text = words.t(word(column));
    let sort = match column {
        "name" => "name",
        "id" => "id",
        "holder" if door().1.holds(Permission::AllocationsManage) => "customer",
        "gpu" => "gpuModel",
        "region" => "region",
        "lastSeenAt" => "lastSeenAt",
        "createdAt" => "createdAt",
        "cpu" | "memory" => return view! { <th scope="col" class="num">{text}</th> }.into_any(),
        _ => return view! { <th scope="col">{text}</th> }.into_any(),
    };
    sort_header(query, sort, DEFAULT_SORT, text, false).into_any()
}

/// The machine's cell.
pub fn cell(words: Words, column: &str, machine: &MachineRow) -> AnyView {
    let zone = look().zone;
    let label = words.t(word(column));
    match column {
        "name" => {
            let name = machine.name.clone();
            view! { <th scope="row"><a href=paths::machine(&machine.id)>{name}</a></th> }.into_any()
        }
        "id" => view! { <td class="mono" data-label=label>{machine.id.clone()}</td> }.into_any(),
        "state" => view! { <td data-label=label>{machine_state(words, machine)}</td> }.into_any(),
        "holder" => {
            let who = lease::holder(words, machine.holder.as_ref(), machine.next.as_ref());
            view! { <td data-label=label>{who}</td> }.into_any()
        }
        "gpu" => {
            let gpus = match (machine.gpu_count, &machine.gpu_model) {
                (Some(count), Some(model)) if count > 0 => gpus_in_words(count, model),
                (Some(0), _) => words.t("machines-no-gpu"),
                _ => NOT_MEASURED.to_owned(),
            };
            let differences = (machine.differences > 0).then(|| {
                state(Tone::Warn, words.with("hardware-differences", &[("n", machine.differences.to_string())]))
            });
            view! { <td class="model" data-label=label>{gpus} " " {differences}</td> }.into_any()
        }
        "cpu" => {
            let cores = machine.cpu_cores.map(|n| words.with("machines-cores", &[("n", n.to_string())]));
            view! { <td class="num" data-label=label>{cores.unwrap_or_else(|| NOT_MEASURED.to_owned())}</td> }
                .into_any()
        }
        "memory" => {
            let memory = machine.memory_bytes.map(|bytes| format::bytes(bytes as f64));
            let why = words.t("hardware-not-stated");
            view! { <td class="num" data-label=label>{figure(memory, &why)}</td> }.into_any()
        }
        "region" => {
            let region = match machine.region.clone() {
                None => NOT_MEASURED.into_any(),
                Some(region) => view! { <span class="tag">{region}</span> }.into_any(),
            };
            view! { <td data-label=label>{region}</td> }.into_any()
        }
        "pool" => view! { <td data-label=label>{words.t(&format!("pool-{}", machine.pool.code()))}</td> }.into_any(),
        "lastSeenAt" => {
            let at = machine.last_seen_at.map_or_else(|| NOT_MEASURED.into_any(), |at| time(at, zone).into_any());
            view! { <td data-label=label>{at}</td> }.into_any()
        }
        "privateAddress" => {
            let address = machine.private_address.clone().unwrap_or_else(|| NOT_MEASURED.to_owned());
            view! { <td class="mono" data-label=label>{address}</td> }.into_any()
        }
        "monitored" => {
            let word = words.t(if machine.monitored { "yes" } else { "no" });
            view! { <td data-label=label>{word}</td> }.into_any()
        }
        _ => view! { <td data-label=label>{time(machine.created_at, zone)}</td> }.into_any(),
    }
}

/// The worst that is known about a machine in one state.
fn machine_state(words: Words, machine: &MachineRow) -> AnyView {
    if machine.gpus_lost > 0 {
        return state(Tone::Bad, words.t("trouble-gpu_lost")).into_any();
    }
    let (tone, presence) = match machine.presence {
        _ if !machine.monitored => (Tone::Off, words.t("tile-not-monitored")),
        Presence::Online => (Tone::Ok, words.t("presence-online")),
        other => (Tone::Off, words.t(&format!("presence-{}", other.code()))),
    };
    // Of one that is silent: since when.
    let silent = machine.monitored && machine.presence == Presence::Offline;
    let since = machine.last_seen_at.filter(|_| silent).map(|at| {
        view! { " " <span class="sub">{time(at, look().zone)}</span> }
    });
    let service = service(words, machine.service_state, machine.service_note.as_deref());
    (state(tone, presence), since, service.map(|service| (" ", service))).into_any()
}
