//! Looking on at somebody's shell, with their link, on a real Docker Engine.

use std::time::{Duration, Instant};

use contract::customers::MemberCreate;
use contract::instances::{TerminalSaid, TerminalTold, TerminalUnshare, TerminalWatchCreate};
use contract::{ErrorCode, InstanceId};
use futures_util::SinkExt as _;
use http::{Method, header};
use platform::customers;
use platform::instances::{self, Cut};
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, client_async};

use crate::harness::{Answer, Who};
use crate::sockets::dial_as;
use crate::terminals::{Shell, World};

const PROMISE: Duration = Duration::from_secs(5);

async fn ask(world: &World, who: &Who, side: &str, what: &str, body: Value) -> Answer {
    let path = format!("/api/{side}/instances/{}/terminal/{what}", world.id);
    world.server.post(who, &path, body).await
}

async fn share(world: &World, terminal: &str) -> String {
    let made = ask(world, &world.owner, "customer", "share", json!({ "terminal": terminal })).await;
    made.data()["share"].as_str().unwrap_or_else(|| panic!("{made:?}")).to_owned()
}

async fn dial(world: &World, who: &Who, ticket: &str) -> Result<Shell, u16> {
    let path = format!("/ws/instances/{}/terminal/watch?ticket={ticket}", world.id);
    Ok(Shell(dial_as(&world.server, who, &path).await?, Vec::new()))
}

