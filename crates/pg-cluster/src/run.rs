//! initdb, start, adopt, stop. Everything PostgreSQL does is done by its own programs.

use std::fs::File;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tokio::process::Command;

use crate::roles::Passwords;
use crate::{ClusterError, ClusterOptions, Durability, Layout, binaries};

/// Longest folder for a socket: `sockaddr_un` holds 108 bytes, and PostgreSQL adds its file name and a lock suffix.
const MAX_SOCKET_FOLDER: usize = 80;

/// Makes the folder, finds the programs and a place for the socket.
pub(crate) async fn prepare(options: ClusterOptions) -> Result<Layout, ClusterError> {
    let folder = &options.folder;
    std::fs::create_dir_all(folder).map_err(ClusterError::file(folder))?;
    let folder = folder.canonicalize().map_err(ClusterError::file(folder))?;
    let options = ClusterOptions { folder: folder.clone(), ..options };
    let data = folder.join("data");
    let major = match std::fs::read_to_string(data.join("PG_VERSION")) {
        Ok(text) => Some(text.trim().to_owned()),
        Err(_) => None,
    };
    let bin = binaries::find(&data, major.as_deref())?;
    let socket = socket_folder(&folder)?;
    if is_root() {
        // PostgreSQL's user must reach the folder and own what is in it; the passwords stay root's.
        let mode = std::fs::metadata(&folder).map_err(ClusterError::file(&folder))?.permissions().mode();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode | 0o011))
            .map_err(ClusterError::file(&folder))?;
        give_to_postgres(&socket)?;
        check_reachable(&folder)?;
    }
    Ok(Layout { options, data, socket, bin })
}

/// As root, PostgreSQL runs as somebody else, who must be able to walk down to the folder.
fn check_reachable(folder: &Path) -> Result<(), ClusterError> {
    for parent in folder.ancestors() {
        let mode = std::fs::metadata(parent).map_err(ClusterError::file(parent))?.permissions().mode();
        if mode & 0o001 == 0 {
            return Err(ClusterError::NotReachable { folder: folder.to_owned(), parent: parent.to_owned() });
        }
    }
    Ok(())
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

fn postgres_ids() -> Result<(u32, u32), ClusterError> {
    let path = Path::new("/etc/passwd");
    let text = std::fs::read_to_string(path).map_err(ClusterError::file(path))?;
    let line = text.lines().find(|line| line.starts_with("postgres:")).ok_or(ClusterError::NoPostgresUser)?;
    let mut numbers = line.split(':').skip(2).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(uid)), Some(Ok(gid))) => Ok((uid, gid)),
        _ => Err(ClusterError::NoPostgresUser),
    }
}

fn give_to_postgres(path: &Path) -> Result<(), ClusterError> {
    let (uid, gid) = postgres_ids()?;
    std::os::unix::fs::chown(path, Some(uid), Some(gid)).map_err(ClusterError::file(path))
}

/// The cluster's own folder when it is short enough, else a private one with a name made from it.
fn socket_folder(folder: &Path) -> Result<PathBuf, ClusterError> {
    let own = folder.join("socket");
    let chosen = if own.as_os_str().len() <= MAX_SOCKET_FOLDER {
        own
    } else {
        let digest = hex::encode(&Sha256::digest(folder.as_os_str().as_encoded_bytes())[..8]);
        std::env::temp_dir().join(format!("remotegpu-pg-{digest}"))
    };
    if chosen.as_os_str().len() > MAX_SOCKET_FOLDER {
        return Err(ClusterError::SocketPath { path: chosen });
    }
    let mut builder = std::fs::DirBuilder::new();
    match builder.mode(0o700).create(&chosen) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(ClusterError::File { path: chosen, source: error })
        }
        _ => Ok(chosen),
    }
}

