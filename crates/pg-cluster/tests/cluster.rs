//! A real cluster: made, used, stopped, adopted, killed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

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
    drop(again);
    watch.abort();
    adopted.stop().await.unwrap();
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
