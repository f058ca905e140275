//! What the agent found of each GPU: by which name the driver knows it, and how it is divided.

use contract::machines::{GpuView, MachineView, MigDeviceView};
use leptos::prelude::*;

use crate::ui::format::{self, NOT_MEASURED};
use crate::ui::lexicon::Lexicon;
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::words::Words;

/// True when a GPU of this machine is divided by MIG.
fn is_divided(machine: &MachineView) -> bool {
    machine.gpus.iter().any(|gpu| gpu.mig_enabled == Some(true))
}

/// The texts of the live table: where a GPU is divided, the dash says so rather than that nothing was measured.
pub fn explained(words: Words, machine: &MachineView, mut texts: Lexicon) -> Lexicon {
    if is_divided(machine) {
        texts.0.insert("not-measured".to_owned(), words.t("gpu-mig-not-measured"));
    }
    texts
}

/// The card; nothing where no GPU was found.
pub fn gpu_card(words: Words, machine: &MachineView) -> Option<AnyView> {
    if machine.gpus.is_empty() {
        return None;
    }
    let divided = is_divided(machine);
    let rows: Vec<_> = machine.gpus.iter().map(|gpu| gpu_row(words, gpu)).collect();
    let head = ["gpu-index", "gpu-mig", "gpu-ecc", "hardware-gpu-memory", "gpu-bus"];
    let head = head.map(|key| {
        let class = (key == "hardware-gpu-memory").then_some("num");
        view! { <th scope="col" class=class>{words.t(key)}</th> }
    });
    let title = words.t("gpu-facts");
    let card = view! {
        <section class="card">
            <header><h2>{title.clone()}</h2></header>
            {divided.then(|| view! { <p class="note-line">{words.t("gpu-mig-hint")}</p> })}
            {list_table(title, head.collect_view(), rows.collect_view())}
        </section>
    };
    Some(card.into_any())
}

fn gpu_row(words: Words, gpu: &GpuView) -> impl IntoView + use<> {
    let on_off = |on: Option<bool>| match on {
        Some(true) => words.t("gpu-on"),
        Some(false) => words.t("gpu-off"),
        None => NOT_MEASURED.to_owned(),
    };
    let lost = gpu.lost.then(|| state(Tone::Bad, words.t("trouble-gpu_lost")));
    let devices = gpu.mig_devices.iter().map(|device| device_line(words, device)).collect_view();
    let devices = match (gpu.mig_enabled, gpu.mig_devices.is_empty()) {
        (Some(true), true) => view! { <span class="sub">{words.t("gpu-mig-none")}</span> }.into_any(),
        (_, true) => ().into_any(),
        (_, false) => devices.into_any(),
    };
    let memory = format::text(gpu.memory_bytes.map(|bytes| format::bytes(bytes as f64)));
    view! {
        <tr>
            <th scope="row">
                {format!("GPU {}", gpu.index)} " " {lost} " " <span class="sub mono select bounded">{gpu.uuid.clone()}</span>
            </th>
            <td class="says brief" data-label=words.t("gpu-mig")>{on_off(gpu.mig_enabled)} {devices}</td>
            <td data-label=words.t("gpu-ecc")>{on_off(gpu.ecc_enabled)}</td>
            <td class="num" data-label=words.t("hardware-gpu-memory")>{memory}</td>
            <td data-label=words.t("gpu-bus")>
                <span class="mono">{gpu.pci_bus_id.clone().unwrap_or_else(|| NOT_MEASURED.to_owned())}</span>
            </td>
        </tr>
    }
}

/// `1g.10gb · 9.8 GiB · MIG-…`.
fn device_line(words: Words, device: &MigDeviceView) -> impl IntoView + use<> {
    let what = words.with("gpu-mig-device", &[("n", device.index.to_string()), ("profile", device.profile.clone())]);
    let memory = device.memory_bytes.map(|bytes| format!(" · {}", format::text(Some(format::bytes(bytes as f64)))));
    view! {
        <div>{what} {memory} " " <span class="sub mono select bounded">{device.uuid.clone()}</span></div>
    }
}
