//! Signing in through a sign-in service of the tests' own, which also lies in every way it can.

mod binding;
mod ending;
mod groups;

use std::collections::HashMap;

use chrono::TimeDelta;
use contract::accounts::{
    EmailChangeRequest, GroupMapping, MappedRole, OidcSettings, PasswordChange, ProviderBody, ProviderKind,
    ProviderTestRequest, TotpProof,
};
use contract::{ErrorCode, IdentityProviderId, UserId};
use platform::accounts::identity::{self, Finished, Returned};
use platform::accounts::{self, SignInStep, SignedIn};
use platform::{OpContext, Result};
use serde_json::json;
use test_support::{Misbehaviour, OidcProvider, TestPlatform, TestUser, totp_code};

const BROWSER: [u8; 32] = [1; 32];
const OTHER_BROWSER: [u8; 32] = [2; 32];

fn body(name: &str, issuer: &str) -> ProviderBody {
    ProviderBody {
        kind: ProviderKind::Oidc,
        name: name.to_owned(),
        enabled: true,
        ldap: None,
        oidc: Some(OidcSettings {
            issuer: issuer.to_owned(),
            client_id: OidcProvider::CLIENT_ID.to_owned(),
            ..OidcSettings::default()
        }),
        secret: Some(OidcProvider::CLIENT_SECRET.to_owned()),
        creates_accounts: true,
        only_mapped: false,
        mappings: Vec::new(),
        password_url: None,
        version: None,
    }
}

struct World {
    test: TestPlatform,
    admin: TestUser,
    service: OidcProvider,
    provider: IdentityProviderId,
}

impl World {
    async fn new() -> Self {
        let test = TestPlatform::new().await;
        let admin = test.admin().await;
        let service = OidcProvider::start().await;
        let made = identity::create(&test.platform, &admin.ctx(), body("Sso", service.issuer())).await.unwrap();
        assert_eq!(made.redirect_url.as_deref(), Some("http://gpu.test/api/auth/oidc/callback"));
        Self { provider: made.id, test, admin, service }
    }

    /// One more service, with its row.
    async fn another(&self, name: &str) -> (OidcProvider, IdentityProviderId) {
        let service = OidcProvider::start().await;
        let made =
            identity::create(&self.test.platform, &self.admin.ctx(), body(name, service.issuer())).await.unwrap();
        (service, made.id)
    }

    /// The way there of a browser; what it comes back with.
    async fn there(&self, browser: &[u8; 32]) -> Result<HashMap<String, String>> {
        let ctx = self.test.anonymous();
        let next = Some("/account".to_owned());
        let address = identity::begin(&self.test.platform, &ctx, self.provider, next, browser).await?;
        Ok(self.service.sign_in(&address))
    }

    async fn back(&self, browser: &[u8; 32], back: &HashMap<String, String>) -> Result<Finished> {
        finish(&self.test, &self.test.anonymous(), browser, back).await
    }

    /// There and back.
    async fn sign_in(&self) -> Result<SignedIn> {
        let back = self.there(&BROWSER).await?;
        match self.back(&BROWSER, &back).await? {
            Finished::SignIn(SignInStep::Done(who), next) => {
                assert_eq!(next.as_deref(), Some("/account"));
                Ok(who)
            }
            other => panic!("{other:?}"),
        }
    }

    async fn sql(&self, statement: &'static str) -> Vec<String> {
        sqlx::query_scalar(statement).fetch_all(self.test.owner_pool()).await.unwrap()
    }
}

async fn finish(
    test: &TestPlatform,
    ctx: &OpContext,
    browser: &[u8; 32],
    back: &HashMap<String, String>,
) -> Result<Finished> {
    let get = |name: &str| back.get(name).cloned();
    let returned = Returned { state: get("state"), code: get("code"), error: get("error"), iss: get("iss") };
    let led = identity::finish(&test.platform, ctx, Some(*browser), &returned).await;
    led.map_err(|turned| turned.error)
}

fn refusal<T: std::fmt::Debug>(result: Result<T>) -> (ErrorCode, &'static str) {
    let error = result.expect_err("nobody gets in by this");
    (error.code, error.key)
}

