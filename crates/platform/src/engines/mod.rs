//! How the Docker Engine of a machine is reached: its socket, where it is the server's own host, TLS, or its agent's tunnel.
//!
//! Invariants: of what is reached over TLS, one CA is trusted and no other; certificates and key are sealed with the
//! installation's key and bound to their row, and no door shows them; an address where clouds give out credentials is never
//! connected to; what a test found out is of the connection as it was tried.

mod check;
mod expiry;
pub(crate) mod fuzzing;
mod identity;
mod looks;
mod store;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::engines::{CertificateState, EngineKind, EngineReport, EngineTest, EngineView, EngineWrite};
use contract::{ErrorCode, MachineId, Permission};
use runtime::docker::{self, Endpoint, Fault, Identity};
use serde_json::{Value, json};

pub use expiry::warn;
pub use identity::accept_other;
pub(crate) use identity::{EngineIdentity, identity_in_tx, other_answers, others_among, same_answers};
pub(crate) use looks::{DueLook, LOOK, answered_in_tx, due_looks, look_soon_in_tx, looked, measured_in_tx};

use crate::authz::{ConnectMachine, DeleteMachine, Granted, MachineRef, OperateMachine, ViewMachine};
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, audit, instances, machines, outbound, tunnels};

/// How a machine's engine is reached.
///
/// # Errors
/// `NotFound` (`error-no-engine`) where nobody has said it.
pub async fn get(platform: &Platform, ctx: &OpContext, code: &str) -> Result<EngineView> {
    find(platform, ctx, code).await?.ok_or_else(none)
}

/// The same; nothing where nobody has said it.
///
/// # Errors
/// `NotFound` for a machine there is not.
pub async fn find(platform: &Platform, ctx: &OpContext, code: &str) -> Result<Option<EngineView>> {
    ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let id = machines::id_in_tx(&mut tx, code).await?.ok_or_else(Error::not_found)?;
    ctx.authorize(ViewMachine, &machines::resource(id))?;
    let row = store::find(&mut tx, id).await?;
    let mut found = row.map(|row| view(ctx, row)).transpose()?;
    if let Some(view) = found.as_mut().filter(|view| view.other_since.is_some()) {
        view.left = Some(instances::left_in_tx(&mut tx, id).await?);
    }
    tx.commit().await?;
    Ok(found)
}

/// Says how it is reached, or says it anew. What was found out by a test is of no use then, and goes.
///
/// # Errors
/// `Validation` with every fault at once, also where another engine answers there than the one that the machine's instances
/// are on, unless that is said (`otherEngine`); `Conflict` when somebody changed it meanwhile.
pub async fn set(platform: &Platform, ctx: &OpContext, code: &str, body: EngineWrite) -> Result<EngineView> {
    let ctx = &ctx.trying(machines::attempt("engines:set", code));
    ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    identity::ask_first(platform, ctx, code, &body).await?;
    let mut tx = platform.db().begin(ctx).await?;
    let id = machines::lock_in_tx(&mut tx, code).await?.ok_or_else(Error::not_found)?;
    let granted = ctx.authorize(ConnectMachine, &machines::resource(id))?;
    let before = store::find(&mut tx, id).await?;
    if body.revision.is_some_and(|seen| before.as_ref().is_none_or(|row| row.revision != seen)) {
        return Err(Error::new(ErrorCode::Conflict));
    }
    let stored = before.as_ref().map_or(Ok(None), |row| row.open(platform, id))?;
    let other_engine = body.other_engine;
    let checked = check::write(body, stored)?;
    store::save(&mut tx, &granted, &checked.seal(platform, id)).await?;
    let after = view(ctx, store::find(&mut tx, id).await?.ok_or_else(Error::not_found)?)?;
    let before = before.map(|row| view(ctx, row)).transpose()?;
    let mut said = facts(&after);
    if other_engine {
        said["otherEngine"] = true.into();
    }
    let entry = entry("engines:set", code, before.as_ref().map(facts), Some(said));
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    Ok(after)
}

/// Forgets it, with certificates and key.
///
/// # Errors
/// `NotFound` (`error-no-engine`) where nobody has said it, `Conflict` while instances are on the machine: nothing could be
/// stopped or deleted there any more.
pub async fn remove(platform: &Platform, ctx: &OpContext, code: &str) -> Result<()> {
    let ctx = &ctx.trying(machines::attempt("engines:remove", code));
    ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let id = machines::lock_in_tx(&mut tx, code).await?.ok_or_else(Error::not_found)?;
    let granted = ctx.authorize(ConnectMachine, &machines::resource(id))?;
    let before = view(ctx, store::find(&mut tx, id).await?.ok_or_else(none)?)?;
    instances::refuse_if_used(&mut tx, id).await?;
    store::delete(&mut tx, granted.id()).await?;
    audit::record_in_tx(&mut tx, ctx, entry("engines:remove", code, Some(facts(&before)), None)).await?;
    tx.commit().await?;
    Ok(())
}

