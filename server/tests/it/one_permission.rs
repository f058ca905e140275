//! A permission that can be given alone is worth something alone: its holder finds a page in the menu, and it opens.

use contract::Permission;
use serde_json::Value;

use crate::harness::{Server, Who};

/// What its holder gets who finds no page; the form of a role says so before.
fn without_page(permission: Permission) -> Option<&'static str> {
    let said = app::menus::WITHOUT_PAGE.iter().any(|(one, _)| *one == permission);
    said.then_some("/api/files")
}

/// Where the menu of somebody leads, their own account left out.
async fn entries(server: &Server, who: &Who) -> Vec<String> {
    let groups = server.get(who, "/api/auth/menus").await.data();
    let groups = groups.as_array().expect("groups").iter().filter(|group| group["path"] != "/account");
    let children = groups.flat_map(|group| group["children"].as_array().cloned().unwrap_or_default());
    children.filter_map(|entry: Value| entry["path"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn every_permission_that_can_be_given_shows_its_holder_something() {
    let server = Server::start().await;
    server.test.customer("Acme").await;
    let mut tried = 0;
    for permission in Permission::ALL.iter().copied().filter(|p| platform::authz::is_grantable(*p)) {
        let name = format!("holder-of-{}", permission.name().replace(':', "-"));
        let person = server.test.with_role(&name, &[permission]).await;
        let who = server.token(&person).await;
        match without_page(permission) {
            Some(path) => assert_eq!(server.get(&who, path).await.status, 200, "{permission}: {path}"),
            None => {
                let menu = entries(&server, &who).await;
                assert!(!menu.is_empty(), "the menu shows nothing of {permission}");
                for path in menu {
                    assert_eq!(server.get(&who, &path).await.status, 200, "{permission}: {path}");
                }
            }
        }
        tried += 1;
    }
    assert!(tried > 20, "only {tried} were tried");
}

#[tokio::test]
async fn whoever_sees_customers_sees_their_list_and_pages_and_changes_nothing() {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let viewer = server.test.with_role("viewer", &[Permission::CustomersView]).await;
    let who = server.token(&viewer).await;
    let list = server.get(&who, "/api/admin/customers").await.data();
    assert_eq!((&list["total"], &list["list"][0]["name"]), (&Value::from(1), &Value::from("Acme")));
    let page = format!("/admin/customers/{}", acme.id);
    let shown = server.get(&who, &page).await;
    assert!(shown.status == 200 && shown.text.contains("Acme"), "{}", shown.status);
    assert!(!shown.text.contains(&format!("{page}/edit")), "what would be refused is not offered");
    let refused = server.post(&who, &format!("/api/admin/customers/{}/disable", acme.id), Value::Null).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(entries(&server, &who).await, ["/admin/customers"]);
}