fn ticket(answer: &Answer) -> String {
    answer.data()["ticket"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// Somebody of the same customer looks on at a shell of its owner's.
pub(crate) async fn look_on(world: &World, who: &Who, terminal: &str) -> Shell {
    let link = share(world, terminal).await;
    let admitted = ask(world, who, "customer", "watch", json!({ "share": link })).await;
    let mut watcher = dial(world, who, &ticket(&admitted)).await.unwrap_or_else(|status| panic!("refused: {status}"));
    let Some(TerminalTold::Opened { .. }) = watcher.told().await else { panic!("it looks on") };
    watcher
}

/// Until the owner is told who looks on.
async fn watched_by(shell: &mut Shell, expected: &[&str]) {
    loop {
        match shell.told().await {
            Some(TerminalTold::Watchers { people }) => return assert_eq!(people, expected),
            Some(_) => {}
            None => panic!("the shell ended"),
        }
    }
}

/// Asking uses nothing up: a socket does.
async fn two_tickets(world: &World, who: &Who, link: &str) -> [Answer; 2] {
    let body = || json!({ "share": link });
    [ask(world, who, "customer", "watch", body()).await, ask(world, who, "customer", "watch", body()).await]
}

/// Somebody of Acme looks on by a link; and by what they come back.
async fn admit(world: &World, who: &Who, terminal: &str) -> (Shell, Value) {
    let link = share(world, terminal).await;
    let admitted = ask(world, who, "customer", "watch", json!({ "share": link })).await;
    let mut watcher = dial(world, who, &ticket(&admitted)).await.ok().unwrap();
    let Some(TerminalTold::Opened { .. }) = watcher.told().await else { panic!("it looks on") };
    (watcher, admitted.data()["watch"].clone())
}

/// Until the owner is told whether somebody may look on.
async fn shared(shell: &mut Shell, expected: bool) {
    loop {
        match shell.told().await {
            Some(TerminalTold::Shared { open }) => return assert_eq!(open, expected),
            Some(_) => {}
            None => panic!("the shell ended"),
        }
    }
}

async fn delete(world: &World, who: &Who, path: &str) {
    let answer = Answer::of(world.server.request(who, Method::DELETE, path).json(&json!({}))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn last_of(shell: &mut Shell, within: Duration) -> Option<TerminalTold> {
    let begun = Instant::now();
    let last = shell.last().await;
    assert!(begun.elapsed() < within, "{:?}", begun.elapsed());
    last
}

#[tokio::test]
async fn a_colleague_looks_on_by_a_link_that_counts_once() {
    let world = World::new().await;
    let server = &world.server;
    let member = server.browser(&world.acme.member).await;
    let stranger = server.browser(&server.test.customer("Other").await.owner).await;
    let (mut shell, terminal, ..) = world.open(None).await;
    shell.type_in("echo se''cret\n").await;
    shell.until("secret").await;
    // Without a link there is nothing; nobody but its owner makes one.
    for who in [&member, &stranger] {
        assert_eq!(ask(&world, who, "customer", "share", json!({ "terminal": terminal })).await.status, 404);
        assert_eq!(ask(&world, who, "customer", "watch", json!({ "share": "x" })).await.status, 404);
        assert_eq!(ask(&world, who, "customer", "watch", json!({})).await.status, 404);
    }
    let link = share(&world, &terminal).await;
    assert_eq!(ask(&world, &stranger, "customer", "watch", json!({ "share": link })).await.status, 404);
    let [admitted, second] = two_tickets(&world, &member, &link).await;
    // The ticket is no ticket to type with, and one's own is none to look on.
    assert_eq!(dial_as(server, &member, &world.path(&ticket(&admitted))).await.err(), Some(404));
    let own = world.ticket(&world.owner, None).await;
    assert_eq!(dial(&world, &world.owner, &own).await.err(), Some(403));
    let mut watcher = dial(&world, &member, &ticket(&admitted)).await.ok().unwrap();
    let Some(TerminalTold::Opened { .. }) = watcher.told().await else { panic!("it looks on") };
    assert_eq!(dial(&world, &member, &ticket(&second)).await.err(), Some(404), "the link was used");
    assert_eq!(ask(&world, &member, "customer", "watch", json!({ "share": link })).await.status, 404);
    assert_eq!(watcher.told().await, Some(TerminalTold::Size { cols: 101, rows: 33 }));
    watcher.until("secret").await;
    watched_by(&mut shell, &[&world.acme.member.name]).await;
    shell.type_in("echo mo''re\n").await;
    watcher.until("more").await;
    // What it types goes nowhere, and ends it.
    watcher.type_in("touch /typed\n").await;
    let bye = watcher.last().await;
    assert!(matches!(&bye, Some(TerminalTold::Bye { reason }) if reason == "message"), "{bye:?}");
    watched_by(&mut shell, &[]).await;
    shell.type_in("ls /typed; echo do''ne\n").await;
    shell.until("done").await;
    assert!(String::from_utf8_lossy(&shell.1).contains("No such file"), "{}", String::from_utf8_lossy(&shell.1));

    // It comes back without another link, until that is ended.
    let watch = admitted.data()["watch"].clone();
    let again = ask(&world, &member, "customer", "watch", json!({ "watch": watch })).await;
    let mut watcher = dial(&world, &member, &ticket(&again)).await.ok().unwrap();
    watched_by(&mut shell, &[&world.acme.member.name]).await;
    let unused = share(&world, &terminal).await;
    let ended = ask(&world, &world.owner, "customer", "unshare", json!({ "terminal": terminal })).await;
    assert_eq!(ended.status, 200);
    let last = last_of(&mut watcher, PROMISE).await;
    assert_eq!(last, Some(TerminalTold::Exit { reason: "unshared".to_owned(), code: None }));
    for body in [json!({ "watch": watch }), json!({ "share": unused })] {
        assert_eq!(ask(&world, &member, "customer", "watch", body).await.status, 404);
    }
    shell.type_in("echo still-$((40+2))\n").await;
    shell.until("still-42").await;
    let log = "select action from audit_events where action like 'instances:%watch%' or action like 'instances:%share%'
        and outcome = 'done' order by id";
    let log: Vec<_> = server.sql(log).await.into_iter().collect();
    assert!(
        log.contains(&"instances:watch-terminal".to_owned()) && log.contains(&"instances:unshare-terminal".to_owned()),
        "{log:?}"
    );
}

#[tokio::test]
async fn who_looks_on_is_cut_off_as_anybody() {
    let world = World::new().await;
    let server = &world.server;
    let staff = server.browser(&server.test.admin().await).await;
    let (mut shell, terminal, ..) = world.open(None).await;
    // Staff, with a reason.
    let link = share(&world, &terminal).await;
    let without = ask(&world, &staff, "admin", "watch", json!({ "share": link })).await;
    assert!(without.status == 400 && without.fields().contains_key("reason"), "{without:?}");
    let why = "They asked for help";
    let admitted = ask(&world, &staff, "admin", "watch", json!({ "share": link, "reason": why })).await;
    let mut watcher = dial(&world, &staff, &ticket(&admitted)).await.ok().unwrap();
    shell.type_in("echo he''re\n").await;
    watcher.until("here").await;
    let told = server.get(&world.owner, "/api/customer/audits?action=instances:watch-terminal").await.data();
    assert_eq!(told["list"][0]["reason"], json!(why), "its customer reads why");
    comes_back_and_is_ended(&world, &staff, &admitted.data()["watch"]).await;
    drop(watcher);

    // A member that is one no more.
    let member = server.browser(&world.acme.member).await;
    let link = share(&world, &terminal).await;
    let admitted = ask(&world, &member, "customer", "watch", json!({ "share": link })).await;
    let mut watcher = dial(&world, &member, &ticket(&admitted)).await.ok().unwrap();
    watcher.until("here").await;
    let gone = format!("delete from memberships where user_id = {} returning user_id", world.acme.member.id);
    server.sql(&gone).await;
    let last = last_of(&mut watcher, PROMISE).await;
    assert!(matches!(&last, Some(TerminalTold::Bye { reason }) if reason == "session_ended"), "{last:?}");

    // With the shell itself.
    let link = share(&world, &terminal).await;
    let admitted = ask(&world, &staff, "admin", "watch", json!({ "share": link, "reason": why })).await;
    let mut watcher = dial(&world, &staff, &ticket(&admitted)).await.ok().unwrap();
    watcher.until("here").await;
    shell.tell(&TerminalSaid::Close {}).await;
    let last = last_of(&mut watcher, PROMISE).await;
    assert!(matches!(&last, Some(TerminalTold::Exit { .. })), "{last:?}");
    assert_eq!(world.written(&terminal).await, "closed -1");
    let late = ask(&world, &world.owner, "customer", "share", json!({ "terminal": terminal })).await;
    assert_eq!(late.status, 404, "it is over");
}

/// Each time is in the log, with its reason; and the list of who is in has it, and ends it.
async fn comes_back_and_is_ended(world: &World, staff: &Who, watch: &Value) {
    let (server, why) = (&world.server, "To see the end of it");
    let again = ask(world, staff, "admin", "watch", json!({ "watch": watch, "reason": why })).await;
    let mut watcher = dial(world, staff, &ticket(&again)).await.ok().unwrap();
    watcher.until("here").await;
    let told = server.get(&world.owner, "/api/customer/audits?action=instances:watch-terminal").await.data();
    assert_eq!((&told["total"], &told["list"][0]["reason"]), (&json!(2), &json!(why)));
    let path = "/api/customer/access/sessions";
    let list = server.get(&world.owner, &format!("{path}?kind=watch&open=true")).await.data();
    let it = &list["list"][0];
    assert_eq!((&list["total"], &it["id"], &it["mayEnd"]), (&json!(1), watch, &json!(true)));
    assert_eq!((&it["userName"], &it["address"]), (&json!("Staff of the platform"), &Value::Null));
    delete(world, &world.owner, &format!("{path}/{}", watch.as_str().unwrap())).await;
    let last = last_of(&mut watcher, PROMISE).await;
    assert_eq!(last, Some(TerminalTold::Exit { reason: "unshared".to_owned(), code: None }));
    let late = ask(world, staff, "admin", "watch", json!({ "watch": watch, "reason": why })).await;
    assert_eq!(late.status, 404, "it was ended");
    assert_eq!(server.sql("select reason from terminal_watches").await, ["closed"]);
}

#[tokio::test]
async fn it_is_of_one_instance_whichever_customer_somebody_acts_for() {
    let world = World::new().await;
    let server = &world.server;
    let (admin, other, person) = (server.test.admin().await, server.test.customer("Other").await, &world.acme.member);
    let body = MemberCreate { username: person.name.clone(), existing: true, ..Default::default() };
    customers::add_member(server.platform(), &admin.ctx(), other.id, body).await.unwrap();
    let theirs = format!(
        "insert into instances (customer_id, created_by, name, machine_id, machine_code, machine_name, image_id, image_name,
                                spec_id, spec, gpu_count, cpu_cores, memory_gb, disk_gb, released_at, created_at)
         select {}, {}, 'two', machine_id, machine_code, machine_name, image_id, image_name, spec_id, spec, gpu_count,
                cpu_cores, memory_gb, disk_gb, now(), now() from instances limit 1 returning id",
        other.id, other.owner.id
    );
    let theirs = server.count(&theirs).await;
    let member = server.browser(person).await;
    let (_shell, terminal, ..) = world.open(None).await;
    let (mut watcher, watch) = admit(&world, &member, &terminal).await;
    let back = ask(&world, &member, "customer", "watch", json!({ "watch": watch })).await;
    in_an_application(&world).await;

    let acts = server.put(&member, "/api/auth/customer", json!({ "customerId": other.id })).await;
    assert_eq!(acts.status, 200, "{acts:?}");
    let last = last_of(&mut watcher, PROMISE).await;
    assert!(matches!(&last, Some(TerminalTold::Bye { reason }) if reason == "session_ended"), "{last:?}");
    // By an instance that they may look at: it is not that one's.
    let path = format!("/api/customer/instances/{theirs}/terminal/watch");
    assert_eq!(server.post(&member, &path, json!({ "watch": watch })).await.status, 404);
    let path = format!("/ws/instances/{theirs}/terminal/watch?ticket={}", ticket(&back));
    assert_eq!(dial_as(server, &member, &path).await.err(), Some(403));
    assert_eq!(ask(&world, &member, "customer", "watch", json!({ "watch": watch })).await.status, 404);

    // Who is removed has nothing open there, though the session acts for another and goes on.
    delete(&world, &world.owner, &format!("/api/customer/members/{}", person.id)).await;
    for table in ["terminal_watches", "app_visits"] {
        assert_eq!(server.sql(&format!("select reason from {table}")).await, ["access"], "{table}");
    }
    assert_eq!(server.get(&member, "/api/auth/profile").await.data()["tenantId"], json!(other.id));
}

/// Acme's member is in an application, by a server that is not there any more.
async fn in_an_application(world: &World) {
    let link = format!(
        "insert into app_links (instance_id, customer_id, label, name, port, shared, created_by, created_at)
         values ({}, {}, repeat('a', 20), 'lab', 8888, true, {}, now()) returning id",
        world.id, world.acme.id, world.acme.owner.id
    );
    let visit = format!(
        "insert into app_visits (id, link_id, instance_id, customer_id, user_id, secret_hash, opened_at, used_at)
         select gen_random_uuid(), id, instance_id, customer_id, {}, decode(repeat('00', 32), 'hex'), now(), now()
         from app_links returning id",
        world.acme.member.id
    );
    for statement in [link, visit] {
        assert_eq!(world.server.sql(&statement).await.len(), 1);
    }
}

#[tokio::test]
async fn it_is_ended_also_while_nobody_is_there() {
    let world = World::new().await;
    let member = world.server.browser(&world.acme.member).await;
    let (mut shell, terminal, ..) = world.open(None).await;
    let unused = share(&world, &terminal).await;
    shared(&mut shell, true).await;
    // As after a reload of the page.
    drop(shell);
    let (mut shell, ..) = world.open(Some(&terminal)).await;
    shared(&mut shell, true).await;
    let (watcher, watch) = admit(&world, &member, &terminal).await;
    watched_by(&mut shell, &[&world.acme.member.name]).await;
    drop(watcher);
    watched_by(&mut shell, &[]).await;
    drop(shell);
    let (mut shell, ..) = world.open(Some(&terminal)).await;
    shared(&mut shell, true).await;
    let ended = ask(&world, &world.owner, "customer", "unshare", json!({ "terminal": terminal })).await;
    assert_eq!(ended.status, 200);
    shared(&mut shell, false).await;
    for body in [json!({ "watch": watch }), json!({ "share": unused }), json!({ "share": unused, "watch": watch })] {
        assert_eq!(ask(&world, &member, "customer", "watch", body).await.status, 404);
    }
    // Another link is another consent, for who kept what was ended, too.
    let link = share(&world, &terminal).await;
    let admitted = ask(&world, &member, "customer", "watch", json!({ "share": link, "watch": watch })).await;
    assert_ne!(admitted.data()["watch"], watch);
}

#[tokio::test]
async fn who_left_takes_no_place_and_comes_back_for_minutes() {
    let world = World::new().await;
    let server = &world.server;
    let member = server.browser(&world.acme.member).await;
    let (_shell, terminal, ..) = world.open(None).await;
    let others = "insert into terminal_watches (id, terminal_id, instance_id, user_id, opened_at, seen_at)
        select gen_random_uuid(), t.id, t.instance_id, t.user_id, now(), now() - interval '2 minutes'
        from terminals t, generate_series(1, 8) returning id";
    assert_eq!(server.sql(others).await.len(), 8);
    let mine = format!(
        "insert into terminal_watches (id, terminal_id, instance_id, user_id, session_id, opened_at, seen_at)
         select gen_random_uuid(), t.id, t.instance_id, s.user_id, s.id, now(), now() - interval '4 minutes'
         from terminals t, (select id, user_id from sessions where user_id = {} order by id desc limit 1) s returning id",
        world.acme.member.id
    );
    let watch = server.sql(&mine).await.remove(0);
    let back = async || ask(&world, &member, "customer", "watch", json!({ "watch": watch })).await;
    let link = share(&world, &terminal).await;
    let by_link = async || ask(&world, &member, "customer", "watch", json!({ "share": link })).await;
    assert_eq!((back().await.status, by_link().await.status), (200, 200));
    let all_there = format!("update terminal_watches set seen_at = now() where id <> '{watch}' returning id");
    server.sql(&all_there).await;
    assert_eq!((back().await.code(), by_link().await.code()), (1500, 1500), "eight are there");
    let long_ago = "update terminal_watches set seen_at = now() - interval '6 minutes' returning id";
    server.sql(long_ago).await;
    assert_eq!((back().await.status, by_link().await.status), (404, 200));
    let open = server.get(&world.owner, "/api/customer/access/sessions?kind=watch&open=true").await.data();
    assert_eq!(open["total"], json!(0), "they left, though nobody wrote it yet");
    instances::clean(server.platform()).await.unwrap();
    assert_eq!(server.count("select count(*) from terminal_watches where reason = 'left'").await, 9);
}

#[tokio::test]
async fn a_server_that_does_not_hold_the_shell_uses_nothing_up() {
    let world = World::new().await;
    let (server, id) = (&world.server, InstanceId(world.id.try_into().unwrap()));
    let (here, there) = (server.platform(), server.test.another_server().await);
    let (owner, member) = (world.acme.owner.ctx(), world.acme.member.ctx());
    let (_shell, terminal, ..) = world.open(None).await;
    let body = TerminalWatchCreate { share: Some(share(&world, &terminal).await), watch: None };
    let ticket_there = instances::keep_watch_ticket(&there, &member, id, &body).await.unwrap().ticket;
    let entry = instances::redeem_watch_ticket(&there, &member, id, &ticket_there).await.unwrap();
    assert!(entry.enter(&there).is_none());
    // A ticket of the one opens it at the other.
    let again = instances::keep_watch_ticket(&there, &member, id, &body).await.unwrap().ticket;
    let entry = instances::redeem_watch_ticket(here, &member, id, &again).await.unwrap();
    let viewer = entry.enter(here).expect("it is here");
    let used = instances::keep_watch_ticket(here, &member, id, &body).await.err().map(|error| error.code);
    assert_eq!(used, Some(ErrorCode::NotFound));
    // What is ended over there is ended here.
    let mut consent = viewer.consent().expect("it only looks on");
    let body = TerminalUnshare { terminal: terminal.clone() };
    instances::unshare_terminal(&there, &owner, id, &body).await.unwrap();
    let cut = tokio::time::timeout(PROMISE, consent.ended()).await.expect("within what is promised");
    assert_eq!(cut, Cut::Ended);

    // The socket says so, and the link stays.
    let elsewhere = "insert into terminals (id, instance_id, customer_id, user_id, server_id, opened_at, used_at, lease_until)
        select gen_random_uuid(), instance_id, customer_id, user_id, gen_random_uuid(), now(), now(), now() + interval '1 minute'
        from terminals limit 1 returning id";
    let elsewhere = server.sql(elsewhere).await.remove(0);
    let link = format!(
        "insert into terminal_shares (hash, terminal_id, instance_id, expires_at)
         values (sha256('link'), '{elsewhere}', {id}, now() + interval '1 minute') returning terminal_id"
    );
    server.sql(&link).await;
    let browser = server.browser(&world.acme.member).await;
    let admitted = ask(&world, &browser, "customer", "watch", json!({ "share": "link" })).await;
    let mut socket = dial(&world, &browser, &ticket(&admitted)).await.ok().unwrap();
    let bye = socket.last().await;
    assert!(matches!(&bye, Some(TerminalTold::Bye { reason }) if reason == "elsewhere"), "{bye:?}");
    assert_eq!(ask(&world, &browser, "customer", "watch", json!({ "share": "link" })).await.status, 200);
}

/// With hardly any room for what it does not read.
async fn dial_narrow(world: &World, who: &Who, ticket: &str) -> Shell {
    let server = &world.server;
    let Who::Cookie(cookie) = who else { panic!("a browser") };
    let path = format!("ws://{}/ws/instances/{}/terminal/watch?ticket={ticket}", server.address, world.id);
    let mut request = path.into_client_request().unwrap();
    request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
    request.headers_mut().insert(header::ORIGIN, server.origin().parse().unwrap());
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = MaybeTlsStream::Plain(socket.connect(server.address).await.unwrap());
    Shell(client_async(request, stream).await.unwrap().0, Vec::new())
}

#[tokio::test]
async fn who_takes_nothing_gets_nothing_more_when_it_is_ended() {
    let world = World::new().await;
    let member = world.server.browser(&world.acme.member).await;
    let (mut shell, terminal, ..) = world.open(None).await;
    let link = share(&world, &terminal).await;
    let admitted = ask(&world, &member, "customer", "watch", json!({ "share": link })).await;
    let mut watcher = dial_narrow(&world, &member, &ticket(&admitted)).await;
    let Some(TerminalTold::Opened { .. }) = watcher.told().await else { panic!("it looks on") };
    shell.type_in("cat /dev/zero\n").await;
    // It says that it showed what it does not even read, until no more goes into the socket.
    while shell.1.len() < 12 << 20 {
        assert!(shell.next(true).await.is_some());
        // It may be cut off by now for taking nothing.
        let said = serde_json::to_string(&TerminalSaid::Ack { bytes: 1 << 30 }).unwrap();
        let _ = watcher.0.send(Message::text(said)).await;
    }
    let ended = ask(&world, &world.owner, "customer", "unshare", json!({ "terminal": terminal })).await;
    assert_eq!(ended.status, 200);
    let begun = Instant::now();
    let mut last = None;
    while let Some(told) = watcher.next(false).await {
        last = told.or(last);
    }
    assert!(begun.elapsed() < PROMISE, "{:?}", begun.elapsed());
    assert!(!matches!(last, Some(TerminalTold::Exit { .. })), "nothing is waited for until it reads: {last:?}");
    // Its owner was not held up, and goes on.
    shell.tell(&TerminalSaid::Close {}).await;
    assert!(matches!(shell.last().await, Some(TerminalTold::Exit { .. })));
}
