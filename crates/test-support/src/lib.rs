//! What integration tests stand on: an own database per test, people with roles, simulated machines.
//!
//! Invariants: nothing here is shared between tests except the cluster and the template; arrangement and inspection go
//! through the owner's pool, which row-level security does not hold; what is tested goes through [`Platform`].

mod archive;
mod captcha;
mod database;
mod directory;
mod engine;
mod node;
mod oidc;
mod people;
mod private_registry;
mod program;
mod registry;
mod smtp;
mod totp;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use contract::Permission;
use contract::accounts::Language;
use platform::db::Db;
use platform::secrets::Keyring;
use platform::{Clock, OpContext, Platform, PlatformSettings, Principal, SystemActor};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

pub use archive::{image_archive, tar};
pub use captcha::solve_captcha;
pub use database::TestDatabase;
pub use directory::{Directory, SEARCHER, SEARCHER_PASSWORD};
pub use engine::{Authority, BUSYBOX, DockerEngine, OtherEnd, OtherSocket, Signed, Validity};
pub use node::TestNode;
pub use oidc::{Misbehaviour, OidcProvider};
use people::Place;
pub use people::{PASSWORD, TestCustomer, TestUser};
pub use private_registry::{PULLER, PULLER_PASSWORD, PrivateRegistry};
pub use registry::{Registry, loadable_archive, runnable_archive};
pub use smtp::{Manner, SinkMail, SmtpSink};
pub use totp::totp_code;

/// A public key for SSH as `ssh-keygen` writes it; nobody has its private half.
pub const SSH_PUBLIC_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOYiptV+rXV6dbgQ7Vu7BTgVqWCUH7yF+XsUQ515OPFT wanda@laptop";

/// Connections of one platform.
const APP_CONNECTIONS: u32 = 10;
/// How long [`eventually`] waits: far beyond what a loaded machine needs, so that only a true failure reaches it.
const DEADLINE: Duration = Duration::from_secs(60);

/// A platform over a database of its own. The methods panic when something cannot be arranged: no test goes on then.
pub struct TestPlatform {
    /// The first server.
    pub platform: Platform,
    keyring: Keyring,
    zone: chrono_tz::Tz,
    owner: PgPool,
    admins: AtomicU32,
    store: std::path::PathBuf,
    _files: tempfile::TempDir,
    // Last, so that the pools above are gone before their database is dropped.
    database: TestDatabase,
}

impl TestPlatform {
    /// A new database and one server over it.
    pub async fn new() -> Self {
        Self::in_zone(chrono_tz::Tz::UTC).await
    }

    /// The same, of an installation in this time zone.
    pub async fn in_zone(zone: chrono_tz::Tz) -> Self {
        Self::try_new(zone).await.expect("a private PostgreSQL starts and takes a new database")
    }

    async fn try_new(zone: chrono_tz::Tz) -> anyhow::Result<Self> {
        let database = TestDatabase::new().await?;
        // Few, and opened when first used: many tests run at once.
        let owner = PgPoolOptions::new().max_connections(4).connect_lazy_with(database.owner_options());
        let keyring = Keyring::generate();
        let files = tempfile::tempdir()?;
        // As on a new machine, the store's folder is not there before it is used.
        let store = files.path().join("store");
        let platform = open(database.app_options(), &keyring, Clock::default(), zone, &store).await?;
        Ok(Self { platform, keyring, zone, owner, admins: AtomicU32::new(0), store, _files: files, database })
    }

    /// One more server over the same database: its own pool, its own memory, the same clock.
    pub async fn another_server(&self) -> Platform {
        let clock = self.platform.clock().clone();
        open(self.database.app_options(), &self.keyring, clock, self.zone, &self.store)
            .await
            .expect("a second server opens over the same database")
    }

    /// A server over another database of the cluster, whose schema a test has brought up itself, and an admin there.
    pub async fn server_over(&self, database: &str) -> (Platform, TestUser) {
        let clock = self.platform.clock().clone();
        let app = self.database.app_options().database(database);
        let platform = open(app, &self.keyring, clock, self.zone, &self.store).await.expect("a server opens over it");
        let owner =
            PgPoolOptions::new().max_connections(1).connect_lazy_with(self.database.owner_options().database(database));
        let admin = people::add_user(&owner, platform.clock(), "admin", Place::Admin).await.expect("it takes an admin");
        owner.close().await;
        (platform, admin)
    }

    /// A superuser's pool, for arrangement and inspection; never what is tested.
    pub fn owner_pool(&self) -> &PgPool {
        &self.owner
    }

