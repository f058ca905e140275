//! A form that was refused shows everything that was typed, however long, to whom it was refused alone.

use http::Method;
use test_support::Authority;

use crate::harness::{Answer, Server, Who, sfn};
use crate::mail_both_doors::with_mail;

const SAVE: &str = "save_identity_provider";
const NEW_LDAP: &str = "/admin/settings/identity/new/ldap";

/// What a plain form is answered with: the address it is sent on to.
async fn send(server: &Server, who: &Who, function: &str, form: &[(&str, &str)]) -> String {
    let request = server.bare(Method::POST, &sfn(function)).header("accept", "text/html,*/*;q=0.8");
    let answer = Answer::of(server.form(server.signed(who, request), form)).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.header("location").to_owned()
}

async fn page(server: &Server, who: &Who, path: &str) -> Answer {
    let request = server.bare(Method::GET, path).header("accept", "text/html").header("accept-language", "en");
    Answer::of(server.signed(who, request)).await
}

/// What stands in a text area of a page.
fn area(page: &str, name: &str) -> String {
    let from = page.split(&format!("name=\"{name}\"")).nth(1).expect("the field is there");
    let text = from.split_once('>').expect("its tag ends").1.split("</textarea>").next().unwrap();
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    text.trim().to_owned()
}

fn directory<'a>(ca: &'a str, mappings: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("form[kind]", "ldap"),
        ("form[name]", "Staff"),
        ("form[enabled]", "true"),
        ("form[host]", "ldap.example.org"),
        ("form[port]", "389"),
        ("form[security]", "starttls"),
        ("form[ldap_ca]", ca),
        ("form[user_base]", "ou=people,dc=example,dc=org"),
        ("form[user_filter]", "(uid={login})"),
        ("form[login_attribute]", "uid"),
        ("form[id_attribute]", "entryUUID"),
        ("form[email_attribute]", "mail"),
        ("form[display_name_attribute]", "cn"),
        ("form[group_filter]", "(member={dn})"),
        ("form[mappings]", mappings),
    ]
}

/// Nine kilobytes of certificates and one bad line of roles, then with the line put right.
#[tokio::test]
async fn long_certificates_survive_a_bad_line_beside_them() {
    let server = Server::start().await;
    let staff = server.browser(&server.test.admin().await).await;
    let other = server.browser(&server.test.admin().await).await;
    let certificates: Vec<_> = (0..20).map(|_| Authority::new().certificate().replace('\r', "")).collect();
    let ca = certificates.concat().trim().to_owned();
    assert!(ca.len() > 9_000, "{}", ca.len());
    let secret = ("form[secret]", "a bind password that goes nowhere");
    let refused = send(&server, &staff, SAVE, &[&directory(&ca, "nonsense")[..], &[secret]].concat()).await;
    assert!(refused.starts_with(&format!("{NEW_LDAP}?refused=kept.")) && refused.len() < 100, "{refused}");
    // As often as it is asked for: a reload shows it too.
    for _ in 0..2 {
        let again = page(&server, &staff, &refused).await;
        assert_eq!((area(&again.text, "form[ldap_ca]"), again.status), (ca.clone(), 200));
        assert_eq!(area(&again.text, "form[mappings]"), "nonsense");
        assert!(!again.text.contains(secret.1), "secrets are not kept");
    }
    // Another person, another session of one's own, another page: nothing of it.
    let again = server.browser(&server.test.admin().await).await;
    let elsewhere = refused.replace("new/ldap", "new/oidc");
    for (who, link) in [(&other, &refused), (&again, &refused), (&staff, &elsewhere), (&staff, &format!("{refused}9"))]
    {
        let shown = page(&server, who, link).await.text;
        assert!(shown.contains("is no longer kept") && !shown.contains(&ca[..200]), "{link}");
    }
    let corrected = area(&page(&server, &staff, &refused).await.text, "form[ldap_ca]");
    let saved = send(&server, &staff, SAVE, &directory(&corrected, "platform_admin: admins")).await;
    assert!(saved.contains("done=saved"), "{saved}");
    let stored = server.get(&staff, "/api/admin/settings/identity-providers").await.data();
    assert_eq!(stored[0]["ldap"]["caCertificate"].as_str(), Some(ca.as_str()));
    // Then as a change of what is stored.
    let id = stored[0]["id"].to_string();
    let path = format!("/admin/settings/identity/{id}");
    let change = [&[("id", id.as_str())][..], &directory(&ca, "nonsense")].concat();
    let refused = send(&server, &staff, SAVE, &change).await;
    assert!(refused.starts_with(&format!("{path}?refused=kept.")), "{refused}");
    assert_eq!(area(&page(&server, &staff, &refused).await.text, "form[ldap_ca]"), ca);
    // When it is forgotten, what is stored stands there: nothing empty that would be saved over it.
    assert_eq!(server.count("delete from kept_forms where content is not null returning 1").await, 1);
    let after = page(&server, &staff, &refused).await.text;
    assert!(after.contains("is no longer kept"), "{after}");
    assert_eq!(area(&after, "form[ldap_ca]"), ca);
    assert_eq!(area(&after, "form[mappings]"), "platform_admin: admins");
}

