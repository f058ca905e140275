//! `/admin/machines/{code}/docker`: how the engine is reached, whether it is, and what it is.

use contract::Permission;
use contract::engines::{CertificateState, EngineKind, EngineReport, EngineTest, EngineView, MAX_PEM};
use contract::machines::MachineView;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::{use_params_map, use_query_map};

use super::form::EngineForm;
use super::server_fns::{AcceptEngine, RemoveEngine, SetEngine, TestEngine};
use crate::door::{Refused, door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::format::{self, NOT_MEASURED};
use crate::ui::forms::{TextField, check_field, form_fault, select_field, text_area, text_field};
use crate::ui::state::{Tone, state};
use crate::ui::time::time;
use crate::words::Words;

/// `/admin/machines/{code}/docker`.
#[component]
pub fn EnginePage() -> impl IntoView {
    let code = use_params_map().get_untracked().get("code").unwrap_or_default();
    let (platform, ctx) = door();
    page(
        async move {
            let machine = platform::machines::get(&platform, &ctx, &code).await?;
            let engine = platform::engines::find(&platform, &ctx, &code).await?;
            Ok((machine, engine))
        },
        |(machine, engine)| engine_view(machine, engine),
    )
}

fn engine_view(machine: MachineView, engine: Option<EngineView>) -> AnyView {
    let (words, ctx) = (Words::now(), door().1);
    let refused = Refused::from_query();
    let head = PageFrame::new(words.with("engine-title-of", &[("name", machine.name.clone())]), Area::Machines)
        .crumb(words.t("nav-machines"), paths::MACHINES)
        .crumb(machine.name.clone(), paths::machine(&machine.id));
    let message = refused.as_ref().map(|refused| refused.message(words.0));
    let saved = use_query_map().get_untracked().get("done").is_some_and(|done| done == "saved") && refused.is_none();
    let may_connect = ctx.holds(Permission::MachinesConnect);
    let state_card = match &engine {
        Some(engine) => state_card(words, &machine.id, engine, ctx.holds(Permission::MachinesOperate)).into_any(),
        None => view! { <section class="card"><div class="empty"><p>{words.t("engine-none")}</p></div></section> }
            .into_any(),
    };
    let other = engine.as_ref().filter(|engine| engine.other_since.is_some());
    let other = other.map(|engine| other_card(words, &machine.id, engine, may_connect));
    let form = may_connect.then(|| form_card(words, &machine.id, engine.as_ref(), refused.as_ref()));
    let remove = (may_connect && engine.is_some()).then(|| remove_card(words, &machine.id));
    frame(
        head,
        view! {
            {form_fault(message)}
            {saved.then(|| view! { <p class="note-line" role="status">{words.t("engine-saved")}</p> })}
            <div class="main-column">{other} {state_card} {form} {remove}</div>
        },
    )
}

/// Another engine answers: what that means, and how one goes on.
fn other_card(words: Words, code: &str, engine: &EngineView, may_connect: bool) -> impl IntoView + use<> {
    let zone = look().zone;
    let id = |id: Option<String>| id.unwrap_or_else(|| words.t("engine-id-unknown"));
    let accept = may_connect.then(|| {
        let left = engine.left.unwrap_or_default();
        let counts = [("instances", left.instances), ("customers", left.customers), ("disks", left.data_disks)];
        let question = words.with("engine-accept-question", &counts.map(|(name, count)| (name, count.to_string())));
        let ask = Ask::new("accept", words.t("engine-accept"), question, AcceptEngine::url())
            .yes(words.t("engine-accept-confirm"))
            .field("code", code);
        view! { <div class="actions">{ask.view(words)}</div> }
    });
    view! {
        <section class="card" id="other">
            <header><h2>{words.t("engine-other-title")}</h2></header>
            <p class="note-line" role="status">
                {state(Tone::Bad, words.t("engine-other"))} " " <span>{words.t("engine-other-hint")}</span>
            </p>
            <dl class="facts">
                <dt>{words.t("engine-other-since")}</dt>
                <dd>{engine.other_since.map(|at| time(at, zone))}</dd>
                <dt>{words.t("engine-id")}</dt>
                <dd class="mono select">{id(engine.engine_id.clone())}</dd>
                <dt>{words.t("engine-other-id")}</dt>
                <dd class="mono select">{id(engine.other_engine_id.clone())}</dd>
            </dl>
            {accept}
        </section>
    }
}

fn state_card(words: Words, code: &str, engine: &EngineView, may_test: bool) -> impl IntoView + use<> {
    let (zone, now) = (look().zone, door().1.now());
    let expires = engine.certificates_expire_at.map(|at| {
        let key = if at > now { "engine-expires" } else { "engine-expired" };
        let soon = CertificateState::of(at, now);
        let tone = match soon {
            CertificateState::Valid => Tone::Ok,
            CertificateState::Ending => Tone::Warn,
            CertificateState::Expired => Tone::Bad,
        };
        view! {
            <dt>{words.t(key)}</dt>
            <dd>{time(at, zone)} " " {state(tone, words.t(&format!("engine-certificates-{}", soon.code())))}</dd>
        }
    });
    // An agent's own configuration says where the engine is.
    let address = (engine.kind != EngineKind::Agent).then(|| {
        view! {
            <dt>{words.t("engine-address")}</dt>
            <dd class="mono select">{engine.address()}</dd>
        }
    });
    let result = match engine.last_test.clone() {
        Some(test) => test_view(words, test).into_any(),
        None => view! { <p class="note-line">{state(Tone::Off, words.t("engine-never-tested"))}</p> }.into_any(),
    };
    let unmeasured = engine.disks_message.clone().map(|why| {
        let words = words.t("engine-disks-unknown");
        view! { <p class="note-line">{state(Tone::Warn, words)} " " <span>{why}</span></p> }
    });
    let test = may_test.then(|| {
        view! {
            <form class="form" method="post" action=TestEngine::url()>
                <p class="sub">{words.t("engine-test-hint")}</p>
                <input r#type="hidden" name="code" value=code.to_owned() />
                <p class="actions"><button class="btn primary">{words.t("engine-test")}</button></p>
            </form>
        }
    });
    view! {
        <section class="card" id="test">
            <header><h2>{words.t("engine-title")}</h2></header>
            <dl class="facts">
                <dt>{words.t("engine-kind")}</dt>
                <dd>{words.t(&format!("engine-kind-{}", engine.kind.code()))}</dd>
                {address}
                {expires}
                {id_row(words, engine)}
                <dt>{words.t("engine-changed")}</dt>
                <dd>{time(engine.updated_at, zone)}</dd>
            </dl>
            {result}
            {unmeasured}
            {test}
        </section>
    }
}

fn id_row(words: Words, engine: &EngineView) -> impl IntoView + use<> {
    engine.engine_id.clone().map(|id| {
        view! {
            <dt>{words.t("engine-id")}</dt>
            <dd class="mono select">{id}</dd>
        }
    })
}

fn test_view(words: Words, test: EngineTest) -> impl IntoView {
    let (tone, key) = if test.done { (Tone::Ok, "engine-test-done") } else { (Tone::Bad, "engine-test-failed") };
    let detail = test.detail.map(|detail| {
        view! {
            <dt>{words.t("engine-test-details")}</dt>
            <dd><code class="select">{detail}</code></dd>
        }
    });
    let report = test.report.map(|report| report_rows(words, report));
    view! {
        <p class="note-line" role="status">
            {state(tone, words.t(key))} " " {time(test.at, look().zone)} " " <span>{test.message}</span>
        </p>
        <dl class="facts">{detail} {report}</dl>
    }
}

fn report_rows(words: Words, report: EngineReport) -> impl IntoView {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| NOT_MEASURED.to_owned());
    let (tone, nvidia, advice) = match (report.has_nvidia(), report.nvidia_by_cdi) {
        (true, _) => (Tone::Ok, "engine-nvidia-yes", None),
        (false, true) => (Tone::Ok, "engine-nvidia-cdi", None),
        (false, false) => (Tone::Info, "engine-nvidia-unlisted", Some(words.t("engine-nvidia-advice"))),
    };
    let advice = advice.map(|advice| view! { <p class="hint">{advice}</p> });
    let version = [("version", report.version), ("api", report.api_version)];
    let system = [report.os, report.architecture].into_iter().flatten().collect::<Vec<_>>().join(" · ");
    view! {
        <dt>{words.t("engine-version")}</dt>
        <dd>{words.with("engine-version-api", &version)}</dd>
        <dt>{words.t("engine-system")}</dt>
        <dd>{or_dash(Some(system).filter(|text| !text.is_empty()))}</dd>
        <dt>{words.t("engine-kernel")}</dt>
        <dd class="mono">{or_dash(report.kernel)}</dd>
        <dt>{words.t("engine-cpus")}</dt>
        <dd>{or_dash(report.cpus.map(|n| n.to_string()))}</dd>
        <dt>{words.t("engine-memory")}</dt>
        <dd>{or_dash(report.memory.map(|bytes| format::text(Some(format::bytes(bytes as f64)))))}</dd>
        <dt>{words.t("engine-cgroup")}</dt>
        <dd>{or_dash(report.cgroup_version)}</dd>
        <dt>{words.t("engine-storage")}</dt>
        <dd>{or_dash(report.storage_driver)}</dd>
        <dt>{words.t("engine-runtimes")}</dt>
        <dd>{report.runtimes.join(", ")} " " {state(tone, words.t(nvidia))} {advice}</dd>
    }
}

