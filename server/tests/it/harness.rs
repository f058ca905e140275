//! The real router on a port of its own, over a database of its own, and clients that know no shortcut past its doors.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::serve::ListenerExt as _;
use contract::accounts::{Language, LoginRequest};
use futures_util::TryStreamExt as _;
use http::{HeaderMap, Method, header};
use platform::{Platform, accounts, metrics, tunnels};
use serde_json::Value;
use server::config::Config;
use server::router::{self, Door};
use server::{AppState, limits, site};
use test_support::{TestPlatform, TestUser};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    /// Where applications are, if anywhere.
    pub apps: Option<SocketAddr>,
    /// Cancel it and the server begins to stop.
    pub draining: CancellationToken,
    pub prometheus: Option<metrics_exporter_prometheus::PrometheusHandle>,
    stopping: CancellationToken,
    http: reqwest::Client,
    browsers: AtomicU32,
    // Last, so that everything above is gone before its database is dropped.
    pub test: TestPlatform,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.draining.cancel();
        self.stopping.cancel();
    }
}

/// Who a request comes from.
#[derive(Clone, Debug)]
pub enum Who {
    Nobody,
    /// A program, with an access token (or whatever it takes for one).
    Bearer(String),
    /// A browser on one of our own pages, with its cookie.
    Cookie(String),
}

impl Server {
    pub async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// With other settings than the default.
    pub async fn with(set: impl FnOnce(&mut Config)) -> Self {
        let test = TestPlatform::new().await;
        let platform = test.platform.clone();
        Self::over(test, platform, set).await
    }

    /// With other routes behind the product's layers.
    pub async fn routing(routes: axum::Router<AppState>) -> Self {
        let test = TestPlatform::new().await;
        let platform = test.platform.clone();
        Self::run(test, platform, |_| (), |state| router::guard(routes, state)).await
    }

    /// A server of this platform.
    pub async fn over(test: TestPlatform, platform: Platform, set: impl FnOnce(&mut Config)) -> Self {
        Self::run(test, platform, set, router::build).await
    }

    async fn run(
        test: TestPlatform,
        platform: Platform,
        set: impl FnOnce(&mut Config),
        route: impl FnOnce(AppState) -> axum::Router,
    ) -> Self {
        // Fails only when it is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut config = Config {
            listen: address,
            public_url: format!("http://{address}").parse().unwrap(),
            database_url: None,
            database_owner_url: None,
            database_connections: 4,
            data_dir: std::env::temp_dir(),
            files_dir: std::env::temp_dir(),
            site_dir: None,
            agent_dir: None,
            secrets_key_file: std::env::temp_dir().join("never-read.key"),
            trusted_proxies: 0,
            default_language: Language::En,
            time_zone: chrono_tz::Tz::UTC,
            log_json: false,
            workers: false,
            ssh: false,
            ssh_listen: None,
            apps: None,
            apps_listen: None,
            audit_anchor_file: None,
            peer_url: Some(format!("http://{address}")),
        };
        set(&mut config);
        if let Some(there) = &config.peer_url {
            tunnels::announce(&platform, there);
        }
        let (draining, stopping) = (CancellationToken::new(), CancellationToken::new());
        metrics::spawn_background(&platform, &stopping);
        // One per process; tests that do not share a process with others have it.
        let prometheus = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder().ok();
        let state = AppState {
            platform,
            site: Arc::new(site::Site::open(config.site_dir.as_deref()).unwrap()),
            config: Arc::new(config),
            rates: Arc::new(limits::Rates::default()),
            prometheus: prometheus.clone(),
            draining: draining.clone(),
            sockets: TaskTracker::new(),
        };
        let apps = match state.config.apps.clone() {
            Some(there) => {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                tokio::spawn(server::apps::serve(state.clone(), there, listener));
                Some(address)
            }
            None => None,
        };
        let service = route(state).into_make_service_with_connect_info::<SocketAddr>();
        let stop = draining.clone();
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
        tokio::spawn(async move {
            axum::serve(listener, service).with_graceful_shutdown(async move { stop.cancelled().await }).await.unwrap();
        });
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { address, apps, draining, prometheus, stopping, http, browsers: AtomicU32::new(0), test }
    }

    pub fn platform(&self) -> &Platform {
        &self.test.platform
    }

    /// What a browser on our own pages names.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A request with nothing but what it needs.
    pub fn bare(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address))
    }

    /// A request of somebody; JSON is wanted back.
    pub fn request(&self, who: &Who, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.signed(who, self.bare(method, path).header(header::ACCEPT, "application/json"))
    }

    /// Puts somebody's credentials on a request.
    pub fn signed(&self, who: &Who, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match who {
            Who::Nobody => request,
            Who::Bearer(token) => request.bearer_auth(token),
            Who::Cookie(cookie) => request.header(header::COOKIE, cookie).header(header::ORIGIN, self.origin()),
        }
    }

    pub async fn get(&self, who: &Who, path: &str) -> Answer {
        Answer::of(self.request(who, Method::GET, path)).await
    }

    pub async fn post(&self, who: &Who, path: &str, body: Value) -> Answer {
        Answer::of(self.request(who, Method::POST, path).json(&body)).await
    }

    pub async fn put(&self, who: &Who, path: &str, body: Value) -> Answer {
        Answer::of(self.request(who, Method::PUT, path).json(&body)).await
    }

    /// Calls a server function as an island does.
    pub async fn call(&self, who: &Who, name: &str, args: &[(&str, &str)]) -> Answer {
        Answer::of(self.form(self.request(who, Method::POST, &sfn(name)), args)).await
    }

    /// The fields of a form as its body.
    pub fn form(&self, request: reqwest::RequestBuilder, args: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let body = serde_urlencoded::to_string(args).unwrap();
        request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
    }

    /// A new access token, made by the operation itself so that no rate limit stands in the way of many.
    pub async fn token(&self, user: &TestUser) -> Who {
        let request =
            LoginRequest { username: user.name.clone(), password: user.password.to_owned(), ..Default::default() };
        let ctx = self.test.anonymous();
        Who::Bearer(accounts::issue_access_token(self.platform(), &ctx, &request).await.unwrap().access_token)
    }

    /// A new browser session, by the form of the sign-in page.
    pub async fn browser(&self, user: &TestUser) -> Who {
        let number = self.browsers.fetch_add(1, Ordering::Relaxed);
        let form = [("username", user.name.as_str()), ("password", user.password)];
        let request = self.request(&Who::Nobody, Method::POST, &sfn("sign_in"));
        // Counts only where the server trusts a proxy.
        let request = request.header("x-forwarded-for", format!("198.51.{}.{}", number / 256, number % 256));
        let answer = Answer::of(self.form(request, &form)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        Who::Cookie(answer.cookie().expect("sign-in sets a cookie"))
    }

    pub async fn sign_in(&self, who: &Who, name: &str, password: &str) -> Answer {
        self.call(who, "sign_in", &[("username", name), ("password", password)]).await
    }

    /// See [`rows`].
    pub async fn sql(&self, statement: &str) -> Vec<String> {
        rows(&self.test, statement).await
    }

    /// The single number a statement gives.
    pub async fn count(&self, statement: &str) -> u64 {
        self.sql(statement).await.first().expect("one row").parse().expect("a number")
    }
}

