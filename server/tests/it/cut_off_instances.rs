//! What ends somebody's powers ends what they have open of instances too, within five seconds: one table, struck line by line.
//!
//! Neither a blow nor a way in can be left out: the table, [`line`], has a line for each of the one with a word for each of the
//! other, or this does not compile.

use std::time::Duration;

use contract::live::ClientMessage;
use contract::{SshKeyId, UserId};
use futures_util::{SinkExt as _, StreamExt as _};
use http::Method;
use platform::accounts;
use serde_json::{Value, json};
use test_support::{TestUser, totp_code};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::apps::{self, Browser, PATIENCE, add};
use crate::apps_cut_off::ends;
use crate::harness::{Answer, Server, Who};
use crate::sockets::dial_as;
use crate::ssh::{self, Door, run};
use crate::terminals::{self, World};
use crate::watching::look_on;

/// What is promised.
const PROMISE: Duration = Duration::from_secs(5);
/// What the password is changed to.
const ANOTHER: &str = "seven lazy pelicans";

/// A list of things that knows all of itself.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident: $($thing:ident),+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum $name {
            $($thing),+
        }

        impl $name {
            const ALL: &[Self] = &[$(Self::$thing),+];
        }
    };
}

named! {
    /// What happens to somebody.
    Blow: SignedOut, UserDisabled, CustomerDisabled, PasswordChanged, RoleTaken, SecondFactorChanged, EndedByStaff, KeyRemoved,
    UserDeleted
}

named! {
    /// How somebody is in an instance, or comes in.
    Way: SshShell, SshMenu, SshKey, Terminal, Watcher, App, Logs
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// It is over, and whoever knocks again is refused.
    Cut,
    /// It goes on: the blow is about something else.
    Stays,
}

use Then::{Cut, Stays};

/// In the order of [`Way::ALL`].
const fn line(blow: Blow) -> [Then; Way::ALL.len()] {
    match blow {
        // A connection by SSH has a session of its own, which the portal's list shows and ends.
        Blow::SignedOut => [Stays, Stays, Stays, Cut, Cut, Cut, Cut],
        Blow::UserDisabled | Blow::CustomerDisabled | Blow::UserDeleted => [Cut, Cut, Cut, Cut, Cut, Cut, Cut],
        // The instance was theirs as the customer's owner alone.
        Blow::RoleTaken => [Cut, Cut, Cut, Cut, Cut, Cut, Cut],
        // Everything that is open ends; who has the key comes in again, as who has the new password does.
        Blow::PasswordChanged | Blow::SecondFactorChanged | Blow::EndedByStaff => [Cut, Cut, Stays, Cut, Cut, Cut, Cut],
        // It opens nothing but SSH.
        Blow::KeyRemoved => [Cut, Cut, Cut, Stays, Stays, Stays, Stays],
    }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// All that somebody has open at once.
struct Open<'a> {
    shell: ssh::Shell,
    menu: ssh::Shell,
    terminal: terminals::Shell,
    watcher: terminals::Shell,
    /// Of the owner, at which the watcher looks.
    looked_at: terminals::Shell,
    browser: Browser<'a>,
    socket: WebSocketStream<TcpStream>,
    logs: Socket,
}