const OVER: (ErrorCode, &str) = (ErrorCode::WrongState, "error-sso-over");
const REFUSED: (ErrorCode, &str) = (ErrorCode::BadCredentials, "error-sso-refused");

#[tokio::test]
async fn who_comes_for_the_first_time_gets_an_account_bound_to_issuer_and_subject() {
    let world = World::new().await;
    let first = world.sign_in().await.unwrap();
    // Everything that can change there changes; the person does not.
    world.service.says(json!({ "preferred_username": "w", "email": "w@example.org", "name": "W" }));
    assert_eq!(world.sign_in().await.unwrap().user, first.user);
    let made = "select name || ' ' || display_name || ' ' || email || ' ' || coalesce(password_hash, 'none')
                from users where password_hash is null";
    assert_eq!(world.sql(made).await, ["wanda Wanda Erer wanda@example.org none"]);
    let bound = world.sql("select issuer || ' ' || subject from user_identities").await;
    assert_eq!(bound, [format!("{} 1", world.service.issuer())]);
    assert_eq!(world.sql("select state_hash::text from oidc_sign_ins").await, [""; 0], "nothing is left of the ways");
    let log = "select action || ' ' || (after->>'provider') from audit_events where via = 'rest' and outcome = 'done'
               and action like 'accounts:%' order by id";
    let signed_in = "accounts:sign-in Sso";
    assert_eq!(world.sql(log).await, ["accounts:create-from-provider Sso", signed_in, signed_in]);
    // What goes through the database on the way says nothing.
    world.there(&BROWSER).await.unwrap();
    let sealed: Vec<u8> =
        sqlx::query_scalar("select sealed from oidc_sign_ins").fetch_one(world.test.owner_pool()).await.unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("nonce"));
}

#[tokio::test]
async fn what_a_service_calls_people_is_a_name_as_ours_are() {
    let world = World::new().await;
    for (subject, name, email, kept) in [
        ("a", "Eve\u{202e}gnp.exe", "e\u{200b}ve@example.org", "Evegnp.exe none"),
        ("b", "\u{200b}", "b@example.org", " b@example.org"),
        ("c", "Staff of the platform", "c@example.org", " c@example.org"),
        ("d", "Olga https://evil.example", "d@example.org", " d@example.org"),
        ("e", "Olga\u{2028}\u{a0} Li", "e@example.org", "Olga Li e@example.org"),
    ] {
        world.service.says(json!({ "sub": subject, "preferred_username": subject, "email": email, "name": name }));
        world.sign_in().await.unwrap();
        let last = "select display_name || ' ' || coalesce(email, 'none') from users order by id desc limit 1";
        assert_eq!(world.sql(last).await, [kept], "{name:?}");
    }
}

#[tokio::test]
async fn a_service_that_lies_lets_nobody_in() {
    let world = World::new().await;
    for lie in Misbehaviour::OF_TOKENS {
        world.service.misbehave(lie);
        let back = world.there(&BROWSER).await.unwrap();
        assert_eq!(refusal(world.back(&BROWSER, &back).await), REFUSED, "{lie:?}");
        // The same answer again is none, even when it would hold by now.
        world.service.misbehave(Misbehaviour::None);
        assert_eq!(refusal(world.back(&BROWSER, &back).await), OVER, "{lie:?}");
    }
    assert_eq!(world.sql("select name::text from users where password_hash is null").await, [""; 0]);
    let why = "select distinct after->>'why' from audit_events where action = 'accounts:sign-in' and outcome = 'failed'
               order by 1";
    let words = [
        "access-token",
        "audience",
        "claims",
        "expired",
        "issuer",
        "no-token",
        "nonce",
        "not-yet",
        "party",
        "signature",
        "subject",
    ];
    let told = world.sql(why).await;
    assert!(told.iter().all(|word| words.contains(&word.as_str())), "{told:?}");
    world.sign_in().await.expect("and who tells the truth gets in");
}

