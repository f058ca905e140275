//! Applications of instances, opened by a browser at their own origins, on a real Docker Engine: a small server of HTTP and
//! WebSockets in a container.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt as _;
use http::{Method, header};
use platform::db::Db;
use platform::instances::AppsAddress;
use platform::{Platform, PlatformSettings};
use serde_json::{Value, json};
use test_support::{APPS, DockerEngine, TestPlatform, TestUser, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::harness::{Answer, Server, Who};
use crate::terminals::World;

/// Far beyond what a loaded machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Speaks HTTP on 8888, and on 8080 to its own localhost alone.
const PROGRAM: &str = "busybox mkdir -p /www; echo local > /www/index.html; busybox httpd -p 127.0.0.1:8080 -h /www; \
                       exec busybox nc -ll -p 8888 -e /serve.sh";

/// An instance whose applications run.
pub(crate) async fn world() -> World {
    let server = Server::with(|config| {
        config.apps = Some(AppsAddress::parse(APPS, &config.public_url).unwrap());
    });
    at(server.await).await
}

/// The same where the origins of links are ports of one host name: there is one.
async fn world_of_one_port() -> World {
    let test = TestPlatform::new().await;
    let apps = AppsAddress::parse("http://localhost:9000-9000", &"http://127.0.0.1".parse().unwrap()).unwrap();
    let settings = PlatformSettings { apps: Some(apps.clone()), ..test.platform.settings().clone() };
    let db = Db::connect(test.database().app_options(), 4).await.unwrap();
    let platform = Platform::open(db, test.keyring().clone(), test.clock().clone(), settings).await.unwrap();
    at(Server::over(test, platform, |config| config.apps = Some(apps)).await).await
}

async fn at(server: Server) -> World {
    let engine = DockerEngine::start();
    engine.import_files("busybox", &[("serve.sh".to_owned(), include_bytes!("apps_serve.sh").to_vec())]);
    World::of(engine, server, &["/bin/sh", "-c", PROGRAM]).await
}

/// A new link of the world's instance.
pub(crate) async fn add(world: &World, body: Value) -> Value {
    let path = format!("/api/customer/instances/{}/links", world.id);
    let answer = world.server.post(&world.owner, &path, body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.data()
}

/// A browser: a jar for the portal, and one for each origin of an application.
pub(crate) struct Browser<'a> {
    pub(crate) server: &'a Server,
    pub(crate) portal: Who,
    pub(crate) host: String,
    pub(crate) jar: BTreeMap<String, String>,
    http: reqwest::Client,
}

impl<'a> Browser<'a> {
    pub(crate) async fn new(server: &'a Server, user: &TestUser, link: &Value) -> Self {
        Self::of(server, server.browser(user).await, link)
    }

    pub(crate) fn of(server: &'a Server, portal: Who, link: &Value) -> Self {
        let url = link["url"].as_str().unwrap();
        let host = url.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { server, portal, host, jar: BTreeMap::new(), http }
    }

    fn there(&self) -> SocketAddr {
        self.server.apps.unwrap()
    }

    fn cookies(&self) -> String {
        self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// A request to the origin, with its cookies.
    pub(crate) fn request(&self, method: Method, way: &str) -> reqwest::RequestBuilder {
        let request =
            self.http.request(method, format!("http://{}{way}", self.there())).header(header::HOST, &self.host);
        if self.jar.is_empty() { request } else { request.header(header::COOKIE, self.cookies()) }
    }

    /// Somebody goes there.
    pub(crate) async fn go(&mut self, way: &str) -> Answer {
        let request = self.request(Method::GET, way).header("sec-fetch-mode", "navigate");
        let request = request.header("sec-fetch-dest", "document").header("sec-fetch-site", "cross-site");
        let answer = Answer::of(request.header(header::ACCEPT, "text/html")).await;
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.jar.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    /// What the portal answers to a window that comes from the origin.
    pub(crate) async fn at_portal(&self, address: &str) -> Answer {
        self.at_portal_as(address, &[("sec-fetch-dest", "document"), ("sec-fetch-site", "cross-site")]).await
    }

    /// The same to what comes so.
    async fn at_portal_as(&self, address: &str, fields: &[(&str, &str)]) -> Answer {
        let path = address.strip_prefix(&self.server.origin()).unwrap_or_else(|| panic!("not the portal: {address}"));
        let page = self.server.bare(Method::GET, path).header(header::ACCEPT, "text/html");
        let page = fields.iter().fold(page, |page, (name, value)| page.header(*name, *value));
        Answer::of(self.server.signed(&self.portal, page)).await
    }

    /// Whether this ticket lets it in. In either case no page stands at an address with one.
    async fn is_let_in(&mut self, back: &str) -> bool {
        let answer = self.go(back).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        let kept_out = answer.header("location") == "/~remotegpu/ticket";
        let set = answer.headers.get_all(header::SET_COOKIE).iter().count();
        assert_eq!(set == 0, kept_out, "{answer:?}");
        !kept_out
    }

    /// To the portal and half the way back: where its ticket leads.
    pub(crate) async fn ticket(&mut self, way: &str) -> String {
        let sent = self.go(way).await;
        assert_eq!(sent.status, 303, "{sent:?}");
        let led = self.at_portal(sent.header("location")).await;
        assert_eq!(led.status, 303, "{led:?}");
        let back = led.header("location").strip_prefix(&format!("http://{}", self.host)).map(str::to_owned);
        back.unwrap_or_else(|| panic!("not back: {led:?}"))
    }

    /// All of the way, to what stands there.
    pub(crate) async fn open(&mut self, way: &str) -> Answer {
        let back = self.ticket(way).await;
        let entered = self.go(&back).await;
        assert_eq!((entered.status, entered.header("location")), (303, way), "{entered:?}");
        self.go(way).await
    }

    /// A WebSocket that is open, after what it says first.
    pub(crate) async fn socket(&self) -> tokio_tungstenite::WebSocketStream<tokio::net::TcpStream> {
        let mut request = format!("ws://{}/socket", self.host).into_client_request().unwrap();
        for (name, value) in [("cookie", self.cookies()), ("origin", format!("http://{}", self.host))] {
            request.headers_mut().insert(http::HeaderName::from_static(name), value.parse().unwrap());
        }
        let stream = tokio::net::TcpStream::connect(self.there()).await.unwrap();
        let (mut socket, _) =
            tokio_tungstenite::client_async(request, stream).await.expect("the handshake is answered");
        let first = tokio::time::timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
        assert_eq!(first, Message::text("hello"));
        socket
    }

    /// What comes for bytes as they are, until the server closes.
    async fn raw(&self, text: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(self.there()).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut got = Vec::new();
        let all = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut got)).await;
        // A server that has heard enough may reset.
        let _ = all.expect("it closes");
        String::from_utf8_lossy(&got).into_owned()
    }
}

#[tokio::test]
async fn a_browser_opens_an_application_at_its_own_origin() {
    let world = world().await;
    let link = add(&world, json!({ "name": "Jupyter", "port": 8888 })).await;
    let mut browser = Browser::of(&world.server, world.owner.clone(), &link);
    let seen = browser.open("/lab?a=b%20c").await;
    assert_eq!(seen.status, 200, "{seen:?}");
    let host = browser.host.clone();
    let mut lines = seen.text.lines();
    assert_eq!(lines.next(), Some("GET /lab?a=b%20c HTTP/1.1"));
    let fields: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let field = |name: &str| fields.get(name).map(String::as_str);
    assert_eq!((field("host"), field("x-forwarded-host")), (Some("localhost:8888"), Some(host.as_str())));
    assert_eq!((field("x-forwarded-proto"), field("x-forwarded-for")), (Some("http"), Some("127.0.0.1")));
    assert_eq!(field("cookie"), None, "ours are not the application's: {fields:?}");

    // Its own cookies are, and only for this host; where it leads stays here.
    let set = browser.go("/cookies").await;
    let cookies: Vec<_> = set.headers.get_all(header::SET_COOKIE).iter().map(|it| it.to_str().unwrap()).collect();
    assert_eq!((cookies, set.header("clear-site-data")), (vec!["a=b; Path=/"], ""));
    assert!(browser.go("/").await.text.contains("a=b"));
    assert_eq!(browser.go("/away").await.header("location"), format!("http://{host}/lab"));

    // What is large passes as it comes.
    let body: Vec<u8> = (0..5_000_000u32).map(|n| (n * 31 + n / 257) as u8).collect();
    let sum = hex::encode(sha1_of(&world, &body).await);
    let put = browser.request(Method::PUT, "/upload").header("origin", format!("http://{host}")).body(body);
    assert_eq!(Answer::of(put).await.text.trim(), sum);
    // What goes on and on is seen at once.
    let ticks = browser.request(Method::GET, "/ticks").send().await.unwrap();
    let first = tokio::time::timeout(PATIENCE, ticks.bytes_stream().next()).await.unwrap().unwrap().unwrap();
    assert!(first.starts_with(b"data: 0"));
    browser.socket().await;

    // What listens on its localhost alone.
    let local = add(&world, json!({ "name": "Page", "port": 8080 })).await;
    let mut other = Browser::of(&world.server, world.owner.clone(), &local);
    assert_eq!(other.open("/").await.text, "local\n");

    // Nothing there, or nothing that speaks HTTP: said in words.
    let nothing = add(&world, json!({ "name": "Later", "port": 9999 })).await;
    let mut nothing = Browser::of(&world.server, world.owner.clone(), &nothing);
    let said = nothing.open("/").await;
    assert!(said.status == 502 && said.text.contains("Nothing listens on port 9999 yet"), "{said:?}");
    assert!(said.text.contains("http-equiv=\"refresh\""), "{said:?}");
    let said = browser.go("/nonsense").await;
    assert!(said.status == 502 && said.text.contains("Jupyter broke off"), "{said:?}");

    // Who opened what stands in the log once for each session, and in the list.
    let back = browser.ticket_again().await;
    assert!(browser.is_let_in(&back).await);
    assert_eq!(browser.go("/").await.status, 200);
    let opened = "select count(*) from audit_events where action = 'instances:open-app' and after->>'app' = 'Jupyter'";
    assert_eq!(world.server.count(opened).await, 1);
    let list = world.server.get(&world.owner, "/api/customer/access/sessions?kind=app&open=true").await.data();
    assert!(list["list"].as_array().unwrap().iter().all(|it| it["kind"] == "app" && it["mayEnd"] == true), "{list}");
}

/// As the instance's own `sha1sum` gives it.
async fn sha1_of(_world: &World, body: &[u8]) -> Vec<u8> {
    // Only SHA-2 is at hand here: the program of this machine knows the other.
    let mut child = tokio::process::Command::new("sha1sum")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(body).await.unwrap();
    let out = child.wait_with_output().await.unwrap().stdout;
    hex::decode(&out[..40]).unwrap()
}

#[tokio::test]
async fn nobody_else_is_let_in() {
    let world = world().await;
    let server = &world.server;
    let link = add(&world, json!({ "name": "Mine", "port": 8888 })).await;
    let other = add(&world, json!({ "name": "Other", "port": 8080 })).await;
    let globex = server.test.customer("Globex").await;
    let staff = server.test.admin().await;

    // Who is not signed in is sent to do that, and comes back; programs are told.
    let mut nobody = Browser::of(server, Who::Nobody, &link);
    let sent = nobody.go("/lab").await;
    let led = nobody.at_portal(sent.header("location")).await;
    assert!(led.status == 303 && led.header("location").starts_with("/login?next=%2Fapps%2F"), "{led:?}");
    assert_eq!(Answer::of(nobody.request(Method::GET, "/api/kernels")).await.status, 401);
    // Others learn nothing: neither another customer, nor a member who has no shell there, nor staff.
    for user in [&globex.owner, &world.acme.member, &staff] {
        let mut browser = Browser::new(server, user, &link).await;
        let sent = browser.go("/").await;
        let led = browser.at_portal(sent.header("location")).await;
        assert_eq!(led.status, 404, "{}: {led:?}", user.name);
    }
    let tried = "select count(*) from audit_events where action = 'instances:open-app' and outcome = 'denied'";
    assert_eq!(server.count(&format!("{tried} and target_id = '{}'", world.id)).await, 3, "the log has who tried what");
    let none = json!({ "url": "http://00000000000000000000.localhost:3001/" });
    let mut none = Browser::of(server, world.owner.clone(), &none);
    let sent = none.go("/").await;
    assert_eq!(none.at_portal(sent.header("location")).await.status, 404);
    // What everybody in the customer may open, a member does.
    let shared = add(&world, json!({ "name": "Shared", "port": 9999, "shared": true })).await;
    let mut member = Browser::new(server, &world.acme.member, &shared).await;
    assert_eq!(member.open("/").await.status, 502, "nothing listens there");
    let member_token = server.token(&world.acme.member).await;
    let listed = server.get(&member_token, "/api/customer/links").await.data();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!(
        (&listed[0]["name"], &listed[0]["running"], &listed[0]["url"]),
        (&json!("Shared"), &json!(true), &shared["url"])
    );
    let mut stranger = Browser::new(server, &globex.owner, &shared).await;
    let sent = stranger.go("/").await;
    assert_eq!(stranger.at_portal(sent.header("location")).await.status, 404);

    // A ticket counts once, in the browser that asked, at its own link, for seconds.
    let mut browser = Browser::of(server, world.owner.clone(), &link);
    let back = browser.ticket("/").await;
    let mut thief = Browser::of(server, Who::Nobody, &link);
    thief.go("/").await;
    assert!(!thief.is_let_in(&back).await, "it is another browser's");
    assert!(!browser.is_let_in(&back).await, "and used up by the try");
    let said = browser.go("/~remotegpu/ticket").await;
    assert!(said.status == 403 && said.text.contains("The way here was interrupted"), "{said:?}");
    let back = browser.ticket("/").await;
    let mut elsewhere = Browser::of(server, world.owner.clone(), &other);
    elsewhere.jar.clone_from(&browser.jar);
    assert!(!elsewhere.is_let_in(&back).await);
    assert!(browser.is_let_in(&back).await, "the try at another link used up nothing");
    assert!(!browser.is_let_in(&back).await);
    let back = browser.ticket_again().await;
    server.test.clock().advance(chrono::TimeDelta::seconds(21));
    assert!(!browser.is_let_in(&back).await, "too old");

    // The cookie of one link opens no other, and the portal's opens none.
    assert_eq!(browser.go("/").await.status, 200);
    elsewhere.jar.clone_from(&browser.jar);
    assert_eq!(elsewhere.go("/").await.status, 303);
    let Who::Cookie(portal) = &world.owner else { panic!("a browser") };
    let (name, value) = portal.split_once('=').unwrap();
    let mut with_portals = Browser::of(server, world.owner.clone(), &link);
    with_portals.jar.insert(name.to_owned(), value.to_owned());
    assert_eq!(with_portals.go("/").await.status, 303);
    // Nor the other way round.
    let (name, value) = browser.jar.iter().find(|(name, _)| name.ends_with("-app")).unwrap();
    let forged = Who::Cookie(format!("{}={value}", portal.split_once('=').unwrap().0));
    assert_eq!(server.get(&forged, "/api/auth/profile").await.status, 401, "{name}");

    // Pages of other origins send nothing here, though the browser adds the cookie.
    let sibling = format!("http://{}", elsewhere.host);
    for (method, pairs) in [
        (Method::POST, vec![("origin", sibling.as_str())]),
        (Method::POST, vec![("origin", "null")]),
        (Method::GET, vec![("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")]),
        (Method::GET, vec![("origin", &sibling), ("connection", "upgrade"), ("upgrade", "websocket")]),
    ] {
        let request =
            pairs.iter().fold(browser.request(method, "/"), |request, (name, value)| request.header(*name, *value));
        assert_eq!(Answer::of(request).await.status, 403, "{pairs:?}");
    }
    // A program with a token of the API opens nothing.
    let token = server.token(&world.acme.owner).await;
    let label = browser.host.split('.').next().unwrap().to_owned();
    let page = server.bare(Method::GET, &format!("/apps/{label}")).header(header::ACCEPT, "text/html");
    assert_eq!(Answer::of(server.signed(&token, page)).await.status, 404);
    let page = server.bare(Method::GET, &format!("/apps/{label}")).header(header::ACCEPT, "text/html");
    let looked = Answer::of(server.signed(&world.owner, page)).await;
    assert!(looked.status == 200 && looked.text.contains(&browser.host), "{looked:?}");
}

impl Browser<'_> {
    /// Another ticket, for a browser that is let in already.
    async fn ticket_again(&mut self) -> String {
        let port = self.host.rsplit(':').next().unwrap();
        let is_visit = |name: &&String| name.ends_with("-app") || name.ends_with(&format!("-app-{port}"));
        let visit = self.jar.keys().find(is_visit).cloned().unwrap();
        let kept = self.jar.remove(&visit).unwrap();
        let back = self.ticket("/").await;
        self.jar.insert(visit, kept);
        back
    }
}

