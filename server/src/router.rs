//! Every route of every HTTP door, in one list; the registry, OpenAPI and the permission coverage are read from it.

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::routing::{MethodRouter, get};
use contract::accounts::CaptchaKind;
use contract::allocations::{AllocationState, RenewalState};
use contract::billing::BillingGroup;
use contract::machines::{Pool, Presence, ServiceState};
use contract::metrics::HistoryRange;
use contract::reports::TrendRange;
use contract::users::UserState;
use contract::{CustomerId, RoleId};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Info, OpenApi, OpenApiBuilder, PathItem, Paths};
use utoipa::{PartialSchema as _, ToSchema as _};
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use crate::rest::admin::{
    allocation_overview, allocations, announcements, audit, billing, budgets, channels, customers, engines, exports,
    identity, images, instances, jobs, machine_service, machine_sheets, machines, mail, members, metrics, registries,
    reports, roles, settings, specs, statistics, user_sheets, users,
};
use crate::rest::{self, auth, avatar, customer, files, sso};
use crate::{AppState, agents, arrival, authn, ops, pages, site, unread, ws};

/// Name of the access token's scheme in the documentation.
const BEARER: &str = "accessToken";

/// What a route is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Rest,
    ServerFn,
    Socket,
    /// The same for everybody: assets, health, the agent's program.
    Public,
}

/// A route in the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub door: Door,
    pub method: String,
    pub path: String,
}

/// Routes while they are mounted.
pub struct Routes {
    router: Router<AppState>,
    registry: Vec<Route>,
    openapi: OpenApi,
}

impl Routes {
    fn new() -> Self {
        let mut info = Info::new("RemoteGPU", env!("CARGO_PKG_VERSION"));
        info.description = Some(
            "Every answer is an envelope {code, message, data, traceId}; code 0 is success. Sign in at \
             /api/auth/login and send the token as `Authorization: Bearer`."
                .to_owned(),
        );
        // Words that only query parameters use: their attribute refers to them without bringing them.
        let mut components = utoipa::openapi::Components::new();
        components.schemas.extend([
            (CaptchaKind::name().into_owned(), CaptchaKind::schema()),
            (HistoryRange::name().into_owned(), HistoryRange::schema()),
            (Pool::name().into_owned(), Pool::schema()),
            (Presence::name().into_owned(), Presence::schema()),
            (ServiceState::name().into_owned(), ServiceState::schema()),
            (RenewalState::name().into_owned(), RenewalState::schema()),
            (AllocationState::name().into_owned(), AllocationState::schema()),
            (BillingGroup::name().into_owned(), BillingGroup::schema()),
            (TrendRange::name().into_owned(), TrendRange::schema()),
            (CustomerId::name().into_owned(), CustomerId::schema()),
            (RoleId::name().into_owned(), RoleId::schema()),
            (UserState::name().into_owned(), UserState::schema()),
        ]);
        let token =
            HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("accessToken of /api/auth/login"));
        components.add_security_scheme(BEARER, SecurityScheme::Http(token.build()));
        let openapi = OpenApiBuilder::new()
            .info(info)
            .paths(Paths::new())
            .components(Some(components))
            .security(Some([SecurityRequirement::new(BEARER, [""; 0])]))
            .build();
        Self { router: Router::new(), registry: Vec::new(), openapi }
    }

    /// A REST operation; path, method and schemas come from its attribute.
    fn rest(mut self, (schemas, paths, handlers): UtoipaMethodRouter<AppState>) -> Self {
        let handlers = without_body(handlers.fallback(rest::wrong_method), &paths);
        for (path, item) in &paths.paths {
            let methods = [
                ("GET", &item.get),
                ("POST", &item.post),
                ("PUT", &item.put),
                ("PATCH", &item.patch),
                ("DELETE", &item.delete),
            ];
            for (method, present) in methods {
                if present.is_some() {
                    self.registry.push(Route { door: Door::Rest, method: method.to_owned(), path: path.clone() });
                }
            }
            self.router = self.router.route(path, handlers.clone());
        }
        for (path, item) in paths.paths {
            self.openapi.paths.paths.entry(path).or_default().merge_operations(item);
        }
        let components = self.openapi.components.get_or_insert_with(Default::default);
        components.schemas.extend(schemas);
        self
    }

    /// Anything else.
    fn mount(mut self, door: Door, method: &str, path: &str, handlers: MethodRouter<AppState>) -> Self {
        self.registry.push(Route { door, method: method.to_owned(), path: path.to_owned() });
        self.router = self.router.route(path, handlers);
        self
    }
}

