//! Which engine a machine's instances are on. Where another one answers, nothing is done there before somebody accepts it.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use contract::engines::{EngineView, EngineWrite};
use contract::notifications::NotificationKind;
use contract::{ErrorCode, MachineId, Permission};
use runtime::docker::{Endpoint, Fault, FaultKind, Identity};
use serde_json::json;

use super::check::{self, Checked};
use super::{endpoint_by_agent, entry, none, store, view};
use crate::authz::{ConnectMachine, MachineRef, OperateMachine};
use crate::db::Tx;
use crate::notifications::{Notice, Value, notify_in_tx};
use crate::{Error, OpContext, Platform, Result, SystemActor, accounts, audit, images, instances, machines};

/// For so long its id stays known without being asked for again, where something else shows that it is the one.
const KNOWN: TimeDelta = TimeDelta::minutes(10);

/// What is known of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct EngineIdentity {
    /// Of the connection that it was asked over.
    pub(super) revision: i64,
    /// Its own id; nothing where it did not say one, or was not asked yet.
    pub(crate) id: Option<String>,
    /// When it said that last.
    pub(super) said_at: Option<DateTime<Utc>>,
    /// That of the one that answers in its place.
    pub(super) other: Option<String>,
    pub(super) other_since: Option<DateTime<Utc>>,
    /// Those of the engines that somebody gave up for another.
    pub(super) given_up: Vec<String>,
}

impl EngineIdentity {
    /// Whether it said its id, and lately.
    pub(crate) fn is_known(&self, now: DateTime<Utc>) -> bool {
        self.id.is_some() && self.is_fresh(now)
    }

    /// Whether the one that calls itself so was given up for another.
    pub(crate) fn has_given_up(&self, id: Option<&str>) -> bool {
        id.is_some_and(|id| self.given_up.iter().any(|given_up| given_up == id))
    }

    fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        self.said_at.is_some_and(|at| now - at < KNOWN)
    }
}

/// See [`EngineIdentity`]; nothing is known where nobody has said how it is reached.
pub(crate) async fn identity_in_tx(tx: &mut Tx, machine: MachineId) -> Result<EngineIdentity> {
    Ok(store::identity::find(tx, machine).await?.unwrap_or_default())
}

/// At which of these machines another engine answers than the one that their instances are on.
pub(crate) async fn others_among(tx: &mut Tx, machines: &[i64]) -> Result<HashSet<i64>> {
    if machines.is_empty() {
        return Ok(HashSet::new());
    }
    store::identity::others_among(tx, machines).await
}

/// The engine that its instances are on answers, by this id. Writes what is new, and now and then that it is the same.
pub(crate) async fn same_answers(
    platform: &Platform,
    machine: MachineId,
    known: &EngineIdentity,
    id: Option<&str>,
) -> Result<()> {
    let ctx = platform.system(SystemActor::Worker);
    if known.id.as_deref() == id && known.other_since.is_none() && known.is_fresh(ctx.now()) {
        return Ok(());
    }
    let mut tx = platform.db().begin(&ctx).await?;
    if known.id.as_deref() != id {
        images::forget_brought_in_tx(&mut tx, machine).await?;
    }
    store::identity::set_same(&mut tx, machine, known, ctx.now(), id).await?;
    tx.commit().await?;
    Ok(())
}

