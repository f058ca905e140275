//! initdb, start, adopt, stop. Everything PostgreSQL does is done by its own programs.

use std::fs::File;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tokio::process::Command;

use crate::places::{check_reachable, give_to_postgres, is_root, socket_folder, write_for_postgres};
use crate::roles::Passwords;
use crate::{ClusterError, ClusterOptions, Durability, Layout, binaries};

/// What PostgreSQL says before its own log begins is thrown away at a start once it is this long.
const MAX_START_LOG: u64 = 1 << 20;

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
        check_reachable(&folder)?;
    }
    Ok(Layout { options, data, socket, bin })
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
    write_for_postgres(&password_file, &passwords.superuser)?;
    if is_root() {
        give_to_postgres(&new)?;
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

/// Process id in `postmaster.pid`, when that process is alive and is a PostgreSQL of this data folder.
pub(crate) fn postmaster_pid(data: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid: u32 = text.lines().next()?.trim().parse().ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // `pid (name) state …`: a zombie is dead, and a recycled pid has another name or works elsewhere.
    let (head, tail) = stat.rsplit_once(')')?;
    let alive = !tail.trim_start().starts_with('Z') && head.contains("postgres");
    let ours = std::fs::read_link(format!("/proc/{pid}/cwd")).map_or(true, |cwd| cwd == data);
    (alive && ours).then_some(pid)
}

/// Starts the postmaster and waits until it answers; true when it ran already.
pub(crate) async fn start_if_stopped(layout: &Layout) -> Result<bool, ClusterError> {
    // One that is just stopping, because a server ended a moment ago, is waited for and then started again.
    if postmaster_pid(&layout.data).is_some() && wait_ready(layout).await? {
        return Ok(true);
    }
    let log = layout.data.join("server.log");
    if std::fs::symlink_metadata(&log).is_ok_and(|log| log.len() > MAX_START_LOG) {
        std::fs::remove_file(&log).map_err(ClusterError::file(&log))?;
    }
    // Children of a killed postmaster hold the shared memory for a moment; pg_ctl's start then fails: try again.
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let mut start = program(layout, "pg_ctl");
        start.args(["start", "-w", "-t", "60", "-s", "-D"]).arg(&layout.data);
        start.arg("-l").arg(&log).arg("-o").arg(settings(layout));
        match run(start, "pg_ctl start").await {
            Ok(()) => break,
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) if postmaster_pid(&layout.data).is_some() => break,
            Err(_) => tokio::time::sleep(Duration::from_millis(300)).await,
        }
    }
    if wait_ready(layout).await? { Ok(false) } else { Err(ClusterError::NotReady { log }) }
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
        // A file for each day of the week, written anew a week later.
        "logging_collector=on".to_owned(),
        "log_directory='log'".to_owned(),
        "log_filename='server-%a.log'".to_owned(),
        "log_rotation_age=1d".to_owned(),
        "log_rotation_size=0".to_owned(),
        "log_truncate_on_rotation=on".to_owned(),
    ];
    if layout.options.durability == Durability::TestOnly {
        settings.extend(["fsync=off", "full_page_writes=off"].map(str::to_owned));
    }
    settings.iter().map(|s| format!("-c {s}")).collect::<Vec<_>>().join(" ")
}

/// Waits until the server answers at all: a refused password is an answer, "starting up" and "shutting down" (57P03) are
/// not. False when its process is gone.
async fn wait_ready(layout: &Layout) -> Result<bool, ClusterError> {
    let deadline = Instant::now() + Duration::from_secs(60);
    let options = PgConnectOptions::new_without_pgpass().socket(&layout.socket).port(5432).username("postgres");
    loop {
        match options.clone().password("").connect().await {
            Err(sqlx::Error::Database(error)) if error.code().as_deref() != Some("57P03") => return Ok(true),
            Ok(_) => return Ok(true),
            Err(_) if postmaster_pid(&layout.data).is_none() => return Ok(false),
            Err(_) if Instant::now() > deadline => {
                return Err(ClusterError::NotReady { log: layout.data.join("log") });
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

pub(crate) async fn stop(layout: &Layout, patience: Duration) -> Result<(), ClusterError> {
    let work = async {
        let _lock = lock(layout).await?;
        if postmaster_pid(&layout.data).is_none() {
            return Ok(());
        }
        let mut stop = program(layout, "pg_ctl");
        stop.args(["stop", "-m", "fast", "-w", "-t"]).arg(patience.as_secs().max(1).to_string());
        stop.args(["-s", "-D"]).arg(&layout.data);
        run(stop, "pg_ctl stop").await
    };
    let late = |_| ClusterError::StillStopping { folder: layout.options.folder.clone() };
    tokio::time::timeout(patience + Duration::from_secs(1), work).await.map_err(late)?
}
