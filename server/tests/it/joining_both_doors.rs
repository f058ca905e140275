//! An invitation to somebody who has an account, through both doors and on its page; and staff who add one.

use http::Method;
use serde_json::{Value, json};
use test_support::{SmtpSink, TestCustomer, eventually, totp_code};
use tokio_util::sync::CancellationToken;

use crate::both::{Doors, Through};
use crate::harness::{Answer, Server, Who, sfn};
use crate::mail_both_doors::with_mail;

const LEE: &str = "lee@example.org";

/// Lets people be invited, and gives lee an address.
async fn inviting(server: &Server) {
    let admin = server.token(&server.test.admin().await).await;
    let on = json!({ "value": "invitation" });
    assert_eq!(server.put(&admin, "/api/admin/settings/sign_in.sign_up", on).await.code(), 0);
    server.sql(&format!("update users set email = '{LEE}' where name = 'lee' returning id")).await;
}

/// A link like a mail's, sent by an owner, whose token is known here.
async fn link(server: &Server, customer: i64, role: &str, word: &str) {
    let statement = format!(
        "insert into one_time_links (hash, purpose, customer_id, role, address, created_by, created_at, expires_at)
         select sha256('{word}'), 'invitation', customer_id, '{role}', '{LEE}', user_id, now(), now() + interval '1 day'
         from memberships where customer_id = {customer} and role = 'owner' order by user_id limit 1 returning id"
    );
    assert_eq!(server.sql(&statement).await.len(), 1);
}

/// Adds an account by its user name: at this path over REST.
async fn add(doors: &Doors<'_>, who: &Who, (acme, path): (&TestCustomer, &str), name: &str) -> (u64, Vec<String>) {
    let customer = acme.id.to_string();
    let rest = (path, json!({ "username": name, "existing": true }));
    let form = [("id", customer.as_str()), ("username", name), ("role", "member")];
    doors.call(who, rest, ("add_existing_member", &form)).await
}

/// Staff may add an account, and its owner is told in the product and by mail.
async fn staff_add_kim(doors: &Doors<'_>, acme: &TestCustomer, sink: &SmtpSink) {
    let server = doors.server;
    let staff = doors.who(&server.test.admin().await).await;
    let kim = server.test.outsider("kim").await;
    server.sql("update users set email = 'kim@example.org', language = 'zh' where name = 'kim' returning id").await;
    let path = format!("/api/admin/customers/{}/members", acme.id);
    assert_eq!(add(doors, &staff, (acme, path.as_str()), "nobody-at-all").await, (1000, vec!["username".to_owned()]));
    assert_eq!(add(doors, &staff, (acme, path.as_str()), "kim").await, (0, vec![]));
    let told = server.get(&server.token(&kim).await, "/api/customer/notifications").await.data();
    assert_eq!(told["list"][0]["kind"], json!("member-added"));
    let mail = eventually("the notice", async || sink.taken_by("kim@example.org").pop()).await;
    assert!(mail.header("Subject").contains("您已被加入 Acme"), "{}", mail.header("Subject"));
}