/// Rows of a statement as text, with the owner's powers; a changing one needs `returning`. Through COPY, because this
/// crate knows no SQL library.
pub async fn rows(test: &TestPlatform, statement: &str) -> Vec<String> {
    let mut connection = test.owner_pool().acquire().await.unwrap();
    let stream = connection.copy_out_raw(&format!("copy ({statement}) to stdout")).await.unwrap();
    let chunks: Vec<_> = stream.try_collect().await.unwrap();
    let text = String::from_utf8(chunks.concat()).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The path of a server function by its name.
pub fn sfn(name: &str) -> String {
    let found = router::registry()
        .into_iter()
        .find(|route| route.door == Door::ServerFn && route.path.rsplit('/').next() == Some(name));
    found.unwrap_or_else(|| panic!("there is no server function {name}")).path
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // Marks between the parts of a page, which are no part of it.
        let text = response.text().await.expect("the answer is text").replace("<!>", "");
        Self { status, headers, text }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("headers are text"))
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The number that says what happened: 0 is success. An envelope and a server function's error have it; the
    /// success of a server function is bare data.
    pub fn code(&self) -> u64 {
        match self.json().get("code") {
            Some(code) => code.as_u64().expect("codes are numbers"),
            None => 0,
        }
    }

    /// Data of an envelope.
    pub fn data(&self) -> Value {
        self.json()["data"].clone()
    }

    /// Wrong fields and what is said about them, through either door.
    pub fn fields(&self) -> BTreeMap<String, String> {
        let json = self.json();
        let fields = json["data"].get("fields").or(json.get("fields"));
        fields.map(|fields| serde_json::from_value(fields.clone()).unwrap()).unwrap_or_default()
    }

    /// `name=value` of the session cookie it sets.
    pub fn cookie(&self) -> Option<String> {
        let set = self.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap());
        set.filter(|cookie| cookie.contains("remotegpu"))
            .filter_map(|cookie| cookie.split(';').next())
            .find(|pair| !pair.ends_with('='))
            .map(str::to_owned)
    }
}
