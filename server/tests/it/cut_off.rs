//! What ends somebody's powers ends them at every door, within five seconds: one matrix, a test per line.

use std::time::{Duration, Instant};

use contract::live::WALL_TOPIC;
use http::Method;
use serde_json::{Value, json};
use test_support::{TestCustomer, TestUser, totp_code};

use crate::harness::{Answer, Server, Who, sfn};
use crate::sockets::Live;

/// What is promised.
const PROMISE: Duration = Duration::from_secs(5);

/// What can happen to somebody.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Blow {
    SignOut,
    UserDisabled,
    CustomerDisabled,
    UserDeleted,
    PasswordChanged,
    MemberRoleChanged,
    CustomerLeft,
    PlatformRoleLost,
    SecondFactorChanged,
    EndedFromAnother,
    EndedByStaff,
    EndedByStaffOneByOne,
    PartedByStaff,
}

/// Everything one can hold at once.
struct Holdings {
    browser: Who,
    access: Who,
    api: Who,
    /// Opened by the browser and by the API token.
    sockets: [Live; 2],
}

impl Holdings {
    async fn of(server: &Server, user: &TestUser) -> Self {
        let (browser, access) = (server.browser(user).await, server.token(user).await);
        let made = server.post(&access, "/api/auth/tokens", json!({ "name": "a robot" })).await;
        let api = Who::Bearer(made.data()["secret"].as_str().expect("a token").to_owned());
        let sockets = [Live::open(server, &browser).await, Live::open(server, &api).await];
        Self { browser, access, api, sockets }
    }

    /// The status at each door: page, REST with an access token and with an API token, server function.
    async fn knock(&self, server: &Server, doors: &Doors) -> [u16; 4] {
        let page = server.bare(Method::GET, doors.page).header(http::header::ACCEPT, "text/html");
        [
            Answer::of(server.signed(&self.browser, page)).await.status,
            server.get(&self.access, doors.rest).await.status,
            server.get(&self.api, doors.rest).await.status,
            server.call(&self.browser, doors.function, &[]).await.status,
        ]
    }
}

/// Where somebody of this kind is let in.
struct Doors {
    page: &'static str,
    rest: &'static str,
    function: &'static str,
}

const STAFFS: Doors = Doors { page: "/admin/machines", rest: "/api/admin/machines", function: "list_machines" };
const OWNERS: Doors = Doors { page: "/members", rest: "/api/customer/members", function: "list_members" };

/// What somebody else of the staff does, by the same operation as their page: no blow is written into the database, which would
/// hide an operation that forgets to end what it has to.
async fn staff_do(server: &Server, method: Method, path: &str, body: Option<Value>) {
    let admin = server.token(&server.test.admin().await).await;
    let request = server.request(&admin, method, path);
    let request = body.into_iter().fold(request, |request, body| request.json(&body));
    let answer = Answer::of(request).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
}

async fn give_place(server: &Server, acme: &TestCustomer, user: &TestUser, role: &str) {
    let path = format!("/api/admin/customers/{}/members/{}", acme.id, user.id);
    staff_do(server, Method::PUT, &path, Some(json!({ "role": role }))).await;
}

async fn delete(server: &Server, who: &Who, path: &str) -> u16 {
    Answer::of(server.request(who, Method::DELETE, path)).await.status
}

