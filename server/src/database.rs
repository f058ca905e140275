//! Where the data is: the private cluster, or the PostgreSQL of `DATABASE_URL`; and the secrets key that belongs to it.

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
    let (options, cluster, fresh) = match &config.database_url {
        Some(url) => (url.parse().context("DATABASE_URL")?, None, None),
        None => {
            let options = cluster_options(config);
            let cluster = pg_cluster::Cluster::start(options).await?;
            let fresh = cluster.ensure_database(DATABASE).await?;
            Db::migrate(cluster.owner_options(DATABASE)).await?;
            (cluster.app_options(DATABASE), Some(cluster), Some(fresh))
        }
    };
    let db = Db::connect(options, config.database_connections).await.context("the database")?;
    let keyring = keyring(config, &db, fresh).await?;
    let settings = PlatformSettings {
        public_url: config.public_base(),
        default_language: config.default_language,
        time_zone: config.time_zone,
        sheet_reader: std::env::current_exe()?,
    };
    let platform = Platform::open(db, keyring, Clock::default(), settings).await.map_err(advise)?;
    Ok(Opened { platform, cluster })
}

/// Applies migrations with the owner's connection.
pub async fn migrate(config: &Config) -> anyhow::Result<()> {
    match config.database_owner_url.as_ref().or(config.database_url.as_ref()) {
        Some(url) => Ok(Db::migrate(url.parse().context("the owner's database URL")?).await?),
        None => {
            let options = cluster_options(config);
            let cluster = pg_cluster::Cluster::start(options).await?;
            cluster.ensure_database(DATABASE).await?;
            Ok(Db::migrate(cluster.owner_options(DATABASE)).await?)
        }
    }
}

/// The key file; made only beside a database that has never seen a key.
async fn keyring(config: &Config, db: &Db, fresh: Option<bool>) -> anyhow::Result<Keyring> {
    let path = &config.secrets_key_file;
    if let Some(keyring) = Keyring::read(path)? {
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
    let pid = std::fs::read_to_string(config.data_dir.join("postgres/data/postmaster.pid"));
    let pid = pid.ok().and_then(|text| text.lines().next()?.trim().parse::<u32>().ok());
    pid.is_some_and(|pid| std::path::Path::new(&format!("/proc/{pid}")).exists())
}
