//! What both portals show of whether an instance is used, and how somebody keeps it.

use contract::instances::{InstanceIdle, InstanceView};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::server_fns::KeepOwnInstance;
use crate::door::{Refused, look};
use crate::ui::format::{bytes, decimal, text};
use crate::ui::forms::{TextField, text_field};
use crate::ui::state::{Tone, state};
use crate::ui::time::time;
use crate::words::Words;

/// In a list: since when it is idle, where it is.
pub fn idle_since(words: Words, view: &InstanceView) -> Option<impl IntoView + use<>> {
    let idle = view.idle.as_ref().filter(|idle| idle.is_idle())?;
    let since = time(idle.since, look().zone);
    Some(view! { <span class="sub">{words.t("idle-since")} " " {since}</span> })
}

/// What was seen, and what follows.
pub fn idle_card(words: Words, view: &InstanceView, keep: Option<AnyView>) -> Option<AnyView> {
    let idle = view.idle.as_ref()?;
    let zone = look().zone;
    let now = match (idle.unknown, idle.is_idle()) {
        (Some(reason), _) => {
            let why = words.t(&format!("idle-unknown-{}", reason.code()));
            view! { {state(Tone::Off, words.t("idle-unknown"))} " " <span class="sub">{why}</span> }.into_any()
        }
        (None, true) => view! { {state(Tone::Warn, words.t("idle-since"))} " " {time(idle.since, zone)} }.into_any(),
        (None, false) => state(Tone::Ok, words.t("idle-used")).into_any(),
    };
    let seen = evidence(words, idle).map(|(key, figure)| {
        view! {
            <dt>{words.t(key)}</dt>
            <dd>{figure}</dd>
        }
    });
    let kept = idle.kept.as_ref().map(|kept| {
        let who = words.with("idle-kept-by", &[("by", kept.by.clone()), ("because", kept.because.clone())]);
        view! {
            <dt>{words.t("idle-kept-until")}</dt>
            <dd>{time(kept.until, zone)} " · " {who}</dd>
        }
    });
    let stops = idle.stops_at.map(|at| {
        let key = if idle.warned_at.is_some() { "idle-stops" } else { "idle-stops-at-earliest" };
        view! {
            <dt>{words.t(key)}</dt>
            <dd>{time(at, zone)}</dd>
        }
    });
    let values = [("hours", idle.after_hours.to_string()), ("percent", idle.threshold_percent.to_string())];
    let rule = words.with(if view.spec.gpu_count > 0 { "idle-rule-gpu" } else { "idle-rule-cpu" }, &values);
    let card = view! {
        <section class="card" id="idle" role=idle.warned_at.is_some().then_some("status")>
            <header>
                <h2>{words.t("idle-title")}</h2>
                <span class="end">{time(idle.looked_at, zone)}</span>
            </header>
            <dl class="facts start">
                <dt>{words.t("idle-now")}</dt>
                <dd>{now}</dd>
                {seen.collect_view()}
                {kept}
                {stops}
            </dl>
            <p class="note-line">{rule}</p>
            {keep}
        </section>
    };
    Some(card.into_any())
}

/// Figures of the last look.
fn evidence(words: Words, idle: &InstanceIdle) -> impl Iterator<Item = (&'static str, String)> + use<> {
    let percent = |figure: Option<f32>| figure.map(|figure| format!("{} %", decimal(f64::from(figure))));
    let memory = idle.gpu_memory_bytes.map(|own| match own {
        0 => words.t("idle-no-programs"),
        own => text(Some(bytes(own as f64))),
    });
    let figures =
        [("idle-gpu", percent(idle.gpu_percent)), ("idle-gpu-memory", memory), ("idle-cpu", percent(idle.cpu_percent))];
    figures.into_iter().filter_map(|(key, figure)| Some((key, figure?)))
}

/// "Keep it for so many hours, because …".
pub fn keep_form(words: Words, view: &InstanceView, refused: Option<&Refused>) -> Option<AnyView> {
    let idle = view.idle.as_ref()?;
    let fault = |path: &str| refused.and_then(|refused| refused.fault(words.0, path));
    let typed = |name: &str| refused.and_then(|refused| refused.typed.get(name).cloned()).unwrap_or_default();
    let refused_here = refused.is_some_and(|refused| refused.typed.contains_key("hours"));
    let most = words.with("idle-keep-hint", &[("hours", idle.keep_at_most.to_string())]);
    let open = refused_here || idle.warned_at.is_some();
    let form = view! {
        <details open=open>
            <summary class="card-summary">{words.t("idle-keep")}</summary>
            <form class="form" method="post" action=KeepOwnInstance::url()>
                <input r#type="hidden" name="id" value=view.id.to_string() />
                {text_field(TextField {
                    label: words.t("idle-keep-hours"),
                    name: "hours".to_owned(),
                    form: "keep",
                    value: typed("hours"),
                    fault: fault("hours"),
                    hint: Some(most),
                    kind: "number",
                    required: true,
                    unit: Some(words.t("budget-hours")),
                    ..TextField::default()
                })}
                {text_field(TextField {
                    label: words.t("idle-keep-because"),
                    name: "because".to_owned(),
                    form: "keep",
                    value: typed("because"),
                    fault: fault("because"),
                    required: true,
                    max_length: Some(1000),
                    autocomplete: Some("off"),
                    ..TextField::default()
                })}
                <p class="actions"><button class="btn">{words.t("idle-keep")}</button></p>
            </form>
        </details>
    };
    Some(form.into_any())
}