#[tokio::test]
async fn scripts_of_an_application_get_no_ticket() {
    let world = world().await;
    let server = &world.server;
    let link = add(&world, json!({ "name": "App", "port": 8888 })).await;
    let mut browser = Browser::of(server, world.owner.clone(), &link);
    let sent = browser.go("/").await;
    let portal = sent.header("location").to_owned();
    // What a script frames, fetches or has got ready, and what comes from a form of the portal, is shown what would be opened.
    let site = ("sec-fetch-site", "same-site");
    for fields in [
        vec![("sec-fetch-dest", "iframe"), site],
        vec![("sec-fetch-dest", "empty"), site],
        vec![("sec-fetch-dest", "image"), site],
        vec![("sec-fetch-dest", "document"), site, ("sec-purpose", "prefetch;prerender")],
        vec![("sec-fetch-dest", "document"), ("sec-fetch-site", "same-origin")],
    ] {
        let shown = browser.at_portal_as(&portal, &fields).await;
        assert!(shown.status == 200 && shown.header("location").is_empty(), "{fields:?}: {shown:?}");
    }
    assert_eq!(server.count("select count(*) from app_tickets").await, 0);

    // A ticket is used up by whatever brings it, and is in no address afterwards.
    let framed = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe"), ("sec-fetch-site", "same-site")];
    let bomb = "x".repeat(60 << 10);
    let long = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("x-long", bomb.as_str())];
    let program = [("accept", "*/*")];
    let script = [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty"), ("sec-fetch-site", "same-origin")];
    for fields in [&framed[..], &program[..], &script[..]] {
        let back = browser.ticket("/").await;
        let request = browser.request(Method::GET, &back);
        let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let refused = Answer::of(request).await;
        assert_eq!((refused.status, refused.header("location")), (303, "/~remotegpu/ticket"), "{fields:?}");
        assert_eq!(refused.header("set-cookie"), "");
        assert!(!browser.is_let_in(&back).await, "{fields:?}");
    }
    // Cookies that a script set, so many that the head is too long: elsewhere that is refused.
    let back = browser.ticket("/").await;
    let request = |way: &str| {
        let request = browser.request(Method::GET, way).header("x-more", "x".repeat(6 << 10));
        long.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    };
    let bombed = Answer::of(request(&back)).await;
    assert_eq!(bombed.status, 303, "{bombed:?}");
    assert_eq!(Answer::of(request("/")).await.status, 431);
    assert_eq!(server.count("select count(*) from app_tickets").await, 0);

    // Nor does one that sees all that its windows ask for: a service worker of more than its own folder.
    assert_eq!(browser.open("/").await.status, 200);
    for (way, status) in [("/sw.js", 403), ("/?a=/b/c", 403), ("/static/sw.js", 200)] {
        let script = browser.request(Method::GET, way).header("service-worker", "script");
        let script = script.header("sec-fetch-dest", "serviceworker").header("sec-fetch-site", "same-origin");
        assert_eq!(Answer::of(script).await.status, status, "{way}");
    }
    // Whoever has just signed in goes on by hand, to where they were going.
    let sent = Browser::of(server, Who::Nobody, &link).go("/lab?a=b%20c").await;
    let fields = [("sec-fetch-dest", "document"), ("sec-fetch-site", "same-origin")];
    let shown = browser.at_portal_as(sent.header("location"), &fields).await;
    assert!(shown.text.contains(&format!("href=\"http://{}/lab?a=b%20c\"", browser.host)), "{shown:?}");
}

