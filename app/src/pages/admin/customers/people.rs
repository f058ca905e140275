//! The people of a customer, as its owners and the staff see and change them: the same cards on both sides.

use contract::accounts::MemberRole;
use contract::customers::{MemberQuery, MemberView};
use contract::{CustomerId, May};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use platform::customers::PeopleFound;

use super::server_fns::{AddCustomerMember, AddExistingMember, RemoveMember, SetMemberRole, TransferOwnership};
use crate::door::{Refused, look};
use crate::ui::ask::{Ask, go, held_back};
use crate::ui::forms::{TextField, select_within, text_field};
use crate::ui::lists::{ListQuery, pager, past_the_end};
use crate::ui::secret::shown_once;
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// What is shown, and what the reader may do with it.
pub(crate) struct People {
    pub id: CustomerId,
    pub name: String,
    pub shown: PeopleFound,
    /// Make accounts for new people.
    pub add: bool,
    /// Bring in people who have an account without asking them.
    pub add_known: bool,
    pub manage: bool,
    /// Whether the reader can make somebody an owner.
    pub own: May,
    /// The page that shows them.
    pub back: String,
    /// Where they are as a workbook.
    pub export: String,
    /// The name and password of who was just added.
    pub made: Option<String>,
}

/// The list, the ways to add somebody, and the handing over of the ownership.
pub(crate) fn people_cards(words: Words, people: People, refused: Option<&Refused>) -> impl IntoView + use<> {
    let add = people.add.then(|| new_card(words, &people, refused));
    let add_known = people.add_known.then(|| existing_card(words, &people, refused));
    // Who made the first owner with the customer may add nobody else, and sees the password all the same.
    let made = (!people.add).then(|| shown_once(words, words.t("customer-password-once"), None, people.made.clone()));
    let transfer = (people.manage && people.shown.count > 1).then(|| transfer_card(words, &people, refused));
    let list = listed(people.back.clone());
    let export = crate::paths::with_query(&people.export, [("q", list.get("q"))]);
    view! {
        <section class="card">
            <header>
                <h2>{words.t("home-people")}</h2>
                <span class="end"><a class="btn" href=export download="">{words.t("list-export")}</a></span>
            </header>
            {table(words, &people, &list)}
            {made}
        </section>
        {add}
        {add_known}
        {transfer}
    }
}

/// The list at this page's address.
fn listed(path: String) -> ListQuery {
    ListQuery::here(path, ["q", "pageSize", "page"])
}

/// What the address says of whom is looked for.
pub(crate) fn looked_for() -> MemberQuery {
    let list = listed(String::new());
    // An address may name any page; one beyond every list has nobody.
    let page = list.page().map(|page| page.min(1_000_000));
    MemberQuery { page, page_size: list.page_size(), q: list.some("q") }
}

/// Who is looked for.
fn search(words: Words, people: &People, list: &ListQuery) -> impl IntoView + use<> {
    view! {
        <form class="filters" method="get" action=people.back.clone()>
            <input class="filter-q" r#type="search" name="q" value=list.get("q").to_owned() placeholder=words.t("members-filter")
                aria-label=words.t("members-filter") />
            <button class="btn">{words.t("filter-apply")}</button>
            <a class="btn ghost" href=people.back.clone()>{words.t("filter-reset")}</a>
        </form>
    }
}

fn is_owner(member: &MemberView) -> bool {
    member.role.is_owner()
}

/// The role to offer first: who comes where nobody owns the customer should be able to bring in the others.
fn first_role(people: &People) -> MemberRole {
    if people.shown.owned || !people.own.allowed { MemberRole::Member } else { MemberRole::Owner }
}

