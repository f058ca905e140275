//! The pages' door (server only): from a request to `(Platform, OpContext)`, and from an answer to a response.
//!
//! The server provides, as leptos contexts, for every page and server function: [`platform::Platform`],
//! [`platform::OpContext`] (authentication is done above all doors), [`SiteManifest`] and, where the request carries a
//! browser session or may get one, [`Session`]. Nothing here decides about permissions.
//!
//! A refused form goes back to its page by a redirect, see [`Refused`]; no JavaScript is needed.

mod afterword;
mod refused;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use contract::accounts::{Language, Theme};
use contract::allocations::LeaseToCome;
use contract::imports::{ImportRow, ImportView, Note};
use contract::machines::MachineBulkOutcome;
use contract::{ApiError, BulkOutcome, ErrorCode, Permission};
use http::{HeaderValue, StatusCode, header};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_router::hooks::use_params_map;
use platform::accounts::{Preferences, ShownOnce, SignedIn, keep_for_page};
use platform::settings::Appearance;
use platform::{Error, OpContext, Platform, UserPrincipal};
use serde::{Deserialize, Serialize};

pub use afterword::{afterword_is_ours, signed_afterword};
pub use refused::{KeptForm, Refused};

/// Cookie with the language of somebody who is not signed in or has chosen none: `zh` or `en`.
pub const LANGUAGE_COOKIE: &str = "lang";
/// Cookie with the theme, likewise: `auto`, `light`, `dark`.
pub const THEME_COOKIE: &str = "theme";
/// Cookie with the browser's IANA time zone, percent-encoded, written by the pages' own script.
pub const TIME_ZONE_COOKIE: &str = "tz";

/// Addresses of the built assets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteManifest {
    /// The islands without extension, e.g. `/pkg/remotegpu-1f3a`; `.js` and `.wasm` lie there.
    pub app: String,
    /// The style sheet, e.g. `/pkg/main-1f3a.css`.
    pub css: String,
    /// The custom elements, e.g. `/pkg/rg-chart-1f3a.js`.
    pub elements: String,
    /// The small helpers of every page, e.g. `/pkg/rg-shell-9c01.js`.
    #[serde(default)]
    pub shell: String,
    /// What sends large files, e.g. `/pkg/rg-upload-51bd.js`.
    #[serde(default)]
    pub upload: String,
    /// What goes on with an instance's log, e.g. `/pkg/rg-logs-2b0e.js`.
    #[serde(default)]
    pub logs: String,
    /// The terminal, e.g. `/pkg/rg-terminal-77d2.js`.
    #[serde(default)]
    pub terminal: String,
    /// What plays recordings in a terminal, e.g. `/pkg/rg-player-0c4e.js`.
    #[serde(default)]
    pub player: String,
    /// What keeps up to date how busy machines are, e.g. `/pkg/rg-loads-9a41.js`.
    #[serde(default)]
    pub loads: String,
}

/// The tag of the picture of who asks, as the server provides it for pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Avatar(pub Option<String>);

/// The number that stands for what is announced to who asks, as the server provides it for pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Announced(pub i64);

/// What [`BrowserSession`] does later.
pub type SessionFuture<'a, T = ()> = Pin<Box<dyn Future<Output = platform::Result<T>> + Send + 'a>>;

/// The cookie session of this request, behind a trait so that pages know no cookie.
pub trait BrowserSession: Send + Sync {
    /// Makes the browser's session that of a person who just signed in, under a new id.
    fn establish(&self, who: SignedIn) -> SessionFuture<'_>;
    /// Makes it a new one with nobody in it, for the moment between password and code; the SHA-256 of its secret.
    fn begin(&self) -> SessionFuture<'_, [u8; 32]>;
    /// The SHA-256 of the secret this request came with.
    fn secret_hash(&self) -> Option<[u8; 32]>;
    /// Forgets it.
    fn end(&self) -> SessionFuture<'_>;
}

/// The context the server provides.
#[derive(Clone)]
pub struct Session(pub Arc<dyn BrowserSession>);

/// Who asks what for: the two arguments of every operation.
pub fn door() -> (Platform, OpContext) {
    (expect_context::<Platform>(), expect_context::<OpContext>())
}

/// The browser session.
///
/// # Errors
/// Internal when the server provided none: a page was mounted without its session layer.
pub fn session() -> platform::Result<Arc<dyn BrowserSession>> {
    use_context::<Session>().map(|s| s.0).ok_or_else(|| Error::internal("no browser session was provided"))
}

/// After a change that ended every session of the account: the browser that made it goes on under a new one.
pub async fn go_on(ctx: &OpContext, who: SignedIn) -> platform::Result<()> {
    match ctx.user().map(|user| &user.credential) {
        Some(platform::Credential::Browser) => session()?.establish(who).await,
        _ => Ok(()),
    }
}

