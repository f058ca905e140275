//! Webhooks and robots through both doors. What goes out over them is tested with the platform.

use contract::Permission;
use contract::notifications::{ChannelKind, NotificationKind};
use http::Method;
use serde_json::{Value, json};

use crate::both::{Doors, Through};
use crate::harness::{Answer, Server, Who, sfn};

const WEBHOOKS: &str = "/api/customer/settings/notifications/webhooks";
const CHANNELS: &str = "/api/admin/notification-channels";
/// Nothing leaves this host: no range is allowed.
const PRIVATE: &str = "http://localhost:1/hook?token=T0KEN";

async fn scenario(through: Through) {
    let server = Server::start().await;
    let (acme, admin) = (server.test.customer("Acme").await, server.test.admin().await);
    let doors = Doors { server: &server, through };
    let (owner, member, staff) = (doors.who(&acme.owner).await, doors.who(&acme.member).await, doors.who(&admin).await);
    let add = async |who: &Who, name: &str, url: &str| {
        let form = [("name", name), ("url", url)];
        doors.call(who, (WEBHOOKS, json!({ "name": name, "url": url })), ("add_webhook", &form)).await
    };
    assert_eq!(add(&owner, "pager", "ftp://x").await, (1000, vec!["url".to_owned()]));
    assert_eq!(add(&owner, "pager", "http://127.0.0.1:1/hook").await, (1000, vec!["url".to_owned()]));
    assert_eq!(add(&owner, "pager", PRIVATE).await, (0, vec![]));
    let list = doors.list(&owner, WEBHOOKS, "list_webhooks").await;
    assert_eq!(
        (&list[0]["name"], &list[0]["host"], &list[0]["hasSecret"]),
        (&json!("pager"), &json!("localhost"), &json!(true))
    );
    assert!(!list.to_string().contains("T0KEN") && !list.to_string().contains("whsec_"), "{list}");
    assert_eq!(doors.list(&member, WEBHOOKS, "list_webhooks").await, json!([]));

    let act = async |who: &Who, id: &Value, verb: &str| {
        let (method, path) = match verb {
            "test" => (Method::POST, format!("{WEBHOOKS}/{id}/test")),
            _ => (Method::DELETE, format!("{WEBHOOKS}/{id}")),
        };
        match through {
            Through::Rest => Answer::of(server.request(who, method, &path)).await.code(),
            Through::ServerFns => {
                let name = format!("{verb}_webhook");
                server.call(who, &name, &[("id", id.to_string().as_str())]).await.code()
            }
        }
    };
    assert_eq!(act(&member, &list[0]["id"], "test").await, 1300);
    assert_eq!(act(&owner, &list[0]["id"], "test").await, 0);
    let said = "select state || ' ' || last_error from notification_deliveries";
    assert_eq!(server.sql(said).await, ["failed forbidden: not a public address"]);
    assert_eq!(act(&member, &list[0]["id"], "remove").await, 1300);
    assert_eq!(act(&owner, &list[0]["id"], "remove").await, 0);

    let body =
        json!({ "kind": "dingtalk", "name": "ops", "url": PRIVATE, "secret": "SECx", "kinds": ["allocation-ending"] });
    let form =
        [("kind", "dingtalk"), ("name", "ops"), ("url", PRIVATE), ("secret", "SECx"), ("kinds[]", "allocation-ending")];
    assert_eq!(doors.call(&owner, (CHANNELS, body.clone()), ("add_channel", &form)).await.0, 1300);
    // It would be told what its maker may not read.
    let clerk = [Permission::SettingsView, Permission::SettingsUpdate];
    let clerk_user = server.test.with_role("clerk", &clerk).await;
    let clerk = doors.who(&clerk_user).await;
    assert_eq!(doors.call(&clerk, (CHANNELS, body.clone()), ("add_channel", &form)).await.0, 1200);
    assert_eq!(doors.call(&staff, (CHANNELS, body), ("add_channel", &form)).await, (0, vec![]));
    let list = doors.list(&staff, CHANNELS, "list_channels").await;
    assert_eq!((&list[0]["kind"], &list[0]["kinds"]), (&json!("dingtalk"), &json!(["allocation-ending"])));
    let id = list[0]["id"].to_string();
    let elsewhere = json!({ "url": "https://oapi.dingtalk.com/robot/send?access_token=x" });
    assert_eq!(server.put(&clerk, &format!("{CHANNELS}/{id}"), elsewhere).await.code(), 1200);
    // Called otherwise, it is told what it was told before.
    let named = json!({ "name": "the group", "enabled": true, "kinds": ["allocation-ending"] });
    let form = [("id", id.as_str()), ("name", "the group"), ("enabled", "true"), ("kinds[]", "allocation-ending")];
    assert_eq!(doors.put(&clerk, (&format!("{CHANNELS}/{id}"), named.clone()), ("change_channel", &form)).await.0, 0);
    let page = server.get(&server.token(&clerk_user).await, app::paths::CHANNELS).await.text;
    assert!(page.contains(" name=\"name\"") && page.contains(" name=\"enabled\""), "{page}");
    assert!(!page.contains(" name=\"url\"") && !page.contains(" name=\"secret\""), "{page}");
    let change = json!({ "name": "ops group", "enabled": false });
    let form = [("id", id.as_str()), ("name", "ops group"), ("kinds[]", "allocation-ending")];
    assert_eq!(doors.put(&staff, (&format!("{CHANNELS}/{id}"), change), ("change_channel", &form)).await.0, 0);
    let form = [("id", id.as_str()), ("name", "the group"), ("enabled", "true"), ("kinds[]", "allocation-ending")];
    let on = doors.put(&clerk, (&format!("{CHANNELS}/{id}"), named), ("change_channel", &form)).await;
    assert_eq!(on.0, 1200, "switched on, it would be told something again");
    let list = doors.list(&staff, CHANNELS, "list_channels").await;
    assert_eq!(
        (&list[0]["name"], &list[0]["enabled"], &list[0]["hasSecret"]),
        (&json!("ops group"), &json!(false), &json!(true))
    );

    let actions =
        "select action || ' ' || via from audit_events where outcome = 'done' and action like '%-channel' order by id";
    let expected = ["add", "test", "remove", "add", "update", "update"]
        .map(|verb| format!("notifications:{verb}-channel {}", doors.via()));
    assert_eq!(server.sql(actions).await, expected);
}

