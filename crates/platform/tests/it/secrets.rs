//! The key that belongs to the database.

use contract::ErrorCode;
use contract::accounts::Language;
use platform::db::Db;
use platform::secrets::Keyring;
use platform::{Clock, Platform, PlatformSettings};
use test_support::TestPlatform;

async fn open(test: &TestPlatform, keyring: Keyring) -> platform::Result<Platform> {
    let db = Db::connect(test.database().app_options(), 2).await?;
    let settings = PlatformSettings {
        public_url: "http://gpu.test".to_owned(),
        default_language: Language::En,
        time_zone: chrono_tz::Tz::UTC,
        sheet_reader: "read-sheet".into(),
        files_dir: std::env::temp_dir(),
        apps: None,
        ssh_port: contract::access::SSH_PORT,
    };
    Platform::open(db, keyring, Clock::default(), settings).await
}

#[tokio::test]
async fn a_database_opens_with_its_own_key_and_with_no_other() {
    let test = TestPlatform::new().await;
    let other = Keyring::generate();
    let Err(error) = open(&test, other.clone()).await else { panic!("it opened with another key") };
    assert_eq!((error.code, error.key), (ErrorCode::Unavailable, "error-wrong-secrets-key"));
    let named = [("found", other.id()), ("needed", test.keyring().id())];
    assert_eq!(error.args, named, "both keys are named, neither is shown");
    assert!(open(&test, test.keyring().clone()).await.is_ok(), "and the refusal changed nothing");
    let keys: i64 = sqlx::query_scalar("select count(*) from key_checks").fetch_one(test.owner_pool()).await.unwrap();
    assert_eq!(keys, 1, "the other key was not added");
}

/// The id of a key is in the database for everybody to read: it must not be enough.
#[tokio::test]
async fn a_key_check_that_does_not_open_is_a_wrong_key() {
    let test = TestPlatform::new().await;
    let forged = Keyring::generate();
    sqlx::query("update key_checks set key_id = $1").bind(forged.id()).execute(test.owner_pool()).await.unwrap();
    assert!(open(&test, forged).await.is_err());
}
