//! Who is told of instances.

use contract::notifications::NotificationKind;

use super::store::Row;
use crate::db::Tx;
use crate::notifications::{self, Notice, Value};
use crate::{OpContext, Platform, Result, customers};

/// Whose it is, while they belong to its customer.
pub(super) async fn failed(platform: &Platform, tx: &mut Tx, ctx: &OpContext, row: &Row) -> Result<()> {
    let people = customers::people(tx, row.customer, false).await?;
    if !people.contains(&row.owner) {
        return Ok(());
    }
    let notice = Notice {
        kind: NotificationKind::InstanceFailed,
        args: vec![
            ("instance", Value::Text(row.name.clone())),
            ("machine", Value::Text(row.machine_name.clone())),
            ("made", Value::Text(if row.made_at.is_some() { "yes" } else { "no" }.to_owned())),
        ],
        link: Some(format!("/instances/{}", row.id)),
    };
    notifications::notify_in_tx(platform, tx, ctx, &[row.owner], &notice).await
}
