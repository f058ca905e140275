//! Registries of images that want to know who asks. Engines pull from them by the credentials that are stored here; what an
//! address does not name has none of them.
//!
//! Invariants: passwords are sealed with the installation's key and bound to their row, no door shows them, and one that was
//! typed for one address is sent to no other; a registry is asked only where `outbound::own` lets it be.

mod check;
mod client;
mod repository;

use std::io::{Read, Seek};

use contract::registries::{MAX_REGISTRIES, RegistryFault, RegistryTest, RegistryView, RegistryWrite};
use contract::{ErrorCode, Permission, RegistryId};
use runtime::docker::{Credentials, Progress};
use serde_json::{Value, json};
use tokio::sync::watch;

pub(in crate::images) use self::check::Checked;
use self::client::{Registry, Trouble};
use self::repository::Repository;
use super::archive::Parts;
use super::store::{self, RegistryRow};
use crate::authz::{Installation, ManageRegistries};
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, SystemActor, audit};

/// Every registry, by address.
pub async fn list_registries(platform: &Platform, ctx: &OpContext) -> Result<Vec<RegistryView>> {
    ctx.authorize_list::<Installation>(Permission::SettingsView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let rows = store::registries(&mut tx).await?;
    tx.commit().await?;
    Ok(rows.into_iter().map(|row| view(ctx, row)).collect())
}

/// One of them.
///
/// # Errors
/// `NotFound` for one there is not.
pub async fn get_registry(platform: &Platform, ctx: &OpContext, id: RegistryId) -> Result<RegistryView> {
    list_registries(platform, ctx).await?.into_iter().find(|view| view.id == id).ok_or_else(Error::not_found)
}

/// Attaches one.
///
/// # Errors
/// `Validation` with every fault at once, `AlreadyExists` for an address that is there.
pub async fn create_registry(platform: &Platform, ctx: &OpContext, body: RegistryWrite) -> Result<RegistryView> {
    let ctx = &ctx.trying(attempt("settings:create-registry", None));
    let granted = ctx.authorize(ManageRegistries, &Installation)?;
    let checked = check::check(body, None)?;
    let mut tx = platform.db().begin(ctx).await?;
    if store::registries(&mut tx).await?.len() >= MAX_REGISTRIES {
        return Err(Error::field("address", "field-too-many"));
    }
    let id = store::insert_registry_row(&mut tx, &granted, &checked).await?;
    set_password(platform, &mut tx, &granted, id, checked.password.as_deref()).await?;
    let made = found(&mut tx, id).await?;
    audit::record_in_tx(&mut tx, ctx, entry("settings:create-registry", id, None, Some(facts(&made)))).await?;
    tx.commit().await?;
    Ok(view(ctx, made))
}

/// Replaces what is said of one. What a test found out before goes.
///
/// # Errors
/// As [`create_registry`]'s; `NotFound`; `Conflict` when somebody changed it meanwhile.
pub async fn update_registry(
    platform: &Platform,
    ctx: &OpContext,
    id: RegistryId,
    body: RegistryWrite,
) -> Result<RegistryView> {
    let ctx = &ctx.trying(attempt("settings:update-registry", Some(id)));
    let granted = ctx.authorize(ManageRegistries, &Installation)?;
    let mut tx = platform.db().begin(ctx).await?;
    let before = store::lock_registry(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    if body.revision.is_some_and(|seen| seen != before.revision) {
        return Err(Error::new(ErrorCode::Conflict));
    }
    let checked = check::check(body, Some(&before))?;
    store::update_registry_row(&mut tx, &granted, id, &checked).await?;
    if !checked.keeps_password {
        set_password(platform, &mut tx, &granted, id, checked.password.as_deref()).await?;
    }
    let after = found(&mut tx, id).await?;
    let entry = entry("settings:update-registry", id, Some(facts(&before)), Some(facts(&after)));
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    Ok(view(ctx, after))
}

/// Forgets one with its password. What was pulled from it, or put into it, stays where it is; engines are sent archives again.
///
/// # Errors
/// `NotFound` for one there is not.
pub async fn delete_registry(platform: &Platform, ctx: &OpContext, id: RegistryId) -> Result<()> {
    let ctx = &ctx.trying(attempt("settings:delete-registry", Some(id)));
    let granted = ctx.authorize(ManageRegistries, &Installation)?;
    let mut tx = platform.db().begin(ctx).await?;
    let before = store::lock_registry(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    store::delete_pushes_of(&mut tx, &granted, id).await?;
    store::delete_registry_row(&mut tx, &granted, id).await?;
    audit::record_in_tx(&mut tx, ctx, entry("settings:delete-registry", id, Some(facts(&before)), None)).await?;
    tx.commit().await?;
    Ok(())
}

/// Asks it as it is stored, and keeps what came of it. Nothing is changed there.
///
/// # Errors
/// `NotFound` for one there is not, `Conflict` when it was changed meanwhile. One that is not reached is no error but the
/// answer.
pub async fn test_registry(platform: &Platform, ctx: &OpContext, id: RegistryId) -> Result<RegistryTest> {
    let ctx = &ctx.trying(attempt("settings:test-registry", Some(id)));
    let granted = ctx.authorize(ManageRegistries, &Installation)?;
    let mut tx = platform.db().begin(ctx).await?;
    let row = found(&mut tx, id).await?;
    tx.commit().await?; // asking takes a while: hold no connection meanwhile
    let login = login(platform, &row)?;
    let asked = match Registry::new(&row.address, row.plain, row.ca_certificate.as_deref(), login) {
        Ok(registry) => registry.probe().await,
        Err(trouble) => Err(trouble),
    };
    let mut tx = platform.db().begin(ctx).await?;
    let kept = asked.as_ref().err().map(|Trouble { fault, detail }| (*fault, detail.as_str()));
    if !store::set_registry_tested(&mut tx, &granted, (id, row.revision), ctx.now(), kept).await? {
        return Err(Error::new(ErrorCode::Conflict));
    }
    let after = view(ctx, found(&mut tx, id).await?);
    let test = after.last_test.ok_or_else(|| Error::internal("a test that was not kept"))?;
    let found = json!({ "done": test.done, "fault": test.fault, "detail": test.detail });
    audit::record_in_tx(&mut tx, ctx, entry("settings:test-registry", id, None, Some(found))).await?;
    tx.commit().await?;
    Ok(test)
}

/// Who an engine is to the registry of this address, where somebody is known there.
pub(in crate::images) async fn credentials(platform: &Platform, address: &str) -> Result<Option<Credentials>> {
    let server = check::registry_of(address);
    let mut tx = platform.db().begin(&platform.system(SystemActor::Worker)).await?;
    let row = store::registries(&mut tx).await?.into_iter().find(|row| row.address == server);
    tx.commit().await?;
    let Some(row) = row else { return Ok(None) };
    Ok(login(platform, &row)?.map(|(username, password)| Credentials { username, password, server }))
}

/// Where a registry says that tokens are given, of what it answers who did not say who it is.
pub(in crate::images) fn realm_of(challenge: &str) -> Option<String> {
    client::realm_of(challenge)
}

/// Puts an image into a registry, from its archive, which `open` gives from its beginning: what it is called there, or why it is
/// not there.
///
/// # Errors
/// `NotFound` where the registry was forgotten.
pub(in crate::images) async fn put<R>(
    platform: &Platform,
    id: RegistryId,
    (name, parts): (String, Parts),
    open: impl Fn() -> R,
    tell: &watch::Sender<Progress>,
) -> Result<std::result::Result<String, (RegistryFault, String)>>
where
    R: Read + Seek + Send + 'static,
{
    let mut tx = platform.db().begin(&platform.system(SystemActor::Worker)).await?;
    let row = found(&mut tx, id).await?;
    tx.commit().await?;
    let login = login(platform, &row)?;
    let put = match Registry::patient(&row.address, row.plain, row.ca_certificate.as_deref(), login) {
        Ok(registry) => Repository::new(&registry, name, tell).put(parts, open).await,
        Err(trouble) => Err(trouble),
    };
    Ok(put.map_err(|Trouble { fault, detail }| (fault, detail)))
}

/// The one that takes archives, with its address.
pub(in crate::images) async fn holder_in_tx(tx: &mut Tx) -> Result<Option<(RegistryId, String)>> {
    let rows = store::registries(tx).await?;
    Ok(rows.into_iter().find(|row| row.holds_archives).map(|row| (row.id, row.address)))
}

/// As addresses of its images begin.
pub(in crate::images) async fn address_in_tx(tx: &mut Tx, id: RegistryId) -> Result<String> {
    let rows = store::registries(tx).await?;
    rows.into_iter().find(|row| row.id == id).map(|row| row.address).ok_or_else(Error::not_found)
}

async fn found(tx: &mut Tx, id: RegistryId) -> Result<RegistryRow> {
    store::lock_registry(tx, id).await?.ok_or_else(Error::not_found)
}

/// What a sealed password is bound to.
fn place(id: RegistryId) -> String {
    format!("image_registries.password:{}", id.0)
}

async fn set_password(
    platform: &Platform,
    tx: &mut Tx,
    granted: &crate::authz::Granted<ManageRegistries>,
    id: RegistryId,
    password: Option<&str>,
) -> Result<()> {
    let sealed = password.map(|password| platform.keyring().seal(&place(id), password.as_bytes()));
    store::set_registry_password(tx, granted, id, sealed.as_deref()).await
}

/// Name and password.
fn login(platform: &Platform, row: &RegistryRow) -> Result<Option<(String, String)>> {
    let (Some(username), Some(sealed)) = (&row.username, &row.password) else { return Ok(None) };
    let password = platform.keyring().open(&place(row.id), sealed)?;
    Ok(Some((username.clone(), String::from_utf8(password).map_err(Error::internal)?)))
}

fn view(ctx: &OpContext, row: RegistryRow) -> RegistryView {
    let test = |at| {
        let fault = row.last_fault.as_deref().map(|word| RegistryFault::parse(word).unwrap_or(RegistryFault::Other));
        let key =
            fault.map_or_else(|| "registry-test-fine".to_owned(), |fault| format!("registry-fault-{}", fault.code()));
        RegistryTest {
            at,
            done: fault.is_none(),
            fault,
            message: texts::message(ctx.language(), &key, &[]),
            detail: row.last_detail.clone().filter(|detail| !detail.is_empty()),
        }
    };
    let last_test = row.last_tested_at.map(test);
    RegistryView {
        id: row.id,
        address: row.address,
        plain: row.plain,
        username: row.username,
        has_password: row.password.is_some(),
        ca_certificate: row.ca_certificate,
        holds_archives: row.holds_archives,
        last_test,
        revision: row.revision,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// What the audit log keeps: never the password.
fn facts(row: &RegistryRow) -> Value {
    json!({
        "address": row.address, "plain": row.plain, "username": row.username, "hasPassword": row.password.is_some(),
        "hasCaCertificate": row.ca_certificate.is_some(), "holdsArchives": row.holds_archives,
    })
}

fn attempt(action: &'static str, id: Option<RegistryId>) -> audit::Entry {
    audit::Entry::attempt(action, "image_registry", id.map(|id| id.to_string()))
}

fn entry(action: &'static str, id: RegistryId, before: Option<Value>, after: Option<Value>) -> audit::Entry {
    audit::Entry { before, after, ..attempt(action, Some(id)) }
}
