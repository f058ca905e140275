//! Shells in instances over their socket, on a real Docker Engine.

use std::time::{Duration, Instant};

use contract::InstanceId;
use contract::instances::{TERMINAL_WINDOW, TerminalSaid, TerminalTold};
use futures_util::{SinkExt as _, StreamExt as _};
use platform::instances;
use serde_json::{Value, json};
use test_support::{BUSYBOX, DockerEngine, TestCustomer, eventually};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::harness::{Server, Who};
use crate::sockets::{dial, dial_as};

/// Far beyond what a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(25);
/// What is promised of what ends somebody's powers.
const PROMISE: Duration = Duration::from_secs(5);

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) acme: TestCustomer,
    pub(crate) owner: Who,
    pub(crate) id: u64,
    // Last: what runs there ends with it.
    _engine: DockerEngine,
}

impl World {
    /// With an instance of Acme's owner that runs.
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With these programs in its image.
    pub(crate) async fn with(programs: &[&str]) -> Self {
        let engine = DockerEngine::start();
        engine.import_programs(programs);
        Self::of(engine, Server::start().await, &["sleep", "600"]).await
    }

    /// On this engine, which has the image, with an instance whose program that is.
    pub(crate) async fn of(engine: DockerEngine, server: Server, command: &[&str]) -> Self {
        let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
        let staff = server.token(&admin).await;
        let ask = async |path: &str, body: Value| server.post(&staff, path, body).await.data();
        ask("/api/admin/machines", json!({ "id": "host-001", "name": "One", "pool": "shared", "listed": true })).await;
        let socket = json!({ "kind": "local", "socket": engine.socket() });
        server.put(&staff, "/api/admin/machines/host-001/docker", socket).await.data();
        assert_eq!(ask("/api/admin/machines/host-001/docker/test", json!({})).await["done"], json!(true));
        let image = ask("/api/admin/images", json!({ "name": "Small", "address": BUSYBOX })).await["id"].clone();
        ask(&format!("/api/admin/images/{image}/list"), json!({})).await;
        let size = json!({ "name": "Tiny", "cpuCores": 1, "memoryGb": 1, "systemDiskGb": 1, "dataDiskGb": 1 });
        let spec = ask("/api/admin/specs", size).await["id"].clone();
        ask(&format!("/api/admin/specs/{spec}/prices"), json!({ "pricePerHour": "0.5" })).await;
        ask(&format!("/api/admin/specs/{spec}/list"), json!({})).await;
        let owner = server.browser(&acme.owner).await;
        let body = json!({ "name": "one", "image": image, "spec": spec, "command": command,
            "environment": { "SECRET": "hunter2" } });
        let id = server.post(&owner, "/api/customer/instances", body).await.data()["id"].as_u64().unwrap();
        instances::apply(server.platform(), InstanceId(id.try_into().unwrap())).await.unwrap();
        Self { server, acme, owner, id, _engine: engine }
    }

    pub(crate) async fn ticket(&self, who: &Who, terminal: Option<&str>) -> String {
        let path = format!("/api/customer/instances/{}/terminal/ticket", self.id);
        let answer = self.server.post(who, &path, json!({ "terminal": terminal })).await;
        answer.data()["ticket"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
    }

    pub(crate) fn path(&self, ticket: &str) -> String {
        format!("/ws/instances/{}/terminal?ticket={ticket}&cols=101&rows=33", self.id)
    }

    /// A socket with the shell of that name, or a new one.
    pub(crate) async fn open(&self, terminal: Option<&str>) -> (Shell, String, bool, Option<String>) {
        self.open_as(&self.owner, terminal).await
    }

    /// The same of somebody else there.
    pub(crate) async fn open_as(&self, who: &Who, terminal: Option<&str>) -> (Shell, String, bool, Option<String>) {
        let ticket = self.ticket(who, terminal).await;
        let mut shell = Shell(dial_as(&self.server, who, &self.path(&ticket)).await.unwrap(), Vec::new());
        match shell.told().await {
            Some(TerminalTold::Opened { terminal, resumed, instead }) => (shell, terminal, resumed, instead),
            other => panic!("a shell, not {other:?}"),
        }
    }

    /// How it ended, as it is written.
    pub(crate) async fn written(&self, terminal: &str) -> String {
        let sql = format!(
            "select reason || ' ' || coalesce(exit_code, -1) from terminals where id = '{terminal}' and ended_at is not null"
        );
        eventually("its end is written", async || self.server.sql(&sql).await.pop()).await
    }
}

/// The client: what it is sent, and what was shown.
pub(crate) struct Shell(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>, pub(crate) Vec<u8>);

impl Shell {
    pub(crate) async fn tell(&mut self, said: &TerminalSaid) {
        self.0.send(Message::text(serde_json::to_string(said).unwrap())).await.unwrap();
    }