#[tokio::test]
async fn a_hundred_and_fifty_mappings_survive_a_wrong_field() {
    let server = Server::start().await;
    let staff = server.browser(&server.test.admin().await).await;
    let lines: Vec<_> =
        (0..150).map(|n| format!("platform_admin: cn=group-{n:03},ou=groups,dc=example,dc=org")).collect();
    let mappings = lines.join("\n");
    let mut form = directory("", &mappings);
    form.retain(|(name, _)| *name != "form[host]");
    let refused = send(&server, &staff, SAVE, &form).await;
    let again = page(&server, &staff, &refused).await.text;
    assert_eq!(area(&again, "form[mappings]"), mappings);
    let form = directory("", &mappings);
    assert!(send(&server, &staff, SAVE, &form).await.contains("done=saved"));
    let stored = server.get(&staff, "/api/admin/settings/identity-providers").await.data();
    assert_eq!(stored[0]["mappings"].as_array().map(Vec::len), Some(150));
}

#[tokio::test]
async fn a_long_chinese_announcement_survives_a_missing_title() {
    let server = Server::start().await;
    let staff = server.browser(&server.test.admin().await).await;
    let body = "维护公告：机房断电检修。".repeat(61);
    assert!(body.chars().count() >= 728);
    let form = |title: &'static str| {
        [
            ("form[kind]", "maintenance"),
            ("form[title]", title),
            ("form[body]", body.as_str()),
            ("form[audience]", "everybody"),
        ]
    };
    let refused = send(&server, &staff, "create_announcement", &form("")).await;
    assert!(refused.starts_with("/admin/announcements/new?refused=kept."), "{refused}");
    assert_eq!(area(&page(&server, &staff, &refused).await.text, "form[body]"), body);
    assert_eq!(send(&server, &staff, "create_announcement", &form("Power")).await, "/admin/announcements?done=made");
    // Of one session the newest few are kept.
    for _ in 0..10 {
        send(&server, &staff, "create_announcement", &form("")).await;
    }
    assert_eq!(server.count("select count(*) from kept_forms").await, 8);
    let gone = page(&server, &staff, &refused).await.text;
    assert!(gone.contains("is no longer kept"), "the oldest make room");
}

/// Nobody is signed in here: what is short goes with the address, and nothing is kept.
#[tokio::test]
async fn strangers_leave_nothing_behind() {
    let server = Server::start().await;
    let long = "x".repeat(9000);
    let refused = send(&server, &Who::Nobody, "sign_in", &[("username", &long), ("password", "wrong")]).await;
    assert!(refused.starts_with("/login") && refused.len() < 7000, "{refused}");
    assert_eq!(page(&server, &Who::Nobody, &refused).await.status, 200);
    assert_eq!(server.count("select count(*) from kept_forms").await, 0);
}

/// What is wrong in the lines of roles is named, and hides nothing else that is wrong.
#[tokio::test]
async fn unknown_roles_and_customers_are_named_beside_other_faults() {
    let server = Server::start().await;
    let acme = server.test.customer("Acme").await;
    let staff = server.browser(&server.test.admin().await).await;
    let known = format!("customer_member {}: lab", acme.id);
    let cases = [
        (format!("{known}\n\nkings: all"), "Line 3: there is no role called “kings”"),
        ("King!: all".to_owned(), "Line 1: there is no role called “King!”"),
        (format!("{known}\ncustomer_owner 4711: heads"), "Line 2: there is no customer with the number 4711"),
        ("customer_owner twelve: heads".to_owned(), "Line 1: “twelve” is not the number of a customer"),
        ("nonsense".to_owned(), "Line 1 does not read"),
    ];
    for (mappings, said) in cases {
        let mut form = directory("", &mappings);
        for (name, value) in &mut form {
            match *name {
                "form[port]" => *value = "many",
                "form[user_filter]" => *value = "uid",
                _ => {}
            }
        }
        let refused = send(&server, &staff, SAVE, &form).await;
        let text = page(&server, &staff, &refused).await.text;
        assert!(text.contains(said), "{said}: {text}");
        for id in ["f-form-port--fault", "f-form-user_filter--fault", "f-form-mappings--fault"] {
            assert!(text.contains(&format!("id=\"{id}\"")), "{said}: {id}");
        }
    }
    // Lines that read are none the worse for another field.
    let form = directory("", &known);
    let wrong: Vec<_> = form.iter().map(|(n, v)| (*n, if *n == "form[port]" { "many" } else { *v })).collect();
    let text = page(&server, &staff, &send(&server, &staff, SAVE, &wrong).await).await.text;
    assert!(text.contains("id=\"f-form-port--fault\"") && !text.contains("id=\"f-form-mappings--fault\""));
    assert_eq!(server.count("select count(*) from identity_providers").await, 0, "nothing of it was kept");
    assert!(send(&server, &staff, SAVE, &form).await.contains("done=saved"));
}

