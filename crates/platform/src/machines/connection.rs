//! How the server gets onto a host. The secret is sealed with the installation's key and bound to its row; nothing shows it
//! again.

use contract::machines::{ConnectionUpdate, MachineView, SecretKind};
use contract::{MachineId, Permission};

use runtime::docker::containers::HostFolders;

use super::{attempt, entry, resource, store};
use crate::authz::{MachineRef, OperateMachine};
use crate::db::Tx;
use crate::fields::Wrong;
use crate::{Error, OpContext, Platform, Result, audit};

/// Replaces how a host is reached; the stored secret stays unless a new one comes or it is to be forgotten.
///
/// # Errors
/// `Validation` with a field for what is wrong.
pub async fn set_connection(
    platform: &Platform,
    ctx: &OpContext,
    code: &str,
    body: ConnectionUpdate,
) -> Result<MachineView> {
    let ctx = &ctx.trying(attempt("machines:set-connection", code));
    ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let id = store::lock(&mut tx, code).await?.ok_or_else(Error::not_found)?;
    let granted = ctx.authorize(OperateMachine, &resource(id))?;
    let (_, before) = store::view(&mut tx, code, ctx.now()).await?.ok_or_else(Error::not_found)?;
    let mut wrong = Wrong::new();
    let user = wrong.text("user", body.user, 64);
    if user.as_deref().is_some_and(|user| !is_user_name(user)) {
        wrong.add("user", "field-ssh-user");
    }
    if body.port == Some(0) {
        wrong.add_with("port", "field-number-min", vec![("min", "1".to_owned())]);
    }
    wrong.number("port", body.port, 65_535);
    let path = wrong.text("hamiCorePath", body.hami_core_path, 255);
    if let Some(path) = path.as_deref() {
        if !path.starts_with('/') || path.contains("..") {
            wrong.add("hamiCorePath", "field-absolute-path");
        } else if HostFolders::new([path.into()]).is_err() {
            wrong.add("hamiCorePath", "field-closed-folder");
        }
    }
    let password = body.password.filter(|text| !text.is_empty());
    let key = body.private_key.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if password.as_deref().is_some_and(|text| text.chars().count() > 256) {
        wrong.add_with("password", "field-too-long", vec![("max", "256".to_owned())]);
    }
    if password.is_some() && key.is_some() {
        wrong.add("privateKey", "field-one-secret");
    }
    if key.as_deref().is_some_and(|key| !is_private_key(key)) {
        wrong.add("privateKey", "field-private-key");
    }
    if user.is_none() && (password.is_some() || key.is_some()) {
        wrong.add("user", "field-required");
    }
    wrong.into_result()?;
    let secret = match (password, key) {
        (Some(password), _) => Some((SecretKind::Password, password)),
        // OpenSSH wants the line end after the last line.
        (None, Some(key)) => Some((SecretKind::Key, key + "\n")),
        (None, None) => None,
    };
    let sealed = secret
        .map(|(kind, text)| (kind, platform.keyring().seal(&format!("machines.ssh_secret:{}", id.0), text.as_bytes())));
    let forget = body.forget_secret || user.is_none();
    let new = store::Connection { port: body.port, user, hami_core_path: path, forget, secret: sealed };
    store::set_connection(&mut tx, &granted, &new, ctx.now()).await?;
    let (_, mut after) = store::view(&mut tx, code, ctx.now()).await?.ok_or_else(Error::not_found)?;
    let facts = |view: &MachineView| Some(serde_json::json!({ "connection": view.connection }));
    audit::record_in_tx(&mut tx, ctx, entry("machines:set-connection", code, facts(&before), facts(&after))).await?;
    tx.commit().await?;
    platform.live().freshen(&mut after.last_seen_at, &mut after.presence, &after.id, ctx.now());
    Ok(after)
}

/// The folder of the host in which the library lies that divides a GPU's memory, where somebody said one.
pub(crate) async fn library_folder_in_tx(tx: &mut Tx, machine: MachineId) -> Result<Option<String>> {
    Ok(store::connection(tx, machine.0).await?.hami_core_path)
}

/// As `useradd` takes them.
fn is_user_name(user: &str) -> bool {
    let mut chars = user.chars();
    chars.next().is_some_and(|c| c.is_ascii_lowercase() || c == '_')
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c))
}

/// The frame of an unencrypted private key; the agent that uses it reads the rest.
fn is_private_key(key: &str) -> bool {
    key.len() <= 16_384
        && key.starts_with("-----BEGIN ")
        && key.lines().next().is_some_and(|line| line.ends_with("PRIVATE KEY-----") && !line.contains("ENCRYPTED"))
        && key.lines().last().is_some_and(|line| line.starts_with("-----END ") && line.ends_with("PRIVATE KEY-----"))
}