/// Reports an error (log, audit) and puts it into the caller's language.
pub async fn to_api_error(platform: &Platform, ctx: &OpContext, error: Error) -> ApiError {
    let reported = platform::report(platform, ctx, error).await;
    ApiError {
        code: reported.code,
        key: reported.key.to_owned(),
        message: texts::message(ctx.language(), reported.key, &reported.args),
        fields: reported
            .fields
            .iter()
            .map(|field| (field.path.to_owned(), texts::message(ctx.language(), field.key, &field.args)))
            .collect(),
        request_id: Some(ctx.request_id().to_owned()),
    }
}

/// What became of many, refusals in the caller's language.
pub async fn outcomes(
    platform: &Platform,
    ctx: &OpContext,
    results: Vec<(String, platform::Result<()>)>,
) -> Vec<BulkOutcome> {
    outcomes_with(platform, ctx, results).await.into_iter().map(|(outcome, ())| outcome).collect()
}

/// The same with what else is answered of each that was done.
pub async fn outcomes_with<D: Default>(
    platform: &Platform,
    ctx: &OpContext,
    results: Vec<(String, platform::Result<D>)>,
) -> Vec<(BulkOutcome, D)> {
    let mut outcomes = Vec::with_capacity(results.len());
    for (id, result) in results {
        let (error, answer) = match result {
            Ok(answer) => (None, answer),
            Err(error) => (Some(to_api_error(platform, ctx, error).await), D::default()),
        };
        let done = error.is_none();
        let (message, fields) = error.map(|error| (whole(error.clone()), error.fields)).unzip();
        outcomes.push((BulkOutcome { id, done, message, fields: fields.unwrap_or_default() }, answer));
    }
    outcomes
}

/// What became of many machines.
pub async fn machine_outcomes(
    platform: &Platform,
    ctx: &OpContext,
    results: Vec<(String, platform::Result<Vec<LeaseToCome>>)>,
) -> Vec<MachineBulkOutcome> {
    let outcomes = outcomes_with(platform, ctx, results).await.into_iter();
    outcomes.map(|(outcome, scheduled)| MachineBulkOutcome { outcome, scheduled }).collect()
}

/// An error in one text: of one row among many nothing is marked, so its fields say what is wrong.
fn whole(error: ApiError) -> String {
    let general = error.key == ErrorCode::Validation.message_key();
    let fields = error.fields.into_values().collect::<Vec<_>>().join(" ");
    match (fields.is_empty(), general) {
        (true, _) => error.message,
        (false, true) => fields,
        (false, false) => format!("{} {fields}", error.message),
    }
}

/// A note in the reader's language.
pub fn note_in_words(language: Language, note: &Note) -> String {
    let args: Vec<_> = note.args.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    texts::known_message(language, &note.key, &args).unwrap_or_else(|| note.key.clone())
}

/// A staged import with its words.
pub fn import_in_words(language: Language, mut view: ImportView) -> ImportView {
    if let Some(note) = &mut view.refusal {
        note.message = note_in_words(language, note);
    }
    view
}

/// A row of it with its words.
pub fn row_in_words(language: Language, row: &mut ImportRow) {
    for fault in row.faults.iter_mut().chain(&mut row.notes) {
        fault.note.message = note_in_words(language, &fault.note);
    }
}

/// The policy of every page. Islands need `wasm-unsafe-eval`; there are no inline styles.
pub fn content_security_policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'; object-src 'none'"
    )
}

/// The policy of [`crate::failure_page`], which has no scripts and no forms.
pub const FAILURE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; \
                                  form-action 'none'; frame-ancestors 'none'";

/// Sets the status of the response.
pub fn set_status(code: u16) {
    if let (Some(options), Ok(status)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(code)) {
        options.set_status(status);
    }
}

/// True for a plain form of a page; false for an island or a program, which want data.
pub fn wants_page() -> bool {
    use_context::<http::request::Parts>()
        .and_then(|parts| Some(parts.headers.get(header::ACCEPT)?.to_str().ok()?.contains("text/html")))
        .unwrap_or(false)
}

/// Sends the browser on: 303, so that a reload does not post again.
pub fn see_other(path: &str) {
    let Some(options) = use_context::<ResponseOptions>() else { return };
    if let Ok(location) = HeaderValue::from_str(path) {
        options.insert_header(header::LOCATION, location);
        options.set_status(StatusCode::SEE_OTHER);
    }
}