/// The page of a new service says the address that the service asks for first; a test counts for what was tested.
#[tokio::test]
async fn a_new_service_shows_its_redirect_address_and_a_change_drops_the_last_test() {
    let server = Server::start().await;
    let service = test_support::OidcProvider::start().await;
    let staff = server.browser(&server.test.admin().await).await;
    let text = page(&server, &staff, "/admin/settings/identity/new/oidc").await.text;
    assert!(
        text.contains(&format!("{}/api/auth/oidc/callback", server.origin()))
            || text.contains("/api/auth/oidc/callback")
    );
    let issuer = service.issuer().to_owned();
    let form = |name: &'static str, scopes: &'static str| {
        vec![
            ("form[kind]", "oidc"),
            ("form[name]", name),
            ("form[issuer]", issuer.as_str()),
            ("form[client_id]", test_support::OidcProvider::CLIENT_ID),
            ("form[scopes]", scopes),
            ("form[name_claim]", "preferred_username"),
            ("form[groups_claim]", "groups"),
        ]
    };
    let secret = ("form[secret]", test_support::OidcProvider::CLIENT_SECRET);
    send(&server, &staff, SAVE, &[&form("Sso", "profile")[..], &[secret]].concat()).await;
    let path = "/api/admin/settings/identity-providers";
    let stored = async || server.get(&staff, path).await.data()[0].clone();
    let id = stored().await["id"].to_string();
    let change = async |version: &str, name: &'static str, scopes: &'static str| {
        let of = [("id", id.as_str()), ("form[version]", version)];
        send(&server, &staff, SAVE, &[&of[..], &form(name, scopes)].concat()).await
    };
    assert!(send(&server, &staff, "test_identity_provider", &[("id", &id)]).await.contains("done=tested"));
    assert_eq!(stored().await["lastTest"]["done"], true);
    let version = stored().await["version"].to_string();
    assert!(change(&version, "Lab Sso", "profile").await.contains("done=saved"));
    assert_eq!(stored().await["lastTest"]["done"], true, "another name is the same service");
    // Somebody else's change came between: pressing again does not overwrite it.
    let refused = change(&version, "Mine", "profile").await;
    let text = page(&server, &staff, &refused).await.text;
    assert!(text.contains(&format!("name=\"form[version]\" value=\"{version}\"")), "{text}");
    assert!(text.contains(&format!("<a href=\"/admin/settings/identity/{id}\" class=\"link\">")), "{text}");
    let version = stored().await["version"].to_string();
    assert!(change(&version, "Lab Sso", "profile email").await.contains("done=saved"));
    assert!(stored().await["lastTest"].is_null(), "what was tested is no longer what is set");
    assert!(page(&server, &staff, "/admin/settings/identity").await.text.contains("Not tested as it is set now"));
}

/// Whom one invites is in no address, however few they are.
#[tokio::test]
async fn refused_addresses_of_people_stay_out_of_the_address_bar() {
    let (server, _sink) = with_mail().await;
    let acme = server.test.customer("Acme").await;
    let owner = server.browser(&acme.owner).await;
    for typed in ["zoe@", "zoe@ kim@example.org"] {
        let back = send(&server, &owner, "invite_person", &[("email", typed)]).await;
        assert!(back.starts_with("/members?refused=") && !back.contains("zoe"), "{back}");
        let shown = page(&server, &owner, back.split('#').next().unwrap()).await.text;
        assert_eq!(area(&shown, "email"), "zoe@", "whom nobody could invite is still there");
    }
}
