//! SQL of settings.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use contract::SettingsImportId;
use contract::settings::Configuration;
use serde_json::Value;

use crate::authz::{Granted, UpdateSettings};
use crate::db::Tx;
use crate::{Error, OpContext, Result};

/// A setting that was changed at some time.
pub(super) struct Row {
    pub value: Option<Value>,
    pub secret: Option<Vec<u8>>,
    pub version: i64,
    pub updated_name: String,
    pub updated_at: DateTime<Utc>,
}

/// By key.
pub(super) type Rows = HashMap<String, Row>;

/// A configuration that waits.
pub(super) struct Staged {
    pub id: SettingsImportId,
    pub document: Configuration,
    pub seen: BTreeMap<String, i64>,
    pub created_at: DateTime<Utc>,
}

/// One change at a time: some rules are about several settings.
pub(super) async fn lock(tx: &mut Tx) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock(hashtext('remotegpu.settings'))").fetch_one(&mut **tx).await?;
    Ok(())
}

pub(super) async fn all(tx: &mut Tx) -> Result<Rows> {
    let rows = sqlx::query!("select key, value, secret, version, updated_name, updated_at from settings")
        .fetch_all(&mut **tx)
        .await?;
    let rows = rows.into_iter().map(|row| {
        let kept = Row {
            value: row.value,
            secret: row.secret,
            version: row.version,
            updated_name: row.updated_name,
            updated_at: row.updated_at,
        };
        (row.key, kept)
    });
    Ok(rows.collect())
}

pub(super) async fn put(
    tx: &mut Tx,
    _granted: &Granted<UpdateSettings>,
    key: &str,
    value: Option<&Value>,
    secret: Option<&[u8]>,
    ctx: &OpContext,
) -> Result<()> {
    sqlx::query!(
        "insert into settings (key, value, secret, updated_by, updated_name) values ($1, $2, $3, $4, $5)
         on conflict (key) do update set value = $2, secret = $3, version = settings.version + 1, updated_by = $4,
                                         updated_name = $5",
        key,
        value,
        secret,
        ctx.user().map(|user| user.id.0),
        ctx.user().map_or("", |user| user.name.as_str())
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub(super) async fn insert_import(
    tx: &mut Tx,
    _granted: &Granted<UpdateSettings>,
    document: &Configuration,
    seen: &BTreeMap<String, i64>,
    ctx: &OpContext,
) -> Result<SettingsImportId> {
    let id = sqlx::query_scalar!(
        "insert into settings_imports (document, seen, created_by, created_at) values ($1, $2, $3, $4) returning id",
        serde_json::to_value(document).map_err(Error::internal)?,
        serde_json::to_value(seen).map_err(Error::internal)?,
        ctx.user().map(|user| user.id.0),
        ctx.now()
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(SettingsImportId(id))
}

pub(super) async fn import(tx: &mut Tx, id: SettingsImportId, since: DateTime<Utc>) -> Result<Option<Staged>> {
    let row = sqlx::query!(
        "select document, seen, created_at from settings_imports where id = $1 and created_at > $2",
        id.0,
        since
    )
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|row| {
        Ok(Staged {
            id,
            document: serde_json::from_value(row.document).map_err(Error::internal)?,
            seen: serde_json::from_value(row.seen).map_err(Error::internal)?,
            created_at: row.created_at,
        })
    })
    .transpose()
}

pub(super) async fn delete_import(tx: &mut Tx, _granted: &Granted<UpdateSettings>, id: SettingsImportId) -> Result<()> {
    sqlx::query!("delete from settings_imports where id = $1", id.0).execute(&mut **tx).await?;
    Ok(())
}

pub(super) async fn delete_imports_before(tx: &mut Tx, before: DateTime<Utc>) -> Result<()> {
    sqlx::query!("delete from settings_imports where created_at < $1", before).execute(&mut **tx).await?;
    Ok(())
}
