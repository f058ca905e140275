//! Links to applications where their origins are ports of one host name, and where there is no place for them at all; how many
//! browsers a person is in with, and what nobody opens any more.

use contract::accounts::{Language, MemberRole};
use contract::apps::AppLinkCreate;
use contract::customers::MemberCreate;
use contract::instances::InstanceState;
use contract::{AppLinkId, ErrorCode, InstanceId};
use platform::instances::{self, AppEntry, AppName, AppStanding, AppWay, AppsAddress};
use platform::{
    Clock, OpContext, Platform, PlatformSettings, Principal, UserPrincipal, Via, customers, db::Db, secrets,
};
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

/// What a browser keeps at the origin of a link.
const KEPT: &str = "kept";

/// The portal's ticket for it.
async fn ticket(test: &TestPlatform, ctx: &OpContext, name: &str) -> Result<String, ErrorCode> {
    let state = hex::encode(secrets::sha256(KEPT.as_bytes()));
    let way =
        instances::enter_app(&test.platform, ctx, name, (Some(&state), None)).await.map_err(|error| error.code)?;
    let AppWay::On(address) = way else { panic!("it says where it came from") };
    Ok(address.rsplit_once("?ticket=").unwrap().1.to_owned())
}

async fn redeem(test: &TestPlatform, name: &str, ticket: &str) -> Result<AppEntry, ErrorCode> {
    let name = AppName::parse(name).unwrap();
    let entry = instances::redeem_app_ticket(&test.platform, &test.anonymous(), &name, (ticket, KEPT)).await;
    entry.map_err(|error| error.code)
}