fn table(words: Words, people: &People, list: &ListQuery) -> AnyView {
    let found = &people.shown.found;
    if people.shown.count == 0 {
        return view! { <div class="empty"><p>{words.t("customer-no-people")}</p></div> }.into_any();
    }
    if let Some(past) = past_the_end(words, list, found.page, found.page_size, found.total) {
        return view! { {search(words, people, list)} {past} }.into_any();
    }
    if found.list.is_empty() {
        return view! {
            {search(words, people, list)}
            <div class="empty"><p>{words.t("list-none-match")}</p></div>
        }
        .into_any();
    }
    let zone = look().zone;
    let rows = found.list.iter().map(|member| {
        let actions =
            people.manage.then(|| view! { <td class="row-menu">{member_actions(words, people, member)}</td> });
        view! {
            <tr>
                <th scope="row">
                    <span class="bounded">{member.display_name.clone()}</span> " " <span class="sub mono">{member.name.clone()}</span>
                    {(!member.active).then(|| view! { " " {state(Tone::Off, words.t("user-state-disabled"))} })}
                </th>
                <td data-label=words.t("home-role")>{words.t(&format!("member-role-{}", member.role.code()))}</td>
                <td data-label=words.t("members-joined")>{time(member.joined_at, zone)}</td>
                {actions}
            </tr>
        }
    });
    let rows = rows.collect_view();
    let head = people.manage.then(|| {
        view! { <th scope="col" class="row-menu"><span class="unseen-text">{words.t("list-actions")}</span></th> }
    });
    view! {
        {search(words, people, list)}
        {list_table(words.t("home-people"), view! {
            <th scope="col">{words.t("account-name")}</th>
            <th scope="col">{words.t("home-role")}</th>
            <th scope="col">{words.t("members-joined")}</th>
            {head}
        }, rows)}
        {pager(words, list, found.page, found.page_size, found.total)}
    }
    .into_any()
}

/// Another role, or out. A popover, because the table's scroll region would cut a menu off.
fn member_actions(words: Words, people: &People, member: &MemberView) -> impl IntoView + use<> {
    let (other, word) = if is_owner(member) {
        (MemberRole::Member, words.t("member-make-member"))
    } else {
        (MemberRole::Owner, words.t("member-make-owner"))
    };
    let menu = format!("member-{}", member.user_id);
    let label = words.with("list-actions-of", &[("name", member.name.clone())]);
    let hidden = vec![
        ("id", people.id.to_string()),
        ("user", member.user_id.to_string()),
        ("back", people.back.clone()),
        ("role", other.code().to_owned()),
    ];
    let change = go(&format!("role-{menu}"), word, &member.may_change_role, SetMemberRole::url(), hidden, "link");
    let question = words.with("member-remove-hint", &[("name", member.name.clone())]);
    let remove = Ask::new(format!("remove-{menu}"), words.t("member-remove"), question, RemoveMember::url())
        .class("link")
        .yes(words.with("member-remove-of", &[("name", member.name.clone())]))
        .field("id", people.id)
        .field("user", member.user_id)
        .field("back", &people.back);
    view! {
        <button r#type="button" popovertarget=menu.clone() aria-label=label>"⋯"</button>
        <div class="menu-body" id=menu popover="auto">
            {change}
            {remove.may(words, &member.may_remove)}
            <p class="hint">{words.t("member-change-hint")}</p>
        </div>
    }
}

/// An account for somebody who has none.
fn new_card(words: Words, people: &People, refused: Option<&Refused>) -> impl IntoView + use<> {
    let refused = refused.filter(|r| r.typed.contains_key("newUsername"));
    let typed = |name: &str| refused.and_then(|r| r.typed.get(name).cloned());
    let username = TextField {
        label: words.t("customer-username"),
        name: "new_username".to_owned(),
        value: typed("newUsername").unwrap_or_default(),
        fault: refused.and_then(|r| r.fault(words.0, "username")),
        required: true,
        max_length: Some(63),
        autocomplete: Some("off"),
        ..TextField::default()
    };
    let display_name = TextField {
        label: words.t("customer-display-name"),
        name: "display_name".to_owned(),
        value: typed("displayName").unwrap_or_default(),
        fault: refused.and_then(|r| r.fault(words.0, "displayName")),
        max_length: Some(100),
        autocomplete: Some("off"),
        ..TextField::default()
    };
    let email = TextField {
        label: words.t("account-email"),
        name: "new_email".to_owned(),
        value: typed("newEmail").unwrap_or_default(),
        fault: refused.and_then(|r| r.fault(words.0, "email")),
        hint: Some(words.t("member-email-hint")),
        kind: "email",
        max_length: Some(254),
        autocomplete: Some("off"),
        ..TextField::default()
    };
    let chosen = typed("role").unwrap_or_else(|| first_role(people).code().to_owned());
    let fault = refused.and_then(|r| r.fault(words.0, "role"));
    let role = select_within("new", words.t("home-role"), "role", roles(words, people.own.allowed), &chosen, fault);
    view! {
        <section class="card">
            <header><h2>{words.t("member-add-new")}</h2></header>
            <form class="form inline" method="post" action=AddCustomerMember::url()>
                <input r#type="hidden" name="id" value=people.id.to_string() />
                <input r#type="hidden" name="back" value=people.back.clone() />
                {text_field(username)}
                {text_field(display_name)}
                {text_field(email)}
                {role}
                <p class="actions"><button class="btn primary">{words.t("customer-add-person")}</button></p>
            </form>
            {shown_once(words, words.t("customer-password-once"), None, people.made.clone())}
        </section>
    }
}

