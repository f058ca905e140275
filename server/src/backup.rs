//! `remotegpu backup` and `remotegpu restore`: the database as one file of PostgreSQL's own format. The secrets key is
//! not in it: who finds the file cannot read the secrets, and who restores it needs the key as well.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use platform::db::Db;
use platform::secrets::Keyring;

use crate::config::Config;
use crate::database::{self, DATABASE};

/// The owner's connection, and the private cluster it leads to where there is one.
struct Owner {
    url: url::Url,
    cluster: Option<pg_cluster::Cluster>,
    /// A server was using the cluster before us and goes on.
    in_use: bool,
}

impl Owner {
    async fn open(config: &Config) -> anyhow::Result<Self> {
        if let Some(url) = config.database_owner_url.as_ref().or(config.database_url.as_ref()) {
            return Ok(Self { url: url.parse().context("the owner's database URL")?, cluster: None, in_use: false });
        }
        let in_use = database::cluster_runs(config);
        let cluster = pg_cluster::Cluster::start(database::cluster_options(config)).await?;
        cluster.ensure_database(DATABASE).await?;
        Ok(Self { url: cluster.owner_url(DATABASE).parse()?, cluster: Some(cluster), in_use })
    }

    async fn close(self) -> anyhow::Result<()> {
        database::leave(self.cluster, self.in_use).await
    }

    /// One of PostgreSQL's programs. The connection goes through the environment: words of a command are for all to see.
    fn program(&self, name: &str) -> anyhow::Result<std::process::Command> {
        let mut command = std::process::Command::new(pg_cluster::programs()?.join(name));
        for (name, value) in connection(&self.url) {
            command.env(name, value);
        }
        Ok(command)
    }
}

/// libpq's environment variables for a connection URL.
fn connection(url: &url::Url) -> Vec<(&'static str, String)> {
    let plain = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut variables = vec![
        ("PGHOST", url.host_str().map(plain).unwrap_or_default()),
        ("PGPORT", url.port().map(|port| port.to_string()).unwrap_or_default()),
        ("PGUSER", plain(url.username())),
        ("PGPASSWORD", url.password().map(plain).unwrap_or_default()),
        ("PGDATABASE", plain(url.path().trim_start_matches('/'))),
    ];
    for (name, value) in url.query_pairs() {
        let known = match name.as_ref() {
            "host" => "PGHOST",
            "port" => "PGPORT",
            "user" => "PGUSER",
            "password" => "PGPASSWORD",
            "dbname" => "PGDATABASE",
            "sslmode" | "ssl-mode" => "PGSSLMODE",
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => "PGSSLROOTCERT",
            "sslcert" | "ssl-cert" => "PGSSLCERT",
            "sslkey" | "ssl-key" => "PGSSLKEY",
            _ => continue,
        };
        variables.push((known, value.into_owned()));
    }
    variables.retain(|(_, value)| !value.is_empty());
    variables
}

/// Writes the whole database, as it is at one instant, to a new file; servers go on meanwhile.
///
/// # Errors
/// When the file exists already, or PostgreSQL's `pg_dump` says no; then there is no file.
pub async fn backup(config: &Config, file: &Path) -> anyhow::Result<()> {
    if file.exists() {
        bail!("{} exists already: choose another name", file.display());
    }
    let owner = Owner::open(config).await?;
    let part = partial(file);
    let written = write_dump(&owner, &part).and_then(|()| {
        std::fs::rename(&part, file).with_context(|| format!("{}", file.display()))?;
        // The name too has to survive a power failure.
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(std::fs::File::open(folder)?.sync_all()?)
    });
    if written.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    owner.close().await?;
    written
}

fn partial(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    file.with_file_name(name)
}

fn write_dump(owner: &Owner, part: &Path) -> anyhow::Result<()> {
    let _ = std::fs::remove_file(part);
    // Everything people typed is in it: for us alone.
    let output = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(part);
    let output = output.with_context(|| format!("{}", part.display()))?;
    let mut dump = owner.program("pg_dump")?;
    dump.args(["--format=custom", "--no-owner"]).stdout(output.try_clone()?);
    let status = dump.status().context("pg_dump does not start")?;
    if !status.success() {
        bail!("pg_dump: {status}. With DATABASE_URL, the owner has to pass row-level security: superuser or bypassrls");
    }
    Ok(output.sync_all()?)
}

