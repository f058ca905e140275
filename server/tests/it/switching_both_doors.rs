//! Somebody in two customers: each session acts for the one that was chosen in it, through both doors.

use contract::customers::MemberCreate;
use platform::customers;
use serde_json::{Value, json};

use crate::both::{Doors, Through};
use crate::harness::{Server, Who};
use crate::sockets::Live;

async fn scenario(through: Through) {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let (acme, globex) = (server.test.customer("Acme").await, server.test.customer("Globex").await);
    let initech = server.test.customer("Initech").await;
    let eve = &acme.owner;
    let body = MemberCreate { username: eve.name.clone(), existing: true, ..Default::default() };
    customers::add_member(server.platform(), &admin.ctx(), globex.id, body).await.unwrap();
    let doors = Doors { server: &server, through };
    let (here, there) = (doors.who(eve).await, doors.who(eve).await);
    let switch = async |who: &Who, to: i64| {
        let id = to.to_string();
        doors
            .put(who, ("/api/auth/customer", json!({ "customerId": to })), ("switch_customer", &[("customer", &id)]))
            .await
    };
    let active = async |who: &Who| -> Value { server.get(who, "/api/auth/profile").await.data()["tenantId"].clone() };
    let name = async |who: &Who| -> Value { server.get(who, "/api/customer").await.data()["name"].clone() };
    assert_eq!((active(&here).await, name(&here).await), (json!(acme.id), json!("Acme")));

    let mut live = Live::open(&server, &here).await;
    assert_eq!(switch(&here, globex.id.0).await, (0, vec![]));
    assert_eq!(live.ending().await.as_deref(), Some("session_ended"), "what was open was Acme's");
    assert_eq!((active(&here).await, name(&here).await), (json!(globex.id), json!("Globex")));
    assert_eq!(active(&there).await, json!(acme.id), "the other session chose nothing");
    // A member there, and no owner.
    assert_eq!(server.get(&here, "/api/customer/members").await.code(), 1200);
    assert_eq!(server.get(&there, "/api/customer/members").await.code(), 0);
    assert_eq!(switch(&here, globex.id.0).await, (0, vec![]), "again is nothing");
    assert_eq!(switch(&here, initech.id.0).await, (1300, vec![]));
    assert_eq!(switch(&doors.who(&admin).await, acme.id.0).await, (1300, vec![]));

    customers::set_active(server.platform(), &admin.ctx(), globex.id, false).await.unwrap();
    assert_eq!(active(&here).await, Value::Null, "nobody acts for a disabled one");
    assert_eq!(switch(&here, acme.id.0).await, (0, vec![]));
    assert_eq!(switch(&here, globex.id.0).await, (1300, vec![]));
    assert_eq!(active(&here).await, json!(acme.id));

    let noted = "select action || ' ' || via from audit_events where action = 'accounts:switch-customer'";
    let line = format!("accounts:switch-customer {}", doors.via());
    assert_eq!(server.sql(noted).await, [line.clone(), line]);
    let said = "select concat(before->'customer'->>'name', ' > ', after->'customer'->>'name') from audit_events
                where action = 'accounts:switch-customer' order by id";
    assert_eq!(server.sql(said).await, ["Acme > Globex", " > Acme"]);
}

#[tokio::test]
async fn programs_choose_the_customer_they_act_for() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn people_choose_the_customer_they_act_for() {
    scenario(Through::ServerFns).await;
}

#[tokio::test]
async fn the_frame_offers_a_choice_where_there_is_one_and_a_token_stays_where_it_was_made() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let (acme, globex) = (server.test.customer("Acme").await, server.test.customer("Globex").await);
    let body = MemberCreate { username: acme.owner.name.clone(), existing: true, ..Default::default() };
    customers::add_member(server.platform(), &admin.ctx(), globex.id, body).await.unwrap();
    let page = async |who: &Who| server.get(who, "/account").await.text;
    let both = server.browser(&acme.owner).await;
    let offered = page(&both).await;
    assert!(offered.contains("switch_customer") && offered.contains(">Globex</button>"), "{offered}");
    let one = server.browser(&acme.member).await;
    assert!(!page(&one).await.contains("switch_customer"));

    let made = server.post(&both, "/api/auth/tokens", json!({ "name": "robot" })).await;
    let robot = Who::Bearer(made.data()["secret"].as_str().unwrap().to_owned());
    let answer = server.put(&robot, "/api/auth/customer", json!({ "customerId": globex.id })).await;
    assert_eq!((answer.status, answer.code()), (422, 1402), "{answer:?}");
}

#[tokio::test]
async fn people_of_a_disabled_customer_are_told_that_it_is() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let acme = server.test.customer("Acme").await;
    let owner = server.browser(&acme.owner).await;
    customers::set_active(server.platform(), &admin.ctx(), acme.id, false).await.unwrap();
    let profile = server.get(&owner, "/api/auth/profile").await.data();
    assert_eq!((&profile["tenantId"], &profile["memberships"]), (&Value::Null, &json!([])));
    // Who signs in meanwhile acts for it as soon as it is enabled: there is nothing to choose.
    let (meanwhile, program) = (server.browser(&acme.owner).await, server.token(&acme.owner).await);
    customers::set_active(server.platform(), &admin.ctx(), acme.id, true).await.unwrap();
    for who in [&owner, &meanwhile, &program] {
        assert_eq!(server.get(who, "/api/auth/profile").await.data()["tenantId"], json!(acme.id));
        assert_eq!(server.get(who, "/api/customer").await.data()["name"], json!("Acme"));
    }
    customers::set_active(server.platform(), &admin.ctx(), acme.id, false).await.unwrap();
    let profile = server.get(&owner, "/api/auth/profile").await.data();
    assert_eq!(profile["disabledMemberships"][0]["customerName"], json!("Acme"));
    let page = server.get(&owner, "/account").await.text;
    let told = texts::message(contract::accounts::Language::En, "account-nowhere", &[]);
    assert!(!page.contains(&told), "{page}");
    assert!(!page.contains(&texts::message(contract::accounts::Language::En, "role-signed_in", &[])), "{page}");
    assert!(page.contains("is disabled here"), "{page}");
}
