//! The two login roles and the databases. The bootstrap superuser `postgres` is used only here, over the socket, with a
//! password that never leaves the cluster's folder.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use crate::{APP_ROLE, Cluster, ClusterError, Layout, OWNER_ROLE};

/// Generated once, kept beside the data in `passwords.json` (0600).
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Passwords {
    pub superuser: String,
    pub owner: String,
    pub app: String,
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passwords")
    }
}

impl Passwords {
    fn generate() -> Self {
        let one = || hex::encode(rand::random::<[u8; 24]>());
        Self { superuser: one(), owner: one(), app: one() }
    }

    /// Reads the file, or writes a new one.
    pub(crate) fn load_or_create(layout: &Layout) -> Result<Self, ClusterError> {
        let path = layout.options.folder.join("passwords.json");
        match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).map_err(|e| ClusterError::File { path, source: e.into() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let passwords = Self::generate();
                let text = serde_json::to_string(&passwords).expect("strings serialize");
                let mut options = std::fs::OpenOptions::new();
                options.write(true).create_new(true).mode(0o600);
                options
                    .open(&path)
                    .and_then(|mut file| {
                        file.write_all(text.as_bytes())?;
                        file.sync_all()
                    })
                    .map_err(ClusterError::file(path))?;
                Ok(passwords)
            }
            Err(source) => Err(ClusterError::File { path, source }),
        }
    }
}

/// Sees to the two roles; idempotent.
pub(crate) async fn ensure(layout: &Layout) -> Result<Passwords, ClusterError> {
    let passwords = Passwords::load_or_create(layout)?;
    let mut connection = superuser(layout, &passwords).await?;
    for (role, password, powers) in [
        // Superuser of its own cluster: migrations create extensions and security definer functions.
        (OWNER_ROLE, &passwords.owner, "superuser"),
        (APP_ROLE, &passwords.app, "nosuperuser nobypassrls nocreatedb nocreaterole"),
    ] {
        let exists: bool = sqlx::query_scalar("select exists(select from pg_roles where rolname = $1)")
            .bind(role)
            .fetch_one(&mut connection)
            .await?;
        // Role names are constants and passwords hex digits: nothing to escape.
        let verb = if exists { "alter" } else { "create" };
        let statement = format!("{verb} role {role} with login {powers} password '{password}'");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    }
    connection.close().await?;
    Ok(passwords)
}

pub(crate) async fn ensure_database(cluster: &Cluster, name: &str) -> Result<bool, ClusterError> {
    check_name(name);
    let mut connection = superuser(&cluster.layout, &cluster.passwords).await?;
    let exists: bool = sqlx::query_scalar("select exists(select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(&mut connection)
        .await?;
    if !exists {
        let statement = format!("create database {name} owner {OWNER_ROLE}");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    }
    connection.close().await?;
    Ok(!exists)
}

/// Refused by PostgreSQL while anybody uses it.
pub(crate) async fn drop_database(cluster: &Cluster, name: &str) -> Result<(), ClusterError> {
    check_name(name);
    let mut connection = superuser(&cluster.layout, &cluster.passwords).await?;
    sqlx::raw_sql(AssertSqlSafe(format!("drop database if exists {name}"))).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

fn check_name(name: &str) {
    assert!(
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
        "database names are [a-z0-9_]+"
    );
}

async fn superuser(layout: &Layout, passwords: &Passwords) -> Result<PgConnection, ClusterError> {
    Ok(PgConnectOptions::new_without_pgpass()
        .socket(&layout.socket)
        .port(5432)
        .username("postgres")
        .password(&passwords.superuser)
        .database("postgres")
        .connect()
        .await?)
}
