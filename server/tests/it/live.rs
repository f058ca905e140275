//! `/ws/live` and `/ws/admin/monitoring`: snapshot, deltas, resume; and what a client may not do to them.

use contract::allocations::AllocationCreate;
use contract::live::{
    ClientMessage, LiveData, MAX_CLIENT_MESSAGE_BYTES, MAX_TOPICS, NOTIFICATIONS_TOPIC, Position, ServerMessage,
    WALL_TOPIC,
};
use contract::machines::{MachineCreate, MachineUpdate, MaintenanceCreate, Presence};
use contract::metrics::WallTile;
use contract::notifications::NotificationsLive;
use node_protocol::{AgentBody, Batch};
use platform::{allocations, customers, machines};
use test_support::{TestNode, TestUser};

use crate::harness::{Server, Who};
use crate::sockets::{Link, Live, dial_as};

async fn rename(server: &Server, admin: &TestUser, code: &str, name: &str) {
    let change = MachineUpdate { name: name.to_owned(), monitored: Some(true), ..Default::default() };
    machines::update(server.platform(), &admin.ctx(), code, change).await.unwrap();
}

async fn staffed() -> (Server, TestUser, Who) {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let who = server.token(&admin).await;
    (server, admin, who)
}

async fn machine(server: &Server, admin: &TestUser, code: &str) {
    let body = MachineCreate { id: Some(code.to_owned()), name: code.to_owned(), ..Default::default() };
    machines::create(server.platform(), &admin.ctx(), body).await.unwrap();
}

fn tiles(data: LiveData) -> Vec<WallTile> {
    match data {
        LiveData::Wall(wall) => wall.machines,
        LiveData::WallChange { tiles, .. } => tiles,
        other => panic!("the wall, not {other:?}"),
    }
}

/// Deltas of a topic until one shows `wanted`; their sequence has no gap.
async fn until(live: &mut Live, mut at: Position, mut wanted: impl FnMut(&LiveData) -> bool) -> (Position, LiveData) {
    loop {
        let (position, data) = live.delta().await;
        assert_eq!((position.seq, &position.epoch), (at.seq + 1, &at.epoch), "no delta is missing");
        if wanted(&data) {
            return (position, data);
        }
        at = position;
    }
}

fn shows_name<'a>(code: &'a str, name: &'a str) -> impl FnMut(&LiveData) -> bool + 'a {
    move |data| match data {
        LiveData::WallChange { tiles, .. } => tiles.iter().any(|tile| tile.id == code && tile.name == name),
        _ => false,
    }
}

#[tokio::test]
async fn first_everything_then_what_changed() {
    let (server, admin, who) = staffed().await;
    machine(&server, &admin, "host-001").await;
    machine(&server, &admin, "host-002").await;
    let mut live = Live::open(&server, &who).await;
    live.subscribe(WALL_TOPIC, None).await;
    let (start, data) = live.snapshot().await;
    let shown: Vec<_> = tiles(data).into_iter().map(|tile| (tile.id, tile.presence)).collect();
    let never = |code: &str| (code.to_owned(), Presence::NeverSeen);
    assert_eq!(shown, [never("host-001"), never("host-002")]);

    rename(&server, &admin, "host-001", "First").await;
    let (_, change) = until(&mut live, start, shows_name("host-001", "First")).await;
    assert_eq!(tiles(change).len(), 1, "what did not change is not sent");
}

/// An agent's link with a GPU, and the first figures in.
async fn reporting(server: &Server, code: &str) -> (TestNode, Link) {
    let node = server.test.node(code).await;
    let (mut link, _) = Link::open(server, &node.key, node.hello()).await;
    link.send(AgentBody::Inventory(node.inventory(1))).await;
    link.send(AgentBody::Batch(node.batch(1, 1))).await;
    link.ack().await;
    (node, link)
}

#[tokio::test]
async fn what_an_agent_measures_is_on_the_wall_and_on_the_machines_page() {
    let (server, _, who) = staffed().await;
    let (node, mut link) = reporting(&server, "host-001").await;
    let mut live = Live::open(&server, &who).await;
    live.subscribe("machine/host-001", None).await;
    let (start, data) = live.snapshot().await;
    let LiveData::Machine(first) = data else { panic!("a machine") };
    assert_eq!((first.presence, first.gpus.len(), first.host.cpu_percent), (Presence::Online, 1, Some(12.5)));

    let mut sample = node.sample(server.test.clock().now().timestamp_millis(), 1);
    sample.gpus[0].util_percent = Some(97.0);
    link.send(AgentBody::Batch(Batch { sequence: 2, samples: vec![sample], replayed: false })).await;
    let busy = |data: &LiveData| matches!(data, LiveData::Machine(live) if live.gpus[0].util_percent == Some(97.0));
    until(&mut live, start, busy).await;

    live.say(&ClientMessage::Unsubscribe { topic: "machine/host-001".to_owned() }).await;
    live.subscribe(WALL_TOPIC, None).await;
    // A delta of the ended topic may still have been on its way.
    let wall = loop {
        match live.next().await {
            ServerMessage::Snapshot { topic, data, .. } if topic == WALL_TOPIC => break tiles(data),
            ServerMessage::Delta { .. } => {}
            other => panic!("the wall, not {other:?}"),
        }
    };
    assert_eq!((wall[0].presence, wall[0].gpus[0].u, wall[0].gpus[0].m), (Presence::Online, Some(97), Some(50)));
}

