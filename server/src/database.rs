//! Where the data is: the private cluster, or the PostgreSQL of `DATABASE_URL`; and the secrets key that belongs to it.

use std::error::Error as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context;
use platform::db::Db;
use platform::secrets::Keyring;
use platform::{Clock, Platform, PlatformSettings};

use crate::config::Config;

/// Its name in the private cluster.
pub const DATABASE: &str = "remotegpu";

/// The platform with, where it is ours to run, its PostgreSQL.
pub struct Opened {
    pub platform: Platform,
    pub cluster: Option<pg_cluster::Cluster>,
}

/// Opens the platform. The private cluster is migrated here; elsewhere that is `remotegpu migrate`'s work.
pub async fn open(config: &Config) -> anyhow::Result<Opened> {
    std::fs::create_dir_all(&config.data_dir).with_context(|| format!("{}", config.data_dir.display()))?;
    if let Some(url) = &config.database_url {
        let db = Db::connect(url.parse().context("DATABASE_URL")?, config.database_connections).await;
        let platform = platform(config, db.context("the database")?, None).await?;
        return Ok(Opened { platform, cluster: None });
    }
    let running = cluster_runs(config);
    let cluster = pg_cluster::Cluster::start(cluster_options(config)).await?;
    match open_private(config, &cluster).await {
        Ok(platform) => Ok(Opened { platform, cluster: Some(cluster) }),
        Err(error) => {
            leave(Some(cluster), running).await?;
            Err(error)
        }
    }
}

async fn open_private(config: &Config, cluster: &pg_cluster::Cluster) -> anyhow::Result<Platform> {
    let fresh = cluster.ensure_database(DATABASE).await?;
    Db::migrate(cluster.owner_options(DATABASE)).await?;
    let db = Db::connect(cluster.app_options(DATABASE), config.database_connections).await;
    platform(config, db.context("the database")?, Some(fresh)).await
}

/// `fresh`: whether the database was made just now, where that is known.
async fn platform(config: &Config, db: Db, fresh: Option<bool>) -> anyhow::Result<Platform> {
    let keyring = keyring(config, &db, fresh).await?;
    let settings = PlatformSettings {
        public_url: config.public_base(),
        default_language: config.default_language,
        time_zone: config.time_zone,
        sheet_reader: std::env::current_exe()?,
        files_dir: config.files_dir.clone(),
        apps: config.apps.clone(),
        ssh_port: crate::ssh::port(config),
    };
    Platform::open(db, keyring, Clock::default(), settings).await.map_err(advise)
}

/// Applies migrations with the owner's connection.
pub async fn migrate(config: &Config) -> anyhow::Result<()> {
    match config.database_owner_url.as_ref().or(config.database_url.as_ref()) {
        Some(url) => Ok(Db::migrate(url.parse().context("the owner's database URL")?).await?),
        None => {
            let running = cluster_runs(config);
            let cluster = pg_cluster::Cluster::start(cluster_options(config)).await?;
            let migrated = migrate_private(&cluster).await;
            leave(Some(cluster), running).await?;
            migrated
        }
    }
}

async fn migrate_private(cluster: &pg_cluster::Cluster) -> anyhow::Result<()> {
    cluster.ensure_database(DATABASE).await?;
    Ok(Db::migrate(cluster.owner_options(DATABASE)).await?)
}

/// Stops the private cluster again after a command that had to start it; one that ran before is somebody's.
pub async fn leave(cluster: Option<pg_cluster::Cluster>, ran_before: bool) -> anyhow::Result<()> {
    match cluster.filter(|_| !ran_before) {
        Some(cluster) => Ok(cluster.stop(pg_cluster::STOP_PATIENCE).await?),
        None => Ok(()),
    }
}

/// The key in a file, or `None` where there is no file. One that others can read is taken, and said to be so.
pub(crate) fn read_key(path: &Path) -> anyhow::Result<Option<Keyring>> {
    let keyring = Keyring::read(path).map_err(|error| {
        let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        anyhow::anyhow!(
            "no secrets key: {why}. A key file holds one line of 64 hexadecimal digits, as the server wrote it"
        )
    })?;
    let mode = std::fs::metadata(path).map_or(0, |file| file.permissions().mode() & 0o777);
    if keyring.is_some() && mode & 0o077 != 0 {
        let path = path.display();
        tracing::warn!("others than its owner can use the secrets key {path} (mode {mode:o}): chmod 600 {path}");
    }
    Ok(keyring)
}

/// The key file; made only beside a database that has never seen a key.
async fn keyring(config: &Config, db: &Db, fresh: Option<bool>) -> anyhow::Result<Keyring> {
    let path = &config.secrets_key_file;
    if let Some(keyring) = read_key(path)? {
        return Ok(keyring);
    }
    if fresh != Some(true) && db.has_key().await? {
        anyhow::bail!(
            "{} is missing, and this database was written with a key. Put the key file back; without it the stored \
             secrets cannot be read",
            path.display()
        );
    }
    let keyring = Keyring::generate();
    keyring.write_new(path)?;
    tracing::info!(path = %path.display(), "wrote a new secrets key; keep a copy of it apart from the database");
    Ok(keyring)
}

fn advise(error: platform::Error) -> anyhow::Error {
    let text = texts::message(contract::accounts::Language::En, error.key, &error.args);
    anyhow::anyhow!("{text} [{error}]")
}

/// Where the private cluster of this configuration lies.
pub fn cluster_options(config: &Config) -> pg_cluster::ClusterOptions {
    pg_cluster::ClusterOptions::safe(config.data_dir.join("postgres"))
}

/// True when a private cluster of this data folder is running already.
pub fn cluster_runs(config: &Config) -> bool {
    pg_cluster::is_running(&cluster_options(config).folder)
}