/// What the origin of a new link of that port is told apart by.
async fn name_of(test: &TestPlatform, ctx: &OpContext, id: InstanceId, port: u16) -> String {
    let (_, url) = add(&test.platform, ctx, id, port).await.unwrap();
    url.strip_prefix("http://").unwrap().split('.').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_person_is_in_with_so_many_browsers() {
    let test = TestPlatform::new().await;
    let (acme, id) = instance(&test).await;
    let enter = async |name: &str| {
        let ticket = ticket(&test, &acme.owner.ctx(), name).await?;
        redeem(&test, name, &ticket).await
    };
    let names = [name_of(&test, &acme.owner.ctx(), id, 1).await, name_of(&test, &acme.owner.ctx(), id, 2).await];
    let first = enter(&names[0]).await.unwrap();
    for n in 1..=30 {
        test.clock().advance(chrono::TimeDelta::seconds(1));
        enter(&names[n % 2]).await.unwrap();
    }
    let open = "select count(*) from app_visits where ended_at is null";
    let count =
        async |sql: &'static str| -> i64 { sqlx::query_scalar(sql).fetch_one(test.owner_pool()).await.unwrap() };
    assert_eq!(count(open).await, 30);
    assert_eq!(count("select count(*) from app_visits where reason = 'limit'").await, 1);
    let name = AppName::parse(&names[0]).unwrap();
    let found = instances::app_visit(&test.platform, &test.anonymous(), &name, &first.secret).await.unwrap();
    assert!(found.is_none(), "the one that was used the longest ago");
    // Nor are there many one after the other: each is a row.
    for _ in 31..60 {
        enter(&names[0]).await.unwrap();
    }
    assert_eq!(enter(&names[1]).await.err(), Some(ErrorCode::RateLimited));
    assert_eq!(count(open).await, 30);
    test.clock().advance(chrono::TimeDelta::seconds(61));
    enter(&names[1]).await.unwrap();
}

#[tokio::test]
async fn what_is_being_deleted_is_opened_no_more() {
    let test = TestPlatform::new().await;
    let (acme, id) = instance(&test).await;
    let ctx = acme.owner.ctx();
    let name = name_of(&test, &ctx, id, 8888).await;
    let early = ticket(&test, &ctx, &name).await.unwrap();
    sqlx::query("update instances set wanted = 'deleted' where id = $1")
        .bind(id.0)
        .execute(test.owner_pool())
        .await
        .unwrap();
    assert_eq!(instances::get(&test.platform, &ctx, id).await.unwrap().state, InstanceState::Deleting);
    // Else a browser would be sent to and fro without end: the visit is over as soon as it begins.
    assert_eq!(ticket(&test, &ctx, &name).await.err(), Some(ErrorCode::NotFound));
    assert_eq!(redeem(&test, &name, &early).await.err(), Some(ErrorCode::NotFound));
}

#[tokio::test]
async fn who_is_removed_is_out_whichever_customer_their_session_acts_for() {
    let test = TestPlatform::new().await;
    let (acme, id) = instance(&test).await;
    let (other, person) = (test.customer("Other").await, &acme.member);
    let body = MemberCreate { username: person.name.clone(), existing: true, ..Default::default() };
    customers::add_member(&test.platform, &test.admin().await.ctx(), other.id, body).await.unwrap();
    let body = AppLinkCreate { name: "lab".to_owned(), port: 8888, shared: true };
    let url = instances::add_app_link(&test.platform, &acme.owner.ctx(), id, body).await.unwrap().url;
    let label = url.strip_prefix("http://").unwrap().split('.').next().unwrap().to_owned();
    let used = ticket(&test, &person.ctx(), &label).await.unwrap();
    let entry = redeem(&test, &label, &used).await.unwrap();
    let unused = ticket(&test, &person.ctx(), &label).await.unwrap();
    sqlx::query("update sessions set customer_id = $1 where id = $2")
        .bind(other.id.0)
        .bind(person.principal.session.0)
        .execute(test.owner_pool())
        .await
        .unwrap();
    let name = AppName::parse(&label).unwrap();
    let visit = instances::app_visit(&test.platform, &test.anonymous(), &name, &entry.secret).await.unwrap();
    let visit = visit.expect("whichever customer it acts for, they are one of Acme's people");
    customers::remove_member(&test.platform, &acme.owner.ctx(), acme.id, person.id).await.unwrap();
    // Written with the removal, and not only once somebody looks.
    let reasons: Vec<String> =
        sqlx::query_scalar("select reason from app_visits").fetch_all(test.owner_pool()).await.unwrap();
    assert_eq!(reasons, ["access"]);
    assert_eq!(visit.standing(&test.platform).await.unwrap(), AppStanding::Over("access"));
    assert_eq!(redeem(&test, &label, &unused).await.err(), Some(ErrorCode::NotFound));
}

#[tokio::test]
async fn who_left_ends_nothing_in_what_they_made_there() {
    let test = TestPlatform::new().await;
    let (acme, id) = instance(&test).await;
    let (other, person) = (test.customer("Other").await, &acme.member);
    sqlx::query("update instances set created_by = $1 where id = $2")
        .bind(person.id.0)
        .bind(id.0)
        .execute(test.owner_pool())
        .await
        .unwrap();
    let body = AppLinkCreate { name: "lab".to_owned(), port: 8888, shared: true };
    let url = instances::add_app_link(&test.platform, &person.ctx(), id, body).await.unwrap().url;
    let label = url.strip_prefix("http://").unwrap().split('.').next().unwrap().to_owned();
    let used = ticket(&test, &acme.owner.ctx(), &label).await.unwrap();
    redeem(&test, &label, &used).await.unwrap();
    let visit = "select id::text from app_visits where ended_at is null";
    let visit: String = sqlx::query_scalar(visit).fetch_one(test.owner_pool()).await.unwrap();
    customers::remove_member(&test.platform, &acme.owner.ctx(), acme.id, person.id).await.unwrap();
    let elsewhere = UserPrincipal {
        memberships: vec![(other.id, MemberRole::Member)],
        active_customer: Some(other.id),
        ..person.principal.clone()
    };
    let elsewhere = Principal::User(Box::new(elsewhere));
    let elsewhere = OpContext::new(elsewhere, test.clock().now(), Via::Rest, "elsewhere", None, Language::En);
    let refused = instances::end_access(&test.platform, &elsewhere, &visit).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
    let open = "select count(*) from app_visits where ended_at is null";
    let open = async || -> i64 { sqlx::query_scalar(open).fetch_one(test.owner_pool()).await.unwrap() };
    assert_eq!(open().await, 1);
    instances::end_access(&test.platform, &acme.owner.ctx(), &visit).await.unwrap();
    assert_eq!(open().await, 0);
}

#[tokio::test]
async fn who_is_not_signed_in_is_told_so() {
    let test = TestPlatform::new().await;
    let refused = instances::shared_apps(&test.platform, &test.anonymous()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Unauthenticated);
}
