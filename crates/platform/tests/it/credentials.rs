//! What one proves oneself with: refresh tokens, API tokens, sessions, the password.

use chrono::TimeDelta;
use contract::accounts::{
    ApiTokenCreate, ApiTokenSecret, ApiTokenView, LoginAnswer, LoginRequest, PasswordChange, ProfileUpdate,
    SshKeyCreate,
};
use contract::machines::{MachineCreate, MachineQuery};
use contract::{CustomerId, ErrorCode, PageQuery, Permission, RoleId, SessionId, UserId};
use platform::accounts::{self, ShownOnce, users};
use platform::{Credential, OpContext, Principal, Result, SystemActor, Via, customers, machines, roles};
use test_support::{TestPlatform, TestUser};

fn request(user: &TestUser) -> LoginRequest {
    LoginRequest { username: user.name.clone(), password: user.password.to_owned(), ..Default::default() }
}

async fn sign_in(test: &TestPlatform, user: &TestUser) -> LoginAnswer {
    accounts::issue_access_token(&test.platform, &test.anonymous(), &request(user)).await.unwrap()
}

async fn bearer(test: &TestPlatform, token: &str) -> Result<OpContext> {
    let anonymous = test.anonymous();
    let principal = accounts::principal_of_bearer(&test.platform, &anonymous, token).await?;
    Ok(OpContext::new(principal, anonymous.now(), Via::Rest, "test-bearer", anonymous.address(), anonymous.language()))
}

async fn code_of(test: &TestPlatform, token: &str) -> Option<ErrorCode> {
    bearer(test, token).await.err().map(|error| error.code)
}

async fn refresh(test: &TestPlatform, token: &str) -> Result<LoginAnswer> {
    accounts::refresh(&test.platform, &test.anonymous(), token).await
}

async fn tokens(test: &TestPlatform, user: &TestUser) -> Vec<ApiTokenView> {
    accounts::list_api_tokens(&test.platform, &user.ctx(), &PageQuery::default()).await.unwrap().list
}

async fn count(test: &TestPlatform, statement: &'static str) -> i64 {
    sqlx::query_scalar(statement).fetch_one(test.owner_pool()).await.unwrap()
}

const UNAUTHENTICATED: Option<ErrorCode> = Some(ErrorCode::Unauthenticated);

#[tokio::test]
async fn a_refresh_token_counts_once_and_a_copied_one_ends_everything_of_its_sign_in() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let (first, other) = (sign_in(&test, &admin).await, sign_in(&test, &admin).await);
    let second = refresh(&test, &first.refresh_token).await.unwrap();
    assert_ne!(second.refresh_token, first.refresh_token);
    for token in [&first.access_token, &second.access_token] {
        assert_eq!(code_of(&test, token).await, None, "a request that is under way goes on");
    }
    let third = refresh(&test, &second.refresh_token).await.unwrap();

    // The first is shown again: somebody has a copy.
    test.clock().advance(TimeDelta::seconds(3));
    assert_eq!(refresh(&test, &first.refresh_token).await.err().map(|e| e.code), UNAUTHENTICATED);
    assert_eq!(refresh(&test, &third.refresh_token).await.err().map(|e| e.code), UNAUTHENTICATED, "the newest too");
    for token in [&first.access_token, &second.access_token, &third.access_token] {
        assert_eq!(code_of(&test, token).await, UNAUTHENTICATED);
    }
    assert_eq!(code_of(&test, &other.access_token).await, None, "another sign-in is another family");
    let audited = "select count(*) from audit_events where action = 'accounts:refresh-reused'";
    assert_eq!(count(&test, audited).await, 1);
    assert_eq!(refresh(&test, &first.refresh_token).await.err().map(|e| e.code), UNAUTHENTICATED);
    let told = "select count(*) from notifications where kind = 'sign-in-copied'";
    assert_eq!(count(&test, told).await, 1, "told of once, however often the copy is shown");

    // The database holds nothing that opens anything.
    let stored: Vec<String> = sqlx::query_scalar("select encode(token_hash, 'hex') from refresh_tokens")
        .fetch_all(test.owner_pool())
        .await
        .unwrap();
    assert!(stored.iter().all(|hash| !other.refresh_token.contains(hash.as_str())));
}

