//! Hardware as it was typed and as the agent found it, side by side, with the differences marked.

use contract::machines::{DeclaredHardware, DiscoveredHardware, MachineView, models_in_words};
use leptos::prelude::*;

use crate::door::look;
use crate::ui::format::{self, NOT_MEASURED, whole};
use crate::ui::state::{Tone, state};
use crate::ui::time::time;
use crate::ways;
use crate::words::Words;

struct Row {
    key: &'static str,
    /// Field of the difference.
    field: &'static str,
    declared: Option<String>,
    discovered: Option<String>,
}

fn gb(value: Option<u32>) -> Option<String> {
    value.map(|gb| format!("{} GB", whole(gb.into())))
}

fn bytes(value: Option<u64>) -> Option<String> {
    value.map(|bytes| format::text(Some(format::bytes(bytes as f64))))
}

fn rows(machine: &MachineView) -> Vec<Row> {
    let declared = &machine.declared;
    let found = machine.discovered.as_ref();
    let models = models_in_words(machine.gpus.iter().map(|gpu| gpu.model.as_str()));
    // Each size once, the first GPU's first.
    let mut sizes: Vec<_> = machine.gpus.iter().filter_map(|gpu| bytes(gpu.memory_bytes)).collect();
    let mut seen = std::collections::HashSet::new();
    sizes.retain(|size| seen.insert(size.clone()));
    let sizes = (!sizes.is_empty()).then(|| sizes.join(" / "));
    let disks = found.map(DiscoveredHardware::disk_sizes).unwrap_or_default();
    let bytes_or_none = |size: u64| bytes((size > 0).then_some(size));
    // Without NVML nothing is known about GPUs, not even that there is none.
    let gpus_known = found.is_some_and(|f| f.nvml_error.is_none());
    let row = |key, field, declared, discovered| Row { key, field, declared, discovered };
    vec![
        row("hardware-gpu-model", "gpuModel", declared.gpu_model.clone(), models),
        row(
            "hardware-gpu-count",
            "gpuCount",
            declared.gpu_count.map(|n| n.to_string()),
            gpus_known.then(|| machine.gpus.len().to_string()),
        ),
        row("hardware-gpu-memory", "gpuMemoryGb", gb(declared.gpu_memory_gb), sizes),
        row("hardware-cpu-model", "cpuModel", declared.cpu_model.clone(), found.and_then(|f| f.cpu_model.clone())),
        row(
            "hardware-cpu-cores",
            "cpuCores",
            declared.cpu_cores.map(|n| n.to_string()),
            found.and_then(|f| f.cpu_cores.or(f.cpu_threads)).map(|n| n.to_string()),
        ),
        row("hardware-memory", "memoryGb", gb(declared.memory_gb), bytes(found.and_then(|f| f.memory_bytes))),
        row("hardware-system-disk", "systemDiskGb", gb(declared.system_disk_gb), bytes_or_none(disks.system)),
        row("hardware-data-disk", "dataDiskGb", gb(declared.data_disk_gb), bytes_or_none(disks.data)),
    ]
}

/// The card.
pub fn hardware_card(words: Words, machine: &MachineView) -> impl IntoView + use<> {
    let differences: Vec<_> = machine.differences.iter().map(|d| d.field.as_str()).collect();
    let count = differences.len();
    let body = rows(machine)
        .into_iter()
        .map(|row| {
            let differs = differences.contains(&row.field);
            let mark = differs.then(|| state(Tone::Warn, words.t("hardware-differs")));
            view! {
                <tr class:differs=differs>
                    <th scope="row">{words.t(row.key)}</th>
                    <td>{row.declared.unwrap_or_else(|| NOT_MEASURED.to_owned())}</td>
                    <td>{row.discovered.unwrap_or_else(|| NOT_MEASURED.to_owned())} " " {mark}</td>
                </tr>
            }
        })
        .collect_view();
    let nothing_typed = machine.declared == DeclaredHardware::default();
    let note = match (machine.discovered.is_some(), count) {
        (false, _) => state(Tone::Off, words.t("hardware-not-found-yet")).into_any(),
        (true, 0) if nothing_typed => state(Tone::Off, words.t("hardware-not-typed")).into_any(),
        (true, 0) => state(Tone::Ok, words.t("hardware-agrees")).into_any(),
        (true, n) => state(Tone::Warn, words.with("hardware-differences", &[("n", n.to_string())])).into_any(),
    };
    view! {
        <section class="card">
            <header>
                <h2>{words.t("hardware-title")}</h2>
                <span class="end">{note}</span>
            </header>
            <table class="compare">
                <thead>
                    <tr>
                        <th scope="col"><span class="unseen-text">{words.t("hardware-what")}</span></th>
                        <th scope="col">{words.t("hardware-declared")}</th>
                        <th scope="col">{words.t("hardware-discovered")}</th>
                    </tr>
                </thead>
                <tbody>{body}</tbody>
            </table>
        </section>
    }
}

