//! Invitations through both doors: sent, taken back, accepted.

use http::Method;
use serde_json::json;
use test_support::{SinkMail, eventually};
use tokio_util::sync::CancellationToken;

use crate::both::{Doors, Through};
use crate::harness::{Answer, Who};
use crate::mail_both_doors::with_mail;

const PASSWORD: &str = "three unusual words: quokka";

fn token_of(mail: &SinkMail) -> String {
    mail.text().split("token=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned()
}

async fn scenario(through: Through) {
    let (server, sink) = with_mail().await;
    let admin = server.test.admin().await;
    let (acme, globex) = (server.test.customer("Acme").await, server.test.customer("Globex").await);
    let doors = Doors { server: &server, through };
    let (owner, member) = (doors.who(&acme.owner).await, doors.who(&acme.member).await);
    let (other, staff) = (doors.who(&globex.owner).await, doors.who(&admin).await);
    let path = "/api/customer/members/invitations";
    let invite = async |who: &Who, email: &str| {
        doors.call(who, (path, json!({ "email": email })), ("invite_person", &[("email", email)])).await
    };
    let revoke = async |who: &Who, id: &str| {
        let answer = match through {
            Through::Rest => Answer::of(server.request(who, Method::DELETE, &format!("{path}/{id}"))).await,
            Through::ServerFns => server.call(who, "revoke_invitation", &[("id", id)]).await,
        };
        answer.code()
    };
    let accept = async |token: &str, name: &str, password: &str| {
        let body = json!({ "token": token, "username": name, "password": password });
        let form = [("token", token), ("username", name), ("password", password)];
        doors.call(&Who::Nobody, ("/api/auth/invitation/accept", body), ("accept_invitation", &form)).await
    };

    assert_eq!(invite(&owner, "early@acme.example").await, (0, vec![]), "who has an account may come with it");
    let settings = server.token(&admin).await;
    let on = json!({ "value": "invitation" });
    assert_eq!(server.put(&settings, "/api/admin/settings/sign_in.sign_up", on).await.code(), 0);
    assert_eq!(invite(&owner, "nowhere").await, (1000, vec!["email".to_owned()]));
    assert_eq!(invite(&member, "lee@acme.example").await, (1200, vec![]));
    assert_eq!(invite(&Who::Nobody, "lee@acme.example").await.0, 1100);
    assert_eq!(invite(&owner, "lee@acme.example").await, (0, vec![]));
    let customer = acme.id.to_string();
    let staffs = (format!("/api/admin/customers/{customer}/invitations"), json!({ "email": "two@acme.example" }));
    let form = [("customer", customer.as_str()), ("email", "two@acme.example")];
    assert_eq!(doors.call(&other, (&staffs.0, staffs.1.clone()), ("invite_person", &form)).await, (1300, vec![]));
    assert_eq!(doors.call(&staff, (&staffs.0, staffs.1), ("invite_person", &form)).await, (0, vec![]));
    for (who, list) in [(&acme.owner, path), (&admin, staffs.0.as_str())] {
        let page = server.get(&server.token(who).await, &format!("{list}?pageSize=2")).await.data();
        let shown = page["list"].as_array().map(Vec::len);
        assert_eq!((shown, &page["total"], &page["page"]), (Some(2), &json!(3), &json!(1)), "{list}: {page}");
    }

    let stop = CancellationToken::new();
    platform::jobs::spawn_workers(server.platform(), stop.clone());
    let mail = async |to: &str| eventually("the mail", async || sink.taken_by(to).pop()).await;
    let (first, second) = (token_of(&mail("lee@acme.example").await), token_of(&mail("two@acme.example").await));
    stop.cancel();

    let id = server.sql("select id from one_time_links where address = 'two@acme.example'").await.remove(0);
    assert_eq!(revoke(&other, &id).await, 1300);
    assert_eq!(revoke(&member, &id).await, 1200);
    assert_eq!(revoke(&owner, &id).await, 0);
    assert_eq!(revoke(&owner, &id).await, 1300, "it works no more");
    assert_eq!(accept(&second, "two", PASSWORD).await, (1000, vec!["token".to_owned()]));

    assert_eq!(accept(&first, "", "short").await, (1000, vec!["password".to_owned(), "username".to_owned()]));
    assert_eq!(accept(&first, &acme.owner.name, PASSWORD).await, (1401, vec!["username".to_owned()]));
    assert_eq!(accept(&first, "lee", PASSWORD).await, (0, vec![]));
    assert_eq!(accept(&first, "lee2", PASSWORD).await, (1000, vec!["token".to_owned()]));
    assert_eq!(server.sign_in(&Who::Nobody, "lee", PASSWORD).await.code(), 0);
    let joined = "select m.role from memberships m join users u on u.id = m.user_id where u.name = 'lee'";
    assert_eq!(server.sql(joined).await, ["member"]);
    // Who invited hears of it, and the log says who did what, and no token.
    let told = "select n.kind from notifications n join users u on u.id = n.user_id where u.name = 'cacme-owner'";
    assert_eq!(server.sql(told).await, ["invitation-accepted"]);
    let events = "select via || ' ' || action from audit_events where action like '%invit%' order by id";
    let via = doors.via();
    let wanted = [
        "customers:invite",
        "customers:invite",
        "customers:invite",
        "customers:revoke-invitation",
        "accounts:accept-invitation",
    ]
    .map(|action| format!("{via} {action}"));
    let noted = server.sql(events).await;
    assert!(wanted.iter().all(|event| noted.contains(event)), "{noted:?}");
    let leaked = format!("select count(*) from audit_events where audit_events::text ~ '{first}|{second}'");
    assert_eq!(server.count(&leaked).await, 0);
}

#[tokio::test]
async fn programs_over_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn people_over_server_functions() {
    scenario(Through::ServerFns).await;
}
