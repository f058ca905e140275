//! What can stand in a mapping of groups: the words of roles, and customers by their numbers.

use contract::Permission;
use contract::customers::{CustomerQuery, CustomerRow};
use contract::roles::{RoleScope, RoleView};
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

    /// Words and numbers, with what they are called.
    pub(super) fn in_words(self, words: Words) -> String {
        let separator = words.t("list-separator");
        let roles =
            self.roles.iter().map(|role| format!("{} ({})", role.code, role_name(words.0, &role.code, &role.name)));
        let roles: Vec<_> = roles.collect();
        let mut text = format!("{} {}", words.t("identity-mappings-roles"), roles.join(&separator));
        let customers: Vec<_> = self.customers.iter().map(|c| format!("{} ({})", c.id, c.name)).collect();
        if !customers.is_empty() {
            text += &format!("{} {}", words.t("identity-mappings-customers"), customers.join(&separator));
        }
        let more = self.total.saturating_sub(customers.len() as u64);
        if more > 0 {
            text += &format!(" {}", words.with("identity-mappings-more", &[("n", more.to_string())]));
        }
        text
    }
}
