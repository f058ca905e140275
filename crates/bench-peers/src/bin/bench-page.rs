//! Two peers of a page without data, on one port: `/static` answers the bytes of a file, `/login` is the text of the
//! product's sign-in page written with maud. Neither has a door: no sessions, no rates, no log, no policy with a nonce.
//!
//! `bench-page <port> <file>`

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::http::header;
use axum::response::Html;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The product's allocator, so that this is no difference.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BRAND: &str = r#"<svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true"><path d="M2 4h14v10H2z" fill="none" stroke="currentColor" stroke-width="1.6"/><path d="M5 7h3v4H5zM10 7h3v4h-3z" fill="currentColor"/></svg>"#;
const HALF: &str = r#"<svg width="15" height="15" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5" aria-hidden="true"><circle cx="8" cy="8" r="6"/><path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor"/></svg>"#;
const FAVICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 18 18'%3E%3Cpath d='M2 4h14v10H2z' fill='none' stroke='%23117a7a' stroke-width='1.6'/%3E%3Cpath d='M5 7h3v4H5zM10 7h3v4h-3z' fill='%23117a7a'/%3E%3C/svg%3E";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut words = std::env::args().skip(1);
    let port: u16 = words.next().context("<port> <file>")?.parse()?;
    let bytes = Bytes::from(std::fs::read(words.next().context("<port> <file>")?)?);
    let router = Router::new()
        .route("/static", get(move || async move { ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], bytes) }))
        .route("/login", get(|| async { Html(login("/login").into_string()) }));
    // As the product: without it, every small answer waits for a delayed acknowledgement.
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await?;
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

fn login(here: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-theme="auto" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href=(FAVICON);
                link rel="stylesheet" href="/pkg/main-0123456789abcdef.css";
                title { "Sign in · RemoteGPU" }
            }
            body {
                div class="plain" {
                    main class="sign" {
                        span class="brand" {
                            span class="icon" { (PreEscaped(BRAND)) }
                            span { "RemoteGPU" }
                        }
                        h1 { "Sign in" }
                        form class="stack" method="post" action="/sfn/app/pages/auth/server_fns/sign_in" {
                            (field("username", "User name or e-mail", "text", "username"))
                            (field("password", "Password", "password", "current-password"))
                            button class="btn primary wide" { "Sign in" }
                        }
                        p { a class="link" href="/forgot" { "Forgot the password?" } }
                        div class="foot" { (switches(here)) }
                    }
                }
            }
        }
    }
}

fn field(name: &str, label: &str, kind: &str, autocomplete: &str) -> Markup {
    let id = format!("f-{name}");
    html! {
        div class="form-row" {
            label for=(id) { (label) span class="required" aria-hidden="true" { "*" } }
            span class="with-unit" {
                input id=(id) name=(name) type=(kind) value="" required autocomplete=(autocomplete);
            }
        }
    }
}

fn switches(here: &str) -> Markup {
    const ACTION: &str = "/sfn/app/pages/customer/accounts/server_fns/set_preferences";
    let to_light = "Appearance: as the system. Switch to light";
    html! {
        form class="switches" method="post" action=(ACTION) {
            input type="hidden" name="back" value=(here);
            button class="btn ghost" name="language" value="zh" lang="zh-CN" { "中文" }
        }
        form class="switches" method="post" action=(ACTION) {
            input type="hidden" name="back" value=(here);
            button class="btn ghost icon-only" name="theme" value="light" aria-label=(to_light) title=(to_light) {
                span class="icon" { (PreEscaped(HALF)) }
            }
        }
    }
}
