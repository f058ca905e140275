//! The connection pool and the one way to open a transaction: [`Db::begin`], which tells PostgreSQL who it is for, so
//! that row-level security stands behind every statement.
//!
//! Invariants: the role owns nothing and bypasses nothing (checked at start); every statement, reads too, runs in a
//! transaction made here; what a transaction is for is set with `set local`, so it ends with it.

use contract::ErrorCode;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgPool, Postgres};

use crate::{Error, OpContext, Principal, Result};

/// The role the application acts as.
pub const APP_ROLE: &str = "remotegpu_app";

/// Every migration, embedded.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// A transaction for one principal.
pub type Tx = sqlx::Transaction<'static, Postgres>;

/// The pool.
#[derive(Clone, Debug)]
pub struct Db {
    pool: PgPool,
}

impl Db {
    /// Connects with up to `max_connections` connections. Whoever logs in, statements run as [`APP_ROLE`].
    pub async fn connect(options: PgConnectOptions, max_connections: u32) -> Result<Self> {
        let pool = PgPoolOptions::new()
            .max_connections(max_connections)
            .acquire_timeout(std::time::Duration::from_secs(10))
            .after_connect(|connection, _| {
                Box::pin(async move {
                    // A login role other than the application's (one DATABASE_URL for everything) steps down first.
                    sqlx::raw_sql("set role remotegpu_app; set timezone = 'UTC'; set statement_timeout = '60s'")
                        .execute(connection)
                        .await?;
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        Ok(Self { pool })
    }

    /// A transaction for the context's principal.
    pub async fn begin(&self, ctx: &OpContext) -> Result<Tx> {
        self.begin_as("begin", ctx).await
    }

    /// One in which everything stays as it was at its first statement: for lists that are read page by page. Reads only.
    pub async fn snapshot(&self, ctx: &OpContext) -> Result<Tx> {
        self.begin_as("begin isolation level repeatable read, read only", ctx).await
    }

    async fn begin_as(&self, begin: &str, ctx: &OpContext) -> Result<Tx> {
        let (mut user, mut customer, mut machine) = (None, None, None);
        let kind = match ctx.principal() {
            Principal::Anonymous => "anonymous",
            Principal::System(_) => "system",
            Principal::Node { machine: id, .. } => {
                machine = Some(id.0);
                "node"
            }
            Principal::User(principal) => {
                user = Some(principal.id.0);
                customer = principal.active_customer.map(|id| id.0);
                if ctx.is_staff() { "staff" } else { "customer" }
            }
        };
        let text = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
        let owner = if ctx.sees_all_of_customer() { "on" } else { "off" };
        // One round trip. Safe to format: the beginning is one of two, the kind one of five words, as is who owns it of two, the
        // rest are integers.
        let statement = format!(
            "{begin}; set local app.kind = '{kind}'; set local app.\"user\" = '{}'; set local app.customer = '{}'; \
             set local app.machine = '{}'; set local app.owner = '{owner}'",
            text(user),
            text(customer),
            text(machine)
        );
        Ok(self.pool.begin_with(AssertSqlSafe(statement)).await?)
    }

    /// True when the database answers.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query("select 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Applies what is missing; needs the owner's connection, not the application's.
    pub async fn migrate(owner: PgConnectOptions) -> Result<()> {
        let pool = PgPoolOptions::new().max_connections(1).connect_with(owner).await?;
        MIGRATIONS.run(&pool).await.map_err(Error::internal)?;
        sqlx::raw_sql("grant select on _sqlx_migrations to remotegpu_app").execute(&pool).await?;
        pool.close().await;
        Ok(())
    }

    /// Makes a database ready for a backup to be put into it: false when it is not empty. Roles belong to the cluster and
    /// are in no backup, so the application's is made where it is missing.
    pub async fn prepare_restore(owner: PgConnectOptions) -> Result<bool> {
        let pool = PgPoolOptions::new().max_connections(1).connect_with(owner).await?;
        let empty: bool =
            sqlx::query_scalar("select to_regclass('public._sqlx_migrations') is null").fetch_one(&pool).await?;
        if empty {
            let role = "do $$ begin
                  if not exists (select from pg_roles where rolname = 'remotegpu_app') then
                    create role remotegpu_app nologin nosuperuser nobypassrls;
                  end if;
                end $$";
            sqlx::raw_sql(role).execute(&pool).await?;
        }
        pool.close().await;
        Ok(empty)
    }

    /// Refuses a schema that is older than this program.
    pub(crate) async fn check_schema(&self) -> Result<()> {
        let newest = MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0);
        let found: Option<i64> = sqlx::query_scalar("select max(version) from _sqlx_migrations where success")
            .fetch_one(&self.pool)
            .await
            .map_err(|cause| Error::new(ErrorCode::Unavailable).with_key("error-schema-missing").with_cause(cause))?;
        if found.unwrap_or(0) < newest {
            return Err(Error::new(ErrorCode::Unavailable)
                .with_key("error-schema-old")
                .with_arg("found", found.unwrap_or(0))
                .with_arg("needed", newest));
        }
        Ok(())
    }

    /// Refuses a role that row-level security would not hold.
    pub(crate) async fn check_role(&self) -> Result<()> {
        let (superuser, bypass, owned): (bool, bool, i64) = sqlx::query_as(
            "select r.rolsuper, r.rolbypassrls, (select count(*) from pg_class c where c.relowner = r.oid) \
             from pg_roles r where r.rolname = current_user",
        )
        .fetch_one(&self.pool)
        .await?;
        if superuser || bypass || owned > 0 {
            return Err(Error::internal("the application's database role owns objects or bypasses row-level security"));
        }
        Ok(())
    }

    /// Connections in use and idle, for the metrics page.
    pub fn pool_size(&self) -> (u32, usize) {
        (self.pool.size(), self.pool.num_idle())
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// The `ilike` pattern for "contains this", or `None` for nothing: what people type is text, never a pattern.
pub(crate) fn contains(text: &str) -> Option<String> {
    let text = text.trim();
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    (!text.is_empty()).then(|| format!("%{escaped}%"))
}

/// Constraint → what to tell the user. A race for one thing ends here, not in a check-then-act.
const CONSTRAINTS: &[(&str, &str, &str)] = &[
    ("machines_code_unique", "id", "field-machine-code-taken"),
    ("machines_code_shape", "id", "field-machine-code-shape"),
    ("machines_name_unique", "name", "field-machine-name-taken"),
    ("machines_name_length", "name", "field-length-1-100"),
    ("users_name_unique", "name", "field-user-name-taken"),
    ("users_email_unique", "email", "field-user-email-taken"),
    ("users_name_shape", "name", "field-user-name-shape"),
    ("memberships_pkey", "username", "field-member-already"),
    ("roles_name_unique", "name", "field-role-name-taken"),
    ("roles_name_length", "name", "field-length-1-100"),
    ("customers_name_unique", "name", "field-customer-name-taken"),
    ("customers_name_look_unique", "name", "field-customer-name-alike"),
    ("customers_name_length", "name", "field-length-1-100"),
    ("specs_name_unique", "name", "field-spec-name-taken"),
    ("images_name_unique", "name", "field-image-name-taken"),
    ("images_name_own", "name", "field-image-name-taken"),
    ("image_registries_address_unique", "address", "field-registry-taken"),
    ("image_registries_holds", "holdsArchives", "field-registry-holds-taken"),
    ("instances_name_unique", "name", "field-instance-name-taken"),
    ("app_links_port_unique", "port", "field-app-port-taken"),
    ("budgets_name_unique", "name", "field-budget-name-taken"),
    ("instance_saves_name", "name", "field-image-name-taken"),
    ("instances_machine_lent", "machine", "field-machine-raced"),
    ("instance_gpus_held", "spec", "field-gpus-raced"),
    ("gpu_shares_fit", "spec", "field-gpus-raced"),
    ("allocations_machine_used", "machine", "field-machine-has-instances"),
    ("images_file_fkey", "id", "field-file-in-use"),
    ("identity_providers_name_unique", "name", "field-provider-name-taken"),
    ("allocations_no_overlap", "startsAt", "field-allocation-raced"),
    ("renewal_requests_one_open", "months", "field-renewal-open"),
];

impl From<sqlx::Error> for Error {
    fn from(cause: sqlx::Error) -> Self {
        if let sqlx::Error::Database(database) = &cause {
            if let Some(name) = database.constraint()
                && let Some((_, path, key)) = CONSTRAINTS.iter().find(|(constraint, _, _)| *constraint == name)
            {
                let code =
                    if database.is_unique_violation() { ErrorCode::AlreadyExists } else { ErrorCode::Validation };
                return Error::new(code).with_field(path, key).with_cause(cause);
            }
            // A NUL, which no text of the database can hold: it came from whoever asked, through whatever field or address.
            if matches!(database.code().as_deref(), Some("22021" | "22P05")) {
                return Error::new(ErrorCode::Validation).with_key("error-nul").with_cause(cause);
            }
            // 40001 serialization, 40P01 deadlock, 57P0x shutdown, 53xxx resources: worth trying again.
            let state = database.code().unwrap_or_default();
            let again = state.starts_with("40") || state.starts_with("57P") || state.starts_with("53");
            let code = if again { ErrorCode::Unavailable } else { ErrorCode::Internal };
            return Error::new(code).with_cause(cause);
        }
        let code = match &cause {
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Tls(_) => {
                ErrorCode::Unavailable
            }
            _ => ErrorCode::Internal,
        };
        Error::new(code).with_cause(cause)
    }
}

/// Ids of the keys this database was written with, with their check values.
pub(crate) async fn key_checks(tx: &mut Tx) -> Result<Vec<(String, Vec<u8>)>> {
    let rows =
        sqlx::query!("select key_id, check_text from key_checks order by created_at desc").fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(|row| (row.key_id, row.check_text)).collect())
}

/// Remembers a key.
pub(crate) async fn add_key_check(tx: &mut Tx, key_id: &str, check: &[u8]) -> Result<()> {
    sqlx::query!("insert into key_checks (key_id, check_text) values ($1, $2)", key_id, check)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

impl Db {
    /// True when a secrets key was ever used with this database. A database without our schema has none.
    pub async fn has_key(&self) -> Result<bool> {
        let known = sqlx::query_scalar::<_, bool>("select exists(select from key_checks)").fetch_one(&self.pool).await;
        match known {
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("42P01") => Ok(false),
            other => Ok(other?),
        }
    }
}
