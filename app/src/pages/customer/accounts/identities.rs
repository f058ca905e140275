//! The sign-in services one's own account is bound to.

use contract::accounts::{IdentityView, ProviderKind, SignInService};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use platform::accounts::identity::{self, LinkProof, Proposal};
use platform::{OpContext, Platform};

use super::security::secret_field;
use super::server_fns::{ConfirmIdentityLink, ForgetIdentityLink, UnlinkIdentity};
use crate::door::{Refused, look};
use crate::paths;
use crate::ui::ask::Ask;
use crate::ui::forms::{TextField, my_name, text_field};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// What the page shows of them.
pub(super) struct Identities {
    bound: Vec<IdentityView>,
    services: Vec<SignInService>,
    /// Came back and waits for a yes.
    pub proposal: Option<Proposal>,
    /// The address that this provider vouches for is another account's, which is to be read once.
    pub address_of_another: Option<String>,
}

/// Reads it.
pub(super) async fn load(platform: &Platform, ctx: &OpContext) -> platform::Result<Identities> {
    Ok(Identities {
        bound: identity::identities(platform, ctx).await?,
        services: identity::services(platform, ctx).await?,
        proposal: identity::proposed_link(platform, ctx).await?,
        address_of_another: identity::address_notice(platform, ctx).await?,
    })
}

/// Why the account is empty, and what to do where both are one person's.
pub(super) fn address_notice(words: Words, provider: Option<String>) -> Option<AnyView> {
    let says = words.with("identity-address-taken", &[("provider", provider?)]);
    let title = words.t("identity-address-taken-title");
    Some(
        view! { <section class="card notice" role="status"><p><strong>{title}</strong> " " {says}</p></section> }
            .into_any(),
    )
}

impl Identities {
    /// What the account stays bound to whatever becomes of its password; nothing where it is bound to nothing.
    pub(super) fn names(&self, words: Words) -> Option<String> {
        let names: Vec<_> = self.bound.iter().map(|identity| identity.provider_name.clone()).collect();
        (!names.is_empty()).then(|| names.join(&words.t("list-separator")))
    }
}

/// Asks before anything is bound, and for what proves that it is the owner: the service's cookie may be somebody else's, and
/// so may be whoever sits at an open session.
pub(super) fn proposal(words: Words, proposal: Option<Proposal>, refused: Option<&Refused>) -> Option<AnyView> {
    let proposal = proposal?;
    let args = [("provider", proposal.provider_name), ("label", proposal.label)];
    let field = |key, name, autocomplete| {
        let field = secret_field(words, refused, key, name, name, autocomplete);
        TextField { form: "link", hint: Some(words.t("identity-link-proof")), ..field }
    };
    let proof = match proposal.proof {
        LinkProof::Password => Some(field("login-password", "password", "current-password")),
        LinkProof::Code => {
            let code = field("security-code", "code", "one-time-code");
            let hint = Some(words.t("identity-link-proof-code"));
            Some(TextField { kind: "text", max_length: Some(64), hint, ..code })
        }
        LinkProof::Nothing | LinkProof::SignInAgain => None,
    };
    let answer = match proposal.proof {
        LinkProof::SignInAgain => view! {
            <p class="note-line">{words.t("error-identity-sign-in-again")}</p>
            <form class="form" method="post" action=ForgetIdentityLink::url()>
                <p class="actions"><button class="btn">{words.t("identity-link-no")}</button></p>
            </form>
        }
        .into_any(),
        // One form, so that both answers stand side by side; the no needs nothing that is typed.
        _ => view! {
            <form class="form" method="post" action=ConfirmIdentityLink::url()>
                {my_name()}
                {proof.map(text_field)}
                <p class="actions">
                    <button class="btn primary">{words.t("identity-link-yes")}</button>
                    <button class="btn" formaction=ForgetIdentityLink::url() formnovalidate=true>
                        {words.t("identity-link-no")}
                    </button>
                </p>
            </form>
        }
        .into_any(),
    };
    let view = view! {
        <section class="card notice" id="link">
            <p role="status">
                <strong>{words.t("identity-link-title")}</strong> " " {words.with("identity-link-question", &args)}
            </p>
            {answer}
        </section>
    };
    Some(view.into_any())
}

