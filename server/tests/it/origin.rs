//! Requests that another site's page makes a browser send: cookies travel with them, and must not count.

use http::{Method, header};
use serde_json::json;

use crate::harness::{Answer, Server, Who, sfn};
use crate::sockets::dial;

const FOREIGN: [&str; 4] = ["https://evil.example", "null", "http://127.0.0.1:1", "not an origin"];

/// A change by somebody's cookie, with these headers besides.
async fn change(server: &Server, cookie: &str, headers: &[(&str, &str)]) -> Answer {
    let name = format!("m-{}", uuid::Uuid::new_v4().simple());
    let mut request = server.bare(Method::POST, "/api/admin/machines").header(header::COOKIE, cookie);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(request.json(&json!({ "name": name }))).await
}

fn cookie_of(who: &Who) -> &str {
    match who {
        Who::Cookie(cookie) => cookie,
        other => panic!("a browser, not {other:?}"),
    }
}

#[tokio::test]
async fn a_cookie_changes_nothing_for_a_foreign_page() {
    let server = Server::start().await;
    let browser = server.browser(&server.test.admin().await).await;
    let cookie = cookie_of(&browser);
    for origin in FOREIGN {
        let answer = change(&server, cookie, &[("origin", origin)]).await;
        assert_eq!((answer.status, answer.code()), (403, 1201), "{origin}");
        // Whatever else the browser says, the origin rules.
        let answer = change(&server, cookie, &[("origin", origin), ("sec-fetch-site", "same-origin")]).await;
        assert_eq!(answer.status, 403, "{origin}");
    }
    for headers in [
        &[][..],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
    ] {
        let answer = change(&server, cookie, headers).await;
        assert_eq!((answer.status, answer.code()), (403, 1201), "{headers:?}");
    }
    assert_eq!(server.count("select count(*) from machines").await, 0);
    for headers in [[("origin", server.origin().as_str())], [("sec-fetch-site", "same-origin")]] {
        let answer = change(&server, cookie, &headers).await;
        assert_eq!(answer.status, 201, "{headers:?}: {answer:?}");
    }
}

#[tokio::test]
async fn server_functions_are_no_way_around_it() {
    let server = Server::start().await;
    let browser = server.browser(&server.test.admin().await).await;
    for origin in FOREIGN {
        let request = server.bare(Method::POST, &sfn("create_machine"));
        let request = request.header(header::COOKIE, cookie_of(&browser)).header(header::ORIGIN, origin);
        let answer = Answer::of(server.form(request, &[("form[name]", "theirs")])).await;
        assert_eq!((answer.status, answer.code()), (403, 1201), "{origin}");
    }
    assert_eq!(server.count("select count(*) from machines").await, 0);
}

#[tokio::test]
async fn a_foreign_page_cannot_sign_a_browser_in_or_out() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let browser = server.browser(&admin).await;
    let request = server.bare(Method::POST, &sfn("sign_in")).header(header::ORIGIN, "https://evil.example");
    let answer = Answer::of(server.form(request, &[("username", &admin.name), ("password", admin.password)])).await;
    assert_eq!((answer.status, answer.cookie()), (403, None));
    let request = server.bare(Method::POST, &sfn("sign_out")).header(header::ORIGIN, "https://evil.example");
    let request = request.header(header::COOKIE, cookie_of(&browser));
    assert_eq!(Answer::of(server.form(request, &[])).await.status, 403);
    assert_eq!(server.get(&browser, "/api/auth/profile").await.status, 200, "still signed in");
}

#[tokio::test]
async fn programs_name_no_origin_and_need_none() {
    let server = Server::start().await;
    let token = server.token(&server.test.admin().await).await;
    let body = json!({ "name": "by a program" });
    assert_eq!(server.post(&token, "/api/admin/machines", body).await.status, 201);
    // A token in a foreign page's script is somebody's mistake: still refused.
    let request = server.request(&token, Method::POST, "/api/admin/machines");
    let answer = Answer::of(request.header(header::ORIGIN, "https://evil.example").json(&json!({ "name": "x" }))).await;
    assert_eq!((answer.status, answer.code()), (403, 1201));
}

#[tokio::test]
async fn sockets_open_for_our_own_pages_only() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let browser = server.browser(&admin).await;
    let cookie = cookie_of(&browser);
    for path in ["/ws/live", "/ws/admin/monitoring"] {
        for origin in FOREIGN {
            let opened = dial(&server, path, &[("cookie", cookie), ("origin", origin)]).await;
            assert_eq!(opened.err(), Some(403), "{path} for {origin}");
        }
        let opened = dial(&server, path, &[("cookie", cookie)]).await;
        assert_eq!(opened.err(), Some(403), "{path}: a cookie without an origin");
        let opened = dial(&server, path, &[("cookie", cookie), ("origin", &server.origin())]).await;
        assert!(opened.is_ok(), "{path} for our own pages");
    }
}

#[tokio::test]
async fn foreign_scripts_may_read_nothing() {
    let server = Server::start().await;
    let browser = server.browser(&server.test.admin().await).await;
    for method in [Method::GET, Method::OPTIONS] {
        let request = server.bare(method, "/api/auth/profile").header(header::COOKIE, cookie_of(&browser));
        let answer = Answer::of(request.header(header::ORIGIN, "https://evil.example")).await;
        // Without this header a browser keeps the answer from the page that asked.
        assert_eq!(answer.header("access-control-allow-origin"), "");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
    }
}