#[tokio::test]
async fn who_comes_back_gets_what_was_missed() {
    let (server, admin, who) = staffed().await;
    machine(&server, &admin, "host-001").await;
    // Somebody else keeps watching, so the topic lives on.
    let mut witness = Live::open(&server, &who).await;
    witness.subscribe(WALL_TOPIC, None).await;
    let (start, _) = witness.snapshot().await;
    let mut live = Live::open(&server, &who).await;
    live.subscribe(WALL_TOPIC, None).await;
    let (left_at, _) = live.snapshot().await;
    assert_eq!(left_at, start, "all watchers of a server share one sequence");
    drop(live);

    rename(&server, &admin, "host-001", "Missed").await;
    let (now, _) = until(&mut witness, start, shows_name("host-001", "Missed")).await;

    let mut live = Live::open(&server, &who).await;
    live.subscribe(WALL_TOPIC, Some(left_at.clone())).await;
    let (resumed, _) = until(&mut live, left_at.clone(), shows_name("host-001", "Missed")).await;
    assert_eq!(resumed, now);

    // Who missed nothing gets nothing until something happens.
    let mut live = Live::open(&server, &who).await;
    live.subscribe(WALL_TOPIC, Some(now.clone())).await;
    rename(&server, &admin, "host-001", "Next").await;
    until(&mut live, now.clone(), shows_name("host-001", "Next")).await;

    // A position of another life of the server, or of the future, is no position here.
    for position in [
        Position { epoch: "another".to_owned(), ..left_at.clone() },
        Position { seq: now.seq + 1000, ..now.clone() },
        Position { seq: u64::MAX, ..now },
    ] {
        let mut live = Live::open(&server, &who).await;
        live.subscribe(WALL_TOPIC, Some(position.clone())).await;
        let (_, data) = live.snapshot().await;
        assert_eq!(tiles(data)[0].name, "Next", "{position:?}");
    }
}

#[tokio::test]
async fn the_snapshot_is_of_now_also_when_nobody_watched() {
    let (server, admin, who) = staffed().await;
    machine(&server, &admin, "host-001").await;
    let mut live = Live::open(&server, &who).await;
    live.subscribe(WALL_TOPIC, None).await;
    live.snapshot().await;
    drop(live);
    rename(&server, &admin, "host-001", "Meanwhile").await;
    let mut live = Live::open(&server, &who).await;
    live.subscribe(WALL_TOPIC, None).await;
    let (_, data) = live.snapshot().await;
    assert_eq!(tiles(data)[0].name, "Meanwhile");
}

#[tokio::test]
async fn topics_end_and_a_machine_that_is_gone_leaves_the_wall() {
    let (server, admin, who) = staffed().await;
    machine(&server, &admin, "host-001").await;
    machine(&server, &admin, "host-002").await;
    let mut live = Live::open(&server, &who).await;
    live.subscribe(WALL_TOPIC, None).await;
    let (start, _) = live.snapshot().await;
    server.sql("update machines set deleted_at = now() where code = 'host-002' returning id").await;
    rename(&server, &admin, "host-001", "Left alone").await;
    let (_, change) =
        until(&mut live, start, |data| matches!(data, LiveData::WallChange { gone, .. } if gone == &["host-002"]))
            .await;
    assert!(tiles(change).iter().all(|tile| tile.id != "host-002"));
}

#[tokio::test]
async fn one_socket_carries_so_many_topics_and_no_more() {
    let (server, admin, who) = staffed().await;
    for number in 0..=MAX_TOPICS {
        machine(&server, &admin, &format!("host-{number}")).await;
    }
    let mut live = Live::open(&server, &who).await;
    for number in 0..MAX_TOPICS {
        let topic = format!("machine/host-{number}");
        live.subscribe(&topic, None).await;
        live.snapshot_of(&topic).await;
    }
    let last = format!("machine/host-{MAX_TOPICS}");
    live.subscribe(&last, None).await;
    assert_eq!(live.refusal().await, 1600);
    // The same topic again is no further one, and an ended one makes room.
    live.subscribe("machine/host-0", None).await;
    live.snapshot_of("machine/host-0").await;
    live.say(&ClientMessage::Unsubscribe { topic: "machine/host-0".to_owned() }).await;
    live.subscribe(&last, None).await;
    live.snapshot_of(&last).await;
}

