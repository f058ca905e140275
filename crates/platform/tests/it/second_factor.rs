//! The second factor: setting it up, signing in with it, and switching it off.

use chrono::TimeDelta;
use contract::accounts::{LoginRequest, RecoveryCodes, TotpProof};
use contract::users::UserQuery;
use contract::{ErrorCode, Permission};
use platform::accounts::{self, SignInStep, SignedIn, users};
use platform::{Error, Result};
use test_support::{TestPlatform, TestUser, totp_code};

struct Armed {
    test: TestPlatform,
    user: TestUser,
    secret: String,
    recovery: Vec<String>,
}

impl Armed {
    /// Somebody whose second factor is on.
    async fn new() -> Self {
        let test = TestPlatform::new().await;
        let mut user = test.outsider("careful").await;
        let secret = accounts::enroll_totp(&test.platform, &user.ctx(), user.password).await.unwrap().secret;
        let code = totp_code(&secret, test.clock().now());
        let (codes, who) = accounts::confirm_totp(&test.platform, &user.ctx(), &code).await.unwrap();
        user.principal.token_version = who.token_version;
        // The next code, so that what follows is not a replay of the confirmation.
        test.clock().advance(TimeDelta::seconds(60));
        Self { test, user, secret, recovery: codes.recovery_codes }
    }

    fn code(&self) -> String {
        totp_code(&self.secret, self.test.clock().now())
    }

    async fn sign_in(&self, otp: Option<&str>) -> Result<SignedIn> {
        let request = LoginRequest {
            username: self.user.name.clone(),
            password: self.user.password.to_owned(),
            otp: otp.map(str::to_owned),
            ..Default::default()
        };
        accounts::sign_in(&self.test.platform, &self.test.anonymous(), &request).await
    }

    async fn refused(&self, otp: Option<&str>) -> (ErrorCode, &'static str) {
        let error: Error = self.sign_in(otp).await.unwrap_err();
        (error.code, error.key)
    }

    /// A browser of this number whose password was right.
    async fn challenged(&self, browser: u8) -> [u8; 32] {
        let request = LoginRequest {
            username: self.user.name.clone(),
            password: self.user.password.to_owned(),
            ..Default::default()
        };
        let ctx = self.test.anonymous();
        let step = accounts::begin_sign_in(&self.test.platform, &ctx, &request).await.unwrap();
        let SignInStep::CodeNeeded(needed) = step else { panic!("{step:?}") };
        accounts::open_challenge(&self.test.platform, &ctx, needed, &[browser; 32]).await.unwrap();
        [browser; 32]
    }

    async fn answer(&self, browser: &[u8; 32], code: &str) -> Result<SignedIn> {
        accounts::answer_challenge(&self.test.platform, &self.test.anonymous(), browser, code).await
    }
}

const MISSING: (ErrorCode, &str) = (ErrorCode::SecondFactorRequired, "error-second-factor-required");
const WRONG: (ErrorCode, &str) = (ErrorCode::SecondFactorRequired, "error-second-factor-wrong");

