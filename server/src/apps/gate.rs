//! Who is let in at the origin of an application.
//!
//! A browser without our cookie goes to the portal with the hash of what it keeps here, comes back with a ticket that counts in
//! this browser alone, and gets the cookie: the portal's own never leaves the portal.
//!
//! Invariant: no page stands at an address with a ticket, whatever becomes of it. The scripts of an application are at the same
//! origin, choose what is hashed, and would read it.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use contract::ErrorCode;
use contract::apps::OWN_PATH;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use platform::instances::{AppEntry, AppName, is_way, redeem_app_ticket, way_in_address};
use platform::{Error, OpContext, Principal, Via, secrets};

use super::headers::{self, Place};
use super::says::{Say, Told, answer};
use super::{Door, cookies, forward};
use crate::arrival::REQUEST_ID;
use crate::client;
use crate::limits::Kind;

/// How long a browser may take for its way to the portal and back, with signing in: seconds.
const WAY: u32 = 1800;
/// How long a browser keeps which link it opened at a port: as long as it keeps anything, seconds.
const LAST: u32 = 400 * 24 * 3600;

impl Door {
    /// Any request.
    pub(super) async fn answer(self: &Arc<Self>, request: Request) -> Response {
        let started = Instant::now();
        let ctx = self.stranger(&request);
        let method = request.method().clone();
        let mut response = self.led(request, &ctx).await;
        if let Ok(value) = HeaderValue::from_str(ctx.request_id()) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        let (status, took) = (response.status().as_u16(), started.elapsed());
        metrics::histogram!("remotegpu_request_seconds", "door" => "app").record(took.as_secs_f64());
        metrics::counter!("remotegpu_requests_total", "door" => "app", "status" => status.to_string()).increment(1);
        // Without the path: it is the application's.
        tracing::debug!(request_id = ctx.request_id(), %method, status, ms = took.as_millis() as u64, "application");
        response
    }

    fn stranger(&self, request: &Request) -> OpContext {
        let address = client::address(request, self.state.config.trusted_proxies);
        let language = app::door::language_of(request.headers());
        let language = language.unwrap_or_else(|| platform::settings::usual_language(&self.state.platform));
        let (now, id) = (self.state.platform.clock().now(), client::request_id(request.headers()));
        OpContext::new(Principal::Anonymous, now, Via::Page, id, address, language)
            .with_user_agent(client::user_agent(request.headers()).as_deref())
    }

    async fn led(self: &Arc<Self>, request: Request, ctx: &OpContext) -> Response {
        // Apart from the body, which is nobody's to look at while something is waited for.
        let (method, uri, head) = (request.method().clone(), request.uri().clone(), request.headers().clone());
        let head = &head;
        let portal = self.state.config.public_base();
        let looked_at = headers::is_looked_at(&method, head);
        let told = Told { language: ctx.language(), app: None, looked_at, stays: true, portal: &portal };
        if headers::is_ambiguous(&method, &uri, head) {
            return unread(StatusCode::BAD_REQUEST, &told);
        }
        let host = head.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let named = self.address.named_by(host).and_then(|name| Place::new(&self.address, &name).map(|it| (name, it)));
        let Some((name, place)) = named else { return answer(Say::NotHere, &told) };
        let elsewhere = headers::is_from_elsewhere(&method, head, &place);
        // First of all: a ticket is used up, whoever shows it.
        if let Some(own) = uri.path().strip_prefix(OWN_PATH) {
            let by_hand = looked_at && !elsewhere && headers::is_window(head);
            return match own {
                "enter" => self.enter((&uri, head), by_hand, ctx, (&name, &place)).await,
                word => answer(Say::kept_out(word).unwrap_or(Say::NotHere), &Told { stays: false, ..told }),
            };
        }
        if headers::is_too_long(&uri, head) {
            return unread(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, &told);
        }
        if elsewhere || headers::is_watcher(&uri, head, &place) {
            return answer(Say::Refused, &told);
        }
        let visitor = match cookies::find(head, &place.jar.visit()) {
            Some(secret) => self.visitor(ctx, &name, secret).await,
            None => Ok(None),
        };
        match visitor {
            Ok(Some(active)) => {
                let place = place.of_link(active.visit.label());
                forward::forward(self, &active, &place, request, ctx).await
            }
            Ok(None) if looked_at => self.send_to_portal(&request, ctx, (&name, &place), &told),
            Ok(None) => answer(Say::SignIn, &told),
            Err(error) if error.code == ErrorCode::RateLimited => answer(Say::Busy, &told),
            Err(error) => {
                platform::report(&self.state.platform, ctx, error).await;
                answer(Say::Unreachable, &told)
            }
        }
    }