/// Where it stands and how it is let.
pub fn facts_card(words: Words, machine: &MachineView) -> impl IntoView + use<> {
    let zone = look().zone;
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| NOT_MEASURED.to_owned());
    let yes_no = |yes: bool| words.t(if yes { "yes" } else { "no" });
    view! {
        <section class="card">
            <header><h2>{words.t("machine-facts")}</h2></header>
            <dl class="facts">
                <dt>{words.t("machine-code")}</dt>
                <dd class="mono select">{machine.id.clone()}</dd>
                <dt>{words.t("machine-region")}</dt>
                <dd>{or_dash(&machine.region)}</dd>
                <dt>{words.t("machine-private-address")}</dt>
                <dd class="mono">{or_dash(&machine.private_address)}</dd>
                <dt>{words.t("machine-public-address")}</dt>
                <dd class="mono">{or_dash(&machine.public_address)}</dd>
                <dt>{words.t("machine-pool")}</dt>
                <dd>{words.t(&format!("pool-{}", machine.pool.code()))}</dd>
                <dt>{words.t("machine-listed")}</dt>
                <dd>{yes_no(machine.listed)}</dd>
                <dt>{words.t("machine-monitored")}</dt>
                <dd>{yes_no(machine.monitored)}</dd>
                <dt>{words.t("machine-added")}</dt>
                <dd>{time(machine.created_at, zone)}</dd>
                {machine.remark.clone().map(|remark| view! {
                    <dt>{words.t("machine-remark")}</dt>
                    <dd class="remark">{remark}</dd>
                })}
            </dl>
        </section>
    }
}

/// The agent and the system it runs on.
pub fn agent_card(words: Words, machine: &MachineView) -> impl IntoView + use<> {
    let zone = look().zone;
    let found = machine.discovered.clone();
    let text = |text: Option<String>| text.unwrap_or_else(|| NOT_MEASURED.to_owned());
    let driver = found.as_ref().and_then(|f| f.driver_version.clone());
    let cuda = found.as_ref().and_then(|f| f.cuda_version.clone());
    let nvml_error = found.as_ref().and_then(|f| f.nvml_error.clone());
    let address = found
        .as_ref()
        .and_then(|f| f.nics.iter().find(|nic| !nic.addresses.is_empty()).map(|n| n.addresses.join(", ")));
    let body = match found {
        None => view! { <div class="empty"><p>{words.t("agent-none")}</p>
        {ways::button("btn", crate::paths::JOIN_TOKENS, words.t("agent-none-action"))}</div> }
        .into_any(),
        Some(found) => view! {
            <dl class="facts">
                <dt>{words.t("agent-version")}</dt>
                <dd class="mono">{text(machine.agent_version.clone())}</dd>
                <dt>{words.t("agent-last-seen")}</dt>
                <dd>{machine.last_seen_at.map(|at| time(at, zone))}</dd>
                <dt>{words.t("agent-host-name")}</dt>
                <dd class="mono">{found.host_name}</dd>
                <dt>{words.t("agent-address")}</dt>
                <dd class="mono">{text(address)}</dd>
                <dt>{words.t("agent-system")}</dt>
                <dd>{text(found.os)}</dd>
                <dt>{words.t("agent-kernel")}</dt>
                <dd class="mono">{text(found.kernel)}</dd>
                <dt>{words.t("agent-driver")}</dt>
                <dd class="mono">{text(driver)}</dd>
                <dt>{words.t("agent-cuda")}</dt>
                <dd class="mono">{text(cuda)}</dd>
                {nvml_error.map(|error| view! {
                    <dt>{words.t("agent-nvml")}</dt>
                    <dd class="remark">{error}</dd>
                })}
            </dl>
        }
        .into_any(),
    };
    view! {
        <section class="card">
            <header><h2>{words.t("agent-title")}</h2></header>
            {body}
        </section>
    }
}