/// Another one answers. Whoever may say how the machine's is reached is told once.
pub(crate) async fn other_answers(
    platform: &Platform,
    machine: MachineId,
    known: &EngineIdentity,
    id: Option<&str>,
) -> Result<()> {
    if known.other_since.is_some() && known.other.as_deref() == id {
        return Ok(());
    }
    let ctx = platform.system(SystemActor::Worker);
    let mut tx = platform.db().begin(&ctx).await?;
    if store::identity::set_other(&mut tx, machine, known, ctx.now(), id).await? {
        tracing::warn!(
            machine = machine.0,
            "another engine answers at a machine with instances; nothing is done there"
        );
        let people = accounts::holders(&mut tx, Permission::MachinesConnect).await?;
        let briefs = machines::briefs(platform, &mut tx, &[machine.0], ctx.now()).await?;
        if let Some(brief) = briefs.get(&machine.0) {
            let notice = Notice {
                kind: NotificationKind::EngineOther,
                args: vec![("machine", Value::Text(brief.name.clone()))],
                link: Some(format!("/admin/machines/{}/docker", brief.code)),
            };
            notify_in_tx(platform, &mut tx, &ctx, &people, &notice).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// Goes on with the engine that answers now: the machine's instances are made anew there, with empty volumes where it has none
/// of theirs, and whose they are is told so. What is on the one before stays there, and nothing is done with it when it answers
/// again, before somebody accepts it in its turn.
///
/// # Errors
/// `NotFound` (`error-no-engine`) where nobody has said how it is reached, `WrongState` where no other one answers,
/// `NodeUnreachable` or `EngineFailed` where it does not say what it has, `Conflict` where it is yet another one by now.
pub async fn accept_other(platform: &Platform, ctx: &OpContext, code: &str) -> Result<EngineView> {
    let ctx = &ctx.trying(machines::attempt("engines:accept", code));
    ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let id = machines::id_in_tx(&mut tx, code).await?.ok_or_else(Error::not_found)?;
    let granted = ctx.authorize(ConnectMachine, &machines::resource(id))?;
    let known = store::identity::find(&mut tx, id).await?.ok_or_else(none)?;
    if known.other_since.is_none() {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-no-other-engine"));
    }
    tx.commit().await?; // asking takes a while: hold no connection meanwhile
    let there = instances::answering(platform, id).await?;
    if there.id != known.other {
        return Err(Error::new(ErrorCode::Conflict));
    }
    let mut tx = platform.db().begin(ctx).await?;
    machines::lock_in_tx(&mut tx, code).await?.ok_or_else(Error::not_found)?;
    let left = instances::leave_engine_in_tx(platform, &mut tx, ctx, granted.id(), &there.volumes).await?;
    if !store::identity::accept(&mut tx, &granted, &known, ctx.now()).await? {
        return Err(Error::new(ErrorCode::Conflict));
    }
    images::forget_brought_in_tx(&mut tx, id).await?;
    super::look_soon_in_tx(&mut tx, id).await?;
    let before = json!({ "engineId": known.id });
    let after = json!({
        "engineId": known.other, "instances": left.instances, "customers": left.customers, "dataDisks": left.data_disks,
    });
    audit::record_in_tx(&mut tx, ctx, entry("engines:accept", code, Some(before), Some(after))).await?;
    let after = view(ctx, store::find(&mut tx, id).await?.ok_or_else(none)?)?;
    tx.commit().await?;
    Ok(after)
}

/// Asks before a connection is saved that leads to another engine than the one that the machine's instances are on. What
/// does not read, or may not be, is left to who saves it; an engine that does not answer may be the one.
pub(super) async fn ask_first(platform: &Platform, ctx: &OpContext, code: &str, body: &EngineWrite) -> Result<()> {
    if body.other_engine {
        return Ok(());
    }
    let mut tx = platform.db().begin(ctx).await?;
    let Some(id) = machines::id_in_tx(&mut tx, code).await? else { return Ok(()) };
    ctx.authorize(ConnectMachine, &machines::resource(id))?;
    if instances::used_among(&mut tx, &[id.0]).await?.is_empty() {
        return Ok(());
    }
    let before = store::find(&mut tx, id).await?;
    tx.commit().await?; // asking takes a while: hold no connection meanwhile
    let stored = before.map_or(Ok(None), |row| row.open(platform, id))?;
    let Ok(checked) = check::write(body.clone(), stored) else { return Ok(()) };
    let Ok(endpoint) = endpoint(platform, id, checked)? else { return Ok(()) };
    match instances::other_at(platform, id, &endpoint, false).await? {
        Some(_) => Err(Error::field("otherEngine", "field-other-engine")),
        None => Ok(()),
    }
}

/// What is connected to, of what is not stored yet.
fn endpoint(platform: &Platform, id: MachineId, checked: Checked) -> Result<std::result::Result<Endpoint, Fault>> {
    let unreadable = |_| Fault { kind: FaultKind::OwnCertificate, detail: String::new() };
    match checked {
        Checked::Local { socket } => Ok(Ok(Endpoint::Local { socket: socket.into() })),
        Checked::Agent => {
            let granted = platform.system(SystemActor::Worker).authorize(OperateMachine, &machines::resource(id))?;
            Ok(Ok(endpoint_by_agent(platform, &granted)))
        }
        Checked::Tcp { host, port, pems, .. } => Ok(Identity::read(&pems.ca, &pems.certificate, &pems.key)
            .map_err(unreadable)
            .map(|identity| Endpoint::Tcp { host, port, identity: Box::new(identity) })),
    }
}
