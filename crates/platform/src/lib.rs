//! The product: domain, persistence, authorization. Every door (pages, REST, WebSocket, CLI) authenticates, opens an
//! [`OpContext`], calls one operation of this crate and translates the answer.
//!
//! Invariants: no axum, leptos, cookie, header or HTTP status in here; SQL only in `store.rs` files, each private to its
//! slice, and in `db.rs`; every operation takes `&OpContext` and authorizes before it reads or writes; what one may not
//! see is `NotFound`; audit rows are written in the transaction of the change.

pub mod access;
pub mod accounts;
pub mod allocations;
pub mod announcements;
pub mod audit;
pub mod authz;
pub mod billing;
mod calendar;
pub mod context;
pub mod customers;
pub mod db;
pub mod engines;
pub mod error;
mod exports;
mod fields;
pub mod files;
#[doc(hidden)]
pub mod fuzzing;
pub mod idempotency;
pub mod images;
pub mod imports;
pub mod instances;
pub mod jobs;
mod lookalikes;
pub mod machines;
pub mod mail;
mod may;
pub mod metrics;
pub mod notifications;
pub mod outbound;
mod pictures;
pub mod quotas;
mod rechecks;
pub mod reports;
pub mod roles;
pub mod secrets;
pub mod settings;
pub mod specs;
mod surroundings;
pub mod tunnels;

use std::sync::Arc;

pub use context::{Clock, Credential, OpContext, Principal, SystemActor, UserPrincipal, Via};
pub use error::{Error, Reported, Result, report};
pub use may::may;
pub use surroundings::{Surroundings, surroundings};

/// What the operations need; cheap to clone.
#[derive(Clone)]
pub struct Platform {
    inner: Arc<Inner>,
}

struct Inner {
    db: db::Db,
    keyring: secrets::Keyring,
    clock: Clock,
    server_id: uuid::Uuid,
    settings: PlatformSettings,
    files: files::Store,
    live: metrics::LiveHub,
    writer: metrics::SampleWriter,
    password_workers: tokio::sync::Semaphore,
    picture_workers: tokio::sync::Semaphore,
    placements: tokio::sync::Semaphore,
    followers: Arc<tokio::sync::Semaphore>,
    configuration: settings::Cache,
    endings: tokio::sync::broadcast::Sender<accounts::SessionEnding>,
    attempts: accounts::AttemptsSeen,
    repeats: audit::Repeats,
    bell: tokio::sync::Notify,
    sessions: Arc<rechecks::Rechecks<contract::SessionId, accounts::Standing>>,
    holdings: Arc<rechecks::Rechecks<(contract::CustomerId, contract::MachineId), bool>>,
    host_keys: Arc<rechecks::Rechecks<contract::MachineId, allocations::HostStand>>,
    bells: Arc<rechecks::Rechecks<contract::UserId, notifications::Mark>>,
    descriptions: accounts::identity::Descriptions,
    tunnels: Arc<tunnels::Tunnels>,
    terminals: Arc<instances::Terminals>,
}

/// What an installation decides at start.
#[derive(Clone, Debug)]
pub struct PlatformSettings {
    /// Address people and agents use, e.g. `https://gpu.example.org`; no trailing slash.
    pub public_url: String,
    /// Language where nobody chose one.
    pub default_language: contract::accounts::Language,
    /// Decides days and months of leases and statistics.
    pub time_zone: chrono_tz::Tz,
    /// Program that reads workbooks when it is started as `<it> read-sheet`; the server itself.
    pub sheet_reader: std::path::PathBuf,
    /// Where files lie; all servers of an installation share it.
    pub files_dir: std::path::PathBuf,
    /// Where applications of instances are opened; none: nowhere.
    pub apps: Option<instances::AppsAddress>,
    /// Where the SSH door listens: the port that people are told where nobody set another one.
    pub ssh_port: u16,
}

