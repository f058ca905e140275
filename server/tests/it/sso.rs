//! A browser's way to a sign-in service and back, and the providers through both doors.

use std::collections::HashMap;

use http::{Method, header};
use serde_json::{Value, json};
use test_support::OidcProvider;

use crate::both::{Doors, Through};
use crate::harness::{Answer, Server, Who};

fn body(name: &str, issuer: &str, secret: Option<&str>) -> Value {
    json!({
        "kind": "oidc", "name": name, "enabled": true, "secret": secret,
        "oidc": { "issuer": issuer, "clientId": OidcProvider::CLIENT_ID },
    })
}

async fn scenario(through: Through) {
    let server = Server::start().await;
    let service = OidcProvider::start().await;
    let admin = server.test.admin().await;
    let acme = server.test.customer("Acme").await;
    let doors = Doors { server: &server, through };
    let (staff, owner) = (doors.who(&admin).await, doors.who(&acme.owner).await);
    let path = "/api/admin/settings/identity-providers";
    let create = async |who: &Who, name: &str, issuer: &str| {
        let form = [
            ("form[kind]", "oidc"),
            ("form[name]", name),
            ("form[enabled]", "true"),
            ("form[creates_accounts]", "true"),
            ("form[issuer]", issuer),
            ("form[client_id]", OidcProvider::CLIENT_ID),
            ("form[secret]", OidcProvider::CLIENT_SECRET),
            ("form[scopes]", "profile email"),
            ("form[name_claim]", "preferred_username"),
            ("form[groups_claim]", "groups"),
        ];
        let wish = body(name, issuer, Some(OidcProvider::CLIENT_SECRET));
        doors.call(who, (path, wish), ("save_identity_provider", &form)).await
    };
    assert_eq!(create(&owner, "Sso", service.issuer()).await, (1300, vec![]), "it is not there for customers");
    assert_eq!(create(&staff, "Sso", "http://sso.example.org").await, (1000, vec!["oidc.issuer".to_owned()]));
    assert_eq!(create(&staff, "Sso", service.issuer()).await, (0, vec![]));
    assert_eq!(create(&staff, "sso", service.issuer()).await, (1401, vec!["name".to_owned()]));
    let all = doors.list(&staff, path, "list_identity_providers").await;
    let made = &all.as_array().unwrap()[0];
    assert_eq!((&made["secretSet"], &made["enabled"]), (&json!(true), &json!(true)));
    assert!(!all.to_string().contains(OidcProvider::CLIENT_SECRET), "secrets are never read back");
    let id = made["id"].to_string();
    let test = format!("{path}/{id}/test");
    assert_eq!(doors.call(&staff, (&test, json!({})), ("test_identity_provider", &[("id", &id)])).await, (0, vec![]));
    let kept = doors.list(&staff, path, "list_identity_providers").await;
    assert_eq!(kept[0]["lastTest"]["done"], true, "{kept}");
    let log =
        "select distinct action || ' ' || via from audit_events where target_kind = 'identity-provider' order by 1";
    let via = doors.via();
    assert_eq!(
        server.sql(log).await,
        [format!("settings:create-provider {via}"), format!("settings:test-provider {via}")]
    );
}

#[tokio::test]
async fn programs_over_rest() {
    scenario(Through::Rest).await;
}

#[tokio::test]
async fn people_over_server_functions() {
    scenario(Through::ServerFns).await;
}

struct World {
    service: OidcProvider,
    id: String,
    server: Server,
}

impl World {
    async fn new() -> Self {
        let server = Server::start().await;
        let service = OidcProvider::start().await;
        let staff = server.token(&server.test.admin().await).await;
        let wish = body("Sso", service.issuer(), Some(OidcProvider::CLIENT_SECRET));
        let made = server.post(&staff, "/api/admin/settings/identity-providers", wish).await;
        Self { id: made.data()["id"].to_string(), service, server }
    }

    /// As a browser opens an address: with its cookie, and without one.
    async fn open(&self, cookie: Option<&str>, path: &str) -> Answer {
        let request = self.server.bare(Method::GET, path).header(header::ACCEPT, "text/html,*/*;q=0.8");
        Answer::of(match cookie {
            Some(cookie) => request.header(header::COOKIE, cookie),
            None => request,
        })
        .await
    }

    /// The way there: the browser's cookie, and what it comes back with.
    async fn there(&self, cookie: Option<&str>, next: &str) -> (String, HashMap<String, String>) {
        let path = format!("/api/auth/oidc/start?provider={}&next={next}", self.id);
        let answer = self.open(cookie, &path).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        let cookie = answer.cookie().or(cookie.map(str::to_owned)).expect("the way there has a cookie");
        (cookie, self.service.sign_in(answer.header("location")))
    }

