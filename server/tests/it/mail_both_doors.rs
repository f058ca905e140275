//! A forgotten password through both doors, and what its pages give away.

use http::Method;
use serde_json::json;
use test_support::{PASSWORD, SmtpSink};
use tokio_util::sync::CancellationToken;

use crate::both::{Doors, Through};
use crate::harness::{Answer, Server, Who};

const NEW_PASSWORD: &str = "three unusual words: quokka";

/// A server whose mail goes to a sink.
pub async fn with_mail() -> (Server, SmtpSink) {
    let (server, sink) = (Server::start().await, SmtpSink::start().await);
    let staff = server.token(&server.test.admin().await).await;
    for (key, value) in [
        ("mail.host", json!("127.0.0.1")),
        ("mail.port", json!(sink.port())),
        ("mail.security", json!("none")),
        ("mail.from_address", json!("gpu@example.org")),
    ] {
        let answer = server.put(&staff, &format!("/api/admin/settings/{key}"), json!({ "value": value })).await;
        assert_eq!(answer.code(), 0, "{answer:?}");
    }
    (server, sink)
}

async fn scenario(through: Through) {
    let (server, sink) = with_mail().await;
    let person = server.test.outsider("lee").await;
    server.sql("update users set email = 'lee@example.org' where name = 'lee' returning id").await;
    let doors = Doors { server: &server, through };
    let ask = async |account: &str| {
        let rest = ("/api/auth/password-reset/request", json!({ "account": account }));
        doors.call(&Who::Nobody, rest, ("request_password_reset", &[("account", account)])).await
    };
    let set = async |token: &str, password: &str| {
        let rest = ("/api/auth/password-reset/confirm", json!({ "token": token, "newPassword": password }));
        let form = [("token", token), ("new_password", password)];
        doors.call(&Who::Nobody, rest, ("confirm_password_reset", &form)).await
    };
    assert_eq!(ask("").await, (1000, vec!["account".to_owned()]));
    assert_eq!(ask("nobody-at-all").await, (0, vec![]));
    assert_eq!(ask("lee").await, (0, vec![]));
    let stop = CancellationToken::new();
    platform::jobs::spawn_workers(server.platform(), stop.clone());
    let mail = test_support::eventually("the mail", async || sink.taken_by("lee@example.org").pop()).await;
    stop.cancel();
    let token = mail.text().split("token=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    assert_eq!(set("no-such-token", NEW_PASSWORD).await, (1000, vec!["token".to_owned()]));
    assert_eq!(set(&token, "lee").await, (1000, vec!["newPassword".to_owned()]));
    assert_eq!(set(&token, NEW_PASSWORD).await, (0, vec![]));
    assert_eq!(set(&token, NEW_PASSWORD).await, (1000, vec!["token".to_owned()]));
    assert_eq!(server.sign_in(&Who::Nobody, &person.name, PASSWORD).await.code(), 1101);
    assert_eq!(server.sign_in(&Who::Nobody, &person.name, NEW_PASSWORD).await.code(), 0);
}

#[tokio::test]
async fn programs_over_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn people_over_server_functions() {
    scenario(Through::ServerFns).await;
}

#[tokio::test]
async fn a_page_with_a_token_in_its_address_tells_nobody_and_needs_no_script() {
    let server = Server::start().await;
    for page in ["/reset?token=abc", "/email?token=abc", "/invitation?token=abc", "/register/account?token=abc"] {
        let answer = server.get(&Who::Nobody, page).await;
        assert_eq!((answer.status, answer.header("referrer-policy")), (200, "strict-origin"), "{page}");
        assert!(!answer.text.contains(".wasm"), "{page}");
    }
    assert_eq!(server.get(&Who::Nobody, "/forgot").await.status, 200);
}

#[tokio::test]
async fn a_link_that_does_not_work_shows_no_form_and_leads_on() {
    let server = Server::start().await;
    let staff = server.token(&server.test.admin().await).await;
    let open = json!({ "value": "open" });
    assert_eq!(server.put(&staff, "/api/admin/settings/sign_in.sign_up", open).await.code(), 0);
    let pages =
        [("/reset", "/forgot"), ("/register/account", "/register"), ("/invitation", "/login"), ("/email", "/login")];
    for (page, way) in pages {
        let answer = server.get(&Who::Nobody, &format!("{page}?token=abc")).await;
        assert!(!answer.text.contains("type=\"password\""), "{page}: {}", answer.text);
        assert!(!answer.text.contains("name=\"token\""), "{page}: {}", answer.text);
        for way in [way, "/login"] {
            assert!(answer.text.contains(&format!("href=\"{way}\"")), "{page} does not lead to {way}");
        }
    }
}

#[tokio::test]
async fn pages_that_take_a_new_password_say_what_it_has_to_be_like() {
    let server = Server::start().await;
    let staff = server.token(&server.test.admin().await).await;
    let acme = server.test.customer("Acme").await;
    let link = format!(
        "insert into one_time_links (hash, purpose, customer_id, created_by, role, address, created_at, expires_at)
         values (sha256('an-invitation'), 'invitation', {}, {}, 'member', 'new@acme.example', now(), now() + interval '1 day')
         returning id",
        acme.id, acme.owner.id
    );
    server.sql(&link).await;
    let link = format!(
        "insert into one_time_links (hash, purpose, user_id, address, created_at, expires_at)
         values (sha256('a-reset'), 'password_reset', {}, 'owner@acme.example', now(), now() + interval '10 minutes')
         returning id",
        acme.owner.id
    );
    server.sql(&link).await;
    let open = json!({ "value": "invitation" });
    assert_eq!(server.put(&staff, "/api/admin/settings/sign_in.sign_up", open).await.code(), 0);
    let hint = async |page: &str, language: &str| {
        let request = server.bare(Method::GET, page).header("accept-language", language);
        let answer = Answer::of(request).await;
        let start = answer.text.find("class=\"hint\"").unwrap_or_else(|| panic!("no hint: {answer:?}"));
        let hint = answer.text[start..].split_once('>').unwrap().1;
        hint.split_once('<').unwrap().0.to_owned()
    };
    for page in ["/reset?token=a-reset", "/invitation?token=an-invitation"] {
        for (key, value) in [("min_length", 10), ("min_score", 2)] {
            let path = format!("/api/admin/settings/sign_in.password_{key}");
            assert_eq!(server.put(&staff, &path, json!({ "value": value })).await.code(), 0);
        }
        let en = hint(page, "en").await;
        assert!(en.starts_with("At least 10 characters, and not easily guessed"), "{page}: {en}");
        for (key, value) in [("min_length", 14), ("min_score", 4)] {
            let path = format!("/api/admin/settings/sign_in.password_{key}");
            assert_eq!(server.put(&staff, &path, json!({ "value": value })).await.code(), 0);
        }
        let en = hint(page, "en").await;
        assert!(en.starts_with("At least 14 characters, and very hard to guess"), "{page}: {en}");
        let zh = hint(page, "zh-CN").await;
        assert!(zh.starts_with("至少 14 个字符，且非常难以猜测"), "{page}: {zh}");
    }
}
