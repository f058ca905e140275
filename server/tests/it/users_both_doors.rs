//! People, roles and members through both doors: what programs and people do means the same; and the menu agrees with what
//! the doors let through.

use contract::Permission as P;
use contract::live::WALL_TOPIC;
use http::Method;
use http::header::ACCEPT;
use serde_json::{Value, json};

use crate::both::{Doors, Through};
use crate::harness::{Answer, Server, Who, sfn};
use crate::sockets::Live;

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

async fn scenario(through: Through) {
    let server = Server::with(|config| config.trusted_proxies = 1).await;
    let admin = server.test.admin().await;
    let acme = server.test.customer("Acme").await;
    let doors = Doors { server: &server, through };
    let (staff, owner) = (doors.who(&admin).await, doors.who(&acme.owner).await);

    let create = async |who: &Who, name: &str, password: &str| {
        let body = json!({ "username": name, "password": password, "email": "" });
        let form = [("form[username]", name), ("form[password]", password)];
        doors.call(who, ("/api/admin/users", body), ("create_user", &form)).await
    };
    assert_eq!(create(&staff, "Ada", PASSWORD).await, (0, vec![]));
    assert_eq!(create(&staff, "ada", PASSWORD).await, (1401, vec!["username".to_owned()]));
    assert_eq!(create(&staff, "", "short").await, (1000, vec!["password".to_owned(), "username".to_owned()]));
    assert_eq!(create(&owner, "eve", PASSWORD).await, (1300, vec![]));
    let list = doors.list(&staff, "/api/admin/users?q=ada", "list_users").await;
    let ada = id_of(&list, "ada");

    let role = async |who: &Who, permissions: &[&str]| {
        let body = json!({ "name": "Desk", "permissions": permissions });
        let mut form = vec![("form[name]", "Desk")];
        form.extend(permissions.iter().map(|permission| ("form[permissions][]", *permission)));
        doors.call(who, ("/api/admin/roles", body), ("create_role", &form)).await
    };
    assert_eq!(role(&staff, &["audit:seal"]).await, (1000, vec!["permissions".to_owned()]));
    assert_eq!(role(&staff, &["users:view", "roles:view", "roles:manage"]).await, (0, vec![]));
    let roles = doors.list(&staff, "/api/admin/roles", "list_roles").await;
    let desk = id_of(&roles, "Desk");

    let assign = async |who: &Who, to: &str, role: &str| {
        let path = format!("/api/admin/users/{to}/roles");
        let body = json!({ "roleId": role.parse::<i64>().unwrap() });
        doors.call(who, (&path, body), ("assign_role", &[("id", to), ("role", role)])).await
    };
    assert_eq!(assign(&staff, &ada, &desk).await, (0, vec![]));
    assert_eq!(assign(&staff, &ada, "0").await, (1000, vec!["roleId".to_owned()]));
    assert_eq!(assign(&owner, &ada, &desk).await, (1300, vec![]));

    // Ada has what the role says: she sees people, may not change them, and hands on nothing she does not hold.
    let ada_in = sign_in(&doors).await;
    assert_eq!(doors.list(&ada_in, "/api/admin/users", "list_users").await["total"], json!(4));
    assert_eq!(create(&ada_in, "eve", PASSWORD).await, (1200, vec![]));
    assert_eq!(role(&ada_in, &["machines:delete"]).await, (1200, vec![]));
    assert_eq!(assign(&ada_in, &ada, &desk).await, (1200, vec![]));

    switching(&doors, &staff, [&ada, &admin.id.to_string()], &ada_in).await;
    members(&doors, &owner, &acme.member.id.to_string(), &acme.id.to_string()).await;

    let actions = "select action || ' ' || via from audit_events
        where outcome = 'done' and action not like 'accounts:%' order by id";
    let via = doors.via();
    let expected = [
        "users:create",
        "roles:create",
        "roles:assign",
        "users:disable",
        "customers:change-member",
        "customers:transfer",
    ];
    assert_eq!(server.sql(actions).await, expected.map(|action| format!("{action} {via}")));
}

const PASSWORD: &str = "a long enough password";

/// Ada, as she comes to this door.
async fn sign_in(doors: &Doors<'_>) -> Who {
    match doors.through {
        Through::Rest => {
            let body = json!({ "username": "ada", "password": PASSWORD });
            let answer = doors.server.post(&Who::Nobody, "/api/auth/login", body).await;
            Who::Bearer(answer.data()["accessToken"].as_str().unwrap().to_owned())
        }
        Through::ServerFns => Who::Cookie(doors.server.sign_in(&Who::Nobody, "ada", PASSWORD).await.cookie().unwrap()),
    }
}