#[tokio::test]
async fn of_two_refreshes_at_the_same_time_one_wins_and_goes_on() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    for _ in 0..5 {
        let first = sign_in(&test, &admin).await;
        let (one, two) = tokio::join!(refresh(&test, &first.refresh_token), refresh(&test, &first.refresh_token));
        assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
        let winner = one.or(two).unwrap();
        assert_eq!(code_of(&test, &winner.access_token).await, None);
        refresh(&test, &winner.refresh_token).await.unwrap();
    }
}

#[tokio::test]
async fn a_refresh_token_two_generations_old_ends_its_sign_in_however_soon_it_is_shown() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let first = sign_in(&test, &admin).await;
    let second = refresh(&test, &first.refresh_token).await.unwrap();
    assert_eq!(refresh(&test, &first.refresh_token).await.err().map(|e| e.code), UNAUTHENTICATED);
    assert_eq!(code_of(&test, &second.access_token).await, None, "asked twice: nothing ends");
    let third = refresh(&test, &second.refresh_token).await.unwrap();
    assert_eq!(refresh(&test, &first.refresh_token).await.err().map(|e| e.code), UNAUTHENTICATED);
    assert_eq!(code_of(&test, &third.access_token).await, UNAUTHENTICATED, "at the same instant of the clock");
}

#[tokio::test]
async fn what_is_no_open_refresh_token_is_refused() {
    let test = TestPlatform::new().await;
    let user = test.outsider("stranger").await;
    let answer = sign_in(&test, &user).await;
    let good = answer.refresh_token.as_str();
    let mut changed = good.to_owned();
    changed.replace_range(good.len() - 1.., if good.ends_with('0') { "1" } else { "0" });
    let made_up =
        ["", "rgpr_", "x", &good[..good.len() - 1], &changed, &good.to_uppercase(), &answer.access_token, "rgpr_é"];
    for token in made_up {
        assert_eq!(refresh(&test, token).await.err().map(|e| e.code), UNAUTHENTICATED, "{token:.20}");
    }
    assert_eq!(code_of(&test, good).await, UNAUTHENTICATED, "it is no access token");

    let logged_out = sign_in(&test, &user).await;
    let ctx = bearer(&test, &logged_out.access_token).await.unwrap();
    accounts::sign_out(&test.platform, &ctx).await.unwrap();
    assert_eq!(refresh(&test, &logged_out.refresh_token).await.err().map(|e| e.code), UNAUTHENTICATED);

    test.clock().advance(TimeDelta::days(accounts::REFRESH_TOKEN_DAYS) - TimeDelta::minutes(1));
    let renewed = refresh(&test, good).await.unwrap();
    test.clock().advance(TimeDelta::days(accounts::REFRESH_TOKEN_DAYS) + TimeDelta::minutes(1));
    assert_eq!(refresh(&test, &renewed.refresh_token).await.err().map(|e| e.code), UNAUTHENTICATED, "seven days");
    // As the hourly job would: the audit log's partitions are made ahead of the clock.
    platform::metrics::keep_partitions(&test.platform, &test.platform.system(SystemActor::Metrics)).await.unwrap();

    let disabled = sign_in(&test, &user).await;
    sqlx::query("update users set state = 'disabled' where name = 'stranger'")
        .execute(test.owner_pool())
        .await
        .unwrap();
    assert_eq!(refresh(&test, &disabled.refresh_token).await.err().map(|e| e.code), UNAUTHENTICATED);
}

