//! Instances: containers that customers run, made of an image and a spec on a machine.
//!
//! Invariants: what is wanted is a person's, what is observed is the engine's, and where an instance stands follows from both
//! in one place (`contract::instances`); a GPU, or a part of its memory, is held by constraint; what an instance gets and
//! costs is frozen when it is made; nothing is deleted because a machine cannot be asked; one worker at a time brings an
//! instance to what is wanted, and may die anywhere.

mod access;
mod apps;
mod by_staff;
mod charge;
mod check;
mod data;
mod disks;
mod exports;
mod follow;
mod halt;
mod identity;
mod idle;
mod logs;
mod look;
mod looker;
mod made_of;
mod missed;
mod notices;
mod place;
mod placement;
pub(crate) mod recordings;
mod resize;
mod save;
mod split;
mod ssh;
mod stats;
mod store;
mod terminals;
mod trouble;
mod views;
mod work;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use contract::instances::{
    ImageDeploy, InstanceAction, InstanceCreate, InstanceEvent, InstanceEventKind, InstanceQuery, InstanceSort,
    InstanceSpec, InstanceUpdate, InstanceView, InstanceWish, Miss, Placement, PlacementQuery,
};
use contract::specs::SpecView;
use contract::{CustomerId, ErrorCode, InstanceId, MachineId, Page, Permission, SortDirection, UserId};
use runtime::docker::Fault;
use runtime::docker::containers::Containers;
use serde_json::{Value, json};

pub(crate) use self::access::end_access_of_in_tx;
pub use self::access::{end_access, end_any_access, export_access, export_all_access, list_access, list_all_access};
pub use self::apps::{
    AppEntry, AppName, AppStanding, AppVisit, AppWay, AppsAddress, add_app_link, app_links, app_links_of_any,
    app_visit, enter_app, is_way, redeem_app_ticket, remove_any_app_link, remove_app_link, shared_apps, way_in_address,
};
pub use self::by_staff::act_on_any;
pub use self::charge::compare;
pub use self::data::renew_data;
pub use self::disks::measure_disks;
pub use self::exports::{export, export_all};
pub(crate) use self::follow::MOST as MOST_FOLLOWERS;
pub use self::follow::{LogWatch, watch_logs};
pub(crate) use self::halt::{halt, running_of, runs_for};
pub(crate) use self::identity::{forget_containers_in_tx, other_at};
pub use self::idle::{idle_policy, keep, set_idle_policy, watch as watch_idle};
pub use self::logs::{clean, logs, logs_of_any};
pub use self::look::{Looked, look};
pub use self::looker::keep_looking;
use self::placement::Need;
pub use self::recordings::{
    Recorded, Recorder, RecordingContent, Standing as RecordingStanding, list_all_recordings, list_recordings,
    recorded_here, recording, recording_content, recording_content_of_any, recording_of_any, recording_policy,
    set_recording_policy,
};
pub use self::resize::{resize, sizes};
pub(crate) use self::save::give_up_save_in_tx;
pub use self::save::{save, save_image, saves, tidy_saves};
pub use self::ssh::{
    Choice, Handle, Piece, ProgramInput, ProgramOutput, Running, Visit, VisitStanding, enter_by_ssh, hang_up_left,
    ssh_choices,
};
pub use self::stats::{stats, stats_of_any};
use self::store::{Event, Row};
pub(crate) use self::terminals::Terminals;
pub use self::terminals::{
    Consent, Cut, Entry, Recording, Shown, TerminalSize, Typist, Viewer, WatchEntry, end_orphaned_terminals,
    end_terminals, keep_terminal_ticket, keep_watch_ticket, keep_watch_ticket_of_staff, redeem_terminal_ticket,
    redeem_watch_ticket, share_terminal, terminal_size, unshare_terminal,
};
pub use self::work::apply;
use crate::authz::{
    Action, CreateInstance, Granted, InstanceRef, InstanceShelf, ManageOwnInstance, OwnInstanceRef, Resource, Scope,
    ViewInstance, ViewOwnInstance,
};
use crate::db::Tx;
use crate::fields::Wrong;
use crate::jobs::{NewJob, Standing, enqueue_in_tx};
use crate::{Error, OpContext, Platform, Result, SystemActor, audit, billing, customers, engines, images, specs};

impl Row {
    fn own(&self) -> OwnInstanceRef {
        OwnInstanceRef { id: self.id, customer: Some(self.customer), owner: Some(self.owner), machine: None }
    }