async fn scenario(through: Through) {
    let (server, sink) = with_mail().await;
    let acme = server.test.customer("Acme").await;
    let lee = server.test.outsider("lee").await;
    inviting(&server).await;
    let doors = Doors { server: &server, through };
    let (owner, member) = (doors.who(&acme.owner).await, doors.who(&acme.member).await);
    let person = doors.who(&lee).await;
    let invite = async |email: &str| {
        let rest = ("/api/customer/members/invitations", json!({ "email": email }));
        doors.call(&owner, rest, ("invite_person", &[("email", email)])).await
    };
    let join = async |who: &Who, token: &str| {
        let rest = ("/api/auth/invitation/join", json!({ "token": token }));
        doors.call(who, rest, ("join_by_invitation", &[("token", token)])).await
    };
    // Owners ask by mail alone: the same for a name that is somebody's and for one that is nobody's.
    assert_eq!(add(&doors, &owner, (&acme, "/api/customer/members"), "lee").await, (1200, vec![]));
    assert_eq!(add(&doors, &owner, (&acme, "/api/customer/members"), "nobody-at-all").await, (1200, vec![]));
    assert_eq!(invite(LEE).await, (0, vec![]));
    assert_eq!(invite("nobody@example.org").await, (0, vec![]), "the same answer");

    let stop = CancellationToken::new();
    platform::jobs::spawn_workers(server.platform(), stop.clone());
    let mail = eventually("the mail", async || sink.taken_by(LEE).pop()).await;
    let token = mail.text().split("token=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    assert_eq!(join(&Who::Nobody, &token).await.0, 1100);
    assert_eq!(join(&member, &token).await, (1402, vec![]), "for another address");
    assert_eq!(join(&person, "none").await, (1000, vec!["token".to_owned()]));
    let mine = async |who: &Who| server.get(who, "/api/auth/profile").await;
    assert_eq!(mine(&person).await.data()["tenantId"], Value::Null);
    // Where a browser accepts, it goes on under a new session.
    let after = match through {
        Through::Rest => {
            let answer = server.post(&person, "/api/auth/invitation/join", json!({ "token": token })).await;
            let wanted = json!({ "customerId": acme.id, "customerName": "Acme", "role": "member" });
            assert_eq!((answer.status, answer.data()), (200, wanted));
            person.clone()
        }
        Through::ServerFns => {
            let answer = server.call(&person, "join_by_invitation", &[("token", &token)]).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(mine(&person).await.status, 401, "the session from before is gone");
            Who::Cookie(answer.cookie().expect("a new session"))
        }
    };
    assert_eq!(mine(&after).await.data()["tenantId"], json!(acme.id), "at once");
    assert_eq!(join(&after, &token).await, (1000, vec!["token".to_owned()]));
    link(&server, acme.id.0, "member", "once-more").await;
    assert_eq!(join(&after, "once-more").await, (1402, vec![]), "in it already");

    staff_add_kim(&doors, &acme, &sink).await;
    stop.cancel();
    let events = "select via || ' ' || action from audit_events where action = 'accounts:accept-invitation'";
    assert_eq!(server.sql(events).await, [format!("{} accounts:accept-invitation", doors.via())]);
    let leaked = format!("select count(*) from audit_events where audit_events::text ~ '{token}'");
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

/// A plain form of the page, as a browser without a script sends it; where it leads.
async fn form(server: &Server, who: &Who, name: &str, fields: &[(&str, &str)]) -> (String, Who) {
    let request = server.signed(who, server.bare(Method::POST, &sfn(name)));
    let request = match who {
        Who::Cookie(_) => request, // names its origin already
        _ => request.header(http::header::ORIGIN, server.origin()),
    };
    let request = request.header(http::header::ACCEPT, "text/html");
    let answer = Answer::of(server.form(request, fields)).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let now = answer.cookie().map_or_else(|| who.clone(), Who::Cookie);
    (answer.header("location").to_owned(), now)
}

#[tokio::test]
async fn the_page_leads_through_sign_in_and_code_back_to_the_invitation() {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let lee = server.test.outsider("lee").await;
    inviting(&server).await;
    link(&server, acme.id.0, "owner", "the-token").await;
    let program = server.token(&lee).await;
    let enrolled = server.post(&program, "/api/auth/totp/enroll", json!({ "password": lee.password })).await.data();
    let secret = enrolled["secret"].as_str().unwrap().to_owned();
    let code = totp_code(&secret, server.test.clock().now());
    assert_eq!(server.post(&program, "/api/auth/totp/confirm", json!({ "code": code })).await.code(), 0);
    server.test.clock().advance(chrono::TimeDelta::seconds(60));

    let here = "/invitation?token=the-token";
    let read = async |who: &Who, path: &str| {
        let request = server.signed(who, server.bare(Method::GET, path)).header(http::header::ACCEPT, "text/html");
        Answer::of(request).await
    };
    let offered = read(&Who::Nobody, here).await;
    let way = "/login?next=%2Finvitation%3Ftoken%3Dthe-token";
    assert!(offered.text.contains(way) && !offered.text.contains("name=\"username\""), "{}", offered.text);
    assert!(!offered.text.contains("join_by_invitation"), "{}", offered.text);
    assert_eq!(read(&Who::Nobody, way).await.header("referrer-policy"), "strict-origin", "the link is in the address");

    // Somebody else is signed in here: nothing to accept, and a way out that keeps the link.
    let member = server.browser(&acme.member).await;
    let page = read(&member, here).await.text;
    assert!(page.contains(LEE) && page.contains(&acme.member.name) && !page.contains("join_by_invitation"), "{page}");
    let (back, nobody) = form(&server, &member, "sign_out", &[("next", here)]).await;
    assert_eq!(back, here);
    assert!(read(&nobody, here).await.text.contains(way));
    let (away, _) = form(&server, &server.browser(&acme.member).await, "sign_out", &[("next", "//evil.example")]).await;
    assert_eq!(away, "/login", "only to pages of ours");

    let fields = [("username", "lee"), ("password", lee.password), ("next", here)];
    let (step, halfway) = form(&server, &nobody, "sign_in", &fields).await;
    assert_eq!(step, "/login/code?next=%2Finvitation%3Ftoken%3Dthe-token");
    let code = totp_code(&secret, server.test.clock().now());
    let (back, signed_in) = form(&server, &halfway, "sign_in_code", &[("code", &code), ("next", here)]).await;
    assert_eq!(back, here);
    let page = read(&signed_in, here).await.text;
    assert!(page.contains("join_by_invitation") && !page.contains("name=\"password\""), "{page}");
    let (home, accepted) = form(&server, &signed_in, "join_by_invitation", &[("token", "the-token")]).await;
    assert_eq!(home, "/?done=joined");
    assert!(read(&accepted, &home).await.text.contains("You belong to Acme now."));
    assert_eq!(server.get(&accepted, "/api/customer/members").await.code(), 0, "an owner from now on");
    link(&server, acme.id.0, "member", "another").await;
    let page = read(&accepted, "/invitation?token=another").await.text;
    assert!(!page.contains("join_by_invitation") && page.contains("You are already in"), "{page}");
}

#[tokio::test]
async fn each_sees_only_the_forms_they_may_use() {
    let silent = Server::start().await;
    let owner = silent.browser(&silent.test.customer("Acme").await.owner).await;
    let own = silent.get(&owner, "/members").await.text;
    assert!(!own.contains("invite_person") && own.contains("no mail server is set here"), "{own}");
    let (server, _sink) = with_mail().await;
    let acme = server.test.customer("Acme").await;
    let (owner, admin) = (server.browser(&acme.owner).await, server.browser(&server.test.admin().await).await);
    let own = server.get(&owner, "/members").await.text;
    assert!(own.contains("invite_person"), "{own}");
    assert!(!own.contains("add_customer_member") && !own.contains("add_existing_member"), "{own}");
    let path = format!("/admin/customers/{}", acme.id);
    let staffs = server.get(&admin, &path).await.text;
    assert!(staffs.contains("invite_person") && staffs.contains("add_existing_member"), "{staffs}");
    assert!(!staffs.contains("No owner"), "{staffs}");
    let clerk = [contract::Permission::CustomersManage, contract::Permission::CustomersAddMember];
    let clerk = server.browser(&server.test.with_role("clerk", &clerk).await).await;
    let theirs = server.get(&clerk, &path).await.text;
    assert!(theirs.contains("add_customer_member") && !theirs.contains("add_existing_member"), "{theirs}");

    server.sql(&format!("update users set state = 'disabled' where id = {} returning id", acme.owner.id)).await;
    assert!(server.get(&admin, &path).await.text.contains("No owner"));
    let listed = server.get(&admin, "/admin/customers?state=no-owner").await.text;
    assert!(listed.contains(&format!("{path}\"")) && listed.contains("No owner"), "{listed}");
    let program = server.token(&server.test.admin().await).await;
    let rows = server.get(&program, "/api/admin/customers?hasOwner=false").await.data();
    assert_eq!((&rows["total"], &rows["list"][0]["hasOwner"]), (&json!(1), &json!(false)));
}

/// Leaving is the person's own: offered on their page, refused to the last owner, and the browser goes on.
#[tokio::test]
async fn a_member_leaves_by_each_door_and_the_last_owner_reads_why_they_stay() {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let path = format!("/api/auth/customers/{}", acme.id);
    let leave = async |who: &Who| Answer::of(server.request(who, Method::DELETE, &path)).await;
    let id = acme.id.to_string();
    let (program, owner) = (server.token(&acme.owner).await, server.browser(&acme.owner).await);
    let read = async |who: &Who, path: &str| {
        let request = server.signed(who, server.bare(Method::GET, path)).header(http::header::ACCEPT, "text/html");
        Answer::of(request).await.text
    };
    assert_eq!(leave(&program).await.code(), 1402);
    assert_eq!(server.call(&owner, "leave_customer", &[("customer", &id)]).await.code(), 1402);
    let page = read(&owner, "/account").await;
    assert!(page.contains("ask-leave-") && !page.contains("leave_customer"), "held back: {page}");
    // A browser's form asks first, and leads back to the account, still signed in.
    let member = server.browser(&acme.member).await;
    assert!(read(&member, "/account").await.contains("leave_customer"));
    let (back, now) = form(&server, &member, "leave_customer", &[("customer", &id)]).await;
    assert_eq!(back, "/account");
    assert_eq!(server.get(&member, "/api/auth/profile").await.status, 401, "the session from before is gone");
    let profile = server.get(&now, "/api/auth/profile").await.data();
    assert_eq!((&profile["tenantId"], &profile["memberships"]), (&Value::Null, &json!([])));
    assert_eq!(leave(&now).await.code(), 1300, "there is nothing to leave");
    // A program, and with one owner more the owner too.
    let add = format!(
        "insert into memberships (customer_id, user_id, role) values ({id}, {}, 'owner') returning user_id",
        acme.member.id
    );
    server.sql(&add).await;
    assert_eq!(leave(&program).await.code(), 0);
    assert_eq!(server.get(&program, "/api/auth/profile").await.status, 401, "it acted for Acme");
    let left = "select via || ' ' || action from audit_events where action = 'customers:leave' and outcome = 'done' order by id";
    assert_eq!(server.sql(left).await, ["page customers:leave", "rest customers:leave"]);
}
