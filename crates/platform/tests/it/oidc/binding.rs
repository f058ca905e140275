//! Binding an account to a sign-in service, parting from it, and who is told.

use chrono::TimeDelta;
use contract::ErrorCode;
use contract::accounts::{LoginRequest, TotpProof};
use contract::notifications::{NotificationKind, NotificationQuery};
use contract::users::UserPassword;
use platform::accounts::identity::{self, Finished, LinkProof};
use platform::accounts::users;
use platform::{OpContext, accounts, notifications};
use serde_json::json;
use test_support::{PASSWORD, totp_code};

use super::{BROWSER, OVER, World, as_user, finish, just_signed_in, refusal};

#[tokio::test]
async fn one_s_own_account_is_bound_only_with_a_yes() {
    let world = World::new().await;
    let local = world.test.outsider("local").await;
    let (platform, ctx) = (&world.test.platform, local.ctx());
    let address = identity::begin(platform, &ctx, world.provider, None, &BROWSER).await.unwrap();
    let back = world.service.sign_in(&address);
    // Coming back signed in as nobody, or as somebody else, leads nowhere.
    assert_eq!(refusal(world.back(&BROWSER, &back).await), OVER);
    let address = identity::begin(platform, &ctx, world.provider, None, &BROWSER).await.unwrap();
    let back = world.service.sign_in(&address);
    assert!(matches!(finish(&world.test, &ctx, &BROWSER, &back).await.unwrap(), Finished::LinkProposed));
    assert_eq!(identity::identities(platform, &ctx).await.unwrap().len(), 0, "nothing is bound yet");
    let proposed = identity::proposed_link(platform, &ctx).await.unwrap().unwrap();
    assert_eq!((proposed.provider_name.as_str(), proposed.label.as_str()), ("Sso", "wanda@example.org"));
    identity::forget_link(platform, &ctx).await.unwrap();
    assert_eq!(proposed.proof, LinkProof::Password);
    let yes = TotpProof { password: PASSWORD.to_owned(), code: String::new() };
    assert_eq!(refusal(identity::confirm_link(platform, &ctx, &yes).await), OVER);

    let link = async |ctx: &OpContext| {
        let address = identity::begin(platform, ctx, world.provider, None, &BROWSER).await.unwrap();
        let back = world.service.sign_in(&address);
        finish(&world.test, ctx, &BROWSER, &back).await.unwrap();
        identity::confirm_link(platform, ctx, &yes).await
    };
    link(&ctx).await.unwrap();
    assert_eq!(world.sign_in().await.unwrap().user, local.id);
    let by_password =
        LoginRequest { username: "local".to_owned(), password: PASSWORD.to_owned(), ..Default::default() };
    accounts::sign_in(platform, &world.test.anonymous(), &by_password).await.unwrap();
    assert_eq!(refusal(link(&ctx).await).1, "error-identity-taken");
    assert_eq!(refusal(link(&world.admin.ctx()).await).1, "error-identity-taken");
    assert_eq!(identity::proposed_link(platform, &world.admin.ctx()).await.unwrap(), None, "it is not asked again");
    let bound = identity::identities(platform, &ctx).await.unwrap();
    assert_eq!(refusal(identity::unlink(platform, &world.admin.ctx(), bound[0].id).await).0, ErrorCode::NotFound);
    identity::unlink(platform, &ctx, bound[0].id).await.unwrap();
    assert_ne!(world.sign_in().await.unwrap().user, local.id, "now it is somebody else's");
    let log = "select action || ' ' || outcome from audit_events where action like '%link-identity' order by id";
    let [bound, taken, parted] =
        ["accounts:link-identity done", "accounts:link-identity failed", "accounts:unlink-identity done"];
    assert_eq!(world.sql(log).await, [bound, taken, taken, parted]);
    let told = "select kind from notifications where kind = 'identities-changed' order by id";
    assert_eq!(world.sql(told).await.len(), 2, "the owner hears of both");
}

#[tokio::test]
async fn whoever_sits_at_an_open_session_binds_nothing() {
    let world = World::new().await;
    let local = world.test.outsider("local").await;
    let (platform, ctx) = (&world.test.platform, local.ctx());
    let address = identity::begin(platform, &ctx, world.provider, None, &BROWSER).await.unwrap();
    finish(&world.test, &ctx, &BROWSER, &world.service.sign_in(&address)).await.unwrap();
    let proof = |password: &str| TotpProof { password: password.to_owned(), code: String::new() };
    let fault = async |password: &str| {
        let error = identity::confirm_link(platform, &ctx, &proof(password)).await.unwrap_err();
        (error.code, error.fields.first().map(|field| (field.path, field.key)))
    };
    assert_eq!(fault("").await, (ErrorCode::Validation, Some(("password", "field-required"))));
    assert_eq!(fault("guessed").await, (ErrorCode::Validation, Some(("password", "field-password-wrong"))));
    assert_eq!(identity::identities(platform, &ctx).await.unwrap(), []);
    let failed =
        "select count(*)::text from audit_events where action = 'accounts:link-identity' and outcome = 'failed'";
    assert_eq!(world.sql(failed).await, ["1"], "a guess counts as one at sign-in does");
    identity::confirm_link(platform, &ctx, &proof(PASSWORD)).await.unwrap();
    let bound = identity::identities(platform, &ctx).await.unwrap();
    assert_eq!(bound[0].label, "wanda@example.org");
}

