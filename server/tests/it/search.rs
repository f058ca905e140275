//! The command palette's list: what is found, and for whom.

use http::Method;
use serde_json::json;

use crate::harness::{Answer, Server, Who};
use crate::instances_both_doors::shop;

/// Title and address of what is found.
async fn found(server: &Server, who: &Who, text: &str) -> Vec<(String, String)> {
    found_on(server, who, text, "").await
}

/// The same from a page.
async fn found_on(server: &Server, who: &Who, text: &str, on: &str) -> Vec<(String, String)> {
    let path = format!("/search?{}", serde_urlencoded::to_string([("q", text), ("on", on)]).unwrap());
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

    // By the words people type, in both languages; what needs a machine says so, or means the one that is open.
    has(&found(&server, &staff, "新建 machine").await, "Add machine", "/admin/machines/new");
    has(&found(&server, &staff, "导出").await, "Export: Machines", "/api/admin/machines/export");
    has(&found(&server, &staff, "暂停").await, "Cordon: choose machines", "/admin/machines");
    has(&found(&server, &staff, "renew").await, "Renew: choose allocations", "/admin/allocations");
    has(&found(&server, &staff, "回收").await, "Reclaim now: choose allocations", "/admin/allocations");
    let hits = found_on(&server, &staff, "renew", "/admin/machines/gpu-a").await;
    assert_eq!(hits[0], ("Renew: gpu-a".to_owned(), allocation.clone()), "{hits:?}");
    for (text, title, href) in [
        ("暂停", "Cordon: gpu-b", "/admin/machines/gpu-b/service"),
        ("maintenance", "Plan maintenance: gpu-b", "/admin/machines/gpu-b/service"),
        ("lend", "Allocate: gpu-b", "/admin/machines/gpu-b/allocate"),
        ("", "Passport: gpu-b", "/admin/machines/gpu-b/passport"),
    ] {
        let hits = found_on(&server, &staff, text, "/admin/machines/gpu-b").await;
        assert_eq!(hits.iter().position(|hit| hit.1 == href).map(|at| at < 13), Some(true), "on top: {hits:?}");
        has(&hits, title, href);
    }
    let hits = found_on(&server, &staff, "回收", &allocation).await;
    assert_eq!(hits[0], ("Reclaim now: gpu-a".to_owned(), allocation.clone()));
    let customer = format!("/admin/customers/{}", acme.id);
    has(&found_on(&server, &staff, "rename", &customer).await, "Edit: Acme", &format!("{customer}/edit"));
    // What one may not see is not open.
    for on in ["/admin/machines/gpu-b", &allocation, &customer, "/admin/machines/new", "//elsewhere", "x"] {
        let hits = found_on(&server, &member, "", on).await;
        assert!(hits.iter().all(|(_, href)| !href.contains("admin")), "{on}: {hits:?}");
    }
}

#[tokio::test]
async fn the_palette_finds_instances_images_and_specs_of_who_may_see_them() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let (acme, globex) = (server.test.customer("Acme").await, server.test.customer("Globex").await);
    let staff = server.token(&admin).await;
    let (image, spec) = shop(&server, &staff).await;
    let body = json!({ "name": "lab-one", "image": image, "spec": spec });
    let made = server.post(&server.token(&acme.owner).await, "/api/customer/instances", body).await.data();
    let id = &made["id"];
    let (own, theirs) = (format!("/instances/{id}"), format!("/admin/instances/{id}"));
    let (staff, owner) = (server.browser(&admin).await, server.browser(&acme.owner).await);
    let strangers = [server.browser(&acme.member).await, server.browser(&globex.owner).await];
    let has = |hits: &[(String, String)], title: &str, href: &str| {
        assert!(hits.iter().any(|hit| (hit.0.as_str(), hit.1.as_str()) == (title, href)), "{title}: {hits:?}");
    };
    has(&found(&server, &staff, "lab-o").await, "lab-one", &theirs);
    has(&found(&server, &staff, "small").await, "Small", &format!("/admin/images/{image}"));
    has(&found(&server, &staff, "tiny").await, "Tiny", &format!("/admin/specs/{spec}"));
    has(&found(&server, &owner, "lab-o").await, "lab-one", &own);
    has(&found(&server, &owner, "small").await, "Small", "/images?q=Small");
    has(&found(&server, &owner, "tiny").await, "Tiny", &format!("/instances/new?spec={spec}"));
    // Members have their own, and nobody finds another customer's.
    for stranger in &strangers {
        let hits = found(&server, stranger, "lab-o").await;
        assert!(hits.iter().all(|(title, _)| title != "lab-one"), "{hits:?}");
    }

    // What is found is on the workbench, too, with what an hour costs.
    let home = server.get(&owner, "/").await.text;
    assert!(home.contains(&own) && home.contains("0.50 "), "{home}");
    let home = server.get(&strangers[0], "/").await.text;
    assert!(!home.contains(&own) && home.contains("/instances/new"), "{home}");
}
