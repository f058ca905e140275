//! What was done is said on the page one comes back to, without any script; the log says which settings were changed without
//! opening its lines.

use contract::Permission;
use http::Method;
use serde_json::json;

use crate::harness::{Answer, Server, Who, sfn};

/// Sends a plain form and follows it: the page one comes to.
async fn send(server: &Server, who: &Who, function: &str, form: &[(&str, &str)]) -> String {
    let request = server.bare(Method::POST, &sfn(function)).header("accept", "text/html,*/*;q=0.8");
    let answer = Answer::of(server.form(server.signed(who, request), form)).await;
    assert_eq!(answer.status, 303, "{function}: {}", answer.text);
    page(server, who, answer.header("location")).await
}

async fn page(server: &Server, who: &Who, path: &str) -> String {
    let request = server.bare(Method::GET, path).header("accept", "text/html").header("accept-language", "en");
    let answer = Answer::of(server.signed(who, request)).await;
    assert_eq!(answer.status, 200, "{path}");
    answer.text
}

#[tokio::test]
async fn whoever_changes_somebody_or_a_role_reads_that_it_was_done() {
    let server = Server::start().await;
    let staff = server.browser(&server.test.admin().await).await;
    let ada = server.test.outsider("ada").await.id.to_string();
    // So that there is a role to give.
    server.test.with_role("other", &[Permission::MachinesView]).await;
    let role = server.count("select id from roles where name = 'role of other'").await.to_string();

    let given = [("id", ada.as_str()), ("role", role.as_str())];
    /// The server function, its form, and what is said.
    type Step<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);
    let steps: [Step<'_>; 10] = [
        ("assign_role", &given[..], "The role is given."),
        ("revoke_role", &given[..], "The role is taken away"),
        ("update_user", &[("id", &*ada), ("form[username]", "ada")], "The account is changed."),
        ("set_user_quota", &[("id", &*ada), ("form[gpu]", "2")], "The limits are set."),
        (
            "set_user_password",
            &[("id", &*ada), ("password", "seven lazy pelicans"), ("again", "seven lazy pelicans")],
            "The new password is set.",
        ),
        ("set_user_active", &[("id", &*ada), ("active", "false")], "The account is disabled."),
        ("set_user_active", &[("id", &*ada), ("active", "true")], "The account is enabled."),
        ("delete_user", &[("id", &*ada)], "The account is deleted."),
        ("restore_user", &[("id", &*ada)], "The account is brought back."),
        ("create_role", &[("form[name]", "Desk"), ("form[permissions][]", "machines:view")], "The role is made."),
    ];
    for (function, form, says) in steps {
        let shown = send(&server, &staff, function, form).await;
        assert!(shown.contains(says), "{function}: {says}");
    }
    let desk = server.count("select id from roles where name = 'Desk'").await.to_string();
    let shown = send(&server, &staff, "delete_role", &[("id", desk.as_str())]).await;
    assert!(shown.contains("The role is deleted."));
}

#[tokio::test]
async fn the_log_names_the_settings_that_were_changed() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let (program, staff) = (server.token(&admin).await, server.browser(&admin).await);
    assert_eq!(server.put(&program, "/api/admin/settings/mail.port", json!({ "value": 2525 })).await.code(), 0);
    let shown = page(&server, &staff, "/admin/audit?action=settings:update").await;
    let log = shown.split(" class=\"log\"").nth(1).expect("the log");
    let summary = log.split("</summary>").next().unwrap_or_default();
    assert!(summary.contains("Settings Port"), "{summary}");
}