async fn token(test: &TestPlatform, user: &TestUser, scopes: Option<&[Permission]>) -> ApiTokenSecret {
    let scopes = scopes.map(<[Permission]>::to_vec);
    // One's tokens are told apart by their names.
    let name = if scopes.is_some() { "a reader" } else { "a robot" };
    let body = ApiTokenCreate { name: name.to_owned(), scopes, expires_at: None };
    let ctx = user.ctx().with_user_agent(Some("curl/8.5.0"));
    accounts::create_api_token(&test.platform, &ctx, body).await.unwrap()
}

#[tokio::test]
async fn an_api_token_goes_no_further_than_its_scopes() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let platform = &test.platform;
    let make = |name: &str| MachineCreate { name: name.to_owned(), ..MachineCreate::default() };

    let reads = token(&test, &admin, Some(&[Permission::MachinesView])).await;
    let ctx = bearer(&test, &reads.secret).await.unwrap();
    machines::list(platform, &ctx, &MachineQuery::default()).await.unwrap();
    assert!(ctx.is_staff() && ctx.holds(Permission::MachinesView) && !ctx.holds(Permission::MachinesCreate));
    let refused = machines::create(platform, &ctx, make("one")).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Forbidden, "seen, not permitted");
    // What its owner may is said to be left out, not to be missing: a program is given another token then.
    let left_out = (ErrorCode::Forbidden, "error-scope-missing");
    let profile = accounts::profile(platform, &ctx).await.unwrap_err();
    assert_eq!((profile.code, profile.key), left_out);
    let log = platform::audit::list(platform, &ctx, &Default::default()).await.unwrap_err();
    assert_eq!((log.code, log.key), left_out);

    let all = token(&test, &admin, None).await;
    let ctx = bearer(&test, &all.secret).await.unwrap();
    machines::create(platform, &ctx, make("two")).await.unwrap();
    let profile = accounts::profile(platform, &ctx).await.unwrap();
    assert!(!profile.buttons.contains(&Permission::AccountsSecureOwn));

    // Whatever its scopes: nothing by which it could outlive them.
    let change = PasswordChange { old_password: admin.password.to_owned(), new_password: "a brand new one".to_owned() };
    let made = accounts::create_api_token(platform, &ctx, ApiTokenCreate::default()).await.map(drop);
    let refusals = [
        made,
        accounts::change_password(platform, &ctx, &change).await.map(drop),
        accounts::enroll_totp(platform, &ctx, admin.password).await.map(drop),
        accounts::confirm_totp(platform, &ctx, "000000").await.map(drop),
        accounts::disable_totp(platform, &ctx, &Default::default()).await.map(drop),
        accounts::renew_recovery_codes(platform, &ctx, &Default::default()).await.map(drop),
        accounts::end_session(platform, &ctx, admin.principal.session).await,
        accounts::end_other_sessions(platform, &ctx).await.map(drop),
        accounts::revoke_api_token(platform, &ctx, reads.token.id).await,
        accounts::revoke_api_tokens(platform, &ctx).await.map(drop),
        accounts::remove_ssh_keys(platform, &ctx).await.map(drop),
        accounts::keep_for_page(platform, &ctx, ShownOnce::ApiToken, "").await,
        accounts::take_for_page(platform, &ctx, ShownOnce::RecoveryCodes).await.map(drop),
    ];
    for refused in refusals {
        assert_eq!(refused.unwrap_err().code, ErrorCode::Forbidden);
    }

    // A role that is lost is lost for the token too.
    sqlx::query("delete from role_assignments").execute(test.owner_pool()).await.unwrap();
    let ctx = bearer(&test, &reads.secret).await.unwrap();
    assert!(!ctx.is_staff() && !ctx.holds(Permission::MachinesView));
}