#[tokio::test]
async fn who_has_no_password_binds_with_a_code_or_just_after_signing_in() {
    let world = World::new().await;
    let (second, provider) = world.another("Second").await;
    second.says(json!({ "sub": "7" }));
    let who = world.sign_in().await.unwrap();
    let platform = &world.test.platform;
    let mut ctx = as_user(&world, who.user, who.token_version);
    let propose = async |ctx: &OpContext| {
        let address = identity::begin(platform, ctx, provider, None, &BROWSER).await.unwrap();
        finish(&world.test, ctx, &BROWSER, &second.sign_in(&address)).await.unwrap();
        identity::proposed_link(platform, ctx).await.unwrap().unwrap().proof
    };
    let nothing = TotpProof::default();
    // The session of this request began nowhere that is known: too long ago.
    assert_eq!(propose(&ctx).await, LinkProof::SignInAgain);
    let again = identity::confirm_link(platform, &ctx, &nothing).await;
    assert_eq!(refusal(again).1, "error-identity-sign-in-again");

    // The same proof stands before a second factor.
    assert_eq!(refusal(accounts::enroll_totp(platform, &ctx, "").await).1, "error-identity-sign-in-again");
    just_signed_in(&world, who.user).await;
    let secret = accounts::enroll_totp(platform, &ctx, "").await.unwrap().secret;
    let code = totp_code(&secret, world.test.clock().now());
    let (_, who) = accounts::confirm_totp(platform, &ctx, &code).await.unwrap();
    ctx = as_user(&world, who.user, who.token_version);
    assert_eq!(propose(&ctx).await, LinkProof::Code);
    let wrong = TotpProof { code: "000000".to_owned(), ..nothing };
    assert_eq!(refusal(identity::confirm_link(platform, &ctx, &wrong).await).0, ErrorCode::Validation);
    world.test.clock().advance(TimeDelta::seconds(60));
    let ctx = as_user(&world, who.user, who.token_version);
    let right = TotpProof { code: totp_code(&secret, world.test.clock().now()), ..wrong };
    identity::confirm_link(platform, &ctx, &right).await.unwrap();
    assert_eq!(identity::identities(platform, &ctx).await.unwrap().len(), 2);
}

#[tokio::test]
async fn staff_see_what_somebody_is_bound_to_and_part_them() {
    let world = World::new().await;
    let platform = &world.test.platform;
    let who = world.sign_in().await.unwrap();
    let staff = world.admin.ctx();
    let seen = users::get(platform, &staff, who.user).await.unwrap();
    assert_eq!((seen.has_password, seen.may.unlink_identities.allowed), (false, true));
    let [identity] = &seen.identities[..] else { panic!("one binding: {seen:?}") };
    assert_eq!((identity.provider_name.as_str(), identity.label.as_str()), ("Sso", "wanda@example.org"));
    assert!(identity.last_login_at.is_some());

    let part = async |ctx: &OpContext, only_way: bool| {
        users::unlink_identity(platform, ctx, (who.user, identity.id), only_way).await
    };
    let theirs = as_user(&world, who.user, who.token_version);
    assert_eq!(refusal(part(&theirs, true).await).0, ErrorCode::NotFound, "it is staff's");
    assert_eq!(refusal(part(&staff, false).await).1, "error-user-identity-only-way");
    let parted = part(&staff, true).await.unwrap();
    assert_eq!(parted.identities, []);
    assert_eq!(refusal(part(&staff, true).await).0, ErrorCode::NotFound, "it is gone");
    let version = "select token_version::text from users where name = 'wanda'";
    assert_ne!(world.sql(version).await, [who.token_version.to_string()], "every session ended");
    let told = notifications::list(platform, &theirs, &NotificationQuery::default()).await.unwrap().list;
    assert_eq!(told[0].kind, NotificationKind::IdentitiesChanged);
    assert!(told[0].message.contains("parted your account from Sso"), "{}", told[0].message);
    let log = "select (before->>'provider') || ' ' || (before->>'label') from audit_events
               where action = 'users:unlink-identity'";
    assert_eq!(world.sql(log).await, ["Sso wanda@example.org"]);
    // With a password it is not the only way any more.
    let again = world.sign_in().await.unwrap();
    assert_ne!(again.user, who.user, "whoever is that there is somebody else here now");
    let plain = users::set_password(platform, &staff, again.user, UserPassword::default()).await;
    assert_eq!(refusal(plain).1, "error-user-password-elsewhere");
    let meant = UserPassword { local: true, ..UserPassword::default() };
    users::set_password(platform, &staff, again.user, meant).await.unwrap();
    let identity = users::get(platform, &staff, again.user).await.unwrap().identities.remove(0);
    users::unlink_identity(platform, &staff, (again.user, identity.id), false).await.unwrap();
    // One's own is one's own page's.
    let own = users::unlink_identity(platform, &staff, (world.admin.id, identity.id), true).await;
    assert_eq!(refusal(own).1, "error-user-self-identities");
}
