//! What is answered where no door can answer: a handler that panics, a session that cannot be stored, a flood.

use axum::Router;
use axum::routing::get;
use http::{Method, header};
use test_support::eventually;
use tower_sessions::Session;

use crate::harness::{Answer, Server, Who, sfn};

async fn panics() -> &'static str {
    panic!("a secret of the handler")
}

async fn keeps(session: Session) -> &'static str {
    session.insert("a", 1).await.unwrap();
    "kept"
}

async fn page(server: &Server, path: &str) -> Answer {
    let request = server.bare(Method::GET, path).header(header::ACCEPT, "text/html,*/*;q=0.8");
    Answer::of(request.header(header::ACCEPT_LANGUAGE, "en").header("x-request-id", "given-00000001")).await
}

fn is_whole(answer: &Answer, what: &str) {
    assert!(answer.header("x-request-id").len() > 7, "{what}: {answer:?}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{what}: {answer:?}");
}

/// A document with the id that leads to the log, without scripts, that tells nothing of the cause.
fn is_page(answer: &Answer, what: &str) {
    is_whole(answer, what);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{what}: {answer:?}");
    assert!(answer.text.starts_with("<!DOCTYPE html>") && answer.text.contains("given-00000001"), "{what}: {answer:?}");
    assert!(!answer.text.contains("<script") && !answer.text.contains("style="), "{what}: {answer:?}");
    assert!(answer.header("content-security-policy").contains("style-src 'self'"), "{what}: {answer:?}");
}

fn is_envelope(answer: &Answer, what: &str) {
    is_whole(answer, what);
    assert_eq!(answer.json()["traceId"], answer.header("x-request-id"), "{what}");
}

#[tokio::test]
async fn a_handler_that_panics_is_answered_and_tells_nothing() {
    let routes = Router::new().route("/panics", get(panics)).route("/api/panics", get(panics));
    let server = Server::routing(routes).await;
    let shown = page(&server, "/panics").await;
    is_page(&shown, "a page");
    let program = server.get(&Who::Nobody, "/panics").await;
    let rest = server.get(&Who::Nobody, "/api/panics").await;
    for (answer, what) in [(&program, "data of a page"), (&rest, "REST")] {
        is_envelope(answer, what);
        assert_eq!(answer.code(), 1900, "{answer:?}");
    }
    for answer in [&shown, &program, &rest] {
        assert_eq!(answer.status, 500);
        assert!(!answer.text.contains("a secret of the handler"), "{answer:?}");
    }
    assert!(shown.text.contains("Something went wrong"), "{shown:?}");
}

#[tokio::test]
async fn a_function_that_is_sent_half_of_what_it_takes_answers_in_words() {
    let server = Server::start().await;
    for function in ["set_user_password", "transfer_ownership", "set_customer_active"] {
        let request = server.bare(Method::POST, &sfn(function));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body("x=1");
        let answer = Answer::of(server.signed(&Who::Nobody, request.header("accept", "application/json"))).await;
        assert_eq!((answer.status, answer.code()), (400, 1000), "{function}: {answer:?}");
        assert!(!answer.text.contains("error-validation\",\"message\":\"error-validation"), "{answer:?}");
    }
}

#[tokio::test]
async fn a_session_that_cannot_be_stored_is_answered_like_everything_else() {
    let routes = Router::new().route("/keeps", get(keeps)).route("/api/keeps", get(keeps));
    let server = Server::routing(routes).await;
    assert_eq!(server.get(&Who::Nobody, "/keeps").await.text, "kept");
    server.platform().db().close().await;
    let shown = page(&server, "/keeps").await;
    is_page(&shown, "a page");
    let rest = server.get(&Who::Nobody, "/api/keeps").await;
    is_envelope(&rest, "REST");
    assert_eq!((shown.status, rest.status, rest.code()), (500, 500, 1900));
    assert!(!shown.text.contains("kept"));
}

#[tokio::test]
async fn a_browser_in_a_flood_is_shown_a_page_that_says_when_to_come_back() {
    let server = Server::start().await;
    // Sign-ins have few tokens, which come back slowly: however slow this server is, they are spent faster.
    let refused = eventually("the flood to be cut", async || {
        let forms = (0..40).map(|_| {
            let request = server.form(server.bare(Method::POST, &sfn("sign_in")), &[]);
            let request = request.header(header::ACCEPT, "text/html,*/*;q=0.8").header(header::ACCEPT_LANGUAGE, "en");
            Answer::of(request.header("x-request-id", "given-00000001"))
        });
        futures_util::future::join_all(forms).await.into_iter().find(|answer| answer.status == 429)
    })
    .await;
    is_page(&refused, "too many");
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1), "{refused:?}");
    assert!(refused.text.contains("Too many requests. Try again in"), "{refused:?}");
}

#[tokio::test]
async fn without_a_database_a_browser_still_gets_a_page() {
    let server = Server::start().await;
    let browser = server.browser(&server.test.admin().await).await;
    server.platform().db().close().await;
    let request = server.signed(&browser, server.bare(Method::GET, "/admin/metrics"));
    let request = request.header(header::ACCEPT, "text/html").header("x-request-id", "given-00000001");
    let answer = Answer::of(request.header(header::ACCEPT_LANGUAGE, "zh-CN")).await;
    is_page(&answer, "no database");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(
        answer.text.contains("<html lang=\"zh") && answer.text.contains("暂时"),
        "in the reader's language: {answer:?}"
    );
}
