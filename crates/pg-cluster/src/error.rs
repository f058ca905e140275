//! What can go wrong with a private cluster, each with what to do.

use std::path::PathBuf;

/// Why there is no cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error(
        "PostgreSQL {needed} was not found (looked in REMOTEGPU_PG_BIN, /usr/lib/postgresql/*/bin and PATH). \
         Install it, on Debian or Ubuntu: apt-get install postgresql"
    )]
    NotInstalled { needed: String },
    #[error(
        "{folder} was made by PostgreSQL {found}, which is not installed (there is {installed}). Install \
         postgresql-{found}, or move the data with pg_upgrade; nothing was changed"
    )]
    OtherMajor { folder: PathBuf, found: String, installed: String },
    #[error("as root, PostgreSQL runs as the user `postgres`, and there is none: apt-get install postgresql")]
    NoPostgresUser,
    #[error(
        "PostgreSQL runs as the user `postgres`, who cannot enter {parent}: choose a data folder outside of it (for \
         {folder}), or open it with chmod o+x"
    )]
    NotReachable { folder: PathBuf, parent: PathBuf },
    #[error("{program} failed: {output}")]
    Program { program: String, output: String },
    #[error("PostgreSQL did not become ready within 60 s; its log is {log}")]
    NotReady { log: PathBuf },
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("another process is starting or stopping this cluster: {path}")]
    Locked { path: PathBuf },
    #[error("the socket path {path} is too long for a unix socket and no shorter place was writable")]
    SocketPath { path: PathBuf },
    #[error(
        "{path} exists and is not a private folder of ours: somebody else could listen there. Look at it, and remove it \
         when nothing needs it"
    )]
    NotPrivate { path: PathBuf },
    #[error("the private PostgreSQL in {folder} is still stopping; it ends by itself")]
    StillStopping { folder: PathBuf },
    #[error("PostgreSQL refused: {0}")]
    Database(#[from] sqlx::Error),
}

impl ClusterError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
