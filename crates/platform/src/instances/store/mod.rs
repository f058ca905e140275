//! SQL of instances.

mod apps;
mod disks;
mod holds;
mod idle;
mod leases;
mod list;
mod logs;
mod recordings;
mod saves;
mod sizes;
mod split;
mod ssh;
mod terminals;
mod watches;

use chrono::{DateTime, Utc};
use contract::instances::{
    DiskState, InstanceEventKind, InstancePort, InstanceSpec, InstanceState, InstanceWish, Observed, StateFacts,
};
use contract::{CustomerId, ImageId, InstanceId, MachineId, UserId};

pub(super) use apps::{
    LinkRow, NewAppTicket, NewAppVisit, NewLink, app_visit_over, count_app_visits, end_app_visit, end_app_visits_of,
    end_oldest_app_visits, find_app_visit, find_link, free_place, insert_link, keep_app_ticket, links_of, named_link,
    open_app_visit, remove_link, remove_links_of_gone, renew_app_visit, shared_links, tidy_apps, use_app_ticket,
};
pub(super) use disks::{AskedDisks, DiskRow, Measured, claim_disks, due_disks, set_disks};
pub(crate) use holds::Used;
pub(super) use holds::{
    HeldCard, Part, cards_of, count_on, held_cards, hold, images_on, is_made_of, live_of, lock_limits, lock_placement,
    machines_with_image, parts_of, place_of_cards, release, used, used_among, used_by,
};
pub(super) use idle::{all_running, idle_of, idle_policies, save_idle, set_idle_policy, wanted_running};
pub(super) use leases::{beat, free, leave, take};
pub(super) use list::{alive_on, forget_containers, ids_gone, ids_known, list, machines_with_instances};
pub(super) use logs::{forget_logs, keep_logs, kept_logs};
pub(super) use recordings::{
    Figures, NewRecording, RecordingEnd, RecordingRow, begin_recording, end_recording, find_recording,
    forget_recordings, is_always_recorded, list_recordings, note_unrecorded, recorded_since, renew_recording,
    set_always_recorded, tell_of_stop, tidy_recordings, unnamed_recordings,
};
pub(super) use saves::{
    SaveRow, begin_save, cancel_saves, end_save, fail_save, find_save, forgotten_saves, left_on_engine,
    leftover_uploads, lock_save, note_on_engine, note_saved, note_upload, saves, saves_of, want_save,
};
pub(super) use sizes::{Remake, begins_empty, is_being_saved, set_begins_empty, set_spec, settle};
pub(super) use split::{SplitRow, forget_peak, set_measured, set_setup};
pub(super) use ssh::{
    AccessRow, NewVisit, claim_left_visits, count_visits, end_visit, enterable, find_access, list_access, note_hung_up,
    open_visit, renew_visit, tidy_visits, visit_is_open,
};
pub(super) use terminals::{
    NewTerminal, Orphan, count_terminals, end_terminal, find_terminal, forget_terminals, keep_ticket,
    left_behind_terminals, open_terminal, orphaned_terminals, renew_terminal, use_ticket, was_orphaned,
};
pub(super) use watches::{
    Consents, NewWatch, WatchTicket, consents, count_watches, end_watch, end_watches, end_watches_of, find_share,
    find_watch, keep_share, keep_watch_ticket, lock_watched, open_watch, renew_watches, tidy_watches, use_share,
    use_watch_ticket,
};

use super::place::Chosen;
use super::split::Setup;
use crate::authz::{Action, CreateInstance, Granted, Resource};
use crate::db::Tx;
use crate::{Error, OpContext, Principal, Result};