/// Held while the cluster is made, started or stopped; waits up to a minute for another process.
pub(crate) async fn lock(layout: &Layout) -> Result<File, ClusterError> {
    let path = layout.options.folder.join("lock");
    let file = File::create(&path).map_err(ClusterError::file(&path))?;
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(_) if Instant::now() > deadline => return Err(ClusterError::Locked { path }),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// One of PostgreSQL's programs, as the user it wants, in a session of its own.
fn program(layout: &Layout, name: &str) -> Command {
    let path = layout.bin.join(name);
    let mut command = if is_root() {
        let mut command = Command::new("setsid");
        command.args(["--wait", "runuser", "-u", "postgres", "--"]).arg(path);
        command
    } else {
        let mut command = Command::new("setsid");
        command.arg("--wait").arg(path);
        command
    };
    command.current_dir("/").stdin(Stdio::null()).env("LC_ALL", "C.UTF-8").env_remove("PGDATA");
    command
}

async fn run(mut command: Command, name: &str) -> Result<(), ClusterError> {
    let failed = |output: String| ClusterError::Program { program: name.to_owned(), output };
    let output = command.output().await.map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(failed(String::from_utf8_lossy(&text).trim().to_owned()))
}

/// Makes the cluster, in a folder that gets its name only when it is whole: a killed initdb leaves nothing that looks
/// like data, and data is never removed.
pub(crate) async fn initdb_if_missing(layout: &Layout) -> Result<(), ClusterError> {
    if layout.data.join("PG_VERSION").exists() {
        return Ok(());
    }
    let new = layout.options.folder.join("data.new");
    if new.exists() {
        std::fs::remove_dir_all(&new).map_err(ClusterError::file(&new))?;
    }
    std::fs::DirBuilder::new().mode(0o700).create(&new).map_err(ClusterError::file(&new))?;
    let passwords = Passwords::load_or_create(layout)?;
    let password_file = layout.socket.join("initdb-password");
    std::fs::write(&password_file, &passwords.superuser).map_err(ClusterError::file(&password_file))?;
    std::fs::set_permissions(&password_file, std::fs::Permissions::from_mode(0o600))
        .map_err(ClusterError::file(&password_file))?;
    if is_root() {
        give_to_postgres(&new)?;
        give_to_postgres(&password_file)?;
    }
    let mut initdb = program(layout, "initdb");
    initdb.arg("-D").arg(&new).args(["-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"]);
    initdb.args(["--auth=scram-sha-256", "--data-checksums"]).arg("--pwfile").arg(&password_file);
    if layout.options.durability == Durability::TestOnly {
        initdb.arg("--no-sync");
    }
    let result = run(initdb, "initdb").await;
    std::fs::remove_file(&password_file).map_err(ClusterError::file(&password_file))?;
    result?;
    // Fails, and rightly, when there is a folder with something in it that is no cluster.
    std::fs::rename(&new, &layout.data).map_err(ClusterError::file(&layout.data))
}

/// Process id in `postmaster.pid`, when that process is alive and is a PostgreSQL of this folder.
pub(crate) fn postmaster_pid(layout: &Layout) -> Option<u32> {
    let text = std::fs::read_to_string(layout.data.join("postmaster.pid")).ok()?;
    let pid: u32 = text.lines().next()?.trim().parse().ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // `pid (name) state …`: a zombie is dead, and a recycled pid has another name or works elsewhere.
    let (head, tail) = stat.rsplit_once(')')?;
    let alive = !tail.trim_start().starts_with('Z') && head.contains("postgres");
    let ours = std::fs::read_link(format!("/proc/{pid}/cwd")).map_or(true, |cwd| cwd == layout.data);
    (alive && ours).then_some(pid)
}

/// Starts the postmaster and waits until it answers; true when it ran already.
pub(crate) async fn start_if_stopped(layout: &Layout) -> Result<bool, ClusterError> {
    if postmaster_pid(layout).is_some() {
        wait_ready(layout).await?;
        return Ok(true);
    }
    // Children of a killed postmaster hold the shared memory for a moment; pg_ctl's start then fails: try again.
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let mut start = program(layout, "pg_ctl");
        start.args(["start", "-w", "-t", "60", "-s", "-D"]).arg(&layout.data);
        start.arg("-l").arg(layout.data.join("server.log")).arg("-o").arg(settings(layout));
        match run(start, "pg_ctl start").await {
            Ok(()) => break,
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) if postmaster_pid(layout).is_some() => break,
            Err(_) => tokio::time::sleep(Duration::from_millis(300)).await,
        }
    }
    wait_ready(layout).await?;
    Ok(false)
}

fn settings(layout: &Layout) -> String {
    let mut settings = vec![
        "listen_addresses=''".to_owned(),
        format!("unix_socket_directories='{}'", layout.socket.display()),
        "port=5432".to_owned(),
        "max_connections=200".to_owned(),
        "shared_buffers=128MB".to_owned(),
        "jit=off".to_owned(),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
        "password_encryption=scram-sha-256".to_owned(),
        "max_wal_size=2GB".to_owned(),
        "wal_compression=on".to_owned(),
    ];
    if layout.options.durability == Durability::TestOnly {
        settings.extend(["fsync=off", "full_page_writes=off"].map(str::to_owned));
    }
    settings.iter().map(|s| format!("-c {s}")).collect::<Vec<_>>().join(" ")
}

/// Waits until the server answers at all: a refused password is an answer, "starting up" (57P03) is not.
async fn wait_ready(layout: &Layout) -> Result<(), ClusterError> {
    let deadline = Instant::now() + Duration::from_secs(60);
    let options = PgConnectOptions::new_without_pgpass().socket(&layout.socket).port(5432).username("postgres");
    loop {
        match options.clone().password("").connect().await {
            Err(sqlx::Error::Database(error)) if error.code().as_deref() != Some("57P03") => return Ok(()),
            Ok(_) => return Ok(()),
            Err(_) if Instant::now() > deadline => {
                return Err(ClusterError::NotReady { log: layout.data.join("server.log") });
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

pub(crate) async fn stop(layout: &Layout) -> Result<(), ClusterError> {
    let _lock = lock(layout).await?;
    if postmaster_pid(layout).is_none() {
        return Ok(());
    }
    let mut stop = program(layout, "pg_ctl");
    stop.args(["stop", "-m", "fast", "-w", "-t", "60", "-s", "-D"]).arg(&layout.data);
    run(stop, "pg_ctl stop").await
}