    /// Strangers come no oftener than to the portal.
    pub(super) fn is_flood(&self, ctx: &OpContext) -> bool {
        ctx.address().is_some_and(|address| self.state.rates.take(Kind::General, address).is_err())
    }

    /// To the portal, which knows who it is; with where to go on, and the hash of what stays here.
    fn send_to_portal(
        &self,
        request: &Request,
        ctx: &OpContext,
        (name, place): (&AppName, &Place),
        told: &Told<'_>,
    ) -> Response {
        if self.is_flood(ctx) {
            return answer(Say::Busy, told);
        }
        let state = place.jar.state();
        // The same for all its tabs: each comes back.
        let kept = cookies::find(request.headers(), &state).map(str::to_owned);
        let kept = kept.unwrap_or_else(|| hex::encode(secrets::random_bytes::<32>()));
        let hash = hex::encode(secrets::sha256(kept.as_bytes()));
        let way = request.uri().path_and_query().map(|way| way.as_str()).filter(|way| is_way(way)).unwrap_or("/");
        let on = app::paths::app_open(&name.to_string(), &hash, &way_in_address(way));
        see_other(&format!("{}{on}", told.portal), place.jar.set(&state, &kept, Some(WAY)))
    }

    /// Back from the portal; on from this address in any case.
    async fn enter(
        &self,
        (uri, head): (&Uri, &HeaderMap),
        by_hand: bool,
        ctx: &OpContext,
        (name, place): (&AppName, &Place),
    ) -> Response {
        let query = uri.query().unwrap_or_default();
        let ticket = query.split('&').find_map(|pair| pair.strip_prefix("ticket=")).unwrap_or_default();
        let kept = cookies::find(head, &place.jar.state()).filter(|_| by_hand).map(str::to_owned);
        // What nobody keeps fits no ticket, and uses it up all the same.
        let kept = kept.unwrap_or_else(|| hex::encode(secrets::random_bytes::<32>()));
        let entered = match self.is_flood(ctx) {
            true => Err(Error::new(ErrorCode::RateLimited)),
            false => redeem_app_ticket(&self.state.platform, ctx, name, (ticket, &kept)).await,
        };
        match entered {
            Ok(entry) => let_in(&entry, head, place),
            Err(error) => {
                let word = match error.code {
                    ErrorCode::Forbidden | ErrorCode::NotFound | ErrorCode::Unauthenticated => "ticket",
                    ErrorCode::RateLimited => "busy",
                    _ => "unreachable",
                };
                platform::report(&self.state.platform, ctx, error).await;
                see_other(&format!("{OWN_PATH}{word}"), None)
            }
        }
    }
}

/// Refused, and what follows on this connection is read by nobody.
fn unread(status: StatusCode, told: &Told<'_>) -> Response {
    let mut response = answer(Say::Refused, told);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// On to where it was going, with what it is known by from now on. What another link left in the browser at the same origin goes,
/// as far as the browser does that: it would be this one's to read, and the other's to be served.
fn let_in(entry: &AppEntry, head: &HeaderMap, place: &Place) -> Response {
    let jar = &place.jar;
    let mut response = see_other(&entry.way, jar.set(&jar.visit(), &entry.secret, None));
    let link = hex::encode(secrets::sha256(entry.label.as_bytes()));
    if jar.is_passed_on() && cookies::find(head, &jar.last()) != Some(&link) {
        let headers = response.headers_mut();
        headers.insert("clear-site-data", HeaderValue::from_static("\"cache\", \"storage\""));
        if let Some(last) = jar.set(&jar.last(), &link, Some(LAST)) {
            headers.append(header::SET_COOKIE, last);
        }
    }
    response
}

fn see_other(to: &str, cookie: Option<HeaderValue>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    if let Ok(to) = HeaderValue::from_str(to) {
        headers.insert(header::LOCATION, to);
    }
    if let Some(cookie) = cookie {
        headers.insert(header::SET_COOKIE, cookie);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
