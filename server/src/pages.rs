//! The pages' door: hands leptos what it needs for one request.

use std::sync::Arc;

use app::door::{Announced, Avatar, BrowserSession, KeptForm, Look, Session, SessionFuture, SiteManifest};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use contract::accounts::SignInService;
use contract::{ApiError, ErrorCode};
use leptos::prelude::provide_context;
use platform::accounts::SignedIn;
use platform::settings::Appearance;
use platform::{Error, OpContext, Surroundings};

use crate::AppState;
use crate::arrival::{self, Arrival};
use crate::authn::browser::{self, Client};

/// The browser session behind the trait that pages know.
struct Cookie {
    session: tower_sessions::Session,
    client: Client,
}

impl BrowserSession for Cookie {
    fn establish(&self, who: SignedIn) -> SessionFuture<'_> {
        Box::pin(browser::establish(&self.session, who, self.client.clone()))
    }

    fn begin(&self) -> SessionFuture<'_, [u8; 32]> {
        Box::pin(browser::begin(&self.session))
    }

    fn secret_hash(&self) -> Option<[u8; 32]> {
        browser::hash_of_session(&self.session)
    }

    fn end(&self) -> SessionFuture<'_> {
        Box::pin(browser::end(&self.session))
    }
}

/// Provides the contexts of one request.
fn contexts(state: &AppState, request: &Request, appearance: Appearance) -> impl Fn() + Clone + Send + Sync + 'static {
    let platform = state.platform.clone();
    let site = state.site.manifest.clone();
    let ctx = request.extensions().get::<OpContext>().cloned();
    let session = request.extensions().get::<tower_sessions::Session>().cloned();
    let client = ctx.as_ref().map(Client::of).unwrap_or_default();
    let session = session.map(|session| Session(Arc::new(Cookie { session, client })));
    move || {
        provide_context(platform.clone());
        provide_context(site.clone());
        provide_context(appearance.clone());
        if let Some(ctx) = ctx.clone() {
            provide_context(ctx);
        }
        if let Some(session) = session.clone() {
            provide_context(session);
        }
    }
}

/// What is around the page; who is not signed in has nothing there, and a database that is away is the page's to tell of.
async fn around(state: &AppState, ctx: Option<OpContext>) -> Surroundings {
    match ctx.filter(|ctx| ctx.user().is_some()) {
        Some(ctx) => platform::surroundings(&state.platform, &ctx).await.unwrap_or_default(),
        None => Surroundings::default(),
    }
}

/// The ways to sign in beside a password, for the page that shows them; without them people sign in by their password.
async fn services(state: &AppState, path: &str, ctx: Option<OpContext>) -> Vec<SignInService> {
    match ctx.filter(|ctx| ctx.user().is_none() && path == app::paths::LOGIN) {
        Some(ctx) => platform::accounts::identity::services(&state.platform, &ctx).await.unwrap_or_default(),
        None => Vec::new(),
    }
}

/// What was typed into a form that was refused, where it was too long for the address.
async fn kept_form(state: &AppState, ctx: Option<OpContext>, uri: &axum::http::Uri) -> KeptForm {
    match ctx.filter(|ctx| ctx.user().is_some()) {
        Some(ctx) => KeptForm::of(&state.platform, &ctx, uri).await,
        None => KeptForm::default(),
    }
}

/// Every page; the application's own route table says which, and what is missing.
pub async fn page(State(state): State<AppState>, request: Request<Body>) -> Response {
    let ctx = request.extensions().get::<OpContext>().cloned();
    let path = request.uri().path();
    let (around, services, kept) = tokio::join!(
        around(&state, ctx.clone()),
        services(&state, path, ctx.clone()),
        kept_form(&state, ctx, request.uri())
    );
    let appearance = platform::settings::appearance(&state.platform).await;
    let contexts = contexts(&state, &request, appearance);
    let contexts = move || {
        contexts();
        provide_context(around.unread);
        if let Some(jobs) = around.jobs {
            provide_context(jobs);
        }
        provide_context(around.banners.clone());
        provide_context(Announced(around.announced));
        provide_context(around.choices.clone());
        provide_context(Avatar(around.avatar_tag.clone()));
        provide_context(services.clone());
        provide_context(kept.clone());
    };
    leptos_axum::render_app_async_with_context(contexts, app::shell)(request).await.into_response()
}

/// Most bytes of a form, or of what an island sends.
const MAX_FORM: usize = 1 << 20;

/// Every server function.
pub async fn server_fn(State(state): State<AppState>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let asked = parts.extensions.get::<OpContext>().cloned().zip(parts.extensions.get::<Arrival>().cloned());
    let Ok(bytes) = axum::body::to_bytes(body, MAX_FORM).await else {
        return match asked {
            Some((ctx, arrival)) => arrival::refuse(&state, &arrival, &ctx, Error::new(ErrorCode::TooLarge)).await,
            None => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        };
    };
    let request = Request::from_parts(parts, Body::from(bytes));
    let appearance = platform::settings::appearance(&state.platform).await;
    let contexts = contexts(&state, &request, appearance);
    let answer = leptos_axum::handle_server_fns_with_context(contexts, request).await.into_response();
    match asked {
        Some((ctx, arrival)) if answer.status() == StatusCode::INTERNAL_SERVER_ERROR => {
            in_words(&state, &ctx, &arrival, answer).await
        }
        _ => answer,
    }
}

/// The framework refuses what does not read as a function's arguments before the function is asked, with the status of a
/// failure and without words: such a refusal becomes one of ours.
async fn in_words(state: &AppState, ctx: &OpContext, arrival: &Arrival, answer: Response) -> Response {
    let (parts, body) = answer.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, MAX_FORM).await else {
        return arrival::refuse(state, arrival, ctx, Error::new(ErrorCode::Internal)).await;
    };
    match serde_json::from_slice::<ApiError>(&bytes) {
        Ok(error) if error.message == error.key => arrival::refuse(state, arrival, ctx, Error::new(error.code)).await,
        _ => Response::from_parts(parts, Body::from(bytes)),
    }
}

/// What a browser shows when its request failed outside of any page.
pub fn failure(site: &SiteManifest, look: &Look, error: &ApiError) -> Response {
    let status = StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let page = app::failure_page(site, look, error);
    (status, [(header::CONTENT_SECURITY_POLICY, app::door::FAILURE_POLICY)], Html(page)).into_response()
}
