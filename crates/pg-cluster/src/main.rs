//! `pg-cluster start FOLDER DATABASE` prints the owner's URL, `scratch` too but keeps no promises after a crash of the
//! machine; `pg-cluster reset FOLDER DATABASE` removes the database; `pg-cluster stop FOLDER`. For xtask.

#![expect(clippy::print_stdout, reason = "a command line answers on standard output")]

use pg_cluster::{Cluster, ClusterOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [word @ ("start" | "scratch"), folder, database] => {
            let options =
                if word == "start" { ClusterOptions::safe(folder) } else { ClusterOptions::for_tests(folder) };
            let cluster = Cluster::start(options).await?;
            cluster.ensure_database(database).await?;
            println!("{}", cluster.owner_url(database));
            Ok(())
        }
        ["reset", folder, database] => {
            let running = pg_cluster::is_running(folder.as_ref());
            let cluster = Cluster::start(ClusterOptions::safe(folder)).await?;
            let dropped = cluster.drop_database(database).await;
            if !running {
                cluster.stop(pg_cluster::STOP_PATIENCE).await?;
            }
            Ok(dropped?)
        }
        ["stop", folder] => {
            if pg_cluster::is_running(folder.as_ref()) {
                Cluster::start(ClusterOptions::for_tests(folder)).await?.stop(pg_cluster::STOP_PATIENCE).await?;
            }
            Ok(())
        }
        _ => Err("usage: pg-cluster start|scratch|reset FOLDER DATABASE | stop FOLDER".into()),
    }
}
