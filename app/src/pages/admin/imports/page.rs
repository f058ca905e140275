//! A workbook of machines or people: the upload, and the preview that is confirmed.

use contract::accounts::{Language, MemberRole};
use contract::imports::{
    ImportRow, ImportRowQuery, ImportState, ImportSubject, ImportView, MAX_STAGED_IMPORTS, PlaceChange, RowFault,
    RowVerdict,
};
use contract::{ImportId, Page, Permission};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::{use_params_map, use_query_map};
use platform::accounts::users::roles_kept;
use platform::imports;

use super::server_fns::{ConfirmImport, DiscardImport, TakeBackImport};
use crate::door::{Refused, door, import_in_words, look, may_open, reload_after, row_in_words};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::role_words::role_name;
use crate::ui::ask::Ask;
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::{file_field, form_fault};
use crate::ui::lists::{ListQuery, pager, past_the_end};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// What differs between the subjects' pages.
struct Subject {
    of: ImportSubject,
    area: Area,
    /// The list it begins at: its address and name.
    list: (&'static str, &'static str),
    permission: Permission,
    hint: &'static str,
    confirm: &'static str,
    /// Column that names what a row is about, and the headings of its name and code.
    name: &'static str,
    headings: [&'static str; 2],
}

fn subject(of: ImportSubject) -> Subject {
    match of {
        ImportSubject::Machines => Subject {
            of,
            area: Area::Machines,
            list: (paths::MACHINES, "nav-machines"),
            permission: Permission::MachinesCreate,
            hint: "import-file-hint",
            confirm: "import-confirm",
            name: "name",
            headings: ["machine-name", "machine-code"],
        },
        ImportSubject::Users => Subject {
            of,
            area: Area::Users,
            list: (paths::USERS, "nav-users"),
            permission: Permission::UsersCreate,
            hint: "import-users-file-hint",
            confirm: "import-users-confirm",
            name: "displayName",
            headings: ["customer-display-name", "customer-username"],
        },
    }
}

/// `/admin/machines/import`.
#[component]
pub fn MachineUploadPage() -> impl IntoView {
    upload_page(ImportSubject::Machines)
}

/// `/admin/users/import`.
#[component]
pub fn UserUploadPage() -> impl IntoView {
    upload_page(ImportSubject::Users)
}

/// `/admin/machines/imports/{id}`.
#[component]
pub fn MachineImportPage() -> impl IntoView {
    preview_page(ImportSubject::Machines)
}

/// `/admin/users/imports/{id}`.
#[component]
pub fn UserImportPage() -> impl IntoView {
    preview_page(ImportSubject::Users)
}

fn upload_page(of: ImportSubject) -> impl IntoView {
    let fault = use_query_map().get_untracked().get("fault");
    let (_, ctx) = door();
    let subject = subject(of);
    page(async move { may_open(&ctx, subject.permission) }, move |()| upload_view(of, fault))
}

fn upload_view(of: ImportSubject, fault: Option<String>) -> AnyView {
    let words = Words::now();
    let subject = subject(of);
    let (list, list_name) = subject.list;
    let door = format!("/api/admin/{}/import", of.code());
    let template = format!("{door}/template");
    // That there are too many is nothing about the file; everything else is.
    let (general, fault) = match fault.as_deref() {
        None => (None, None),
        Some("too-many") => (Some(words.with("import-too-many", &[("max", MAX_STAGED_IMPORTS.to_string())])), None),
        Some("too-large") => (None, Some(words.t("import-too-large"))),
        Some(_) => (None, Some(words.t("field-file-required"))),
    };
    let accept = ".xlsx,application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let file = file_field("import-file", words.t("import-file"), accept, fault, Some(words.t(subject.hint)), ());
    let head = PageFrame::new(words.t("import-title"), subject.area).crumb(words.t(list_name), list);
    frame(
        head,
        view! {
            {form_fault(general)}
            <section class="card">
                <form class="form" method="post" action=format!("{door}/preview") enctype="multipart/form-data">
                    <p>
                        {words.t("import-hint")} " "
                        <a class="link" href=template download="">{words.t("import-template")}</a>
                    </p>
                    {file}
                    <p class="actions">
                        <button class="btn primary">{words.t("import-upload")}</button>
                        <a class="btn" href=list>{words.t("form-cancel")}</a>
                    </p>
                </form>
            </section>
        },
    )
}

fn preview_page(of: ImportSubject) -> impl IntoView {
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
            let view = imports::get(&platform, &ctx, of, id).await?;
            let mut rows = imports::rows(&platform, &ctx, of, id, &query).await?;
            rows.list.iter_mut().for_each(|row| row_in_words(ctx.language(), row));
            Ok((import_in_words(ctx.language(), view), rows, query))
        },
        move |(view, rows, query)| preview_view(&subject(of), view, rows, &query),
    )
}