#[tokio::test]
async fn programs_keep_channels_over_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn people_keep_channels_over_server_functions() {
    scenario(Through::ServerFns).await;
}

/// Whoever goes by the description sends nothing that is refused for its words, and finds everything that is taken.
#[tokio::test]
async fn the_description_names_the_words_that_are_taken() {
    let server = Server::start().await;
    let staff = server.token(&server.test.admin().await).await;
    let described = serde_json::to_value(server::router::openapi()).unwrap();
    let schema = |name: &str| described["components"]["schemas"][name]["properties"].clone();
    let words = |schema: &Value| -> Vec<String> {
        let words = schema["enum"].as_array().unwrap_or_else(|| panic!("{schema} lists its words"));
        words.iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let (create, update) = (schema("ChannelCreate"), schema("ChannelUpdate"));
    assert_eq!(described["components"]["schemas"]["ChannelCreate"]["required"], json!(["kind", "name", "url"]));
    assert!(schema("WebhookCreate")["kind"].is_null() && schema("WebhookCreate")["kinds"].is_null(), "what they are");

    let mut taken = Vec::new();
    for kind in ChannelKind::ALL.map(ChannelKind::code).into_iter().chain(["pager"]) {
        let body = json!({ "kind": kind, "name": kind, "url": PRIVATE });
        let answer = server.post(&staff, CHANNELS, body).await;
        assert!([0, 1000].contains(&answer.code()), "{kind}: {answer:?}");
        if answer.code() == 0 {
            taken.push(kind.to_owned());
        }
    }
    assert_eq!(words(&create["kind"]), taken);

    let (mut made, mut changed) = (Vec::new(), Vec::new());
    let id = server.get(&staff, CHANNELS).await.data()[0]["id"].to_string();
    for kind in NotificationKind::ALL.map(NotificationKind::code) {
        let body = json!({ "kind": "wecom", "name": kind, "url": PRIVATE, "kinds": [kind] });
        if server.post(&staff, CHANNELS, body).await.code() == 0 {
            made.push(kind.to_owned());
        }
        if server.put(&staff, &format!("{CHANNELS}/{id}"), json!({ "kinds": [kind] })).await.code() == 0 {
            changed.push(kind.to_owned());
        }
    }
    assert_eq!(words(&create["kinds"]["items"]), made);
    assert_eq!(words(&update["kinds"]["items"]), changed);
    // What is read is any of them.
    let view = schema("ChannelView");
    assert_eq!(view["kind"]["$ref"], "#/components/schemas/ChannelKind", "{view}");
    let every = ChannelKind::ALL.map(|kind| kind.code().to_owned());
    assert_eq!(words(&described["components"]["schemas"]["ChannelKind"]), every);
}

/// The secret is in the answer of a program, and on the page that comes next, once.
#[tokio::test]
async fn a_new_secret_is_told_once_and_a_test_is_explained() {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let (owner, browser) = (server.token(&acme.owner).await, server.browser(&acme.owner).await);
    let made = server.post(&owner, WEBHOOKS, json!({ "name": "pager", "url": PRIVATE })).await.data();
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"), "{made}");
    let tested = server.post(&owner, &format!("{WEBHOOKS}/{}/test", made["webhook"]["id"]), Value::Null).await.data();
    assert_eq!((&tested["accepted"], &tested["step"]), (&json!(false), &json!("forbidden")));
    assert!(tested["message"].as_str().unwrap().contains("private network"), "{tested}");

    let request = server.bare(Method::POST, &sfn("add_webhook")).header("accept", "text/html,*/*;q=0.8");
    let request = server.form(request, &[("name", "second"), ("url", PRIVATE)]);
    let answer = Answer::of(server.signed(&browser, request)).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/account/webhooks?done=added"), "{}", answer.text);
    let page = server.get(&browser, "/account/webhooks?done=added").await;
    assert!(page.text.contains("<p role=\"status\" class=\"note-line\">Added."), "{}", page.text);
    // The hint of the form says how a secret begins: the one that was made is longer than that.
    let secrets = |page: &Answer| page.text.split("whsec_").skip(1).filter(|rest| is_base64(rest, 32)).count();
    assert!(page.status == 200 && secrets(&page) > 0, "{}", page.text);
    assert_eq!(secrets(&server.get(&browser, "/account/webhooks").await), 0);
}

/// Whether a text begins with so many characters of base64.
fn is_base64(text: &str, length: usize) -> bool {
    text.len() >= length && text.bytes().take(length).all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte))
}
