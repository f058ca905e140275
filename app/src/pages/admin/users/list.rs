//! The list of people: filters, order and page are in the address.

use contract::customers::CustomerQuery;
use contract::roles::RoleBrief;
use contract::users::{UserAction, UserQuery, UserRow, UserState};
use contract::{CustomerId, Page, Permission, RoleId};
use leptos::prelude::*;
use platform::{OpContext, Platform};

use crate::door::{door, look};
use crate::layouts::{Area, PageFrame, frame, page};
use crate::pages::admin::machines::bulk::{Before, counts};
use crate::paths;
use crate::role_words::role_name;
use crate::ui::format::NOT_MEASURED;
use crate::ui::forms::options_view;
use crate::ui::lists::{ListQuery, all_matching, hidden_filters, more_summary, pager, past_the_end, sort_header};
use crate::ui::state::{Tone, state};
use crate::ui::table::list_table;
use crate::ui::time::time;
use crate::words::Words;

/// Filters beside the search field.
const FILTERS: [&str; 4] = ["state", "role", "customerId", "secondFactor"];

/// What a bulk leads back to: the list as it was narrowed and ordered.
pub(super) const KEPT: [&str; 6] = ["q", "state", "role", "customerId", "secondFactor", "sort"];

/// What the filters offer.
struct Choices {
    roles: Vec<(String, String)>,
    customers: Vec<(String, String)>,
}

/// `/admin/users`.
#[component]
pub fn UserListPage() -> impl IntoView {
    let (list_query, query) = read_query();
    let (platform, ctx) = door();
    page(
        async move {
            let list = platform::accounts::users::list(&platform, &ctx, &query).await?;
            Ok((list, choices(&platform, &ctx).await?))
        },
        move |(list, choices)| list_view(list_query, list, choices),
    )
}

/// Roles and customers, for those who may see them.
async fn choices(platform: &Platform, ctx: &OpContext) -> platform::Result<Choices> {
    let roles = match ctx.holds_everywhere(Permission::RolesView) {
        true => platform::roles::list(platform, ctx).await?,
        false => Vec::new(),
    };
    let customers = match ctx.holds_everywhere(Permission::CustomersManage) {
        true => {
            let query = CustomerQuery { page_size: Some(contract::MAX_PAGE_SIZE), ..CustomerQuery::default() };
            platform::customers::list(platform, ctx, &query).await?.list
        }
        false => Vec::new(),
    };
    let language = ctx.language();
    Ok(Choices {
        roles: roles.iter().map(|r| (r.id.to_string(), role_name(language, &r.code, &r.name))).collect(),
        customers: customers.into_iter().map(|c| (c.id.to_string(), c.name)).collect(),
    })
}

/// The address as the page's state and as the operation's query. Words we do not know filter nothing.
pub(super) fn read_query() -> (ListQuery, UserQuery) {
    let names = ["q", "state", "role", "customerId", "secondFactor", "sort", "pageSize", "page"];
    let list = ListQuery::here(paths::USERS, names);
    let query = UserQuery {
        page: list.page(),
        page_size: list.page_size(),
        sort: list.some("sort"),
        q: list.some("q"),
        state: UserState::parse(list.get("state")),
        role: list.get("role").parse().ok().map(RoleId),
        customer_id: list.get("customerId").parse().ok().map(CustomerId),
        second_factor: list.get("secondFactor").parse().ok(),
    };
    let query = if query.sort_columns().is_ok() { query } else { UserQuery { sort: None, ..query } };
    (list, query)
}

fn list_view(query: ListQuery, list: Page<UserRow>, choices: Choices) -> AnyView {
    let words = Words::now();
    let ctx = door().1;
    // The filters in force, and every row of them.
    let export = query.with(&[("page", ""), ("pageSize", "")]).replacen(paths::USERS, "/api/admin/users/export", 1);
    let head = PageFrame::new(words.t("users-title"), Area::Users)
        .beside(view! { <span class="sub">{words.with("users-count", &[("n", list.total.to_string())])}</span> })
        .actions((
            view! { <a class="btn" href=export download="">{words.t("list-export")}</a> },
            ctx.holds(Permission::UsersCreate).then(|| {
                view! {
                    <a class="btn" href="/api/admin/users/import/template" download="">{words.t("import-template-short")}</a>
                    <a class="btn" href=paths::USERS_IMPORT>{words.t("import-title")}</a>
                }
            }),
            ctx.holds(Permission::UsersCreate)
                .then(|| view! { <a class="btn primary" href=paths::USER_NEW>{words.t("users-add")}</a> }),
        ));
    let body = view! {
        <section class="card">
            {filters(words, &query, choices)}
            {ctx.holds(Permission::UsersUpdate).then(|| bulk_form(words, &query, &list))}
            {table(words, &ctx, &query, list)}
        </section>
    };
    frame(head, view! { {counts(words, Before::here(), 0, "users-bulk-done")} {body} })
}

