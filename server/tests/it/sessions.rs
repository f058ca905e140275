//! Sessions: what a browser holds, what a forged token is worth, and that an ended session has ended everywhere.

use chrono::TimeDelta;
use contract::live::WALL_TOPIC;
use http::{Method, header};
use platform::accounts;
use serde_json::json;
use test_support::TestUser;

use crate::harness::{Answer, Server, Who, sfn};
use crate::sockets::Live;

async fn status(server: &Server, who: &Who) -> u16 {
    server.get(who, "/api/auth/profile").await.status
}

#[tokio::test]
async fn who_only_looks_gets_no_cookie() {
    let server = Server::start().await;
    for path in ["/login", "/", "/no-such-page", "/healthz", "/api/auth/profile", "/api/docs/"] {
        let answer = Answer::of(server.bare(Method::GET, path).header(header::ACCEPT, "text/html")).await;
        assert_eq!(answer.header("set-cookie"), "", "{path}");
    }
    let refused = server.sign_in(&Who::Nobody, "nobody", "nothing").await;
    assert_eq!((refused.status, refused.code(), refused.cookie()), (401, 1101, None));
    assert_eq!(server.count("select count(*) from sessions").await, 0, "and no row");
}

#[tokio::test]
async fn the_cookie_is_shut_away_and_new_with_every_sign_in() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let first = server.sign_in(&Who::Nobody, &admin.name, admin.password).await;
    let set = first.header("set-cookie").to_owned();
    for part in ["remotegpu_session=", "HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Domain"), "{set}");
    let old = Who::Cookie(first.cookie().unwrap());
    let again = server.sign_in(&old, &admin.name, admin.password).await;
    let new = Who::Cookie(again.cookie().expect("a new id"));
    assert_eq!((status(&server, &old).await, status(&server, &new).await), (401, 200), "the old id died");
    // An id somebody made up and planted is not taken over by a sign-in.
    let planted = Who::Cookie("remotegpu_session=AAAAAAAAAAAAAAAAAAAAAA".to_owned());
    let answer = server.sign_in(&planted, &admin.name, admin.password).await;
    assert!(answer.cookie().is_some_and(|cookie| !cookie.contains("AAAAAAAA")), "{answer:?}");
    assert_eq!(status(&server, &planted).await, 401);
    // What the database holds opens nothing.
    let Who::Cookie(cookie) = &new else { unreachable!() };
    let secret = cookie.split_once('=').unwrap().1;
    let held = server.sql("select encode(secret_hash, 'hex') || data::text from sessions").await.join("\n");
    assert!(!held.contains(secret));
}

#[tokio::test]
async fn behind_tls_the_cookie_belongs_to_this_host_alone() {
    let server = Server::with(|config| config.public_url = "https://gpu.example.org".parse().unwrap()).await;
    let admin = server.test.admin().await;
    let request = server.bare(Method::POST, &sfn("sign_in"));
    let request = request.header(header::ORIGIN, "https://gpu.example.org").header(header::ACCEPT, "application/json");
    let form = [("username", admin.name.as_str()), ("password", admin.password)];
    let answer = Answer::of(server.form(request, &form)).await;
    let set = answer.header("set-cookie");
    assert!(set.starts_with("__Host-remotegpu=") && set.contains("Secure") && set.contains("Path=/"), "{answer:?}");
    assert!(!set.contains("Domain"), "{set}");
    assert!(answer.header("strict-transport-security").contains("max-age="));
}

#[tokio::test]
async fn signing_out_ends_the_cookie_and_forgets_it() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let (here, elsewhere) = (server.browser(&admin).await, server.browser(&admin).await);
    let answer = server.call(&here, "sign_out", &[]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.header("set-cookie").contains("Max-Age=0"), "{answer:?}");
    assert_eq!((status(&server, &here).await, status(&server, &elsewhere).await), (401, 200), "this session alone");
}

#[tokio::test]
async fn sessions_expire() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let (program, browser) = (server.token(&admin).await, server.browser(&admin).await);
    server.test.clock().advance(TimeDelta::seconds(accounts::ACCESS_TOKEN_SECONDS as i64 - 60));
    assert_eq!((status(&server, &program).await, status(&server, &browser).await), (200, 200));
    server.test.clock().advance(TimeDelta::seconds(61));
    let expired = server.get(&program, "/api/auth/profile").await;
    assert_eq!((expired.status, expired.code()), (401, 1104), "told apart, so that a program knows to sign in again");
    assert_eq!(status(&server, &browser).await, 200);
    server.test.clock().advance(TimeDelta::days(8));
    assert_eq!(status(&server, &browser).await, 401);
}

/// How sessions can end, other than by their own sign-out.
#[derive(Clone, Copy, Debug)]
enum Blow {
    SignOut,
    Disable,
    NewPassword,
    LoseRole,
}

