//! How the product looks to somebody, through both doors.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Server, Who};

const PATH: &str = "/api/auth/preferences";

async fn say(server: &Server, who: &Who, body: Value) -> Answer {
    Answer::of(server.request(who, Method::PATCH, PATH).json(&body)).await
}

#[tokio::test]
async fn what_is_said_is_kept_and_seen_everywhere_and_what_is_not_said_stays() {
    let server = Server::start().await;
    let owner = server.test.customer("Acme").await.owner;
    let (who, browser) = (server.token(&owner).await, server.browser(&owner).await);
    let kept = say(&server, &who, json!({ "theme": "dark" })).await.data();
    assert_eq!((&kept["theme"], &kept["language"], &kept["timeZone"]), (&json!("dark"), &Value::Null, &Value::Null));
    assert!(server.get(&browser, "/account").await.text.contains("data-theme=\"dark\""), "the pages follow");
    assert_eq!(server.call(&browser, "set_preferences", &[("time_zone", "Asia/Shanghai")]).await.code(), 0);
    let kept = say(&server, &who, json!({ "language": "zh" })).await.data();
    let all = (&kept["theme"], &kept["language"], &kept["timeZone"]);
    assert_eq!(all, (&json!("dark"), &json!("zh"), &json!("Asia/Shanghai")));
    assert_eq!(server.get(&who, "/api/auth/profile").await.data()["theme"], "dark");

    for (body, field) in [(json!({ "timeZone": "Nowhere/Here" }), "timeZone"), (json!({ "theme": "pink" }), "theme")] {
        let refused = say(&server, &who, body).await;
        assert_eq!((refused.code(), refused.fields().contains_key(field)), (1000, true), "{refused:?}");
    }
    // Nothing is said: nothing is done.
    assert_eq!(say(&server, &who, json!({})).await.code(), 0);
    assert_eq!(server.call(&browser, "set_preferences", &[]).await.code(), 0);
    let rows = "select via || ' ' || coalesce(before::text, '') || ' ' || after::text from audit_events
                where action = 'accounts:update-preferences' order by id";
    let expected = [
        r#"rest {"theme": null} {"theme": "dark"}"#,
        r#"page {"timeZone": null} {"timeZone": "Asia/Shanghai"}"#,
        r#"rest {"language": null} {"language": "zh"}"#,
    ];
    assert_eq!(server.sql(rows).await, expected);
}