/// Puts a backup into an empty database, whole or not at all, and brings it up to this version's schema.
///
/// # Errors
/// When the secrets key is missing or not the one it was written with, the database is not empty, or the file is no
/// backup: nothing is written then.
pub async fn restore(config: &Config, file: &Path) -> anyhow::Result<()> {
    std::fs::File::open(file).with_context(|| format!("{}", file.display()))?;
    let Some(keyring) = database::read_key(&config.secrets_key_file)? else {
        bail!(
            "{} is missing: without the key that the backup was written with, its secrets cannot be read. Put the key \
             file there first; nothing was written",
            config.secrets_key_file.display()
        );
    };
    must_fit(file, &keyring)?;
    let in_use = database::cluster_runs(config);
    let owner = Owner::open(config).await?;
    let restored = read_dump(&owner, file).await;
    owner.close().await?;
    restored?;
    database::migrate(config).await?;
    // Opening it compares the schema and the key.
    let opened = database::open(config).await?;
    opened.platform.db().close().await;
    database::leave(opened.cluster, in_use).await
}

/// Refuses a key that the backup was not written with, before anything is written: the backup knows its keys' ids.
fn must_fit(file: &Path, keyring: &Keyring) -> anyhow::Result<()> {
    let mut list = std::process::Command::new(pg_cluster::programs()?.join("pg_restore"));
    list.args(["--data-only", "--table=key_checks", "--file=-"]).arg(file);
    let output = list.output().context("pg_restore does not start")?;
    if !output.status.success() {
        bail!("{} is no backup: {}; nothing was written", file.display(), first_line(&output.stderr));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let known = key_ids(&text);
    if !known.is_empty() && !known.contains(&keyring.id().as_str()) {
        bail!(
            "the backup was written with the key {}, and this one is {}; nothing was written",
            known.join(", "),
            keyring.id()
        );
    }
    Ok(())
}

fn first_line(text: &[u8]) -> String {
    String::from_utf8_lossy(text).lines().next().unwrap_or_default().to_owned()
}

/// First column of the rows that `pg_restore` prints for the table of keys.
pub(crate) fn key_ids(text: &str) -> Vec<&str> {
    let rows = text.lines().skip_while(|line| !line.starts_with("COPY ")).skip(1).take_while(|line| *line != "\\.");
    rows.filter_map(|row| row.split('\t').next()).collect()
}

async fn read_dump(owner: &Owner, file: &Path) -> anyhow::Result<()> {
    if !Db::prepare_restore(owner.url.as_str().parse().context("the owner's database URL")?).await? {
        bail!(
            "the database is not empty, and a backup is only put into an empty one: stop the servers, then move \
             <data_dir>/postgres away or name a new database"
        );
    }
    let database = connection(&owner.url).into_iter().rfind(|(name, _)| *name == "PGDATABASE");
    let database = database.map(|(_, name)| name).unwrap_or_default();
    let mut restore = owner.program("pg_restore")?;
    restore
        .args(["--no-owner", "--single-transaction", "--exit-on-error"])
        .arg(format!("--dbname={database}"))
        .arg(file);
    let status = restore.status().context("pg_restore does not start")?;
    if !status.success() {
        bail!("pg_restore: {status}; nothing was written");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_backup_are_read() {
        let text = "--\nCOPY public.key_checks (key_id, check_text, created_at) FROM stdin;\n0011aabb\t\\\\x01\t2026-01-01\n\\.\n\n--\nx\ty\n";
        assert_eq!(key_ids(text), ["0011aabb"]);
        assert_eq!(key_ids("-- nothing"), Vec::<&str>::new());
    }

    #[test]
    fn a_url_becomes_what_the_programs_read() {
        let url = "postgres://me:p%40ss@db.example.org:5433/remotegpu?sslmode=verify-full&host=%2Frun%2Fpg".parse();
        let variables = connection(&url.expect("a URL"));
        let value = |name: &str| variables.iter().rfind(|(n, _)| *n == name).map(|(_, value)| value.as_str());
        assert_eq!(value("PGPASSWORD"), Some("p@ss"));
        assert_eq!(value("PGHOST"), Some("/run/pg"), "what is said later counts");
        assert_eq!(value("PGSSLMODE"), Some("verify-full"));
        assert_eq!((value("PGPORT"), value("PGDATABASE")), (Some("5433"), Some("remotegpu")));
    }
}
