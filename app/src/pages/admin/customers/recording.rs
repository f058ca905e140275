//! Whether a customer's sessions are recorded.

use contract::CustomerId;
use contract::access::RecordingPolicy;
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::server_fns::SetCustomerRecording;
use crate::words::Words;

/// What holds; for who may change the customer, a form of it.
pub(super) fn recording_card(
    words: Words,
    id: CustomerId,
    policy: RecordingPolicy,
    may_change: bool,
) -> impl IntoView + use<> {
    let now = match (policy.usual, policy.always) {
        (true, _) => "recording-policy-everybody",
        (false, true) => "recording-policy-always",
        (false, false) => "recording-policy-never",
    };
    let form = may_change.then(|| {
        view! {
            <details>
                <summary class="card-summary">{words.t("recording-policy-change")}</summary>
                <form class="form" method="post" action=SetCustomerRecording::url()>
                    <input r#type="hidden" name="id" value=id.to_string() />
                    <div class="form-row check">
                        <label>
                            <input r#type="checkbox" name="always" value="true" checked=policy.always
                                aria-describedby="recording-policy-hint" />
                            {words.t("recording-policy-field")}
                        </label>
                        <span class="hint" id="recording-policy-hint">{words.t("recording-policy-hint")}</span>
                    </div>
                    <p class="actions"><button class="btn">{words.t("form-save")}</button></p>
                </form>
            </details>
        }
    });
    view! {
        <section class="card" id="recording">
            <header><h2>{words.t("recording-policy-title")}</h2></header>
            <div class="form"><p>{words.t(now)}</p></div>
            {form}
        </section>
    }
}