fn form_card(
    words: Words,
    code: &str,
    engine: Option<&EngineView>,
    refused: Option<&Refused>,
) -> impl IntoView + use<> {
    let form = match (refused.and_then(Refused::with_typed), engine) {
        (Some(refused), _) => EngineForm::from_typed(refused),
        (None, Some(engine)) => EngineForm::of(engine),
        (None, None) => EngineForm { kind: EngineKind::Tcp.code().to_owned(), ..EngineForm::default() },
    };
    let fault = |path: &str| refused.and_then(|refused| refused.fault(words.0, path));
    let field = |key: &str, name: &str, path: &str, value: &str| TextField {
        label: words.t(key),
        name: format!("form[{name}]"),
        value: value.to_owned(),
        fault: fault(path),
        hint: texts::known_message(words.0, &format!("{key}-hint"), &[]),
        autocomplete: Some("off"),
        ..TextField::default()
    };
    let stored = engine.is_some_and(|engine| engine.kind == EngineKind::Tcp);
    let pem = |key: &str, name: &str, path: &str| {
        let field = field(key, name, path, "");
        let keep = stored.then(|| words.t("engine-keep"));
        let hint = [field.hint.clone(), keep].into_iter().flatten().collect::<Vec<_>>().join(" ");
        text_area(TextField {
            hint: Some(hint).filter(|hint| !hint.is_empty()),
            max_length: u32::try_from(MAX_PEM).ok(),
            ..field
        })
    };
    // Only who was asked may say so.
    let other = fault("otherEngine").map(|question| check_field(question, None, "form[other]", false));
    let kinds =
        EngineKind::ALL.iter().map(|kind| (kind.code().to_owned(), words.t(&format!("engine-kind-{}", kind.code()))));
    view! {
        <section class="card">
            <form class="form" method="post" action=SetEngine::url() autocomplete="off">
                <p class="sub">{words.t("engine-hint")}</p>
                <input r#type="hidden" name="code" value=code.to_owned() />
                <input r#type="hidden" name="form[revision]" value=form.revision.clone() />
                <fieldset>
                    {select_field(words.t("engine-kind"), "form[kind]", kinds.collect(), &form.kind, fault("kind"))}
                    <p class="sub">{words.t("engine-agent-hint")}</p>
                    {text_field(TextField { max_length: Some(100), ..field("engine-socket", "socket", "socket", &form.socket) })}
                    {text_field(TextField { max_length: Some(253), ..field("engine-host", "host", "host", &form.host) })}
                    {text_field(TextField { kind: "number", ..field("engine-port", "port", "port", &form.port) })}
                    {pem("engine-ca", "ca", "caCertificate")}
                    {pem("engine-certificate", "certificate", "clientCertificate")}
                    {pem("engine-key", "key", "clientKey")}
                    {other}
                </fieldset>
                <p class="actions"><button class="btn primary">{words.t("form-save")}</button></p>
            </form>
        </section>
    }
}

fn remove_card(words: Words, code: &str) -> impl IntoView + use<> {
    let remove = Ask::new("engine", words.t("engine-remove"), words.t("engine-remove-hint"), RemoveEngine::url())
        .yes(words.t("engine-remove-confirm"))
        .field("code", code);
    view! {
        <section class="card">
            <header><h2>{words.t("engine-remove")}</h2></header>
            <p class="note-line">{words.t("engine-remove-hint")}</p>
            <div class="actions">{remove.view(words)}</div>
        </section>
    }
}
