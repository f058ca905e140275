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

/// What a plain form with a file is answered with.
async fn send_file(server: &Server, who: &Who, path: &str, file: &[u8]) -> Answer {
    let begin = &b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n"[..];
    let form = server.bare(Method::POST, path).header("accept", "text/html");
    let form = form.header("content-type", "multipart/form-data; boundary=x");
    Answer::of(server.signed(who, form.body([begin, file, b"\r\n--x--\r\n"].concat()))).await
}

#[tokio::test]
async fn a_wrong_import_says_at_the_import_what_is_wrong() {
    let server = Server::start().await;
    let staff = server.browser(&server.test.admin().await).await;
    let path = "/api/admin/settings/import";
    let wrong = br#"{"format":1,"settings":{"mail.port":0,"branding.name":"Lab","x.y":1}}"#;
    let refused = send_file(&server, &staff, path, wrong).await;
    let page = server.get(&staff, refused.header("location")).await.text;
    let (above, import) = page.split_once("id=\"import\"").expect("the import's card");
    assert!(import.contains("Port (mail.port): ") && import.contains("x.y"), "{import}");
    assert!(!above.contains("aria-invalid"), "the fields of the settings are none the worse");
    for (file, said) in
        [(&b"PK\x03\x04"[..], "no readable configuration"), (b"[1]", "no configuration that was exported")]
    {
        let refused = send_file(&server, &staff, path, file).await;
        let page = server.get(&staff, refused.header("location")).await.text;
        assert!(page.split_once("id=\"import\"").unwrap().1.contains(said), "{said}");
    }
    // The mark that some editors put before UTF-8.
    let marked = send_file(&server, &staff, path, b"\xef\xbb\xbf{\"format\":1,\"settings\":{}}").await;
    assert!(marked.header("location").starts_with("/admin/settings/imports/"), "{marked:?}");
}

#[tokio::test]
async fn an_empty_file_leaves_the_logo_and_what_was_done_is_said() {
    let server = Server::start().await;
    let staff = server.browser(&server.test.admin().await).await;
    let png = hex::decode(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000b49444154789c6360000200000500017a5eab\
         3f0000000049454e44ae426082",
    );
    let path = "/api/admin/settings/logo";
    let done = send_file(&server, &staff, path, &png.unwrap()).await;
    assert_eq!((done.status, done.header("location")), (303, "/admin/settings?done=logo"));
    let said = server.get(&staff, "/admin/settings?done=logo").await.text;
    assert!(said.contains("<p role=\"status\" class=\"note-line\">The logo was uploaded."), "{said}");
    let empty = send_file(&server, &staff, path, b"").await;
    let page = server.get(&staff, empty.header("location")).await.text;
    assert!(page.contains("The file is empty.") && page.contains("/branding/logo-"), "it is still there");
    let request = server.bare(Method::POST, &sfn("save_settings")).header("accept", "text/html");
    let removed = Answer::of(server.form(server.signed(&staff, request), &[("form[branding.logo]", "")])).await;
    assert_eq!(removed.header("location"), "/admin/settings?done=logo-removed");
    assert!(!server.get(&staff, "/admin/settings").await.text.contains("/branding/logo-"));
}

/// Who sends a refused form again does not overwrite what came between: not at the second press either.
#[tokio::test]
async fn a_change_in_between_is_not_overwritten_by_pressing_again() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let (staff, program) = (server.browser(&admin).await, server.token(&admin).await);
    server.put(&program, "/api/admin/settings/branding.name", json!({ "value": "Theirs" })).await;
    let submit = async |version: &str| {
        let request = server.bare(Method::POST, &sfn("save_settings")).header("accept", "text/html");
        let form = [("form[branding.name]", "Mine"), ("seen[branding.name]", version)];
        Answer::of(server.form(server.signed(&staff, request), &form)).await.header("location").to_owned()
    };
    let refused = submit("0").await;
    let page = server.get(&staff, &refused).await.text;
    assert!(page.contains("value=\"Mine\"") && page.contains("href=\"/admin/settings\""), "{page}");
    let seen = page.split("name=\"seen[branding.name]\"").nth(1).unwrap().split("value=\"").nth(1).unwrap();
    let seen = seen.split('"').next().unwrap();
    assert_eq!(seen, "0");
    assert!(submit(seen).await.contains("refused="), "the page's own button");
    let stored = server.get(&program, "/api/admin/settings/branding.name").await.data();
    assert_eq!(stored["value"], "Theirs");
    // What is loaded anew is changed.
    assert_eq!(submit(&stored["version"].to_string()).await, "/admin/settings?saved=1");
}

/// Whatever is wrong with what they send: who may not hears that.
#[tokio::test]
async fn who_may_not_change_settings_hears_the_same_whatever_they_send() {
    let server = Server::start().await;
    let admin = server.token(&server.test.admin().await).await;
    let role = json!({ "name": "Readers", "permissions": ["settings:view"] });
    let role = server.post(&admin, "/api/admin/roles", role).await.data();
    let reader = server.test.outsider("reader").await;
    let assign = format!("/api/admin/users/{}/roles", reader.id);
    server.post(&admin, &assign, json!({ "roleId": role["id"] })).await;
    let browser = server.browser(&reader).await;
    let reader = server.token(&reader).await;
    let mut codes = Vec::new();
    for path in ["/api/admin/settings/import", "/api/admin/settings/logo"] {
        codes.push(Answer::of(server.request(&reader, Method::POST, path).body("nonsense")).await.status);
    }
    for body in ["nonsense", "{\"value\": 1}", "{\"value\": \"Lab\"}"] {
        let request = server.request(&reader, Method::PUT, "/api/admin/settings/branding.name");
        codes.push(Answer::of(request.header("content-type", "application/json").body(body)).await.status);
    }
    assert_eq!(codes, [403; 5]);
    // Their page says why there is nothing to press.
    let page = server.get(&browser, "/admin/settings").await.text;
    assert!(
        page.contains("You can read these settings but not change them.") && page.contains("<fieldset disabled"),
        "{page}"
    );
}