    /// The same where it was not read as the caller: what somebody made in a customer is theirs while they act for that alone.
    fn own_in_customer(&self, ctx: &OpContext) -> OwnInstanceRef {
        let acts = ctx.user().is_some_and(|user| user.active_customer == Some(self.customer));
        OwnInstanceRef { owner: Some(self.owner).filter(|_| acts), ..self.own() }
    }

    fn of_staff(&self) -> InstanceRef {
        InstanceRef { id: self.id, customer: Some(self.customer), owner: Some(self.owner), machine: Some(self.machine) }
    }
}

fn worker(platform: &Platform) -> OpContext {
    platform.system(SystemActor::Worker)
}

/// Whose instances somebody makes: their own, of the customer they act for.
fn shelf(ctx: &OpContext) -> InstanceShelf {
    let user = ctx.user();
    InstanceShelf { customer: user.and_then(|user| user.active_customer), owner: user.map(|user| user.id) }
}

/// Whoever may make one.
fn maker(ctx: &OpContext) -> Result<(Granted<CreateInstance>, CustomerId, UserId)> {
    let shelf = shelf(ctx);
    let granted = ctx.authorize(CreateInstance, &shelf)?;
    match (shelf.customer, shelf.owner) {
        (Some(customer), Some(owner)) => Ok((granted, customer, owner)),
        _ => Err(Error::not_found()),
    }
}

/// The fleet, the specs and what others hold are the system's to look at: a placement tells of them what it must.
fn system(ctx: &OpContext) -> OpContext {
    ctx.as_system(SystemActor::Worker)
}

/// Those that an instance can be made of, with their price of now.
///
/// # Errors
/// `NotFound` for who makes no instances.
pub async fn offers(platform: &Platform, ctx: &OpContext) -> Result<Vec<SpecView>> {
    maker(ctx)?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let specs = specs::offered_in_tx(platform, &mut tx, ctx.now()).await?;
    tx.commit().await?;
    Ok(specs)
}

/// An image that the caller may use.
async fn image(platform: &Platform, ctx: &OpContext, id: contract::ImageId) -> Result<images::Usable> {
    // In the caller's own transaction: what they may not see does not exist.
    let mut tx = platform.db().begin(ctx).await?;
    let image = images::usable_in_tx(&mut tx, id).await?;
    tx.commit().await?;
    image.ok_or_else(|| Error::field("image", "field-image-unknown"))
}

/// Where it could be: every machine customers may choose, with what is in the way, and what would fit where nothing does.
///
/// # Errors
/// `NotFound` for who makes no instances, `Validation` for an image or a spec there is not.
pub async fn matched_machines(platform: &Platform, ctx: &OpContext, query: &PlacementQuery) -> Result<Placement> {
    let (_, customer, owner) = maker(ctx)?;
    let mut wrong = Wrong::new();
    for (path, there) in [("image", query.image.is_some()), ("spec", query.spec.is_some())] {
        if !there {
            wrong.add(path, "field-required");
        }
    }
    wrong.into_result()?;
    let (Some(asked), Some(spec)) = (query.image, query.spec) else { return Err(Error::internal("checked above")) };
    let image = image(platform, ctx, asked).await?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let offered = specs::offered_in_tx(platform, &mut tx, ctx.now()).await?;
    let spec = chosen_spec(&offered, spec)?;
    let need = need(&spec, &image);
    let mut misses = place::limits(platform, &mut tx, ctx, (customer, owner)).await?.misses(ctx, &spec, None);
    if let Err(refused) = billing::budgets::refuse_if_spent(platform, &mut tx, ctx, customer).await {
        misses.push(views::miss(ctx, refused)?);
    }
    let placement = place::explain(platform, &mut tx, ctx, need, &offered).await?;
    tx.commit().await?;
    Ok(Placement { misses, ..placement })
}

fn chosen_spec(offered: &[SpecView], id: contract::SpecId) -> Result<InstanceSpec> {
    let spec = offered.iter().find(|spec| spec.id == id).and_then(InstanceSpec::of);
    spec.ok_or_else(|| Error::field("spec", "field-spec-unknown"))
}

fn need<'a>(spec: &'a InstanceSpec, image: &'a images::Usable) -> Need<'a> {
    Need { spec, architecture: image.architecture, cuda: image.cuda.as_deref() }
}

