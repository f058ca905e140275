//! Looking on at somebody's shell, with their link, on a real Docker Engine.

use std::time::{Duration, Instant};

use contract::instances::{TerminalSaid, TerminalTold};
use serde_json::{Value, json};

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
    let admitted = ask(&world, &member, "customer", "watch", json!({ "share": link })).await;
    assert_eq!(ask(&world, &member, "customer", "watch", json!({ "share": link })).await.status, 404, "it was used");
    // The ticket is no ticket to type with, and one's own is none to look on.
    assert_eq!(dial_as(server, &member, &world.path(&ticket(&admitted))).await.err(), Some(404));
    let own = world.ticket(&world.owner, None).await;
    assert_eq!(dial(&world, &world.owner, &own).await.err(), Some(403));
    let mut watcher = dial(&world, &member, &ticket(&admitted)).await.ok().unwrap();
    let Some(TerminalTold::Opened { .. }) = watcher.told().await else { panic!("it looks on") };
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
