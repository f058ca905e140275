//! What is the same for everybody: health, figures for operators, the agent's program, documents, headers, rates.

use http::{Method, header};
use platform::accounts;
use serde_json::json;
use test_support::eventually;

use crate::harness::{Answer, Server, Who};

async fn page(server: &Server, who: &Who, path: &str) -> Answer {
    Answer::of(server.signed(who, server.bare(Method::GET, path)).header(header::ACCEPT, "text/html")).await
}

#[tokio::test]
async fn health_says_what_it_knows() {
    let server = Server::start().await;
    assert_eq!(server.get(&Who::Nobody, "/healthz").await.status, 200);
    assert_eq!(server.get(&Who::Nobody, "/readyz").await.status, 200);
    server.platform().db().close().await;
    let ready = server.get(&Who::Nobody, "/readyz").await;
    assert_eq!((ready.status, ready.text.as_str()), (503, "database unavailable\n"), "no cause is told");
    assert_eq!(server.get(&Who::Nobody, "/healthz").await.status, 200, "the process itself lives");
}

#[tokio::test]
async fn without_a_database_answers_are_still_answers() {
    let server = Server::start().await;
    let who = server.token(&server.test.admin().await).await;
    server.platform().db().close().await;
    let answer = server.get(&who, "/api/admin/machines").await;
    assert_eq!((answer.status, answer.code()), (503, 1901), "{answer:?}");
    for word in ["sqlx", "postgres", "pool", "connection"] {
        assert!(!answer.text.to_lowercase().contains(word), "the cause stays in the log: {answer:?}");
    }
}

#[tokio::test]
async fn figures_for_operators_are_local_or_for_staff() {
    let server = Server::start().await;
    let local = server.get(&Who::Nobody, "/metrics").await;
    assert_eq!(local.status, 200);
    if server.prometheus.is_some() {
        assert!(local.text.contains("remotegpu_database_connections"), "{local:?}");
    }
    // Behind a proxy everybody comes from loopback.
    let server = Server::with(|config| config.trusted_proxies = 1).await;
    let acme = server.test.customer("Acme").await;
    assert_eq!(server.get(&Who::Nobody, "/metrics").await.status, 404);
    assert_eq!(server.get(&server.token(&acme.owner).await, "/metrics").await.status, 404);
    assert_eq!(server.get(&server.token(&server.test.admin().await).await, "/metrics").await.status, 200);
}

#[tokio::test]
async fn every_answer_is_guarded() {
    let server = Server::start().await;
    let staff = server.browser(&server.test.admin().await).await;
    let paths =
        ["/login", "/admin/machines", "/no-such", "/api/auth/profile", "/api/docs/", "/healthz", "/pkg/none.js"];
    for path in paths {
        for who in [&Who::Nobody, &staff] {
            let answer = page(&server, who, path).await;
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
            assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{path}");
            assert!(!answer.header("permissions-policy").is_empty(), "{path}");
            assert!(!answer.header("x-request-id").is_empty(), "{path}");
            assert_eq!(answer.header("strict-transport-security"), "", "{path}: this is plain http");
            let policy = answer.header("content-security-policy");
            assert!(
                policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"),
                "{path}: {policy}"
            );
            let scripts = policy.split(';').find(|part| part.trim().starts_with("script-src")).unwrap_or_default();
            for word in ["'unsafe-inline'", "'unsafe-eval'", "*", "http:", "https:", "data:"] {
                let wide = scripts.split_whitespace().any(|part| part == word);
                assert!(!wide, "{path}: {policy}");
            }
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        }
    }
}

#[tokio::test]
async fn a_pages_scripts_carry_its_nonce_and_every_page_has_its_own() {
    let server = Server::start().await;
    let staff = server.browser(&server.test.admin().await).await;
    let mut seen = std::collections::BTreeSet::new();
    for path in ["/login", "/admin/metrics", "/admin/machines", "/no-such"] {
        let answer = page(&server, &staff, path).await;
        let policy = answer.header("content-security-policy");
        let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap_or_default();
        assert!(nonce.len() >= 16, "{path}: {policy}");
        assert!(seen.insert(nonce.to_owned()), "{path}: a nonce came twice");
        for script in answer.text.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            assert!(tag.contains(&format!("nonce=\"{nonce}\"")), "{path}: <script{tag}>");
        }
        for handler in [" onclick=", " onload=", " onerror=", " style=\""] {
            assert!(!answer.text.contains(handler), "{path}: {handler} would not work under its policy");
        }
    }
}