#[tokio::test]
async fn a_narrow_token_hears_the_same_of_what_is_there_and_what_is_not() {
    let test = TestPlatform::new().await;
    let (admin, acme, platform) = (test.admin().await, test.customer("Acme").await, &test.platform);
    let role = roles::list(platform, &admin.ctx()).await.unwrap()[0].id;
    let make = MachineCreate { name: "one".to_owned(), ..MachineCreate::default() };
    let machine = machines::create(platform, &admin.ctx(), make).await.unwrap().id.to_string();
    let narrow = token(&test, &admin, Some(&[Permission::SettingsView])).await;
    let ctx = bearer(&test, &narrow.secret).await.unwrap();
    let said = |refused: Option<platform::Error>| refused.map(|error| (error.code, error.key)).expect("refused");
    let nobody = UserId(999_999);
    let users = async |id| {
        [
            said(users::get(platform, &ctx, id).await.err()),
            said(users::set_active(platform, &ctx, id, false).await.err()),
        ]
    };
    assert_eq!(users(acme.member.id).await, users(nobody).await);
    assert_eq!(users(nobody).await.map(|(code, _)| code), [ErrorCode::NotFound; 2]);
    let role_of = async |id| said(roles::get(platform, &ctx, id).await.err());
    assert_eq!(role_of(role).await, role_of(RoleId(999_999)).await);
    let customer = async |id| said(customers::get(platform, &ctx, id).await.err());
    assert_eq!(customer(acme.id).await, customer(CustomerId(999_999)).await);
    let machine_of = async |code: &str| said(machines::get(platform, &ctx, code).await.err());
    assert_eq!(machine_of(&machine).await, machine_of("host-999").await);
    // Where nothing is named, it is said what is wrong.
    let added = machines::create(platform, &ctx, MachineCreate { name: "two".to_owned(), ..MachineCreate::default() });
    assert_eq!(said(added.await.err()), (ErrorCode::Forbidden, "error-scope-missing"));
}

#[tokio::test]
async fn nobody_gives_a_token_what_they_do_not_have() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    let make = async |scopes: Option<Vec<Permission>>, name: &str, days: Option<i64>| {
        let expires_at = days.map(|days| test.clock().now() + TimeDelta::days(days));
        let body = ApiTokenCreate { name: name.to_owned(), scopes, expires_at };
        let made = accounts::create_api_token(&test.platform, &acme.member.ctx(), body).await;
        made.map(drop).err().map(|e| e.fields.iter().map(|f| f.path).collect::<Vec<_>>()).unwrap_or_default()
    };
    assert_eq!(make(Some(vec![Permission::CustomersView]), "mine", Some(30)).await, Vec::<&str>::new());
    for beyond in [Permission::MachinesView, Permission::CustomersListMembers, Permission::AccountsSecureOwn] {
        assert_eq!(make(Some(vec![Permission::CustomersView, beyond]), "mine", None).await, ["scopes"], "{beyond}");
    }
    assert_eq!(make(Some(vec![]), " ", Some(-1)).await, ["name", "scopes", "expiresAt"]);
    assert_eq!(make(None, "other", Some(100_000)).await, ["expiresAt"]);
    // Two that work are not called the same; when the first is over, another may be.
    assert_eq!(make(None, "Mine", None).await, ["name"]);
    test.clock().advance(TimeDelta::days(31));
    assert_eq!(make(None, "Mine", None).await, Vec::<&str>::new());
}