    async fn back(&self, cookie: Option<&str>, back: &HashMap<String, String>) -> Answer {
        let query = serde_urlencoded::to_string(back).unwrap();
        self.open(cookie, &format!("/api/auth/oidc/callback?{query}&session_state=whatever")).await
    }
}

#[tokio::test]
async fn a_browser_goes_there_comes_back_and_is_signed_in_under_a_new_session() {
    let world = World::new().await;
    let page = world.open(None, "/login?next=%2Faccount").await;
    assert!(page.text.contains("Sign in with Sso"), "{}", page.text);
    let (before, back) = world.there(None, "/account").await;
    let answer = world.back(Some(&before), &back).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/account"), "{answer:?}");
    let after = answer.cookie().expect("sign-in sets a cookie");
    assert_ne!(before, after, "whoever knew the session from before has nothing");
    let profile = async |cookie: &str| {
        let answer = world.server.get(&Who::Cookie(cookie.to_owned()), "/api/auth/profile").await;
        (answer.status == 200).then(|| answer.data()["name"].as_str().unwrap().to_owned())
    };
    assert_eq!(profile(&after).await.as_deref(), Some("wanda"));
    assert_eq!(profile(&before).await, None);

    // Again, and from another browser: it was used.
    for cookie in [Some(before.as_str()), Some(after.as_str()), None] {
        let answer = world.back(cookie, &back).await;
        assert_eq!(answer.status, 303);
        let to = answer.header("location");
        assert!(
            to.starts_with("/login?next=%2Faccount&refused=") || to.starts_with("/account/security?refused="),
            "{to}"
        );
    }
    let program = world.server.get(&Who::Nobody, "/api/auth/oidc/callback?state=x&code=y").await;
    assert_eq!((program.status, program.code()), (422, 1402));
    // The page says what happened, and the form is there.
    let refused = world.back(None, &back).await;
    let page = world.open(None, refused.header("location")).await;
    assert!(page.text.contains("This sign-in is over") && page.text.contains("name=\"password\""), "{}", page.text);
}

#[tokio::test]
async fn a_refusal_stands_above_the_form_with_its_number_and_the_way_on_is_kept() {
    let world = World::new().await;
    let (cookie, mut back) = world.there(None, "%2Faccount").await;
    back.remove("code");
    back.insert("error".to_owned(), "access_denied".to_owned());
    let refused = world.back(Some(&cookie), &back).await;
    let to = refused.header("location");
    assert!(to.starts_with("/login?next=%2Faccount&refused="), "{to}");
    let page = world.open(Some(&cookie), to).await;
    let alert = page.text.find("or you cancelled there. Try again").expect("it says what to do");
    assert!(alert < page.text.find("name=\"username\"").unwrap(), "above the form: {}", page.text);
    assert!(!page.text.contains("aria-invalid"), "nothing that is typed is wrong: {}", page.text);
    assert!(page.text.contains("Request id"), "{}", page.text);
    assert!(page.text.contains("/api/auth/oidc/start?provider=1&amp;next=%2Faccount"), "{}", page.text);
}

#[tokio::test]
async fn whose_address_is_another_account_s_reads_so_first_and_for_a_day() {
    let world = World::new().await;
    world.server.test.outsider("wanda").await;
    world.server.sql("update users set email = 'wanda@example.org' where name = 'wanda' returning id").await;
    let (cookie, back) = world.there(None, "%2Faccount").await;
    let answer = world.back(Some(&cookie), &back).await;
    assert_eq!(answer.header("location"), "/account/security", "{answer:?}");
    let cookie = answer.cookie().expect("she is signed in");
    let says = "belongs to another account here";
    // What only looks, such as a program that reads ahead, takes nothing away.
    for _ in 0..2 {
        assert!(world.open(Some(&cookie), "/account/security").await.text.contains(says));
    }
    let (cookie, back) = world.there(None, "%2Faccount").await;
    assert_eq!(world.back(Some(&cookie), &back).await.header("location"), "/account");
}

#[tokio::test]
async fn two_tabs_and_a_service_that_went_meanwhile() {
    let world = World::new().await;
    let (cookie, first) = world.there(None, "%2Faccount").await;
    let (again, _) = world.there(Some(&cookie), "%2Fnotifications").await;
    assert_eq!(again, cookie, "the second tab goes on with what the first began");
    let answer = world.back(Some(&cookie), &first).await;
    assert_eq!(answer.header("location"), "/account", "{answer:?}");
    // What comes back too late is still led to where it was to go.
    let (_, late) = world.there(None, "%2Fnotifications").await;
    let refused = world.back(None, &late).await;
    assert!(refused.header("location").starts_with("/login?next=%2Fnotifications&refused="), "{refused:?}");
    let gone = world.open(None, "/api/auth/oidc/start?provider=999&next=%2Fnotifications").await;
    let to = gone.header("location");
    assert!(to.starts_with("/login?next=%2Fnotifications&refused="), "{to}");
    let page = world.open(None, to).await;
    assert!(page.text.contains("no longer in use") && page.text.contains("Request id"), "{}", page.text);
    assert!(!page.text.contains("aria-invalid"), "nothing that is typed is wrong: {}", page.text);
}