/// Makes an instance: its place is taken now, its container is made by a job.
///
/// # Errors
/// `Validation` with every fault at once, `QuotaExceeded` with which limit and by how much, `BudgetSpent` with which, `NoCapacity` where no machine
/// fits or the one that was named does not, `AlreadyExists` for a name that is taken.
pub async fn create(platform: &Platform, ctx: &OpContext, body: InstanceCreate) -> Result<InstanceView> {
    let ctx = &ctx.trying_new("instances:create", "instance");
    let (granted, customer, owner) = maker(ctx)?;
    let checked = check::create(&body)?;
    let _turn = platform.placements().acquire().await.map_err(Error::internal)?;
    let image = image(platform, ctx, body.image).await?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    if customers::lock(&mut tx, customer).await? != Some(true) {
        return Err(Error::not_found());
    }
    let offered = specs::offered_in_tx(platform, &mut tx, ctx.now()).await?;
    let spec = chosen_spec(&offered, body.spec)?;
    store::lock_limits(&mut tx, customer, owner).await?;
    billing::budgets::refuse_if_spent(platform, &mut tx, ctx, customer).await?;
    let over = place::limits(platform, &mut tx, ctx, (customer, owner)).await?.misses(ctx, &spec, None);
    if let Some(miss) = over.first() {
        return Err(over_limit(miss));
    }
    let chosen = place::take(platform, &mut tx, ctx, need(&spec, &image), body.machine.as_deref()).await?;
    let cards = chosen.cards.clone();
    let new = store::New { customer, owner, checked, image: image.id, image_name: image.name, spec, chosen };
    let id = store::insert(&mut tx, &granted, ctx, &new).await?;
    if !new.checked.environment.is_empty() {
        let plain = serde_json::to_vec(&new.checked.environment).map_err(Error::internal)?;
        store::set_environment(&mut tx, id, &platform.keyring().seal(&store::place(id), &plain)).await?;
    }
    store::hold(&mut tx, id, &cards).await?;
    store::note(&mut tx, ctx, id, Event::of(InstanceEventKind::Created)).await?;
    let row = store::find(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    wake(&mut tx, ctx, &row).await?;
    audit::record_in_tx(&mut tx, ctx, entry("instances:create", &row, None, Some(facts(&row)))).await?;
    tx.commit().await?;
    platform.bell().notify_one();
    views::one(platform, ctx, row).await
}

/// The same of the image at an address: one that the caller may not use is not there.
///
/// # Errors
/// `NotFound` for an image there is not, and as [`create`]'s.
pub async fn deploy(
    platform: &Platform,
    ctx: &OpContext,
    image: contract::ImageId,
    body: ImageDeploy,
) -> Result<InstanceView> {
    maker(&ctx.trying_on("instances:create", "image", image))?;
    let mut tx = platform.db().begin(ctx).await?;
    images::usable_in_tx(&mut tx, image).await?.ok_or_else(Error::not_found)?;
    tx.commit().await?;
    create(platform, ctx, body.of(image)).await
}

fn over_limit(miss: &Miss) -> Error {
    let number = |n: Option<u64>| n.unwrap_or_default();
    Error::new(ErrorCode::QuotaExceeded)
        .with_key("error-instance-quota")
        .with_arg("what", miss.what.clone().unwrap_or_default())
        .with_arg("limit", miss.with.clone().unwrap_or_default())
        .with_arg("have", number(miss.have))
        .with_arg("need", number(miss.need))
}

/// Has a job bring it to what is wanted.
async fn wake(tx: &mut Tx, ctx: &OpContext, row: &Row) -> Result<()> {
    let machine = row.machine;
    let engine = engines::known_among(tx, &[machine.0]).await?.remove(&machine.0);
    let mut job = NewJob::new("instance-apply", ctx.now());
    job.payload = json!({ "instance": row.id.0 });
    job.customer = Some(row.customer);
    job.person = Some(row.owner);
    // The looks have it tried again.
    job.max_attempts = 3;
    job.near = engine.filter(|engine| engine.by_agent).map(|_| machine);
    enqueue_in_tx(tx, &job).await?;
    engines::look_soon_in_tx(tx, machine).await
}

/// Whose instances somebody lists: those of the customer they act for, or of themselves there.
fn listed(ctx: &OpContext) -> Result<(Option<CustomerId>, Option<UserId>)> {
    match ctx.authorize_list::<OwnInstanceRef>(Permission::InstancesUse)? {
        Scope::Customer(customer) => Ok((Some(customer), None)),
        Scope::Own(person) => Ok((shelf(ctx).customer, Some(person))),
        Scope::All => Err(Error::not_found()),
    }
}

/// A page of one's customer's instances, or of one's own.
pub async fn list(platform: &Platform, ctx: &OpContext, query: &InstanceQuery) -> Result<Page<InstanceView>> {
    let whose = listed(ctx)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let sort = sort_of(query)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (rows, total) = store::list(&mut tx, whose, query, &sort, (page, page_size)).await?;
    tx.commit().await?;
    let list = views::all(platform, ctx, rows).await?;
    Ok(Page { list, total, page, page_size })
}

/// A page of everybody's, for staff.
pub async fn list_all(platform: &Platform, ctx: &OpContext, query: &InstanceQuery) -> Result<Page<InstanceView>> {
    ctx.authorize_list::<InstanceRef>(Permission::InstancesView)?;
    let (page, page_size) = audit::page_of(query.page, query.page_size)?;
    let sort = sort_of(query)?;
    let mut tx = platform.db().begin(ctx).await?;
    let (rows, total) = store::list(&mut tx, (query.customer_id, None), query, &sort, (page, page_size)).await?;
    tx.commit().await?;
    let list = views::for_staff(platform, ctx, rows).await?;
    Ok(Page { list, total, page, page_size })
}

fn sort_of(query: &InstanceQuery) -> Result<Vec<(InstanceSort, SortDirection)>> {
    contract::sort_of(query.sort.as_deref(), InstanceSort::parse)
        .map_err(|_| Error::field("sort", "field-sort-unknown"))
}

/// One that the caller may see, as whose it is or as staff.
async fn own_row(platform: &Platform, ctx: &OpContext, id: InstanceId) -> Result<Row> {
    ctx.authorize_list::<OwnInstanceRef>(Permission::InstancesUse)?;
    let row = read(platform, ctx, id).await?;
    ctx.authorize(ViewOwnInstance, &row.own())?;
    Ok(row)
}

async fn staff_row(platform: &Platform, ctx: &OpContext, id: InstanceId) -> Result<Row> {
    ctx.authorize_list::<InstanceRef>(Permission::InstancesView)?;
    let row = read(platform, ctx, id).await?;
    ctx.authorize(ViewInstance, &row.of_staff())?;
    Ok(row)
}

/// Which of these are, or were, there, of those that the transaction's caller may find.
pub(crate) async fn known(tx: &mut Tx, ids: &[i64]) -> Result<HashSet<i64>> {
    Ok(store::ids_known(tx, ids).await?.into_iter().collect())
}

async fn read(platform: &Platform, ctx: &OpContext, id: InstanceId) -> Result<Row> {
    let mut tx = platform.db().begin(ctx).await?;
    let unseen = || ctx.unseen(Permission::InstancesUse, "instance", id);
    let row = store::find(&mut tx, id).await?.ok_or_else(unseen)?;
    tx.commit().await?;
    Ok(row)
}

/// One of one's own.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn get(platform: &Platform, ctx: &OpContext, id: InstanceId) -> Result<InstanceView> {
    views::one(platform, ctx, own_row(platform, ctx, id).await?).await
}

