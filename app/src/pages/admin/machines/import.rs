//! Machines from a workbook: the upload, and the preview that is confirmed.

use contract::machines::{ImportRow, ImportRowQuery, ImportState, ImportView, MAX_STAGED_IMPORTS, RowVerdict};
use contract::{ImportId, Page, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::{use_params_map, use_query_map};
use platform::machines::sheet_columns::COLUMNS;

use super::server_fns::{ConfirmImport, DiscardImport};
use crate::door::{Refused, door, import_in_words, look, must_hold, reload_after, row_in_words};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::forms::form_fault;
use crate::ui::lists::{ListQuery, pager};
use crate::ui::state::{Tone, state};
use crate::ui::time::time;
use crate::words::Words;

/// `/admin/machines/import`.
#[component]
pub fn ImportPage() -> impl IntoView {
    let fault = use_query_map().get_untracked().get("fault");
    let (_, ctx) = door();
    page(async move { must_hold(&ctx, Permission::MachinesCreate) }, move |()| upload_view(fault))
}

fn upload_view(fault: Option<String>) -> AnyView {
    let words = Words::now();
    let fault = fault.map(|fault| match fault.as_str() {
        "too-large" => words.t("import-too-large"),
        "too-many" => words.with("import-too-many", &[("max", MAX_STAGED_IMPORTS.to_string())]),
        _ => words.t("field-file-required"),
    });
    let head = PageFrame::new(words.t("import-title"), Area::Machines).crumb(words.t("nav-machines"), paths::MACHINES);
    frame(
        head,
        view! {
            {form_fault(fault)}
            <section class="card">
                <form class="form" method="post" action="/api/admin/machines/import/preview" enctype="multipart/form-data">
                    <p>
                        {words.t("import-hint")} " "
                        <a class="link" href="/api/admin/machines/import/template" download="">{words.t("import-template")}</a>
                    </p>
                    <div class="form-row">
                        <label r#for="import-file">{words.t("import-file")}</label>
                        <input id="import-file" r#type="file" name="file" required=true
                            accept=".xlsx,application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" />
                        <span class="hint">{words.t("import-file-hint")}</span>
                    </div>
                    <p class="actions">
                        <button class="btn primary">{words.t("import-upload")}</button>
                        <a class="btn" href=paths::MACHINES>{words.t("form-cancel")}</a>
                    </p>
                </form>
            </section>
        },
    )
}

/// `/admin/machines/imports/{id}`.
#[component]
pub fn ImportPreviewPage() -> impl IntoView {
    let id = use_params_map().get_untracked().get("id").and_then(|id| id.parse::<ImportId>().ok());
    let map = use_query_map().get_untracked();
    let get = |name: &str| map.get(name).map(|value| value.trim().to_owned()).unwrap_or_default();
    let verdict = RowVerdict::parse(&get("verdict"));
    let number = |name: &str| get(name).parse::<u32>().ok().filter(|n| *n > 0);
    let query = ImportRowQuery {
        page: number("page"),
        page_size: number("pageSize").filter(|n| contract::PAGE_SIZES.contains(n)),
        verdict,
        changed: (get("changed") == "true").then_some(true),
    };
    let (platform, ctx) = door();
    page(
        async move {
            let id = id.ok_or_else(platform::Error::not_found)?;
            let view = platform::machines::get_import(&platform, &ctx, id).await?;
            let mut rows = platform::machines::import_rows(&platform, &ctx, id, &query).await?;
            rows.list.iter_mut().for_each(|row| row_in_words(ctx.language(), row));
            Ok((import_in_words(ctx.language(), view), rows, query))
        },
        |(view, rows, query)| preview_view(view, rows, &query),
    )
}

fn preview_view(view: ImportView, rows: Page<ImportRow>, query: &ImportRowQuery) -> AnyView {
    let words = Words::now();
    let refused = Refused::from_query().map(|refused| refused.message(words.0));
    let head = PageFrame::new(words.with("import-preview-title", &[("file", view.file_name.clone())]), Area::Machines)
        .crumb(words.t("nav-machines"), paths::MACHINES)
        .crumb(words.t("import-title"), paths::MACHINES_IMPORT)
        .beside(import_state(words, view.state));
    if view.state == ImportState::Reading {
        reload_after(1);
    }
    let body = match view.state {
        ImportState::Refused => {
            let why = view.refusal.clone().map(|note| note.message).unwrap_or_default();
            view! {
                <section class="card empty">
                    <p role="alert">{why}</p>
                    <a class="btn primary" href=paths::MACHINES_IMPORT>{words.t("import-another")}</a>
                </section>
            }
            .into_any()
        }
        ImportState::Discarded => view! {
            <section class="card empty">
                <p>{words.t("import-discarded")}</p>
                <a class="btn primary" href=paths::MACHINES_IMPORT>{words.t("import-another")}</a>
            </section>
        }
        .into_any(),
        _ => view! {
            {actions(words, &view)}
            <section class="card">
                {tabs(words, &view, query)}
                {table(words, &view, rows, query)}
            </section>
        }
        .into_any(),
    };
    frame(
        head,
        view! {
            {form_fault(refused)}
            {body}
        },
    )
}

fn import_state(words: Words, now: ImportState) -> impl IntoView {
    let tone = match now {
        ImportState::Reading => Tone::Info,
        ImportState::Ready | ImportState::Confirmed => Tone::Ok,
        ImportState::Refused => Tone::Bad,
        ImportState::Discarded => Tone::Off,
    };
    state(tone, words.t(&format!("import-state-{}", now.code())))
}

fn actions(words: Words, view: &ImportView) -> impl IntoView + use<> {
    let zone = look().zone;
    let id = view.id.to_string();
    let writes = view.new_rows + view.update_rows;
    let unknown = (!view.unknown_columns.is_empty()).then(|| {
        let names = view.unknown_columns.join(", ");
        view! { <p>{state(Tone::Warn, words.with("import-unknown-columns", &[("names", names)]))}</p> }
    });
    let confirm = (view.state == ImportState::Ready && writes > 0).then(|| {
        let text = words.with("import-confirm", &[("n", writes.to_string())]);
        view! {
            <form method="post" action=ConfirmImport::url()>
                <input r#type="hidden" name="id" value=id.clone() />
                <button class="btn primary">{text}</button>
            </form>
        }
    });
    let discard = matches!(view.state, ImportState::Ready | ImportState::Reading).then(|| {
        view! {
            <form method="post" action=DiscardImport::url()>
                <input r#type="hidden" name="id" value=id.clone() />
                <button class="btn">{words.t("import-discard")}</button>
            </form>
        }
    });
    let result = (view.state != ImportState::Reading).then(|| {
        let href = format!("/api/admin/machines/import/{id}/result");
        view! { <a class="btn" href=href download="">{words.t("import-result-file")}</a> }
    });
    let changed = (view.changed_rows > 0 && view.state == ImportState::Ready).then(|| {
        let text = words.with("import-changed-meanwhile", &[("n", view.changed_rows.to_string())]);
        let href = paths::machine_import_changed(view.id);
        view! { <p>{state(Tone::Warn, text)} " " <a class="link" href=href>{words.t("import-show-changed")}</a></p> }
    });
    let left = (view.error_rows > 0 && view.state == ImportState::Ready).then(|| words.t("import-errors-left-out"));
    view! {
        <section class="card notice">
            {unknown}
            {changed}
            <p>
                {match view.confirmed_at {
                    Some(at) => (words.t("import-confirmed-at"), " ", time(at, zone)).into_any(),
                    None => (words.t("import-kept-until"), " ", time(view.expires_at, zone)).into_any(),
                }}
            </p>
            {left.map(|left| view! { <p class="sub">{left}</p> })}
            <div class="actions">{confirm} {result} {discard}</div>
        </section>
    }
}

fn tabs(words: Words, view: &ImportView, query: &ImportRowQuery) -> impl IntoView + use<> {
    let path = paths::machine_import(view.id);
    let (chosen, of_changed) = (query.verdict, query.changed.is_some());
    let tab = |verdict: Option<RowVerdict>, count: u32| {
        let (href, key) = match verdict {
            Some(verdict) => {
                (format!("{path}?verdict={}", verdict.code()), format!("import-verdict-{}", verdict.code()))
            }
            None => (path.clone(), "filter-all".to_owned()),
        };
        let here = (verdict == chosen && !of_changed).then_some("true");
        view! { <a href=href aria-current=here>{words.t(&key)} " " {count}</a> }
    };
    let changed = (view.changed_rows > 0).then(|| {
        let href = paths::machine_import_changed(view.id);
        let here = of_changed.then_some("true");
        view! { <a href=href aria-current=here>{words.t("import-changed")} " " {view.changed_rows}</a> }
    });
    view! {
        <nav class="filters seg-line" aria-label=words.t("import-verdict")>
            <span class="seg">
                {tab(None, view.rows)}
                {tab(Some(RowVerdict::New), view.new_rows)}
                {tab(Some(RowVerdict::Update), view.update_rows)}
                {tab(Some(RowVerdict::Unchanged), view.unchanged_rows)}
                {tab(Some(RowVerdict::Error), view.error_rows)}
                {changed}
            </span>
        </nav>
    }
}

fn table(words: Words, view: &ImportView, rows: Page<ImportRow>, query: &ImportRowQuery) -> AnyView {
    if rows.list.is_empty() {
        let key = if view.state == ImportState::Reading { "import-reading" } else { "import-no-such-rows" };
        return view! { <div class="empty"><p role="status">{words.t(key)}</p></div> }.into_any();
    }
    let query = ListQuery {
        path: paths::machine_import(view.id).into(),
        pairs: vec![
            ("verdict", query.verdict.map(|verdict| verdict.code().to_owned()).unwrap_or_default()),
            ("changed", query.changed.map(|changed| changed.to_string()).unwrap_or_default()),
            ("pageSize", rows.page_size.to_string()),
            ("page", rows.page.to_string()),
        ],
    };
    let (number, size, total) = (rows.page, rows.page_size, rows.total);
    let lines = rows.list.into_iter().map(|row| line(words, row)).collect_view();
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label=words.t("import-rows")>
            <table class="cards">
                <thead>
                    <tr>
                        <th scope="col" class="num">{words.t("import-row")}</th>
                        <th scope="col">{words.t("machine-name")}</th>
                        <th scope="col">{words.t("machine-code")}</th>
                        <th scope="col">{words.t("import-verdict")}</th>
                        <th scope="col">{words.t("import-why")}</th>
                    </tr>
                </thead>
                <tbody>{lines}</tbody>
            </table>
        </div>
        {pager(words, &query, number, size, total)}
    }
    .into_any()
}