/// Of a machine that is deleted: its secrets go with it.
pub(crate) async fn forget_in_tx(tx: &mut Tx, granted: &Granted<DeleteMachine>) -> Result<()> {
    store::delete(tx, granted.id()).await
}

/// Tries it as it is stored, and keeps what came of it. Nothing is changed there.
///
/// # Errors
/// `NotFound` (`error-no-engine`) where nobody has said how it is reached, `Conflict` when that was changed meanwhile. An
/// engine that is not reached is no error but the answer.
pub async fn test(platform: &Platform, ctx: &OpContext, code: &str) -> Result<EngineTest> {
    let ctx = &ctx.trying(machines::attempt("engines:test", code));
    ctx.authorize_list::<MachineRef>(Permission::MachinesView)?;
    let mut tx = platform.db().begin(ctx).await?;
    let id = machines::id_in_tx(&mut tx, code).await?.ok_or_else(Error::not_found)?;
    let granted = ctx.authorize(OperateMachine, &machines::resource(id))?;
    let row = store::find(&mut tx, id).await?.ok_or_else(none)?;
    tx.commit().await?; // asking takes a while: hold no connection meanwhile
    let asked = match endpoint(platform, &granted, &row)? {
        Ok(endpoint) => match docker::probe(&endpoint, outbound::may_be_a_host, ctx.now()).await {
            Ok(report) => instances::other_at(platform, id, &endpoint, true).await?.map_or(Ok(report), Err),
            Err(fault) => Err(fault),
        },
        Err(fault) => Err(fault),
    };
    let mut tx = platform.db().begin(ctx).await?;
    let kept = store::Tested { at: ctx.now(), result: asked.map(reported) };
    if !store::set_tested(&mut tx, &granted, row.revision, &kept).await? {
        return Err(Error::new(ErrorCode::Conflict));
    }
    let after = view(ctx, store::find(&mut tx, id).await?.ok_or_else(none)?)?;
    let test = after.last_test.ok_or_else(|| Error::internal("a test that was not kept"))?;
    let found = json!({ "done": test.done, "fault": test.fault, "detail": test.detail });
    audit::record_in_tx(&mut tx, ctx, entry("engines:test", code, None, Some(found))).await?;
    tx.commit().await?;
    Ok(test)
}

/// What is known of a machine's engine without asking it.
pub(crate) struct Known {
    /// It is reached through the machine's agent.
    pub by_agent: bool,
    /// What it said it runs on when it was tested last, in Docker's word.
    pub architecture: Option<String>,
}

pub(crate) async fn known_in_tx(tx: &mut Tx, id: MachineId) -> Result<Known> {
    let row = store::find(tx, id).await?.ok_or_else(none)?;
    let architecture = row.last_report.and_then(|report| Some(report.get("architecture")?.as_str()?.to_owned()));
    Ok(Known { by_agent: row.kind == EngineKind::Agent, architecture })
}

/// What is known of an engine without asking it, for a slice that places things on machines.
pub(crate) struct KnownEngine {
    /// It is reached through the machine's agent.
    pub by_agent: bool,
    /// Why it did not answer when it was asked last, by a test or a look.
    pub fault: Option<String>,
    /// When it answered last.
    pub heard_at: Option<DateTime<Utc>>,
    /// What it said when it was tested last.
    pub report: Option<EngineReport>,
}

/// See [`KnownEngine`]; by machine, of those whose engine somebody has described.
pub(crate) async fn known_among(tx: &mut Tx, machines: &[i64]) -> Result<HashMap<i64, KnownEngine>> {
    store::known(tx, machines).await
}

/// A page of the machines whose engine somebody has described, or the one that is named, with how it is reached; and how many
/// there are.
pub(crate) async fn described(
    tx: &mut Tx,
    machine: Option<MachineId>,
    page: (u32, u32),
) -> Result<(Vec<(MachineId, EngineKind)>, u64)> {
    store::described(tx, machine, page).await
}