#[tokio::test]
async fn it_counts_once_it_is_confirmed_and_then_for_every_sign_in() {
    let test = TestPlatform::new().await;
    let user = test.outsider("careful").await;
    let (platform, ctx) = (&test.platform, user.ctx());
    let request =
        LoginRequest { username: user.name.clone(), password: user.password.to_owned(), ..Default::default() };
    assert_eq!(accounts::pending_totp(platform, &ctx).await.unwrap().map(|e| e.secret), None);
    assert_eq!(accounts::confirm_totp(platform, &ctx, "123456").await.unwrap_err().code, ErrorCode::WrongState);
    let first = accounts::enroll_totp(platform, &ctx, user.password).await.unwrap();
    let enrollment = accounts::enroll_totp(platform, &ctx, user.password).await.unwrap();
    assert_ne!(first.secret, enrollment.secret, "a further one takes its place");
    assert_eq!(enrollment.secret.len(), 32);
    let uri = format!("otpauth://totp/RemoteGPU:careful?secret={}&issuer=RemoteGPU", enrollment.secret);
    assert_eq!(enrollment.uri, uri);
    assert_eq!(accounts::pending_totp(platform, &ctx).await.unwrap().unwrap().secret, enrollment.secret);
    accounts::sign_in(platform, &test.anonymous(), &request).await.expect("not confirmed: not asked for");

    let wrong = accounts::confirm_totp(platform, &ctx, "no code").await.unwrap_err();
    assert_eq!((wrong.code, wrong.fields[0].path), (ErrorCode::Validation, "code"));
    let answer = accounts::issue_access_token(platform, &test.anonymous(), &request).await.unwrap();
    let code = totp_code(&enrollment.secret, test.clock().now());
    let (codes, who) =
        accounts::confirm_totp(platform, &ctx, &format!(" {} {} ", &code[..3], &code[3..])).await.unwrap();
    assert_eq!((codes.recovery_codes.len(), who.token_version), (10, 2));
    let ended = accounts::principal_of_bearer(platform, &test.anonymous(), &answer.access_token).await;
    assert_eq!(ended.unwrap_err().code, ErrorCode::Unauthenticated, "what was signed in without it has ended");
    assert_eq!(accounts::enroll_totp(platform, &ctx, user.password).await.unwrap_err().key, "error-totp-on");

    let view = accounts::security(platform, &ctx).await.unwrap();
    assert!(view.totp_since.is_some() && view.recovery_codes_left == 10 && !view.totp_required);
    let stored: Vec<u8> =
        sqlx::query_scalar("select secret from totp_secrets").fetch_one(test.owner_pool()).await.unwrap();
    assert!(test.keyring().open("totp_secrets.secret:0", &stored).is_err(), "sealed for this row");
    assert!(test.keyring().open(&format!("totp_secrets.secret:{}", user.id), &stored).is_ok());
}

#[tokio::test]
async fn it_is_set_up_with_the_password_and_everything_about_it_is_told() {
    let test = TestPlatform::new().await;
    let mut user = test.outsider("careful").await;
    let platform = &test.platform;
    let fault = async |password: &str| {
        let error = accounts::enroll_totp(platform, &user.ctx(), password).await.unwrap_err();
        (error.fields[0].path, error.fields[0].key)
    };
    assert_eq!(fault("").await, ("password", "field-required"));
    assert_eq!(fault("a guess").await, ("password", "field-password-wrong"));
    assert_eq!(accounts::pending_totp(platform, &user.ctx()).await.unwrap().map(|e| e.secret), None);
    // What was begun and left is not for whoever comes to the session later.
    accounts::enroll_totp(platform, &user.ctx(), user.password).await.unwrap();
    test.clock().advance(TimeDelta::minutes(61));
    assert_eq!(accounts::pending_totp(platform, &user.ctx()).await.unwrap().map(|e| e.secret), None);

    let secret = accounts::enroll_totp(platform, &user.ctx(), user.password).await.unwrap().secret;
    let code = totp_code(&secret, test.clock().now());
    let (codes, who) = accounts::confirm_totp(platform, &user.ctx(), &code).await.unwrap();
    user.principal.token_version = who.token_version;
    test.clock().advance(TimeDelta::seconds(60));
    let request = LoginRequest {
        username: user.name.clone(),
        password: user.password.to_owned(),
        otp: Some(codes.recovery_codes[0].clone()),
        ..Default::default()
    };
    accounts::sign_in(platform, &test.anonymous(), &request).await.unwrap();
    test.clock().advance(TimeDelta::seconds(60));
    let off = TotpProof { password: user.password.to_owned(), code: totp_code(&secret, test.clock().now()) };
    let who = accounts::disable_totp(platform, &user.ctx(), &off).await.unwrap();
    user.principal.token_version = who.token_version;
    accounts::reset_second_factor(platform, &user.name).await.unwrap();
    let query = contract::notifications::NotificationQuery::default();
    let told = platform::notifications::list(platform, &user.ctx(), &query).await.unwrap().list;
    let kind = contract::notifications::NotificationKind::SecondFactorChanged;
    assert!(told.iter().all(|notice| notice.kind == kind), "{told:?}");
    let messages: Vec<_> = told.iter().map(|notice| notice.message.as_str()).collect();
    let says = ["on the command line", "was switched off", "A recovery code", "was switched on"];
    assert_eq!(messages.len(), says.len(), "{messages:?}");
    assert!(messages.iter().zip(says).all(|(message, says)| message.contains(says)), "{messages:?}");
}