/// An instance as it is kept.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub id: InstanceId,
    pub customer: CustomerId,
    pub owner: UserId,
    pub created_name: String,
    pub name: String,
    pub remark: Option<String>,
    pub machine: MachineId,
    pub machine_code: String,
    pub machine_name: String,
    pub image: ImageId,
    pub image_name: String,
    pub spec: InstanceSpec,
    pub command: Option<Vec<String>>,
    /// Sealed.
    pub environment: Option<Vec<u8>>,
    pub variables: Vec<String>,
    pub ports: Vec<u16>,
    /// Where they are on the machine now; empty while it does not run.
    pub host_ports: Vec<InstancePort>,
    pub wanted: InstanceWish,
    pub wish: i64,
    pub restarts_wanted: i64,
    pub restarts_done: i64,
    /// Rises with every other spec.
    pub remakes_wanted: i64,
    /// The one that its container was made with.
    pub remakes_done: i64,
    /// From another spec on until the container that was there then is gone.
    pub remake: Option<Remake>,
    pub observed: Observed,
    pub observed_at: Option<DateTime<Utc>>,
    pub container: Option<String>,
    pub exit_code: Option<i32>,
    pub out_of_memory: bool,
    pub started_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub restarting_seen: i32,
    pub made_at: Option<DateTime<Utc>>,
    /// From when on its engine was not reached, of one that was never there; nothing before that, and from each wish on.
    pub trying_since: Option<DateTime<Utc>>,
    pub failure: Option<String>,
    pub detail: Option<String>,
    pub lost_since: Option<DateTime<Utc>>,
    pub released_at: Option<DateTime<Utc>>,
    pub revision: i64,
    pub created_at: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
    pub split: SplitRow,
    pub disks: DiskRow,
}

impl Row {
    /// Where it stands.
    pub(super) fn state(&self) -> InstanceState {
        InstanceState::of(StateFacts {
            wanted: self.wanted,
            observed: self.observed,
            made: self.made_at.is_some(),
            failed: self.failure.is_some(),
            lost: self.lost_since.is_some(),
            gone: self.deleted_at.is_some(),
            restart: self.restarts_done < self.restarts_wanted,
            remake: self.is_of_another_spec(),
        })
    }

    /// Its container is of another spec than it has: an earlier one, or a later one where a backup was put back.
    pub(super) fn is_of_another_spec(&self) -> bool {
        self.remakes_done != self.remakes_wanted
    }

    /// What the container that is there was made of.
    pub(super) fn made_of(&self) -> &InstanceSpec {
        match &self.remake {
            Some(remake) if self.is_of_another_spec() => &remake.spec,
            _ => &self.spec,
        }
    }

    /// Whether something is left to be done for what is wanted.
    pub(super) fn is_unsettled(&self) -> bool {
        self.state().is_moving() || (self.lost_since.is_some() && self.wanted == InstanceWish::Deleted)
    }
}

/// What a sealed environment is bound to.
pub(super) fn place(id: InstanceId) -> String {
    format!("instances.environment:{id}")
}

/// A new one.
pub(super) struct New {
    pub customer: CustomerId,
    pub owner: UserId,
    pub checked: super::check::Checked,
    pub image: ImageId,
    pub image_name: String,
    pub spec: InstanceSpec,
    pub chosen: Chosen,
}

fn signed(number: u32) -> Result<i32> {
    i32::try_from(number).map_err(Error::internal)
}

pub(super) async fn insert(
    tx: &mut Tx,
    _granted: &Granted<CreateInstance>,
    ctx: &OpContext,
    new: &New,
) -> Result<InstanceId> {
    let variables: Vec<String> = new.checked.environment.keys().cloned().collect();
    let spec = &new.spec;
    let id = sqlx::query_scalar!(
        "insert into instances (customer_id, created_by, created_name, name, remark, machine_id, machine_code,
                                machine_name, image_id, image_name, spec_id, spec, gpu_count, cpu_cores, memory_gb,
                                disk_gb, command, variables, created_at, ports)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
         returning id",
        new.customer.0,
        new.owner.0,
        ctx.user().map_or("", |user| user.name.as_str()),
        new.checked.name,
        new.checked.remark,
        new.chosen.machine.0,
        new.chosen.code,
        new.chosen.name,
        new.image.0,
        new.image_name,
        spec.id.0,
        serde_json::to_value(spec).map_err(Error::internal)?,
        signed(spec.gpu_count)?,
        signed(spec.cpu_cores)?,
        signed(spec.memory_gb)?,
        signed(spec.system_disk_gb.saturating_add(spec.data_disk_gb))?,
        new.checked.command.as_deref(),
        &variables,
        ctx.now(),
        &new.checked.ports.iter().copied().map(i32::from).collect::<Vec<_>>()
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(InstanceId(id))
}

/// Its variables, sealed for it, which had no id before.
pub(super) async fn set_environment(tx: &mut Tx, id: InstanceId, sealed: &[u8]) -> Result<()> {
    sqlx::query!("update instances set environment = $2 where id = $1", id.0, sealed).execute(&mut **tx).await?;
    Ok(())
}

