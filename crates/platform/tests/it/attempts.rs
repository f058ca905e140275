//! What failures cost: challenges and delays, and that they lock nobody out.

use std::net::IpAddr;

use chrono::TimeDelta;
use contract::ErrorCode;
use contract::accounts::{CaptchaKind, CaptchaView, Language, LoginRequest};
use platform::accounts::{self, SignedIn};
use platform::{OpContext, Principal, Result, Via};
use test_support::{TestPlatform, TestUser, solve_captcha};

/// Nobody, from this address, now.
fn from(test: &TestPlatform, address: [u8; 4]) -> OpContext {
    let (now, address) = (test.clock().now(), Some(IpAddr::from(address)));
    OpContext::new(Principal::Anonymous, now, Via::Rest, "test-attempt", address, Language::En)
}

const HOME: [u8; 4] = [192, 0, 2, 1];

async fn challenge(test: &TestPlatform, kind: CaptchaKind) -> CaptchaView {
    accounts::new_captcha(&test.platform, &test.anonymous(), Some(kind)).await.unwrap()
}

/// A challenge of work with its answer.
async fn worked_out(test: &TestPlatform) -> (String, String) {
    let view = challenge(test, CaptchaKind::Pow).await;
    let answer = solve_captcha(&view);
    (view.captcha_id, answer)
}

/// A picture with its letters, read with the installation's key.
async fn solved(test: &TestPlatform) -> (String, String) {
    let id = challenge(test, CaptchaKind::Image).await.captcha_id;
    let sealed = hex::decode(id.strip_prefix("p.").unwrap()).unwrap();
    let opened = String::from_utf8(test.keyring().open("captcha picture", &sealed).unwrap()).unwrap();
    (id, opened.split_once(' ').unwrap().1.to_owned())
}

async fn sign_in(
    test: &TestPlatform,
    ctx: &OpContext,
    (name, password): (&str, &str),
    captcha: Option<(String, String)>,
) -> Result<SignedIn> {
    let (captcha_id, captcha) = captcha.unzip();
    let request =
        LoginRequest { username: name.to_owned(), password: password.to_owned(), captcha_id, captcha, otp: None };
    accounts::sign_in(&test.platform, ctx, &request).await
}

fn key(result: Result<SignedIn>) -> (ErrorCode, &'static str) {
    let error = result.expect_err("it is refused");
    (error.code, error.key)
}

const WRONG: (ErrorCode, &str) = (ErrorCode::BadCredentials, "error-bad-credentials");
const ASKED: (ErrorCode, &str) = (ErrorCode::CaptchaRequired, "error-captcha-required");
const UNSOLVED: (ErrorCode, &str) = (ErrorCode::CaptchaRequired, "error-captcha-wrong");
const WAIT: (ErrorCode, &str) = (ErrorCode::RateLimited, "error-sign-in-wait");

/// Three wrong passwords for this name, and the time that the delay after them takes.
async fn fail_three_times(test: &TestPlatform, name: &str, address: [u8; 4]) {
    for _ in 0..3 {
        assert_eq!(key(sign_in(test, &from(test, address), (name, "a guess"), None).await), WRONG);
    }
    test.clock().advance(TimeDelta::seconds(2));
}

#[tokio::test]
async fn after_three_failures_a_challenge_is_asked_for_whoever_it_is() {
    let test = TestPlatform::new().await;
    let lee = test.outsider("lee").await;
    for name in ["lee", "nobody-at-all"] {
        let ctx = from(&test, HOME);
        assert!(accounts::captchas_of_sign_in(&test.platform, &ctx, name).await.unwrap().is_none(), "{name}");
        fail_three_times(&test, name, HOME).await;
        let ctx = from(&test, HOME);
        assert_eq!(key(sign_in(&test, &ctx, (name, "a guess"), None).await), ASKED, "{name}");
        let shown = accounts::captchas_of_sign_in(&test.platform, &ctx, name).await.unwrap().expect("on the page too");
        assert!(shown.first == CaptchaKind::Pow && shown.picture.image.is_some(), "{name}");
        // From elsewhere too, because it is the name that was tried; other names from elsewhere are free.
        let elsewhere = from(&test, [198, 51, 100, 7]);
        assert_eq!(key(sign_in(&test, &elsewhere, (name, "a guess"), None).await), ASKED, "{name}");
        let solved = Some(worked_out(&test).await);
        assert_eq!(key(sign_in(&test, &ctx, (name, "a guess"), solved).await), WRONG, "{name}");
        test.clock().advance(TimeDelta::minutes(16));
    }
    // Whoever gets in is asked no more, and neither is anybody else for what they did.
    fail_three_times(&test, "lee", HOME).await;
    let ctx = from(&test, HOME);
    let solved = Some(solved(&test).await);
    sign_in(&test, &ctx, (&lee.name, lee.password), solved).await.unwrap();
    sign_in(&test, &from(&test, HOME), (&lee.name, lee.password), None).await.unwrap();
}