/// Staff disable Ada, and not themselves.
async fn switching(doors: &Doors<'_>, staff: &Who, [ada, own]: [&str; 2], ada_in: &Who) {
    let disable = async |to: &str| {
        let path = format!("/api/admin/users/{to}/disable");
        doors.call(staff, (&path, json!({})), ("set_user_active", &[("id", to), ("active", "false")])).await
    };
    assert_eq!(disable(own).await, (1402, vec![]));
    assert_eq!(disable(ada).await, (0, vec![]));
    assert_eq!(doors.server.get(ada_in, "/api/auth/profile").await.status, 401, "signed out at once");
    assert_eq!(doors.server.sign_in(&Who::Nobody, "ada", PASSWORD).await.code(), 1101);
    assert_eq!(disable("999999").await, (1300, vec![]));
}

/// The owner makes the member an owner too, and keeps the customer from having none.
async fn members(doors: &Doors<'_>, owner: &Who, member: &str, acme: &str) {
    let set = async |user: &str, role: &str| {
        let path = format!("/api/customer/members/{user}");
        let form = [("id", acme), ("user", user), ("role", role)];
        doors.put(owner, (&path, json!({ "role": role })), ("set_member_role", &form)).await
    };
    assert_eq!(set(member, "owner").await, (0, vec![]));
    assert_eq!(set("999999", "owner").await, (1300, vec![]));
    let transfer = async |confirm: &str| {
        let body = json!({ "userId": member.parse::<i64>().unwrap(), "confirm": confirm });
        let form = [("id", acme), ("user", member), ("confirm", confirm)];
        doors.put(owner, ("/api/customer/owner", body), ("transfer_ownership", &form)).await
    };
    assert_eq!(transfer("acme").await, (1000, vec!["confirm".to_owned()]));
    assert_eq!(transfer("Acme").await, (0, vec![]));
    assert_eq!(doors.server.get(owner, "/api/auth/profile").await.status, 401, "another role is another sign-in");
}

/// Id of the row with this name.
fn id_of(page: &Value, name: &str) -> String {
    let row = page["list"].as_array().unwrap().iter().find(|row| row["name"] == name);
    row.unwrap_or_else(|| panic!("no {name} in {page}"))["id"].to_string()
}

#[tokio::test]
async fn programs_run_people_over_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn people_run_people_over_server_functions() {
    scenario(Through::ServerFns).await;
}

#[tokio::test]
async fn sessions_of_somebody_are_seen_and_ended_from_their_page() {
    let server = Server::start().await;
    let (admin, person) = (server.test.admin().await, server.test.outsider("lost").await);
    let (staff, theirs) = (server.browser(&admin).await, server.token(&person).await);
    let page = format!("/admin/users/{}", person.id);
    let shown = server.get(&staff, &page).await;
    assert!(shown.status == 200 && shown.text.contains("Access token") && shown.text.contains("End all"), "{shown:?}");
    let id = person.id.to_string();
    let list = server.call(&staff, "list_user_sessions", &[("id", &id)]).await.json();
    assert_eq!(list, server.get(&server.token(&admin).await, &format!("/api/admin/users/{id}/sessions")).await.data());
    let token =
        list["list"].as_array().unwrap().iter().find(|session| session["kind"] == "token").unwrap()["id"].to_string();
    let done = server.call(&staff, "end_user_session", &[("id", &id), ("session", &token)]).await;
    assert_eq!((done.code(), server.get(&theirs, "/api/auth/profile").await.status), (0, 401));
    let done = server.call(&staff, "end_user_sessions", &[("id", &id)]).await.json();
    assert_eq!(done["ended"], 1, "a browser");
    assert!(server.get(&staff, &page).await.text.contains("Signed in nowhere"));
    // One's own are ended on one's own page.
    let own = server.get(&staff, &format!("/admin/users/{}", admin.id)).await;
    assert!(own.text.contains("Sessions and API tokens") && !own.text.contains("end_user_session"), "{}", own.text);
}

