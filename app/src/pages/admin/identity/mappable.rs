//! What can stand in a mapping of groups: the words of roles, and customers by their numbers.

use contract::Permission;
use contract::customers::{CustomerQuery, CustomerRow};
use contract::roles::{RoleScope, RoleView};
use leptos::prelude::*;
use platform::{OpContext, Platform};

use crate::role_words::role_name;
use crate::words::Words;

/// Customers that are named; the others say their number on their pages.
const NAMED: u32 = 50;

/// Roles of the platform, and the first customers with how many there are.
pub(super) struct Mappable {
    roles: Vec<RoleView>,
    customers: Vec<CustomerRow>,
    total: u64,
}

impl Mappable {
    pub(super) async fn load(platform: &Platform, ctx: &OpContext) -> platform::Result<Self> {
        let roles = platform::roles::list(platform, ctx).await?;
        let roles = roles.into_iter().filter(|role| role.scope == RoleScope::Platform).collect();
        // Who may not see the customers is told of none.
        if !ctx.holds_everywhere(Permission::CustomersManage) {
            return Ok(Self { roles, customers: Vec::new(), total: 0 });
        }
        let query = CustomerQuery { page_size: Some(NAMED), ..CustomerQuery::default() };
        let page = platform::customers::list(platform, ctx, &query).await?;
        Ok(Self { roles, customers: page.list, total: page.total })
    }

    /// Words and numbers, with what they are called: folded, because there may be many.
    pub(super) fn list(self, words: Words) -> impl IntoView + use<> {
        let line = |code: String, name: String| {
            view! { <li><code class="select">{code}</code> " " {name}</li> }
        };
        let roles = self.roles.into_iter().map(|role| {
            let name = role_name(words.0, &role.code, &role.name);
            line(role.code, name)
        });
        let roles = roles.collect_view();
        let more = self.total.saturating_sub(self.customers.len() as u64);
        let more = (more > 0).then(|| {
            view! { <li class="hint">{words.with("identity-mappings-more", &[("n", more.to_string())])}</li> }
        });
        let customers: Vec<_> = self.customers.into_iter().map(|one| line(one.id.to_string(), one.name)).collect();
        let customers = (!customers.is_empty()).then(|| {
            view! {
                <p class="hint">{words.t("identity-mappings-customers")}</p>
                <ul class="tick-list" tabindex="0">{customers} {more}</ul>
            }
        });
        view! {
            <details class="wide">
                <summary>{words.t("identity-mappings-which")}</summary>
                <p class="hint">{words.t("identity-mappings-roles")}</p>
                <ul class="tick-list" tabindex="0">{roles}</ul>
                {customers}
            </details>
        }
    }
}
