//! The configuration as a file: taken away without its secrets, and brought in after a look at what it would change.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use contract::settings::{
    CONFIGURATION_FORMAT, Configuration, LeftOut, SETTINGS, SettingChange, SettingsImportView, setting,
};
use contract::{ErrorCode, Permission, SettingsImportId};
use serde_json::Value;

use super::store::{self, Rows};
use super::{Change, Judged, MAIL_HOST, MAIL_PASSWORD, apply, check, default_of, entry, judge};
use crate::accounts::identity;
use crate::authz::{Installation, UpdateSettings};
use crate::error::FieldError;
use crate::notifications::{Whose, list_channels};
use crate::{Error, OpContext, Platform, Result, SystemActor, audit};

/// How long a configuration waits.
const KEPT_HOURS: i64 = 24;

/// Every setting but the secrets.
pub async fn export(platform: &Platform, ctx: &OpContext) -> Result<Configuration> {
    ctx.trying(entry("settings:export")).authorize_list::<Installation>(Permission::SettingsView)?;
    let left_out = left_out(platform, ctx).await?;
    let mut tx = platform.db().begin(ctx).await?;
    let rows = store::all(&mut tx).await?;
    audit::record_in_tx(&mut tx, ctx, entry("settings:export")).await?;
    tx.commit().await?;
    let shown = SETTINGS.iter().filter(|spec| !spec.is_secret());
    let settings = shown.map(|spec| {
        let stored = rows.get(spec.key).and_then(|row| row.value.clone());
        (spec.key.to_owned(), stored.unwrap_or_else(|| default_of(platform, spec)))
    });
    let secrets = SETTINGS.iter().filter(|spec| rows.get(spec.key).is_some_and(|row| row.secret.is_some()));
    Ok(Configuration {
        format: CONFIGURATION_FORMAT,
        exported_at: Some(ctx.now()),
        settings: settings.collect(),
        secrets_left_out: secrets.map(|spec| spec.key.to_owned()).collect(),
        left_out,
    })
}

/// What the file does not hold: these have secrets that belong to their addresses, and roles and customers of this
/// installation.
async fn left_out(platform: &Platform, ctx: &OpContext) -> Result<LeftOut> {
    let services = match ctx.holds_everywhere(Permission::SettingsIdentity) {
        true => identity::list(platform, ctx).await?,
        false => Vec::new(),
    };
    let robots = list_channels(platform, ctx, Whose::Platform).await?;
    Ok(LeftOut {
        sign_in_services: services.into_iter().map(|service| service.name).collect(),
        chat_robots: robots.into_iter().map(|robot| robot.name).collect(),
    })
}

/// Keeps a configuration and says what it would change; nothing is changed yet.
///
/// # Errors
/// `Validation` with every fault at once.
pub async fn stage_import(platform: &Platform, ctx: &OpContext, document: &[u8]) -> Result<SettingsImportView> {
    let ctx = &ctx.trying(entry("settings:import"));
    let granted = ctx.authorize(UpdateSettings, &Installation)?;
    let document = read(document)?;
    let mut tx = platform.db().begin(ctx).await?;
    let rows = store::all(&mut tx).await?;
    let seen: BTreeMap<String, i64> = document
        .settings
        .keys()
        .map(|key| (key.clone(), rows.get(key.as_str()).map_or(0, |row| row.version)))
        .collect();
    let id = store::insert_import(&mut tx, &granted, &document, &seen, ctx).await?;
    tx.commit().await?;
    Ok(preview(platform, &rows, store::Staged { id, document, seen, created_at: ctx.now() }))
}

/// A configuration all of whose values fit.
pub(super) fn read(document: &[u8]) -> Result<Configuration> {
    // Editors of some systems put a mark before UTF-8.
    let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
    if document.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::field("file", "field-file-empty"));
    }
    let document: Configuration = serde_json::from_slice(document).map_err(unread)?;
    if document.format != CONFIGURATION_FORMAT {
        let args = vec![("format", document.format.to_string()), ("known", CONFIGURATION_FORMAT.to_string())];
        let mut wrong = Error::new(ErrorCode::Validation);
        wrong.fields.push(FieldError { path: "format", key: "field-configuration-format", args });
        return Err(wrong);
    }
    let secret = |key: &String| setting(key).is_some_and(|spec| spec.is_secret());
    if document.settings.keys().any(secret) {
        return Err(Error::field("settings", "field-no-secrets"));
    }
    judge(wanted(&document, &BTreeMap::new()))?;
    Ok(document)
}