impl Platform {
    /// Opens the platform over a migrated database; checks the schema, the role and the secrets key.
    ///
    /// # Errors
    /// When the schema is older than this program, the role could bypass row-level security, or the key is another one
    /// than the database was written with.
    pub async fn open(db: db::Db, keyring: secrets::Keyring, clock: Clock, settings: PlatformSettings) -> Result<Self> {
        db.check_schema().await?;
        db.check_role().await?;
        let server_id = uuid::Uuid::new_v4();
        let live = metrics::LiveHub::new(server_id);
        let writer = metrics::SampleWriter::new();
        let (endings, _) = tokio::sync::broadcast::channel(1024);
        let platform = Self {
            inner: Arc::new(Inner {
                db,
                keyring,
                clock,
                server_id,
                files: files::Store::new(settings.files_dir.clone()),
                settings,
                live,
                writer,
                password_workers: tokio::sync::Semaphore::new(2),
                picture_workers: tokio::sync::Semaphore::new(2),
                placements: tokio::sync::Semaphore::new(2),
                followers: Arc::new(tokio::sync::Semaphore::new(instances::MOST_FOLLOWERS)),
                configuration: settings::Cache::default(),
                endings,
                attempts: accounts::AttemptsSeen::default(),
                repeats: audit::Repeats::default(),
                bell: tokio::sync::Notify::new(),
                sessions: Arc::default(),
                holdings: Arc::default(),
                host_keys: Arc::default(),
                bells: Arc::default(),
                descriptions: accounts::identity::Descriptions::default(),
                tunnels: Arc::default(),
                terminals: Arc::default(),
            }),
        };
        secrets::check_key(&platform).await?;
        settings::load(&platform).await?;
        Ok(platform)
    }

    /// The database.
    pub fn db(&self) -> &db::Db {
        &self.inner.db
    }

    /// Encryption and signing keys.
    pub fn keyring(&self) -> &secrets::Keyring {
        &self.inner.keyring
    }

    /// The time, which tests set.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// This process; new with every start.
    pub fn server_id(&self) -> uuid::Uuid {
        self.inner.server_id
    }

    /// What the installation decided.
    pub fn settings(&self) -> &PlatformSettings {
        &self.inner.settings
    }

    /// Where files lie.
    pub fn files(&self) -> &files::Store {
        &self.inner.files
    }

    /// Tunnels to engines that are waited for or open here.
    pub(crate) fn tunnels(&self) -> &Arc<tunnels::Tunnels> {
        &self.inner.tunnels
    }

    /// Shells in instances that this process holds.
    pub(crate) fn terminals(&self) -> &Arc<instances::Terminals> {
        &self.inner.terminals
    }

    /// The newest state of machines and who watches it.
    pub fn live(&self) -> &metrics::LiveHub {
        &self.inner.live
    }

    pub(crate) fn sessions(&self) -> &Arc<rechecks::Rechecks<contract::SessionId, accounts::Standing>> {
        &self.inner.sessions
    }

    pub(crate) fn holdings(&self) -> &Arc<rechecks::Rechecks<(contract::CustomerId, contract::MachineId), bool>> {
        &self.inner.holdings
    }

    pub(crate) fn host_keys(&self) -> &Arc<rechecks::Rechecks<contract::MachineId, allocations::HostStand>> {
        &self.inner.host_keys
    }

    pub(crate) fn bells(&self) -> &Arc<rechecks::Rechecks<contract::UserId, notifications::Mark>> {
        &self.inner.bells
    }

    /// What sign-in services said of themselves lately.
    pub(crate) fn descriptions(&self) -> &accounts::identity::Descriptions {
        &self.inner.descriptions
    }

    pub(crate) fn writer(&self) -> &metrics::SampleWriter {
        &self.inner.writer
    }

    pub(crate) fn password_workers(&self) -> &tokio::sync::Semaphore {
        &self.inner.password_workers
    }

    pub(crate) fn picture_workers(&self) -> &tokio::sync::Semaphore {
        &self.inner.picture_workers
    }

    /// Whoever makes an instance: all of them wait for one lock, and many that did so in the database would keep its
    /// connections from everybody else.
    pub(crate) fn placements(&self) -> &tokio::sync::Semaphore {
        &self.inner.placements
    }

    /// Whoever follows what an instance says, each by a connection to its engine.
    pub(crate) fn followers(&self) -> Arc<tokio::sync::Semaphore> {
        self.inner.followers.clone()
    }

    pub(crate) fn configuration(&self) -> &settings::Cache {
        &self.inner.configuration
    }

    pub(crate) fn endings(&self) -> &tokio::sync::broadcast::Sender<accounts::SessionEnding> {
        &self.inner.endings
    }

    pub(crate) fn attempts(&self) -> &accounts::AttemptsSeen {
        &self.inner.attempts
    }

    pub(crate) fn repeats(&self) -> &audit::Repeats {
        &self.inner.repeats
    }

    /// Rung when a short job was added that somebody waits for.
    pub(crate) fn bell(&self) -> &tokio::sync::Notify {
        &self.inner.bell
    }

    /// A context for background work of this process.
    pub fn system(&self, actor: SystemActor) -> OpContext {
        OpContext::system(actor, self.clock().now())
    }
}
