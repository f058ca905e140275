//! SQL of limits.

use contract::quotas::{Quota, QuotaResource};

use crate::Result;
use crate::authz::{Granted, UpdateCustomer, UpdateUser};
use crate::db::Tx;

pub(super) async fn get(tx: &mut Tx, kind: &str, id: i64) -> Result<Quota> {
    let rows =
        sqlx::query!("select resource, limit_value from quotas where subject_kind = $1 and subject_id = $2", kind, id)
            .fetch_all(&mut **tx)
            .await?;
    let mut quota = Quota::default();
    for row in rows {
        if let Some(resource) = QuotaResource::parse(&row.resource) {
            quota.set(resource, Some(row.limit_value));
        }
    }
    Ok(quota)
}

pub(super) async fn set_of_user(tx: &mut Tx, granted: &Granted<UpdateUser>, quota: &Quota) -> Result<()> {
    set(tx, "user", granted.id().0, quota).await
}

pub(super) async fn set_of_customer(tx: &mut Tx, granted: &Granted<UpdateCustomer>, quota: &Quota) -> Result<()> {
    set(tx, "customer", granted.id().0, quota).await
}

async fn set(tx: &mut Tx, kind: &str, id: i64, quota: &Quota) -> Result<()> {
    sqlx::query!("delete from quotas where subject_kind = $1 and subject_id = $2", kind, id).execute(&mut **tx).await?;
    let limits =
        QuotaResource::ALL.iter().filter_map(|resource| Some((resource.code().to_owned(), quota.get(*resource)?)));
    let (resources, values): (Vec<String>, Vec<i64>) = limits.unzip();
    sqlx::query!(
        "insert into quotas (subject_kind, subject_id, resource, limit_value)
         select $1, $2, resource, limit_value from unnest($3::text[], $4::bigint[]) as t (resource, limit_value)",
        kind,
        id,
        &resources,
        &values
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
