//! Asking people in by mail: for owners in their portal, for staff on a customer's page.

use contract::CustomerId;
use contract::accounts::{InvitationView, MemberRole};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use leptos_router::hooks::use_query_map;

use super::server_fns::{InvitePerson, RevokeInvitation};
use crate::door::{Refused, look};
use crate::pages::admin::customers::people::roles;
use crate::ui::ask::Ask;
use crate::ui::forms::{TextField, form_fault, select_field, text_area};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// What the form depends on.
pub(crate) struct Inviting {
    /// Somebody who can sign in owns the customer.
    pub owned: bool,
    /// The reader can make somebody an owner.
    pub may_own: bool,
    /// Mail goes out here at all.
    pub mail_on: bool,
}

/// The form and what is open; `customer` is named by staff. Where nobody owns the customer, an owner is what is asked for first,
/// by who may make one.
pub(crate) fn invitation_card(
    words: Words,
    customer: Option<CustomerId>,
    open: Vec<InvitationView>,
    Inviting { owned, may_own, mail_on }: Inviting,
) -> impl IntoView + use<> {
    // The staff's page has other forms; what was refused there has no address in it.
    let refused = Refused::from_query().filter(|refused| refused.typed.contains_key("email"));
    let fault = |path: &str| refused.as_ref().and_then(|r| r.fault(words.0, path));
    let general = refused.as_ref().filter(|r| r.fields.is_empty()).map(|r| r.message(words.0));
    let sent = use_query_map().get_untracked().get("invited").and_then(|sent| sent.parse::<u32>().ok());
    let typed = |name: &str| refused.as_ref().and_then(|r| r.typed.get(name).cloned()).unwrap_or_default();
    let email = TextField {
        label: words.t("members-invite-email"),
        name: "email".to_owned(),
        value: typed("email"),
        fault: fault("email"),
        hint: Some(words.t("members-invite-hint")),
        required: true,
        max_length: Some(254 * 50),
        ..TextField::default()
    };
    let roles = roles(words, may_own);
    let first = if owned || !may_own { MemberRole::Member } else { MemberRole::Owner };
    let role = Some(typed("role")).filter(|role| !role.is_empty()).unwrap_or_else(|| first.code().to_owned());
    let hidden = customer.map(|id| view! { <input r#type="hidden" name="customer" value=id.to_string() /> });
    let form = mail_on.then(|| {
        view! {
            <form class="form" method="post" action=InvitePerson::url()>
                {hidden}
                {form_fault(general)}
                {sent.map(|n| view! { <p role="status">{words.with("members-invite-sent", &[("n", n.to_string())])}</p> })}
                <fieldset>
                    {text_area(email)}
                    {select_field(words.t("members-invite-role"), "role", roles, &role, fault("role"))}
                </fieldset>
                <p class="actions"><button class="btn">{words.t("members-invite-action")}</button></p>
            </form>
        }
    });
    view! {
        <section class="card" id="invite">
            <header><h2>{words.t("members-invite")}</h2></header>
            {form}
            {(!mail_on).then(|| view! { <p class="note-line">{words.t("members-invite-mail-off")}</p> })}
            {(!open.is_empty()).then(|| open_table(words, customer, open))}
        </section>
    }
}

fn open_table(words: Words, customer: Option<CustomerId>, open: Vec<InvitationView>) -> impl IntoView {
    let zone = look().zone;
    let rows = open.into_iter().map(|row| {
        let (opens, question) = (words.t("members-invited-revoke"), words.t("members-invited-revoke-hint"));
        let revoke = Ask::new(format!("invitation-{}", row.id), opens, question, RevokeInvitation::url())
            .row(words.with("members-invited-revoke-of", &[("email", row.email.clone())]))
            .yes(words.t("members-invited-revoke-confirm"))
            .field("id", row.id);
        let revoke = match customer {
            Some(id) => revoke.field("customer", id),
            None => revoke,
        };
        view! {
            <tr>
                <th scope="row">{row.email}</th>
                <td data-label=words.t("home-role")>{words.t(&format!("member-role-{}", row.role.code()))}</td>
                <td data-label=words.t("members-invited-until")>{time(row.expires_at, zone)}</td>
                <td class="row-actions">{revoke.view(words)}</td>
            </tr>
        }
    });
    view! {
        {list_table(words.t("members-invited"), view! {
            <th scope="col">{words.t("members-invited")}</th>
            <th scope="col">{words.t("home-role")}</th>
            <th scope="col">{words.t("members-invited-until")}</th>
            <th scope="col"><span class="unseen-text">{words.t("list-actions")}</span></th>
        }, rows.collect_view())}
    }
}