async fn strike(server: &Server, blow: Blow, user: &TestUser, who: &Who) {
    match blow {
        Blow::SignOut => {
            let path = "/api/auth/logout";
            assert_eq!(Answer::of(server.request(who, Method::POST, path)).await.status, 200);
        }
        Blow::Disable => {
            server.sql(&format!("update users set state = 'disabled' where id = {} returning id", user.id)).await;
        }
        Blow::NewPassword => {
            accounts::reset_password(server.platform(), &user.name).await.unwrap();
        }
        Blow::LoseRole => {
            server.sql(&format!("delete from role_assignments where user_id = {} returning user_id", user.id)).await;
        }
    }
}

/// Socket and requests of both kinds of session, before and after.
async fn is_cut_by(blow: Blow) {
    for by_browser in [false, true] {
        let server = Server::start().await;
        let (admin, other) = (server.test.admin().await, server.test.admin().await);
        let bystander = server.token(&other).await;
        let mut untouched = Live::open(&server, &bystander).await;
        untouched.subscribe(WALL_TOPIC, None).await;
        untouched.snapshot().await;
        let who = if by_browser { server.browser(&admin).await } else { server.token(&admin).await };
        let mut live = Live::open(&server, &who).await;
        live.subscribe(WALL_TOPIC, None).await;
        live.snapshot().await;
        strike(&server, blow, &admin, &who).await;
        assert_eq!(live.ending().await.as_deref(), Some("session_ended"), "{blow:?} of {who:?}");
        match blow {
            Blow::LoseRole => assert_eq!(server.get(&who, "/api/admin/machines").await.status, 404, "{who:?}"),
            _ => assert_eq!(status(&server, &who).await, 401, "{blow:?} of {who:?}"),
        }
        assert_eq!(status(&server, &bystander).await, 200);
        untouched.subscribe("machine/none", None).await;
        assert_eq!(untouched.refusal().await, 1300, "other people's sockets go on");
    }
}

#[tokio::test]
async fn signing_out_cuts_sockets() {
    is_cut_by(Blow::SignOut).await;
}

#[tokio::test]
async fn disabling_a_person_cuts_everything() {
    is_cut_by(Blow::Disable).await;
}

#[tokio::test]
async fn a_new_password_cuts_everything() {
    is_cut_by(Blow::NewPassword).await;
}

#[tokio::test]
async fn a_lost_role_cuts_sockets_and_shows_nothing_more() {
    is_cut_by(Blow::LoseRole).await;
}

#[tokio::test]
async fn sign_out_on_another_server_cuts_sockets_here() {
    let here = Server::start().await;
    let admin = here.test.admin().await;
    let who = here.token(&admin).await;
    let mut live = Live::open(&here, &who).await;
    live.subscribe(WALL_TOPIC, None).await;
    live.snapshot().await;
    let there = here.test.another_server().await;
    let Who::Bearer(token) = &who else { unreachable!() };
    let anonymous = here.test.anonymous();
    let principal = accounts::principal_of_bearer(&there, &anonymous, token).await.unwrap();
    let ctx = platform::OpContext::new(
        principal,
        anonymous.now(),
        platform::Via::Rest,
        "elsewhere",
        None,
        anonymous.language(),
    );
    accounts::sign_out(&there, &ctx).await.unwrap();
    assert_eq!(live.ending().await.as_deref(), Some("session_ended"));
}

#[tokio::test]
async fn a_bad_token_is_not_saved_by_a_good_cookie() {
    let server = Server::start().await;
    let browser = server.browser(&server.test.admin().await).await;
    let request = server.request(&browser, Method::GET, "/api/auth/profile").bearer_auth("forged");
    assert_eq!(Answer::of(request).await.status, 401, "who shows a token is judged by it");
}

#[tokio::test]
async fn guessing_slows_down_and_says_until_when() {
    let server = Server::start().await;
    let admin = server.test.admin().await;
    let mut codes = Vec::new();
    for _ in 0..5 {
        let body = json!({ "username": admin.name, "password": "a guess" });
        let answer = server.post(&Who::Nobody, "/api/auth/login", body).await;
        if answer.status == 429 {
            assert!(answer.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1), "{answer:?}");
        }
        codes.push(answer.code());
    }
    assert_eq!(codes[..3], [1101, 1101, 1101]);
    assert_eq!(codes[4], 1600, "{codes:?}");
    assert_eq!(server.sign_in(&Who::Nobody, &admin.name, admin.password).await.code(), 1600, "at the other door too");
    server.test.clock().advance(TimeDelta::minutes(2));
    assert_eq!(server.sign_in(&Who::Nobody, &admin.name, admin.password).await.status, 200, "nobody is locked out");
}