/// Anybody's, for staff.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn get_any(platform: &Platform, ctx: &OpContext, id: InstanceId) -> Result<InstanceView> {
    let row = staff_row(platform, ctx, id).await?;
    views::for_staff(platform, ctx, vec![row]).await?.pop().ok_or_else(Error::not_found)
}

/// What happened to one of one's own, the newest first; kept after it is gone.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn events(platform: &Platform, ctx: &OpContext, id: InstanceId) -> Result<Vec<InstanceEvent>> {
    own_row(platform, ctx, id).await?;
    views::events(platform, ctx, id).await
}

/// The same of anybody's, for staff.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn events_of_any(platform: &Platform, ctx: &OpContext, id: InstanceId) -> Result<Vec<InstanceEvent>> {
    staff_row(platform, ctx, id).await?;
    views::events(platform, ctx, id).await
}

/// Starts, stops, restarts or deletes one of one's own; what is wanted already changes nothing.
///
/// # Errors
/// `NotFound` where there is none, `Forbidden` for one that is another person's, `WrongState` where its state does not allow
/// it, or it holds nothing any more and cannot be started.
pub async fn act(platform: &Platform, ctx: &OpContext, id: InstanceId, action: InstanceAction) -> Result<InstanceView> {
    let tried = ctx.trying_on(name_of(action), "instance", id);
    let row = own_row(platform, &tried, id).await?;
    let granted = tried.authorize(ManageOwnInstance, &row.own())?;
    let row = wish(platform, ctx, &granted, (action, None)).await?;
    views::one(platform, ctx, row).await
}

