//! Settings through both doors, and what the pages show of them.

use http::Method;
use serde_json::{Value, json};

use crate::both::{Doors, Through};
use crate::harness::{Answer, Server, Who, sfn};

async fn scenario(through: Through) {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let acme = server.test.customer("Acme").await;
    let doors = Doors { server: &server, through };
    let (staff, member) = (doors.who(&admin).await, doors.who(&acme.member).await);
    let set = async |who: &Who, key: &str, value: &str, version: i64| {
        let path = format!("/api/admin/settings/{key}");
        let (form, seen) = (format!("form[{key}]"), format!("seen[{key}]"));
        let version_text = version.to_string();
        let args = [(form.as_str(), value), (seen.as_str(), version_text.as_str())];
        doors.put(who, (&path, json!({ "value": value, "version": version })), ("save_settings", &args)).await
    };
    let value_of = async |key: &str| {
        let all = doors.list(&staff, "/api/admin/settings", "list_settings").await;
        all.as_array().unwrap().iter().find(|view| view["key"] == key).unwrap().clone()
    };

    assert_eq!(set(&staff, "branding.name", "Lab 7", 0).await, (0, vec![]));
    assert_eq!(value_of("branding.name").await["value"], "Lab 7");
    // Somebody else read it before that change.
    assert_eq!(set(&staff, "branding.name", "Lab 8", 0).await, (1400, vec![]));
    assert_eq!(set(&staff, "mail.port", "99999", 0).await, (1000, vec!["mail.port".to_owned()]));
    assert_eq!(set(&staff, "mail.password", "hush-hush", 0).await, (0, vec![]));
    let secret = value_of("mail.password").await;
    assert_eq!((&secret["isSet"], &secret["value"]), (&json!(true), &Value::Null));
    assert_eq!(set(&member, "branding.name", "Mine", 1).await, (1300, vec![]));
    let audit = "select distinct via from audit_events where action = 'settings:update'";
    assert_eq!(server.sql(audit).await, [doors.via()]);
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
async fn name_and_logo_are_on_every_page_also_before_sign_in() {
    let server = Server::start().await;
    let staff = server.token(&server.test.admin().await).await;
    server.put(&staff, "/api/admin/settings/branding.name", json!({ "value": "Lab <7>" })).await;
    // 1 × 1, transparent.
    let png = hex::decode(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000b49444154789c6360000200000500017a5eab\
         3f0000000049454e44ae426082",
    )
    .unwrap();
    let upload = server.request(&staff, Method::POST, "/api/admin/settings/logo").body(png);
    assert_eq!(Answer::of(upload).await.code(), 0);
    let page = server.get(&Who::Nobody, "/login").await.text;
    assert!(page.contains("Lab &lt;7&gt;") && !page.contains("<7>"), "the name is escaped in title and brand");
    let start = page.find("/branding/logo-").expect("the logo is on the page");
    let address: String = page[start..].chars().take_while(|c| *c != '"').collect();
    let logo = server.bare(Method::GET, &address).send().await.unwrap();
    assert_eq!((logo.status().as_u16(), &logo.headers()["content-type"]), (200, &"image/png".parse().unwrap()));
    assert_eq!(server.bare(Method::GET, "/branding/logo-0.png").send().await.unwrap().status().as_u16(), 404);

    let svg = server.request(&staff, Method::POST, "/api/admin/settings/logo").body("<svg/>");
    assert_eq!(Answer::of(svg).await.fields().into_keys().collect::<Vec<_>>(), ["branding.logo"]);
}

#[tokio::test]
async fn a_form_of_the_page_is_led_on_and_a_box_that_is_not_posted_is_a_no() {
    let server = Server::start().await;
    let staff = server.browser(&server.test.admin().await).await;
    let submit = async |fields: &[(&str, &str)]| {
        let request = server.bare(Method::POST, &sfn("save_settings")).header("accept", "text/html,*/*;q=0.8");
        Answer::of(server.form(server.signed(&staff, request), fields)).await
    };
    // Who is to have a second factor has one, else nothing further is open to them.
    let armed = "insert into totp_secrets (user_id, secret, confirmed_at, created_at)
                 select id, 'x', now(), now() from users returning user_id";
    server.sql(armed).await;
    let on = [("form[sign_in.totp_for_admins]", "true"), ("flags[]", "sign_in.totp_for_admins")];
    let answer = submit(&on).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/admin/settings?saved=1"));
    let stored = "select value::text from settings where key = 'sign_in.totp_for_admins'";
    assert_eq!(server.sql(stored).await, ["true"]);
    submit(&on[1..]).await;
    assert_eq!(server.sql(stored).await, ["false"]);
    let refused = submit(&[("form[mail.host]", "not a host"), ("form[mail.password]", "hush-hush")]).await;
    assert!(refused.header("location").starts_with("/admin/settings?refused="), "{refused:?}");
    assert!(!refused.header("location").contains("hush"), "a secret is in no address");
    let page = server.get(&staff, "/admin/settings").await;
    assert!(page.status == 200 && page.text.contains("save_settings"), "{}", page.status);
}