#[tokio::test]
async fn a_secret_outlives_a_refused_form_and_is_never_shown() {
    let world = World::new().await;
    let admin = world.server.test.admin().await;
    let who = world.server.browser(&admin).await;
    let Who::Cookie(cookie) = &who else { panic!("a browser has a cookie") };
    let secret = "typed-once-7";
    let save = async |issuer: &str, secret: &str, kept: &str| {
        let request = world.server.bare(Method::POST, &crate::harness::sfn("save_identity_provider"));
        let request = request.header(header::COOKIE, cookie.as_str()).header(header::ACCEPT, "text/html");
        let form = [
            ("form[kind]", "oidc"),
            ("form[name]", "Second"),
            ("form[issuer]", issuer),
            ("form[client_id]", OidcProvider::CLIENT_ID),
            ("form[secret]", secret),
            ("form[kept_secret]", kept),
            ("form[name_claim]", "preferred_username"),
            ("form[groups_claim]", "groups"),
        ];
        let answer = Answer::of(world.server.form(request.header(header::ORIGIN, world.server.origin()), &form)).await;
        answer.header("location").to_owned()
    };
    let to = save("nowhere", secret, "").await;
    assert!(to.contains("refused=kept."), "{to}");
    let page = world.open(Some(cookie), &to).await;
    assert!(page.text.contains("The one you typed is kept") && !page.text.contains(secret), "{}", page.text);
    let kept = to.split("kept.").nth(1).unwrap();
    assert!(page.text.contains(&format!("value=\"{kept}\"")), "{}", page.text);
    // Refused once more, it is still there; and then it is what is saved.
    let to = save("still nowhere", "", kept).await;
    let kept = to.split("kept.").nth(1).unwrap();
    assert!(!world.open(Some(cookie), &to).await.text.contains(secret));
    // Nobody else's number, and none that is gone, saves a form without it.
    let lost = save(world.service.issuer(), "", "999999").await;
    assert!(world.open(Some(cookie), &lost).await.text.contains("is not kept any more"));
    let done = save(world.service.issuer(), "", kept).await;
    assert!(done.contains("done=saved"), "{done}");
    let stored = "select count(*)::text from identity_providers where name = 'Second' and secret is not null";
    assert_eq!(world.server.sql(stored).await, ["1"]);
}

#[tokio::test]
async fn nobody_is_led_to_a_foreign_page() {
    let world = World::new().await;
    for foreign in ["%2F%2Fevil.example", "https%3A%2F%2Fevil.example", "%2F%5Cevil.example"] {
        let (cookie, back) = world.there(None, foreign).await;
        assert_eq!(world.back(Some(&cookie), &back).await.header("location"), "/", "{foreign}");
    }
    // A state that comes twice is none.
    let (cookie, back) = world.there(None, "").await;
    let twice = format!("/api/auth/oidc/callback?state={}&state=x&code={}", back["state"], back["code"]);
    assert!(world.open(Some(&cookie), &twice).await.header("location").starts_with("/login?refused="));
}