#[tokio::test]
async fn a_challenge_counts_once_on_every_server_and_for_five_minutes() {
    let test = TestPlatform::new().await;
    let lee = test.outsider("lee").await;
    let other = test.another_server().await;
    fail_three_times(&test, "lee", HOME).await;
    let ctx = from(&test, HOME);
    let right = (lee.name.as_str(), lee.password);
    // Of another installation, of nobody, without an answer, with a wrong one.
    let foreign = TestPlatform::new().await;
    for captcha in [
        solved(&foreign).await,
        ("p.00".to_owned(), "ABCDE".to_owned()),
        ("x".repeat(4000), "x".repeat(4000)),
        (challenge(&test, CaptchaKind::Pow).await.captcha_id, "1".to_owned()),
        (worked_out(&test).await.0, worked_out(&test).await.1),
    ] {
        assert_eq!(key(sign_in(&test, &ctx, right, Some(captcha)).await), UNSOLVED);
    }
    let used = solved(&test).await;
    assert_eq!(key(sign_in(&test, &ctx, ("lee", "a guess"), Some(used.clone())).await), WRONG);
    test.clock().advance(TimeDelta::seconds(5));
    let request = |(id, answer): (String, String)| LoginRequest {
        username: lee.name.clone(),
        password: lee.password.to_owned(),
        captcha_id: Some(id),
        captcha: Some(answer),
        otp: None,
    };
    let again = accounts::sign_in(&other, &from(&test, HOME), &request(used)).await;
    assert_eq!(key(again), UNSOLVED, "it was used on another server");
    // Of two at once, one counts. Of different names from different places: whoever got in is asked no more, so that of one
    // name the second might need no challenge at all.
    let elsewhere = [198, 51, 100, 7];
    fail_three_times(&test, "nobody-at-all", elsewhere).await;
    let one = solved(&test).await;
    let (first, second) = (request(one.clone()), request(one));
    let second = LoginRequest { username: "nobody-at-all".to_owned(), password: "a guess".to_owned(), ..second };
    let (here, there) = (from(&test, HOME), from(&test, elsewhere));
    let (a, b) =
        tokio::join!(accounts::sign_in(&test.platform, &here, &first), accounts::sign_in(&other, &there, &second));
    let lost = if a.is_ok() {
        key(b)
    } else {
        assert_eq!(key(b), WRONG);
        key(a)
    };
    assert_eq!(lost, UNSOLVED);

    test.clock().advance(TimeDelta::minutes(16));
    fail_three_times(&test, "lee", HOME).await;
    let late = solved(&test).await;
    test.clock().advance(TimeDelta::minutes(5));
    assert_eq!(key(sign_in(&test, &from(&test, HOME), right, Some(late)).await), UNSOLVED, "too late");
    let kept: i64 = sqlx::query_scalar("select count(*) from captcha_uses").fetch_one(test.owner_pool()).await.unwrap();
    assert_eq!(kept, 2, "what is no challenge of ours is not kept");
    let ctx = test.anonymous();
    accounts::session_records::delete_expired(&test.platform, &ctx).await.unwrap();
    let kept: i64 = sqlx::query_scalar("select count(*) from captcha_uses").fetch_one(test.owner_pool()).await.unwrap();
    assert_eq!(kept, 0);
}