/// Where an operation takes no body, by its attribute, nothing that is said there is overlooked.
fn without_body(handlers: MethodRouter<AppState>, paths: &Paths) -> MethodRouter<AppState> {
    let changes = |item: &PathItem| {
        [
            (Method::POST, item.post.as_ref()),
            (Method::PUT, item.put.as_ref()),
            (Method::PATCH, item.patch.as_ref()),
            (Method::DELETE, item.delete.as_ref()),
        ]
        .map(|(method, operation)| operation.filter(|it| it.request_body.is_none()).map(|_| method))
    };
    let silent: Vec<Method> = paths.paths.values().flat_map(changes).flatten().collect();
    if silent.is_empty() {
        return handlers;
    }
    handlers.layer(middleware::from_fn(move |request: Request, next: Next| {
        let says_nothing = silent.contains(request.method());
        async move { if says_nothing { rest::without_body(request, next).await } else { next.run(request).await } }
    }))
}

/// The list, in parts: without optimisation each operation takes room in the frame of its function, and one of all of them
/// would be larger than a thread's stack.
fn routes() -> Routes {
    let parts = [account, fleet, people, wares, platform, own, others];
    let mut all = parts.into_iter().fold(Routes::new(), |all, part| part(all));
    for (path, method) in server_fn::axum::server_fn_paths() {
        let handlers = MethodRouter::new().on(filter(&method), pages::server_fn);
        all = all.mount(Door::ServerFn, method.as_str(), path, handlers);
    }
    all
}

/// People: signing in, and what is their own.
fn account(all: Routes) -> Routes {
    all.rest(routes!(auth::login))
        .rest(routes!(auth::captcha))
        .rest(routes!(auth::refresh))
        .rest(routes!(auth::logout))
        .rest(routes!(auth::profile, auth::update_profile))
        .rest(routes!(auth::update_preferences))
        .rest(routes!(auth::menus))
        .rest(routes!(auth::switch_customer))
        .rest(routes!(auth::leave_customer))
        .rest(routes!(auth::sessions, auth::end_other_sessions))
        .rest(routes!(auth::end_session))
        .rest(routes!(auth::tokens, auth::create_token, auth::revoke_tokens))
        .rest(routes!(auth::revoke_token))
        .rest(routes!(auth::change_password))
        .rest(routes!(auth::enroll_totp))
        .rest(routes!(auth::confirm_totp))
        .rest(routes!(auth::disable_totp))
        .rest(routes!(auth::renew_recovery_codes))
        .rest(routes!(auth::request_password_reset))
        .rest(routes!(auth::confirm_password_reset))
        .rest(routes!(auth::request_sign_up))
        .rest(routes!(auth::sign_up))
        .rest(routes!(auth::request_email_change))
        .rest(routes!(auth::confirm_email_change))
        .rest(routes!(auth::accept_invitation))
        .rest(routes!(auth::join_by_invitation))
        .rest(routes!(avatar::get, avatar::set, avatar::remove))
        .rest(routes!(auth::list_columns, auth::choose_columns))
        .rest(routes!(sso::services))
        .rest(routes!(sso::start))
        .rest(routes!(sso::callback))
        .rest(routes!(sso::identities))
        .rest(routes!(sso::unlink))
}

