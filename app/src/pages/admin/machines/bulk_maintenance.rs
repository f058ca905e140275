//! The same maintenance for many machines: first the window, then what would become of each, then the doing.

use std::collections::BTreeMap;

use contract::machines::{MachineQuery, MaintenanceCreate};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;

use super::bulk::{
    Before, MAINTENANCE, Row, ToComeOf, back_field, counts, in_words, nothing_chosen, possible_ids, refusal, table,
};
use super::list::{filter_names, read_query};
use super::server_fns::PlanMaintenanceForMany;
use super::service_form::MaintenanceForm;
use crate::door::{door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::{TextField, text_field};
use crate::ui::lists::hidden_filters;
use crate::words::Words;

/// `/admin/machines/bulk?action=maintenance&ids=…&starts=…&ends=…&message=…`; without one, it is asked for.
pub(super) fn maintenance_page(ids: Vec<String>, matching: Option<MachineQuery>, before: Before) -> impl IntoView {
    let map = use_query_map().get_untracked();
    let get = |name: &str| map.get(name).unwrap_or_default();
    let form = MaintenanceForm { starts: get("starts"), ends: get("ends"), message: get("message") };
    let asked = map.get("ends").is_some();
    let window = if asked { form.read().map(Some) } else { Ok(None) };
    let all = matching.is_some();
    let (platform, ctx) = door();
    page(
        async move {
            let checked = window.and_then(|window| {
                window.as_ref().map_or(Ok(()), |window| platform::machines::check_window(&ctx, window))?;
                Ok(window)
            });
            let (window, faults): (Option<MaintenanceCreate>, _) = match checked {
                Ok(window) => (window, BTreeMap::new()),
                Err(error) => (None, crate::door::to_api_error(&platform, &ctx, error).await.fields),
            };
            let chosen = (ids, matching.as_ref());
            let preview = platform::machines::preview_plan_for_many(&platform, &ctx, chosen, window.as_ref()).await?;
            let rows = in_words(&platform, &ctx, preview.rows).await;
            Ok(Shown { rows, more: preview.more, before, form, planned: window.is_some(), faults, all })
        },
        maintenance_view,
    )
}

struct Shown {
    rows: Vec<Row>,
    more: u64,
    before: Before,
    form: MaintenanceForm,
    /// A window is there, so that what would become of each is known.
    planned: bool,
    /// What is wrong with the window, by field.
    faults: BTreeMap<String, String>,
    all: bool,
}

fn maintenance_view(shown: Shown) -> AnyView {
    let words = Words::now();
    let Shown { rows, more, before, form, planned, faults, all } = shown;
    let head =
        PageFrame::new(words.t("maintenance-plan"), Area::Machines).crumb(words.t("nav-machines"), paths::MACHINES);
    if rows.is_empty() {
        return nothing_chosen(words, head);
    }
    let possible = rows.iter().filter(|(_, refusal)| refusal.is_none()).count();
    let able = possible_ids(&rows);
    let chosen = if all {
        view! {
            <input r#type="hidden" name="all" value="1" />
            {hidden_filters(&read_query().0, &filter_names())}
        }
        .into_any()
    } else {
        let ids =
            rows.iter().map(|(machine, _)| view! { <input r#type="hidden" name="ids" value=machine.id.clone() /> });
        (ids.collect_view(), hidden_filters(&read_query().0, &filter_names())).into_any()
    };
    let count = words.with("bulk-possible", &[("n", possible.to_string())]);
    let doing = planned.then(|| {
        view! {
            <form class="form" method="post" action=PlanMaintenanceForMany::url()>
                {able}
                {back_field()}
                <input r#type="hidden" name="form[starts]" value=form.starts.clone() />
                <input r#type="hidden" name="form[ends]" value=form.ends.clone() />
                <input r#type="hidden" name="form[message]" value=form.message.clone() />
                <p class="actions">
                    <button class="btn primary" disabled={possible == 0}>{count}</button>
                    <a class="btn" href=paths::MACHINES>{words.t("form-cancel")}</a>
                </p>
            </form>
        }
    });
    frame(
        head,
        view! {
            {refusal(words)}
            {counts(words, before, more, "bulk-done")}
            <section class="card">
                {window_form(words, &form, &faults, chosen)}
                {planned.then(|| table(words, rows, &ToComeOf::new()))}
                {doing}
            </section>
        },
    )
}

/// Other times are another preview, so that what is shown is what will be done.
fn window_form(
    words: Words,
    form: &MaintenanceForm,
    faults: &BTreeMap<String, String>,
    chosen: AnyView,
) -> impl IntoView + use<> {
    let zone = look().zone.name().to_owned();
    let field = |key: &str, name: &str, (path, value): (&str, &str), kind: &'static str| TextField {
        label: words.t(key),
        name: name.to_owned(),
        value: value.to_owned(),
        fault: faults.get(path).cloned(),
        kind,
        ..TextField::default()
    };
    view! {
        <form class="form" method="get" action=paths::MACHINES_BULK>
            <input r#type="hidden" name="action" value=MAINTENANCE />
            {chosen}
            <p class="sub">{words.with("maintenance-hint", &[("zone", zone)])}</p>
            <fieldset>
                {text_field(TextField {
                    hint: Some(words.t("maintenance-starts-hint")),
                    ..field("maintenance-starts", "starts", ("startsAt", form.starts.as_str()), "datetime-local")
                })}
                {text_field(TextField {
                    required: true,
                    ..field("maintenance-ends", "ends", ("endsAt", form.ends.as_str()), "datetime-local")
                })}
                {text_field(TextField {
                    required: true,
                    max_length: Some(1000),
                    ..field("maintenance-message", "message", ("message", form.message.as_str()), "text")
                })}
            </fieldset>
            <p class="actions"><button class="btn">{words.t("allocations-bulk-preview")}</button></p>
        </form>
    }
}