/// Names of entries and permissions of buttons, in order.
async fn menu(server: &Server, who: &Who) -> (Vec<String>, Vec<String>) {
    let groups = server.get(who, "/api/auth/menus").await.data();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let entries: Vec<Value> =
        groups.as_array().unwrap().iter().flat_map(|group| group["children"].as_array().unwrap().clone()).collect();
    let marks = entries.iter().flat_map(|entry| entry["meta"]["authList"].as_array().unwrap());
    (entries.iter().map(|entry| text(&entry["name"])).collect(), marks.map(|mark| text(&mark["authMark"])).collect())
}

#[tokio::test]
async fn the_menu_shows_what_the_doors_let_through() {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let people = [
        (
            server.test.with_role("desk", &[P::UsersView, P::UsersUpdate, P::MachinesView]).await,
            vec!["machines", "users", "account"],
            vec!["users:update", "accounts:update-own", "accounts:secure-own"],
        ),
        (
            acme.member.clone(),
            vec!["home", "own-instances", "own-billing", "market", "own-images", "own-jobs", "account"],
            vec!["instances:create", "images:upload", "files:upload", "accounts:update-own", "accounts:secure-own"],
        ),
        (
            acme.owner.clone(),
            vec![
                "home",
                "members",
                "own-instances",
                "own-billing",
                "market",
                "own-images",
                "own-jobs",
                "own-audit",
                "account",
            ],
            vec![
                "allocations:request-renewal",
                "customers:invite",
                "customers:manage-members",
                "instances:create",
                "billing:manage-own",
                "images:upload",
                "files:upload",
                "accounts:update-own",
                "accounts:secure-own",
            ],
        ),
        (
            server.test.operator("op").await,
            vec![
                "dashboard",
                "wall",
                "machines",
                "allocations",
                "specs",
                "images",
                "instances",
                "customers",
                "users",
                "audit",
                "jobs",
                "account",
            ],
            vec!["machines:operate", "instances:operate", "accounts:update-own", "accounts:secure-own"],
        ),
    ];
    for (person, entries, buttons) in people {
        let who = server.token(&person).await;
        assert_eq!(
            menu(&server, &who).await,
            (entries.iter().map(|e| (*e).to_owned()).collect(), buttons.iter().map(|b| (*b).to_owned()).collect()),
            "{}",
            person.name
        );
        // Every page of the menu opens, and is drawn in the page's own navigation.
        let browser = server.browser(&person).await;
        let groups = server.get(&who, "/api/auth/menus").await.data();
        for entry in groups.as_array().unwrap().iter().flat_map(|group| group["children"].as_array().unwrap()) {
            let path = entry["path"].as_str().unwrap();
            let request = server.signed(&browser, server.bare(Method::GET, path)).header("accept", "text/html");
            let page = Answer::of(request).await;
            assert_eq!(page.status, 200, "{path} for {}", person.name);
            assert!(page.text.contains(&format!("href=\"{path}\"")), "{path} for {}", person.name);
        }
    }
}

#[tokio::test]
async fn a_role_that_is_taken_or_changed_ends_open_sockets() {
    let server = Server::start().await;
    let admin = server.token(&server.test.admin().await).await;
    for taken in [true, false] {
        let person = server.test.with_role(if taken { "taken" } else { "changed" }, &[P::MetricsView]).await;
        let who = server.token(&person).await;
        let mut live = Live::open(&server, &who).await;
        live.subscribe(WALL_TOPIC, None).await;
        live.snapshot().await;
        let path = format!("/api/admin/users/{}", person.id);
        let role = server.get(&admin, &path).await.data()["roles"][0]["id"].to_string();
        let answer = if taken {
            let path = format!("{path}/roles/{role}");
            Answer::of(server.request(&admin, Method::DELETE, &path)).await
        } else {
            let body = json!({ "name": "Changed", "permissions": ["machines:view"] });
            server.put(&admin, &format!("/api/admin/roles/{role}"), body).await
        };
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(live.ending().await.as_deref(), Some("session_ended"), "taken: {taken}");
        // Who lost it signs in again; whose role says something else goes on with that.
        let (profile, machines) = if taken { (401, 401) } else { (200, 200) };
        assert_eq!(server.get(&who, "/api/auth/profile").await.status, profile, "taken: {taken}");
        assert_eq!(server.get(&who, "/api/admin/machines").await.status, machines, "taken: {taken}");
        let wall = if taken { 401 } else { 404 };
        assert_eq!(server.get(&who, "/api/admin/monitoring/realtime").await.status, wall, "taken: {taken}");
    }
}