#[tokio::test]
async fn what_comes_back_counts_once_in_its_own_browser_and_in_time() {
    let world = World::new().await;
    let back = world.there(&BROWSER).await.unwrap();
    let with = |name: &str, value: &str| {
        let mut other = back.clone();
        other.insert(name.to_owned(), value.to_owned());
        other
    };
    let without = |name: &str| back.clone().into_iter().filter(|(key, _)| key != name).collect::<HashMap<_, _>>();
    // None of these uses up the true way.
    assert_eq!(refusal(world.back(&BROWSER, &with("state", "foreign")).await), OVER, "a foreign state");
    assert_eq!(refusal(world.back(&BROWSER, &with("state", "")).await), OVER, "no state");
    assert_eq!(refusal(world.back(&BROWSER, &without("state")).await), OVER, "no state");
    assert_eq!(refusal(world.back(&OTHER_BROWSER, &back).await), OVER, "another browser");
    let nowhere =
        Returned { state: back.get("state").cloned(), code: back.get("code").cloned(), ..Returned::default() };
    let no_session = identity::finish(&world.test.platform, &world.test.anonymous(), None, &nowhere).await;
    assert_eq!(refusal(no_session.map_err(|turned| turned.error)), OVER, "no browser at all");
    let signed_in = finish(&world.test, &world.admin.ctx(), &BROWSER, &back).await;
    assert_eq!(refusal(signed_in), OVER, "somebody who is signed in meanwhile");
    // That one did: whoever it was, it was used.
    assert_eq!(refusal(world.back(&BROWSER, &back).await), OVER);

    let back = world.there(&BROWSER).await.unwrap();
    world.back(&BROWSER, &back).await.unwrap();
    assert_eq!(refusal(world.back(&BROWSER, &back).await), OVER, "a second time");

    // A code that was used, with a state of its own: the service's own check.
    let (used, mut fresh) = (back, world.there(&BROWSER).await.unwrap());
    fresh.insert("code".to_owned(), used["code"].clone());
    assert_eq!(refusal(world.back(&BROWSER, &fresh).await), REFUSED, "a code that was used");
    // Another browser's code: PKCE at the service, and where the service does not look, the nonce.
    let theirs = world.there(&OTHER_BROWSER).await.unwrap();
    for lax in [Misbehaviour::None, Misbehaviour::TakesEveryCode] {
        world.service.misbehave(lax);
        let mut mine = world.there(&BROWSER).await.unwrap();
        mine.insert("code".to_owned(), theirs["code"].clone());
        assert_eq!(refusal(world.back(&BROWSER, &mine).await), REFUSED, "another browser's code, {lax:?}");
    }
    world.service.misbehave(Misbehaviour::None);

    let mut denied = world.there(&BROWSER).await.unwrap();
    denied.remove("code");
    denied.insert("error".to_owned(), "access_denied".to_owned());
    assert_eq!(refusal(world.back(&BROWSER, &denied).await).1, "error-sso-denied");
    let late = world.there(&BROWSER).await.unwrap();
    world.test.clock().advance(TimeDelta::minutes(10) + TimeDelta::seconds(1));
    assert_eq!(refusal(world.back(&BROWSER, &late).await), OVER, "too late");
}

