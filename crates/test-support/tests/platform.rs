//! The support itself: databases are apart, people can really sign in, machines really joined.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use contract::ErrorCode;
use contract::accounts::LoginRequest;
use test_support::{TestDatabase, TestPlatform, eventually};

#[tokio::test]
async fn databases_are_apart_and_go_with_their_test() {
    let (first, second) = (TestPlatform::new().await, TestPlatform::new().await);
    first.customer("Acme").await;
    let seen: i64 = sqlx::query_scalar("select count(*) from customers").fetch_one(second.owner_pool()).await.unwrap();
    assert_eq!(seen, 0, "another test's rows are elsewhere");

    let name = first.database().name().to_owned();
    let exists = async || {
        let found = sqlx::query_scalar::<_, i64>("select count(*) from pg_database where datname = $1").bind(&name);
        found.fetch_one(second.owner_pool()).await.unwrap() == 1
    };
    drop(TestDatabase::new().await.unwrap());
    assert!(exists().await, "a later test leaves the database of a running one alone");
    drop(first);
    // Another process may be cleaning up at the moment; then it is left to the next test.
    eventually("the database to be dropped", async || {
        drop(TestDatabase::new().await.unwrap());
        (!exists().await).then_some(())
    })
    .await;
}

#[tokio::test]
async fn many_databases_at_once() {
    let made: Vec<_> = (0..6).map(|_| tokio::spawn(TestDatabase::new())).collect();
    let mut names = std::collections::HashSet::new();
    for task in made {
        let database = task.await.unwrap().unwrap();
        assert!(names.insert(database.name().to_owned()));
    }
    assert_eq!(names.len(), 6);
}

#[tokio::test]
async fn people_sign_in_with_their_password_and_no_other() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    for user in [&test.admin().await, &acme.owner, &acme.member] {
        let request =
            LoginRequest { username: user.name.clone(), password: user.password.to_owned(), ..Default::default() };
        let signed_in = platform::accounts::sign_in(&test.platform, &test.anonymous(), &request).await.unwrap();
        assert_eq!(signed_in.user, user.id);
        assert!(platform::accounts::watch_session(&test.platform, &user.principal).still_valid().await.unwrap());
        let wrong = LoginRequest { password: "something else".to_owned(), ..request };
        let error = platform::accounts::sign_in(&test.platform, &test.anonymous(), &wrong).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::BadCredentials);
    }
}

#[tokio::test]
async fn a_node_is_known_by_its_key() {
    let test = TestPlatform::new().await;
    let node = test.node("host-1").await;
    assert_eq!(node.code, "host-1");
    let batch = node.batch(3, 2);
    assert_eq!((batch.sequence, batch.samples.len(), batch.samples[2].gpus.len()), (1, 3, 2));
    assert_eq!(batch.samples[2].at_ms - batch.samples[0].at_ms, 2000);
    platform::machines::report_inventory(&test.platform, &node.ctx(), "1.0.0", &node.inventory(2)).await.unwrap();
    let view = platform::machines::get(&test.platform, &test.admin().await.ctx(), "host-1").await.unwrap();
    assert_eq!(view.gpus.len(), 2);
}