#[tokio::test]
async fn pages_say_who_may_see_them() {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    server.test.node("host-001").await;
    let staff = server.browser(&server.test.admin().await).await;
    let member = server.browser(&acme.member).await;
    let pages = [
        "/admin/metrics",
        "/admin/machines",
        "/admin/machines/new",
        "/admin/machines/join-tokens",
        "/admin/machines/host-001",
        "/admin/machines/host-001/edit",
    ];
    for path in pages {
        let nobody = page(&server, &Who::Nobody, path).await;
        assert!((300..400).contains(&nobody.status), "{path}: {}", nobody.status);
        assert!(nobody.header("location").starts_with("/login?next=%2Fadmin"), "{path}: {}", nobody.header("location"));
        let hidden = page(&server, &member, path).await;
        assert_eq!(hidden.status, 404, "{path} as a member");
        assert_eq!(page(&server, &staff, path).await.status, 200, "{path} as staff");
    }
    let absent = page(&server, &member, "/admin/machines/no-such").await;
    assert_eq!(absent.status, 404, "what is not there looks the same");
    assert_eq!(page(&server, &member, "/").await.status, 200);
    assert_eq!(page(&server, &staff, "/no/such/page").await.status, 404);
}

/// A page without its attributes' values: inside of quotes, which are escaped there, nothing is markup.
fn without_values(page: &str) -> String {
    let mut parts = page.split("=\"");
    let mut markup = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        markup += part.split_once('"').map_or(part, |(_, rest)| rest);
    }
    markup
}

#[tokio::test]
async fn text_of_others_stays_text() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let (program, browser) = (server.token(&admin).await, server.browser(&admin).await);
    let name = "<img src=x onerror=alert(1)>'\"&";
    let body =
        json!({ "id": "host-001", "name": name, "remark": "</script><script>alert(1)</script>", "region": name });
    assert_eq!(server.post(&program, "/api/admin/machines", body).await.status, 201);
    for path in ["/admin/machines", "/admin/machines/host-001", "/admin/machines/host-001/edit", "/admin/metrics"] {
        let answer = page(&server, &browser, path).await;
        assert_eq!(answer.status, 200, "{path}");
        let markup = without_values(&answer.text);
        assert!(!markup.contains("<img src=x") && !markup.contains("<script>alert"), "{path}");
    }
}