/// Machines, their figures, and what is told of all of them.
fn fleet(all: Routes) -> Routes {
    all.rest(routes!(machines::list, machines::create))
        .rest(routes!(machines::facets))
        .rest(routes!(machines::list_join_tokens, machines::create_join_token))
        .rest(routes!(machines::revoke_join_token))
        .rest(routes!(machine_sheets::preview))
        .rest(routes!(machine_sheets::template))
        .rest(routes!(machine_sheets::export))
        .rest(routes!(machine_sheets::get, machine_sheets::discard))
        .rest(routes!(machine_sheets::rows))
        .rest(routes!(machine_sheets::confirm))
        .rest(routes!(machine_sheets::take_back))
        .rest(routes!(machine_sheets::result))
        .rest(routes!(machine_service::bulk))
        .rest(routes!(machine_service::plan_for_many))
        .rest(routes!(machines::get, machines::update, machine_service::delete))
        .rest(routes!(machine_service::cordon))
        .rest(routes!(machine_service::uncordon))
        .rest(routes!(machine_service::drain))
        .rest(routes!(machine_service::retire))
        .rest(routes!(machine_service::plan))
        .rest(routes!(machine_service::cancel))
        .rest(routes!(machine_service::connection))
        .rest(routes!(engines::get, engines::set, engines::remove))
        .rest(routes!(engines::test))
        .rest(routes!(engines::accept))
        .rest(routes!(metrics::monitored, machine_service::monitor))
        .rest(routes!(machine_service::unmonitor))
        .rest(routes!(machines::gpus))
        .rest(routes!(machines::passport))
        .rest(routes!(reports::machine_status))
        .rest(routes!(metrics::live))
        .rest(routes!(metrics::processes))
        .rest(routes!(metrics::history))
        .rest(routes!(metrics::realtime))
        .rest(routes!(audit::list))
        .rest(routes!(exports::audits))
        .rest(routes!(reports::stats))
        .rest(routes!(reports::gpu_trend))
        .rest(routes!(reports::customers))
        .rest(routes!(reports::activities))
        .rest(routes!(reports::customer_usage))
        .rest(routes!(statistics::resources))
        .rest(routes!(statistics::export_resources))
        .rest(routes!(statistics::customers))
        .rest(routes!(statistics::export_customers))
        .rest(routes!(statistics::usage))
        .rest(routes!(statistics::export_usage))
        .rest(routes!(exports::customers))
        .rest(routes!(exports::allocations))
        .rest(routes!(jobs::list))
        .rest(routes!(jobs::export))
        .rest(routes!(jobs::get))
        .rest(routes!(jobs::cancel))
        .rest(routes!(jobs::retry))
        .rest(routes!(jobs::status))
        .rest(routes!(jobs::workers))
        .rest(routes!(jobs::statistics))
}

/// Customers, people, roles, and who has which machine.
fn people(all: Routes) -> Routes {
    all.rest(routes!(customers::list, customers::create))
        .rest(routes!(customers::get, customers::update, customers::delete))
        .rest(routes!(customers::restore))
        .rest(routes!(customers::disable))
        .rest(routes!(customers::enable))
        .rest(routes!(customers::members, customers::add_member))
        .rest(routes!(customers::invitations, customers::invite))
        .rest(routes!(customers::revoke_invitation))
        .rest(routes!(exports::members))
        .rest(routes!(members::update, members::remove))
        .rest(routes!(members::transfer))
        .rest(routes!(members::quota, members::set_quota))
        .rest(routes!(members::quota_usage))
        .rest(routes!(members::idle_policy, members::set_idle_policy))
        .rest(routes!(members::recording_policy, members::set_recording_policy))
        .rest(routes!(users::list, users::create))
        .rest(routes!(users::bulk))
        .rest(routes!(exports::users))
        .rest(routes!(user_sheets::preview))
        .rest(routes!(user_sheets::template))
        .rest(routes!(user_sheets::get, user_sheets::discard))
        .rest(routes!(user_sheets::rows))
        .rest(routes!(user_sheets::confirm))
        .rest(routes!(user_sheets::result))
        .rest(routes!(users::get, users::update, users::delete))
        .rest(routes!(users::restore))
        .rest(routes!(users::disable))
        .rest(routes!(users::enable))
        .rest(routes!(users::password))
        .rest(routes!(users::sessions, users::end_sessions))
        .rest(routes!(users::end_session))
        .rest(routes!(users::reset_second_factor))
        .rest(routes!(users::unlink_identity))
        .rest(routes!(users::assign))
        .rest(routes!(users::revoke))
        .rest(routes!(users::quota, users::set_quota))
        .rest(routes!(users::quota_usage))
        .rest(routes!(roles::list, roles::create))
        .rest(routes!(roles::export))
        .rest(routes!(roles::get, roles::update, roles::delete))
        .rest(routes!(roles::holders))
        .rest(routes!(roles::permissions))
        .rest(routes!(allocations::create))
        .rest(routes!(allocations::list))
        .rest(routes!(allocation_overview::bulk))
        .rest(routes!(allocation_overview::timeline))
        .rest(routes!(allocation_overview::expiring))
        .rest(routes!(allocation_overview::handover))
        .rest(routes!(allocations::get))
        .rest(routes!(allocations::renew))
        .rest(routes!(allocations::reclaim))
        .rest(routes!(allocations::reclaim_machine))
        .rest(routes!(allocations::checklist))
        .rest(routes!(allocations::skip_step))
        .rest(routes!(allocations::renewals))
        .rest(routes!(allocations::decide))
        .rest(routes!(allocations::approve))
        .rest(routes!(allocations::refuse))
}

