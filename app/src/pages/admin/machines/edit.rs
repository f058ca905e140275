//! The machine form, for a new machine and for one that exists.

use contract::Permission;
use contract::machines::{MachineView, Pool};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_params_map;

use super::form::MachineForm;
use super::server_fns::{CreateMachine, UpdateMachine};
use crate::door::{Refused, door, may_open};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::{TextField, check_field, form_fault, select_field, text_area, text_field};
use crate::words::Words;

/// `/admin/machines/new`.
#[component]
pub fn NewPage() -> impl IntoView {
    let (_, ctx) = door();
    page(async move { may_open(&ctx, Permission::MachinesCreate) }, |()| {
        let words = Words::now();
        let head = PageFrame::new(words.t("machine-new-title"), Area::Machines)
            .crumb(words.t("nav-machines"), paths::MACHINES);
        frame(head, form_view(words, None))
    })
}

/// `/admin/machines/{code}/edit`.
#[component]
pub fn EditPage() -> impl IntoView {
    let code = use_params_map().get_untracked().get("code").unwrap_or_default();
    let (platform, ctx) = door();
    page(
        async move {
            let machine = platform::machines::get(&platform, &ctx, &code).await?;
            may_open(&ctx, Permission::MachinesUpdate)?;
            Ok(machine)
        },
        |machine| {
            let words = Words::now();
            let head =
                PageFrame::new(words.with("machine-edit-title", &[("name", machine.name.clone())]), Area::Machines)
                    .crumb(words.t("nav-machines"), paths::MACHINES)
                    .crumb(machine.name.clone(), paths::machine(&machine.id));
            frame(head, form_view(words, Some(machine)))
        },
    )
}

struct Fields {
    words: Words,
    refused: Option<Refused>,
}

impl Fields {
    /// A text field; `path` is its name on the wire.
    fn text(&self, key: &str, name: &str, path: &str, value: &str, max: u32) -> TextField {
        TextField {
            label: self.words.t(key),
            name: format!("form[{name}]"),
            value: value.to_owned(),
            fault: self.refused.as_ref().and_then(|r| r.fault(self.words.0, path)),
            max_length: Some(max),
            ..TextField::default()
        }
    }

    fn number(&self, key: &str, name: &str, path: &str, value: &str, unit: Option<&str>) -> TextField {
        let unit = unit.map(|unit| if unit == "GB" { unit.to_owned() } else { self.words.t(unit) });
        TextField { kind: "number", unit, max_length: None, ..self.text(key, name, path, value, 0) }
    }
}

fn form_view(words: Words, machine: Option<MachineView>) -> impl IntoView {
    let refused = Refused::from_query();
    let fresh = || MachineForm { monitored: "true".to_owned(), ..MachineForm::default() };
    let form = refused
        .as_ref()
        .and_then(MachineForm::from_typed)
        .unwrap_or_else(|| machine.as_ref().map_or_else(fresh, MachineForm::of));
    let general = refused.as_ref().map(|r| r.message(words.0));
    let fields = Fields { words, refused };
    let (action, back) = match &machine {
        Some(machine) => (UpdateMachine::url(), paths::machine(&machine.id)),
        None => (CreateMachine::url(), paths::MACHINES.to_owned()),
    };
    let code =
        TextField { hint: Some(words.t("machine-code-hint")), ..fields.text("machine-code", "id", "id", &form.id, 63) };
    let hidden = machine.as_ref().map(|machine| {
        view! {
            <input r#type="hidden" name="code" value=machine.id.clone() />
            <input r#type="hidden" name="form[revision]" value=form.revision.clone() />
        }
    });
    view! {
        <form class="form card" method="post" action=action>
            {hidden}
            {form_fault(general)}
            <fieldset>
                <legend>{words.t("machine-form-what")}</legend>
                {text_field(TextField { required: true, ..fields.text("machine-name", "name", "name", &form.name, 100) })}
                {machine.is_none().then(|| text_field(code))}
                {text_field(fields.text("machine-region", "region", "region", &form.region, 64))}
                {text_field(fields.text("machine-private-address", "private_address", "privateAddress", &form.private_address, 253))}
                {text_field(fields.text("machine-public-address", "public_address", "publicAddress", &form.public_address, 253))}
                {select_field(words.t("machine-pool"), "form[pool]", pools(words), &form.pool, None)}
                {check_field(words.t("machine-listed"), Some(words.t("machine-listed-hint")), "form[listed]", form.listed == "true")}
                {check_field(words.t("machine-monitored"), Some(words.t("machine-monitored-hint")), "form[monitored]", form.monitored == "true")}
            </fieldset>
            {hardware(&fields, &form)}
            <fieldset>
                <legend>{words.t("machine-form-more")}</legend>
                {text_area(fields.text("machine-remark", "remark", "remark", &form.remark, 1000))}
            </fieldset>
            <p class="actions">
                <button class="btn primary">{words.t("form-save")}</button>
                <a class="btn" href=back>{words.t("form-cancel")}</a>
            </p>
        </form>
    }
}

fn pools(words: Words) -> Vec<(String, String)> {
    Pool::ALL.iter().map(|pool| (pool.code().to_owned(), words.t(&format!("pool-{}", pool.code())))).collect()
}

fn hardware(fields: &Fields, form: &MachineForm) -> impl IntoView + use<> {
    view! {
        <fieldset>
            <legend>{fields.words.t("machine-form-hardware")}</legend>
            <p class="hint wide">{fields.words.t("machine-form-hardware-hint")}</p>
            {text_field(fields.text("hardware-gpu-model", "gpu_model", "declared.gpuModel", &form.gpu_model, 100))}
            {text_field(fields.number("hardware-gpu-count", "gpu_count", "declared.gpuCount", &form.gpu_count, None))}
            {text_field(fields.number("hardware-gpu-memory", "gpu_memory_gb", "declared.gpuMemoryGb", &form.gpu_memory_gb, Some("GB")))}
            {text_field(fields.text("hardware-cpu-model", "cpu_model", "declared.cpuModel", &form.cpu_model, 100))}
            {text_field(fields.number("hardware-cpu-cores", "cpu_cores", "declared.cpuCores", &form.cpu_cores, None))}
            {text_field(fields.number("hardware-memory", "memory_gb", "declared.memoryGb", &form.memory_gb, Some("GB")))}
            {text_field(fields.number("hardware-system-disk", "system_disk_gb", "declared.systemDiskGb", &form.system_disk_gb, Some("GB")))}
            {text_field(fields.number("hardware-data-disk", "data_disk_gb", "declared.dataDiskGb", &form.data_disk_gb, Some("GB")))}
        </fieldset>
    }
}
