//! Public keys for SSH through both doors.

use http::Method;
use serde_json::{Value, json};
use test_support::SSH_PUBLIC_KEY;

use crate::both::{Doors, Through};
use crate::harness::{Answer, Server, Who};

const PATH: &str = "/api/customer/settings/ssh-keys";

async fn scenario(through: Through) {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let doors = Doors { server: &server, through };
    let (owner, member) = (doors.who(&acme.owner).await, doors.who(&acme.member).await);
    let add = async |who: &Who, name: &str, key: &str| {
        let form = [("name", name), ("public_key", key)];
        doors.call(who, (PATH, json!({ "name": name, "publicKey": key })), ("add_ssh_key", &form)).await
    };
    let keys = async |who: &Who| doors.list(who, PATH, "list_ssh_keys").await["list"].clone();
    let remove = async |who: &Who, id: &Value| match through {
        Through::Rest => Answer::of(server.request(who, Method::DELETE, &format!("{PATH}/{id}"))).await.code(),
        Through::ServerFns => server.call(who, "remove_ssh_key", &[("id", id.to_string().as_str())]).await.code(),
    };

    assert_eq!(keys(&owner).await, json!([]));
    assert_eq!(add(&owner, "", "nonsense").await, (1000, vec!["publicKey".to_owned()]));
    assert_eq!(add(&owner, "", SSH_PUBLIC_KEY).await, (0, vec![]));
    assert_eq!(add(&owner, "again", SSH_PUBLIC_KEY).await, (1000, vec!["publicKey".to_owned()]), "twice");
    assert_eq!(add(&member, "shared", SSH_PUBLIC_KEY).await, (0, vec![]), "each their own");
    let list = keys(&owner).await;
    assert_eq!((list.as_array().unwrap().len(), &list[0]["name"]), (1, &json!("wanda@laptop")), "the key's comment");
    assert_eq!(list[0]["fingerprint"], "SHA256:MIr3ofOOBrGdTj96DbdkClSXm7cafTG9sfCEYlip9qg");
    assert_eq!(list[0]["algorithm"], "ssh-ed25519");
    assert!(!list[0]["publicKey"].as_str().unwrap().contains("wanda"), "{list}");

    assert_eq!(remove(&member, &list[0]["id"]).await, 1300);
    assert_eq!(remove(&owner, &list[0]["id"]).await, 0);
    assert_eq!(remove(&owner, &list[0]["id"]).await, 1300);
    assert_eq!(keys(&owner).await, json!([]));
    assert_eq!(keys(&member).await.as_array().unwrap().len(), 1);

    // All at once: one's own, and nobody else's.
    let remove_all = async |who: &Who| match through {
        Through::Rest => Answer::of(server.request(who, Method::DELETE, PATH)).await.code(),
        Through::ServerFns => server.call(who, "remove_ssh_keys", &[]).await.code(),
    };
    assert_eq!(remove_all(&owner).await, 0);
    assert_eq!(keys(&member).await.as_array().unwrap().len(), 1);
    assert_eq!(remove_all(&member).await, 0);
    assert_eq!(keys(&member).await, json!([]));

    let actions = "select action || ' ' || via || ' ' || (coalesce(before, after)->>'fingerprint') from audit_events
                   where outcome = 'done' and action like '%ssh-key' order by id";
    let print = "SHA256:MIr3ofOOBrGdTj96DbdkClSXm7cafTG9sfCEYlip9qg";
    let expected =
        ["add", "add", "remove", "remove"].map(|verb| format!("accounts:{verb}-ssh-key {} {print}", doors.via()));
    assert_eq!(server.sql(actions).await, expected);
}

#[tokio::test]
async fn programs_keep_their_keys_over_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn people_keep_their_keys_over_server_functions() {
    scenario(Through::ServerFns).await;
}

/// Who holds an API token alone adds no way in that outlives it.
#[tokio::test]
async fn an_api_token_adds_no_key() {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let owner = server.token(&acme.owner).await;
    let made = server.post(&owner, "/api/auth/tokens", json!({ "name": "a robot" })).await.data();
    let robot = Who::Bearer(made["secret"].as_str().unwrap().to_owned());
    let body = json!({ "publicKey": SSH_PUBLIC_KEY });
    assert_ne!(server.post(&robot, PATH, body).await.status, 201);
    assert_eq!(server.get(&owner, PATH).await.data()["total"], json!(0));
}