#[tokio::test]
async fn a_picture_counts_as_well_and_a_wrong_answer_uses_it_up() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let change = platform::settings::Change { key: "sign_in.captcha".to_owned(), value: "image".into(), version: None };
    platform::settings::change(&test.platform, &admin.ctx(), vec![change]).await.unwrap();
    let usual = accounts::new_captcha(&test.platform, &test.anonymous(), None).await.unwrap();
    assert_eq!((usual.kind, usual.pow), (CaptchaKind::Image, None));
    let image = usual.image.unwrap();
    assert!(image.starts_with("data:image/png;base64,iVBORw0KGgo"), "{image:.60}");

    let lee = test.outsider("lee").await;
    fail_three_times(&test, "lee", HOME).await;
    let right = (lee.name.as_str(), lee.password);
    let (id, letters) = solved(&test).await;
    assert_eq!(letters.len(), 5);
    let ctx = from(&test, HOME);
    let written_otherwise = format!("p.{}", id.trim_start_matches("p.").to_uppercase());
    assert_eq!(key(sign_in(&test, &ctx, right, Some((id.clone(), "QQQQQ".to_owned()))).await), UNSOLVED);
    assert_eq!(key(sign_in(&test, &ctx, right, Some((written_otherwise, letters.clone()))).await), UNSOLVED);
    assert_eq!(key(sign_in(&test, &ctx, right, Some((id, letters))).await), UNSOLVED, "used up");
    let (id, letters) = solved(&test).await;
    let typed = format!(" {} ", letters.to_lowercase());
    sign_in(&test, &ctx, right, Some((id, typed))).await.expect("capitals and blanks do not matter");
    // The browser's work is taken as well: a picture is never the only way.
    fail_three_times(&test, "lee", HOME).await;
    let solved = Some(worked_out(&test).await);
    sign_in(&test, &from(&test, HOME), right, solved).await.unwrap();
}

/// A stranger's address, a new one for each number.
fn stranger(number: u8) -> [u8; 4] {
    [203, 0, 113, number]
}

/// Strangers, each from an address of their own, until the name is delayed wherever one comes from.
async fn besiege(test: &TestPlatform, name: &str) {
    // The last one is followed by the longest delay there is.
    for number in 0..17 {
        if number > 9 {
            test.clock().advance(TimeDelta::seconds(61));
        }
        let captcha = if number < 3 { None } else { Some(solved(test).await) };
        let ctx = from(test, stranger(number));
        assert_eq!(key(sign_in(test, &ctx, (name, "a guess"), captcha).await), WRONG, "{number}");
    }
}

#[tokio::test]
async fn strangers_slow_each_other_down_and_never_the_owner_at_home() {
    let test = TestPlatform::new().await;
    let lee = test.outsider("lee").await;
    let right = (lee.name.as_str(), lee.password);
    sign_in(&test, &from(&test, HOME), right, None).await.unwrap();
    besiege(&test, "lee").await;
    let try_from = async |address: [u8; 4], who: (&str, &str)| {
        let captcha = Some(solved(&test).await);
        sign_in(&test, &from(&test, address), who, captcha).await
    };
    // Right or wrong says nothing from an address that is not known.
    assert_eq!(key(try_from(stranger(99), ("lee", "a guess")).await), WAIT);
    assert_eq!(key(try_from(stranger(98), right).await), WAIT);
    assert_eq!(key(try_from(HOME, ("lee", "a guess")).await), WAIT, "a wrong one from home is a wrong one");
    assert_eq!(try_from(HOME, right).await.unwrap().user, lee.id, "the right one from home is not held up");
    // And once the delay is over, the right one counts from anywhere.
    test.clock().advance(TimeDelta::seconds(61));
    assert_eq!(try_from(stranger(98), right).await.unwrap().user, lee.id);
}

#[tokio::test]
async fn a_name_that_is_nobodys_is_delayed_like_any_other() {
    let test = TestPlatform::new().await;
    test.outsider("lee").await;
    for name in ["lee", "nobody-at-all"] {
        besiege(&test, name).await;
        let captcha = Some(solved(&test).await);
        assert_eq!(key(sign_in(&test, &from(&test, stranger(99)), (name, "a guess"), captcha).await), WAIT, "{name}");
        test.clock().advance(TimeDelta::minutes(16));
    }
    let failed = "select count(*) from audit_events where action = 'accounts:sign-in' and outcome = 'failed'";
    let failed: i64 = sqlx::query_scalar(failed).fetch_one(test.owner_pool()).await.unwrap();
    assert_eq!(failed, 36, "each is in the log, whoever it was");
}

