//! Fields of plain forms: label above, fault beside the field and tied to it.

use leptos::prelude::*;

/// One text field.
#[derive(Clone, Debug, Default)]
pub struct TextField {
    pub label: String,
    /// Name in the posted form.
    pub name: String,
    /// Tells the field from one of the same name in another form of the page; empty where there is none.
    pub form: &'static str,
    pub value: String,
    pub fault: Option<String>,
    pub hint: Option<String>,
    /// `text` when empty.
    pub kind: &'static str,
    pub autocomplete: Option<&'static str>,
    pub required: bool,
    pub max_length: Option<u32>,
    /// Unit after the field, e.g. `GB`.
    pub unit: Option<String>,
}

fn id_within(form: &str, name: &str) -> String {
    if form.is_empty() { id_of(name) } else { id_of(&format!("{form}-{name}")) }
}

fn id_of(name: &str) -> String {
    format!("f-{}", name.replace(['[', ']', '.'], "-"))
}

/// What is wrong with the field of this id, to stand beside it; [`described_by`] ties the two together.
pub fn fault_view(id: &str, fault: Option<String>) -> impl IntoView + use<> {
    fault.map(|fault| view! { <span class="fault" id=format!("{id}-fault")>{fault}</span> })
}

/// What a field is described by: its fault, if it has one, and its hint.
pub fn described_by(id: &str, fault: &Option<String>, hint: &Option<String>) -> Option<String> {
    let ids: Vec<_> = [fault.as_ref().map(|_| format!("{id}-fault")), hint.as_ref().map(|_| format!("{id}-hint"))]
        .into_iter()
        .flatten()
        .collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

/// A text field as a view.
pub fn text_field(field: TextField) -> impl IntoView {
    let id = id_within(field.form, &field.name);
    let kind = if field.kind.is_empty() { "text" } else { field.kind };
    let described = described_by(&id, &field.fault, &field.hint);
    let hint_id = format!("{id}-hint");
    view! {
        <div class="form-row">
            <label r#for=id.clone()>
                {field.label}
                {field.required.then(|| view! { <span class="required" aria-hidden="true">"*"</span> })}
            </label>
            <span class="with-unit">
                <input
                    id=id.clone()
                    name=field.name
                    r#type=kind
                    value=field.value
                    required=field.required
                    autocomplete=field.autocomplete
                    maxlength=field.max_length
                    inputmode=(kind == "number").then_some("numeric")
                    min=(kind == "number").then_some("0")
                    aria-invalid=field.fault.is_some().then_some("true")
                    aria-describedby=described
                />
                {field.unit.map(|unit| view! { <span class="unit">{unit}</span> })}
            </span>
            {fault_view(&id, field.fault)}
            {field.hint.map(|hint| view! { <span class="hint" id=hint_id>{hint}</span> })}
        </div>
    }
}

/// A text area.
pub fn text_area(field: TextField) -> impl IntoView {
    let id = id_within(field.form, &field.name);
    let described = described_by(&id, &field.fault, &field.hint);
    let hint_id = format!("{id}-hint");
    view! {
        <div class="form-row wide">
            <label r#for=id.clone()>{field.label}</label>
            <textarea
                id=id.clone()
                name=field.name
                rows="3"
                maxlength=field.max_length
                aria-invalid=field.fault.is_some().then_some("true")
                aria-describedby=described
                prop:value=field.value.clone()
            >
                {raw_text(&field.value)}
            </textarea>
            {fault_view(&id, field.fault)}
            {field.hint.map(|hint| view! { <span class="hint" id=hint_id>{hint}</span> })}
        </div>
    }
}

/// Text inside of an element that leptos 0.8 does not escape (`textarea`): `</textarea>` would end it.
fn raw_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// A choice; `options` are `(value, word)`.
pub fn select_field(
    label: String,
    name: &str,
    options: Vec<(String, String)>,
    chosen: &str,
    fault: Option<String>,
) -> impl IntoView + use<> {
    select_within("", label, name, options, chosen, fault)
}

/// The same on a page where another form has a choice of this name.
pub fn select_within(
    form: &str,
    label: String,
    name: &str,
    options: Vec<(String, String)>,
    chosen: &str,
    fault: Option<String>,
) -> impl IntoView + use<> {
    select_view(id_within(form, name), label, name, options, chosen, (fault, None))
}

/// The same with a sentence below it that says what a choice means.
pub fn hinted_select(
    label: String,
    name: &str,
    options: Vec<(String, String)>,
    chosen: &str,
    says: (Option<String>, Option<String>),
) -> impl IntoView + use<> {
    select_view(id_within("", name), label, name, options, chosen, says)
}

/// `(fault, hint)`.
fn select_view(
    id: String,
    label: String,
    name: &str,
    options: Vec<(String, String)>,
    chosen: &str,
    (fault, hint): (Option<String>, Option<String>),
) -> impl IntoView + use<> {
    let described = described_by(&id, &fault, &hint);
    let invalid = fault.is_some().then_some("true");
    let hint = hint.map(|text| view! { <span class="hint" id=format!("{id}-hint")>{text}</span> });
    view! {
        <div class="form-row">
            <label r#for=id.clone()>{label}</label>
            <select id=id.clone() name=name.to_owned() aria-invalid=invalid aria-describedby=described>
                {options_view(options, chosen)}
            </select>
            {fault_view(&id, fault)}
            {hint}
        </div>
    }
}

/// A file that has to be chosen, posted as `file`. `id` is of the page; what it shows of the file so far stands above it.
pub fn file_field(
    id: &'static str,
    label: String,
    accept: &'static str,
    fault: Option<String>,
    hint: Option<String>,
    so_far: impl IntoView + 'static,
) -> impl IntoView {
    let described = described_by(id, &fault, &hint);
    let invalid = fault.is_some().then_some("true");
    view! {
        <div class="form-row">
            <label r#for=id>{label}</label>
            {so_far.into_any()}
            <input id=id r#type="file" name="file" required=true accept=accept aria-describedby=described aria-invalid=invalid />
            {fault_view(id, fault)}
            {hint.map(|hint| view! { <span class="hint" id=format!("{id}-hint")>{hint}</span> })}
        </div>
    }
}

/// `<option>`s.
pub fn options_view(options: Vec<(String, String)>, chosen: &str) -> impl IntoView + use<> {
    options
        .into_iter()
        .map(|(value, word)| {
            let selected = value == chosen;
            view! { <option value=value selected=selected>{word}</option> }
        })
        .collect_view()
}

/// A yes or no. Unchecked boxes are not posted, so the server reads absence as no.
pub fn check_field(label: String, hint: Option<String>, name: &str, checked: bool) -> impl IntoView + use<> {
    let id = id_of(name);
    let described = described_by(&id, &None, &hint);
    let hint_id = format!("{id}-hint");
    view! {
        <div class="form-row check">
            <label r#for=id.clone()>
                <input id=id.clone() name=name.to_owned() r#type="checkbox" value="true" checked=checked aria-describedby=described />
                <span>{label}</span>
            </label>
            {hint.map(|hint| view! { <span class="hint" id=hint_id>{hint}</span> })}
        </div>
    }
}

/// Whose password a form is about, for what keeps passwords; it has no name, so it is not posted. Empty where the page does
/// not know.
pub fn whose_password(name: String) -> impl IntoView {
    view! { <input r#type="text" autocomplete="username" value=name hidden readonly /> }
}

/// The same for one's own.
pub fn my_name() -> impl IntoView {
    whose_password(crate::door::door().1.user().map(|user| user.name.clone()).unwrap_or_default())
}

/// What is wrong with the whole form, announced when the page opens.
pub fn form_fault(message: Option<String>) -> impl IntoView {
    message.map(|message| {
        view! {
            <p class="form-fault" role="alert">
                <span class="icon" inner_html=super::icons::CROSS></span>
                <span>{message}</span>
            </p>
        }
    })
}