fn known<T>(parsed: Option<T>, word: &str) -> Result<T> {
    parsed.ok_or_else(|| Error::internal(format!("unknown word of an instance {word}")))
}

/// These, in this order.
pub(super) async fn rows(tx: &mut Tx, ids: &[i64]) -> Result<Vec<Row>> {
    let rows = sqlx::query!(
        "select i.id, i.customer_id, i.created_by, i.created_name, i.name, i.remark, i.machine_id, i.machine_code,
                i.machine_name, i.image_id, i.image_name, i.spec, i.command, i.environment, i.variables, i.wanted,
                i.wish, i.restarts_wanted, i.restarts_done, i.observed, i.observed_at, i.container_id, i.exit_code,
                i.out_of_memory, i.started_at, i.ended_at, i.restarting_seen, i.made_at, i.trying_since, i.failure,
                i.detail, i.lost_since, i.released_at, i.revision, i.created_at, i.deleted_at, i.ports, i.host_ports,
                i.split_setup, i.gpu_memory_bytes, i.gpu_memory_at, i.gpu_memory_peak, i.split_bare,
                i.split_broken_since, i.split_told_at, i.remakes_wanted, i.remakes_done, i.remake,
                i.disks_at, i.disk_system_used, i.disk_system_at, i.disk_data_used, i.disk_data_at, i.disks_told,
                i.disks_run, i.disks_stop_at
         from instances i join unnest($1::bigint[]) with ordinality as asked (id, place) on asked.id = i.id
         order by asked.place",
        ids
    )
    .fetch_all(&mut **tx)
    .await?;
    let row = rows.into_iter().map(|row| {
        Ok(Row {
            id: InstanceId(row.id),
            customer: CustomerId(row.customer_id),
            owner: UserId(row.created_by),
            created_name: row.created_name,
            name: row.name,
            remark: row.remark,
            machine: MachineId(row.machine_id),
            machine_code: row.machine_code,
            machine_name: row.machine_name,
            image: ImageId(row.image_id),
            image_name: row.image_name,
            spec: serde_json::from_value(row.spec).map_err(Error::internal)?,
            command: row.command,
            environment: row.environment,
            variables: row.variables,
            ports: row.ports.into_iter().filter_map(|port| u16::try_from(port).ok()).collect(),
            host_ports: serde_json::from_value(row.host_ports).map_err(Error::internal)?,
            wanted: known(InstanceWish::parse(&row.wanted), &row.wanted)?,
            wish: row.wish,
            restarts_wanted: row.restarts_wanted,
            restarts_done: row.restarts_done,
            remakes_wanted: row.remakes_wanted,
            remakes_done: row.remakes_done,
            remake: row.remake.map(serde_json::from_value).transpose().map_err(Error::internal)?,
            observed: known(Observed::parse(&row.observed), &row.observed)?,
            observed_at: row.observed_at,
            container: row.container_id,
            exit_code: row.exit_code,
            out_of_memory: row.out_of_memory,
            started_at: row.started_at,
            ended_at: row.ended_at,
            restarting_seen: row.restarting_seen,
            made_at: row.made_at,
            trying_since: row.trying_since,
            failure: row.failure,
            detail: row.detail,
            lost_since: row.lost_since,
            released_at: row.released_at,
            revision: row.revision,
            created_at: row.created_at,
            deleted_at: row.deleted_at,
            split: SplitRow {
                setup: row.split_setup.map(|word| known(Setup::parse(&word), &word)).transpose()?,
                bytes: row.gpu_memory_bytes.map(i64::unsigned_abs),
                at: row.gpu_memory_at,
                peak: row.gpu_memory_peak.map(i64::unsigned_abs),
                bare: row.split_bare,
                broken_since: row.split_broken_since,
                told_at: row.split_told_at,
            },
            disks: DiskRow {
                at: row.disks_at,
                system: row.disk_system_used.map(i64::unsigned_abs).zip(row.disk_system_at),
                data: row.disk_data_used.map(i64::unsigned_abs).zip(row.disk_data_at),
                told: match row.disks_told {
                    None => DiskState::Fine,
                    Some(word) => known(DiskState::parse(&word), &word)?,
                },
                run: row.disks_run,
                stop_at: row.disks_stop_at,
            },
        })
    });
    row.collect()
}

pub(super) async fn find(tx: &mut Tx, id: InstanceId) -> Result<Option<Row>> {
    Ok(rows(tx, &[id.0]).await?.pop())
}

