//! The form of a spec, for a new one and for one that exists.

use contract::specs::{GpuUse, SpecView};
use contract::{Permission, SpecId};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::form::SpecForm;
use super::server_fns::{CreateSpec, UpdateSpec};
use crate::door::{Refused, door, id_of_path, may_open};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::{TextField, form_fault, select_field, text_area, text_field};
use crate::words::Words;

/// `/admin/specs/new`.
#[component]
pub fn NewSpecPage() -> impl IntoView {
    let (_, ctx) = door();
    page(async move { may_open(&ctx, Permission::SpecsManage) }, |()| {
        let words = Words::now();
        let head = PageFrame::new(words.t("spec-new-title"), Area::Specs).crumb(words.t("nav-specs"), paths::SPECS);
        frame(head, form_view(words, None))
    })
}

/// `/admin/specs/{id}/edit`.
#[component]
pub fn EditSpecPage() -> impl IntoView {
    let id: SpecId = id_of_path();
    let (platform, ctx) = door();
    page(
        async move {
            let spec = platform::specs::get(&platform, &ctx, id).await?;
            may_open(&ctx, Permission::SpecsManage)?;
            Ok(spec)
        },
        |spec| {
            let words = Words::now();
            let title = words.with("spec-edit-title", &[("name", spec.name.clone())]);
            let head = PageFrame::new(title, Area::Specs)
                .crumb(words.t("nav-specs"), paths::SPECS)
                .crumb(spec.name.clone(), paths::spec(spec.id));
            frame(head, form_view(words, Some(spec)))
        },
    )
}

fn form_view(words: Words, spec: Option<SpecView>) -> impl IntoView {
    let refused = Refused::from_query();
    let form = match (refused.as_ref().and_then(Refused::with_typed), &spec) {
        (Some(refused), _) => SpecForm::from_typed(refused),
        (None, Some(spec)) => SpecForm::of(spec),
        (None, None) => SpecForm::beginning(),
    };
    let general = refused.as_ref().map(|r| r.message(words.0));
    let fault = |path: &str| refused.as_ref().and_then(|r| r.fault(words.0, path));
    let field = |key: &str, name: &str, path: &str, value: &str| TextField {
        label: words.t(key),
        name: format!("form[{name}]"),
        value: value.to_owned(),
        fault: fault(path),
        hint: texts::known_message(words.0, &format!("{key}-hint"), &[]),
        ..TextField::default()
    };
    let number = |key: &str, name: &str, path: &str, value: &str, unit: Option<&str>| {
        text_field(TextField { kind: "number", unit: unit.map(str::to_owned), ..field(key, name, path, value) })
    };
    let (action, back) = match &spec {
        Some(spec) => (UpdateSpec::url(), paths::spec(spec.id)),
        None => (CreateSpec::url(), paths::SPECS.to_owned()),
    };
    let hidden = spec.as_ref().map(|spec| {
        view! {
            <input r#type="hidden" name="id" value=spec.id.to_string() />
            <input r#type="hidden" name="form[revision]" value=form.revision.clone() />
        }
    });
    let uses = GpuUse::ALL.iter().map(|way| (way.code().to_owned(), words.t(&format!("spec-use-{}", way.code()))));
    view! {
        <form class="form card" method="post" action=action>
            {hidden}
            {form_fault(general)}
            <fieldset>
                {text_field(TextField { required: true, max_length: Some(100), ..field("spec-name", "name", "name", &form.name) })}
            </fieldset>
            <fieldset>
                <legend>{words.t("spec-gpus")}</legend>
                {number("spec-gpu-count", "gpu_count", "gpuCount", &form.gpu_count, None)}
                {text_field(TextField { max_length: Some(100), ..field("spec-gpu-model", "gpu_model", "gpuModel", &form.gpu_model) })}
                {number("spec-gpu-memory", "gpu_memory_gb", "gpuMemoryGb", &form.gpu_memory_gb, Some("GB"))}
                {select_field(words.t("spec-use"), "form[gpu_use]", uses.collect(), &form.gpu_use, fault("gpuUse"))}
            </fieldset>
            <fieldset>
                <legend>{words.t("spec-host")}</legend>
                {number("spec-cpu-cores", "cpu_cores", "cpuCores", &form.cpu_cores, None)}
                {number("spec-memory", "memory_gb", "memoryGb", &form.memory_gb, Some("GiB"))}
                {number("spec-system-disk", "system_disk_gb", "systemDiskGb", &form.system_disk_gb, Some("GB"))}
                {number("spec-data-disk", "data_disk_gb", "dataDiskGb", &form.data_disk_gb, Some("GB"))}
                {text_area(TextField { max_length: Some(1000), ..field("spec-remark", "remark", "remark", &form.remark) })}
            </fieldset>
            <p class="actions">
                <button class="btn primary">{words.t("form-save")}</button>
                <a class="btn" href=back>{words.t("form-cancel")}</a>
            </p>
        </form>
    }
}
