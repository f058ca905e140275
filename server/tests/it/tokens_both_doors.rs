//! Tokens and sessions through both doors: what programs and people do means the same.

use http::Method;
use serde_json::{Value, json};

use crate::both::{Doors, Through};
use crate::harness::{Answer, Server, Who};

async fn scenario(through: Through) {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let doors = Doors { server: &server, through };
    let (owner, other) = (doors.who(&acme.owner).await, doors.who(&acme.member).await);

    let make = async |who: &Who, name: &str, scopes: &[&str]| {
        let mut form = vec![("name", name), ("reach", if scopes.is_empty() { "all" } else { "some" }), ("days", "30")];
        form.extend(scopes.iter().map(|scope| ("scopes[]", *scope)));
        let until = server.test.clock().now() + chrono::TimeDelta::days(30);
        let mut body = json!({ "name": name, "expiresAt": until });
        if !scopes.is_empty() {
            body["scopes"] = json!(scopes);
        }
        doors.call(who, ("/api/auth/tokens", body), ("create_api_token", &form)).await
    };
    let tokens = async |who: &Who| doors.list(who, "/api/auth/tokens", "list_api_tokens").await["list"].clone();
    let sessions = async |who: &Who| doors.list(who, "/api/auth/sessions", "list_sessions").await["list"].clone();
    let remove = async |who: &Who, path: &str, function: &str, id: &Value| match through {
        Through::Rest => {
            Answer::of(server.request(who, Method::DELETE, &format!("/api/auth/{path}/{id}"))).await.code()
        }
        Through::ServerFns => server.call(who, function, &[("id", id.to_string().as_str())]).await.code(),
    };

    assert_eq!(make(&owner, "", &[]).await, (1000, vec!["name".to_owned()]));
    assert_eq!(make(&owner, "robot", &["machines:view"]).await, (1000, vec!["scopes".to_owned()]));
    assert_eq!(make(&owner, "robot", &["customers:list-members"]).await, (0, vec![]));
    assert_eq!(make(&owner, "Robot", &[]).await, (1000, vec!["name".to_owned()]));
    assert_eq!(make(&owner, "other robot", &[]).await, (0, vec![]));
    let list = tokens(&owner).await;
    assert_eq!((list.as_array().unwrap().len(), &list[1]["name"]), (2, &json!("robot")));
    assert_eq!(list[1]["scopes"], json!(["customers:list-members"]));
    assert_eq!((&list[0]["scopes"], &list[0]["lastUsedAt"]), (&Value::Null, &Value::Null));
    assert!(list[0]["start"].as_str().unwrap().starts_with("rgpu_"));
    assert_eq!(tokens(&other).await, json!([]), "each sees their own");

    assert_eq!(remove(&other, "tokens", "revoke_api_token", &list[0]["id"]).await, 1300);
    assert_eq!(remove(&owner, "tokens", "revoke_api_token", &list[0]["id"]).await, 0);
    assert_eq!(remove(&owner, "tokens", "revoke_api_token", &list[0]["id"]).await, 1300);
    assert_eq!(tokens(&owner).await.as_array().unwrap().len(), 1);

    let second = doors.who(&acme.owner).await;
    let open = sessions(&second).await;
    let mine = |kind: &str, current: bool| {
        let found = open.as_array().unwrap().iter().find(|s| s["kind"] == kind && s["current"] == current);
        found.unwrap_or_else(|| panic!("no {kind} in {open}")).clone()
    };
    let kind = match through {
        Through::Rest => "token",
        Through::ServerFns => "browser",
    };
    assert_eq!(mine("api", false)["name"], "robot");
    assert_eq!(mine(kind, true)["address"], if kind == "browser" { "127.0.0.1" } else { "192.0.2.1" });
    let first = open.as_array().unwrap().iter().filter(|s| s["kind"] == kind && s["current"] == false);
    let newest = first.max_by_key(|s| s["id"].as_i64()).unwrap()["id"].clone();
    let revoke_all = async |who: &Who| match through {
        Through::Rest => Answer::of(server.request(who, Method::DELETE, "/api/auth/tokens")).await.code(),
        Through::ServerFns => server.call(who, "revoke_api_tokens", &[]).await.code(),
    };
    assert_eq!(revoke_all(&other).await, 0, "none of their own");
    assert_eq!(tokens(&owner).await.as_array().unwrap().len(), 1);
    assert_eq!(revoke_all(&owner).await, 0);
    assert_eq!((tokens(&owner).await, server.get(&owner, "/api/auth/profile").await.status), (json!([]), 200));
    assert_eq!(remove(&other, "sessions", "end_session", &newest).await, 1300);
    assert_eq!(remove(&second, "sessions", "end_session", &newest).await, 0);
    assert_eq!(server.get(&owner, "/api/auth/profile").await.status, 401, "it was the first one");

    let actions = "select action || ' ' || via from audit_events where outcome = 'done' and action not like '%sign-in' \
                   order by id";
    let via = doors.via();
    let expected = ["create-api-token", "create-api-token", "revoke-api-token", "revoke-api-token", "end-session"]
        .map(|verb| format!("accounts:{verb} {via}"));
    assert_eq!(server.sql(actions).await, expected);
    let secrets = "select count(*) from audit_events where after::text like '%rgpu_%'";
    assert_eq!(server.count(secrets).await, 0);
}

#[tokio::test]
async fn programs_keep_their_tokens_over_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn people_keep_their_tokens_over_server_functions() {
    scenario(Through::ServerFns).await;
}