#[tokio::test]
async fn roles_and_people_of_a_customer_are_found_by_what_they_are_called() {
    let server = Server::start().await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    server.test.with_role("custom", &[P::MetricsView]).await;
    let (staff, owner) = (server.token(&admin).await, server.token(&acme.owner).await);
    let (staff_page, owner_page) = (server.browser(&admin).await, server.browser(&acme.owner).await);
    let names = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    // A built-in role by what it is called in the reader's language.
    for (q, found) in [("plATform adm", 1), ("custom-", 1), ("nothing of this", 0)] {
        let by_rest = server.get(&staff, &format!("/api/admin/roles?q={q}")).await.data();
        let by_page = server.call(&staff_page, "list_roles", &[("query[q]", q)]).await.json();
        assert_eq!((names(&by_rest["list"]).len(), &by_rest), (found, &by_page), "{q}");
    }
    let second = server.get(&staff, "/api/admin/roles?pageSize=3&page=2").await.data();
    assert_eq!((names(&second["list"]).len(), &second["total"], &second["page"]), (3, &json!(7), &json!(2)));
    assert_eq!(server.get(&staff, "/api/admin/roles?pageSize=101").await.code(), 1000);
    let page = server.get(&staff_page, "/admin/roles?q=nothing+of+this").await.text;
    assert!(page.contains("Nothing matches these filters.") && !page.contains("<table"), "{page}");

    let member = vec![acme.member.name.clone()];
    for (who, page, rest) in [
        (&owner, Some(&owner_page), "/api/customer/members".to_owned()),
        (&staff, None, format!("/api/admin/customers/{}/members", acme.id)),
    ] {
        let q = "E-MEMBER";
        let by_rest = server.get(who, &format!("{rest}?q={q}")).await.data();
        assert_eq!((names(&by_rest["list"]), &by_rest["total"]), (member.clone(), &json!(1)), "{rest}");
        let second = server.get(who, &format!("{rest}?pageSize=1&page=2")).await.data();
        assert_eq!((names(&second["list"]).len(), &second["total"]), (1, &json!(2)), "{rest}");
        assert_eq!(server.get(who, &format!("{rest}?pageSize=101")).await.code(), 1000, "{rest}");
        let book = server.signed(who, server.bare(Method::GET, &rest).header(ACCEPT, XLSX));
        assert!(Answer::of(book).await.header("content-type").contains("spreadsheetml"), "{rest}");
        if let Some(page) = page {
            assert_eq!(server.call(page, "list_members", &[("query[q]", q)]).await.json(), by_rest);
        }
    }
    let book = server.signed(&staff, server.bare(Method::GET, "/api/admin/users").header(ACCEPT, XLSX));
    assert!(Answer::of(book).await.header("content-type").contains("spreadsheetml"));
    for (who, page) in [(&owner_page, "/members".to_owned()), (&staff_page, format!("/admin/customers/{}", acme.id))] {
        let shown = server.get(who, &format!("{page}?q=e-member")).await.text;
        let listed = |name: &str| shown.contains(&format!("<span class=\"sub mono\">{name}</span>"));
        assert!(listed(&acme.member.name) && !listed(&acme.owner.name), "{page}");
        assert!(shown.contains("members/export?q=e-member"), "what is taken away is what is shown: {page}");
    }
}

/// The button is there for whoever has a second factor, and the same is done over REST.
#[tokio::test]
async fn a_lost_second_factor_is_reset_from_the_page_of_its_person() {
    let server = Server::start().await;
    let (admin, person) = (server.test.admin().await, server.test.outsider("lost").await);
    let (staff, id) = (server.browser(&admin).await, person.id.to_string());
    let page = format!("/admin/users/{id}");
    assert!(!server.get(&staff, &page).await.text.contains("Reset second factor"));
    let arm = format!(
        "insert into totp_secrets (user_id, secret, created_at, confirmed_at) values ({id}, 'x', now(), now()) returning user_id::text"
    );
    server.sql(&arm).await;
    assert!(server.get(&staff, &page).await.text.contains("Reset second factor"));
    let rest = server.token(&admin).await;
    assert_eq!(server.get(&rest, &format!("/api/admin/users/{id}")).await.data()["secondFactor"], true);
    assert_eq!(server.call(&staff, "reset_user_second_factor", &[("id", &id)]).await.code(), 0);
    assert_eq!(server.get(&rest, &format!("/api/admin/users/{id}")).await.data()["secondFactor"], false);
    server.sql(&arm).await;
    let over_rest = server.request(&rest, Method::DELETE, &format!("/api/admin/users/{id}/totp"));
    assert_eq!(Answer::of(over_rest).await.data()["totpSince"], Value::Null);
}

