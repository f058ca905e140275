//! SQL of registries of images.

use chrono::{DateTime, Utc};
use contract::RegistryId;
use contract::registries::RegistryFault;

use crate::Result;
use crate::authz::{Granted, ManageRegistries};
use crate::db::Tx;
use crate::images::registries::Checked;

/// A registry as it is kept.
pub(in crate::images) struct RegistryRow {
    pub id: RegistryId,
    pub address: String,
    pub plain: bool,
    pub username: Option<String>,
    /// Sealed.
    pub password: Option<Vec<u8>>,
    pub ca_certificate: Option<String>,
    pub holds_archives: bool,
    pub last_tested_at: Option<DateTime<Utc>>,
    pub last_fault: Option<String>,
    pub last_detail: Option<String>,
    pub revision: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// All of them, by address.
pub(in crate::images) async fn registries(tx: &mut Tx) -> Result<Vec<RegistryRow>> {
    let rows = sqlx::query_as!(
        RegistryRow,
        "select id, address, plain, username, password, ca_certificate, holds_archives, last_tested_at, last_fault,
                last_detail, revision, created_at, updated_at
         from image_registries order by address"
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows)
}

/// One of them, which nobody else changes until the transaction ends.
pub(in crate::images) async fn lock_registry(tx: &mut Tx, id: RegistryId) -> Result<Option<RegistryRow>> {
    let row = sqlx::query_as!(
        RegistryRow,
        "select id, address, plain, username, password, ca_certificate, holds_archives, last_tested_at, last_fault,
                last_detail, revision, created_at, updated_at
         from image_registries where id = $1 for update",
        id.0
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(row)
}

pub(in crate::images) async fn insert_registry_row(
    tx: &mut Tx,
    _granted: &Granted<ManageRegistries>,
    new: &Checked,
) -> Result<RegistryId> {
    let id = sqlx::query_scalar!(
        "insert into image_registries (address, plain, username, ca_certificate, holds_archives)
         values ($1, $2, $3, $4, $5) returning id",
        new.address,
        new.plain,
        new.username,
        new.ca_certificate,
        new.holds_archives
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(RegistryId(id))
}

/// All but the password; where its name goes, that goes too.
pub(in crate::images) async fn update_registry_row(
    tx: &mut Tx,
    _granted: &Granted<ManageRegistries>,
    id: RegistryId,
    new: &Checked,
) -> Result<()> {
    sqlx::query!(
        "update image_registries
         set address = $2, plain = $3, username = $4, ca_certificate = $5, last_tested_at = null, last_fault = null,
             last_detail = null, revision = revision + 1, password = case when $6 then password end,
             holds_archives = $7
         where id = $1",
        id.0,
        new.address,
        new.plain,
        new.username,
        new.ca_certificate,
        new.keeps_password,
        new.holds_archives
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(in crate::images) async fn set_registry_password(
    tx: &mut Tx,
    _granted: &Granted<ManageRegistries>,
    id: RegistryId,
    sealed: Option<&[u8]>,
) -> Result<()> {
    sqlx::query!("update image_registries set password = $2 where id = $1", id.0, sealed).execute(&mut **tx).await?;
    Ok(())
}

pub(in crate::images) async fn delete_registry_row(
    tx: &mut Tx,
    _granted: &Granted<ManageRegistries>,
    id: RegistryId,
) -> Result<()> {
    sqlx::query!("delete from image_registries where id = $1", id.0).execute(&mut **tx).await?;
    Ok(())
}

/// False when it is another registry by now.
pub(in crate::images) async fn set_registry_tested(
    tx: &mut Tx,
    _granted: &Granted<ManageRegistries>,
    (id, revision): (RegistryId, i64),
    at: DateTime<Utc>,
    fault: Option<(RegistryFault, &str)>,
) -> Result<bool> {
    let done = sqlx::query!(
        "update image_registries set last_tested_at = $3, last_fault = $4, last_detail = $5
         where id = $1 and revision = $2",
        id.0,
        revision,
        at,
        fault.map(|(fault, _)| fault.code()),
        fault.map(|(_, detail)| detail)
    )
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() == 1)
}