#[tokio::test]
async fn the_app_lists_it_by_what_the_installation_is_called() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let value = serde_json::json!("Lab 7: 计算");
    let name = platform::settings::Change { key: "branding.name".to_owned(), value, version: None };
    platform::settings::change(&test.platform, &admin.ctx(), vec![name]).await.unwrap();
    let uri = accounts::enroll_totp(&test.platform, &admin.ctx(), admin.password).await.unwrap().uri;
    let issuer = "Lab%207%3A%20%E8%AE%A1%E7%AE%97";
    assert!(uri.starts_with(&format!("otpauth://totp/{issuer}:{}?", admin.name)), "{uri}");
    assert!(uri.ends_with(&format!("&issuer={issuer}")), "{uri}");
}

#[tokio::test]
async fn a_code_is_asked_for_after_a_right_password_only_and_counts_once() {
    let armed = Armed::new().await;
    let wrong_password = LoginRequest {
        username: armed.user.name.clone(),
        password: "a guess".to_owned(),
        otp: Some(armed.code()),
        ..Default::default()
    };
    let refused = accounts::sign_in(&armed.test.platform, &armed.test.anonymous(), &wrong_password).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::BadCredentials);
    assert_eq!(armed.refused(None).await, MISSING);
    assert_eq!(armed.refused(Some("  ")).await, MISSING);
    let code = armed.code();
    armed.sign_in(Some(&code)).await.unwrap();
    assert_eq!(armed.refused(Some(&code)).await, WRONG, "the same code again");
    armed.test.clock().advance(TimeDelta::seconds(30));
    assert_eq!(armed.refused(Some(&code)).await, WRONG, "and later, while the clock's slack would still take it");
    armed.sign_in(Some(&armed.code())).await.unwrap();
    armed.test.clock().advance(TimeDelta::minutes(10));
    for old in [-90, 90] {
        let off = totp_code(&armed.secret, armed.test.clock().now() + TimeDelta::seconds(old));
        assert_eq!(armed.refused(Some(&off)).await, WRONG, "{old} s off");
    }
    let behind = totp_code(&armed.secret, armed.test.clock().now() - TimeDelta::seconds(30));
    armed.sign_in(Some(&behind)).await.expect("a clock that is a little slow");
}

#[tokio::test]
async fn of_two_sign_ins_with_one_code_one_wins() {
    let armed = Armed::new().await;
    let code = armed.code();
    let (one, two) = tokio::join!(armed.sign_in(Some(&code)), armed.sign_in(Some(&code)));
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
}

#[tokio::test]
async fn wrong_codes_slow_down_like_wrong_passwords() {
    let armed = Armed::new().await;
    let mut codes = Vec::new();
    for _ in 0..6 {
        codes.push(armed.refused(Some("000000")).await.0);
    }
    assert_eq!(codes[0], WRONG.0);
    assert!(codes.contains(&ErrorCode::RateLimited), "{codes:?}");
    armed.test.clock().advance(TimeDelta::minutes(2));
    let (captcha_id, captcha) = armed.test.captcha().await;
    let request = LoginRequest {
        username: armed.user.name.clone(),
        password: armed.user.password.to_owned(),
        otp: Some(armed.code()),
        captcha_id,
        captcha,
    };
    accounts::sign_in(&armed.test.platform, &armed.test.anonymous(), &request).await.unwrap();
}