fn filters(words: Words, query: &ListQuery, choices: Choices) -> impl IntoView + use<> {
    let open = FILTERS.iter().any(|name| !query.get(name).is_empty());
    let select = |name: &'static str, key: &str, values: Vec<(String, String)>| {
        let options = std::iter::once((String::new(), words.t("filter-all"))).chain(values).collect();
        view! {
            <label class="filter">
                <span>{words.t(key)}</span>
                <select name=name>{options_view(options, query.get(name))}</select>
            </label>
        }
    };
    let states =
        UserState::ALL.iter().map(|s| (s.code().to_owned(), words.t(&format!("user-state-{}", s.code())))).collect();
    let sort = query.get("sort").to_owned();
    let size = query.get("pageSize").to_owned();
    let roles = (!choices.roles.is_empty()).then(|| select("role", "home-role", choices.roles));
    let customers =
        (!choices.customers.is_empty()).then(|| select("customerId", "account-customer", choices.customers));
    let factors = [("true", "user-totp-on"), ("false", "user-totp-off")];
    let factors = factors.map(|(value, key)| (value.to_owned(), words.t(key))).to_vec();
    let factors = select("secondFactor", "user-totp", factors);
    view! {
        <form class="filters" method="get" action=paths::USERS>
            <input class="filter-q" r#type="search" name="q" value=query.get("q").to_owned()
                placeholder=words.t("users-filter") aria-label=words.t("users-filter") />
            {(!sort.is_empty()).then(|| view! { <input r#type="hidden" name="sort" value=sort /> })}
            {(!size.is_empty()).then(|| view! { <input r#type="hidden" name="pageSize" value=size /> })}
            <button class="btn">{words.t("filter-apply")}</button>
            <a class="btn ghost" href=paths::USERS>{words.t("filter-reset")}</a>
            <details class="more-filters" open=open>
                {more_summary(words)}
                <div class="filter-grid">{select("state", "user-state", states)} {roles} {customers} {factors}</div>
            </details>
        </form>
    }
}

/// What can be done with the chosen rows.
fn bulk_form(words: Words, query: &ListQuery, list: &Page<UserRow>) -> impl IntoView + use<> {
    // The box at the head takes a page; this one takes all of them.
    let filters = match list.total > list.list.len() as u64 {
        true => all_matching(words, query, &KEPT, list.total).into_any(),
        false => hidden_filters(query, &KEPT).into_any(),
    };
    let actions =
        UserAction::ALL.iter().map(|a| (a.code().to_owned(), words.t(&format!("user-{}", a.code())))).collect();
    view! {
        <div class="list-tools">
            <form id="bulk" class="bulk" method="get" action=paths::USERS_BULK>
                <select name="action" aria-label=words.t("bulk-action")>{options_view(actions, "")}</select>
                <button class="btn">{words.t("bulk-go")}</button>
                {filters}
            </form>
        </div>
    }
}

fn table(words: Words, ctx: &OpContext, query: &ListQuery, list: Page<UserRow>) -> AnyView {
    if let Some(past) = past_the_end(words, query, list.page, list.page_size, list.total) {
        return past;
    }
    if list.list.is_empty() {
        return view! {
            <div class="empty">
                <p role="status">{words.t("users-none-match")}</p>
                <a class="btn" href=paths::USERS>{words.t("list-clear-filters")}</a>
            </div>
        }
        .into_any();
    }
    let act = ctx.holds(Permission::UsersUpdate);
    let (number, size, total) = (list.page, list.page_size, list.total);
    let rows = list.list.into_iter().map(|user| row(words, act, user)).collect_view();
    let pick = act.then(|| {
        view! { <th scope="col" class="pick"><rg-check-all data-label=words.t("list-check-all")></rg-check-all></th> }
    });
    view! {
        {list_table(words.t("users-title"), view! {
            {pick}
            {sort_header(query, "name", "name", words.t("customer-username"), false)}
            {sort_header(query, "displayName", "name", words.t("customer-display-name"), false)}
            <th scope="col">{words.t("user-state")}</th>
            <th scope="col">{words.t("account-roles")}</th>
            <th scope="col">{words.t("user-memberships")}</th>
            {sort_header(query, "lastLoginAt", "name", words.t("account-last-sign-in"), false)}
        }, rows)}
        {pager(words, query, number, size, total)}
    }
    .into_any()
}

fn row(words: Words, act: bool, user: UserRow) -> impl IntoView {
    let zone = look().zone;
    let pick = act.then(|| {
        let label = words.with("list-choose", &[("name", user.name.clone())]);
        view! {
            <td class="pick">
                <input r#type="checkbox" form="bulk" name="ids" value=user.id.to_string() aria-label=label />
            </td>
        }
    });
    let memberships: Vec<_> = user.memberships.iter().map(|m| m.customer_name.clone()).collect();
    let dash = |text: String| if text.is_empty() { NOT_MEASURED.to_owned() } else { text };
    view! {
        <tr>
            {pick}
            <th scope="row"><a class="mono bounded" href=paths::user(user.id)>{user.name.clone()}</a></th>
            <td data-label=words.t("customer-display-name")><span class="bounded">{user.display_name.clone()}</span></td>
            <td data-label=words.t("user-state")>{user_state(words, user.state)}</td>
            <td data-label=words.t("account-roles")><span class="bounded">{dash(role_names(words, &user.roles))}</span></td>
            <td data-label=words.t("user-memberships")><span class="bounded">{dash(memberships.join(&words.t("list-separator")))}</span></td>
            <td data-label=words.t("account-last-sign-in")>
                {user.last_login_at.map_or_else(|| NOT_MEASURED.into_any(), |at| time(at, zone).into_any())}
            </td>
        </tr>
    }
}

/// Roles in words, one after the other.
pub(super) fn role_names(words: Words, roles: &[RoleBrief]) -> String {
    let names: Vec<_> = roles.iter().map(|role| role_name(words.0, &role.code, &role.name)).collect();
    names.join(&words.t("list-separator"))
}

/// Where an account stands, as a word with its mark.
pub(super) fn user_state(words: Words, at: UserState) -> impl IntoView {
    let tone = match at {
        UserState::Active => Tone::Ok,
        UserState::Invited => Tone::Info,
        UserState::Disabled => Tone::Off,
        UserState::Deleted => Tone::Bad,
    };
    state(tone, words.t(&format!("user-state-{}", at.code())))
}
