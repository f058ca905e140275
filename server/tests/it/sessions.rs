//! Sessions: what a browser holds, what a forged token is worth, and that an ended session has ended everywhere.

use chrono::TimeDelta;
use contract::accounts::CaptchaView;
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

/// Its socket opens it (`frontend/js/src/rg-bell.js`): what an open page shows is nobody's to read when its session has ended.
#[tokio::test]
async fn every_page_brings_what_covers_it_when_its_session_ends() {
    let server = Server::start().await;
    let browser = server.browser(&server.test.customer("Acme").await.owner).await;
    for (page, way) in [("/account", "/login?next=%2Faccount"), ("/", "/login")] {
        let text = server.get(&browser, page).await.text;
        let cover = text.split_once("<dialog").and_then(|(_, rest)| rest.split_once("</dialog>"));
        assert!(cover.is_some_and(|(cover, _)| cover.contains(&format!("href=\"{way}\""))), "{page}: {text}");
    }
    assert!(!server.get(&Who::Nobody, "/login").await.text.contains("<dialog"));
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
    let again = json!({ "username": admin.name, "password": admin.password });
    let again = server.post(&program, "/api/auth/login", again).await;
    assert_eq!((again.status, again.code()), (200, 0), "what it signs in with is in the body");
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
            accounts::reset_password(server.platform(), &user.name, false).await.unwrap();
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
    let told = server.sign_in(&Who::Nobody, &admin.name, admin.password).await;
    assert!(told.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds >= 1), "{told:?}");
    server.test.clock().advance(TimeDelta::minutes(2));
    let answer = server.sign_in(&Who::Nobody, &admin.name, admin.password).await;
    assert_eq!((answer.status, answer.code()), (401, 1102), "a little work is asked for");
    let (id, captcha) = solve(&server).await;
    let body = json!({ "username": admin.name, "password": admin.password, "captchaId": id, "captcha": captcha });
    assert_eq!(server.post(&Who::Nobody, "/api/auth/login", body).await.status, 200, "nobody is locked out");
}

/// A challenge as programs get it, and its answer.
async fn solve(server: &Server) -> (String, String) {
    let view = server.get(&Who::Nobody, "/api/auth/captcha?kind=pow").await.data();
    let view: CaptchaView = serde_json::from_value(view).unwrap();
    (view.captcha_id.clone(), test_support::solve_captcha(&view))
}

#[tokio::test]
async fn after_failures_the_sign_in_page_shows_a_challenge_that_needs_no_script() {
    let server = Server::start().await;
    let lee = server.test.outsider("lee").await;
    let page = async |path: &str| server.get(&Who::Nobody, path).await.text;
    let before = page("/login").await;
    assert!(
        !before.contains("rg-captcha") && !before.contains("type=\"module\""),
        "nothing before there is a reason: {before}"
    );
    let submit = async |fields: &[(&str, &str)]| {
        let request = server.bare(Method::POST, &sfn("sign_in")).header(header::ACCEPT, "text/html,*/*;q=0.8");
        Answer::of(server.form(request, fields)).await
    };
    for _ in 0..3 {
        submit(&[("username", "lee"), ("password", "a guess")]).await;
    }
    server.test.clock().advance(TimeDelta::seconds(2));
    let refused = submit(&[("username", "lee"), ("password", lee.password)]).await;
    let shown = page(refused.header("location")).await;
    for part in ["<rg-captcha", "data:image/png;base64,", "name=\"captcha_id\"", "Please solve the challenge"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains(".wasm"), "and no islands");
    // The page's script hides what stands at the picture: the reason stands above the form.
    let (above, form) = shown.split_once("<form").unwrap();
    let alert = above.split_once("role=\"alert\"").map(|(_, alert)| alert).unwrap_or_default();
    assert!(alert.contains("Please solve the challenge") && !form.contains("Please solve the challenge"), "{shown}");
    let (id, captcha) = solve(&server).await;
    let right = [("username", "lee"), ("password", lee.password), ("captcha_id", &id), ("captcha", &captcha)];
    let answer = submit(&right).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/"), "{answer:?}");
}

#[tokio::test]
async fn an_admin_who_must_have_a_second_factor_gets_nothing_else_before_it_is_on() {
    let server = Server::start().await;
    let (chief, admin) = (server.test.admin().await, server.test.admin().await);
    let staff = server.token(&chief).await;
    let (program, browser) = (server.token(&admin).await, server.browser(&admin).await);
    let robot = server.post(&program, "/api/auth/tokens", json!({ "name": "a robot" })).await.data();
    let robot = Who::Bearer(robot["secret"].as_str().unwrap().to_owned());
    let mut live = Live::open(&server, &program).await;
    live.subscribe(WALL_TOPIC, None).await;
    live.snapshot().await;
    let on = json!({ "value": true });
    assert_eq!(server.put(&staff, "/api/admin/settings/sign_in.totp_for_admins", on).await.code(), 0);

    for who in [&program, &browser, &robot] {
        for path in ["/api/admin/machines", "/api/admin/settings", "/api/admin/audits", "/api/customer/machines"] {
            let answer = server.get(who, path).await;
            assert_eq!((answer.status, answer.code()), (403, 1105), "{path} {who:?}");
        }
        // Also for input that would not read.
        let answer = server.post(who, "/api/admin/machines", json!({ "no-such": 1 })).await;
        assert_eq!(answer.code(), 1105, "{answer:?}");
    }
    assert_eq!(server.call(&browser, "list_machines", &[]).await.code(), 1105);
    // Whoever works for the platform, in whatever role.
    let operator = server.test.operator("olga").await;
    let viewer = server.test.with_role("viv", &[contract::Permission::MachinesView]).await;
    for person in [&operator, &viewer] {
        let answer = server.get(&server.token(person).await, "/api/admin/machines").await;
        assert_eq!((answer.status, answer.code()), (403, 1105), "{}", person.name);
    }
    assert_eq!(live.ending().await.as_deref(), Some("session_ended"), "what was open before is closed");
    // Pages lead to where it is set up.
    for path in ["/", "/admin", "/admin/machines", "/admin/machines/new", "/account", "/account/tokens"] {
        let request = server.signed(&browser, server.bare(Method::GET, path)).header(header::ACCEPT, "text/html");
        let answer = Answer::of(request).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/account/security"), "{path}");
    }
    let page = server.get(&browser, "/account/security").await;
    assert!(page.status == 200 && page.text.contains("enroll_totp"), "{}", page.status);
    // Why they are here stands above everything else, and what is to be done before what is not.
    let place = |part: &str| page.text.find(part).unwrap_or_else(|| panic!("no {part}: {}", page.text));
    assert!(place("set it up first") < place("enroll_totp") && place("enroll_totp") < place("change_password"));
    assert_eq!(status(&server, &browser).await, 200, "one's own profile says what there is");

    let secret =
        server.post(&browser, "/api/auth/totp/enroll", json!({ "password": test_support::PASSWORD })).await.data();
    let secret = secret["secret"].as_str().unwrap().to_owned();
    let code = test_support::totp_code(&secret, server.test.clock().now());
    let answer = server.call(&browser, "confirm_totp", &[("code", &code)]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let browser = Who::Cookie(answer.cookie().expect("a new session"));
    assert_eq!(server.get(&browser, "/api/admin/machines").await.status, 200, "everything is open");
    assert_eq!(server.get(&browser, "/admin/machines").await.status, 200);
}