#[tokio::test]
async fn a_recovery_code_signs_in_once() {
    let armed = Armed::new().await;
    let code = &armed.recovery[3];
    armed.sign_in(Some(&code.to_uppercase().replace('-', " "))).await.unwrap();
    assert_eq!(armed.refused(Some(code)).await, (WRONG.0, "error-recovery-code-wrong"), "there is no newer one");
    armed.sign_in(Some(&armed.recovery[4])).await.unwrap();
    let view = accounts::security(&armed.test.platform, &armed.user.ctx()).await.unwrap();
    assert_eq!(view.recovery_codes_left, 8);
    let used = "select count(*) from audit_events where after->>'secondFactor' = 'recovery_code'";
    let used: i64 = sqlx::query_scalar(used).fetch_one(armed.test.owner_pool()).await.unwrap();
    assert_eq!(used, 2, "one can see how somebody came in");
    let kept = "select count(*) from recovery_codes where encode(code_hash, 'escape') like '%' || $1 || '%'";
    let kept: i64 = sqlx::query_scalar(kept).bind(code).fetch_one(armed.test.owner_pool()).await.unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn recovery_codes_are_made_anew_with_password_and_code() {
    let armed = Armed::new().await;
    let renew = async |password: &str, code: &str| {
        let request = TotpProof { password: password.to_owned(), code: code.to_owned() };
        accounts::renew_recovery_codes(&armed.test.platform, &armed.user.ctx(), &request).await
    };
    let fault = |result: Result<RecoveryCodes>| {
        let error = result.unwrap_err();
        (error.fields[0].path, error.fields[0].key)
    };
    let password = armed.user.password;
    assert_eq!(fault(renew("", &armed.code()).await), ("password", "field-password-wrong"));
    assert_eq!(fault(renew(password, " ").await), ("code", "field-code-wrong"), "one factor brings not the other");
    assert_eq!(fault(renew(password, "abcd-efgh-jkmn-pqrs").await), ("code", "field-recovery-code-wrong"));
    armed.test.clock().advance(TimeDelta::minutes(20));
    let second = renew(password, &armed.code()).await.unwrap().recovery_codes;
    assert_eq!(second.len(), 10);
    assert_eq!(armed.refused(Some(&armed.recovery[0])).await.1, "error-recovery-code-wrong", "those of before");
    let third = renew(password, &second[0]).await.unwrap().recovery_codes;
    armed.test.clock().advance(TimeDelta::minutes(20));
    assert_eq!(armed.refused(Some(&second[1])).await.1, "error-recovery-code-wrong");
    armed.sign_in(Some(&third[1])).await.unwrap();
    let noted = "select count(*) from audit_events where action = 'accounts:renew-recovery-codes' and outcome = 'done'";
    let noted: i64 = sqlx::query_scalar(noted).fetch_one(armed.test.owner_pool()).await.unwrap();
    assert_eq!(noted, 2);
    let without = armed.test.outsider("without").await;
    let off = accounts::renew_recovery_codes(&armed.test.platform, &without.ctx(), &Default::default()).await;
    assert_eq!(off.unwrap_err().key, "error-totp-off");
}

#[tokio::test]
async fn a_challenge_belongs_to_one_browser_once_and_not_for_long() {
    let armed = Armed::new().await;
    let over = |result: Result<SignedIn>| result.unwrap_err().key == "error-challenge-over";
    let (first, stranger) = (armed.challenged(1).await, [9; 32]);
    assert!(over(armed.answer(&stranger, &armed.code()).await), "another browser");
    let who = armed.answer(&first, &armed.code()).await.unwrap();
    assert_eq!(who.user, armed.user.id);
    armed.test.clock().advance(TimeDelta::seconds(60));
    assert!(over(armed.answer(&first, &armed.code()).await), "once");

    let second = armed.challenged(2).await;
    armed.test.clock().advance(TimeDelta::minutes(5));
    assert!(over(armed.answer(&second, &armed.code()).await), "five minutes");

    let third = armed.challenged(3).await;
    for _ in 0..5 {
        let wrong = armed.answer(&third, "000000").await.unwrap_err();
        assert!([WRONG.1, "error-sign-in-wait"].contains(&wrong.key), "{wrong}");
        armed.test.clock().advance(TimeDelta::seconds(31));
    }
    armed.test.clock().advance(TimeDelta::seconds(60));
    assert!(over(armed.answer(&third, &armed.code()).await), "five tries");

    armed.test.clock().advance(TimeDelta::minutes(16));
    let fourth = armed.challenged(4).await;
    sqlx::query("update users set token_version = token_version + 1").execute(armed.test.owner_pool()).await.unwrap();
    assert!(over(armed.answer(&fourth, &armed.code()).await), "the password may have changed meanwhile");
}

#[tokio::test]
async fn it_is_switched_off_with_password_and_code() {
    let mut armed = Armed::new().await;
    let off = async |armed: &Armed, password: &str, code: &str| {
        let request = TotpProof { password: password.to_owned(), code: code.to_owned() };
        accounts::disable_totp(&armed.test.platform, &armed.user.ctx(), &request).await
    };
    let field = |result: Result<SignedIn>| result.unwrap_err().fields[0].path;
    assert_eq!(field(off(&armed, "a guess", &armed.code()).await), "password");
    assert_eq!(field(off(&armed, armed.user.password, "000000").await), "code");
    let who = off(&armed, armed.user.password, &armed.code()).await.unwrap();
    armed.user.principal.token_version = who.token_version;
    assert_eq!(off(&armed, armed.user.password, &armed.code()).await.unwrap_err().key, "error-totp-off");
    armed.sign_in(None).await.expect("the password is enough again");
    let left: i64 =
        sqlx::query_scalar("select count(*) from recovery_codes").fetch_one(armed.test.owner_pool()).await.unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn an_operator_helps_who_lost_everything() {
    let armed = Armed::new().await;
    accounts::reset_second_factor(&armed.test.platform, "Careful").await.unwrap();
    armed.sign_in(None).await.unwrap();
    let nobody = accounts::reset_second_factor(&armed.test.platform, "nobody").await.unwrap_err();
    assert_eq!(nobody.code, ErrorCode::NotFound);
}

/// Whoever lost the app and the codes is helped by who may give them a password, and by nobody less.
#[tokio::test]
async fn staff_see_who_has_one_and_take_it_off_whoever_lost_it() {
    let armed = Armed::new().await;
    let (platform, id) = (&armed.test.platform, armed.user.id);
    let admin = armed.test.admin().await;
    let reader = armed.test.with_role("reader", &[Permission::UsersView]).await;
    let desk = armed.test.with_role("desk", &[Permission::UsersView, Permission::UsersUpdate]).await;
    let seen = users::get(platform, &reader.ctx(), id).await.unwrap();
    assert!(seen.user.second_factor && seen.totp_since.is_some() && seen.recovery_codes_left == 10);
    assert!(!seen.may.reset_second_factor.allowed);
    let query = UserQuery { q: Some("careful".to_owned()), ..UserQuery::default() };
    assert!(users::list(platform, &reader.ctx(), &query).await.unwrap().list[0].second_factor);
    let with = async |second_factor: bool| {
        let query = UserQuery { second_factor: Some(second_factor), ..UserQuery::default() };
        let found = users::list(platform, &reader.ctx(), &query).await.unwrap();
        assert!(found.list.iter().all(|row| row.second_factor == second_factor) && found.total > 0);
        (found.total, found.list.iter().any(|row| row.id == id))
    };
    assert_eq!((with(true).await, with(false).await.1), ((1, true), false));
    let refused = users::reset_second_factor(platform, &reader.ctx(), id).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden);
    let mighty = users::reset_second_factor(platform, &desk.ctx(), admin.id).await.unwrap_err();
    assert_eq!(mighty.code, ErrorCode::Forbidden, "nobody acts on somebody who may more");
    let own = users::reset_second_factor(platform, &desk.ctx(), desk.id).await.unwrap_err();
    assert_eq!((own.code, own.key), (ErrorCode::WrongState, "error-user-self-second-factor"));

    assert_eq!(armed.refused(None).await, MISSING);
    let after = users::reset_second_factor(platform, &desk.ctx(), id).await.unwrap();
    assert!(!after.user.second_factor && after.totp_since.is_none() && !after.may.reset_second_factor.allowed);
    assert_eq!(armed.sign_in(None).await.unwrap().user, id, "the password alone is enough now");
    let again = users::reset_second_factor(platform, &desk.ctx(), id).await.unwrap_err();
    assert_eq!((again.code, again.key), (ErrorCode::WrongState, "error-totp-off"));
    let told = "select (select count(*) from notifications where kind = 'second-factor-changed' and user_id = $1)
                     + (select count(*) from audit_events where action = 'users:reset-second-factor' and outcome = 'done')";
    let told: i64 = sqlx::query_scalar(told).bind(id.0).fetch_one(armed.test.owner_pool()).await.unwrap();
    assert_eq!(told, 3, "that it is on, that it is off, and the event");
}
