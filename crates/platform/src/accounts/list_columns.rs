//! Which columns a person wants to see in which list.

use contract::{ListColumns, list_columns, usual_columns};

use super::{account, signed_in, store};
use crate::authz::{UpdateAccount, ViewAccount};
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result};

/// The caller's choice in the list of this name, else the usual columns.
///
/// # Errors
/// `NotFound` for a list without a choice.
pub async fn columns_of(platform: &Platform, ctx: &OpContext, list: &str) -> Result<ListColumns> {
    let mut tx = platform.db().begin(ctx).await?;
    let columns = columns_in_tx(&mut tx, ctx, list).await?;
    tx.commit().await?;
    Ok(columns)
}

pub(crate) async fn columns_in_tx(tx: &mut Tx, ctx: &OpContext, list: &str) -> Result<ListColumns> {
    let user = signed_in(ctx)?;
    ctx.authorize(ViewAccount, &account(user.id))?;
    let known = list_columns(list).ok_or_else(Error::not_found)?;
    let chosen = store::list_columns(tx, user.id, list).await?;
    // In the list's order, and only what still exists: a choice may be older than the program.
    let columns: Vec<String> = match chosen {
        Some(chosen) => {
            known.iter().filter(|c| chosen.iter().any(|have| have == *c)).map(|c| (*c).to_owned()).collect()
        }
        None => usual_columns(list),
    };
    Ok(ListColumns { columns })
}

/// Keeps the caller's choice; no column at all goes back to the usual ones. One's own view is no matter for the audit log.
///
/// # Errors
/// `NotFound` for a list without a choice, `Validation` for a column it does not have.
pub async fn choose_columns(
    platform: &Platform,
    ctx: &OpContext,
    list: &str,
    body: ListColumns,
) -> Result<ListColumns> {
    let user = signed_in(ctx)?;
    let known = list_columns(list).ok_or_else(Error::not_found)?;
    let granted = ctx.authorize(UpdateAccount, &account(user.id))?;
    if body.columns.iter().any(|column| !known.contains(&column.as_str())) {
        return Err(Error::field("columns", "field-unknown-column"));
    }
    let mut columns: Vec<String> = body.columns;
    if !columns.is_empty() && !columns.iter().any(|column| column == known[0]) {
        columns.push(known[0].to_owned());
    }
    let mut tx = platform.db().begin(ctx).await?;
    store::set_list_columns(&mut tx, &granted, list, &columns).await?;
    tx.commit().await?;
    columns_of(platform, ctx, list).await
}