    pub(crate) async fn type_in(&mut self, text: impl AsRef<[u8]>) {
        self.0.send(Message::binary(text.as_ref().to_vec())).await.unwrap();
    }

    /// The next message; bytes are kept and, as a client does, said to be shown. `None` when the socket has ended.
    pub(crate) async fn next(&mut self, shows: bool) -> Option<Option<TerminalTold>> {
        // Signs of life alone are not what is waited for.
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            let message = tokio::time::timeout_at(end, self.0.next()).await;
            let message =
                message.unwrap_or_else(|_| panic!("nothing more after {:?}", String::from_utf8_lossy(&self.1)));
            match message {
                Some(Ok(Message::Binary(bytes))) => {
                    self.1.extend_from_slice(&bytes);
                    if shows {
                        // The server may have hung up meanwhile: the next message says so.
                        let said = TerminalSaid::Ack { bytes: bytes.len() as u64 };
                        let _ = self.0.send(Message::text(serde_json::to_string(&said).unwrap())).await;
                    }
                    return Some(None);
                }
                Some(Ok(Message::Text(text))) => match serde_json::from_str(&text).unwrap() {
                    TerminalTold::Alive {} => {}
                    told => return Some(Some(told)),
                },
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Has the shell end, where it has not yet; back when the socket is closed.
    pub(crate) async fn hang_up(&mut self) {
        let said = serde_json::to_string(&TerminalSaid::Close {}).unwrap();
        // The server may have hung up already: then the next read says so.
        let _ = self.0.send(Message::text(said)).await;
        self.last().await;
    }

    /// What is told next beside what is shown.
    pub(crate) async fn told(&mut self) -> Option<TerminalTold> {
        loop {
            if let Some(told) = self.next(true).await? {
                return Some(told);
            }
        }
    }

    /// Until the screen has shown it.
    pub(crate) async fn until(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !String::from_utf8_lossy(&self.1).contains(text) {
            assert!(Instant::now() < end, "it never said {text}: {}", String::from_utf8_lossy(&self.1));
            assert!(self.next(true).await.is_some(), "it ended: {}", String::from_utf8_lossy(&self.1));
        }
    }

    /// Until its size is that: an engine that knows no size at the start is told of it right after.
    async fn until_size(&mut self, size: &str) {
        let end = Instant::now() + PATIENCE;
        self.1.clear();
        while !String::from_utf8_lossy(&self.1).contains(size) {
            assert!(Instant::now() < end, "it never was {size}: {}", String::from_utf8_lossy(&self.1));
            self.1.clear();
            self.type_in("busybox stty size; echo do''ne\n").await;
            self.until("done").await;
        }
    }

    /// Reads to the end; what was told last before it.
    pub(crate) async fn last(&mut self) -> Option<TerminalTold> {
        let mut last = None;
        while let Some(told) = self.next(true).await {
            last = told.or(last);
        }
        last
    }
}

#[tokio::test]
async fn a_shell_lives_on_and_ends_with_its_code() {
    let world = World::new().await;
    let (mut shell, terminal, resumed, instead) = world.open(None).await;
    assert_eq!((resumed, instead), (false, None));
    assert_eq!(shell.told().await, Some(TerminalTold::Replayed {}));
    assert_eq!(shell.told().await, Some(TerminalTold::Viewers { count: 1 }));
    shell.type_in("KEPT=here; echo $SECRET\n").await;
    shell.until("hunter2").await;
    shell.until_size("33 101").await;
    shell.tell(&TerminalSaid::Resize { cols: 55, rows: 22 }).await;
    shell.until_size("22 55").await;
    // A letter that is cut is put together again.
    shell.type_in("echo re''ady; cat\n").await;
    shell.until("ready").await;
    let letters = "\u{4e2d}\u{6587}-ok\n".as_bytes();
    shell.type_in(&letters[..2]).await;
    shell.type_in(&letters[2..]).await;
    shell.until("\u{4e2d}\u{6587}-ok\r\n\u{4e2d}\u{6587}-ok").await;
    shell.type_in([4]).await;
    // A socket that is dropped with something unread takes along what was just typed: it is heard of first.
    shell.type_in("echo ba''ck\n").await;
    shell.until("back").await;
    drop(shell);

    let (mut shell, again, resumed, instead) = world.open(Some(&terminal)).await;
    assert_eq!((again.as_str(), resumed, instead), (terminal.as_str(), true, None));
    assert_eq!(shell.told().await, Some(TerminalTold::Replayed {}), "what was shown comes first");
    assert!(String::from_utf8_lossy(&shell.1).contains("\u{4e2d}\u{6587}-ok"));
    shell.type_in("echo $KEPT-$((40+2)); exit 7\n").await;
    shell.until("here-42").await;
    let ended = TerminalTold::Exit { reason: "exited".to_owned(), code: Some(7) };
    assert_eq!(shell.last().await, Some(ended));
    assert_eq!(world.written(&terminal).await, "exited 7");
    // It is over: another one is opened instead, and that is said; of another server's too.
    let (_shell, new, resumed, instead) = world.open(Some(&terminal)).await;
    assert!(new != terminal && !resumed && instead.as_deref() == Some("ended"));
    let elsewhere = "insert into terminals (id, instance_id, customer_id, user_id, server_id, opened_at, used_at, lease_until)
        select gen_random_uuid(), instance_id, customer_id, user_id, gen_random_uuid(), now(), now(), now() + interval '1 minute'
        from terminals limit 1 returning id";
    let elsewhere = world.server.sql(elsewhere).await.remove(0);
    let (_other, _, resumed, instead) = world.open(Some(&elsewhere)).await;
    assert!(!resumed && instead.as_deref() == Some("elsewhere"));
    let gone = "insert into terminals (id, instance_id, customer_id, user_id, server_id, opened_at, used_at, lease_until)
        select gen_random_uuid(), instance_id, customer_id, user_id, gen_random_uuid(), now(), now(), now() - interval '1 minute'
        from terminals limit 1 returning id";
    let gone = world.server.sql(gone).await.remove(0);
    let (_another, _, resumed, instead) = world.open(Some(&gone)).await;
    assert!(!resumed && instead.as_deref() == Some("gone"), "{instead:?}");
    let log =
        "select action || ' ' || actor_kind || ' ' || coalesce(after->>'exitCode', '-') || ' ' || (address is not null)
        from audit_events where action like 'instances:%-terminal' order by id limit 2";
    let log = world.server.sql(log).await;
    assert_eq!(log, ["instances:open-terminal user - true", "instances:end-terminal system 7 false"]);
}

#[tokio::test]
async fn a_ticket_is_one_sessions_and_counts_once() {
    let world = World::new().await;
    let (server, owner) = (&world.server, &world.owner);
    let ticket = world.ticket(owner, None).await;
    let other = server.test.customer("Other").await;
    let (stranger, colleague, again) = (
        server.browser(&other.owner).await,
        server.browser(&world.acme.member).await,
        server.browser(&world.acme.owner).await,
    );
    let knock = async |who: &Who, ticket: &str| dial_as(server, who, &world.path(ticket)).await.err();
    assert_eq!(knock(&Who::Nobody, &ticket).await, Some(401));
    assert_eq!(knock(&stranger, &ticket).await, Some(404));
    assert_eq!(knock(&colleague, &ticket).await, Some(404), "it is not the colleague's instance");
    assert_eq!(knock(&again, &ticket).await, Some(403), "another session of the same person");
    for wrong in ["", "x", &ticket.to_uppercase()] {
        assert_eq!(knock(owner, wrong).await, Some(403));
    }
    let Who::Cookie(cookie) = owner else { unreachable!() };
    let foreign = [("cookie", cookie.as_str()), ("origin", "https://evil.example")];
    assert_eq!(dial(server, &world.path(&ticket), &foreign).await.err(), Some(403));
    for (side, status) in [("cols=0", 400), ("rows=1001", 400)] {
        let path = format!("/ws/instances/{}/terminal?ticket={ticket}&{side}", world.id);
        assert_eq!(dial_as(server, owner, &path).await.err(), Some(status));
    }
    // None of these used it up.
    let path = format!("/api/customer/instances/{}/terminal/ticket", world.id);
    for who in [&stranger, &colleague] {
        assert_eq!(server.post(who, &path, json!({})).await.status, 404);
    }
    let shown = server.sql("select encode(hash, 'hex') from terminal_tickets").await;
    assert!(shown.len() == 1 && !shown.contains(&ticket), "it is kept as a hash");
    assert_eq!(knock(owner, &ticket).await, None);
    assert_eq!(knock(owner, &ticket).await, Some(403), "it was used");
    let late = world.ticket(owner, None).await;
    server.test.clock().advance(chrono::TimeDelta::seconds(21));
    assert_eq!(knock(owner, &late).await, Some(403), "it is too old");
    // Two at once: one comes in.
    let ticket = world.ticket(owner, None).await;
    let both = futures_util::future::join(knock(owner, &ticket), knock(owner, &ticket)).await;
    assert!(matches!(both, (None, Some(403)) | (Some(403), None)), "{both:?}");
}

#[tokio::test]
async fn who_is_cut_off_has_no_shell_within_five_seconds() {
    let world = World::new().await;
    let (mut shell, terminal, ..) = world.open(None).await;
    shell.type_in("echo re''ady; sleep 500\n").await;
    shell.until("ready").await;
    // One that nobody looks at.
    let (mut alone, other, ..) = world.open(None).await;
    alone.type_in("echo re''ady; sleep 501\n").await;
    alone.until("ready").await;
    drop(alone);
    let listed = || {
        let (_, list) = world._engine.ask("GET", "/containers/json", "application/json", b"");
        let list: Value = serde_json::from_str(&list).unwrap();
        let path = format!("/containers/{}/top", list[0]["Id"].as_str().unwrap());
        world._engine.ask("GET", &path, "application/json", b"").1
    };
    assert!(listed().contains("sleep 500") && listed().contains("sleep 501"));
    let disabled = format!(
        "update users set token_version = token_version + 1, state = 'disabled' where id = {} returning id",
        world.acme.owner.id
    );
    world.server.sql(&disabled).await;
    let struck = Instant::now();
    let last = shell.last().await;
    assert!(struck.elapsed() < PROMISE, "{:?}", struck.elapsed());
    // By its own question or by the shell's end, whichever comes first.
    let said = matches!(&last, Some(TerminalTold::Bye { reason }) if reason == "session_ended")
        || matches!(&last, Some(TerminalTold::Exit { reason, .. }) if reason == "access");
    assert!(said, "{last:?}");
    for terminal in [&terminal, &other] {
        assert_eq!(world.written(terminal).await, "access -1");
    }
    eventually("nothing of it runs on", async || (!listed().contains("sleep 50")).then_some(())).await;
}

#[tokio::test]
async fn a_slow_reader_and_endless_output_hurt_nobody() {
    let world = World::new().await;
    let (mut slow, terminal, ..) = world.open(None).await;
    slow.until("").await;
    slow.type_in("cat /dev/zero\n").await;
    // It reads all that comes and never says that it showed it: then no more comes than it was promised.
    let mut quiet = 0;
    while quiet < 2 {
        match tokio::time::timeout(Duration::from_secs(2), slow.next(false)).await {
            Ok(next) => assert!(next.is_some(), "it ended"),
            Err(_) => quiet += 1,
        }
    }
    let sent = slow.1.len() as u64;
    assert!((TERMINAL_WINDOW..TERMINAL_WINDOW + (32 << 10)).contains(&sent), "{sent}");
    // Somebody quick is not held up, and what the slow one missed is left out.
    let (mut quick, ..) = world.open(Some(&terminal)).await;
    while quick.1.len() < 4 << 20 {
        assert!(quick.next(true).await.is_some());
    }
    slow.tell(&TerminalSaid::Ack { bytes: sent }).await;
    let skipped = loop {
        match slow.told().await {
            Some(TerminalTold::Skipped { bytes }) => break bytes,
            Some(_) => {}
            None => panic!("it ended"),
        }
    };
    assert!(skipped > 1 << 20, "{skipped}");
    // What is typed is heard all the while.
    slow.type_in([3]).await;
    slow.1.clear();
    slow.type_in("echo st''ill\n").await;
    slow.until("still").await;
    // More than a program reads that reads nothing: it is taken in within bounds, and the rest waits.
    slow.type_in("sleep 3\n").await;
    for _ in 0..20 {
        slow.type_in(vec![b'x'; 16 << 10]).await;
    }
    slow.type_in([3]).await;
    slow.tell(&TerminalSaid::Close {}).await;
    assert!(matches!(quick.last().await, Some(TerminalTold::Exit { .. })));
}

#[tokio::test]
async fn a_shell_that_nobody_looks_at_is_ended_and_there_are_not_too_many() {
    let world = World::new().await;
    let (shell, terminal, ..) = world.open(None).await;
    let mut more = Vec::new();
    for _ in 0..7 {
        more.push(world.open(None).await.0);
    }
    let ticket = world.ticket(&world.owner, None).await;
    let mut refused = Shell(dial_as(&world.server, &world.owner, &world.path(&ticket)).await.unwrap(), Vec::new());
    match refused.told().await {
        Some(TerminalTold::Refused { error }) => assert_eq!(error.code.number(), 1500),
        other => panic!("a refusal, not {other:?}"),
    }
    assert_eq!(refused.told().await, None);
    drop(shell);
    world.server.test.clock().advance(chrono::TimeDelta::minutes(14));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(
        world
            .server
            .count(&format!("select count(*) from terminals where id = '{terminal}' and ended_at is null"))
            .await,
        1
    );
    // The server may have heard of the end of the socket only by now.
    world.server.test.clock().advance(chrono::TimeDelta::minutes(16));
    assert_eq!(world.written(&terminal).await, "idle -1");
    // A server that died says nothing of its own: they are over.
    let died = "update terminals set lease_until = now() - interval '1 minute' where ended_at is null returning id";
    world.server.sql(died).await;
    world.open(None).await;
    assert_eq!(world.server.count("select count(*) from terminals where reason = 'server'").await, 7);
}

#[tokio::test]
async fn a_shell_ends_with_its_instance_and_with_the_server() {
    let world = World::new().await;
    let (mut shell, terminal, ..) = world.open(None).await;
    let id = InstanceId(world.id.try_into().unwrap());
    let stop = format!("/api/customer/instances/{}/stop", world.id);
    assert_eq!(world.server.post(&world.owner, &stop, json!({})).await.status, 200);
    instances::apply(world.server.platform(), id).await.unwrap();
    assert!(matches!(shell.last().await, Some(TerminalTold::Exit { reason, .. }) if reason == "exited"));
    assert!(world.written(&terminal).await.starts_with("exited"));
    let path = format!("/api/customer/instances/{}/terminal/ticket", world.id);
    assert_eq!(world.server.post(&world.owner, &path, json!({})).await.code(), 1402);
    let start = format!("/api/customer/instances/{}/start", world.id);
    world.server.post(&world.owner, &start, json!({})).await;
    instances::apply(world.server.platform(), id).await.unwrap();
    let (_shell, terminal, ..) = world.open(None).await;
    instances::end_terminals(world.server.platform(), PATIENCE).await;
    assert_eq!(world.written(&terminal).await, "closed -1");
}
