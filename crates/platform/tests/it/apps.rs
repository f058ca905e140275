//! Links to applications where their origins are ports of one host name, and where there is no place for them at all.

use contract::apps::AppLinkCreate;
use contract::{AppLinkId, ErrorCode, InstanceId};
use platform::instances::{self, AppsAddress};
use platform::{Clock, OpContext, Platform, PlatformSettings, db::Db};
use test_support::{TestCustomer, TestPlatform};

use crate::instances::{host, named, shop, small, tested};

/// The same installation, which has another place for applications.
async fn with(test: &TestPlatform, apps: Option<&str>) -> Platform {
    let portal = "https://gpu.test".parse().unwrap();
    let settings = PlatformSettings {
        apps: apps.map(|text| AppsAddress::parse(text, &portal).unwrap()),
        ..test.platform.settings().clone()
    };
    let db = Db::connect(test.database().app_options(), 4).await.unwrap();
    Platform::open(db, test.keyring().clone(), Clock::default(), settings).await.unwrap()
}

/// An instance of Acme's owner.
async fn instance(test: &TestPlatform) -> (TestCustomer, InstanceId) {
    let admin = test.admin().await;
    let shop = shop(test, &admin.ctx(), "library/small:1", small()).await;
    host(test, &admin.ctx(), "host-1", 0, "/nonexistent/docker.sock").await;
    tested(test, "host-1").await;
    let acme = test.customer("Acme").await;
    let made = instances::create(&test.platform, &acme.owner.ctx(), named("one", &shop)).await.unwrap();
    (acme, made.id)
}

async fn add(
    platform: &Platform,
    ctx: &OpContext,
    id: InstanceId,
    port: u16,
) -> Result<(AppLinkId, String), ErrorCode> {
    let body = AppLinkCreate { name: format!("port {port}"), port, shared: false };
    let made = instances::add_app_link(platform, ctx, id, body).await.map_err(|error| error.code)?;
    Ok((made.id, made.url))
}

#[tokio::test]
async fn each_link_has_a_port_and_the_one_free_for_longest() {
    let test = TestPlatform::new().await;
    let (acme, id) = instance(&test).await;
    let (platform, ctx) = (with(&test, Some("https://apps.test:9000-9004")).await, acme.owner.ctx());
    // All at once, and one more than there are.
    let all = (1..=6u16).map(|port| add(&platform, &ctx, id, port));
    let all = futures_util::future::join_all(all).await;
    let mut made: Vec<_> = all.iter().filter_map(|it| it.as_ref().ok()).cloned().collect();
    made.sort_by(|a, b| a.1.cmp(&b.1));
    let urls: Vec<_> = made.iter().map(|(_, url)| url.as_str()).collect();
    let expected = [9000, 9001, 9002, 9003, 9004].map(|port| format!("https://apps.test:{port}/"));
    assert_eq!(urls, expected);
    assert_eq!(all.iter().find_map(|it| it.as_ref().err()), Some(&ErrorCode::NoCapacity));
    for n in [3, 1] {
        platform.clock().advance(chrono::TimeDelta::seconds(1));
        let ctx = ctx.at(platform.clock().now());
        instances::remove_app_link(&platform, &ctx, id, made[n].0).await.unwrap();
    }
    let ctx = ctx.at(platform.clock().now());
    for place in [9003, 9001] {
        assert_eq!(add(&platform, &ctx, id, 100 + place).await.unwrap().1, format!("https://apps.test:{place}/"));
    }
    // Seen from where names are what tells origins apart, every link has one, too.
    let named = instances::app_links(&test.platform, &ctx, id).await.unwrap();
    assert_eq!(named.len(), 5);
    assert!(named.iter().all(|link| link.url.ends_with(".localhost:3001/")), "{named:?}");
}

#[tokio::test]
async fn without_a_place_there_are_none() {
    let test = TestPlatform::new().await;
    let (acme, id) = instance(&test).await;
    let (platform, ctx) = (with(&test, None).await, acme.owner.ctx());
    assert_eq!(add(&platform, &ctx, id, 8888).await, Err(ErrorCode::WrongState));
    let refused = instances::app_links(&platform, &ctx, id).await.unwrap_err();
    assert_eq!((refused.code, refused.key), (ErrorCode::WrongState, "error-apps-off"));
    // Who may not even see it learns nothing of that.
    let refused = instances::app_links(&platform, &test.outsider("nobody").await.ctx(), id).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
}