/// What customers run and what it costs: specs, images, instances, the ledger.
fn wares(all: Routes) -> Routes {
    all.rest(routes!(specs::list, specs::create))
        .rest(routes!(exports::specs))
        .rest(routes!(specs::get, specs::update, specs::delete))
        .rest(routes!(specs::enlist))
        .rest(routes!(specs::delist))
        .rest(routes!(specs::prices, specs::add_price))
        .rest(routes!(images::list, images::create))
        .rest(routes!(exports::images))
        .rest(routes!(images::upload))
        .rest(routes!(images::preview_cleanup))
        .rest(routes!(images::clean_up))
        .rest(routes!(images::cleanups))
        .rest(routes!(images::get, images::update, images::delete))
        .rest(routes!(images::copies, images::pull))
        .rest(routes!(images::cancel_pull))
        .rest(routes!(images::registry, images::push, images::forget_push))
        .rest(routes!(images::approve))
        .rest(routes!(images::reject))
        .rest(routes!(images::enlist))
        .rest(routes!(images::delist))
        .rest(routes!(customer::images::market))
        .rest(routes!(customer::images::export_market))
        .rest(routes!(customer::images::market_image))
        .rest(routes!(customer::images::deploy))
        .rest(routes!(customer::images::list))
        .rest(routes!(customer::images::export))
        .rest(routes!(customer::images::upload))
        .rest(routes!(customer::images::get, customer::images::update, customer::images::delete))
        .rest(routes!(customer::images::share))
        .rest(routes!(customer::images::unshare))
        .rest(routes!(instances::list))
        .rest(routes!(instances::export))
        .rest(routes!(instances::get, instances::delete))
        .rest(routes!(instances::start))
        .rest(routes!(instances::stop))
        .rest(routes!(instances::restart))
        .rest(routes!(instances::events))
        .rest(routes!(instances::logs))
        .rest(routes!(instances::stats))
        .rest(routes!(customer::instances::list, customer::instances::create))
        .rest(routes!(customer::instances::export))
        .rest(routes!(customer::instances::specs))
        .rest(routes!(customer::instances::matched_machines))
        .rest(routes!(customer::instances::get, customer::instances::update, customer::instances::delete))
        .rest(routes!(customer::instances::start))
        .rest(routes!(customer::instances::stop))
        .rest(routes!(customer::instances::restart))
        .rest(routes!(customer::instances::events))
        .rest(routes!(customer::instances::logs))
        .rest(routes!(customer::instances::stats))
        .rest(routes!(customer::instances::keep))
        .rest(routes!(customer::instances::renew_data))
        .rest(routes!(customer::instances::sizes))
        .rest(routes!(customer::instances::resize))
        .rest(routes!(customer::instances::save_image))
        .rest(routes!(customer::instances::saves))
        .rest(routes!(customer::instances::terminal_ticket))
        .rest(routes!(customer::instances::share_terminal))
        .rest(routes!(customer::instances::unshare_terminal))
        .rest(routes!(customer::instances::watch_terminal))
        .rest(routes!(instances::watch_terminal))
        .rest(routes!(customer::instances::ssh_command))
        .rest(routes!(customer::apps::list, customer::apps::create))
        .rest(routes!(customer::apps::remove))
        .rest(routes!(customer::apps::shared))
        .rest(routes!(rest::admin::apps::list))
        .rest(routes!(rest::admin::apps::remove))
        .rest(routes!(customer::access::list))
        .rest(routes!(customer::access::export))
        .rest(routes!(customer::access::end))
        .rest(routes!(customer::access::on_machines))
        .rest(routes!(customer::access::end_on_machine))
        .rest(routes!(customer::access::list_recordings))
        .rest(routes!(customer::access::recording))
        .rest(routes!(customer::access::recording_content))
        .rest(routes!(rest::admin::access::list))
        .rest(routes!(rest::admin::access::export))
        .rest(routes!(rest::admin::access::end))
        .rest(routes!(rest::admin::access::on_machines))
        .rest(routes!(rest::admin::access::end_on_machine))
        .rest(routes!(rest::admin::access::list_recordings))
        .rest(routes!(rest::admin::access::recording))
        .rest(routes!(rest::admin::access::recording_content))
        .rest(routes!(billing::usage))
        .rest(routes!(billing::export_usage))
        .rest(routes!(billing::ledger))
        .rest(routes!(billing::export_ledger))
        .rest(routes!(billing::check))
        .rest(routes!(customer::jobs::list))
        .rest(routes!(customer::jobs::mine))
        .rest(routes!(customer::jobs::cancel))
        .rest(routes!(customer::jobs::retry))
        .rest(routes!(customer::jobs::storage))
        .rest(routes!(customer::billing::usage))
        .rest(routes!(customer::billing::export_usage))
        .rest(routes!(customer::billing::ledger))
        .rest(routes!(customer::billing::export_ledger))
        .rest(routes!(budgets::list, budgets::create))
        .rest(routes!(budgets::export))
        .rest(routes!(budgets::update, budgets::delete))
        .rest(routes!(budgets::lift))
        .rest(routes!(customer::budgets::list, customer::budgets::create))
        .rest(routes!(customer::budgets::export))
        .rest(routes!(customer::budgets::update, customer::budgets::delete))
}