/// What somebody can be made here; an owner only by who could be told yes.
pub(crate) fn roles(words: Words, owner: bool) -> Vec<(String, String)> {
    [MemberRole::Member, MemberRole::Owner]
        .into_iter()
        .filter(|role| owner || !role.is_owner())
        .map(|role| (role.code().to_owned(), words.t(&format!("member-role-{}", role.code()))))
        .collect()
}

/// Somebody who has an account: for staff, because nobody is asked.
fn existing_card(words: Words, people: &People, refused: Option<&Refused>) -> impl IntoView + use<> {
    let refused = refused.filter(|r| !r.typed.contains_key("newUsername"));
    let typed = |name: &str| refused.and_then(|r| r.typed.get(name).cloned());
    let chosen = typed("role").unwrap_or_else(|| first_role(people).code().to_owned());
    let username = TextField {
        label: words.t("member-existing-name"),
        name: "username".to_owned(),
        value: typed("username").unwrap_or_default(),
        fault: refused.and_then(|r| r.fault(words.0, "username")),
        hint: Some(words.t("member-existing-hint")),
        required: true,
        max_length: Some(63),
        autocomplete: Some("off"),
        ..TextField::default()
    };
    let fault = refused.and_then(|r| r.fault(words.0, "role"));
    let role =
        select_within("existing", words.t("home-role"), "role", roles(words, people.own.allowed), &chosen, fault);
    view! {
        <section class="card">
            <header><h2>{words.t("member-add-existing")}</h2></header>
            <form class="form inline" method="post" action=AddExistingMember::url()>
                <input r#type="hidden" name="id" value=people.id.to_string() />
                <input r#type="hidden" name="back" value=people.back.clone() />
                {text_field(username)}
                {role}
                <p class="actions"><button class="btn">{words.t("customer-add-person")}</button></p>
            </form>
        </section>
    }
}

fn transfer_card(words: Words, people: &People, refused: Option<&Refused>) -> AnyView {
    if !people.own.allowed {
        let why = people.own.why_not.clone().unwrap_or_default();
        let held = held_back("transfer".to_owned(), words.t("member-transfer"), why, "btn");
        return view! { <section class="card"><p class="actions">{held}</p></section> }.into_any();
    }
    // Among many, whoever is looked for above.
    let left_out = people.shown.more_heirs;
    let heirs: Vec<_> = people
        .shown
        .heirs
        .iter()
        .map(|member| (member.user_id.to_string(), format!("{} ({})", member.display_name, member.name)))
        .collect();
    if heirs.is_empty() {
        return ().into_any();
    }
    let confirm = TextField {
        label: words.with("member-transfer-confirm", &[("name", people.name.clone())]),
        name: "confirm".to_owned(),
        fault: refused.and_then(|r| r.fault(words.0, "confirm")),
        required: true,
        autocomplete: Some("off"),
        ..TextField::default()
    };
    let fault = refused.and_then(|r| r.fault(words.0, "userId"));
    let open = confirm.fault.is_some() || fault.is_some();
    let heir = select_within("transfer", words.t("member-transfer-to"), "user", heirs, "", fault);
    view! {
        <details class="card" open=open>
            <summary class="card-summary">{words.t("member-transfer")}</summary>
            <form class="form" method="post" action=TransferOwnership::url()>
                <p class="hint">{words.t("member-transfer-hint")}</p>
                {left_out.then(|| view! { <p class="hint">{words.t("member-transfer-many")}</p> })}
                <input r#type="hidden" name="id" value=people.id.to_string() />
                <input r#type="hidden" name="back" value=people.back.clone() />
                {heir}
                {text_field(confirm)}
                <p class="actions"><button class="btn danger">{words.t("member-transfer")}</button></p>
            </form>
        </details>
    }
    .into_any()
}
