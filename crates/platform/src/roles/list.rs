//! Lists: of roles, of who holds one, of what can be permitted.

use contract::roles::{PermissionView, RoleHolder, RoleQuery, RoleView};
use contract::{Page, PageQuery, Permission, RoleId};

use super::{read, store, view};
use crate::authz::{RoleRef, ViewRole, is_grantable};
use crate::{OpContext, Platform, Result, audit};

/// Every role, the built-in ones first.
pub async fn list(platform: &Platform, ctx: &OpContext) -> Result<Vec<RoleView>> {
    ctx.authorize_list::<RoleRef>(Permission::RolesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let rows = store::list(&mut tx).await?;
    tx.commit().await?;
    Ok(rows.into_iter().map(view).collect())
}

/// A page of the roles that a door found by their words, which are its own.
///
/// # Errors
/// `Validation` for a page or a size that no list has.
pub fn page_of_found(found: Vec<RoleView>, query: &RoleQuery) -> Result<Page<RoleView>> {
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    Ok(Page::cut(found, page, page_size))
}

/// Every role, for a workbook of those that `query` finds; that it was taken away is in the log.
pub async fn export(platform: &Platform, ctx: &OpContext, query: &RoleQuery) -> Result<Vec<RoleView>> {
    ctx.trying_new("roles:export", "role").authorize_list::<RoleRef>(Permission::RolesView)?;
    audit::record_export(platform, ctx, ("roles:export", "role"), None, query).await?;
    list(platform, ctx).await
}

/// Who holds it, by name; of a customer's role, in whichever customer.
///
/// # Errors
/// `Validation` for a page or a size that no list has.
pub async fn holders(platform: &Platform, ctx: &OpContext, id: RoleId, query: &PageQuery) -> Result<Page<RoleHolder>> {
    let mut tx = platform.db().begin(ctx).await?;
    let granted = ctx.authorize(ViewRole, &RoleRef::of_platform(id))?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let role = read(&mut tx, granted.id()).await?;
    let some = (i64::from(page - 1) * i64::from(page_size), Some(i64::from(page_size)));
    let (list, total) = store::holders(&mut tx, &role, some).await?;
    tx.commit().await?;
    Ok(Page { list, total, page, page_size })
}

/// Everything that can be permitted; texts are the door's.
pub async fn permissions(_platform: &Platform, ctx: &OpContext) -> Result<Vec<PermissionView>> {
    ctx.authorize_list::<RoleRef>(Permission::RolesView)?;
    let list = Permission::ALL.iter().map(|permission| PermissionView {
        name: *permission,
        group: permission.group().to_owned(),
        group_title: String::new(),
        title: String::new(),
        grantable: is_grantable(*permission),
        held: ctx.holds_everywhere(*permission),
    });
    Ok(list.collect())
}