/// Files, messages and settings.
fn platform(all: Routes) -> Routes {
    all.rest(routes!(files::list, files::create))
        .rest(routes!(files::uploads, files::create_upload))
        .rest(routes!(files::get_upload, files::abort))
        .rest(routes!(files::put_chunk))
        .rest(routes!(files::complete))
        .rest(routes!(files::get, files::delete))
        .rest(routes!(files::content))
        .rest(routes!(announcements::list, announcements::create))
        .rest(routes!(announcements::export))
        .rest(routes!(announcements::get, announcements::update, announcements::delete))
        .rest(routes!(customer::announcements::current))
        .rest(routes!(customer::announcements::dismiss))
        .rest(routes!(channels::list, channels::create))
        .rest(routes!(channels::deliveries))
        .rest(routes!(channels::update, channels::remove))
        .rest(routes!(channels::test))
        .rest(routes!(mail::list))
        .rest(routes!(mail::test))
        .rest(routes!(settings::list))
        .rest(routes!(settings::export))
        .rest(routes!(settings::stage_import))
        .rest(routes!(settings::get_import))
        .rest(routes!(settings::confirm_import))
        .rest(routes!(settings::set_logo))
        .rest(routes!(registries::list, registries::create))
        .rest(routes!(registries::get, registries::update, registries::delete))
        .rest(routes!(registries::test))
        .rest(routes!(identity::list, identity::create))
        .rest(routes!(identity::get, identity::update, identity::delete))
        .rest(routes!(identity::test))
        .rest(routes!(settings::get, settings::update))
}

/// A customer's own.
fn own(all: Routes) -> Routes {
    all.rest(routes!(customer::mine))
        .rest(routes!(customer::members, customer::members::add))
        .rest(routes!(customer::invitations, customer::invite))
        .rest(routes!(customer::revoke_invitation))
        .rest(routes!(customer::members::export))
        .rest(routes!(customer::members::update, customer::members::remove))
        .rest(routes!(customer::members::transfer))
        .rest(routes!(customer::ssh_keys::list, customer::ssh_keys::add, customer::ssh_keys::remove_all))
        .rest(routes!(customer::ssh_keys::remove))
        .rest(routes!(customer::usage))
        .rest(routes!(customer::dashboard))
        .rest(routes!(customer::dashboard_machines))
        .rest(routes!(customer::audit::list))
        .rest(routes!(customer::audit::export))
        .rest(routes!(customer::notifications::list))
        .rest(routes!(customer::notifications::unread))
        .rest(routes!(customer::notifications::read))
        .rest(routes!(customer::notifications::read_all))
        .rest(routes!(customer::notifications::preferences, customer::notifications::set_preferences))
        .rest(routes!(customer::notifications::webhooks, customer::notifications::add_webhook))
        .rest(routes!(customer::notifications::deliveries))
        .rest(routes!(customer::notifications::update_webhook, customer::notifications::remove_webhook))
        .rest(routes!(customer::notifications::test_webhook))
        .rest(routes!(customer::machines::list))
        .rest(routes!(customer::machines::get))
        .rest(routes!(customer::machines::monitoring))
        .rest(routes!(customer::machines::processes))
        .rest(routes!(customer::machines::history))
        .rest(routes!(customer::machines::ssh))
        .rest(routes!(customer::machines::request_renewal))
        .rest(routes!(customer::machines::withdraw_renewal))
}