#[tokio::test]
async fn what_is_tried_during_a_delay_of_the_name_does_not_make_it_longer() {
    let test = TestPlatform::new().await;
    let lee = test.outsider("lee").await;
    besiege(&test, "lee").await;
    test.clock().advance(TimeDelta::seconds(30));
    for number in 20..24 {
        let captcha = Some(solved(&test).await);
        assert_eq!(key(sign_in(&test, &from(&test, stranger(number)), ("lee", "x"), captcha).await), WAIT);
    }
    test.clock().advance(TimeDelta::seconds(31));
    let captcha = Some(solved(&test).await);
    sign_in(&test, &from(&test, stranger(50)), (&lee.name, lee.password), captcha).await.unwrap();
}

async fn known_networks(test: &TestPlatform, user: &TestUser) -> Vec<String> {
    sqlx::query_scalar("select host(network) from sign_in_networks where user_id = $1 order by network")
        .bind(user.id.0)
        .fetch_all(test.owner_pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn an_address_is_known_for_a_while_and_until_the_password_changes() {
    let test = TestPlatform::new().await;
    let lee = test.outsider("lee").await;
    let right = (lee.name.as_str(), lee.password);
    sign_in(&test, &from(&test, HOME), right, None).await.unwrap();
    let line: IpAddr = "2001:db8:1:2:3:4:5:6".parse().unwrap();
    let now = test.clock().now();
    let there = OpContext::new(Principal::Anonymous, now, Via::Rest, "test-line", Some(line), Language::En);
    sign_in(&test, &there, right, None).await.unwrap();
    assert_eq!(known_networks(&test, &lee).await, ["192.0.2.1", "2001:db8:1:2::"]);
    accounts::reset_password(&test.platform, "lee", false).await.unwrap();
    assert_eq!(known_networks(&test, &lee).await, Vec::<String>::new(), "whoever knew the old one is a stranger");
}

/// An account with an address, as who guesses may call it either way.
async fn with_two_names(test: &TestPlatform) -> (TestUser, &'static str) {
    let lee = test.outsider("lee").await;
    let email = "lee@example.org";
    let put = sqlx::query("update users set email = $1 where id = $2").bind(email).bind(lee.id.0);
    put.execute(test.owner_pool()).await.unwrap();
    (lee, email)
}

#[tokio::test]
async fn the_two_names_of_an_account_have_one_count_and_no_answer_shows_it() {
    let test = TestPlatform::new().await;
    let (lee, email) = with_two_names(&test).await;
    sign_in(&test, &from(&test, HOME), (&lee.name, lee.password), None).await.unwrap();
    besiege(&test, email).await;
    // The other name answers as a name of nobody does: nothing says that both are one account's.
    for name in ["lee", "nobody-at-all"] {
        assert_eq!(key(sign_in(&test, &from(&test, stranger(99)), (name, "a guess"), None).await), WRONG, "{name}");
    }
    // But a right guess counts for nothing by either, and the owner at home is not held up.
    let right = (lee.name.as_str(), lee.password);
    assert_eq!(key(sign_in(&test, &from(&test, stranger(98)), right, None).await), WRONG);
    let captcha = Some(solved(&test).await);
    assert_eq!(key(sign_in(&test, &from(&test, stranger(97)), (email, lee.password), captcha).await), WAIT);
    sign_in(&test, &from(&test, HOME), right, None).await.expect("from home");
    test.clock().advance(TimeDelta::seconds(61));
    sign_in(&test, &from(&test, stranger(96)), right, None).await.expect("once the delay is over");
}

#[tokio::test]
async fn from_one_address_the_other_name_is_no_further_try() {
    let test = TestPlatform::new().await;
    let (lee, email) = with_two_names(&test).await;
    fail_three_times(&test, "lee", HOME).await;
    let captcha = async || Some(solved(&test).await);
    let by = async |name: &str, password: &str| {
        key(sign_in(&test, &from(&test, HOME), (name, password), captcha().await).await)
    };
    assert_eq!(by(email, "a guess").await, WRONG);
    assert_eq!(by("lee", lee.password).await, WRONG, "the fourth failure costs two seconds, whatever was typed");
    test.clock().advance(TimeDelta::seconds(3));
    sign_in(&test, &from(&test, HOME), (email, lee.password), captcha().await).await.unwrap();
    // Everything that was theirs is forgotten, under both names.
    sign_in(&test, &from(&test, HOME), ("lee", lee.password), captcha().await).await.unwrap();
}