/// In the audit log.
fn name_of(action: InstanceAction) -> &'static str {
    match action {
        InstanceAction::Start => "instances:start",
        InstanceAction::Stop => "instances:stop",
        InstanceAction::Restart => "instances:restart",
        InstanceAction::Delete => "instances:delete",
        InstanceAction::Rename => "instances:update",
        InstanceAction::Resize => resize::RESIZE,
    }
}

/// With the reason of staff, who tell whose it is.
async fn wish<A>(
    platform: &Platform,
    ctx: &OpContext,
    granted: &Granted<A>,
    (action, reason): (InstanceAction, Option<&str>),
) -> Result<Row>
where
    A: Action,
    A::Resource: Resource<Id = InstanceId>,
{
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let before = store::lock(&mut tx, granted.id()).await?.ok_or_else(Error::not_found)?;
    if !before.state().allows(action) {
        return Err(Error::new(ErrorCode::WrongState)
            .with_key("error-instance-state")
            .with_arg("state", before.state().code()));
    }
    let holds = before.released_at.is_none();
    if !holds && matches!(action, InstanceAction::Start | InstanceAction::Restart) {
        return Err(Error::new(ErrorCode::WrongState).with_key("error-instance-holds-nothing"));
    }
    let mut row = before.clone();
    let kind = match action {
        InstanceAction::Start => {
            (row.wanted, row.failure, row.detail) = (InstanceWish::Running, None, None);
            InstanceEventKind::StartWanted
        }
        InstanceAction::Stop => {
            row.wanted = InstanceWish::Stopped;
            InstanceEventKind::StopWanted
        }
        InstanceAction::Restart => {
            row.restarts_wanted += 1;
            InstanceEventKind::RestartWanted
        }
        InstanceAction::Delete => {
            row.wanted = InstanceWish::Deleted;
            InstanceEventKind::DeleteWanted
        }
        InstanceAction::Rename | InstanceAction::Resize => return Err(Error::internal("it comes another way")),
    };
    if row.wanted == before.wanted && row.failure == before.failure && row.restarts_wanted == before.restarts_wanted {
        return Ok(before);
    }
    if row.wanted == InstanceWish::Running && before.wanted != InstanceWish::Running {
        billing::budgets::refuse_if_spent(platform, &mut tx, ctx, before.customer).await?;
    }
    row.trying_since = None;
    row.restarting_seen = 0;
    store::save_wish(&mut tx, granted, &row).await?;
    if row.wanted == InstanceWish::Deleted {
        save::cancel_in_tx(&mut tx, ctx, row.id).await?;
    }
    store::note(&mut tx, ctx, row.id, Event { detail: reason, ..Event::of(kind) }).await?;
    wake(&mut tx, ctx, &row).await?;
    let after = store::find(&mut tx, row.id).await?.ok_or_else(Error::not_found)?;
    let mut done = facts(&after);
    if let Some(reason) = reason {
        done["reason"] = reason.into();
        notices::acted(platform, &mut tx, ctx, &after, (action, reason)).await?;
    }
    audit::record_in_tx(&mut tx, ctx, entry(name_of(action), &after, Some(facts(&before)), Some(done))).await?;
    tx.commit().await?;
    platform.bell().notify_one();
    Ok(after)
}

/// Changes its name and remark.
///
/// # Errors
/// `NotFound` where there is none, `Conflict` when somebody changed it meanwhile, `AlreadyExists` for a name that is taken,
/// `WrongState` for one that is on its way out.
pub async fn update(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    body: InstanceUpdate,
) -> Result<InstanceView> {
    let tried = ctx.trying_on("instances:update", "instance", id);
    let row = own_row(platform, &tried, id).await?;
    let granted = tried.authorize(ManageOwnInstance, &row.own())?;
    let seen = body.revision;
    let changed = check::update(body)?;
    let mut tx = platform.db().begin(&system(ctx)).await?;
    let before = store::lock(&mut tx, granted.id()).await?.ok_or_else(Error::not_found)?;
    if seen.is_some_and(|seen| seen != before.revision) {
        return Err(Error::new(ErrorCode::Conflict));
    }
    if !before.state().allows(InstanceAction::Rename) {
        return Err(Error::new(ErrorCode::WrongState)
            .with_key("error-instance-state")
            .with_arg("state", before.state().code()));
    }
    let mut row = before.clone();
    row.name = changed.name.unwrap_or(row.name);
    row.remark = changed.remark.unwrap_or(row.remark);
    store::save_wish(&mut tx, &granted, &row).await?;
    if row.name != before.name {
        let event = Event { detail: Some(&before.name), ..Event::of(InstanceEventKind::Renamed) };
        store::note(&mut tx, ctx, row.id, event).await?;
    }
    let after = store::find(&mut tx, row.id).await?.ok_or_else(Error::not_found)?;
    let entry = entry("instances:update", &after, Some(facts(&before)), Some(facts(&after)));
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    views::one(platform, ctx, after).await
}

