//! After how long a customer's instances are stopped when nobody uses them.

use contract::CustomerId;
use contract::quotas::IdlePolicy;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::server_fns::SetCustomerIdle;
use crate::door::Refused;
use crate::ui::forms::{TextField, text_field};
use crate::words::Words;

fn hours(words: Words, hours: u32) -> String {
    match hours {
        0 => words.t("idle-never"),
        hours => words.with("idle-after", &[("hours", hours.to_string())]),
    }
}

/// What holds; for who may change the customer, a form of it.
pub(super) fn idle_card(
    words: Words,
    id: CustomerId,
    policy: IdlePolicy,
    may_change: bool,
    refused: Option<&Refused>,
) -> impl IntoView + use<> {
    let usual = words.with("idle-usual", &[("usual", hours(words, policy.usual_hours))]);
    let now = policy.after_hours.map_or_else(|| usual.clone(), |own| hours(words, own));
    let typed = refused.and_then(|refused| refused.typed.get("afterHours").cloned());
    let fault = refused.and_then(|refused| refused.fault(words.0, "afterHours"));
    let form = may_change.then(|| {
        let open = fault.is_some();
        view! {
            <details open=open>
                <summary class="card-summary">{words.t("idle-change")}</summary>
                <form class="form" method="post" action=SetCustomerIdle::url()>
                    <input r#type="hidden" name="id" value=id.to_string() />
                    {text_field(TextField {
                        label: words.t("idle-hours"),
                        name: "after_hours".to_owned(),
                        form: "idle",
                        value: typed.or(policy.after_hours.map(|own| own.to_string())).unwrap_or_default(),
                        hint: Some(words.t("idle-hours-hint")),
                        fault,
                        kind: "number",
                        unit: Some(words.t("budget-hours")),
                        ..TextField::default()
                    })}
                    <p class="actions"><button class="btn">{words.t("form-save")}</button></p>
                </form>
            </details>
        }
    });
    view! {
        <section class="card" id="idle">
            <header><h2>{words.t("idle-title")}</h2></header>
            <div class="form"><p>{now}</p></div>
            {form}
        </section>
    }
}