/// The list, and where more can be bound; nothing at all where there are no services.
pub(super) fn card(words: Words, identities: Identities) -> AnyView {
    let Identities { bound, services, .. } = identities;
    if bound.is_empty() && services.is_empty() {
        return ().into_any();
    }
    let is_bound = |id| bound.iter().any(|identity| identity.provider == id);
    let more: Vec<_> = services
        .into_iter()
        .filter(|service| service.kind == ProviderKind::Oidc && !is_bound(service.id))
        .map(|service| {
            let word = words.with("identity-link", &[("name", service.name)]);
            view! { <a class="btn" rel="nofollow" href=paths::sign_in_service(service.id, None)>{word}</a> }
        })
        .collect();
    let list = match bound.is_empty() {
        true => view! { <div class="empty"><p>{words.t("identity-mine-none")}</p></div> }.into_any(),
        false => table(words, bound).into_any(),
    };
    view! {
        <section class="card" id="services">
            <header>
                <h2>{words.t("identity-mine")}</h2>
                <span class="end">{words.t("identity-mine-explained")}</span>
            </header>
            {list}
            {(!more.is_empty()).then(|| view! { <div class="form"><p class="actions">{more}</p></div> })}
        </section>
    }
    .into_any()
}

fn table(words: Words, bound: Vec<IdentityView>) -> impl IntoView {
    let rows = bound.into_iter().map(|identity| row(words, identity)).collect_view();
    bound_table(words, rows)
}

/// What an account is bound to, here and on the page that staff have of it.
pub(crate) fn bound_table(words: Words, rows: impl IntoView + 'static) -> impl IntoView {
    list_table(
        words.t("identity-mine"),
        view! {
            <th scope="col">{words.t("identity-name")}</th>
            <th scope="col">{words.t("identity-kind")}</th>
            <th scope="col">{words.t("identity-mine-who")}</th>
            <th scope="col">{words.t("identity-mine-since")}</th>
            <th scope="col">{words.t("identity-mine-used")}</th>
            <th scope="col"><span class="unseen-text">{words.t("list-actions")}</span></th>
        },
        rows,
    )
}

/// One of them: `who` is the cell of whom the service knows, `part` what parts the account from it.
pub(crate) fn bound_row(
    words: Words,
    identity: &IdentityView,
    who: impl IntoView + 'static,
    part: Option<AnyView>,
) -> AnyView {
    let zone = look().zone;
    let used = match identity.last_login_at {
        Some(at) => time(at, zone).into_any(),
        None => words.t("tokens-never-used").into_any(),
    };
    let kind = words.t(&format!("identity-kind-{}", identity.kind.code()));
    let off = (!identity.enabled).then(|| view! { " " {state(Tone::Off, words.t("identity-off"))} });
    view! {
        <tr>
            <th scope="row">{identity.provider_name.clone()} {off}</th>
            <td data-label=words.t("identity-kind")>{kind}</td>
            {who.into_any()}
            <td data-label=words.t("identity-mine-since")>{time(identity.created_at, zone)}</td>
            <td data-label=words.t("identity-mine-used")>{used}</td>
            <td class="row-actions">{part}</td>
        </tr>
    }
    .into_any()
}

fn row(words: Words, identity: IdentityView) -> impl IntoView {
    let who = if identity.label.is_empty() { words.t("sessions-unknown") } else { identity.label.clone() };
    let part = Ask::new(
        identity.id.to_string(),
        words.t("identity-unlink"),
        words.t("identity-unlink-hint"),
        UnlinkIdentity::url(),
    )
    .unless(identity.only_way.then(|| words.t("error-identity-only-way")))
    .row(words.with("identity-unlink-of", &[("name", identity.provider_name.clone())]))
    .yes(words.t("identity-unlink-confirm"))
    .field("id", identity.id)
    .view(words);
    let who = view! { <td data-label=words.t("identity-mine-who")>{who}</td> };
    bound_row(words, &identity, who, Some(part))
}