/// The second factor at the browser's door, as a plain form goes: no script, no password anywhere.
#[tokio::test]
async fn a_browser_signs_in_in_two_steps_and_leaves_no_password() {
    let server = Server::start().await;
    let user = server.test.outsider("careful").await;
    let program = server.token(&user).await;
    let enrolled = server.post(&program, "/api/auth/totp/enroll", json!({ "password": user.password })).await.data();
    let secret = enrolled["secret"].as_str().unwrap();
    let code = || test_support::totp_code(secret, server.test.clock().now());
    let confirmed = server.post(&program, "/api/auth/totp/confirm", json!({ "code": code() })).await;
    let recovery = confirmed.data()["recoveryCodes"][0].as_str().unwrap().to_owned();
    server.test.clock().advance(chrono::TimeDelta::seconds(60));

    let login = json!({ "username": user.name, "password": user.password });
    let answer = server.post(&Who::Nobody, "/api/auth/login", login.clone()).await;
    assert_eq!((answer.status, answer.code()), (401, 1103));
    let mut with_code = login.clone();
    with_code["otp"] = json!(recovery);
    assert_eq!(server.post(&Who::Nobody, "/api/auth/login", with_code.clone()).await.status, 200);
    assert_eq!(server.post(&Who::Nobody, "/api/auth/login", with_code).await.code(), 1103, "used up");

    let submit = async |who: &Who, function: &str, form: &[(&str, &str)]| {
        let request = server.bare(Method::POST, &crate::harness::sfn(function));
        let request = request.header(http::header::ACCEPT, "text/html").header(http::header::ORIGIN, server.origin());
        Answer::of(server.form(server.signed(who, request), form)).await
    };
    let credentials = [("username", user.name.as_str()), ("password", user.password), ("next", "/account")];
    let first = submit(&Who::Nobody, "sign_in", &credentials).await;
    assert_eq!((first.status, first.header("location")), (303, "/login/code?next=%2Faccount"));
    let browser = Who::Cookie(first.cookie().expect("a session to bind the challenge to"));
    assert_eq!(server.get(&browser, "/api/auth/profile").await.status, 401, "the password alone opens nothing");
    let page = server.bare(Method::GET, first.header("location")).header(http::header::ACCEPT, "text/html");
    let page = Answer::of(server.signed(&browser, page)).await;
    assert!(page.status == 200 && page.text.contains("name=\"code\"") && !page.text.contains(user.password));
    let kept =
        server.sql("select data::text from sessions union all select (c.*)::text from sign_in_challenges c").await;
    assert!(kept.iter().all(|row| !row.contains(user.password)), "{kept:?}");

    let wrong = submit(&browser, "sign_in_code", &[("code", "000000"), ("next", "/account")]).await;
    assert!(wrong.header("location").starts_with("/login/code?next=%2Faccount&refused="), "{wrong:?}");
    let done = submit(&browser, "sign_in_code", &[("code", &code()), ("next", "/account")]).await;
    assert_eq!((done.status, done.header("location")), (303, "/account"));
    let signed_in = Who::Cookie(done.cookie().expect("a new id"));
    assert_eq!(server.get(&signed_in, "/api/auth/profile").await.status, 200);
    assert_eq!(server.get(&browser, "/api/auth/profile").await.status, 401, "the id of before has ended");
    let again = submit(&browser, "sign_in_code", &[("code", &code())]).await;
    assert!(again.header("location").starts_with("/login"), "{again:?}");
    let listed = server.get(&signed_in, "/api/auth/sessions").await.data();
    assert_eq!(listed["list"][0]["address"], "127.0.0.1");
}

#[tokio::test]
async fn what_is_ones_own_is_listed_in_pages() {
    let server = Server::start().await;
    let (admin, user) = (server.test.admin().await, server.test.outsider("one").await);
    let (program, browser, staff) =
        (server.token(&user).await, server.browser(&user).await, server.token(&admin).await);
    for name in ["first", "second", "third"] {
        assert_eq!(server.post(&program, "/api/auth/tokens", json!({ "name": name })).await.status, 201);
    }
    let by_staff = format!("/api/admin/users/{}/sessions", user.id);
    let (by_staff, id, staff_page) = (by_staff.as_str(), user.id.to_string(), server.browser(&admin).await);
    let pages = [("query[page]", "2"), ("query[pageSize]", "2")];
    let of = [("id", id.as_str()), pages[0], pages[1]];
    for (who, path, page, function, fields) in [
        (&program, "/api/auth/sessions", &browser, "list_sessions", &pages[..]),
        (&program, "/api/auth/tokens", &browser, "list_api_tokens", &pages[..]),
        (&staff, by_staff, &staff_page, "list_user_sessions", &of[..]),
    ] {
        let whole = server.get(who, &format!("{path}?pageSize=100")).await.data();
        let total = whole["list"].as_array().unwrap().len();
        assert!(total >= 3 && whole["total"] == json!(total), "{path}: {whole}");
        let second = server.get(who, &format!("{path}?page=2&pageSize=2")).await.data();
        assert_eq!((&second["page"], &second["pageSize"]), (&json!(2), &json!(2)), "{path}");
        assert_eq!((&second["total"], &second["list"][0]["id"]), (&whole["total"], &whole["list"][2]["id"]), "{path}");
        assert_eq!(second["list"].as_array().unwrap().len(), (total - 2).min(2), "{path}");
        let shown = server.call(page, function, fields).await.json();
        assert_eq!(
            (&shown["total"], &shown["list"][0]["id"]),
            (&whole["total"], &second["list"][0]["id"]),
            "{function}"
        );
        for (wrong, code) in [("pageSize=101", 1000), ("page=0", 1000), ("colour=red", 1001)] {
            assert_eq!(server.get(who, &format!("{path}?{wrong}")).await.code(), code, "{path}?{wrong}");
        }
    }
}
