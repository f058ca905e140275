//! What an admin may change at run time; `contract::settings` is the one list of what there is.
//!
//! Invariants: every server acts by what was stored at most two seconds ago; a secret is sealed with the installation's key,
//! bound to its key's name, and shown to nobody; all faults of a change are named at once, and it is written whole or not
//! at all; the audit row of a change says what it was and what it is, and of a secret only whether it is set.

mod cache;
mod check;
pub(crate) mod fuzzing;
mod logo;
mod store;
mod transfer;
mod values;

use contract::settings::{SETTINGS, SettingDefault, SettingKind, SettingSpec, SettingUpdate, SettingView, setting};
use contract::{ErrorCode, IdentityProviderId, Permission};
use serde_json::{Value, json};

pub use cache::Cache;
pub(crate) use check::is_host;
pub use logo::{LOGO, set_logo};
pub use transfer::{confirm_import, export, forget_imports, get_import, stage_import};
pub use values::{
    Appearance, General, IdleSettings, MailServer, Recording, SignInSettings, SignUp, SshDoor, TransportSecurity,
    appearance, currency, general, idle, logo_file, mail, max_file_gb, recording, sends_mail, sign_in, ssh, time_zone,
    usual_language, usual_time_zone,
};
pub(crate) use values::{disk_patience, private_ranges, split_patience};

use crate::authz::{Granted, Installation, ManageIdentity, UpdateSettings};
use crate::db::Tx;
use crate::error::FieldError;
use crate::{Error, OpContext, Platform, Result, audit};

/// Reads them for the first time, so that there is something to act by when the database is away later.
pub(crate) async fn load(platform: &Platform) -> Result<()> {
    cache::read(platform).await.map(|_| ())
}

/// Makes what is known without asking (the `usual_…` and `sends_mail`) at most two seconds old, inside of a transaction of
/// the system or of staff.
pub(crate) async fn refresh_in_tx(platform: &Platform, tx: &mut Tx) -> Result<()> {
    cache::refresh_in_tx(platform, tx).await
}

/// Whether the caller may change settings at all: asked before anything they send is read.
///
/// # Errors
/// As every change of theirs would be refused.
pub fn may_change(ctx: &OpContext, key: &str) -> Result<()> {
    // What somebody made up is not kept.
    let ctx = ctx.trying(tried("settings:update", setting(key).map(|spec| spec.key)));
    ctx.authorize(UpdateSettings, &Installation).map(drop)
}

/// The same of a whole configuration.
///
/// # Errors
/// As [`stage_import`] would be refused.
pub fn may_import(ctx: &OpContext) -> Result<()> {
    ctx.trying(entry("settings:import")).authorize(UpdateSettings, &Installation).map(drop)
}

/// What somebody wants to do about a directory or a sign-in service.
pub enum ProviderWish {
    Create,
    Update(IdentityProviderId),
    Test(IdentityProviderId),
}

/// The same of directories and sign-in services.
///
/// # Errors
/// As every change of theirs would be refused.
pub fn may_manage_identity(ctx: &OpContext, wish: ProviderWish) -> Result<()> {
    const KIND: &str = "identity-provider";
    let ctx = match wish {
        ProviderWish::Create => ctx.trying_new("settings:create-provider", KIND),
        ProviderWish::Update(id) => ctx.trying_on("settings:update-provider", KIND, id),
        ProviderWish::Test(id) => ctx.trying_on("settings:test-provider", KIND, id),
    };
    ctx.authorize(ManageIdentity, &Installation).map(drop)
}

/// What somebody wants a setting to be.
#[derive(Clone)]
pub struct Change {
    pub key: String,
    /// Null goes back to the default.
    pub value: Value,
    /// The version one saw; absent overwrites whatever is there.
    pub version: Option<i64>,
}