#[tokio::test]
async fn a_port_is_passed_on_without_what_was_there() {
    let world = world_of_one_port().await;
    let server = &world.server;
    let first = add(&world, json!({ "name": "First", "port": 8888 })).await;
    assert_eq!(first["url"], "http://localhost:9000/");
    let mut browser = Browser::of(server, world.owner.clone(), &first);
    let everything = "\"cache\", \"storage\"";
    let back = browser.ticket("/").await;
    assert_eq!(browser.go(&back).await.header("clear-site-data"), everything, "who knows what was there before");
    browser.go("/hidden").await;
    assert!(browser.go("/").await.text.contains("sid=1"));
    // The same link again: what it keeps in the browser is its own.
    let back = browser.ticket_again().await;
    assert_eq!(browser.go(&back).await.header("clear-site-data"), "");
    // A script that sees what the browser asks for would see what the next link shows.
    let watcher = browser.request(Method::GET, "/static/sw.js").header("service-worker", "script");
    assert_eq!(Answer::of(watcher).await.status, 403);

    let one = format!("/api/customer/instances/{}/links/{}", world.id, first["id"]);
    assert_eq!(Answer::of(server.request(&world.owner, Method::DELETE, &one)).await.status, 200);
    let second = add(&world, json!({ "name": "Second", "port": 8888 })).await;
    assert_eq!(second["url"], first["url"], "there is no other");
    eventually("the cookie of the first opens nothing", async || (browser.go("/").await.status == 303).then_some(()))
        .await;
    let back = browser.ticket("/").await;
    assert_eq!(browser.go(&back).await.header("clear-site-data"), everything);
    let seen = browser.go("/").await;
    assert!(seen.status == 200 && !seen.text.contains("sid"), "{seen:?}");
}

