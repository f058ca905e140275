//! `pg-cluster start FOLDER DATABASE` prints the owner's URL; `pg-cluster stop FOLDER`. For xtask.

#![expect(clippy::print_stdout, reason = "a command line answers on standard output")]

use pg_cluster::{Cluster, ClusterOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["start", folder, database] => {
            let cluster = Cluster::start(ClusterOptions::for_tests(folder)).await?;
            cluster.ensure_database(database).await?;
            println!("{}", cluster.owner_url(database));
            Ok(())
        }
        ["stop", folder] => Ok(Cluster::start(ClusterOptions::for_tests(folder)).await?.stop().await?),
        _ => Err("usage: pg-cluster start FOLDER DATABASE | stop FOLDER".into()),
    }
}