#[tokio::test]
async fn a_ping_is_answered_with_the_time() {
    let (server, _, who) = staffed().await;
    let mut live = Live::open(&server, &who).await;
    let before = server.test.clock().now().timestamp_millis();
    live.say(&ClientMessage::Ping {}).await;
    let Some(ServerMessage::Pong { now }) = live.hear().await else { panic!("a pong") };
    assert!((before..=server.test.clock().now().timestamp_millis()).contains(&now));
}

#[tokio::test]
async fn nonsense_ends_the_socket_and_nothing_else() {
    let (server, admin, who) = staffed().await;
    machine(&server, &admin, "host-001").await;
    let mut beside = Live::open(&server, &who).await;
    let long = format!(r#"{{"type":"subscribe","topic":"{}"}}"#, "x".repeat(MAX_CLIENT_MESSAGE_BYTES));
    for nonsense in ["", "hello", "{}", r#"{"type":"shout"}"#, r#"{"type":"ping","loud":true}"#, "[[[[[[[[", &long] {
        let mut live = Live::open(&server, &who).await;
        live.say_text(nonsense.to_owned()).await;
        assert_eq!(live.ending().await, None, "{nonsense:.40}");
    }
    beside.subscribe(WALL_TOPIC, None).await;
    beside.snapshot().await;
}

#[tokio::test]
async fn a_stopping_server_says_good_bye() {
    let (server, _, who) = staffed().await;
    let mut live = Live::open(&server, &who).await;
    live.subscribe(WALL_TOPIC, None).await;
    live.snapshot().await;
    server.draining.cancel();
    assert_eq!(live.ending().await.as_deref(), Some("draining"));
}

#[tokio::test]
async fn programs_have_the_wall_as_a_stream_of_its_own() {
    let (server, admin, who) = staffed().await;
    machine(&server, &admin, "host-001").await;
    let stream = dial_as(&server, &who, "/ws/admin/monitoring").await.expect("staff may");
    let mut live = Live::over(stream);
    let (start, data) = live.snapshot().await;
    assert_eq!(tiles(data).len(), 1);
    rename(&server, &admin, "host-001", "Streamed").await;
    until(&mut live, start, shows_name("host-001", "Streamed")).await;
}

#[tokio::test]
async fn what_a_member_may_not_see_does_not_exist() {
    let (server, admin, _) = staffed().await;
    machine(&server, &admin, "host-001").await;
    let acme = server.test.customer("Acme").await;
    let member = server.browser(&acme.member).await;
    assert_eq!(dial_as(&server, &member, "/ws/admin/monitoring").await.err(), Some(404));
    let mut live = Live::open(&server, &member).await;
    for topic in [WALL_TOPIC, "machine/host-001", "machine/host-404"] {
        live.subscribe(topic, None).await;
        assert_eq!(live.refusal().await, 1300, "{topic}");
        let resume = Some(Position { epoch: "guessed".to_owned(), seq: 0 });
        live.subscribe(topic, resume).await;
        assert_eq!(live.refusal().await, 1300, "{topic}, resumed");
    }
}

/// How soon access has ended everywhere.
const SOON: std::time::Duration = std::time::Duration::from_secs(5);

async fn lend(server: &Server, admin: &TestUser, code: &str, customer: contract::CustomerId) -> contract::AllocationId {
    let body = AllocationCreate { customer_id: Some(customer), months: Some(1), ..Default::default() };
    allocations::create(server.platform(), &admin.ctx(), code, body).await.unwrap().allocation.id
}

#[tokio::test]
async fn a_customers_stream_of_a_machine_is_closed_when_the_machine_is_taken_back() {
    const PATH: &str = "/ws/customer/machines/host-001/monitoring";
    let (server, admin, staff) = staffed().await;
    let (acme, globex) = (server.test.customer("Acme").await, server.test.customer("Globex").await);
    server.test.node("host-001").await;
    let id = lend(&server, &admin, "host-001", acme.id).await;
    let mut open = Vec::new();
    for who in [server.token(&acme.owner).await, server.browser(&acme.member).await] {
        let mut live = Live::over(dial_as(&server, &who, PATH).await.expect("they have it"));
        let (_, data) = live.snapshot().await;
        assert!(matches!(&data, LiveData::Machine(live) if live.id == "host-001"), "{data:?}");
        open.push((who, live));
    }
    for who in [&staff, &server.token(&globex.owner).await] {
        assert_eq!(dial_as(&server, who, PATH).await.err(), Some(404), "it is none of theirs");
    }
    // One topic: asking for another ends it.
    let mut curious = Live::over(dial_as(&server, &open[0].0, PATH).await.unwrap());
    curious.snapshot().await;
    curious.subscribe(WALL_TOPIC, None).await;
    assert_eq!(curious.ending().await, None);

    allocations::end(server.platform(), &admin.ctx(), id, Default::default()).await.unwrap();
    let begun = std::time::Instant::now();
    for (who, mut live) in open {
        assert_eq!(live.close().await, Some((1008, "topic_ended".to_owned())), "{who:?}");
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
        assert_eq!(dial_as(&server, &who, PATH).await.err(), Some(404));
    }
}

#[tokio::test]
async fn a_disabled_customers_sockets_are_cut_and_nobody_elses() {
    let (server, admin, _) = staffed().await;
    let (acme, globex) = (server.test.customer("Acme").await, server.test.customer("Globex").await);
    for (code, customer) in [("host-001", &acme), ("host-002", &globex)] {
        server.test.node(code).await;
        lend(&server, &admin, code, customer.id).await;
    }
    let mut open = Vec::new();
    for who in [server.token(&acme.owner).await, server.browser(&acme.member).await] {
        let mut page = Live::open(&server, &who).await;
        page.subscribe("machine/host-001", None).await;
        page.snapshot().await;
        let path = "/ws/customer/machines/host-001/monitoring";
        let mut stream = Live::over(dial_as(&server, &who, path).await.unwrap());
        stream.snapshot().await;
        open.extend([page, stream]);
    }
    let mut bystander = Live::open(&server, &server.token(&globex.owner).await).await;
    bystander.subscribe("machine/host-002", None).await;
    bystander.snapshot().await;

    customers::set_active(server.platform(), &admin.ctx(), acme.id, false).await.unwrap();
    let begun = std::time::Instant::now();
    for mut live in open {
        assert_eq!(live.close().await, Some((1008, "session_ended".to_owned())));
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    }
    bystander.say(&ClientMessage::Ping {}).await;
    assert!(matches!(bystander.hear().await, Some(ServerMessage::Pong { .. } | ServerMessage::Delta { .. })));
}

/// What one is told comes to the bell by itself, also from another server's hand, and in one's own language; reading it
/// counts down.
#[tokio::test]
async fn the_bell_shows_what_one_is_told() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    server.test.node("host-001").await;
    let body = AllocationCreate { customer_id: Some(acme.id), months: Some(2), ..Default::default() };
    allocations::create(server.platform(), &admin.ctx(), "host-001", body).await.unwrap();
    // That it was given to them was told before.
    server.sql("delete from notifications returning id").await;
    let bell = |data: LiveData| match data {
        LiveData::Notifications(bell) => bell,
        other => panic!("the bell, not {other:?}"),
    };
    let owner = server.token(&acme.owner).await;
    let mut live = Live::open(&server, &owner).await;
    live.subscribe(NOTIFICATIONS_TOPIC, None).await;
    let (at, data) = live.snapshot().await;
    assert_eq!((bell(data), at.seq), (NotificationsLive::default(), 0));
    let mut member =
        Live::over(dial_as(&server, &server.token(&acme.member).await, "/ws/notifications").await.unwrap());
    member.snapshot().await;

    let another = server.test.another_server().await;
    let now = another.clock().now();
    let window = MaintenanceCreate {
        starts_at: Some(now + chrono::TimeDelta::days(3)),
        ends_at: now + chrono::TimeDelta::days(4),
        message: "New fans".to_owned(),
    };
    machines::plan_maintenance(&another, &admin.ctx(), "host-001", window).await.unwrap();
    for live in [&mut live, &mut member] {
        let (at, data) = live.delta().await;
        let bell = bell(data);
        assert_eq!((at.seq, bell.unread, bell.latest.len()), (1, 1, 1));
        assert!(bell.latest[0].message.ends_with("New fans"), "{bell:?}");
    }
    let answer = server.post(&owner, "/api/customer/notifications/read-all", serde_json::json!({})).await;
    assert_eq!(answer.code(), 0);
    let read = bell(live.delta().await.1);
    assert!(read.unread == 0 && read.latest[0].read_at.is_some(), "{read:?}");

    // Whoever is signed out hears no more.
    server.post(&owner, "/api/auth/logout", serde_json::json!({})).await;
    assert_eq!(live.ending().await.as_deref(), Some("session_ended"));
}