/// How a job reaches a machine's engine; nothing where nobody has said it.
pub(crate) async fn endpoint_of(
    platform: &Platform,
    ctx: &OpContext,
    id: MachineId,
) -> Result<Option<std::result::Result<Endpoint, Fault>>> {
    let granted = ctx.authorize(OperateMachine, &machines::resource(id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let row = store::find(&mut tx, id).await?;
    tx.commit().await?;
    row.map(|row| endpoint(platform, &granted, &row)).transpose()
}

fn none() -> Error {
    Error::not_found().with_key("error-no-engine")
}

/// What is connected to. Certificates that were good when they were stored may not read any more after an upgrade: that is
/// a finding like any other.
fn endpoint(
    platform: &Platform,
    granted: &Granted<OperateMachine>,
    row: &store::Row,
) -> Result<std::result::Result<Endpoint, Fault>> {
    if row.kind == EngineKind::Agent {
        return Ok(Ok(endpoint_by_agent(platform, granted)));
    }
    let Some(pems) = row.open(platform, granted.id())? else {
        return Ok(Ok(Endpoint::Local { socket: row.socket.clone().unwrap_or_default().into() }));
    };
    Ok(match Identity::read(&pems.ca, &pems.certificate, &pems.key) {
        Ok(identity) => Ok(Endpoint::Tcp {
            host: row.host.clone().unwrap_or_default(),
            port: row.port.unwrap_or_default(),
            identity: Box::new(identity),
        }),
        Err(_) => Err(Fault { kind: docker::FaultKind::OwnCertificate, detail: String::new() }),
    })
}

fn endpoint_by_agent(platform: &Platform, granted: &Granted<OperateMachine>) -> Endpoint {
    Endpoint::Given(tunnels::way(platform, granted))
}

fn reported(report: docker::Report) -> (EngineReport, Option<DateTime<Utc>>) {
    let expires_at = report.certificate_expires_at;
    let report = EngineReport {
        version: report.version,
        api_version: report.api_version,
        os: report.os,
        architecture: report.architecture,
        kernel: report.kernel,
        cgroup_version: report.cgroup_version,
        storage_driver: report.storage_driver,
        runtimes: report.runtimes,
        default_runtime: report.default_runtime,
        cpus: report.cpus,
        memory: report.memory,
        nvidia_by_cdi: report.nvidia_by_cdi,
    };
    (report, expires_at)
}

/// What a fault means. What an agent meets, it met on its own host; a socket of this host has no port.
pub(crate) fn fault_words(ctx: &OpContext, kind: Option<EngineKind>, fault: &str) -> String {
    let of_kind = match kind {
        Some(EngineKind::Agent) => texts::known_message(ctx.language(), &format!("engine-fault-{fault}-agent"), &[]),
        Some(EngineKind::Local) => texts::known_message(ctx.language(), &format!("engine-fault-{fault}-local"), &[]),
        Some(EngineKind::Tcp) | None => None,
    };
    of_kind.unwrap_or_else(|| texts::message(ctx.language(), &format!("engine-fault-{fault}"), &[]))
}

fn view(ctx: &OpContext, row: store::Row) -> Result<EngineView> {
    let expires_at = [row.expires_at, row.engine_expires_at].into_iter().flatten().min();
    let last_test = match (row.last_tested_at, row.last_report, row.last_fault) {
        (Some(at), Some(report), _) => Some(EngineTest {
            at,
            done: true,
            fault: None,
            message: texts::message(ctx.language(), "engine-test-fine", &[]),
            detail: None,
            report: Some(serde_json::from_value(report).map_err(Error::internal)?),
        }),
        (Some(at), None, Some(fault)) => Some(EngineTest {
            at,
            done: false,
            message: fault_words(ctx, Some(row.kind), &fault),
            fault: Some(fault),
            detail: row.last_detail.filter(|detail| !detail.is_empty()),
            report: None,
        }),
        _ => None,
    };
    Ok(EngineView {
        kind: row.kind,
        socket: row.socket,
        host: row.host,
        port: row.port.map(u32::from),
        certificates_expire_at: expires_at,
        certificates: expires_at.map(|at| CertificateState::of(at, ctx.now())),
        updated_at: row.updated_at,
        revision: row.revision,
        disks_message: row.disks_fault.map(|fault| fault_words(ctx, Some(row.kind), &fault)),
        engine_id: row.engine_id,
        other_engine_id: row.other_engine_id,
        other_since: row.other_since,
        left: None,
        last_test,
    })
}

/// What the audit log keeps: where, and until when; never with what.
fn facts(view: &EngineView) -> Value {
    json!({ "address": view.address(), "certificatesExpireAt": view.certificates_expire_at })
}

fn entry(action: &'static str, code: &str, before: Option<Value>, after: Option<Value>) -> audit::Entry {
    audit::Entry { action, target_kind: "machine", target_id: Some(code.to_owned()), customer: None, before, after }
}
