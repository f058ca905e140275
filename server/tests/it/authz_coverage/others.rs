//! What the statuses of the table do not say: topics of the live socket, whose customer it is, and what is written down.

use std::collections::BTreeSet;

use contract::Permission;
use contract::live::{ClientMessage, FLEET_TOPIC, WALL_TOPIC};

use server::router::Door;

use super::table::TABLE;
use super::world::World;
use crate::sockets::Live;

#[tokio::test]
async fn the_live_socket_shows_its_topics_to_those_they_are_for() {
    let world = World::new().await;
    world.server.test.node("host-003").await;
    for caller in ["nowhere", "member", "owner", "other"] {
        let mut live = Live::open(&world.server, &world.credentials(caller, Door::Socket).await).await;
        for topic in [WALL_TOPIC, FLEET_TOPIC, "machine/host-003", "machine/no-such", "machine/../..", "nothing"] {
            live.subscribe(topic, None).await;
            assert_eq!(live.refusal().await, 1300, "{caller}: {topic}");
        }
        live.subscribe("machine/host-001", None).await;
        if ["member", "owner"].contains(&caller) {
            live.snapshot().await;
        } else {
            assert_eq!(live.refusal().await, 1300, "{caller}: a machine that Acme has");
        }
    }
    for caller in ["admin", "operator"] {
        let mut live = Live::open(&world.server, &world.credentials(caller, Door::Socket).await).await;
        for topic in [WALL_TOPIC, FLEET_TOPIC, "machine/host-001"] {
            live.subscribe(topic, None).await;
            live.snapshot().await;
            live.say(&ClientMessage::Unsubscribe { topic: topic.to_owned() }).await;
        }
        live.subscribe("machine/no-such", None).await;
        assert_eq!(live.refusal().await, 1300, "{caller} sees what there is");
    }
    // Their role shows machines, but no figures.
    let mut live = Live::open(&world.server, &world.credentials("custom", Door::Socket).await).await;
    for topic in [WALL_TOPIC, "machine/host-001"] {
        live.subscribe(topic, None).await;
        assert_eq!(live.refusal().await, 1300, "custom: {topic}");
    }
}

#[tokio::test]
async fn people_see_their_own_customer_and_no_other() {
    let world = World::new().await;
    for (caller, own, foreign) in [("owner", &world.acme, &world.globex), ("other", &world.globex, &world.acme)] {
        let (program, browser) =
            (world.credentials(caller, Door::Rest).await, world.credentials(caller, Door::ServerFn).await);
        let customer = world.server.get(&program, "/api/customer").await;
        assert_eq!(customer.data()["name"], own.name);
        let by_rest = world.server.get(&program, "/api/customer/members").await.data()["list"].clone();
        let by_page = world.server.call(&browser, "list_members", &[]).await.json()["list"].clone();
        for list in [by_rest, by_page] {
            let names: BTreeSet<_> =
                list.as_array().unwrap().iter().map(|member| member["name"].as_str().unwrap().to_owned()).collect();
            let extra = world.extra.iter().map(|person| person.name.clone()).filter(|_| own.id == world.acme.id);
            let expected = [own.owner.name.clone(), own.member.name.clone()].into_iter().chain(extra);
            assert_eq!(names, expected.collect::<BTreeSet<_>>());
            assert!(!names.contains(&foreign.owner.name));
        }
    }
}

#[tokio::test]
async fn a_refused_attempt_is_written_down() {
    let world = World::new().await;
    let who = world.credentials("member", Door::Rest).await;
    assert_eq!(world.server.get(&who, "/api/admin/audits").await.status, 404);
    let statement = format!(
        "select action from audit_events where outcome = 'denied' and actor_id = {} and via = 'rest'",
        world.acme.member.id
    );
    assert_eq!(world.server.sql(&statement).await, ["audit:view"]);
}

/// Whoever runs people, with every permission of that, does nothing to somebody who may more: by no route there is.
#[tokio::test]
async fn nobody_acts_on_somebody_who_may_more() {
    let mut world = World::new().await;
    world.target = world.operator.clone();
    let of_people = |permission: &Permission| ["users", "roles", "customers"].contains(&permission.group());
    let desk: Vec<_> =
        Permission::ALL.iter().copied().filter(of_people).filter(|p| platform::authz::is_grantable(*p)).collect();
    let desk = world.server.test.with_role("desk", &desk).await;
    let who = world.server.token(&desk).await;
    let mut called = 0;
    for (door, method, path, _) in TABLE {
        let acts = path.starts_with("/api/admin/users/{id}") && *method != "GET";
        if *door != Door::Rest || !acts {
            continue;
        }
        let (status, answer) = world.call(&who, *door, method, path).await;
        assert_eq!(status, 403, "{method} {path}: {answer:?}");
        called += 1;
    }
    assert!(called >= 11, "only {called} routes act on somebody: the search is broken");
    let shown = world.server.get(&who, &format!("/api/admin/users/{}", world.target.id)).await.data();
    let may = shown["may"].as_object().unwrap();
    for (what, may) in may.iter().filter(|(what, _)| *what != "revokeRoles") {
        assert_eq!(may["allowed"], false, "{what} is offered: {may}");
    }
}