    /// The database, for programs and pools of one's own.
    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// The directory of the store.
    pub fn files_dir(&self) -> &std::path::Path {
        &self.store
    }

    /// The installation's key, for programs of one's own.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// The servers' clock, to be moved.
    pub fn clock(&self) -> &Clock {
        self.platform.clock()
    }

    /// A new platform admin.
    pub async fn admin(&self) -> TestUser {
        let number = self.admins.fetch_add(1, Ordering::Relaxed) + 1;
        self.user(&format!("admin{number}"), Place::Admin).await
    }

    /// A new operator.
    pub async fn operator(&self, name: &str) -> TestUser {
        self.user(name, Place::Operator).await
    }

    /// Somebody with a role of their own made of these permissions.
    pub async fn with_role(&self, name: &str, permissions: &[Permission]) -> TestUser {
        let user = self.outsider(name).await;
        people::add_role(&self.owner, user, &format!("role of {name}"), permissions)
            .await
            .expect("the role can be added")
    }

    /// A person who belongs to no customer.
    pub async fn outsider(&self, name: &str) -> TestUser {
        self.user(name, Place::Nowhere).await
    }

    /// A new customer with an owner and a member.
    pub async fn customer(&self, name: &str) -> TestCustomer {
        people::add_customer(&self.owner, self.clock(), name).await.expect("the customer can be added")
    }

    /// A machine with this code whose agent has joined.
    pub async fn node(&self, code: &str) -> TestNode {
        TestNode::join(&self.platform, &self.admin().await, code).await.expect("the machine can be added")
    }

    /// Id and answer of a challenge that was solved, as they come with a form.
    pub async fn captcha(&self) -> (Option<String>, Option<String>) {
        let kind = Some(contract::accounts::CaptchaKind::Pow);
        let captcha = platform::accounts::new_captcha(&self.platform, &self.anonymous(), kind).await;
        let captcha = captcha.expect("a challenge can always be made");
        (Some(captcha.captcha_id.clone()), Some(solve_captcha(&captcha)))
    }

    /// A request of nobody, now.
    pub fn anonymous(&self) -> OpContext {
        people::context(Principal::Anonymous, self.clock())
    }

    /// Background work, now.
    pub fn system(&self, actor: SystemActor) -> OpContext {
        self.platform.system(actor)
    }

    async fn user(&self, name: &str, place: Place) -> TestUser {
        people::add_user(&self.owner, self.clock(), name, place).await.expect("the user can be added")
    }
}

/// The small program that reads workbooks; built when only some packages' tests were.
fn sheet_reader() -> std::path::PathBuf {
    static READER: std::sync::OnceLock<std::path::PathBuf> = std::sync::OnceLock::new();
    READER
        .get_or_init(|| {
            // target/debug/deps/it-1234 → target/debug/read-sheet
            let test = std::env::current_exe().expect("a test is a program");
            let reader = test.ancestors().nth(2).expect("tests lie in target/<profile>/deps").join("read-sheet");
            if !reader.exists() {
                let built = std::process::Command::new(env!("CARGO"))
                    .args(["build", "-q", "-p", "sheets", "--bin", "read-sheet"])
                    .status();
                assert!(built.is_ok_and(|status| status.success()), "the reader of workbooks could not be built");
            }
            reader
        })
        .clone()
}

async fn open(
    database: PgConnectOptions,
    keyring: &Keyring,
    clock: Clock,
    time_zone: chrono_tz::Tz,
    files_dir: &std::path::Path,
) -> anyhow::Result<Platform> {
    let failed = |error: platform::Error| anyhow!("{error}");
    let db = Db::connect(database, APP_CONNECTIONS).await.map_err(failed)?;
    let settings = PlatformSettings {
        public_url: "http://gpu.test".to_owned(),
        default_language: Language::En,
        time_zone,
        sheet_reader: sheet_reader(),
        files_dir: files_dir.to_owned(),
        apps: Some(apps().map_err(|wrong| anyhow!(wrong))?),
        ssh_port: contract::access::SSH_PORT,
    };
    Platform::open(db, keyring.clone(), clock, settings).await.map_err(failed)
}

/// Below which name applications are: no client looks it up.
pub const APPS: &str = "http://*.localhost:3001";

fn apps() -> Result<platform::instances::AppsAddress, String> {
    let portal = "http://gpu.test".parse().map_err(|error| format!("{error}"))?;
    platform::instances::AppsAddress::parse(APPS, &portal)
}

/// Asks until the answer is `Some`.
///
/// # Panics
/// After a minute, naming what was waited for.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {DEADLINE:?} for {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