/// `Conflict` while instances are on a machine.
pub(crate) async fn refuse_if_used(tx: &mut Tx, machine: MachineId) -> Result<()> {
    match store::count_on(tx, machine).await? {
        0 => Ok(()),
        n => Err(Error::new(ErrorCode::Conflict).with_key("error-machine-has-instances").with_arg("n", n)),
    }
}

/// The installation's containers on a machine, for a slice that asks its engine itself.
pub(crate) async fn containers_on(
    platform: &Platform,
    machine: MachineId,
) -> Result<std::result::Result<Containers, Fault>> {
    match work::connect(platform, machine).await {
        Ok(engine) => Ok(Ok(engine)),
        Err(work::Trouble::Engine(fault)) => Ok(Err(fault)),
        Err(work::Trouble::Ours(error)) => Err(error),
    }
}

/// By image of which instances were made on a machine: whether one is there, and when the last one was deleted that is not.
pub(crate) async fn images_on(tx: &mut Tx, machine: MachineId) -> Result<HashMap<i64, (bool, Option<DateTime<Utc>>)>> {
    store::images_on(tx, machine).await
}

/// Whether an instance that is not gone is made of an image, for who sees all of them.
pub(crate) async fn is_made_of(tx: &mut Tx, image: contract::ImageId) -> Result<bool> {
    store::is_made_of(tx, image).await
}

/// Machines on which containers of this image were there when they were looked at last, with since when.
pub(crate) async fn machines_with_image(
    tx: &mut Tx,
    image: contract::ImageId,
) -> Result<Vec<(MachineId, DateTime<Utc>)>> {
    store::machines_with_image(tx, image).await
}

/// Which of these machines instances are on.
pub(crate) async fn used_among(tx: &mut Tx, machines: &[i64]) -> Result<HashSet<MachineId>> {
    store::used_among(tx, machines).await
}

/// What the live instances of a customer, or of a person, take of their limits.
pub(crate) async fn usage(tx: &mut Tx, customer: Option<CustomerId>, person: Option<UserId>) -> Result<store::Used> {
    store::used_by(tx, customer, person).await
}

/// Where these instances stand, for the list of jobs; those that the caller may not see are not there.
pub(crate) async fn standings(tx: &mut Tx, ctx: &OpContext, ids: &[i64]) -> Result<HashMap<i64, Standing>> {
    let rows = store::rows(tx, ids).await?;
    Ok(rows.into_iter().map(|row| (row.id.0, views::standing(ctx, row))).collect())
}

/// The same of what is kept of them.
pub(crate) async fn save_standings(tx: &mut Tx, ctx: &OpContext, ids: &[i64]) -> Result<HashMap<i64, Standing>> {
    let rows = store::saves(tx, ids).await?;
    Ok(rows.into_iter().map(|row| (row.id.0, views::save_standing(ctx, row))).collect())
}

/// How many instances of a customer are not gone.
pub(crate) async fn live_of(tx: &mut Tx, customer: CustomerId) -> Result<u64> {
    store::live_of(tx, customer).await
}

/// What the audit log keeps: never what is in a variable.
fn facts(row: &Row) -> Value {
    json!({
        "name": row.name, "remark": row.remark, "wanted": row.wanted, "state": row.state(), "machine": row.machine_code,
        "image": row.image_name, "spec": row.spec.name, "pricePerHour": row.spec.price_per_hour,
        "currency": row.spec.currency, "variables": row.variables, "command": row.command, "ports": row.ports,
    })
}

fn entry(action: &'static str, row: &Row, before: Option<Value>, after: Option<Value>) -> audit::Entry {
    let customer = Some(row.customer);
    audit::Entry { action, target_kind: "instance", target_id: Some(row.id.to_string()), customer, before, after }
}
