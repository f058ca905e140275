//! An own database per test, copied from a migrated template in one private cluster per machine and user.
//!
//! Invariants: every test process finds the same cluster and starts it when it does not run; the template is migrated
//! once per set of migrations, guarded by an advisory lock; a database is dropped by a later test once its own test or
//! process has ended.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Mutex;

use anyhow::{Context as _, ensure};
use nix::sys::statvfs::statvfs;
use pg_cluster::{Cluster, ClusterOptions};
use platform::db::{Db, MIGRATIONS};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};
use tokio::sync::OnceCell;

/// Databases of this process whose tests have ended. They are not dropped right there: `drop database` waits for every
/// backend of the cluster, also for one whose client is in the middle of logging in, and that client may be on the very
/// thread that would wait for the drop.
static ENDED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A migrated database that only this test uses; a later test drops it once this is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    cluster: Cluster,
    name: String,
}

impl TestDatabase {
    /// Makes one; the first caller on a machine waits for the cluster and the migrations.
    pub async fn new() -> anyhow::Result<Self> {
        let cluster = cluster().await?;
        let mut maintenance = cluster.owner_options("postgres").connect().await?;
        let template = ensure_template(&cluster, &mut maintenance).await?;
        drop_ended(&mut maintenance).await?;
        let me = Process::of(std::process::id()).context("a running process has an entry in /proc")?;
        let name = format!("t_{}_{}_{}", me.id, me.started, uuid::Uuid::new_v4().simple());
        execute(&mut maintenance, format!("create database {name} template {template} strategy file_copy")).await?;
        maintenance.close().await?;
        let database = Self { cluster, name };
        let mut owner = database.owner_options().connect().await?;
        // The template may be days old.
        execute(&mut owner, "select ensure_partitions(now() - interval '1 day', now() + interval '3 days')".to_owned())
            .await?;
        owner.close().await?;
        Ok(database)
    }

    /// Its name in the cluster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Connection as the schema's owner, a superuser.
    pub fn owner_options(&self) -> PgConnectOptions {
        self.cluster.owner_options(&self.name)
    }

    /// Connection as the application.
    pub fn app_options(&self) -> PgConnectOptions {
        self.cluster.app_options(&self.name)
    }

    /// The owner's connection as a URL, for programs that a test starts.
    pub fn owner_url(&self) -> String {
        self.cluster.owner_url(&self.name)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        ENDED.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(std::mem::take(&mut self.name));
    }
}

/// Started or adopted once per process. Not once per test: starting takes the cluster's file lock, and waiting for that
/// blocks the thread, so that two starts on one single-threaded runtime would wait for each other.
async fn cluster() -> anyhow::Result<Cluster> {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    let start = async || anyhow::Ok(Cluster::start(ClusterOptions::for_tests(cluster_folder()?)).await?);
    Ok(CLUSTER.get_or_try_init(start).await?.clone())
}

/// Bytes a file system in memory must have left for the cluster to lie there: many times what all tests' databases take.
const ROOMY: u64 = 4 << 30;

/// In memory where there is room: every test makes and drops nine hundred files, which took ext4 a third of all time. Else
/// in the temporary folder, because as root the postmaster runs as another user who must be able to reach it.
fn cluster_folder() -> anyhow::Result<PathBuf> {
    let me = std::fs::metadata("/proc/self")?.uid();
    let memory = PathBuf::from("/dev/shm");
    let is_roomy = statvfs(&memory).is_ok_and(|free| free.blocks_available() * free.fragment_size() >= ROOMY);
    let name = format!("remotegpu-test-pg-{me}");
    // One that is there stays the one, however full it has become since.
    let in_memory = is_roomy || memory.join(&name).exists();
    let folder = if in_memory { memory } else { std::env::temp_dir() }.join(name);
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    // The name is known to every user of the machine: a folder somebody else made there is not ours to trust.
    let owner = std::fs::symlink_metadata(&folder)?.uid();
    ensure!(owner == me, "{} belongs to user {owner}, not to {me}", folder.display());
    Ok(folder)
}

/// The name of the template for these migrations, made when missing.
async fn ensure_template(cluster: &Cluster, maintenance: &mut PgConnection) -> anyhow::Result<String> {
    let checksums: Vec<u8> = MIGRATIONS.iter().flat_map(|migration| migration.checksum.to_vec()).collect();
    let template = format!("template_{}", &hex::encode(platform::secrets::sha256(&checksums))[..24]);
    // Held by this connection until the end of this function, or of this process.
    sqlx::query("select pg_advisory_lock(hashtext('remotegpu.test-template'))").execute(&mut *maintenance).await?;
    // A finished template is marked as one; a database of that name without the mark is half-made.
    let finished: Option<bool> = sqlx::query_scalar("select datistemplate from pg_database where datname = $1")
        .bind(&template)
        .fetch_optional(&mut *maintenance)
        .await?;
    if finished != Some(true) {
        execute(maintenance, format!("drop database if exists {template} with (force)")).await?;
        execute(maintenance, format!("create database {template}")).await?;
        Db::migrate(cluster.owner_options(&template)).await.map_err(|error| anyhow::anyhow!("{error}"))?;
        execute(maintenance, format!("alter database {template} with is_template true allow_connections false"))
            .await?;
    }
    sqlx::query("select pg_advisory_unlock(hashtext('remotegpu.test-template'))").execute(&mut *maintenance).await?;
    Ok(template)
}

/// Drops the databases of tests and processes that have ended; one process at a time, the others go on.
async fn drop_ended(maintenance: &mut PgConnection) -> anyhow::Result<()> {
    let mine: bool = sqlx::query_scalar("select pg_try_advisory_lock(hashtext('remotegpu.test-clean-up'))")
        .fetch_one(&mut *maintenance)
        .await?;
    if !mine {
        return Ok(());
    }
    let ended = std::mem::take(&mut *ENDED.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    let names: Vec<String> = sqlx::query_scalar(r"select datname::text from pg_database where datname like 't\_%'")
        .fetch_all(&mut *maintenance)
        .await?;
    for name in names {
        if ended.contains(&name) || Process::of_database(&name).is_none_or(|process| !process.is_running()) {
            execute(maintenance, format!("drop database if exists {name} with (force)")).await?;
        }
    }
    sqlx::query("select pg_advisory_unlock(hashtext('remotegpu.test-clean-up'))").execute(&mut *maintenance).await?;
    Ok(())
}

/// A process, told from a later one with the same id by the time it started.
#[derive(Debug, PartialEq, Eq)]
struct Process {
    id: u32,
    /// Clock ticks since the machine started.
    started: u64,
}

impl Process {
    fn of(id: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // `id (name) state …`: the name may hold spaces; the start is the 20th field after it.
        let (_, fields) = stat.rsplit_once(')')?;
        Some(Self { id, started: fields.split_whitespace().nth(19)?.parse().ok()? })
    }

    /// The one that made the database.
    fn of_database(name: &str) -> Option<Self> {
        let mut parts = name.split('_').skip(1);
        Some(Self { id: parts.next()?.parse().ok()?, started: parts.next()?.parse().ok()? })
    }

    fn is_running(&self) -> bool {
        Self::of(self.id).as_ref() == Some(self)
    }
}

/// Runs a statement whose names were made here from digits, hex digits and constants.
async fn execute(connection: &mut PgConnection, statement: String) -> anyhow::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}