#[tokio::test]
async fn what_no_browser_sends_reaches_no_application() {
    let world = world().await;
    let link = add(&world, json!({ "name": "App", "port": 8888 })).await;
    let mut browser = Browser::of(&world.server, world.owner.clone(), &link);
    assert_eq!(browser.open("/").await.status, 200);
    let (host, cookies) = (browser.host.clone(), browser.cookies());
    let portal = world.server.address;
    let common = format!("Cookie: {cookies}\r\nConnection: close\r\n");
    for (request, status) in [
        (format!("CONNECT localhost:22 HTTP/1.1\r\nHost: {host}\r\n{common}\r\n"), "400"),
        (format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n{common}\r\n"), "400"),
        (format!("GET http://169.254.169.254/latest HTTP/1.1\r\nHost: {host}\r\n{common}\r\n"), "400"),
        (format!("GET http://{portal}/ HTTP/1.1\r\nHost: {portal}\r\n{common}\r\n"), "404"),
        (format!("GET / HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n{common}\r\n"), "400"),
        (format!("GET / HTTP/1.1\r\n{common}\r\n"), "404"),
        (format!("OPTIONS * HTTP/1.1\r\nHost: {host}\r\n{common}\r\n"), "400"),
        (
            format!(
                "POST / HTTP/1.1\r\nHost: {host}\r\n{common}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n\
                 0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: {host}\r\n\r\n"
            ),
            // Read as chunks, and sent on as chunks: what follows is nobody's.
            "200",
        ),
        (
            format!("POST / HTTP/1.1\r\nHost: {host}\r\n{common}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"),
            "400",
        ),
        (format!("POST / HTTP/1.1\r\nHost: {host}\r\n{common}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), "400"),
        (format!("GET /~remotegpu/anything HTTP/1.1\r\nHost: {host}\r\n{common}\r\n"), "404"),
        (format!("GET / HTTP/1.1\r\nHost: {host}\r\n{common}X: {}\r\n\r\n", "x".repeat(100_000)), "431"),
    ] {
        let got = browser.raw(&request).await;
        assert!(got.starts_with(&format!("HTTP/1.1 {status} ")), "{}: {got}", &request[..request.len().min(200)]);
        let lower = got.to_ascii_lowercase();
        assert!(!lower.contains("smuggled") && !lower.contains("content-length: 4"), "{got}");
    }
    // Its own address in full is fine; and a path is a path, whatever is in it: there is nothing but the application.
    for (way, line) in [
        (format!("http://{host}/x"), "GET /x HTTP/1.1"),
        ("/../../etc/passwd".to_owned(), "GET /../../etc/passwd HTTP/1.1"),
        ("/%7Eremotegpu/enter?ticket=x".to_owned(), "GET /%7Eremotegpu/enter?ticket=x HTTP/1.1"),
        ("//evil.example/x".to_owned(), "GET //evil.example/x HTTP/1.1"),
    ] {
        let got = browser.raw(&format!("GET {way} HTTP/1.1\r\nHost: {host}\r\n{common}\r\n")).await;
        assert!(got.starts_with("HTTP/1.1 200 ") && got.contains(line), "{way}: {got}");
    }
    // Another protocol than WebSockets is not spoken on.
    let asked = format!(
        "GET /x HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n\
         HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
    );
    let got = browser.raw(&asked).await.to_ascii_lowercase();
    assert!(got.starts_with("http/1.1 200 ") && !got.contains("h2c") && !got.contains("http2-settings"), "{got}");
}

#[tokio::test]
async fn links_are_made_and_taken_away_by_who_may() {
    let world = world().await;
    let server = &world.server;
    let path = format!("/api/customer/instances/{}/links", world.id);
    let made = add(&world, json!({ "name": " Lab ", "port": 8888 })).await;
    assert_eq!((&made["name"], &made["shared"], &made["mayRemove"]), (&json!("Lab"), &json!(false), &json!(true)));
    let again = server.post(&world.owner, &path, json!({ "name": "Two", "port": 8888 })).await;
    assert!(again.status == 409 && again.fields().contains_key("port"), "{again:?}");
    let wrong = server.post(&world.owner, &path, json!({ "name": "", "port": 0 })).await;
    assert_eq!(wrong.fields().keys().collect::<Vec<_>>(), ["name", "port"]);
    for n in 1..16u16 {
        add(&world, json!({ "name": format!("n{n}"), "port": 9000 + n })).await;
    }
    assert_eq!(server.post(&world.owner, &path, json!({ "name": "x", "port": 1 })).await.code(), 1500);
    assert_eq!(server.get(&world.owner, &path).await.data().as_array().map(Vec::len), Some(16));

    let staff = server.token(&server.test.admin().await).await;
    let theirs = format!("/api/admin/instances/{}/links", world.id);
    assert_eq!(server.get(&staff, &theirs).await.data().as_array().map(Vec::len), Some(16));
    let one = format!("{theirs}/{}?reason=nobody+uses+it", made["id"]);
    assert_eq!(Answer::of(server.request(&staff, Method::DELETE, &one)).await.status, 200);
    assert_eq!(Answer::of(server.request(&staff, Method::DELETE, &one)).await.status, 404);
    let mut browser = Browser::of(server, world.owner.clone(), &made);
    let sent = browser.go("/").await;
    assert_eq!(browser.at_portal(sent.header("location")).await.status, 404, "its address leads nowhere any more");
    let told =
        "select action || ' ' || via from audit_events where action like 'instances:%-app' order by id desc limit 1";
    assert_eq!(server.sql(told).await, ["instances:remove-app rest"]);
    // The port is free for another, at another address.
    let new = add(&world, json!({ "name": "Lab", "port": 8888 })).await;
    assert_ne!(new["url"], made["url"]);

    // The page has it all without a script.
    let page = server.bare(Method::GET, &format!("/instances/{}", world.id)).header(header::ACCEPT, "text/html");
    let page = Answer::of(server.signed(&world.owner, page)).await;
    assert!(page.text.contains(new["url"].as_str().unwrap()), "{}", page.text);
    let id = world.id.to_string();
    let link = new["id"].to_string();
    let removed = server.call(&world.owner, "remove_own_app_link", &[("id", &id), ("link", &link)]).await;
    assert_eq!(removed.status, 200, "{removed:?}");
    let fields = [("id", id.as_str()), ("name", "By a form"), ("port", "8888"), ("shared", "true")];
    assert_eq!(server.call(&world.owner, "add_own_app_link", &fields).await.status, 200);
    let list = server.call(&world.owner, "own_app_links", &[("id", &id)]).await.json();
    let formed = list.as_array().unwrap().iter().find(|it| it["name"] == "By a form").cloned();
    assert_eq!(formed.map(|it| it["shared"].clone()), Some(json!(true)));
}

/// Both doors want a reason of staff, which whose instance it is reads.
#[tokio::test]
async fn staff_say_why_they_take_a_link_away() {
    let world = world().await;
    let server = &world.server;
    let admin = server.test.admin().await;
    let (program, desk) = (server.token(&admin).await, server.browser(&admin).await);
    let links = format!("/api/admin/instances/{}/links", world.id);
    for (n, door) in ["rest", "page"].into_iter().enumerate() {
        let made = add(&world, json!({ "name": format!("Lab {n}"), "port": 8000 + n })).await;
        let (id, link) = (world.id.to_string(), made["id"].to_string());
        let remove = async |reason: &str| match door {
            "rest" => {
                let path = format!("{links}/{link}?reason={}", reason.replace(' ', "+"));
                Answer::of(server.request(&program, Method::DELETE, &path)).await
            }
            _ => server.call(&desk, "remove_app_link", &[("id", &id), ("link", &link), ("reason", reason)]).await,
        };
        for unsaid in ["", "no"] {
            let refused = remove(unsaid).await;
            assert!(refused.code() == 1000 && refused.fields().contains_key("reason"), "{door}: {refused:?}");
        }
        assert_eq!(remove("it was open to all").await.code(), 0, "{door}");
    }
    let page = Answer::of(server.signed(
        &desk,
        server.bare(Method::GET, &format!("/admin/instances/{}", world.id)).header(header::ACCEPT, "text/html"),
    ))
    .await;
    assert!(!page.text.contains("id=\"apps\""), "none is left: {}", page.text);
    let notices = server.get(&world.owner, "/api/customer/notifications").await.data();
    let told = notices["list"].as_array().unwrap().iter().filter(|notice| notice["kind"] == "access-ended");
    let told: Vec<_> = told.map(|notice| notice["message"].as_str().unwrap()).collect();
    assert!(told.len() == 2 && told[1].contains("Lab 0") && told[0].contains("it was open to all"), "{told:?}");
    let log = server.get(&world.owner, "/api/customer/audits?action=instances:remove-app").await.data();
    assert_eq!(log["list"][0]["reason"], "it was open to all", "{log}");
}
