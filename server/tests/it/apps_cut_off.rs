//! What ends somebody's right to an application ends all they have open of it, within five seconds. What ends everything
//! somebody has is struck in `cut_off_instances`.

use std::time::{Duration, Instant};

use contract::InstanceId;
use futures_util::{Stream, StreamExt as _};
use http::Method;
use platform::instances;
use serde_json::{Value, json};
use test_support::eventually;
use tokio_tungstenite::tungstenite::Message;

use crate::apps::{Browser, PATIENCE, add, world};
use crate::harness::{Answer, Who};
use crate::terminals::World;

/// What is promised.
const PROMISE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Blow {
    MemberRemoved,
    EndedFromTheList,
    LinkRemoved,
    InstanceStopped,
    InstanceDeleted,
}

const BLOWS: [Blow; 5] =
    [Blow::MemberRemoved, Blow::EndedFromTheList, Blow::LinkRemoved, Blow::InstanceStopped, Blow::InstanceDeleted];

/// Strikes; what makes it as it was before, if anything has to.
async fn strike(world: &World, blow: Blow, link: &Value) -> Option<String> {
    let server = &world.server;
    let (member, acme, id) = (world.acme.member.id, world.acme.id, world.id);
    let staff = server.token(&server.test.admin().await).await;
    let sql = async |statement: String| assert_eq!(server.sql(&statement).await.len(), 1, "{blow:?}");
    let ask = async |who: &Who, method: Method, path: String| {
        let answer = Answer::of(server.request(who, method, &path).json(&json!({}))).await;
        assert_eq!(answer.status, 200, "{blow:?}: {answer:?}");
        answer.data()
    };
    match blow {
        Blow::MemberRemoved => {
            sql(format!("delete from memberships where user_id = {member} returning user_id")).await;
            Some(format!(
                "insert into memberships (customer_id, user_id, role) values ({acme}, {member}, 'owner') returning user_id"
            ))
        }
        Blow::EndedFromTheList => {
            let list = ask(&staff, Method::GET, "/api/admin/access/sessions?kind=app&open=true".to_owned()).await;
            let mine = list["list"].as_array().unwrap().iter().find(|it| it["user"] == json!(member)).unwrap().clone();
            let one = mine["id"].as_str().unwrap();
            ask(&staff, Method::DELETE, format!("/api/admin/access/sessions/{one}?reason=the+demo+is+over")).await;
            None
        }
        Blow::LinkRemoved => {
            let one = format!("/api/admin/instances/{id}/links/{}?reason=the+demo+is+over", link["id"]);
            ask(&staff, Method::DELETE, one).await;
            None
        }
        Blow::InstanceStopped => {
            let why = json!({ "reason": "the demo is over" });
            let answer = server.post(&staff, &format!("/api/admin/instances/{id}/stop"), why).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            None
        }
        Blow::InstanceDeleted => {
            ask(&staff, Method::DELETE, format!("/api/admin/instances/{id}?reason=the+demo+is+over")).await;
            None
        }
    }
}

/// Back when it is closed.
pub(crate) async fn ends(
    socket: &mut (impl Stream<Item = Result<Message, tokio_tungstenite::tungstenite::Error>> + Unpin),
) {
    while let Some(Ok(message)) = socket.next().await {
        if message.is_close() {
            return;
        }
    }
}

#[tokio::test]
async fn what_ends_the_right_to_it_ends_what_is_open() {
    let world = world().await;
    let server = &world.server;
    // By whom the customer is owned, not by who made the instance: a role is all there is to it.
    let promoted =
        format!("update memberships set role = 'owner' where user_id = {} returning 1", world.acme.member.id);
    server.sql(&promoted).await;
    let start = format!("/api/admin/instances/{}/start", world.id);
    let instance = InstanceId(i64::try_from(world.id).unwrap());
    let mut link = add(&world, json!({ "name": "App", "port": 8888 })).await;
    for blow in BLOWS {
        let portal = server.browser(&world.acme.member).await;
        let mut browser = Browser::of(server, portal, &link);
        assert_eq!(browser.open("/").await.status, 200, "{blow:?}");
        let mut socket = browser.socket().await;
        let ticks = browser.request(Method::GET, "/ticks").send().await.unwrap();
        let mut ticks = ticks.bytes_stream();
        tokio::time::timeout(PATIENCE, ticks.next()).await.expect("it begins").unwrap().unwrap();

        let back = strike(&world, blow, &link).await;
        let struck = Instant::now();
        let both = async {
            ends(&mut socket).await;
            // Broken off, and not as if it were all.
            let mut last = ticks.next().await;
            while let Some(Ok(_)) = last {
                last = ticks.next().await;
            }
            assert!(matches!(last, Some(Err(_))), "{blow:?}: it looks whole");
        };
        let ended = tokio::time::timeout(PROMISE, both).await;
        assert!(ended.is_ok(), "{blow:?}: still open after {:?}", struck.elapsed());
        let status = Answer::of(browser.request(Method::GET, "/")).await.status;
        match blow {
            Blow::InstanceStopped => assert_eq!(status, 503),
            _ => assert_eq!(status, 401, "{blow:?}"),
        }
        if let Some(back) = back {
            assert_eq!(server.sql(&back).await.len(), 1);
        }
        match blow {
            Blow::InstanceDeleted => {
                // Not to and fro between the two: the portal says that there is nothing.
                let sent = browser.go("/").await;
                assert_eq!(browser.at_portal(sent.header("location")).await.status, 404);
            }
            Blow::LinkRemoved => link = add(&world, json!({ "name": "App", "port": 8888 })).await,
            Blow::InstanceStopped => {
                instances::apply(server.platform(), instance).await.unwrap();
                let staff = server.token(&server.test.admin().await).await;
                assert_eq!(server.post(&staff, &start, json!({ "reason": "the demo goes on" })).await.status, 200);
                instances::apply(server.platform(), instance).await.unwrap();
            }
            _ => {}
        }
    }
    let sql = "select distinct reason from app_visits where reason is not null order by 1";
    eventually("why each ended is written", async || {
        (server.sql(sql).await == ["access", "removed", "stopped"]).then_some(())
    })
    .await;
}