#[tokio::test]
async fn an_api_token_is_shown_once_and_seen_when_it_is_used() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let made = token(&test, &admin, Some(&[Permission::MachinesView])).await;
    assert!(made.secret.starts_with("rgpu_") && made.secret.starts_with(&made.token.start) && made.secret.len() > 40);
    let held = "select count(*) from sessions s, api_tokens a where (s.*)::text || (a.*)::text like '%' || $1 || '%'";
    let held: i64 = sqlx::query_scalar(held).bind(&made.secret).fetch_one(test.owner_pool()).await.unwrap();
    assert_eq!(held, 0, "stored as a hash");

    let used = async || tokens(&test, &admin).await[0].last_used_at;
    assert_eq!(used().await, None);
    let from = async || tokens(&test, &admin).await.remove(0).last_used_from;
    assert_eq!(from().await, None);
    test.clock().advance(TimeDelta::seconds(5));
    bearer(&test, &made.secret).await.unwrap();
    let first = used().await.expect("the first use is seen at once");
    assert_eq!(from().await.as_deref(), Some("192.0.2.1"));
    test.clock().advance(TimeDelta::seconds(50));
    bearer(&test, &made.secret).await.unwrap();
    assert_eq!(used().await, Some(first), "not every use is written");
    test.clock().advance(TimeDelta::seconds(11));
    bearer(&test, &made.secret).await.unwrap();
    assert!(used().await > Some(first));

    let view = accounts::list_sessions(&test.platform, &admin.ctx(), &Default::default()).await.unwrap().list;
    let session = view.iter().find(|session| session.id == made.token.id).unwrap();
    assert_eq!((session.name.as_deref(), session.agent.as_deref()), (Some("a reader"), Some("curl")));
    assert_eq!((session.address.as_deref(), session.expires_at), (Some("192.0.2.1"), None));
}

#[tokio::test]
async fn an_api_token_ends_with_its_time_its_owner_and_at_will() {
    let test = TestPlatform::new().await;
    let (admin, other) = (test.admin().await, test.admin().await);
    let body = ApiTokenCreate {
        name: "short".to_owned(),
        scopes: None,
        expires_at: Some(test.clock().now() + TimeDelta::hours(1)),
    };
    let short = accounts::create_api_token(&test.platform, &admin.ctx(), body).await.unwrap();
    let revoked = token(&test, &admin, None).await;
    let kept = token(&test, &admin, Some(&[Permission::MachinesView])).await;
    let stranger = accounts::revoke_api_token(&test.platform, &other.ctx(), revoked.token.id).await;
    assert_eq!(stranger.unwrap_err().code, ErrorCode::NotFound, "somebody else's");
    let no_token = accounts::revoke_api_token(&test.platform, &admin.ctx(), admin.principal.session).await;
    assert_eq!(no_token.unwrap_err().code, ErrorCode::NotFound, "a session, but no token");
    accounts::revoke_api_token(&test.platform, &admin.ctx(), revoked.token.id).await.unwrap();
    assert_eq!(code_of(&test, &revoked.secret).await, UNAUTHENTICATED);
    test.clock().advance(TimeDelta::hours(2));
    assert_eq!(
        (code_of(&test, &short.secret).await, code_of(&test, &kept.secret).await),
        (Some(ErrorCode::TokenExpired), None)
    );
    test.clock().advance(TimeDelta::days(400));
    assert_eq!(code_of(&test, &kept.secret).await, None, "for ever is long");
    sqlx::query("update users set token_version = token_version + 1").execute(test.owner_pool()).await.unwrap();
    assert_eq!(code_of(&test, &kept.secret).await, UNAUTHENTICATED);
    let left = tokens(&test, &admin).await;
    assert!(left.is_empty(), "what does not count is not shown: {left:?}");
}