async fn strike(server: &Server, blow: Blow, acme: &TestCustomer, user: &TestUser, held: &Holdings) {
    let from_another = server.token(user).await;
    let post = async |path: &str, body: Value| {
        let answer = server.post(&from_another, path, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.data()
    };
    match blow {
        Blow::SignOut => {
            assert_eq!(server.call(&held.browser, "sign_out", &[]).await.status, 200);
            for who in [&held.access, &held.api] {
                assert_eq!(server.post(who, "/api/auth/logout", json!({})).await.status, 200);
            }
        }
        Blow::UserDisabled => {
            staff_do(server, Method::POST, &format!("/api/admin/users/{}/disable", user.id), None).await;
        }
        Blow::UserDeleted => {
            // The only owner of a customer stays.
            give_place(server, acme, &acme.member, "owner").await;
            staff_do(server, Method::DELETE, &format!("/api/admin/users/{}", user.id), None).await;
        }
        Blow::CustomerDisabled => {
            let path = format!("/api/admin/customers/{}/disable", acme.id);
            staff_do(server, Method::POST, &path, Some(json!({}))).await;
        }
        Blow::MemberRoleChanged => {
            give_place(server, acme, &acme.member, "owner").await;
            give_place(server, acme, user, "member").await;
        }
        Blow::CustomerLeft => {
            give_place(server, acme, &acme.member, "owner").await;
            assert_eq!(delete(server, &from_another, &format!("/api/auth/customers/{}", acme.id)).await, 200);
        }
        Blow::PlatformRoleLost => {
            let role = server.sql("select id from roles where code = 'platform_admin'").await.remove(0);
            staff_do(server, Method::DELETE, &format!("/api/admin/users/{}/roles/{role}", user.id), None).await;
        }
        Blow::PasswordChanged => {
            let body = json!({ "oldPassword": user.password, "newPassword": "seven lazy pelicans" });
            post("/api/auth/password/change", body).await;
        }
        Blow::SecondFactorChanged => {
            let secret = post("/api/auth/totp/enroll", json!({ "password": user.password })).await["secret"]
                .as_str()
                .unwrap()
                .to_owned();
            let code = totp_code(&secret, server.test.clock().now());
            post("/api/auth/totp/confirm", json!({ "code": code })).await;
        }
        Blow::EndedFromAnother => {
            let list = server.get(&from_another, "/api/auth/sessions").await.data();
            for session in list["list"].as_array().unwrap().iter().filter(|session| session["current"] == false) {
                assert_eq!(delete(server, &from_another, &format!("/api/auth/sessions/{}", session["id"])).await, 200);
            }
        }
        Blow::PartedByStaff => {
            let admin = server.token(&server.test.admin().await).await;
            let provider = "insert into identity_providers (kind, name, config) values ('oidc', 'Sso', '{}')
                            returning id::text";
            let provider = server.sql(provider).await.remove(0);
            let bound = format!(
                "insert into user_identities (provider_id, issuer, subject, user_id, created_at)
                 values ({provider}, 'i', 's', {}, now()) returning id::text",
                user.id
            );
            let bound = server.sql(&bound).await.remove(0);
            let path = format!("/api/admin/users/{}/identities/{bound}", user.id);
            assert_eq!(delete(server, &admin, &path).await, 200);
        }
        Blow::EndedByStaff | Blow::EndedByStaffOneByOne => {
            let admin = server.token(&server.test.admin().await).await;
            let path = format!("/api/admin/users/{}/sessions", user.id);
            let list = server.get(&admin, &path).await.data();
            let paths: Vec<_> = match blow {
                Blow::EndedByStaff => vec![path],
                _ => {
                    list["list"].as_array().unwrap().iter().map(|session| format!("{path}/{}", session["id"])).collect()
                }
            };
            for path in paths {
                assert_eq!(delete(server, &admin, &path).await, 200, "{path}");
            }
        }
    }
}

/// At a customer's doors, and at the staff's where only staff can be struck so.
async fn cuts_everything(blow: Blow) {
    cuts_everything_of(blow, blow == Blow::PlatformRoleLost).await;
}

async fn cuts_everything_of(blow: Blow, staff: bool) {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let (user, doors) = if staff { (server.test.admin().await, STAFFS) } else { (acme.owner.clone(), OWNERS) };
    let bystander = server.token(&server.test.admin().await).await;
    let mut untouched = Live::open(&server, &bystander).await;
    let mut held = Holdings::of(&server, &user).await;
    assert_eq!(held.knock(&server, &doors).await, [200; 4], "{blow:?}: all doors are open before");

    strike(&server, blow, &acme, &user, &held).await;
    let struck = Instant::now();
    for socket in &mut held.sockets {
        assert_eq!(socket.ending().await.as_deref(), Some("session_ended"), "{blow:?}");
    }
    let after = held.knock(&server, &doors).await;
    assert!(struck.elapsed() < PROMISE, "{blow:?}: {:?}", struck.elapsed());
    let identity_is_gone = blow != Blow::CustomerDisabled;
    if identity_is_gone {
        // To the sign-in page, or 401.
        assert_eq!(after, [303, 401, 401, 401], "{blow:?}");
    } else {
        assert!(after.iter().all(|status| [303, 401, 403, 404].contains(status)), "{blow:?}: {after:?}");
    }
    assert_eq!(server.get(&bystander, "/api/auth/profile").await.status, 200);
    untouched.subscribe(WALL_TOPIC, None).await;
    untouched.snapshot().await;
}

#[tokio::test]
async fn signing_out() {
    cuts_everything(Blow::SignOut).await;
}

#[tokio::test]
async fn a_disabled_user() {
    cuts_everything(Blow::UserDisabled).await;
}

#[tokio::test]
async fn a_disabled_customer() {
    cuts_everything(Blow::CustomerDisabled).await;
}

#[tokio::test]
async fn a_deleted_user() {
    cuts_everything(Blow::UserDeleted).await;
}

#[tokio::test]
async fn a_new_password() {
    cuts_everything(Blow::PasswordChanged).await;
}

#[tokio::test]
async fn another_role_in_the_customer() {
    cuts_everything(Blow::MemberRoleChanged).await;
}

#[tokio::test]
async fn a_customer_that_one_left() {
    cuts_everything(Blow::CustomerLeft).await;
}

#[tokio::test]
async fn a_lost_role_on_the_platform() {
    cuts_everything(Blow::PlatformRoleLost).await;
}

#[tokio::test]
async fn another_second_factor() {
    cuts_everything(Blow::SecondFactorChanged).await;
}

#[tokio::test]
async fn ended_from_another_session() {
    cuts_everything(Blow::EndedFromAnother).await;
}

#[tokio::test]
async fn ended_by_staff() {
    cuts_everything(Blow::EndedByStaff).await;
}

#[tokio::test]
async fn ended_by_staff_one_by_one() {
    cuts_everything(Blow::EndedByStaffOneByOne).await;
}

#[tokio::test]
async fn the_browser_that_changes_the_password_goes_on_under_a_new_session() {
    let server = Server::start().await;
    let user = server.test.outsider("one").await;
    let (here, elsewhere) = (server.browser(&user).await, server.browser(&user).await);
    let mut socket = Live::open(&server, &here).await;
    let form = [("old_password", user.password), ("new_password", "seven lazy pelicans")];
    let answer = server.call(&here, "change_password", &form).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let new = Who::Cookie(answer.cookie().expect("a new id"));
    for (who, status) in [(&here, 401), (&elsewhere, 401), (&new, 200)] {
        assert_eq!(server.get(who, "/api/auth/profile").await.status, status);
    }
    assert_eq!(socket.ending().await.as_deref(), Some("session_ended"));
    // The same by the API, as a page's own script would call it.
    let body = json!({ "oldPassword": "seven lazy pelicans", "newPassword": "eight lazy pelicans" });
    let answer = server.post(&new, "/api/auth/password/change", body).await;
    let newer = Who::Cookie(answer.cookie().expect("a new id"));
    assert_eq!(server.get(&newer, "/api/auth/profile").await.status, 200);
    // A form that is refused goes back without a password in its address.
    let form =
        [("old_password", "wrong old words"), ("new_password", "nine lazy pelicans"), ("again", "nine lazy pelicans")];
    let request = server.bare(Method::POST, &sfn("change_password")).header(http::header::ACCEPT, "text/html");
    let answer = Answer::of(server.form(server.signed(&newer, request), &form)).await;
    let location = answer.header("location");
    assert_eq!(answer.status, 303);
    assert!(location.starts_with("/account/security?refused=") && !location.contains("words"), "{location}");
    assert!(!location.contains("pelicans"), "{location}");
}

#[tokio::test]
async fn staff_part_somebody_from_a_service() {
    cuts_everything(Blow::PartedByStaff).await;
}

#[tokio::test]
async fn an_admin_who_signs_out() {
    cuts_everything_of(Blow::SignOut, true).await;
}

#[tokio::test]
async fn a_disabled_admin() {
    cuts_everything_of(Blow::UserDisabled, true).await;
}

#[tokio::test]
async fn a_deleted_admin() {
    cuts_everything_of(Blow::UserDeleted, true).await;
}

#[tokio::test]
async fn an_admin_with_a_new_password() {
    cuts_everything_of(Blow::PasswordChanged, true).await;
}

#[tokio::test]
async fn an_admin_with_another_second_factor() {
    cuts_everything_of(Blow::SecondFactorChanged, true).await;
}

#[tokio::test]
async fn an_admin_ended_by_staff() {
    cuts_everything_of(Blow::EndedByStaff, true).await;
}
