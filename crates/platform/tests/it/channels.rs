//! Webhooks and robots against a local sink that checks what the other end documents: body, signature, answers.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use contract::ErrorCode;
use contract::allocations::AllocationCreate;
use contract::notifications::{
    ChannelCreate, ChannelKind, ChannelUpdate, DeliveryQuery, DeliveryState, DeliveryView, NotificationChoice,
    NotificationKind, NotificationPreferences, WebhookCreate,
};
use hmac::{Hmac, KeyInit, Mac as _};
use platform::notifications::{self, Whose};
use platform::outbound::Step;
use platform::settings::{self, Change};
use platform::{Credential, SystemActor, allocations, jobs, metrics};
use serde_json::{Value, json};
use sha2::Sha256;
use test_support::{TestCustomer, TestPlatform, TestUser, eventually};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A request as it came.
#[derive(Clone)]
struct Got {
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn query(&self, name: &str) -> Option<String> {
        let url = url::Url::parse(&format!("http://x{}", self.uri)).unwrap();
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

#[derive(Default)]
struct Held {
    got: Vec<Got>,
    /// What is answered, the last one again and again; 204 where nothing is said.
    answers: Vec<(u16, String)>,
}

/// A server of one test: keeps what it gets and answers as told.
#[derive(Clone)]
struct Sink {
    held: Arc<Mutex<Held>>,
    port: u16,
    _stop: Arc<DropGuard>,
}

impl Sink {
    async fn start() -> Self {
        let held = Arc::new(Mutex::new(Held::default()));
        let app = axum::Router::new().fallback(take).with_state(held.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move { axum::serve(listener, app).with_graceful_shutdown(stopped).await });
        Self { held, port, _stop: Arc::new(stop.drop_guard()) }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn answer(&self, answers: &[(u16, &str)]) {
        self.held.lock().unwrap().answers =
            answers.iter().rev().map(|(status, body)| (*status, (*body).to_owned())).collect();
    }

    fn got(&self) -> Vec<Got> {
        self.held.lock().unwrap().got.clone()
    }
}

async fn take(
    State(held): State<Arc<Mutex<Held>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> axum::response::Response {
    let mut held = held.lock().unwrap();
    held.got.push(Got { uri, headers, body });
    let next = if held.answers.len() > 1 { held.answers.pop() } else { held.answers.first().cloned() };
    let (status, body) = next.unwrap_or((204, String::new()));
    let status = StatusCode::from_u16(status).unwrap();
    if status.is_redirection() {
        return (status, [("location", "/elsewhere")]).into_response();
    }
    (status, body).into_response()
}

fn hmac(key: &[u8], message: &[u8]) -> String {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).unwrap();
    mac.update(message);
    STANDARD.encode(mac.finalize().into_bytes())
}

struct World {
    test: TestPlatform,
    admin: TestUser,
    acme: TestCustomer,
    sink: Sink,
}

impl World {
    /// Acme has host-001 for two months; private sinks on this host are allowed.
    async fn new() -> Self {
        let test = TestPlatform::new().await;
        let (admin, acme, sink) = (test.admin().await, test.customer("Acme").await, Sink::start().await);
        test.node("host-001").await;
        let body = AllocationCreate { customer_id: Some(acme.id), months: Some(2), ..Default::default() };
        allocations::create(&test.platform, &admin.ctx(), "host-001", body).await.unwrap();
        let world = Self { test, admin, acme, sink };
        world.open("127.0.0.0/8").await;
        world
    }

    async fn open(&self, ranges: &str) {
        let change = Change { key: "notifications.private_ranges".to_owned(), value: json!(ranges), version: None };
        settings::change(&self.test.platform, &self.admin.ctx(), vec![change]).await.unwrap();
    }

    /// A webhook of Acme's owner and its key.
    async fn webhook(&self) -> (contract::ChannelId, Vec<u8>) {
        let body = WebhookCreate { name: "pager".to_owned(), url: self.sink.url("/hook?k=1"), secret: None };
        let made = notifications::add_webhook(&self.test.platform, &self.acme.owner.ctx(), body).await.unwrap();
        let key = STANDARD.decode(made.secret.strip_prefix("whsec_").unwrap()).unwrap();
        (made.webhook.id, key)
    }

    async fn robot(&self, kind: ChannelKind, path: &str, secret: Option<&str>) -> contract::ChannelId {
        let body = ChannelCreate {
            kind,
            name: kind.code().to_owned(),
            url: self.sink.url(path),
            secret: secret.map(str::to_owned),
            kinds: None,
        };
        notifications::add_channel(&self.test.platform, &self.admin.ctx(), body).await.unwrap().id
    }

    /// Everybody of Acme is told that the time on host-001 ends.
    async fn remind(&self) {
        self.test.clock().advance(TimeDelta::days(45));
        let platform = &self.test.platform;
        metrics::keep_partitions(platform, &platform.system(SystemActor::Metrics)).await.unwrap();
        allocations::advance(platform).await.unwrap();
    }

    /// Runs what is due of deliveries until nothing is left that is due now.
    async fn work(&self) {
        // What was told at the servers' time is due by the database's.
        self.hurry().await;
        let stop = CancellationToken::new();
        let workers = jobs::spawn_workers(&self.test.platform, stop.clone());
        eventually("the queue to be through", async || {
            let left: i64 = sqlx::query_scalar(
                "select count(*) from jobs where kind = 'notification-deliver'
                 and (state = 'running' or run_at <= now())",
            )
            .fetch_one(self.test.owner_pool())
            .await
            .unwrap();
            (left == 0).then_some(())
        })
        .await;
        stop.cancel();
        workers.await.unwrap();
    }

    async fn hurry(&self) {
        sqlx::query("update jobs set run_at = now() where kind = 'notification-deliver'")
            .execute(self.test.owner_pool())
            .await
            .unwrap();
    }

    async fn deliveries(&self, user: &TestUser, whose: Whose) -> Vec<DeliveryView> {
        let query = DeliveryQuery::default();
        notifications::deliveries(&self.test.platform, &user.ctx(), whose, &query).await.unwrap().list
    }

    async fn test(&self, id: contract::ChannelId) -> Result<(), Step> {
        let tried = notifications::test_channel(&self.test.platform, &self.admin.ctx(), Whose::Platform, id).await;
        tried.unwrap().map_err(|failure| failure.step)
    }
}

#[tokio::test]
async fn a_webhook_is_signed_and_tried_again_under_the_same_id() {
    let world = World::new().await;
    let (id, key) = world.webhook().await;
    world.sink.answer(&[(503, "busy"), (204, "")]);
    world.remind().await;
    world.work().await;
    let owner = &world.acme.owner;
    let waiting = world.deliveries(owner, Whose::Own).await;
    assert_eq!((waiting.len(), waiting[0].state, waiting[0].attempts), (1, DeliveryState::Queued, 1));
    assert_eq!(waiting[0].last_error.as_deref(), Some("status: HTTP 503"));
    assert!(waiting[0].next_try_at.is_some(), "its owner sees when it is tried again");
    // The other end's fault, and said so.
    let told: String = sqlx::query_scalar("select message from jobs where kind = 'notification-deliver'")
        .fetch_one(world.test.owner_pool())
        .await
        .unwrap();
    assert!(told.ends_with("to 127.0.0.1: status: HTTP 503") && !told.contains("error-"), "{told}");
    world.work().await;
    let sent = world.deliveries(owner, Whose::Own).await;
    assert_eq!((sent[0].state, sent[0].attempts, sent[0].channel_id), (DeliveryState::Sent, 2, id));
    assert_eq!(sent[0].next_try_at, None);

    let got = world.sink.got();
    assert_eq!(got.len(), 2);
    for got in &got {
        assert_eq!(got.uri.to_string(), "/hook?k=1");
        assert_eq!(got.header("content-type"), "application/json; charset=utf-8");
        let (message, at) = (got.header("webhook-id"), got.header("webhook-timestamp"));
        let signed = [format!("{message}.{at}.").as_bytes(), &got.body].concat();
        assert_eq!(got.header("webhook-signature"), format!("v1,{}", hmac(&key, &signed)));
        assert!(message.starts_with("msg_") && at.parse::<i64>().is_ok());
    }
    assert_eq!((got[0].header("webhook-id"), &got[0].body), (got[1].header("webhook-id"), &got[1].body));
    let body = got[0].json();
    assert_eq!(body["type"], "notification.allocation_ending");
    assert_eq!(body["data"]["link"], "http://gpu.test/machines/host-001");
    assert!(body["data"]["message"].as_str().unwrap().starts_with("Your time on "), "{body}");
    assert_eq!(body["data"]["values"]["machine"], "host-001");
    assert!(body["data"]["values"]["endsAt"].as_str().unwrap().ends_with('Z'), "{body}");
    // Nobody else has a webhook, and nobody sees another's.
    assert!(world.deliveries(&world.acme.member, Whose::Own).await.is_empty());
    assert!(world.deliveries(&world.admin, Whose::Platform).await.is_empty());
}

#[tokio::test]
async fn robots_get_what_their_vendors_document() {
    let world = World::new().await;
    let wecom = world.robot(ChannelKind::Wecom, "/cgi-bin/webhook/send?key=k", None).await;
    let dingtalk = world.robot(ChannelKind::Dingtalk, "/robot/send?access_token=t", Some("SECabc")).await;
    let feishu = world.robot(ChannelKind::Feishu, "/open-apis/bot/v2/hook/h", Some("fsecret")).await;
    world.sink.answer(&[(200, r#"{"errcode":0,"errmsg":"ok","code":0,"msg":"success"}"#)]);
    world.remind().await;
    world.work().await;
    let got = world.sink.got();
    assert_eq!(got.len(), 3, "once for the platform, however many people are told");
    let of = |path: &str| got.iter().find(|got| got.uri.path() == path).unwrap_or_else(|| panic!("nothing for {path}"));
    let text = |value: &Value| {
        let text = value.as_str().unwrap().to_owned();
        assert!(text.contains("Acme") && text.ends_with("\nhttp://gpu.test/admin/machines/host-001"), "{text}");
        text
    };

    let body = of("/cgi-bin/webhook/send").json();
    let words = text(&body["text"]["content"]);
    assert_eq!(body, json!({ "msgtype": "text", "text": { "content": words } }));
    assert_eq!(of("/cgi-bin/webhook/send").uri.query(), Some("key=k"));

    let to_dingtalk = of("/robot/send");
    let at = to_dingtalk.query("timestamp").unwrap();
    assert_eq!(at.len(), 13, "milliseconds");
    assert_eq!(to_dingtalk.query("access_token").as_deref(), Some("t"));
    assert_eq!(to_dingtalk.query("sign"), Some(hmac(b"SECabc", format!("{at}\nSECabc").as_bytes())));
    let body = to_dingtalk.json();
    let words = text(&body["text"]["content"]);
    assert_eq!(body, json!({ "msgtype": "text", "text": { "content": words } }));

    let body = of("/open-apis/bot/v2/hook/h").json();
    let at = body["timestamp"].as_str().unwrap();
    assert_eq!(at.len(), 10, "seconds, as text");
    assert_eq!(body["sign"], hmac(format!("{at}\nfsecret").as_bytes(), b""));
    let words = text(&body["content"]["text"]);
    let whole = json!({
        "timestamp": body["timestamp"], "sign": body["sign"], "msg_type": "text", "content": { "text": words },
    });
    assert_eq!(body, whole);

    world.sink.answer(&[(200, r#"{"errcode":310000,"errmsg":"sign not match","code":19021,"msg":"sign match fail"}"#)]);
    for id in [wecom, dingtalk, feishu] {
        assert_eq!(world.test(id).await, Err(Step::Refused));
    }
    let tested = world.deliveries(&world.admin, Whose::Platform).await;
    assert_eq!((tested[0].kind.as_str(), tested[0].state), ("test", DeliveryState::Failed));
    assert_eq!(tested[0].last_error.as_deref(), Some("refused: 19021 sign match fail"));
    assert!(world.deliveries(&world.acme.owner, Whose::Own).await.is_empty());
}

#[tokio::test]
async fn what_a_test_finds_is_said_and_nothing_is_followed() {
    let world = World::new().await;
    let id = world.robot(ChannelKind::Wecom, "/send?key=k", None).await;
    let said = r#"{"errcode":0,"errmsg":"ok"}"#;
    for (status, body, step) in [(200, said, None), (302, "", Some(Step::Redirect)), (404, "", Some(Step::Status))] {
        world.sink.answer(&[(status, body)]);
        assert_eq!(world.test(id).await.err(), step, "{status}");
    }
    assert!(world.sink.got().iter().all(|got| got.uri.path() == "/send"), "no redirect is followed");
    let sent = world.sink.got().len();
    // The range is closed again: nothing goes out any more.
    world.open("10.0.0.0/8").await;
    assert_eq!(world.test(id).await, Err(Step::Forbidden));
    assert_eq!(world.sink.got().len(), sent);
    let change = async |url: &str| {
        let change = ChannelUpdate { url: Some(url.to_owned()), ..Default::default() };
        let ctx = world.admin.ctx();
        notifications::update_channel(&world.test.platform, &ctx, Whose::Platform, id, change).await
    };
    // A name may mean another address by then; one that is written out is what it is.
    change("http://localhost:1/").await.unwrap();
    assert_eq!(world.test(id).await, Err(Step::Forbidden));
    for (url, key) in [
        ("http://169.254.169.254/latest", "field-url-closed"),
        ("https://[fe80::1]/hook", "field-url-closed"),
        ("http://127.0.0.1:1/", "field-url-private"),
        ("https://192.168.7.7/hook", "field-url-private"),
        ("http://93.184.216.34/hook", "field-url-plain"),
    ] {
        let error = change(url).await.unwrap_err();
        assert_eq!((error.fields[0].path, error.fields[0].key), ("url", key), "{url}");
    }
    change("https://10.1.2.3/hook").await.expect("in the range that is open");
    world.open("127.0.0.0/8").await;
    let ended = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let change = ChannelUpdate { url: Some(format!("http://127.0.0.1:{ended}/")), ..Default::default() };
    notifications::update_channel(&world.test.platform, &world.admin.ctx(), Whose::Platform, id, change).await.unwrap();
    assert_eq!(world.test(id).await, Err(Step::Connect));
    // Six so far; a test goes to an address that somebody typed, so there are not too many.
    let mut tried = Vec::new();
    for _ in 0..6 {
        let ctx = world.admin.ctx();
        let tried_once = notifications::test_channel(&world.test.platform, &ctx, Whose::Platform, id).await;
        tried.extend(tried_once.err().map(|error| error.code));
    }
    assert_eq!(tried.last(), Some(&ErrorCode::RateLimited));
}

#[tokio::test]
async fn one_is_told_over_a_webhook_as_one_chose() {
    let world = World::new().await;
    world.webhook().await;
    let owner = &world.acme.owner;
    let set = async |webhook: bool, quiet: bool| {
        let choice = NotificationChoice { kind: NotificationKind::AllocationEnding, in_app: true, mail: true, webhook };
        let wish = NotificationPreferences {
            choices: vec![choice],
            quiet_from: quiet.then(|| "00:00".to_owned()),
            quiet_until: quiet.then(|| "23:59".to_owned()),
        };
        let kept = notifications::set_preferences(&world.test.platform, &owner.ctx(), wish).await.unwrap();
        assert!(kept.choices.contains(&choice));
    };
    set(false, false).await;
    world.remind().await;
    assert!(world.deliveries(owner, Whose::Own).await.is_empty());
    set(true, true).await;
    sqlx::query("update allocations set reminded_days = null").execute(world.test.owner_pool()).await.unwrap();
    allocations::advance(&world.test.platform).await.unwrap();
    assert_eq!(world.deliveries(owner, Whose::Own).await.len(), 1);
    let due: chrono::DateTime<chrono::Utc> =
        sqlx::query_scalar("select run_at from jobs where kind = 'notification-deliver'")
            .fetch_one(world.test.owner_pool())
            .await
            .unwrap();
    assert_eq!(due.format("%H:%M").to_string(), "23:59", "it waits for the end of the quiet hours");
}

#[tokio::test]
async fn a_channel_that_nobody_answers_on_is_switched_off() {
    let world = World::new().await;
    let (id, _) = world.webhook().await;
    sqlx::query("update notification_channels set failures = 19").execute(world.test.owner_pool()).await.unwrap();
    world.sink.answer(&[(500, "")]);
    world.remind().await;
    sqlx::query("update jobs set attempt = max_attempts - 1 where kind = 'notification-deliver'")
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    world.work().await;
    let owner = world.acme.owner.ctx();
    let given_up = world.deliveries(&world.acme.owner, Whose::Own).await;
    assert_eq!(given_up[0].state, DeliveryState::Failed);
    let view = &notifications::list_channels(&world.test.platform, &owner, Whose::Own).await.unwrap()[0];
    assert_eq!((view.enabled, view.failures), (false, 20));
    // Switched on again, it counts anew.
    let on = ChannelUpdate { enabled: Some(true), ..Default::default() };
    let view = notifications::update_channel(&world.test.platform, &owner, Whose::Own, id, on).await.unwrap();
    assert_eq!((view.enabled, view.failures), (true, 0));
}

#[tokio::test]
async fn secrets_are_written_and_never_shown() {
    let world = World::new().await;
    let owner = world.acme.owner.ctx();
    let secret = format!("whsec_{}", STANDARD.encode([7; 24]));
    let body = WebhookCreate {
        name: "pager".to_owned(),
        url: "https://hooks.example.org/services/T0KEN".to_owned(),
        secret: Some(secret.clone()),
    };
    let made = notifications::add_webhook(&world.test.platform, &owner, body).await.unwrap();
    assert_eq!((made.secret, made.webhook.host.as_str()), (secret.clone(), "hooks.example.org"));
    let listed = notifications::list_channels(&world.test.platform, &owner, Whose::Own).await.unwrap();
    let kept: Vec<(Vec<u8>, Vec<u8>)> = sqlx::query_as("select sealed_url, sealed_secret from notification_channels")
        .fetch_all(world.test.owner_pool())
        .await
        .unwrap();
    let audit: Vec<String> =
        sqlx::query_scalar("select coalesce(before::text, '') || coalesce(after::text, '') from audit_events")
            .fetch_all(world.test.owner_pool())
            .await
            .unwrap();
    let everything =
        format!("{listed:?} {} {} {audit:?}", String::from_utf8_lossy(&kept[0].0), String::from_utf8_lossy(&kept[0].1));
    assert!(!everything.contains("T0KEN") && !everything.contains(&secret), "{everything}");
    assert!(audit.iter().any(|fact| fact.contains("hooks.example.org")));
}

#[tokio::test]
async fn nobody_touches_anothers_and_no_token_makes_one() {
    let world = World::new().await;
    let (id, _) = world.webhook().await;
    let platform = &world.test.platform;
    let change = || ChannelUpdate { name: Some("mine now".to_owned()), ..Default::default() };
    for user in [&world.acme.member, &world.admin] {
        let ctx = user.ctx();
        let refused = [
            notifications::update_channel(platform, &ctx, Whose::Own, id, change()).await.unwrap_err().code,
            notifications::remove_channel(platform, &ctx, Whose::Own, id).await.unwrap_err().code,
            notifications::test_channel(platform, &ctx, Whose::Own, id).await.unwrap_err().code,
        ];
        assert_eq!(refused, [ErrorCode::NotFound; 3], "{}", user.name);
    }
    // The platform's are the staff's, and hold no person's.
    let ctx = world.admin.ctx();
    let error = notifications::update_channel(platform, &ctx, Whose::Platform, id, change()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    let error = notifications::list_channels(platform, &world.acme.owner.ctx(), Whose::Platform).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
    let mut robot = world.acme.owner.clone();
    robot.principal.credential = Credential::ApiToken { scopes: None };
    let body = WebhookCreate { name: "x".to_owned(), url: world.sink.url("/"), secret: None };
    assert_eq!(notifications::add_webhook(platform, &robot.ctx(), body).await.unwrap_err().code, ErrorCode::Forbidden);
}

#[tokio::test]
async fn what_is_no_channel_is_named() {
    let world = World::new().await;
    let paths = |error: platform::Error| error.fields.iter().map(|field| field.path).collect::<Vec<_>>();
    let body = WebhookCreate { name: String::new(), url: "ftp://x".to_owned(), secret: Some("short".to_owned()) };
    let error = notifications::add_webhook(&world.test.platform, &world.acme.owner.ctx(), body).await.unwrap_err();
    assert_eq!(paths(error), ["name", "url", "secret"]);
    // Readable on its way: only where an admin could allow it.
    for url in ["http://8.8.8.8/hook", "http://no-such-name.invalid/"] {
        let body = WebhookCreate { name: "n8n".to_owned(), url: url.to_owned(), secret: None };
        let error = notifications::add_webhook(&world.test.platform, &world.acme.owner.ctx(), body).await.unwrap_err();
        let faults: Vec<_> = error.fields.iter().map(|field| (field.path, field.key)).collect();
        assert_eq!(faults, [("url", "field-url-plain")], "{url}");
    }
    let body = ChannelCreate {
        kind: ChannelKind::Wecom,
        name: "group".to_owned(),
        url: "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k".to_owned(),
        secret: Some("SEC".to_owned()),
        kinds: Some(vec![NotificationKind::PasswordChanged]),
    };
    let error = notifications::add_channel(&world.test.platform, &world.admin.ctx(), body).await.unwrap_err();
    assert_eq!(paths(error), ["secret", "kinds"]);
    for _ in 0..5 {
        world.webhook().await;
    }
    let body = WebhookCreate { name: "sixth".to_owned(), url: world.sink.url("/"), secret: None };
    let error = notifications::add_webhook(&world.test.platform, &world.acme.owner.ctx(), body).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::QuotaExceeded);
}
