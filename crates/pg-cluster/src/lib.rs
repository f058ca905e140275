//! A private PostgreSQL cluster: one data folder, one unix socket, no TCP.
//!
//! Used by `remotegpu serve` without `DATABASE_URL`, by xtask and by the tests. Invariants:
//! - initdb and the server refuse root, so as root they run as the user `postgres`; otherwise as the present user.
//! - Two login roles with generated passwords: the owner (migrations only) and `remotegpu_app` (owns nothing).
//! - The postmaster is in a session of its own: a server that is killed leaves it running, and the next one adopts it.
//! - A data folder of another major version is refused with advice, never touched.

mod binaries;
mod error;
mod places;
mod roles;
mod run;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use error::ClusterError;
use roles::Passwords;
use sqlx::postgres::PgConnectOptions;

/// Login role that owns the schema.
pub const OWNER_ROLE: &str = "remotegpu_owner";
/// Login role of the application.
pub const APP_ROLE: &str = "remotegpu_app";

/// What a crash of the machine may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was committed.
    Safe,
    /// What was committed just before the machine (not the server) dies: no fsync. For tests.
    TestOnly,
}

/// Where and how.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// Folder for the cluster; made when missing. The data lies in its `data` subfolder.
    pub folder: PathBuf,
    pub durability: Durability,
}

impl ClusterOptions {
    /// A cluster that keeps its promises.
    pub fn safe(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), durability: Durability::Safe }
    }

    /// A cluster for tests.
    pub fn for_tests(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), durability: Durability::TestOnly }
    }
}

/// The folder of the newest PostgreSQL programs on this machine (`pg_dump` and the like read older servers too).
///
/// # Errors
/// Says what to install.
pub fn programs() -> Result<PathBuf, ClusterError> {
    binaries::with_tools()
}

/// True when the cluster in this folder runs: a process of another kind that came by its id does not count.
pub fn is_running(folder: &Path) -> bool {
    folder.join("data").canonicalize().is_ok_and(|data| run::postmaster_pid(&data).is_some())
}

/// How long a stop may take where nobody waits for it.
pub const STOP_PATIENCE: Duration = Duration::from_secs(60);

/// A running cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(crate) layout: Layout,
    passwords: Passwords,
}

/// Paths and programs of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub options: ClusterOptions,
    pub data: PathBuf,
    pub socket: PathBuf,
    pub bin: PathBuf,
}

impl Cluster {
    /// Makes the cluster when there is none, starts or adopts its postmaster, and sees to the roles.
    ///
    /// # Errors
    /// Says what to install, which version is needed, or where the server's log is.
    pub async fn start(options: ClusterOptions) -> Result<Self, ClusterError> {
        let layout = run::prepare(options).await?;
        let _lock = run::lock(&layout).await?;
        run::initdb_if_missing(&layout).await?;
        let adopted = run::start_if_stopped(&layout).await?;
        let passwords = roles::ensure(&layout).await?;
        let cluster = Self { layout, passwords };
        if adopted {
            tracing::info!(folder = %cluster.folder().display(), "adopted the running private PostgreSQL");
        }
        Ok(cluster)
    }

    /// The cluster's folder.
    pub fn folder(&self) -> &Path {
        &self.layout.options.folder
    }

    /// Connection as the owner of the schema.
    pub fn owner_options(&self, database: &str) -> PgConnectOptions {
        self.options(OWNER_ROLE, &self.passwords.owner, database)
    }

    /// Connection as the application.
    pub fn app_options(&self, database: &str) -> PgConnectOptions {
        self.options(APP_ROLE, &self.passwords.app, database)
    }

    /// The owner's connection as a URL, for tools.
    pub fn owner_url(&self, database: &str) -> String {
        let host: String = self.layout.socket.to_string_lossy().replace('/', "%2F");
        format!("postgres://{OWNER_ROLE}:{}@localhost:5432/{database}?host={host}", self.passwords.owner)
    }

    fn options(&self, role: &str, password: &str, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.layout.socket)
            .port(5432)
            .username(role)
            .password(password)
            .database(database)
    }

    /// Makes the database when it is missing; true when it was made.
    pub async fn ensure_database(&self, name: &str) -> Result<bool, ClusterError> {
        roles::ensure_database(self, name).await
    }

    /// Removes the database with everything in it.
    ///
    /// # Errors
    /// When anybody uses it.
    pub async fn drop_database(&self, name: &str) -> Result<(), ClusterError> {
        roles::drop_database(self, name).await
    }

    /// Process id of the postmaster, when it runs.
    pub fn postmaster_pid(&self) -> Option<u32> {
        run::postmaster_pid(&self.layout.data)
    }

    /// Starts the postmaster again whenever it has died; runs until dropped. Back-off grows to 10 s.
    pub async fn watch(&self) {
        let mut pause = Duration::from_millis(250);
        loop {
            tokio::time::sleep(pause).await;
            pause = Duration::from_millis(250);
            if self.postmaster_pid().is_some() {
                continue;
            }
            let Ok(_lock) = run::lock(&self.layout).await else { continue };
            tracing::warn!(folder = %self.folder().display(), "the private PostgreSQL is gone; starting it again");
            if let Err(error) = run::start_if_stopped(&self.layout).await {
                tracing::error!(%error, "the private PostgreSQL does not start");
                pause = Duration::from_secs(10);
            }
        }
    }

    /// Stops the postmaster (fast shutdown: open transactions are rolled back, everything is flushed).
    ///
    /// # Errors
    /// When it is not down within `patience`; it goes on stopping then, and the next start waits for it.
    pub async fn stop(&self, patience: Duration) -> Result<(), ClusterError> {
        run::stop(&self.layout, patience).await
    }
}