/// Doing it is said, and the list is as narrow afterwards as it was before.
#[tokio::test]
async fn what_was_done_with_many_is_said_on_the_list_one_came_from() {
    let server = Server::start().await;
    let (admin, person) = (server.test.admin().await, server.test.outsider("lost").await);
    let (staff, id) = (server.browser(&admin).await, person.id.to_string());
    let list = server.get(&staff, "/admin/users?q=lost").await.text;
    assert!(list.contains("<input type=\"hidden\" name=\"q\" value=\"lost\""), "{list}");
    let asked = server.get(&staff, &format!("/admin/users/bulk?action=disable&ids={id}&q=lost")).await.text;
    assert!(asked.contains("name=\"filters\" value=\"q=lost\"") && asked.contains("/admin/users?q=lost"), "{asked}");
    // Who ticked some before asking for all means all.
    let all = server.get(&staff, &format!("/admin/users/bulk?action=disable&ids={id}&all=1&q=lost")).await;
    assert!(all.status == 200 && all.text.contains("lost"), "{}", all.text);
    let request = server.signed(&staff, server.bare(Method::POST, &sfn("act_on_users")).header(ACCEPT, "text/html"));
    let request = server.form(request, &[("action", "disable"), ("ids[]", &id), ("filters", "q=lost")]);
    let answer = Answer::of(request).await;
    let back = answer.header("location").to_owned();
    assert!(answer.status == 303 && back.starts_with("/admin/users?done=1&q=lost&seal="), "{back}");
    let said = server.get(&staff, &back).await.text;
    assert!(said.contains("Done for 1 user."), "{said}");
}

/// Whoever is let in by a directory gets a password here only where that is meant, through either door.
async fn gives_a_password_to_who_is_let_in_elsewhere(through: Through) {
    let server = Server::start().await;
    let (admin, person) = (server.test.admin().await, server.test.outsider("wanda").await);
    let doors = Doors { server: &server, through };
    let (staff, id) = (doors.who(&admin).await, person.id.to_string());
    let provider =
        "insert into identity_providers (kind, name, config) values ('ldap', 'Example', '{}') returning id::text";
    let provider = server.sql(provider).await.remove(0);
    let bound = format!(
        "insert into user_identities (provider_id, issuer, subject, user_id, created_at)
         values ({provider}, 'i', 's', {id}, now()) returning id::text"
    );
    server.sql(&bound).await;
    server.sql(&format!("update users set password_hash = null where id = {id} returning id")).await;
    let (path, password) = (format!("/api/admin/users/{id}/password"), "seven lazy pelicans");
    let form = [("id", id.as_str()), ("password", password)];
    let plain = (path.as_str(), json!({ "password": password }));
    assert_eq!(doors.call(&staff, plain, ("set_user_password", &form)).await, (1402, vec![]));
    assert_eq!(doors.call(&staff, (&path, json!({})), ("make_user_password", &form[..1])).await, (1402, vec![]));
    let page = server.get(&server.browser(&admin).await, &format!("/admin/users/{id}")).await.text;
    assert!(page.contains("name=\"local\"") && page.contains("Example has no say any more"), "{page}");

    let meant = [form[0], form[1], ("local", "true")];
    let body = json!({ "password": password, "local": true });
    assert_eq!(doors.call(&staff, (&path, body), ("set_user_password", &meant)).await, (0, vec![]));
    assert_eq!(server.count(&format!("select count(*) from user_identities where user_id = {id}")).await, 0);
    assert_eq!(server.sign_in(&Who::Nobody, "wanda", password).await.code(), 0);
    let page = server.get(&server.browser(&admin).await, &format!("/admin/users/{id}")).await.text;
    assert!(!page.contains("name=\"local\""), "it has a password here like any other");
}

#[tokio::test]
async fn a_password_beside_a_directory_has_to_be_meant_over_rest() {
    gives_a_password_to_who_is_let_in_elsewhere(Through::Rest).await;
}

#[tokio::test]
async fn a_password_beside_a_directory_has_to_be_meant_over_server_functions() {
    gives_a_password_to_who_is_let_in_elsewhere(Through::ServerFns).await;
}
