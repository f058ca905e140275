//! The command palette's list: what is found, and for whom.

use http::Method;
use serde_json::json;

use crate::harness::{Answer, Server, Who};

/// Title and address of what is found.
async fn found(server: &Server, who: &Who, text: &str) -> Vec<(String, String)> {
    let path = format!("/search?{}", serde_urlencoded::to_string([("q", text)]).unwrap());
    let answer = Answer::of(server.signed(who, server.bare(Method::GET, &path)).header("accept", "text/html")).await;
    assert_eq!(answer.status, 200, "{text}");
    let list = answer.text.split("id=\"hits\"").nth(1).expect("a list").split("</section>").next().unwrap();
    list.split("<a href=\"")
        .skip(1)
        .map(|hit| {
            let title = hit.split("class=\"what\">").nth(1).unwrap().split('<').next().unwrap();
            (title.to_owned(), hit.split('"').next().unwrap().to_owned())
        })
        .collect()
}

#[tokio::test]
async fn the_palette_finds_what_one_may_do_and_nothing_else() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let acme = server.test.customer("Acme").await;
    for code in ["gpu-a", "gpu-b"] {
        server.test.node(code).await;
    }
    let staff = server.token(&admin).await;
    let lease = json!({ "customerId": acme.id, "months": 1 });
    let made = server.post(&staff, "/api/admin/machines/gpu-a/allocate", lease).await.data();
    let allocation = format!("/admin/allocations/{}", made["allocation"]["id"]);
    let (staff, member) = (server.browser(&admin).await, server.browser(&acme.member).await);
    let has = |hits: &[(String, String)], title: &str, href: &str| {
        assert!(hits.iter().any(|hit| (hit.0.as_str(), hit.1.as_str()) == (title, href)), "{title}: {hits:?}");
    };

    let hits = found(&server, &staff, "gpu-a").await;
    for (title, href) in [
        ("gpu-a", "/admin/machines/gpu-a"),
        ("Service of gpu-a", "/admin/machines/gpu-a/service"),
        ("Allocate gpu-a", "/admin/machines/gpu-a/allocate"),
        ("Edit gpu-a", "/admin/machines/gpu-a/edit"),
        ("gpu-a for Acme", allocation.as_str()),
    ] {
        has(&hits, title, href);
    }
    assert!(hits.iter().all(|(title, _)| !title.contains("gpu-b")), "{hits:?}");
    let hits = found(&server, &staff, "acme").await;
    has(&hits, "gpu-a for Acme", &allocation);
    has(&hits, "Acme", &format!("/admin/customers/{}", acme.id));
    has(&hits, "Edit Acme", &format!("/admin/customers/{}/edit", acme.id));
    let hits = found(&server, &staff, "add").await;
    has(&hits, "Add machine", "/admin/machines/new");
    has(&hits, "Add customer", "/admin/customers/new");
    has(&found(&server, &staff, "import").await, "Import from Excel", "/admin/machines/import");

    // A customer finds its machine, and nothing of the staff's.
    has(&found(&server, &member, "gpu-a").await, "gpu-a", "/machines/gpu-a");
    for text in ["", "gpu", "acme", "add", "import", "allocat"] {
        let hits = found(&server, &member, text).await;
        assert!(hits.iter().all(|(_, href)| !href.starts_with("/admin")), "{text}: {hits:?}");
    }
}