#[tokio::test]
async fn one_s_own_account_is_bound_by_a_form_of_ours() {
    let world = World::new().await;
    let user = world.server.test.outsider("local").await;
    let who = world.server.browser(&user).await;
    let Who::Cookie(cookie) = &who else { panic!("a browser has a cookie") };
    let (_, back) = world.there(Some(cookie), "").await;
    let answer = world.back(Some(cookie), &back).await;
    assert_eq!(answer.header("location"), "/account/security#link", "{answer:?}");
    let page = world.open(Some(cookie), "/account/security").await;
    assert!(page.text.contains("Sso says that you are wanda@example.org"), "{}", page.text);
    assert_eq!(world.server.get(&who, "/api/auth/identities").await.data(), json!([]));
    assert!(page.text.contains("So that nobody else binds your account"), "{}", page.text);
    assert_eq!(world.server.call(&who, "confirm_identity_link", &[]).await.code(), 1000, "not without the password");
    let proof = [("password", test_support::PASSWORD)];
    assert_eq!(world.server.call(&who, "confirm_identity_link", &proof).await.status, 200);
    let page = world.open(Some(cookie), "/account/security?done=password").await;
    assert_eq!(
        page.text.matches("The account stays bound to Sso").count(),
        2,
        "beside the form, and with the answer: {}",
        page.text
    );
    let bound = world.server.get(&who, "/api/auth/identities").await.data();
    assert_eq!((bound.as_array().map(Vec::len), &bound[0]["providerName"]), (Some(1), &json!("Sso")));
    // A new password does not end it, and says so.
    let program = world.server.token(&user).await;
    let change = json!({ "oldPassword": test_support::PASSWORD, "newPassword": "seven lazy pelicans" });
    let changed = world.server.post(&program, "/api/auth/password/change", change).await;
    assert_eq!(changed.data(), json!({ "staysBound": ["Sso"] }), "{changed:?}");
    let again = world.server.sign_in(&Who::Nobody, &user.name, "seven lazy pelicans").await;
    let who = Who::Cookie(again.cookie().expect("she signs in again"));
    let Who::Cookie(cookie) = &who else { panic!("a browser has a cookie") };
    // From a page of another site, nothing is bound or parted.
    let foreign = world.server.bare(Method::POST, &crate::harness::sfn("confirm_identity_link"));
    let foreign = foreign.header(header::COOKIE, cookie.as_str()).header(header::ORIGIN, "https://evil.example");
    assert_eq!(Answer::of(world.server.form(foreign, &[])).await.status, 403);
    let id = bound[0]["id"].to_string();
    let parted = world.server.request(&who, Method::DELETE, &format!("/api/auth/identities/{id}"));
    assert_eq!(Answer::of(parted).await.status, 200);
}

#[tokio::test]
async fn staff_part_somebody_by_both_doors() {
    let world = World::new().await;
    let admin = world.server.test.admin().await;
    let (browser, token) = (world.server.browser(&admin).await, world.server.token(&admin).await);
    let mut codes = Vec::new();
    for program in [true, false] {
        let (cookie, back) = world.there(None, "").await;
        world.back(Some(&cookie), &back).await;
        let user = world.server.sql("select max(id)::text from users").await.remove(0);
        let path = format!("/api/admin/users/{user}");
        let seen = world.server.get(&token, &path).await.data();
        assert_eq!(seen["identities"][0]["label"], "wanda@example.org", "{seen}");
        let page = world.server.get(&browser, &format!("/admin/users/{user}")).await;
        assert!(page.text.contains("wanda@example.org") && page.text.contains("only_way"), "{}", page.text);
        let identity = seen["identities"][0]["id"].to_string();
        let part = async |only_way: &str| match program {
            true => {
                let path = format!("{path}/identities/{identity}?onlyWay={only_way}");
                Answer::of(world.server.request(&token, Method::DELETE, &path)).await.code()
            }
            false => {
                let args = [("id", user.as_str()), ("identity", &identity), ("only_way", only_way)];
                world.server.call(&browser, "unlink_user_identity", &args).await.code()
            }
        };
        codes.push((part("false").await, part("true").await));
        let after = world.server.get(&token, &path).await.data();
        assert_eq!(after["identities"], json!([]));
    }
    assert_eq!(codes, [(1402, 0), (1402, 0)]);
}

/// A mapping names a customer by its number, which has to be found somewhere.
#[tokio::test]
async fn the_form_says_the_numbers_of_customers_and_so_does_their_page() {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let browser = server.browser(&server.test.admin().await).await;
    let form = server.get(&browser, "/admin/settings/identity/new/ldap").await;
    assert!(form.text.contains(&format!("<code class=\"select\">{}</code> Acme</li>", acme.id)), "{}", form.text);
    let page = server.get(&browser, &format!("/admin/customers/{}", acme.id)).await;
    assert!(page.text.contains(&format!("<dd class=\"mono\">{}</dd>", acme.id)), "{}", page.text);
}

#[tokio::test]
async fn a_service_that_somebody_gets_in_by_is_removed_only_where_that_is_meant() {
    let world = World::new().await;
    let (before, back) = world.there(None, "/account").await;
    assert_eq!(world.back(Some(&before), &back).await.status, 303);
    let admin = world.server.test.admin().await;
    let (staff, page) = (world.server.token(&admin).await, world.server.browser(&admin).await);
    let remove = async |query: &str| {
        let path = format!("/api/admin/settings/identity-providers/{}{query}", world.id);
        Answer::of(world.server.request(&staff, Method::DELETE, &path)).await.code()
    };
    assert_eq!(remove("").await, 1402);
    let form = [("id", world.id.as_str())];
    assert_eq!(world.server.call(&page, "delete_identity_provider", &form).await.code(), 1402);
    let asked = world.server.get(&page, &format!("/admin/settings/identity/{}", world.id)).await.text;
    assert!(asked.contains("name=\"part_accounts\" value=\"true\""), "the page's question says how many: {asked}");
    assert_eq!(remove("?partAccounts=true").await, 0);
    assert_eq!(world.server.count("select count(*) from user_identities").await, 0);
}