/// The same, and nobody else changes it until the transaction ends. For staff and the system.
pub(super) async fn lock(tx: &mut Tx, id: InstanceId) -> Result<Option<Row>> {
    let locked = sqlx::query_scalar!("select id from instances where id = $1 for update", id.0)
        .fetch_optional(&mut **tx)
        .await?;
    match locked {
        Some(_) => find(tx, id).await,
        None => Ok(None),
    }
}

/// Writes what a person wants of it.
pub(super) async fn save_wish<A>(tx: &mut Tx, granted: &Granted<A>, row: &Row) -> Result<()>
where
    A: Action,
    A::Resource: Resource<Id = InstanceId>,
{
    sqlx::query!(
        "update instances set name = $2, remark = $3, wish = wish + 1, restarts_wanted = $4, revision = revision + 1
         where id = $1",
        granted.id().0,
        row.name,
        row.remark,
        row.restarts_wanted
    )
    .execute(&mut **tx)
    .await?;
    save(tx, &Row { id: granted.id(), ..row.clone() }).await
}

/// Writes what was found out about it, and where it stands by that.
pub(super) async fn save(tx: &mut Tx, row: &Row) -> Result<()> {
    sqlx::query!(
        "update instances
         set wanted = $2, restarts_done = $3, observed = $4, observed_at = $5, container_id = $6, exit_code = $7,
             out_of_memory = $8, started_at = $9, ended_at = $10, restarting_seen = $11, made_at = $12,
             trying_since = $13, failure = $14, detail = $15, lost_since = $16, released_at = $17, deleted_at = $18,
             state = $19, host_ports = $20, remakes_done = $21
         where id = $1",
        row.id.0,
        row.wanted.code(),
        row.restarts_done,
        row.observed.code(),
        row.observed_at,
        row.container,
        row.exit_code,
        row.out_of_memory,
        row.started_at,
        row.ended_at,
        row.restarting_seen,
        row.made_at,
        row.trying_since,
        row.failure,
        row.detail,
        row.lost_since,
        row.released_at,
        row.deleted_at,
        row.state().code(),
        serde_json::to_value(&row.host_ports).map_err(Error::internal)?,
        row.remakes_done
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A line of its history.
pub(super) struct Event<'a> {
    pub kind: InstanceEventKind,
    pub reason: Option<&'a str>,
    pub detail: Option<&'a str>,
    pub exit_code: Option<i32>,
}

impl Event<'_> {
    pub(super) fn of(kind: InstanceEventKind) -> Self {
        Self { kind, reason: None, detail: None, exit_code: None }
    }
}

pub(super) async fn note(tx: &mut Tx, ctx: &OpContext, id: InstanceId, event: Event<'_>) -> Result<()> {
    let actor = match ctx.principal() {
        Principal::User(user) => user.display_name.as_str(),
        _ => "",
    };
    sqlx::query!(
        "insert into instance_events (instance_id, at, kind, reason, detail, exit_code, actor_name)
         values ($1, $2, $3, $4, $5, $6, $7)",
        id.0,
        ctx.now(),
        event.kind.code(),
        event.reason,
        event.detail,
        event.exit_code,
        actor
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A line as it is kept.
pub(super) struct EventRow {
    pub at: DateTime<Utc>,
    pub kind: InstanceEventKind,
    pub reason: Option<String>,
    pub detail: Option<String>,
    pub exit_code: Option<i32>,
    pub actor: String,
}

/// The newest first, at most two hundred.
pub(super) async fn events(tx: &mut Tx, id: InstanceId) -> Result<Vec<EventRow>> {
    let rows = sqlx::query!(
        "select at, kind, reason, detail, exit_code, actor_name from instance_events where instance_id = $1
         order by id desc limit 200",
        id.0
    )
    .fetch_all(&mut **tx)
    .await?;
    let row = rows.into_iter().map(|row| {
        Ok(EventRow {
            at: row.at,
            kind: known(InstanceEventKind::parse(&row.kind), &row.kind)?,
            reason: row.reason,
            detail: row.detail,
            exit_code: row.exit_code,
            actor: row.actor_name,
        })
    });
    row.collect()
}

/// By what the installation's containers are known.
pub(super) async fn installation(tx: &mut Tx) -> Result<String> {
    let id = sqlx::query_scalar!("select id from installation").fetch_one(&mut **tx).await?;
    Ok(id.simple().to_string())
}
