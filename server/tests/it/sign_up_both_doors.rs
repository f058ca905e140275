//! People who make an account of their own, through both doors, and what the answers give away.

use serde_json::json;
use test_support::eventually;
use tokio_util::sync::CancellationToken;

use crate::both::{Doors, Through};
use crate::harness::Who;
use crate::mail_both_doors::with_mail;

const PASSWORD: &str = "three unusual words: quokka";

async fn scenario(through: Through) {
    let (server, sink) = with_mail().await;
    let staff = server.token(&server.test.admin().await).await;
    server.test.outsider("old").await;
    server.sql("update users set email = 'old@example.org' where name = 'old' returning id").await;
    let doors = Doors { server: &server, through };
    let ask = async |email: &str, solved: bool| {
        let (id, answer) = if solved { server.test.captcha().await } else { (None, None) };
        let (id, answer) = (id.unwrap_or_default(), answer.unwrap_or_default());
        let body = json!({ "email": email, "captchaId": id, "captcha": answer });
        let form = [("email", email), ("captcha_id", id.as_str()), ("captcha", answer.as_str())];
        doors.call(&Who::Nobody, ("/api/auth/register/request", body), ("request_sign_up", &form)).await
    };
    let make = async |token: &str, name: &str, password: &str| {
        let body = json!({ "token": token, "username": name, "password": password });
        let form = [("token", token), ("username", name), ("password", password)];
        doors.call(&Who::Nobody, ("/api/auth/register", body), ("sign_up", &form)).await
    };

    for word in ["off", "invitation"] {
        let set = json!({ "value": word });
        assert_eq!(server.put(&staff, "/api/admin/settings/sign_in.sign_up", set).await.code(), 0);
        assert_eq!(ask("lee@example.org", true).await.0, 1402, "{word}");
        assert_eq!(server.get(&Who::Nobody, "/register").await.status, 404, "{word}");
    }
    let open = json!({ "value": "open" });
    assert_eq!(server.put(&staff, "/api/admin/settings/sign_in.sign_up", open).await.code(), 0);
    let page = server.get(&Who::Nobody, "/register").await;
    assert!(page.status == 200 && !page.text.contains(".wasm"), "no script but the challenge's");
    assert!(server.get(&Who::Nobody, "/login").await.text.contains("href=\"/register\""));
    assert_eq!(ask("nowhere", true).await, (1000, vec!["email".to_owned()]));
    assert_eq!(ask("lee@example.org", false).await.0, 1102, "the first already wants a challenge");
    assert_eq!(ask("lee@example.org", true).await, (0, vec![]));
    assert_eq!(ask("Old@Example.org", true).await, (0, vec![]), "nobody learns that it is taken");

    let stop = CancellationToken::new();
    platform::jobs::spawn_workers(server.platform(), stop.clone());
    let known = eventually("the mail", async || sink.taken_by("old@example.org").pop()).await;
    let mail = eventually("the mail", async || sink.taken_by("lee@example.org").pop()).await;
    stop.cancel();
    assert!(known.text().contains("/forgot") && !known.text().contains("token="), "{}", known.text());
    let token = mail.text().split("token=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();

    assert_eq!(make("no-such-token", "lee", PASSWORD).await, (1000, vec!["token".to_owned()]));
    assert_eq!(make(&token, "", "short").await, (1000, vec!["password".to_owned(), "username".to_owned()]));
    assert_eq!(make(&token, "old", PASSWORD).await, (1401, vec!["username".to_owned()]));
    assert_eq!(make(&token, "Lee", PASSWORD).await, (0, vec![]));
    assert_eq!(make(&token, "lee2", PASSWORD).await, (1000, vec!["token".to_owned()]));
    assert_eq!(server.sign_in(&Who::Nobody, "lee@example.org", PASSWORD).await.code(), 0);
    let nothing = "select count(*) from users u where u.name = 'lee' and u.email = 'lee@example.org'
        and not exists(select from memberships where user_id = u.id)
        and not exists(select from role_assignments where user_id = u.id)";
    assert_eq!(server.count(nothing).await, 1);
    let noted =
        format!("select count(*) from audit_events where via || ' ' || action = '{} accounts:sign-up'", doors.via());
    assert_eq!(server.count(&noted).await, 1);
    assert_eq!(
        server.count(&format!("select count(*) from audit_events where audit_events::text ~ '{token}'")).await,
        0
    );
    let plain = "select count(*) from jobs where payload::text ~ 'example.org'";
    assert_eq!(server.count(plain).await, 0, "an address waits sealed");
}

#[tokio::test]
async fn programs_over_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn people_over_server_functions() {
    scenario(Through::ServerFns).await;
}
