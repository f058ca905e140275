//! A real cluster: made, used, stopped, adopted, killed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::{Duration, Instant};

use pg_cluster::{Cluster, ClusterError, ClusterOptions};
use sqlx::{ConnectOptions, Connection};

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    // PostgreSQL runs as another user when the test is root.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    folder
}

#[tokio::test]
async fn starts_keeps_data_is_adopted_and_comes_back_after_kill() {
    let folder = folder();
    let options = ClusterOptions::for_tests(folder.path().join("pg"));
    let cluster = Cluster::start(options.clone()).await.unwrap();
    assert!(cluster.ensure_database("remotegpu").await.unwrap());
    assert!(!cluster.ensure_database("remotegpu").await.unwrap());
    let mut owner = cluster.owner_options("remotegpu").connect().await.unwrap();
    sqlx::raw_sql("create table kept (n int); insert into kept values (7)").execute(&mut owner).await.unwrap();
    owner.close().await.unwrap();

    let mut app = cluster.app_options("remotegpu").connect().await.unwrap();
    let (superuser, bypass): (bool, bool) =
        sqlx::query_as("select rolsuper, rolbypassrls from pg_roles where rolname = current_user")
            .fetch_one(&mut app)
            .await
            .unwrap();
    assert!(!superuser && !bypass, "the application's role has no powers");
    assert!(sqlx::query("select n from kept").fetch_one(&mut app).await.is_err(), "and owns nothing");
    drop(app);

    let first = cluster.postmaster_pid().unwrap();
    drop(cluster);
    let adopted = Cluster::start(options.clone()).await.unwrap();
    assert_eq!(adopted.postmaster_pid(), Some(first), "a running postmaster is adopted");

    let watching = adopted.clone();
    let watch = tokio::spawn(async move { watching.watch().await });
    let killed = std::process::Command::new("kill").args(["-9", &first.to_string()]).status().unwrap();
    assert!(killed.success());
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut again = loop {
        match adopted.owner_options("remotegpu").connect().await {
            Ok(connection) if adopted.postmaster_pid().is_some_and(|pid| pid != first) => break connection,
            _ if Instant::now() > deadline => panic!("not back within 60 s"),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    let n: i32 = sqlx::query_scalar("select n from kept").fetch_one(&mut again).await.unwrap();
    assert_eq!(n, 7);
    assert!(adopted.drop_database("remotegpu").await.is_err(), "not while somebody uses it");
    again.close().await.unwrap();
    watch.abort();
    adopted.drop_database("remotegpu").await.unwrap();
    assert!(adopted.ensure_database("remotegpu").await.unwrap(), "it was gone");
    adopted.stop(pg_cluster::STOP_PATIENCE).await.unwrap();
    assert_eq!(adopted.postmaster_pid(), None);
}

#[tokio::test]
async fn another_major_version_is_refused_and_not_touched() {
    let folder = folder();
    let data = folder.path().join("pg/data");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("PG_VERSION"), "9\n").unwrap();
    std::fs::write(data.join("precious"), "data").unwrap();
    let error = Cluster::start(ClusterOptions::for_tests(folder.path().join("pg"))).await.unwrap_err();
    assert!(matches!(error, ClusterError::OtherMajor { .. }), "{error}");
    assert!(error.to_string().contains("postgresql-9"), "{error}");
    assert_eq!(std::fs::read_to_string(data.join("precious")).unwrap(), "data");
}

/// The folder of the cluster is too long for a socket, so that a name in the temporary folder is taken: one that anybody
/// can work out and be there first.
#[tokio::test]
async fn a_socket_folder_that_somebody_laid_out_is_refused() {
    use sha2::Digest as _;
    let temp = folder();
    let long = temp.path().canonicalize().unwrap().join("x".repeat(100));
    let digest = sha2::Sha256::digest(long.as_os_str().as_encoded_bytes());
    let socket = std::env::temp_dir().join(format!("remotegpu-pg-{}", hex::encode(&digest[..8])));
    let theirs = temp.path().join("theirs");
    std::fs::create_dir(&theirs).unwrap();
    std::fs::set_permissions(&theirs, std::fs::Permissions::from_mode(0o700)).unwrap();
    symlink(&theirs, &socket).unwrap();
    let refused = Cluster::start(ClusterOptions::for_tests(&long)).await;
    std::fs::remove_file(&socket).unwrap();
    assert!(matches!(refused, Err(ClusterError::NotPrivate { .. })), "{refused:?}");
    assert_eq!(std::fs::read_dir(&theirs).unwrap().count(), 0, "nothing was written there");
    assert!(!long.join("data").exists());
}

#[tokio::test]
async fn a_process_that_got_a_dead_postmasters_id_is_not_the_cluster() {
    let temp = folder();
    let data = temp.path().join("pg/data");
    std::fs::create_dir_all(&data).unwrap();
    let note = |pid: u32| std::fs::write(data.join("postmaster.pid"), format!("{pid}\n/x\n")).unwrap();
    note(std::process::id());
    assert!(!pg_cluster::is_running(&temp.path().join("pg")), "this test is no PostgreSQL");
    // Even one of the right name, when it works somewhere else.
    let named = temp.path().join("postgres");
    std::fs::copy("/bin/sleep", &named).unwrap();
    let mut other = std::process::Command::new(&named).arg("60").current_dir("/").spawn().unwrap();
    note(other.id());
    let running = pg_cluster::is_running(&temp.path().join("pg"));
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(!running);
}

#[tokio::test]
async fn the_log_begins_anew_every_week_and_the_one_of_the_start_stays_short() {
    let temp = folder();
    let options = ClusterOptions::for_tests(temp.path().join("pg"));
    let cluster = Cluster::start(options.clone()).await.unwrap();
    let data = temp.path().join("pg/data");
    let written = std::fs::read_dir(data.join("log")).unwrap().flatten().map(|entry| entry.file_name());
    let written: Vec<_> = written.map(|name| name.to_string_lossy().into_owned()).collect();
    assert!(
        written.iter().all(|name| name.starts_with("server-") && name.len() == "server-Mon.log".len()),
        "{written:?}"
    );
    let mut owner = cluster.owner_options("postgres").connect().await.unwrap();
    let anew: String = sqlx::query_scalar("show log_truncate_on_rotation").fetch_one(&mut owner).await.unwrap();
    assert_eq!(anew, "on");
    owner.close().await.unwrap();
    cluster.stop(pg_cluster::STOP_PATIENCE).await.unwrap();
    assert!(!pg_cluster::is_running(&temp.path().join("pg")));
    std::fs::write(data.join("server.log"), vec![b'x'; 2 << 20]).unwrap();
    let cluster = Cluster::start(options).await.unwrap();
    assert!(pg_cluster::is_running(&temp.path().join("pg")));
    assert!(std::fs::metadata(data.join("server.log")).unwrap().len() < 1 << 20);
    cluster.stop(pg_cluster::STOP_PATIENCE).await.unwrap();
}