fn preview_view(subject: &Subject, view: ImportView, rows: Page<ImportRow>, query: &ImportRowQuery) -> AnyView {
    let words = Words::now();
    let refused = Refused::from_query().map(|refused| refused.message(words.0));
    let (list, list_name) = subject.list;
    let upload = paths::import_upload(subject.of);
    let head = PageFrame::new(words.with("import-preview-title", &[("file", view.file_name.clone())]), subject.area)
        .crumb(words.t(list_name), list)
        .crumb(words.t("import-title"), upload.clone())
        .beside(import_state(words, &view));
    if view.state == ImportState::Reading {
        reload_after(1);
    }
    let body = match view.state {
        ImportState::Refused => {
            let why = view.refusal.clone().map(|note| note.message).unwrap_or_default();
            view! {
                <section class="card empty">
                    <p role="alert">{why}</p>
                    <a class="btn primary" href=upload>{words.t("import-another")}</a>
                </section>
            }
            .into_any()
        }
        ImportState::Discarded => view! {
            <section class="card empty">
                <p>{words.t("import-discarded")}</p>
                <a class="btn primary" href=upload>{words.t("import-another")}</a>
            </section>
        }
        .into_any(),
        _ => view! {
            {actions(words, subject, &view)}
            <section class="card">
                {tabs(words, subject, &view, query)}
                {table(words, subject, &view, rows, query)}
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

fn import_state(words: Words, view: &ImportView) -> impl IntoView + use<> {
    let now = view.state;
    if view.taken_back_at.is_some() {
        return state(Tone::Off, words.t("import-state-taken-back"));
    }
    if now == ImportState::Ready && view.new_rows + view.update_rows == 0 {
        let tone = if view.error_rows > 0 { Tone::Bad } else { Tone::Off };
        return state(tone, words.t("import-state-empty"));
    }
    let tone = match now {
        ImportState::Reading => Tone::Info,
        ImportState::Ready | ImportState::Confirmed => Tone::Ok,
        ImportState::Refused => Tone::Bad,
        ImportState::Discarded => Tone::Off,
    };
    state(tone, words.t(&format!("import-state-{}", now.code())))
}

/// Which sheet it is that is shown: a workbook often has last year's beside this year's.
fn sheet_read(words: Words, view: &ImportView) -> Option<impl IntoView + use<>> {
    let sheet = view.sheet.clone().filter(|sheet| !sheet.is_empty())?;
    let others = (!view.other_sheets.is_empty()).then(|| {
        let names = view.other_sheets.join(", ");
        view! { <p>{state(Tone::Warn, words.with("import-other-sheets", &[("names", names)]))}</p> }
    });
    Some(view! { <p>{words.with("import-sheet", &[("name", sheet)])}</p> {others} })
}

fn actions(words: Words, subject: &Subject, view: &ImportView) -> impl IntoView + use<> {
    let zone = look().zone;
    let id = view.id.to_string();
    let writes = view.new_rows + view.update_rows;
    let unknown = (!view.unknown_columns.is_empty()).then(|| {
        let names = view.unknown_columns.join(", ");
        view! { <p>{state(Tone::Warn, words.with("import-unknown-columns", &[("names", names)]))}</p> }
    });
    let confirm = (view.state == ImportState::Ready && writes > 0).then(|| {
        let text = words.with(subject.confirm, &[("n", writes.to_string())]);
        view! {
            <form method="post" action=ConfirmImport::url()>
                <input r#type="hidden" name="subject" value=subject.of.code() />
                <input r#type="hidden" name="id" value=id.clone() />
                <button class="btn primary">{text}</button>
            </form>
        }
    });
    let discard = matches!(view.state, ImportState::Ready | ImportState::Reading).then(|| {
        Ask::new("import", words.t("import-discard"), words.t("import-discard-hint"), DiscardImport::url())
            .class("btn")
            .yes(words.t("import-discard-confirm"))
            .field("subject", subject.of.code())
            .field("id", &id)
            .view(words)
    });
    let take_back = take_back(words, subject, view);
    let result = (view.state != ImportState::Reading).then(|| {
        let href = format!("/api/admin/{}/import/{id}/result", subject.of.code());
        view! { <a class="btn" href=href download="">{words.t("import-result-file")}</a> }
    });
    let changed = (view.changed_rows > 0 && view.state == ImportState::Ready).then(|| {
        let text = words.with("import-changed-meanwhile", &[("n", view.changed_rows.to_string())]);
        let href = paths::import_changed(subject.of, view.id);
        view! { <p>{state(Tone::Warn, text)} " " <a class="link" href=href>{words.t("import-show-changed")}</a></p> }
    });
    let left = (view.error_rows > 0 && view.state == ImportState::Ready).then(|| words.t("import-errors-left-out"));
    view! {
        <section class="card notice">
            {sheet_read(words, view)}
            {unknown}
            {changed}
            <p>
                {match view.confirmed_at {
                    Some(at) => (words.t("import-confirmed-at"), " ", time(at, zone)).into_any(),
                    None => (words.t("import-kept-until"), " ", time(view.expires_at, zone)).into_any(),
                }}
            </p>
            {taken_back(words, subject, view)}
            {left.map(|left| view! { <p class="sub">{left}</p> })}
            <div class="actions">{confirm} {result} {take_back} {discard}</div>
        </section>
    }
}

/// What was imported by mistake need not be picked out of the list, 500 at a time.
fn take_back(words: Words, subject: &Subject, view: &ImportView) -> Option<AnyView> {
    let is_there = view.state == ImportState::Confirmed && view.taken_back_at.is_none();
    let may = subject.of == ImportSubject::Machines && door().1.holds(Permission::MachinesDelete);
    (is_there && may).then(|| {
        Ask::new("take-back", words.t("import-take-back"), words.t("import-take-back-hint"), TakeBackImport::url())
            .class("btn")
            .yes(words.t("import-take-back-confirm"))
            .field("id", view.id)
            .view(words)
    })
}

/// What can be taken back, before anybody agrees, and what was.
fn taken_back(words: Words, subject: &Subject, view: &ImportView) -> impl IntoView + use<> {
    let promise = (view.state == ImportState::Ready && view.new_rows + view.update_rows > 0).then(|| {
        let is_machines = subject.of == ImportSubject::Machines;
        words.t(if is_machines { "import-can-be-taken-back" } else { "import-users-stay" })
    });
    let done = view.taken_back_at.map(|at| {
        let rows = words.with("import-taken-back-rows", &[("n", view.taken_back_rows.to_string())]);
        view! {
            <p>{words.t("import-taken-back-at")} " " {time(at, look().zone)}</p>
            <p>{rows}</p>
        }
    });
    let kept = (view.kept_rows > 0).then(|| {
        let text = words.with("import-kept-rows", &[("n", view.kept_rows.to_string())]);
        view! { <p>{state(Tone::Warn, text)}</p> }
    });
    view! {
        {promise.map(|promise| view! { <p class="sub">{promise}</p> })}
        {done}
        {kept}
    }
}

fn tabs(words: Words, subject: &Subject, view: &ImportView, query: &ImportRowQuery) -> impl IntoView + use<> {
    let path = paths::import(subject.of, view.id);
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
        let href = paths::import_changed(subject.of, view.id);
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

fn table(words: Words, subject: &Subject, view: &ImportView, rows: Page<ImportRow>, query: &ImportRowQuery) -> AnyView {
    let query = ListQuery {
        path: paths::import(subject.of, view.id).into(),
        pairs: vec![
            ("verdict", query.verdict.map(|verdict| verdict.code().to_owned()).unwrap_or_default()),
            ("changed", query.changed.map(|changed| changed.to_string()).unwrap_or_default()),
            ("pageSize", rows.page_size.to_string()),
            ("page", rows.page.to_string()),
        ],
    };
    let (number, size, total) = (rows.page, rows.page_size, rows.total);
    if let Some(past) = past_the_end(words, &query, number, size, total) {
        return past;
    }
    if rows.list.is_empty() {
        let key = if view.state == ImportState::Reading { "import-reading" } else { "import-no-such-rows" };
        return view! { <div class="empty"><p role="status">{words.t(key)}</p></div> }.into_any();
    }
    let lines = rows.list.into_iter().map(|row| line(words, subject, row)).collect_view();
    let [name, code] = subject.headings;
    view! {
        {list_table(words.t("import-rows"), view! {
            <th scope="col" class="num">{words.t("import-row")}</th>
            <th scope="col">{words.t(name)}</th>
            <th scope="col">{words.t(code)}</th>
            <th scope="col">{words.t("import-verdict")}</th>
            <th scope="col">{words.t("import-why")}</th>
        }, lines)}
        {pager(words, &query, number, size, total)}
    }
    .into_any()
}

fn heading(words: Words, of: ImportSubject, column: &str) -> String {
    let known = imports::heading_of(of, column);
    let zh = words.0 == Language::Zh;
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

/// `Acme: Member → Owner`.
fn place_words(words: Words, place: &PlaceChange) -> String {
    let role = |role: MemberRole| words.t(&format!("member-role-{}", role.code()));
    let was = place.was.map_or_else(|| words.t("import-place-none"), role);
    let args = [("customer", place.customer.clone()), ("was", was), ("role", role(place.role))];
    words.with("import-place", &args)
}

/// What a column says of what is there, as the sheet would say it.
fn stored_words(words: Words, column: &str, text: &str) -> String {
    match column {
        "pool" => words.t(&format!("pool-{text}")),
        "roles" => text.split("; ").map(|code| role_name(words.0, code, code)).collect::<Vec<_>>().join("; "),
        "listed" | "monitored" => words.t(if text == "true" { "yes" } else { "no" }),
        _ => text.to_owned(),
    }
}

fn places(words: Words, row: &ImportRow) -> impl IntoView + use<> {
    row.places.iter().map(|place| view! { <p>{place_words(words, place)}</p> }).collect_view()
}

/// What somebody new is given: whoever confirms it answers for it.
fn gives(words: Words, row: &ImportRow) -> AnyView {
    let columns = ["email", "roles"].into_iter().filter_map(|column| {
        let text = row.cells.get(column).filter(|text| !text.trim().is_empty())?.clone();
        Some(view! { <p><b>{heading(words, ImportSubject::Users, column)}</b> " " {text}</p> })
    });
    view! { {columns.collect_view()} {places(words, row)} }.into_any()
}

/// What a new machine would have beside its name and code, as its cells are understood.
fn takes(words: Words, row: &ImportRow) -> impl IntoView + use<> {
    let columns =
        imports::columns_of(ImportSubject::Machines).iter().filter(|known| !matches!(known.key, "name" | "id"));
    let facts = columns.filter_map(|known| Some((known.key, row.stored.get(known.key)?)));
    let facts = facts.enumerate().map(|(place, (column, text))| {
        let name = heading(words, ImportSubject::Machines, column);
        view! { {(place > 0).then_some(" · ")} <b>{name}</b> " " {stored_words(words, column, text)} }
    });
    view! { <p>{facts.collect_view()}</p> }
}

/// Where what is stored is not quite what a cell says, and why it was not taken back.
fn notes(words: Words, of: ImportSubject, row: &ImportRow) -> impl IntoView + use<> {
    let kept = row.faults.iter().filter(|_| row.verdict != RowVerdict::Error);
    row.notes.iter().chain(kept).map(|note| said_of(words, of, row, note)).collect_view()
}

/// A cell and what is to be said of it.
fn said_of(words: Words, of: ImportSubject, row: &ImportRow, what: &RowFault) -> impl IntoView + use<> {
    let text = row.cells.get(&what.column).filter(|text| !text.is_empty());
    let cell = text.map(|text| format!(" “{text}”")).unwrap_or_default();
    view! { <p><b>{heading(words, of, &what.column)}</b> {cell} " " {what.note.message.clone()}</p> }
}

/// Roles are added, never taken away: those that somebody has stay beside those of the cell.
fn with_those_kept(words: Words, before: &str, cell: String) -> String {
    let kept = roles_kept(before, &cell).into_iter().map(|code| role_name(words.0, code, code));
    kept.chain([cell]).collect::<Vec<_>>().join("; ")
}

fn line(words: Words, subject: &Subject, row: ImportRow) -> impl IntoView + use<> {
    let of = subject.of;
    let was = row.was.map(|was| {
        let again = (was == row.verdict).then(|| words.t("import-changed-by-hand"));
        view! { <p class="sub">{words.t("import-was")} " " {verdict_state(words, was)} " " {again}</p> }
    });
    let name = row.cells.get(subject.name).cloned().unwrap_or_default();
    let why = match row.verdict {
        RowVerdict::Error => row.faults.iter().map(|fault| said_of(words, of, &row, fault)).collect_view().into_any(),
        RowVerdict::New if of == ImportSubject::Users => gives(words, &row),
        RowVerdict::New => takes(words, &row).into_any(),
        _ => {
            let changed = |column: &String| {
                let name = heading(words, of, column);
                match (row.before.get(column), row.before.is_empty()) {
                    // Of people whom the version before staged, the columns are all that is known.
                    (None, true) if of == ImportSubject::Users => view! { <p>{name}</p> }.into_any(),
                    (before, _) => {
                        let cell = row.cells.get(column).cloned().unwrap_or_default();
                        let after = match (column.as_str(), before, row.stored.get(column)) {
                            ("roles", Some(before), _) => with_those_kept(words, before, cell),
                            (_, _, Some(stored)) => stored_words(words, column, stored),
                            _ => cell,
                        };
                        let before =
                            before.map_or_else(|| NOT_MEASURED.to_owned(), |text| stored_words(words, column, text));
                        view! { <p><b>{name}</b> " " {before} " → " {after}</p> }.into_any()
                    }
                }
            };
            // Of customers, the places say it.
            let columns = row.changes.iter().filter(|column| column.as_str() != "customers" || row.places.is_empty());
            let columns = columns.map(changed).collect_view();
            view! { {columns} {places(words, &row)} }.into_any()
        }
    };
    let notes = notes(words, of, &row);
    view! {
        <tr>
            <td class="num" data-label=words.t("import-row")>{row.row}</td>
            <th scope="row"><span class="bounded">{name}</span></th>
            <td class="mono" data-label=words.t(subject.headings[1])><span class="bounded">{row.code}</span></td>
            <td data-label=words.t("import-verdict")><div>{verdict_state(words, row.verdict)} {was}</div></td>
            <td class="says" data-label=words.t("import-why")>{why} {notes}</td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_stays_unless_the_cell_names_it_whole() {
        let shown = |before: &str, cell: &str| with_those_kept(Words(Language::En), before, cell.to_owned());
        assert_eq!(shown("Lab", "Lab leader"), "Lab; Lab leader", "a part of another name is none");
        assert_eq!(shown("Lab; Night, shift", "lab, Day"), "Night, shift; lab, Day");
        assert_eq!(shown("Lab; Night, shift", "Night, shift； Day"), "Lab; Night, shift； Day");
        assert_eq!(shown("", "Day"), "Day");
        let operator = role_name(Language::Zh, "operator", "operator");
        assert_eq!(shown("operator", &operator), operator, "in either language");
    }
}