impl<'a> Open<'a> {
    async fn all(door: &'a Door, victim: &TestUser, (portal, key): (&Who, &str), link: &Value) -> Open<'a> {
        let world = &door.world;
        let server = &world.server;
        let mut shell = door.shell(&[], key, &into_one(victim));
        let mut menu = door.shell(&[], key, &format!("{}@127.0.0.1", victim.name));
        shell.type_in("echo re''ady\r").await;
        shell.until("ready").await;
        menu.until("1  one").await;
        let (terminal, ..) = world.open_as(portal, None).await;
        let (looked_at, id, ..) = world.open(None).await;
        let watcher = look_on(world, portal, &id).await;
        let mut browser = Browser::of(server, portal.clone(), link);
        assert_eq!(browser.open("/").await.status, 200);
        let socket = browser.socket().await;
        let path = format!("/ws/instances/{}/logs", world.id);
        let mut logs = dial_as(server, portal, &path).await.expect("the log is theirs to follow");
        timeout(PATIENCE, logs.next()).await.expect("it begins").unwrap().unwrap();
        Self { shell, menu, terminal, watcher, looked_at, browser, socket, logs }
    }

    /// Back when it has ended.
    async fn ended(&mut self, way: Way) {
        match way {
            Way::SshShell => self.shell.is_over().await,
            Way::SshMenu => self.menu.is_over().await,
            // Nothing that is open: it is knocked at.
            Way::SshKey => {}
            Way::Terminal => drop(self.terminal.last().await),
            Way::Watcher => drop(self.watcher.last().await),
            Way::App => {
                ends(&mut self.socket).await;
                let again = Answer::of(self.browser.request(Method::GET, "/")).await;
                assert_eq!(again.status, 401, "its cookie still opens the application: {again:?}");
            }
            Way::Logs => ends(&mut self.logs).await,
        }
    }

    /// Panics where it is not there any more.
    async fn lives(&mut self, way: Way) {
        match way {
            Way::SshShell => {
                self.shell.type_in("echo sti''ll\r").await;
                self.shell.until("still").await;
            }
            Way::SshMenu => {
                self.menu.type_in("9\r").await;
                self.menu.until("q to leave): 9").await;
            }
            Way::SshKey => {}
            Way::Terminal => {
                self.terminal.type_in("echo sti''ll\n").await;
                self.terminal.until("still").await;
            }
            Way::Watcher => {
                self.looked_at.type_in("echo se''en\n").await;
                self.watcher.until("seen").await;
            }
            Way::App => assert_eq!(Answer::of(self.browser.request(Method::GET, "/")).await.status, 200),
            Way::Logs => {
                let ping = serde_json::to_string(&ClientMessage::Ping {}).unwrap();
                self.logs.send(Message::text(ping)).await.unwrap();
                let heard = timeout(PATIENCE, pong(&mut self.logs)).await;
                assert_eq!(heard, Ok(true), "the log is closed");
            }
        }
    }
}

/// False where it ends without one.
async fn pong(logs: &mut Socket) -> bool {
    while let Some(Ok(message)) = logs.next().await {
        let said = message.to_text().ok().and_then(|text| serde_json::from_str::<Value>(text).ok());
        if said.is_some_and(|said| said["type"] == "pong") {
            return true;
        }
    }
    false
}

fn into_one(user: &TestUser) -> String {
    format!("{}+one@127.0.0.1", user.name)
}

/// Whether this key still lets them into the instance.
async fn comes_in(door: &Door, victim: &TestUser, key: &str) -> bool {
    run(door.program("ssh", key).arg(into_one(victim)).arg("true")).await.status.success()
}

async fn ask(server: &Server, who: &Who, method: Method, path: &str, body: Option<Value>) -> Value {
    let request = server.request(who, method, path);
    let request = body.into_iter().fold(request, |request, body| request.json(&body));
    let answer = Answer::of(request).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.data()
}

async fn give_role(world: &World, staff: &Who, user: UserId, role: &str) {
    let path = format!("/api/admin/customers/{}/members/{user}", world.acme.id);
    ask(&world.server, staff, Method::PUT, &path, Some(json!({ "role": role }))).await;
}

/// As it really happens: by the operation's own door.
async fn strike(world: &World, blow: Blow, (victim, staff): (&TestUser, &Who), (portal, key): (&Who, SshKeyId)) {
    let (server, empty) = (&world.server, Some(json!({})));
    let person = format!("/api/admin/users/{}", victim.id);
    match blow {
        Blow::SignedOut => assert_eq!(server.call(portal, "sign_out", &[]).await.status, 200),
        Blow::UserDisabled => {
            ask(server, staff, Method::POST, &format!("{person}/disable"), empty).await;
        }
        Blow::CustomerDisabled => {
            let path = format!("/api/admin/customers/{}/disable", world.acme.id);
            ask(server, staff, Method::POST, &path, empty).await;
        }
        Blow::PasswordChanged => {
            let body = json!({ "oldPassword": victim.password, "newPassword": ANOTHER });
            let elsewhere = server.token(victim).await;
            ask(server, &elsewhere, Method::POST, "/api/auth/password/change", Some(body)).await;
        }
        Blow::RoleTaken => give_role(world, staff, victim.id, "member").await,
        Blow::SecondFactorChanged => {
            let elsewhere = server.token(victim).await;
            let body = json!({ "password": victim.password });
            let enrolled = ask(server, &elsewhere, Method::POST, "/api/auth/totp/enroll", Some(body)).await;
            let code = totp_code(enrolled["secret"].as_str().unwrap(), server.test.clock().now());
            let body = json!({ "code": code });
            ask(server, &elsewhere, Method::POST, "/api/auth/totp/confirm", Some(body)).await;
        }
        Blow::EndedByStaff => {
            ask(server, staff, Method::DELETE, &format!("{person}/sessions"), None).await;
        }
        Blow::KeyRemoved => accounts::remove_ssh_key(server.platform(), &victim.ctx(), key).await.unwrap(),
        Blow::UserDeleted => {
            ask(server, staff, Method::DELETE, &person, None).await;
        }
    }
}

/// Everything as it was, but for what is open.
async fn heal(world: &World, blow: Blow, (victim, staff): (&mut TestUser, &Who)) {
    let (server, empty) = (&world.server, Some(json!({})));
    let person = format!("/api/admin/users/{}", victim.id);
    match blow {
        Blow::SignedOut | Blow::EndedByStaff | Blow::KeyRemoved => {}
        Blow::UserDisabled => {
            ask(server, staff, Method::POST, &format!("{person}/enable"), empty).await;
        }
        Blow::CustomerDisabled => {
            let path = format!("/api/admin/customers/{}/enable", world.acme.id);
            ask(server, staff, Method::POST, &path, empty).await;
        }
        Blow::PasswordChanged => victim.password = ANOTHER,
        Blow::RoleTaken => give_role(world, staff, victim.id, "owner").await,
        Blow::SecondFactorChanged => {
            ask(server, staff, Method::DELETE, &format!("{person}/totp"), None).await;
        }
        Blow::UserDeleted => {
            ask(server, staff, Method::POST, &format!("{person}/restore"), empty).await;
        }
    }
}

/// What of this line is not as the table has it.
async fn unlike(door: &Door, blow: Blow, (victim, staff): (&TestUser, &Who), link: &Value) -> Vec<String> {
    let name = format!("key-{blow:?}");
    let key = door.add_key(victim, &name).await;
    let portal = door.world.server.browser(victim).await;
    let mut open = Open::all(door, victim, (&portal, &name), link).await;
    assert!(comes_in(door, victim, &name).await, "{blow:?}: it opens before");

    strike(&door.world, blow, (victim, staff), (&portal, key)).await;
    let until = Instant::now() + PROMISE;
    let lines: Vec<_> = Way::ALL.iter().copied().zip(line(blow)).collect();
    let looks = async {
        let mut wrong = Vec::new();
        for (way, _) in lines.iter().filter(|(_, then)| *then == Cut) {
            if timeout_at(until, open.ended(*way)).await.is_err() {
                wrong.push(format!("{blow:?} × {way:?}: still open after {PROMISE:?}"));
            }
        }
        wrong
    };
    let (mut wrong, came_in) = tokio::join!(looks, comes_in(door, victim, &name));
    for (way, then) in lines {
        match (way, then) {
            (Way::SshKey, then) if came_in != (then == Stays) => {
                wrong.push(format!("{blow:?} × {way:?}: not {then:?}"))
            }
            (_, Stays) => open.lives(way).await,
            (_, Cut) => {}
        }
    }
    // Shells live on without anybody who looks at them, and there are only so many.
    for shell in [&mut open.looked_at, &mut open.terminal] {
        shell.hang_up().await;
    }
    wrong
}

async fn holds(blows: &[Blow]) {
    let door = Door::beside(apps::world().await).await;
    let world = &door.world;
    let staff = world.server.token(&world.server.test.admin().await).await;
    let mut victim = world.acme.member.clone();
    give_role(world, &staff, victim.id, "owner").await;
    let link = add(world, json!({ "name": "App", "port": 8888 })).await;
    let mut wrong = Vec::new();
    for blow in blows {
        wrong.extend(unlike(&door, *blow, (&victim, &staff), &link).await);
        heal(world, *blow, (&mut victim, &staff)).await;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// How many of them are struck in the first test: two instances at once take half the time.
const FIRST: usize = 5;

#[tokio::test]
async fn every_way_in_is_cut_off_as_the_table_says() {
    holds(&Blow::ALL[..FIRST]).await;
}

#[tokio::test]
async fn every_way_in_is_cut_off_as_the_rest_of_the_table_says() {
    holds(&Blow::ALL[FIRST..]).await;
}
