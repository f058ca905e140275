//! The customer list: filters and page are in the address.

use contract::customers::{CustomerQuery, CustomerRow, CustomerSort};
use contract::{Page, Permission};
use leptos::prelude::*;

use crate::door::{door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::paths;
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::options_view;
use crate::ui::lists::{ListQuery, pager, past_the_end, sort_header};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// Word in the address for customers that nobody owns who can sign in.
const OWNERLESS: &str = "no-owner";

/// `/admin/customers`.
#[component]
pub fn CustomerListPage() -> impl IntoView {
    let names = ["q", "state", "sort", "pageSize", "page"];
    let list = ListQuery::here(paths::CUSTOMERS, names);
    let query = CustomerQuery {
        page: list.page(),
        page_size: list.page_size(),
        sort: Some(list.get("sort").to_owned())
            .filter(|sort| contract::sort_of(Some(sort), CustomerSort::parse).is_ok()),
        q: Some(list.get("q").to_owned()).filter(|q| !q.is_empty()),
        active: match list.get("state") {
            "active" => Some(true),
            "disabled" => Some(false),
            _ => None,
        },
        has_owner: (list.get("state") == OWNERLESS).then_some(false),
        deleted: (list.get("state") == "deleted").then_some(true),
    };
    let (platform, ctx) = door();
    page(async move { platform::customers::list(&platform, &ctx, &query).await }, move |page| list_view(list, page))
}

fn list_view(query: ListQuery, page: Page<CustomerRow>) -> AnyView {
    let words = Words::now();
    let ctx = door().1;
    let active = match query.get("state") {
        "active" => "true",
        "disabled" => "false",
        _ => "",
    };
    let deleted = if query.get("state") == "deleted" { "true" } else { "" };
    let owned = if query.get("state") == OWNERLESS { "false" } else { "" };
    let narrowed = [
        ("q", query.get("q")),
        ("active", active),
        ("hasOwner", owned),
        ("deleted", deleted),
        ("sort", query.get("sort")),
    ];
    let export = paths::with_query("/api/admin/customers/export", narrowed);
    let head = PageFrame::new(words.t("customers-title"), Area::Customers)
        .beside(view! { <span class="sub">{words.with("customers-count", &[("n", page.total.to_string())])}</span> })
        .actions((
            view! { <a class="btn" href=export download="">{words.t("list-export")}</a> },
            ctx.holds(Permission::CustomersCreate).then(|| {
                view! { <a class="btn primary" href=paths::CUSTOMER_NEW>{words.t("customers-add")}</a> }
            }),
        ));
    let filtered = !query.get("q").is_empty() || !query.get("state").is_empty();
    let body = if page.total == 0 && !filtered {
        view! { <div class="empty"><p>{words.t("customers-empty")}</p></div> }.into_any()
    } else {
        view! {
            {filters(words, &query)}
            {table(words, &query, page)}
        }
        .into_any()
    };
    frame(head, view! { <section class="card">{body}</section> })
}

fn filters(words: Words, query: &ListQuery) -> impl IntoView + use<> {
    let states = vec![
        (String::new(), words.t("filter-all")),
        ("active".to_owned(), words.t("customer-active")),
        ("disabled".to_owned(), words.t("customer-disabled")),
        (OWNERLESS.to_owned(), words.t("customer-no-owner")),
        ("deleted".to_owned(), words.t("customer-deleted")),
    ];
    let sort = query.get("sort").to_owned();
    let sort = (!sort.is_empty()).then(|| view! { <input r#type="hidden" name="sort" value=sort /> });
    view! {
        <form class="filters" method="get" action=paths::CUSTOMERS>
            <input class="filter-q" r#type="search" name="q" value=query.get("q").to_owned()
                placeholder=words.t("customers-filter") aria-label=words.t("customers-filter") />
            <select name="state" aria-label=words.t("customer-state")>{options_view(states, query.get("state"))}</select>
            {sort}
            <button class="btn">{words.t("filter-apply")}</button>
            <a class="btn ghost" href=paths::CUSTOMERS>{words.t("filter-reset")}</a>
        </form>
    }
}

fn table(words: Words, query: &ListQuery, page: Page<CustomerRow>) -> AnyView {
    if let Some(past) = past_the_end(words, query, page.page, page.page_size, page.total) {
        return past;
    }
    if page.list.is_empty() {
        return view! { <div class="empty"><p>{words.t("list-none-match")}</p></div> }.into_any();
    }
    let zone = look().zone;
    let heading = |column: CustomerSort, key: &str, numeric: bool| {
        sort_header(query, column.code(), CustomerSort::Name.code(), words.t(key), numeric)
    };
    let rows = page.list.into_iter().map(|customer| {
        let state = (customer_state(words, &customer), " ", ownerless(words, &customer));
        let contact = customer.contact_name.or(customer.contact_email).unwrap_or_else(|| NOT_MEASURED.to_owned());
        view! {
            <tr>
                <th scope="row"><a class="bounded" href=paths::customer(customer.id)>{customer.name}</a></th>
                <td data-label=words.t("customer-state")>{state}</td>
                <td data-label=words.t("customer-contact")><span class="bounded">{contact}</span></td>
                <td class="num" data-label=words.t("home-people")>{customer.member_count}</td>
                <td class="num" data-label=words.t("home-machines")>{customer.machine_count}</td>
                <td data-label=words.t("customer-next-end")>
                    {customer.next_end_at.map_or_else(|| NOT_MEASURED.into_any(), |at| time(at, zone).into_any())}
                </td>
            </tr>
        }
    });
    view! {
        {list_table(words.t("customers-title"), view! {
            {heading(CustomerSort::Name, "customer-name", false)}
            {heading(CustomerSort::State, "customer-state", false)}
            {heading(CustomerSort::Contact, "customer-contact", false)}
            {heading(CustomerSort::Members, "home-people", true)}
            {heading(CustomerSort::Machines, "home-machines", true)}
            {heading(CustomerSort::NextEnd, "customer-next-end", false)}
        }, rows.collect_view())}
        {pager(words, query, page.page, page.page_size, page.total)}
    }
    .into_any()
}

/// Active, disabled or deleted, as a word with its mark.
pub(super) fn customer_state(words: Words, customer: &CustomerRow) -> AnyView {
    let (tone, key) = match (customer.deleted_at, customer.active) {
        (Some(_), _) => (Tone::Bad, "customer-deleted"),
        (None, true) => (Tone::Ok, "customer-active"),
        (None, false) => (Tone::Off, "customer-disabled"),
    };
    state(tone, words.t(key)).into_any()
}

/// That nobody owns it who can sign in; nothing of one that somebody does own, or that is deleted.
pub(super) fn ownerless(words: Words, customer: &CustomerRow) -> Option<AnyView> {
    lacks_owner(customer).then(|| state(Tone::Warn, words.t("customer-no-owner")).into_any())
}

pub(super) fn lacks_owner(customer: &CustomerRow) -> bool {
    !customer.has_owner && customer.deleted_at.is_none()
}