#[tokio::test]
async fn a_new_password_ends_everything_else_and_weak_ones_are_refused() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    let user = &acme.owner;
    let (answer, api) = (sign_in(&test, user).await, token(&test, user, None).await);
    let change = async |old: &str, new: &str| {
        let change = PasswordChange { old_password: old.to_owned(), new_password: new.to_owned() };
        accounts::change_password(&test.platform, &user.ctx(), &change).await
    };
    let faults = async |old: &str, new: &str| {
        let error = change(old, new).await.unwrap_err();
        error.fields.iter().map(|f| (f.path, f.key)).collect::<Vec<_>>()
    };
    assert_eq!(faults(user.password, "short").await, [("newPassword", "field-password-short")]);
    assert_eq!(
        faults(user.password, "cacme-owner1").await,
        [("newPassword", "field-password-personal")],
        "the own name"
    );
    assert_eq!(faults(user.password, user.password).await, [("newPassword", "field-password-old")]);
    assert_eq!(code_of(&test, &answer.access_token).await, None, "nothing has happened yet");

    let new = "seven lazy pelicans";
    let mut codes = Vec::new();
    for _ in 0..6 {
        let error = change("a guess", new).await.unwrap_err();
        codes.push((error.code, error.fields.first().map(|f| (f.path, f.key))));
    }
    assert_eq!(codes[0], (ErrorCode::Validation, Some(("oldPassword", "field-password-wrong"))));
    assert!(codes.contains(&(ErrorCode::RateLimited, None)), "as at sign-in: {codes:?}");
    test.clock().advance(TimeDelta::minutes(2));
    let who = change(user.password, new).await.unwrap();
    assert_eq!((who.user, who.active_customer), (user.id, Some(acme.id)));
    for token in [&answer.access_token, &api.secret] {
        assert_eq!(code_of(&test, token).await, UNAUTHENTICATED);
    }
    let with_captcha = async |password: &str| {
        let (captcha_id, captcha) = test.captcha().await;
        LoginRequest { password: password.to_owned(), captcha_id, captcha, ..request(user) }
    };
    let old = accounts::sign_in(&test.platform, &test.anonymous(), &with_captcha(user.password).await).await;
    assert_eq!(old.unwrap_err().code, ErrorCode::BadCredentials);
    test.clock().advance(TimeDelta::minutes(2)); // that one failed, after four others
    let signed_in = accounts::sign_in(&test.platform, &test.anonymous(), &with_captcha(new).await).await.unwrap();
    assert_eq!(signed_in.token_version, who.token_version);
    // The principal is of before: somebody else was faster.
    let change = PasswordChange { old_password: new.to_owned(), new_password: "eight lazy pelicans".to_owned() };
    let late = accounts::change_password(&test.platform, &user.ctx(), &change).await;
    assert_eq!(late.unwrap_err().code, ErrorCode::Conflict);
    let words = "select count(*) from audit_events where (before::text || after::text) like '%pelicans%'";
    assert_eq!(count(&test, words).await, 0);
}

#[tokio::test]
async fn earlier_passwords_are_not_taken_again_for_as_long_as_they_are_remembered() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let remember = async |count: u32| {
        let key = "sign_in.password_remembered".to_owned();
        let change = platform::settings::Change { key, value: count.into(), version: None };
        platform::settings::change(&test.platform, &admin.ctx(), vec![change]).await.unwrap();
    };
    let mut user = test.outsider("ann").await;
    let mut old = user.password.to_owned();
    let mut change = async |new: &str| {
        let change = PasswordChange { old_password: old.clone(), new_password: new.to_owned() };
        let who = accounts::change_password(&test.platform, &user.ctx(), &change).await?;
        user.principal.token_version = who.token_version;
        old = new.to_owned();
        Ok::<(), platform::Error>(())
    };
    let fault = |result: Result<()>| result.unwrap_err().fields.first().map(|field| (field.path, field.key));
    let words = |number: usize| format!("{number} lazy pelicans on a pier");
    remember(2).await;
    for number in 1..=3 {
        change(&words(number)).await.unwrap();
    }
    let used = Some(("newPassword", "field-password-used"));
    assert_eq!(fault(change(&words(3)).await), Some(("newPassword", "field-password-old")), "the present one");
    assert_eq!(fault(change(&words(2)).await), used);
    assert_eq!(fault(change(&words(1)).await), used);
    change(test_support::PASSWORD).await.expect("the third one before is forgotten");
    remember(0).await;
    change(&words(3)).await.expect("only the present one counts");

    // By a link, the same rule; and whoever does not know the present one learns nothing of those before.
    let wrong = PasswordChange { old_password: "a guess".to_owned(), new_password: test_support::PASSWORD.to_owned() };
    remember(5).await;
    let refused = accounts::change_password(&test.platform, &test.outsider("bob").await.ctx(), &wrong).await;
    assert_eq!(refused.unwrap_err().fields[0].path, "oldPassword");
    assert_eq!(count(&test, "select count(*) from password_history").await, 5, "as hashes");
    let plain = "select count(*) from password_history where hash not like '$argon2id$%'";
    assert_eq!(count(&test, plain).await, 0);
    for number in 10..18 {
        remember(0).await;
        accounts::reset_password(&test.platform, "ann", false).await.unwrap();
        let _ = number;
    }
    assert_eq!(
        count(&test, "select count(*) from password_history").await,
        10,
        "no more are kept than can be asked for"
    );
}