/// The page's address holds a secret: other pages and servers learn at most which site it was. Forms still say their
/// origin, which `no-referrer` would take from them.
pub fn hide_address() {
    if let Some(options) = use_context::<ResponseOptions>() {
        options.insert_header(header::REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
    }
}

/// Has the browser ask for this page again by itself: for what is still being worked on, with and without JavaScript.
pub fn reload_after(seconds: u32) {
    if let Some(options) = use_context::<ResponseOptions>() {
        options.insert_header(header::REFRESH, HeaderValue::from(seconds));
    }
}

/// After a change: plain forms are sent on, programs and islands just get their answer.
pub fn done(path: &str) -> Result<(), ApiError> {
    if wants_page() {
        see_other(path);
    }
    Ok(())
}

/// The answer of a server function that returns data.
pub async fn answer<T>(platform: &Platform, ctx: &OpContext, result: platform::Result<T>) -> Result<T, ApiError> {
    match result {
        Ok(value) => Ok(value),
        Err(error) => {
            let seconds = error.args.iter().find(|(name, _)| *name == "seconds").map(|(_, value)| value.clone());
            let error = to_api_error(platform, ctx, error).await;
            set_status(error.code.http_status());
            if error.code == ErrorCode::RateLimited {
                retry_after(seconds);
            }
            Err(error)
        }
    }
}

/// Says when to come back.
fn retry_after(seconds: Option<String>) {
    let value = seconds.and_then(|seconds| HeaderValue::from_str(&seconds).ok());
    if let (Some(options), Some(value)) = (use_context::<ResponseOptions>(), value) {
        options.insert_header(header::RETRY_AFTER, value);
    }
}

/// The answer of a server function behind a form: on to `next`, or back to `form` with what was typed.
pub async fn form_answer<T>(
    (platform, ctx): (&Platform, &OpContext),
    result: platform::Result<T>,
    next: impl FnOnce(T) -> String,
    form: &str,
    typed: Vec<(&'static str, String)>,
) -> Result<(), ApiError> {
    let error = match result {
        Ok(value) => return done(&next(value)),
        Err(error) => error,
    };
    if !wants_page() {
        return answer::<()>(platform, ctx, Err(error)).await;
    }
    see_other(&refused_address((platform, ctx), error, form, typed).await);
    Ok(())
}

/// What was done, for who goes on with it; nothing where the whole of it was refused and a browser is on its way back to `form`,
/// which says why.
///
/// # Errors
/// Why it was refused, for programs.
pub async fn answer_or_back<T>(
    (platform, ctx): (&Platform, &OpContext),
    result: platform::Result<T>,
    form: &str,
) -> Result<Option<T>, ApiError> {
    match result {
        Err(error) if wants_page() => {
            see_other(&refused_address((platform, ctx), error, form, Vec::new()).await);
            Ok(None)
        }
        result => answer(platform, ctx, result).await.map(Some),
    }
}

/// As [`form_answer`], of a form some of whose fields may hold secrets: whatever its length, what was typed waits sealed on
/// the server and stands in no address.
pub async fn form_answer_sealed<T>(
    (platform, ctx): (&Platform, &OpContext),
    result: platform::Result<T>,
    next: impl FnOnce(T) -> String,
    form: &str,
    typed: Vec<(&'static str, String)>,
) -> Result<(), ApiError> {
    match result {
        Err(error) if wants_page() && error.code != ErrorCode::Unauthenticated => {
            let refused = refused((platform, ctx), error, typed).await;
            see_other(&refused.sealed_way_back(platform, ctx, form).await);
            Ok(())
        }
        result => form_answer((platform, ctx), result, next, form, Vec::new()).await,
    }
}

/// The same behind a form that makes a secret: programs have it in the answer, people on the next page, once.
pub async fn secret_answer<T>(
    (platform, ctx): (&Platform, &OpContext),
    made: platform::Result<T>,
    (what, text): (ShownOnce, impl FnOnce(&T) -> Option<String>),
    next: impl FnOnce(&T) -> String,
    form: &str,
    typed: Vec<(&'static str, String)>,
) -> Result<Option<T>, ApiError> {
    let kept = match made {
        Ok(made) if !wants_page() => return Ok(Some(made)),
        Ok(made) => match text(&made) {
            Some(text) => keep_for_page(platform, ctx, what, &text).await.map(|()| next(&made)),
            None => Ok(next(&made)),
        },
        Err(error) => Err(error),
    };
    form_answer((platform, ctx), kept, |next| next, form, typed).await.map(|()| None)
}

/// Where a plain form goes that was refused: back to `form` with what was typed, or to sign-in first.
pub async fn refused_address(
    (platform, ctx): (&Platform, &OpContext),
    error: Error,
    form: &str,
    typed: Vec<(&'static str, String)>,
) -> String {
    let unknown = error.code == ErrorCode::Unauthenticated;
    let refused = refused((platform, ctx), error, typed).await;
    match unknown {
        true => crate::paths::login(Some(form)),
        false => refused.way_back(platform, ctx, form).await,
    }
}

/// An error with what was typed, reported.
async fn refused(
    (platform, ctx): (&Platform, &OpContext),
    error: Error,
    typed: Vec<(&'static str, String)>,
) -> Refused {
    let reported = platform::report(platform, ctx, error).await;
    Refused {
        key: reported.key.to_owned(),
        args: owned(&reported.args),
        fields: reported.fields.iter().map(|f| (f.path.to_owned(), (f.key.to_owned(), owned(&f.args)))).collect(),
        typed: typed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        lost: false,
        request_id: ctx.request_id().to_owned(),
    }
}

fn owned(args: &[(&'static str, String)]) -> BTreeMap<String, String> {
    args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// For pages that only show a form: the same answers an operation would give.
///
/// # Errors
/// `Unauthenticated` for the anonymous, `EnrollmentRequired` for who must set up a second factor first, `NotFound` without
/// the permission.
pub fn must_hold(ctx: &OpContext, permission: Permission) -> platform::Result<()> {
    if ctx.user().is_none() {
        return Err(Error::new(ErrorCode::Unauthenticated));
    }
    match ctx.holds(permission) {
        true => Ok(()),
        false if ctx.must_enroll() => Err(Error::new(ErrorCode::EnrollmentRequired)),
        false => Err(Error::not_found()),
    }
}

/// The same for a page that opens with a form, and the refusal is in the log as that of what the form is for.
///
/// # Errors
/// As [`must_hold`].
pub fn may_open(ctx: &OpContext, permission: Permission) -> platform::Result<()> {
    ctx.may_open(permission)
}

/// Language in the cookie, else the first the browser prefers that we have.
pub fn language_of(headers: &http::HeaderMap) -> Option<Language> {
    cookie(headers, LANGUAGE_COOKIE).and_then(|code| Language::parse(&code)).or_else(|| {
        let preferred = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
        preferred.split(',').find_map(|part| Language::parse(part.split(';').next()?.trim()))
    })
}

/// How the page looks for this request.
#[derive(Clone, Debug)]
pub struct Look {
    pub language: Language,
    pub theme: Theme,
    /// Where times are shown.
    pub zone: chrono_tz::Tz,
}

/// What the installation is called and how it keeps time, as the server provides it.
pub fn appearance() -> Appearance {
    let unnamed = || Appearance {
        name: contract::settings::PRODUCT.to_owned(),
        logo_tag: None,
        time_zone: chrono_tz::UTC,
        open: false,
    };
    use_context::<Appearance>().unwrap_or_else(unnamed)
}

/// The id in the page's address; what is no number names nothing.
pub fn id_of_path<T: From<i64>>() -> T {
    let id = use_params_map().get_untracked().get("id").and_then(|id| id.parse().ok());
    T::from(id.unwrap_or(0))
}

/// Person's choice first, then the cookie, then the default.
pub fn look() -> Look {
    let ctx = use_context::<OpContext>();
    let headers = use_context::<http::request::Parts>().map(|parts| parts.headers).unwrap_or_default();
    look_of(&headers, ctx.as_ref().and_then(OpContext::user), ctx.as_ref().map(OpContext::language).unwrap_or_default())
}

/// How a page looks for these headers and this person.
pub fn look_of(headers: &http::HeaderMap, user: Option<&UserPrincipal>, language: Language) -> Look {
    let theme = user.and_then(|u| u.theme).or_else(|| Theme::parse(&cookie(headers, THEME_COOKIE)?));
    let zone = user
        .and_then(|u| u.time_zone.clone())
        .filter(|zone| !zone.is_empty())
        .or_else(|| cookie(headers, TIME_ZONE_COOKIE).map(|zone| zone.replace("%2F", "/")))
        .and_then(|zone| zone.parse().ok());
    Look { language, theme: theme.unwrap_or_default(), zone: zone.unwrap_or(appearance().time_zone) }
}

pub(crate) fn cookie(headers: &http::HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
}

/// Remembers language and theme in the browser, for the pages before sign-in.
pub fn remember_look(change: &Preferences) {
    if let Some(language) = change.language {
        remember(LANGUAGE_COOKIE, language.code());
    }
    if let Some(theme) = change.theme {
        remember(THEME_COOKIE, theme.code());
    }
}

/// True unless a time zone is named that the time zone database does not have.
pub fn is_known_zone(change: &Preferences) -> bool {
    change.time_zone.as_deref().is_none_or(|zone| zone.is_empty() || zone.parse::<chrono_tz::Tz>().is_ok())
}

/// For a year.
fn remember(name: &str, value: &str) {
    let text = format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax");
    if let (Some(options), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(&text)) {
        options.append_header(header::SET_COOKIE, value);
    }
}