fn heading(words: Words, column: &str) -> String {
    let known = COLUMNS.iter().find(|known| known.key == column).map(|known| known.heading);
    let zh = words.0 == contract::accounts::Language::Zh;
    known.map_or_else(|| column.to_owned(), |(first, second)| (if zh { first } else { second }).to_owned())
}

fn verdict_state(words: Words, verdict: RowVerdict) -> impl IntoView + use<> {
    let tone = match verdict {
        RowVerdict::New => Tone::Ok,
        RowVerdict::Update => Tone::Info,
        RowVerdict::Unchanged => Tone::Off,
        RowVerdict::Error => Tone::Bad,
    };
    state(tone, words.t(&format!("import-verdict-{}", verdict.code())))
}

fn line(words: Words, row: ImportRow) -> impl IntoView {
    let was = row.was.map(|was| {
        let again = (was == row.verdict).then(|| words.t("import-machine-changed"));
        view! { <p class="sub">{words.t("import-was")} " " {verdict_state(words, was)} " " {again}</p> }
    });
    let name = row.cells.get("name").cloned().unwrap_or_default();
    let why = match row.verdict {
        RowVerdict::Error => row
            .faults
            .iter()
            .map(|fault| {
                let text = row.cells.get(&fault.column).filter(|text| !text.is_empty());
                let cell = text.map(|text| format!(" “{text}”")).unwrap_or_default();
                view! { <p><b>{heading(words, &fault.column)}</b> {cell} " " {fault.note.message.clone()}</p> }
            })
            .collect_view()
            .into_any(),
        _ => row.changes.iter().map(|column| heading(words, column)).collect::<Vec<_>>().join(", ").into_any(),
    };
    view! {
        <tr>
            <td class="num" data-label=words.t("import-row")>{row.row}</td>
            <th scope="row">{name}</th>
            <td class="mono" data-label=words.t("machine-code")>{row.code}</td>
            <td data-label=words.t("import-verdict")>{verdict_state(words, row.verdict)} {was}</td>
            <td data-label=words.t("import-why")>{why}</td>
        </tr>
    }
}