#[tokio::test]
async fn a_browser_that_is_idle_for_half_a_day_is_signed_out() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let hash = [7u8; 32];
    let record = accounts::session_records::SessionRecord {
        kind: contract::accounts::SessionKind::Browser,
        secret_hash: hash,
        user: Some(admin.id),
        customer: None,
        token_version: Some(1),
        provider: None,
        data: serde_json::json!({}),
        address: None,
        user_agent: Some("a\0b".to_owned()),
        expires_at: test.clock().now() + TimeDelta::days(7),
    };
    assert!(accounts::session_records::create(&test.platform, &test.anonymous(), &record).await.unwrap());
    let open = async || {
        let found = accounts::principal_of_session(&test.platform, &test.anonymous(), &hash).await.unwrap();
        matches!(&found, Principal::User(user) if user.credential == Credential::Browser)
    };
    for _ in 0..3 {
        test.clock().advance(TimeDelta::hours(11));
        assert!(open().await, "used again and again");
    }
    test.clock().advance(TimeDelta::hours(12) + TimeDelta::minutes(2));
    assert!(!open().await);
    let listed = accounts::list_sessions(&test.platform, &admin.ctx(), &Default::default()).await.unwrap().list;
    assert!(listed.iter().all(|session| session.kind != contract::accounts::SessionKind::Browser), "{listed:?}");
}

#[tokio::test]
async fn a_session_is_ended_by_its_owner_alone() {
    let test = TestPlatform::new().await;
    let (user, other) = (test.outsider("one").await, test.outsider("two").await);
    let (first, second, theirs) =
        (sign_in(&test, &user).await, sign_in(&test, &user).await, sign_in(&test, &other).await);
    let ctx = bearer(&test, &first.access_token).await.unwrap();
    let list = accounts::list_sessions(&test.platform, &ctx, &Default::default()).await.unwrap().list;
    assert_eq!(list.iter().filter(|session| session.current).count(), 1);
    let end = async |id: SessionId, as_whom: &OpContext| accounts::end_session(&test.platform, as_whom, id).await;
    let second_id = bearer(&test, &second.access_token).await.unwrap().user().unwrap().session;
    assert_eq!(end(second_id, &other.ctx()).await.unwrap_err().code, ErrorCode::NotFound);
    end(second_id, &ctx).await.unwrap();
    assert_eq!(code_of(&test, &second.access_token).await, UNAUTHENTICATED);
    assert_eq!(end(second_id, &ctx).await.unwrap_err().code, ErrorCode::NotFound, "once");
    // What is left of this person beside the session that asks is the one the test began with.
    assert_eq!(accounts::end_other_sessions(&test.platform, &ctx).await.unwrap().ended, 1);
    assert_eq!((code_of(&test, &first.access_token).await, code_of(&test, &theirs.access_token).await), (None, None));
}

