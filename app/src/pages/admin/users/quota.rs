//! Limits of a person or a customer, beside what is used now.

use contract::quotas::{Quota, QuotaResource, QuotaUsage};
use leptos::prelude::*;

use super::form::QuotaForm;
use crate::door::Refused;
use crate::ui::format::{decimal_bytes, text};
use crate::ui::forms::{TextField, text_field};
use crate::ui::table::table_of;
use crate::words::Words;

/// What is used and may be used; for those who may change the limits, a form of them.
pub(crate) fn quota_card(
    words: Words,
    (action, id): (&'static str, i64),
    (quota, usage): (&Quota, Vec<QuotaUsage>),
    may_change: bool,
    refused: Option<&Refused>,
) -> impl IntoView + use<> {
    let form = may_change.then(|| {
        let fields = QuotaResource::ALL.iter().map(|resource| {
            let name = QuotaForm::field(*resource);
            let typed = refused.and_then(|r| r.typed.get(name).cloned());
            text_field(TextField {
                label: words.t(&format!("quota-{}", resource.code())),
                name: format!("form[{name}]"),
                value: typed.or(quota.get(*resource).map(|n| n.to_string())).unwrap_or_default(),
                fault: refused.and_then(|r| r.fault(words.0, resource.code())),
                kind: "number",
                ..TextField::default()
            })
        });
        let open = refused.is_some_and(|r| QuotaResource::ALL.iter().any(|q| r.fields.contains_key(q.code())));
        view! {
            <details open=open>
                <summary class="card-summary">{words.t("quota-change")}</summary>
                <form class="form" method="post" action=action>
                    <input r#type="hidden" name="id" value=id.to_string() />
                    <p class="hint">{words.t("quota-hint")}</p>
                    <fieldset>{fields.collect_view()}</fieldset>
                    <p class="actions"><button class="btn">{words.t("form-save")}</button></p>
                </form>
            </details>
        }
    });
    view! {
        <section class="card">
            <header><h2>{words.t("quota-title")}</h2></header>
            {usage_table(words, usage)}
            {form}
        </section>
    }
}

fn usage_table(words: Words, usage: Vec<QuotaUsage>) -> impl IntoView + use<> {
    let rows = usage.into_iter().map(|row| {
        // A few MB are not "1 GB".
        let used = match (row.used_bytes, row.used) {
            (Some(bytes), _) if bytes > 0 => text(Some(decimal_bytes(bytes as f64))),
            (_, Some(used)) => used.to_string(),
            (_, None) => words.t("quota-not-measured"),
        };
        let limit = match (row.resource.limited(), row.limit) {
            (Some(_), Some(limit)) => limit.to_string(),
            (Some(_), None) => words.t("quota-unlimited"),
            (None, _) => words.t("quota-no-limit"),
        };
        let over = row.used.zip(row.limit).is_some_and(|(used, limit)| used > limit);
        let over = over.then(|| view! { " " <span class="fault">{words.t("quota-over")}</span> });
        view! {
            <tr>
                <th scope="row">{words.t(&format!("quota-{}", row.resource.code()))}</th>
                <td data-label=words.t("quota-used")>{used} {over}</td>
                <td data-label=words.t("quota-limit")>{limit}</td>
            </tr>
        }
    });
    view! {
        {table_of("", words.t("quota-title"), view! {
            <th scope="col">{words.t("quota-resource")}</th>
            <th scope="col">{words.t("quota-used")}</th>
            <th scope="col">{words.t("quota-limit")}</th>
        }, rows.collect_view())}
    }
}