#[tokio::test]
async fn refusals_are_told_apart_and_the_service_s_own_code_is_kept() {
    let world = World::new().await;
    for (lie, code, key) in [
        (Misbehaviour::RefusesClient, ErrorCode::BadCredentials, "error-sso-client"),
        (Misbehaviour::RefusesRequest, ErrorCode::BadCredentials, "error-sso-request"),
        (Misbehaviour::SaysFault, ErrorCode::Unavailable, "error-sso-fault"),
        (Misbehaviour::Broken, ErrorCode::Unavailable, "error-sso-fault"),
        (Misbehaviour::PageForTokens, ErrorCode::Unavailable, "error-sso-fault"),
    ] {
        let back = world.there(&BROWSER).await.unwrap();
        world.service.misbehave(lie);
        assert_eq!(refusal(world.back(&BROWSER, &back).await), (code, key), "{lie:?}");
        world.service.misbehave(Misbehaviour::None);
    }
    for (error, key) in [
        ("access_denied", "error-sso-denied"),
        ("server_error", "error-sso-fault"),
        ("invalid_scope", "error-sso-request"),
        ("unauthorized_client", "error-sso-client"),
        ("login_required", "error-sso-login"),
        ("<script>\u{7}", "error-sso-request"),
    ] {
        let mut back = world.there(&BROWSER).await.unwrap();
        back.remove("code");
        back.insert("error".to_owned(), error.to_owned());
        assert_eq!(refusal(world.back(&BROWSER, &back).await).1, key, "{error}");
    }
    // Where they wanted to go is not lost.
    let mut back = world.there(&BROWSER).await.unwrap();
    let state = back.remove("state");
    let returned = Returned { state, error: Some("access_denied".to_owned()), ..Returned::default() };
    let turned =
        identity::finish(&world.test.platform, &world.test.anonymous(), Some(BROWSER), &returned).await.unwrap_err();
    assert_eq!(turned.next.as_deref(), Some("/account"));
    let log = "select concat_ws(' ', after->>'why', after->>'error') from audit_events
               where action = 'accounts:sign-in' and outcome = 'failed' order by id";
    let told = world.sql(log).await;
    let wanted = [
        "client invalid_client",
        "request invalid_scope",
        "fault server_error",
        "fault HTTP 500",
        "fault no OAuth answer",
        "denied access_denied",
        "fault server_error",
        "request invalid_scope",
        "client unauthorized_client",
        "login login_required",
        "request <script>?",
        "denied access_denied",
    ];
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn a_service_that_is_away_or_leads_astray_is_not_followed() {
    let world = World::new().await;
    // Waiting does not help against what it says of itself.
    let setup = (ErrorCode::Unavailable, "error-sso-setup");
    // Asked anew each time: a change of the provider forgets what was read.
    let forget = async |change: &str| {
        let now = identity::get(&world.test.platform, &world.admin.ctx(), world.provider).await.unwrap();
        let wish = ProviderBody { secret: None, ..body(change, &now.oidc.unwrap().issuer) };
        identity::update(&world.test.platform, &world.admin.ctx(), world.provider, wish).await.unwrap();
    };
    for lie in [Misbehaviour::OtherIssuer, Misbehaviour::TokensElsewhere, Misbehaviour::NoDescription] {
        world.service.misbehave(lie);
        forget(&format!("{lie:?}")).await;
        match world.there(&BROWSER).await {
            Err(error) => assert_eq!((error.code, error.key), setup, "{lie:?}"),
            Ok(back) => assert_eq!(refusal(world.back(&BROWSER, &back).await), setup, "{lie:?}"),
        }
    }
    world.service.misbehave(Misbehaviour::None);
    forget("again").await;
    for lie in [Misbehaviour::Redirects, Misbehaviour::Endless, Misbehaviour::Broken] {
        let back = world.there(&BROWSER).await.unwrap();
        world.service.misbehave(lie);
        let (code, _) = refusal(world.back(&BROWSER, &back).await);
        assert!([ErrorCode::Unavailable, ErrorCode::BadCredentials].contains(&code), "{lie:?}: {code:?}");
        world.service.misbehave(Misbehaviour::None);
    }
    world.sign_in().await.unwrap();
    // What is not in use is not there.
    let wish = ProviderBody { enabled: false, secret: None, ..body("off", world.service.issuer()) };
    identity::update(&world.test.platform, &world.admin.ctx(), world.provider, wish).await.unwrap();
    assert_eq!(refusal(world.there(&BROWSER).await), (ErrorCode::NotFound, "error-sso-gone"));
    let none =
        identity::begin(&world.test.platform, &world.test.anonymous(), IdentityProviderId(999), None, &BROWSER).await;
    assert_eq!(refusal(none).0, ErrorCode::NotFound);
}

#[tokio::test]
async fn the_same_address_or_subject_from_another_issuer_is_somebody_else() {
    let world = World::new().await;
    let here = world.test.outsider("wanda").await;
    sqlx::query("update users set email = 'wanda@example.org' where name = 'wanda'")
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    let first = world.sign_in().await.unwrap();
    assert_ne!(first.user, here.id, "a local account of that name and address is not hers");
    let names =
        "select name || ' ' || coalesce(email::text, 'none') from users where password_hash is null order by id";
    assert_eq!(world.sql(names).await, ["wanda-2 none"]);
    // They read so for a day, first of all when they come for the first time, and staff find it.
    let theirs = as_user(&world, first.user, first.token_version);
    let platform = &world.test.platform;
    assert!(identity::has_address_notice(platform, &world.test.anonymous(), first.user).await.unwrap());
    for _ in ["read", "and read again: nothing is changed by that"] {
        assert_eq!(identity::address_notice(platform, &theirs).await.unwrap().as_deref(), Some("Sso"));
    }
    let log = "select after->>'addressOfAnother' from audit_events where action = 'accounts:create-from-provider'";
    assert_eq!(world.sql(log).await, ["wanda@example.org"]);

    let (second, provider) = world.another("Second").await;
    let ctx = world.test.anonymous();
    let address = identity::begin(&world.test.platform, &ctx, provider, None, &BROWSER).await.unwrap();
    let back = second.sign_in(&address);
    let Finished::SignIn(SignInStep::Done(other), _) = finish(&world.test, &ctx, &BROWSER, &back).await.unwrap() else {
        panic!("she signs in");
    };
    assert!(other.user != first.user && other.user != here.id, "subject 1 of another issuer");
    assert_eq!(world.sql(names).await, ["wanda-2 none", "wanda-3 none"]);

    // An admin who points a provider somewhere else gives nobody's account away.
    let wish = body("Sso", second.issuer());
    identity::update(&world.test.platform, &world.admin.ctx(), world.provider, wish).await.unwrap();
    let address = identity::begin(&world.test.platform, &ctx, world.provider, None, &BROWSER).await.unwrap();
    let back = second.sign_in(&address);
    let Finished::SignIn(SignInStep::Done(third), _) = finish(&world.test, &ctx, &BROWSER, &back).await.unwrap() else {
        panic!("she signs in");
    };
    assert!(![first.user, other.user, here.id].contains(&third.user));
    // An answer of one service for a way to another.
    let address = identity::begin(&world.test.platform, &ctx, provider, None, &BROWSER).await.unwrap();
    let mut mixed = second.sign_in(&address);
    mixed.insert("iss".to_owned(), world.service.issuer().to_owned());
    assert_eq!(refusal(finish(&world.test, &ctx, &BROWSER, &mixed).await), REFUSED);
    // An address that the service did not check is not taken.
    second
        .says(json!({ "sub": "9", "preferred_username": "zoe", "email": "zoe@example.org", "email_verified": false }));
    let address = identity::begin(&world.test.platform, &ctx, provider, None, &BROWSER).await.unwrap();
    finish(&world.test, &ctx, &BROWSER, &second.sign_in(&address)).await.unwrap();
    let zoe = world.sql("select coalesce(email::text, 'none') from users where name = 'zoe'").await;
    assert_eq!(zoe, ["none"]);
    let silent = "select i.address_taken::text from user_identities i join users u on u.id = i.user_id
                  where u.name = 'zoe'";
    assert_eq!(world.sql(silent).await, ["false"], "and whose it is, is nobody's to find out by it");
}

#[tokio::test]
async fn nobody_is_called_as_a_part_of_the_platform_by_a_service() {
    let world = World::new().await;
    for (subject, name) in [("s1", "System"), ("s2", "system"), ("s3", "operator@example.org"), ("s4", "systems")] {
        world.service.says(json!({ "sub": subject, "preferred_username": name }));
        world.sign_in().await.unwrap();
    }
    let names = "select name from users where password_hash is null order by id";
    assert_eq!(world.sql(names).await, ["system-2", "system-3", "operator-2", "systems"]);
    let log = "select after->>'name' from audit_events where action = 'accounts:create-from-provider' order by id";
    assert_eq!(world.sql(log).await, ["system-2", "system-3", "operator-2", "systems"], "as they are called here");
}

#[tokio::test]
async fn groups_disabled_accounts_and_new_keys() {
    let world = World::new().await;
    let acme = world.test.customer("Acme").await;
    let mut wish = body("Sso", world.service.issuer());
    wish.mappings =
        vec![GroupMapping { group: "lab".to_owned(), role: MappedRole::CustomerOwner, customer_id: Some(acme.id) }];
    wish.oidc.as_mut().unwrap().groups_claim = "realm_access.roles".to_owned();
    identity::update(&world.test.platform, &world.admin.ctx(), world.provider, wish).await.unwrap();
    let without = world.sign_in().await.unwrap();
    assert_eq!(without.active_customer, None);
    world.service.says(json!({ "realm_access": { "roles": ["other", "lab"] } }));
    let with = world.sign_in().await.unwrap();
    assert_eq!((with.user, with.active_customer), (without.user, Some(acme.id)));
    assert!(with.token_version > without.token_version);

    // The service has new keys: what was read of it before does not keep anybody out for long.
    let read = world.service.described();
    world.sign_in().await.unwrap();
    assert_eq!(world.service.described(), read, "it is not asked for every sign-in");
    world.service.renew_key();
    world.sign_in().await.unwrap();
    assert_eq!(world.service.described(), read + 1);

    sqlx::query("update users set state = 'disabled' where id = $1")
        .bind(with.user.0)
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    let back = world.there(&BROWSER).await.unwrap();
    let disabled = (ErrorCode::BadCredentials, "error-identity-disabled");
    assert_eq!(
        refusal(world.back(&BROWSER, &back).await),
        disabled,
        "it says so: nothing was typed that could be wrong"
    );
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_ones_password_is_elsewhere() {
    let world = World::new().await;
    let who = world.sign_in().await.unwrap();
    let ctx = as_user(&world, who.user, who.token_version);
    let only = identity::identities(&world.test.platform, &ctx).await.unwrap();
    assert_eq!(refusal(identity::unlink(&world.test.platform, &ctx, only[0].id).await).1, "error-identity-only-way");
    let change = PasswordChange { old_password: "x".to_owned(), new_password: "a much better one".to_owned() };
    let error = accounts::change_password(&world.test.platform, &ctx, &change).await.unwrap_err();
    assert_eq!((error.key, error.args[0].1.as_str()), ("error-password-elsewhere", "Sso"));

    just_signed_in(&world, who.user).await;
    let secret = accounts::enroll_totp(&world.test.platform, &ctx, "").await.unwrap().secret;
    let now = world.test.clock().now();
    let (_, who) = accounts::confirm_totp(&world.test.platform, &ctx, &totp_code(&secret, now)).await.unwrap();
    let back = world.there(&BROWSER).await.unwrap();
    let Finished::SignIn(SignInStep::CodeNeeded(needed), next) = world.back(&BROWSER, &back).await.unwrap() else {
        panic!("a code is asked for");
    };
    assert_eq!(next.as_deref(), Some("/account"));
    accounts::open_challenge(&world.test.platform, &world.test.anonymous(), needed, &BROWSER).await.unwrap();
    world.test.clock().advance(TimeDelta::seconds(60));
    let code = totp_code(&secret, world.test.clock().now());
    let answered = accounts::answer_challenge(&world.test.platform, &world.test.anonymous(), &BROWSER, &code).await;
    assert_eq!(answered.unwrap().user, who.user);
    // There is no password to prove oneself with: the code alone switches it off.
    let ctx = as_user(&world, who.user, who.token_version);
    let wrong = TotpProof { password: String::new(), code: "000000".to_owned() };
    assert_eq!(refusal(accounts::disable_totp(&world.test.platform, &ctx, &wrong).await).0, ErrorCode::Validation);
    let change = EmailChangeRequest { email: "a@example.org".to_owned(), password: String::new() };
    let elsewhere = accounts::request_email_change(&world.test.platform, &ctx, &change).await.unwrap_err();
    assert_eq!(elsewhere.key, "error-email-elsewhere", "nor is one asked for");
    world.test.clock().advance(TimeDelta::seconds(60));
    let right = TotpProof { code: totp_code(&secret, world.test.clock().now()), ..wrong };
    accounts::disable_totp(&world.test.platform, &as_user(&world, who.user, who.token_version), &right).await.unwrap();
}

#[tokio::test]
async fn the_test_button_says_what_is_wrong() {
    let world = World::new().await;
    let (platform, ctx) = (&world.test.platform, world.admin.ctx());
    let run = async || identity::test(platform, &ctx, world.provider, ProviderTestRequest::default()).await.unwrap();
    let fine = run().await;
    let steps: Vec<_> = fine.steps.iter().map(|step| step.step.code()).collect();
    assert_eq!((fine.done, steps), (true, vec!["discovery", "issuer", "abilities", "keys", "client", "redirect"]));
    assert!(fine.steps[5].message.contains("http://gpu.test/api/auth/oidc/callback"), "{:?}", fine.steps[5]);
    for (lie, step, says) in [
        (Misbehaviour::RefusesClient, "client", "does not take the client ID or the secret"),
        (Misbehaviour::Broken, "client", "answers with a fault of its own"),
        (Misbehaviour::SaysFault, "client", "answers with a fault of its own"),
        (Misbehaviour::PageForTokens, "client", "answers with a fault of its own"),
        (Misbehaviour::TokensElsewhere, "abilities", "an address for signing in that is not asked"),
        (Misbehaviour::OnlySharedSecrets, "abilities", "signs in no way that can be checked"),
        (Misbehaviour::OnlyKeysOfClients, "abilities", "takes the client secret in no way"),
    ] {
        world.service.misbehave(lie);
        let test = run().await;
        let last = test.steps.last().unwrap();
        assert_eq!((test.done, last.step.code(), last.done), (false, step, false), "{lie:?}");
        assert!(last.message.contains(says), "{lie:?}: {}", last.message);
    }
    world.service.misbehave(Misbehaviour::RefusesRequest);
    let unclear = run().await;
    assert!(unclear.done && unclear.steps[4].message.contains("invalid_scope"), "{unclear:?}");
    // Signing in works there: it is no failure.
    world.service.misbehave(Misbehaviour::OtherPkce);
    let weaker = run().await;
    assert!(weaker.done && weaker.steps[2].message.contains("cannot protect codes with PKCE"), "{weaker:?}");
    world.service.misbehave(Misbehaviour::None);
    let kept = identity::get(platform, &ctx, world.provider).await.unwrap().last_test.unwrap();
    assert_eq!(kept.steps.len(), 6, "every step is read again");
    world.service.misbehave(Misbehaviour::OtherIssuer);
    let other = run().await;
    let last = other.steps.last().unwrap();
    assert_eq!((other.done, last.step.code(), last.done), (false, "issuer", false));
    assert!(last.message.starts_with("The service calls itself something else"), "{}", last.message);
    for (issuer, message) in [
        ("http://127.0.0.1:1", "The service could not be reached"),
        ("https://169.254.169.254", "Enter an address"),
        (&format!("{}/nothing", world.service.issuer()), "Something answers there"),
    ] {
        match identity::update(platform, &ctx, world.provider, body("Sso", issuer)).await {
            Err(error) => assert_eq!(error.fields[0].key, "field-oidc-issuer", "{message}"),
            Ok(_) => {
                let test = run().await;
                assert!(test.steps.last().unwrap().message.starts_with(message), "{test:?}");
            }
        }
    }
    let services = identity::services(platform, &world.test.anonymous()).await.unwrap();
    assert_eq!(services.iter().map(|service| service.name.as_str()).collect::<Vec<_>>(), ["Sso"]);
}

/// A request of an account that came in through the service.
/// The session that [`as_user`] has is theirs, and began now.
async fn just_signed_in(world: &World, id: UserId) {
    sqlx::query("update sessions set user_id = $1, created_at = $2 where id = $3")
        .bind(id.0)
        .bind(world.test.clock().now())
        .bind(world.admin.principal.session.0)
        .execute(world.test.owner_pool())
        .await
        .unwrap();
}

fn as_user(world: &World, id: UserId, token_version: i64) -> OpContext {
    let mut user = world.admin.principal.clone();
    (user.id, user.name, user.token_version, user.platform_admin) = (id, "wanda".to_owned(), token_version, false);
    let ctx = world.test.anonymous();
    let principal = platform::Principal::User(Box::new(user));
    OpContext::new(principal, ctx.now(), ctx.via(), ctx.request_id(), ctx.address(), ctx.language())
}