/// Every setting as it is now, in the order of the page.
pub async fn list(platform: &Platform, ctx: &OpContext) -> Result<Vec<SettingView>> {
    ctx.authorize_list::<Installation>(Permission::SettingsView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let rows = store::all(&mut tx).await?;
    tx.commit().await?;
    Ok(SETTINGS.iter().map(|spec| view(platform, spec, rows.get(spec.key))).collect())
}

/// One of them.
///
/// # Errors
/// `NotFound` for a key there is not.
pub async fn get(platform: &Platform, ctx: &OpContext, key: &str) -> Result<SettingView> {
    let found = list(platform, ctx).await?.into_iter().find(|view| view.key == key);
    found.ok_or_else(Error::not_found)
}

/// Sets one.
///
/// # Errors
/// `NotFound` for a key there is not; otherwise as [`change`].
pub async fn update(platform: &Platform, ctx: &OpContext, key: &str, body: SettingUpdate) -> Result<SettingView> {
    may_change(ctx, key)?;
    let spec = setting(key).ok_or_else(Error::not_found)?;
    // Forms have texts alone; programs say what they mean.
    let plain = matches!(spec.kind, SettingKind::Number { .. } | SettingKind::NumberOrNever { .. } | SettingKind::Flag);
    if plain && body.value.is_string() {
        return Err(Error::field(spec.key, "field-malformed"));
    }
    change(platform, ctx, vec![Change { key: key.to_owned(), value: body.value, version: body.version }]).await?;
    get(platform, ctx, key).await
}

/// Sets many, all or none; the fields that are wrong are named by their keys.
///
/// # Errors
/// `Validation` with every fault at once; `Conflict` when somebody changed one of them after it was read; `Forbidden` for
/// what decides who gets in, which is the platform's admins' to change.
pub async fn change(platform: &Platform, ctx: &OpContext, changes: Vec<Change>) -> Result<()> {
    // Only of settings there are: what somebody else made up is not kept.
    let named = changes.iter().filter_map(|change| setting(&change.key)).map(|spec| spec.key);
    let ctx = &ctx.trying(tried("settings:update", named));
    let granted = ctx.authorize(UpdateSettings, &Installation)?;
    let judged = judge(changes)?;
    let mut tx = platform.db().begin(ctx).await?;
    store::lock(&mut tx).await?;
    apply(platform, ctx, &mut tx, &granted, judged, "settings:update").await?;
    tx.commit().await?;
    platform.configuration().forget();
    Ok(())
}

/// A change whose value fits its setting.
struct Judged {
    spec: &'static SettingSpec,
    value: Value,
    version: Option<i64>,
}

fn judge(changes: Vec<Change>) -> Result<Vec<Judged>> {
    let mut wrong = Error::new(ErrorCode::Validation);
    let mut judged = Vec::with_capacity(changes.len());
    let mut unknown: Vec<String> = Vec::new();
    for Change { key, value, version } in changes {
        let Some(spec) = setting(&key) else {
            unknown.push(key.chars().take(60).collect());
            continue;
        };
        match check::check(spec, &value) {
            Ok(value) => judged.push(Judged { spec, value, version }),
            Err((key, args)) => wrong.fields.push(FieldError { path: spec.key, key, args }),
        }
    }
    if !unknown.is_empty() {
        let more = if unknown.len() > MOST_NAMED { ", …" } else { "" };
        unknown.truncate(MOST_NAMED);
        let args = vec![("key", unknown.join(", ") + more)];
        wrong.fields.push(FieldError { path: "settings", key: "field-setting-unknown", args });
    }
    wrong.into_result()?;
    Ok(judged)
}

/// Most unknown settings that a fault names.
const MOST_NAMED: usize = 10;

/// Writes what differs, with its audit row; the caller holds the lock.
async fn apply(
    platform: &Platform,
    ctx: &OpContext,
    tx: &mut Tx,
    granted: &Granted<UpdateSettings>,
    mut changes: Vec<Judged>,
    action: &'static str,
) -> Result<()> {
    let rows = store::all(tx).await?;
    let version_of = |key: &str| rows.get(key).map_or(0, |row| row.version);
    if changes.iter().any(|change| change.version.is_some_and(|seen| seen != version_of(change.spec.key))) {
        return Err(Error::new(ErrorCode::Conflict).with_key("error-settings-changed"));
    }
    changes.retain(|change| differs(change, rows.get(change.spec.key)));
    only_by_admins(ctx, &changes, action)?;
    // A password belongs to its server: whoever names another server must say the password again.
    let names = |changes: &[Judged], key: &str| changes.iter().any(|change| change.spec.key == key);
    let has_password = rows.get(MAIL_PASSWORD).is_some_and(|row| row.secret.is_some());
    if names(&changes, MAIL_HOST) && !names(&changes, MAIL_PASSWORD) && has_password {
        let spec = setting(MAIL_PASSWORD).ok_or_else(|| Error::internal("the password of mail is no setting"))?;
        changes.push(Judged { spec, value: Value::Null, version: None });
    }
    let (mut before, mut after) = (serde_json::Map::new(), serde_json::Map::new());
    for change in &changes {
        let key = change.spec.key;
        let row = rows.get(key);
        let secret = change.spec.is_secret().then(|| change.value.as_str()).flatten();
        let sealed = secret.map(|text| platform.keyring().seal(&secret_context(key), text.as_bytes()));
        let value = (!change.spec.is_secret() && !change.value.is_null()).then_some(&change.value);
        store::put(tx, granted, key, value, sealed.as_deref(), ctx).await?;
        before.insert(
            key.to_owned(),
            fact(change.spec, row.is_some_and(|row| row.secret.is_some()), row.and_then(|row| row.value.as_ref())),
        );
        after.insert(key.to_owned(), fact(change.spec, sealed.is_some(), value));
    }
    if changes.is_empty() {
        return Ok(());
    }
    let (before, after) = (Some(Value::Object(before)), Some(Value::Object(after)));
    audit::record_in_tx(tx, ctx, audit::Entry { before, after, ..entry(action) }).await
}

/// Some of them are the admins' to change.
fn only_by_admins(ctx: &OpContext, changes: &[Judged], action: &'static str) -> Result<()> {
    let of_admins = changes.iter().filter(|change| change.spec.is_of_admins());
    let named: Vec<&'static str> = of_admins.map(|change| change.spec.key).collect();
    if named.is_empty() {
        return Ok(());
    }
    let granted = ctx.trying(tried(action, named)).authorize(ManageIdentity, &Installation);
    granted.map(drop).map_err(|error| error.with_key("error-settings-of-admins"))
}

/// What is tried with these settings; not the values, which may be secrets.
fn tried(action: &'static str, keys: impl IntoIterator<Item = &'static str>) -> audit::Entry {
    let keys: Vec<_> = keys.into_iter().collect();
    audit::Entry { after: Some(json!({ "settings": keys })), ..entry(action) }
}

fn entry(action: &'static str) -> audit::Entry {
    audit::Entry { action, target_kind: "settings", target_id: None, customer: None, before: None, after: None }
}

const MAIL_HOST: &str = "mail.host";
const MAIL_PASSWORD: &str = "mail.password";

fn differs(change: &Judged, row: Option<&store::Row>) -> bool {
    if change.spec.is_secret() {
        // What is written anew counts as new: whether it is the same is not said.
        return !change.value.is_null() || row.is_some_and(|row| row.secret.is_some());
    }
    row.and_then(|row| row.value.as_ref()).unwrap_or(&Value::Null) != &change.value
}

/// What the audit log keeps of a value.
fn fact(spec: &SettingSpec, secret_set: bool, value: Option<&Value>) -> Value {
    match (spec.kind, value) {
        (SettingKind::Secret { .. }, _) => json!({ "set": secret_set }),
        (SettingKind::Image, value) => match value.and_then(Value::as_str) {
            Some(picture) => json!({ "set": true, "tag": values::tag_of(picture) }),
            None => json!({ "set": false }),
        },
        (_, Some(value)) => value.clone(),
        (_, None) => Value::Null,
    }
}

fn secret_context(key: &str) -> String {
    format!("settings.secret:{key}")
}

fn default_of(platform: &Platform, spec: &SettingSpec) -> Value {
    match spec.default {
        SettingDefault::Nothing => Value::Null,
        SettingDefault::Text(text) => json!(text),
        SettingDefault::Number(number) => json!(number),
        SettingDefault::Flag(flag) => json!(flag),
        SettingDefault::Installation => match spec.kind {
            SettingKind::TimeZone => json!(platform.settings().time_zone.name()),
            SettingKind::Number { .. } => json!(platform.settings().ssh_port),
            _ => json!(platform.settings().default_language),
        },
    }
}

fn view(platform: &Platform, spec: &SettingSpec, row: Option<&store::Row>) -> SettingView {
    let (choices, min, max) = match spec.kind {
        SettingKind::Choice(words) => (words.iter().map(|word| (*word).to_owned()).collect(), None, None),
        SettingKind::Number { min, max } => (Vec::new(), Some(min), Some(max)),
        SettingKind::NumberOrNever { max, .. } => (Vec::new(), Some(0), Some(max)),
        SettingKind::Text { max } | SettingKind::Secret { max } => (Vec::new(), None, Some(i64::from(max))),
        _ => (Vec::new(), None, None),
    };
    let default = default_of(platform, spec);
    let stored = row.and_then(|row| row.value.clone());
    let is_set = stored.is_some() || row.is_some_and(|row| row.secret.is_some());
    SettingView {
        key: spec.key.to_owned(),
        group: spec.group,
        kind: spec.kind.code().to_owned(),
        choices,
        min,
        max,
        value: stored.unwrap_or_else(|| default.clone()),
        default,
        is_set,
        secret: spec.is_secret(),
        needs_restart: spec.needs_restart,
        version: row.map_or(0, |row| row.version),
        updated_by: row.map(|row| row.updated_name.clone()).filter(|name| !name.is_empty()),
        updated_at: row.map(|row| row.updated_at),
    }
}