#[tokio::test]
async fn a_new_host_fetches_its_program_and_can_check_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("remotegpu-agent"), b"of this machine").unwrap();
    std::fs::write(folder.path().join("secret"), b"not for you").unwrap();
    let at = folder.path().to_owned();
    let server = Server::with(|config| config.agent_dir = Some(at)).await;
    let script = server.get(&Who::Nobody, "/install.sh").await;
    assert!(script.text.starts_with("#!/bin/sh") && script.text.contains(&server.origin()), "{script:?}");
    assert!(!script.text.contains("@SERVER@"));
    let name = format!("/agent/remotegpu-agent-{}", std::env::consts::ARCH);
    let program = server.get(&Who::Nobody, &name).await;
    assert_eq!((program.status, program.text.as_str()), (200, "of this machine"));
    let checksum = server.get(&Who::Nobody, &format!("{name}.sha256")).await.text;
    let digest: String =
        platform::secrets::sha256(b"of this machine").iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(checksum, format!("{digest}  {}\n", name.trim_start_matches("/agent/")));
    for path in
        ["/agent/secret", "/agent/..%2fsecret", "/agent/remotegpu-agent", "/agent/remotegpu-agent-../secret", "/agent/"]
    {
        assert_eq!(server.get(&Who::Nobody, path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn assets_come_compressed_and_for_ever_and_from_their_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pkg")).unwrap();
    let manifest = json!({ "app": "/pkg/app-1", "css": "/pkg/main-1.css", "elements": "/pkg/rg-1.js" });
    std::fs::write(folder.path().join("manifest.json"), manifest.to_string()).unwrap();
    for (name, text) in
        [("main-1.css", "plain"), ("main-1.css.br", "brotli"), ("main-1.css.gz", "gzip"), (".hidden", "x")]
    {
        std::fs::write(folder.path().join("pkg").join(name), text).unwrap();
    }
    let at = folder.path().to_owned();
    let server = Server::with(|config| config.site_dir = Some(at)).await;
    for (accepted, text, coding) in [("gzip, br", "brotli", "br"), ("gzip", "gzip", "gzip"), ("identity", "plain", "")]
    {
        let request = server.bare(Method::GET, "/pkg/main-1.css").header(header::ACCEPT_ENCODING, accepted);
        let answer = Answer::of(request).await;
        assert_eq!((answer.text.as_str(), answer.header("content-encoding")), (text, coding));
        assert!(answer.header("cache-control").contains("immutable"));
        assert_eq!(answer.header("content-type"), "text/css; charset=utf-8");
        assert_eq!(answer.header("vary").to_lowercase(), "accept-encoding");
    }
    for path in ["/pkg/none.css", "/pkg/.hidden", "/pkg/..%2fmanifest.json", "/pkg/%2e%2e/manifest.json"] {
        assert_eq!(server.get(&Who::Nobody, path).await.status, 404, "{path}");
    }
    let login = page(&server, &Who::Nobody, "/login").await;
    assert!(login.text.contains("/pkg/main-1.css"), "pages name the built style");
    assert!(!login.text.contains(".wasm"), "and sign-in loads no islands");
}

#[tokio::test]
async fn the_documentation_is_served_from_here() {
    let server = Server::start().await;
    let answer = page(&server, &Who::Nobody, "/api/docs/").await;
    assert_eq!(answer.status, 200);
    for source in answer.text.split("src=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(!source.starts_with("http") && !source.starts_with("//"), "{source} is elsewhere");
        let path = format!("/api/docs/{}", source.trim_start_matches("./"));
        assert_eq!(server.get(&Who::Nobody, &path).await.status, 200, "{path}");
    }
    let inline = answer.text.split("<script").skip(1).filter(|script| {
        let (tag, body) = script.split_once('>').unwrap();
        !tag.contains("src=") && !body.trim_start().starts_with("</script")
    });
    assert_eq!(inline.count(), 0, "its policy allows no inline script");
}

#[tokio::test]
async fn a_flood_is_told_to_wait_and_the_others_are_not() {
    let server = Server::with(|config| config.trusted_proxies = 1).await;
    let from = async |address: &str| {
        let request = server.bare(Method::GET, "/api/auth/profile").header("x-forwarded-for", address);
        Answer::of(request).await
    };
    let refused = eventually("the flood to be cut", async || {
        let answers = futures_util::future::join_all((0..100).map(|_| from("203.0.113.7"))).await;
        answers.into_iter().find(|answer| answer.status == 429)
    })
    .await;
    assert_eq!(refused.code(), 1600);
    assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1), "{refused:?}");
    assert_eq!(from("203.0.113.8").await.status, 401, "somebody else");
    // The address in front of the proxy's own entry is whatever the client made up.
    let disguised = futures_util::future::join_all((0..100).map(|number| {
        let address = format!("10.0.0.{number}, 203.0.113.7");
        let request = server.bare(Method::GET, "/api/auth/profile").header("x-forwarded-for", address);
        Answer::of(request)
    }));
    assert!(disguised.await.iter().any(|answer| answer.status == 429));
    assert_eq!(server.get(&Who::Nobody, "/healthz").await.status, 200, "health is never refused");
}

#[tokio::test]
async fn a_draining_server_says_so_where_it_is_asked() {
    let server = Server::start().await;
    // Somebody who is connected already; new connections are not taken any more.
    let request = server.bare(Method::GET, "/readyz");
    assert_eq!(Answer::of(request).await.status, 200);
    server.draining.cancel();
    eventually("the server to stop taking requests", async || match server.bare(Method::GET, "/readyz").send().await {
        Ok(response) => (response.status() == 503).then_some(()),
        Err(_) => Some(()),
    })
    .await;
}

#[tokio::test]
async fn the_first_admin_is_made_once() {
    let server = Server::start().await;
    let admin = accounts::ensure_first_admin(server.platform()).await.unwrap().expect("there is nobody yet");
    assert_eq!(server.sign_in(&Who::Nobody, &admin.name, &admin.password).await.status, 200);
    assert!(accounts::ensure_first_admin(server.platform()).await.unwrap().is_none());
    assert_eq!(accounts::any_admin(server.platform()).await.unwrap(), Some(admin.name), "named at every start");
}