/// Sockets, and what is for everybody.
fn others(all: Routes) -> Routes {
    all.mount(Door::Socket, "GET", "/ws/live", get(ws::live::open))
        .mount(Door::Socket, "GET", "/ws/admin/monitoring", get(ws::monitoring::open))
        .mount(Door::Socket, "GET", "/ws/customer/machines/{code}/monitoring", get(ws::my_machine::open))
        .mount(Door::Socket, "GET", "/ws/instances/{id}/logs", get(ws::instance_logs::open))
        .mount(Door::Socket, "GET", "/ws/notifications", get(ws::notifications::open))
        .mount(Door::Socket, "GET", "/ws/instances/{id}/terminal", get(ws::terminal::open))
        .mount(Door::Socket, "GET", "/ws/instances/{id}/terminal/watch", get(ws::terminal::watch))
        .mount(Door::Socket, "GET", node_protocol::PATH, get(ws::agent::open))
        .mount(Door::Socket, "GET", node_protocol::TUNNEL_PATH, get(ws::tunnel::open))
        .mount(Door::Socket, "GET", platform::tunnels::PEER_PATH, get(ws::peer::open))
        .mount(Door::Public, "GET", "/healthz", get(ops::healthz))
        .mount(Door::Public, "GET", "/readyz", get(ops::readyz))
        .mount(Door::Public, "GET", "/metrics", get(ops::metrics))
        .mount(Door::Public, "GET", "/robots.txt", get(site::robots))
        .mount(Door::Public, "GET", "/pkg/{name}", get(site::asset))
        .mount(Door::Public, "GET", "/branding/{name}", get(site::logo))
        .mount(Door::Public, "GET", "/install.sh", get(agents::install_script))
        .mount(Door::Public, "GET", "/agent/{name}", get(agents::program))
}

fn filter(method: &http::Method) -> axum::routing::MethodFilter {
    match *method {
        http::Method::GET => axum::routing::MethodFilter::GET,
        _ => axum::routing::MethodFilter::POST,
    }
}

/// The registry, for the coverage test.
pub fn registry() -> Vec<Route> {
    routes().registry
}

/// The description of the REST door.
pub fn openapi() -> OpenApi {
    routes().openapi
}

/// The whole application.
pub fn build(state: AppState) -> Router {
    // Leptos renders on tokio. Its own route walker would say so, but pages are one fallback here.
    if any_spawner::Executor::init_tokio().is_err() {
        tracing::debug!("the executor was set before");
    }
    let Routes { router, openapi, .. } = routes();
    let docs = utoipa_swagger_ui::SwaggerUi::new("/api/docs").url("/api/openapi.json", openapi);
    let docs: Router<AppState> = Router::from(docs).layer(middleware::map_response(docs_policy));
    guard(router.merge(docs).route("/api/{*rest}", axum::routing::any(rest::missing)).fallback(pages::page), state)
}

/// The layers around every route; the last one named is the outermost.
pub fn guard(routes: Router<AppState>, state: AppState) -> Router {
    let sessions = authn::session_layer(state.platform.clone(), state.config.is_secure());
    let compressed = DefaultPredicate::new()
        .and(NotForContentType::const_new("application/wasm"))
        .and(NotForContentType::const_new(rest::workbook::XLSX))
        .and(NotForContentType::const_new("application/octet-stream"));
    routes
        .layer(middleware::from_fn(rest::idempotency::once))
        .layer(CatchPanicLayer::custom(crashed))
        .layer(CompressionLayer::new().quality(tower_http::CompressionLevel::Fastest).compress_when(compressed))
        .layer(middleware::from_fn_with_state(state.clone(), authn::identify))
        .layer(sessions)
        .layer(CatchPanicLayer::custom(crashed))
        .layer(middleware::from_fn(unread::taken_in))
        .layer(middleware::from_fn_with_state(state.clone(), arrival::receive))
        .with_state(state)
}

/// A handler panicked. [`arrival::receive`] logs it and turns this into an answer for who asked.
fn crashed(panic: Box<dyn std::any::Any + Send>) -> http::Response<axum::body::Body> {
    let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    let mut response = http::Response::new(axum::body::Body::empty());
    *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
    response.extensions_mut().insert(Crashed(words.unwrap_or("no words").to_owned()));
    response
}

/// Marks the answer of a handler that panicked, with what it said; never sent.
#[derive(Clone)]
pub struct Crashed(pub String);

/// The documentation's own scripts set styles; nothing else of ours does.
async fn docs_policy(mut response: http::Response<axum::body::Body>) -> http::Response<axum::body::Body> {
    response.headers_mut().insert(
        http::header::CONTENT_SECURITY_POLICY,
        http::HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
             font-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    );
    response
}