/// Broken, or something else than a configuration.
fn unread(cause: serde_json::Error) -> Error {
    let key = if cause.is_data() { "field-configuration-foreign" } else { "field-configuration-broken" };
    let args = vec![("line", cause.line().to_string()), ("column", cause.column().to_string())];
    let mut wrong = Error::new(ErrorCode::Validation).with_cause(cause);
    wrong.fields.push(FieldError { path: "file", key, args });
    wrong
}

/// What a configuration that waits would change now.
///
/// # Errors
/// `NotFound` for one that is done, or older than a day.
pub async fn get_import(platform: &Platform, ctx: &OpContext, id: SettingsImportId) -> Result<SettingsImportView> {
    ctx.authorize(UpdateSettings, &Installation)?;
    let mut tx = platform.db().begin(ctx).await?;
    let staged = store::import(&mut tx, id, ctx.now() - TimeDelta::hours(KEPT_HOURS)).await?;
    let staged = staged.ok_or_else(Error::not_found)?;
    let rows = store::all(&mut tx).await?;
    tx.commit().await?;
    Ok(preview(platform, &rows, staged))
}

/// Writes it, all or nothing.
///
/// # Errors
/// `Conflict` when a setting it names was changed since it was looked at; `NotFound` as [`get_import`].
pub async fn confirm_import(platform: &Platform, ctx: &OpContext, id: SettingsImportId) -> Result<()> {
    let ctx = &ctx.trying(entry("settings:import"));
    let granted = ctx.authorize(UpdateSettings, &Installation)?;
    let mut tx = platform.db().begin(ctx).await?;
    store::lock(&mut tx).await?;
    let staged = store::import(&mut tx, id, ctx.now() - TimeDelta::hours(KEPT_HOURS)).await?;
    let staged = staged.ok_or_else(Error::not_found)?;
    let rows = store::all(&mut tx).await?;
    let moved = staged.seen.iter().any(|(key, seen)| rows.get(key.as_str()).map_or(0, |row| row.version) != *seen);
    if moved {
        return Err(Error::new(ErrorCode::Conflict).with_key("error-settings-changed"));
    }
    let mut judged = judge(wanted(&staged.document, &staged.seen))?;
    judged.retain(|change| in_force(platform, &rows, change) != effective(platform, change));
    apply(platform, ctx, &mut tx, &granted, judged, "settings:import").await?;
    store::delete_import(&mut tx, &granted, id).await?;
    tx.commit().await?;
    platform.configuration().forget();
    Ok(())
}

/// Drops configurations that nobody confirmed; run by the job queue.
pub async fn forget_imports(platform: &Platform) -> Result<()> {
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    store::delete_imports_before(&mut tx, ctx.now() - TimeDelta::hours(KEPT_HOURS)).await?;
    tx.commit().await?;
    Ok(())
}

fn wanted(document: &Configuration, seen: &BTreeMap<String, i64>) -> Vec<Change> {
    let changes = document.settings.iter();
    changes
        .map(|(key, value)| Change { key: key.clone(), value: value.clone(), version: seen.get(key).copied() })
        .collect()
}

fn in_force(platform: &Platform, rows: &Rows, change: &Judged) -> Value {
    let stored = rows.get(change.spec.key).and_then(|row| row.value.clone());
    stored.unwrap_or_else(|| default_of(platform, change.spec))
}

fn effective(platform: &Platform, change: &Judged) -> Value {
    if change.value.is_null() { default_of(platform, change.spec) } else { change.value.clone() }
}

/// What was judged when it was handed in fits still: the list of settings is the program's.
fn preview(platform: &Platform, rows: &Rows, staged: store::Staged) -> SettingsImportView {
    let mut changes = Vec::new();
    let mut unchanged = 0;
    for (key, value) in &staged.document.settings {
        let Some(spec) = setting(key) else { continue };
        let Ok(value) = check::check(spec, value) else { continue };
        let change = Judged { spec, value, version: None };
        let (before, after) = (in_force(platform, rows, &change), effective(platform, &change));
        if before == after {
            unchanged += 1;
        } else {
            changes.push(SettingChange { key: key.clone(), before, after });
        }
    }
    let has_password = rows.get(MAIL_PASSWORD).is_some_and(|row| row.secret.is_some());
    let forgets_mail_password = has_password && changes.iter().any(|change| change.key == MAIL_HOST);
    SettingsImportView {
        id: staged.id,
        changes,
        unchanged,
        secrets_left_out: staged.document.secrets_left_out,
        left_out: staged.document.left_out,
        forgets_mail_password,
        created_at: staged.created_at,
    }
}