#[tokio::test]
async fn a_profile_is_replaced_as_a_whole() {
    let test = TestPlatform::new().await;
    let user = test.outsider("one").await;
    let update = async |name: Option<&str>, zone: Option<&str>| {
        let body = ProfileUpdate {
            display_name: name.map(str::to_owned),
            language: Some(contract::accounts::Language::Zh),
            time_zone: zone.map(str::to_owned),
        };
        accounts::update_profile(&test.platform, &user.ctx(), body).await
    };
    let profile = update(Some(" 王小明 "), Some("Asia/Shanghai")).await.unwrap();
    assert_eq!((profile.display_name.as_str(), profile.time_zone.as_deref()), ("王小明", Some("Asia/Shanghai")));
    let profile = update(None, None).await.unwrap();
    assert_eq!((profile.display_name.as_str(), profile.time_zone), ("one", None));
    let profile = update(Some("Wang\n \u{a0}Xiaoming"), None).await.unwrap();
    assert_eq!(profile.display_name, "Wang Xiaoming", "a name is one line");
    let wrong = update(Some("a\u{202e}b"), Some("Mars/Olympus")).await.unwrap_err();
    assert_eq!(wrong.fields.iter().map(|f| f.path).collect::<Vec<_>>(), ["displayName", "timeZone"]);
}

#[tokio::test]
async fn what_a_page_shows_once_is_gone_then() {
    let test = TestPlatform::new().await;
    let (user, other) = (test.outsider("one").await, test.outsider("two").await);
    let keep = async |text: &str| {
        accounts::keep_for_page(&test.platform, &user.ctx(), ShownOnce::ApiToken, text).await.unwrap();
    };
    let take =
        async |who: &TestUser| accounts::take_for_page(&test.platform, &who.ctx(), ShownOnce::ApiToken).await.unwrap();
    keep("a secret").await;
    keep("a newer secret").await;
    assert_eq!(take(&other).await, None);
    assert_eq!(take(&user).await.as_deref(), Some("a newer secret"));
    assert_eq!(take(&user).await, None);
    keep("forgotten").await;
    test.clock().advance(TimeDelta::minutes(6));
    assert_eq!(take(&user).await, None);
}

#[tokio::test]
async fn a_kept_form_is_for_its_session_and_page_and_an_hour() {
    let test = TestPlatform::new().await;
    let (user, other) = (test.outsider("one").await, test.outsider("two").await);
    let platform = &test.platform;
    let id = accounts::keep_form(platform, &user.ctx(), "/form", "typed").await.unwrap();
    let read = async |who: &TestUser, path: &str| accounts::kept_form(platform, &who.ctx(), path, id).await.unwrap();
    assert_eq!(read(&user, "/form").await.as_deref(), Some("typed"));
    assert_eq!((read(&user, "/other").await, read(&other, "/form").await), (None, None));
    let nobody = accounts::keep_form(platform, &test.anonymous(), "/form", "typed").await.unwrap_err();
    assert_eq!(nobody.code, ErrorCode::Unauthenticated);
    let long = "x".repeat(accounts::MAX_KEPT_FORM + 1);
    let refused = accounts::keep_form(platform, &user.ctx(), "/form", &long).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::TooLarge);
    test.clock().advance(TimeDelta::minutes(61));
    assert_eq!(read(&user, "/form").await, None);
    accounts::session_records::delete_expired(platform, &platform.system(platform::SystemActor::Worker)).await.unwrap();
}

#[tokio::test]
async fn a_key_says_when_and_from_where_it_let_somebody_in_last() {
    let test = TestPlatform::new().await;
    let wanda = test.customer("Acme").await.owner;
    let body = SshKeyCreate { name: None, public_key: test_support::SSH_PUBLIC_KEY.to_owned() };
    let key = accounts::add_ssh_key(&test.platform, &wanda.ctx(), body).await.unwrap().public_key;
    let used = async || {
        let key =
            accounts::list_ssh_keys(&test.platform, &wanda.ctx(), &Default::default()).await.unwrap().list.remove(0);
        (key.last_used_at, key.last_used_from)
    };
    assert_eq!(used().await, (None, None));
    let gate = test.anonymous();
    accounts::sign_in_by_ssh_key(&test.platform, &gate, &wanda.name, &key).await.unwrap().expect("the key counts");
    let (at, from) = used().await;
    assert!(at.is_some());
    assert_eq!(from.as_deref(), Some("192.0.2.1"));
}
