//! What ends with a service, or with what binds somebody to it; and what is written down of those who are turned away.

use chrono::TimeDelta;
use contract::accounts::{GroupMapping, MappedRole, ProviderBody, SessionKind, TotpProof};
use contract::notifications::NotificationQuery;
use contract::{ErrorCode, IdentityProviderId, UserId};
use platform::accounts::identity::{self, Finished, Returned};
use platform::accounts::session_records::{self, SessionRecord};
use platform::accounts::{self};
use platform::{OpContext, Principal, notifications};
use serde_json::json;
use test_support::Misbehaviour;

use super::{BROWSER, OTHER_BROWSER, World, as_user, body, finish, just_signed_in, refusal};

impl World {
    /// A browser in which somebody came in by this service, or in no way that is known.
    async fn session(&self, number: u8, user: UserId, provider: Option<IdentityProviderId>) {
        let version = sqlx::query_scalar("select token_version from users where id = $1").bind(user.0);
        let record = SessionRecord {
            kind: SessionKind::Browser,
            secret_hash: [number; 32],
            user: Some(user),
            customer: None,
            token_version: Some(version.fetch_one(self.test.owner_pool()).await.unwrap()),
            provider,
            data: json!({}),
            address: None,
            user_agent: None,
            expires_at: self.test.clock().now() + TimeDelta::days(7),
        };
        assert!(session_records::create(&self.test.platform, &self.test.anonymous(), &record).await.unwrap());
    }

    /// Who is signed in there.
    async fn in_session(&self, number: u8) -> Principal {
        let (platform, ctx) = (&self.test.platform, self.test.anonymous());
        accounts::principal_of_session(platform, &ctx, &[number; 32]).await.unwrap()
    }

    /// Which of these are open.
    async fn open(&self, numbers: impl IntoIterator<Item = u8>) -> Vec<u8> {
        let mut open = Vec::new();
        for number in numbers {
            if matches!(self.in_session(number).await, Principal::User(_)) {
                open.push(number);
            }
        }
        open
    }

    async fn bind(&self, user: UserId, provider: IdentityProviderId, subject: &str) {
        let bound = "insert into user_identities (provider_id, issuer, subject, user_id, created_at)
                     values ($1, 'https://elsewhere.example', $2, $3, now())";
        let bound = sqlx::query(bound).bind(provider.0).bind(subject).bind(user.0);
        bound.execute(self.test.owner_pool()).await.unwrap();
    }

    async fn set_enabled(&self, enabled: bool) {
        let wish = ProviderBody { enabled, secret: None, ..body("Sso", self.service.issuer()) };
        identity::update(&self.test.platform, &self.admin.ctx(), self.provider, wish).await.unwrap();
    }
}

#[tokio::test]
async fn a_service_out_of_use_ends_what_came_in_by_it_and_nothing_else() {
    let world = World::new().await;
    let (_second, other) = world.another("Second").await;
    let hers = world.sign_in().await.unwrap();
    assert_eq!(hers.provider, Some(world.provider), "what the door keeps with the session");
    world.bind(hers.user, other, "7").await;
    let local = world.test.outsider("local").await.id;
    world.bind(local, world.provider, "8").await;
    for (number, user, provider) in [
        (11, hers.user, Some(world.provider)),
        (12, hers.user, Some(other)),
        (13, hers.user, None),
        (14, local, Some(world.provider)),
        (15, local, None),
    ] {
        world.session(number, user, provider).await;
    }
    assert_eq!(world.open(11..=15).await, [11, 12, 13, 14, 15]);
    let theirs = OpContext::new(
        world.in_session(11).await,
        world.test.clock().now(),
        world.test.anonymous().via(),
        "request-1",
        None,
        world.test.anonymous().language(),
    );
    let services = accounts::list_sessions(&world.test.platform, &theirs, &Default::default()).await.unwrap().list;
    let mut services: Vec<_> = services.into_iter().map(|session| session.service).collect();
    services.sort();
    assert_eq!(services, [None, Some("Second".to_owned()), Some("Sso".to_owned())]);
    world.set_enabled(false).await;
    // One that does not say how it came is of before that was kept: with a password it was likely that.
    assert_eq!(world.open(11..=15).await, [12, 15]);
    // A sign-in that was under way while it was taken out of use comes to nothing, and nothing comes back with it.
    world.session(16, local, Some(world.provider)).await;
    assert!(world.open([16]).await.is_empty());
    world.set_enabled(true).await;
    assert_eq!(world.open(11..=15).await, [12, 15]);
}

#[tokio::test]
async fn who_has_still_to_type_a_code_when_the_service_goes_begins_again() {
    let world = World::new().await;
    let who = world.sign_in().await.unwrap();
    let (platform, ctx) = (&world.test.platform, as_user(&world, who.user, who.token_version));
    just_signed_in(&world, who.user).await;
    let secret = accounts::enroll_totp(platform, &ctx, "").await.unwrap().secret;
    let code = test_support::totp_code(&secret, world.test.clock().now());
    accounts::confirm_totp(platform, &ctx, &code).await.unwrap();
    let back = world.there(&BROWSER).await.unwrap();
    let Finished::SignIn(accounts::SignInStep::CodeNeeded(needed), _) = world.back(&BROWSER, &back).await.unwrap()
    else {
        panic!("a code is asked for");
    };
    accounts::open_challenge(platform, &world.test.anonymous(), needed, &BROWSER).await.unwrap();
    assert!(accounts::is_challenged(platform, &world.test.anonymous(), &BROWSER).await.unwrap());
    world.set_enabled(false).await;
    world.set_enabled(true).await;
    assert!(!accounts::is_challenged(platform, &world.test.anonymous(), &BROWSER).await.unwrap());
}

#[tokio::test]
async fn removing_a_service_takes_back_what_its_groups_gave_and_tells() {
    let world = World::new().await;
    let acme = world.test.customer("Acme").await;
    let (platform, staff) = (&world.test.platform, world.admin.ctx());
    let mut wish = body("Sso", world.service.issuer());
    let mapping = |role, customer_id| GroupMapping { group: "lab".to_owned(), role, customer_id };
    let operator = MappedRole::parse("operator").unwrap();
    wish.mappings = vec![mapping(MappedRole::CustomerMember, Some(acme.id)), mapping(operator, None)];
    identity::update(platform, &staff, world.provider, wish).await.unwrap();
    world.service.says(json!({ "groups": ["lab"] }));
    let who = world.sign_in().await.unwrap();
    let plain = world.test.outsider("plain").await.id;
    world.bind(plain, world.provider, "8").await;
    for (number, user, provider) in
        [(21, who.user, Some(world.provider)), (22, plain, Some(world.provider)), (23, plain, None)]
    {
        world.session(number, user, provider).await;
    }
    let held = "select role from role_assignments join users u on u.id = user_id where u.name = 'wanda'
                union all select role from memberships m join users u on u.id = m.user_id where u.name = 'wanda' order by 1";
    assert_eq!(world.sql(held).await, ["member", "operator"]);
    identity::delete(platform, &staff, world.provider, true).await.unwrap();
    assert_eq!(world.sql(held).await, [""; 0]);
    assert_eq!(world.open(21..=23).await, [23]);
    let log =
        "select u.name || ' ' || (e.before->>'provider') from audit_events e join users u on u.id::text = e.target_id
               where e.action = 'users:unlink-identity' order by 1";
    assert_eq!(world.sql(log).await, ["plain Sso", "wanda Sso"]);
    let version = sqlx::query_scalar("select token_version from users where id = $1").bind(who.user.0);
    let theirs = as_user(&world, who.user, version.fetch_one(world.test.owner_pool()).await.unwrap());
    let told = notifications::list(platform, &theirs, &NotificationQuery::default()).await.unwrap().list;
    assert!(told[0].message.contains("parted your account from Sso"), "{}", told[0].message);
}

#[tokio::test]
async fn parting_ends_what_came_in_by_the_service_but_who_asks() {
    let world = World::new().await;
    let (_second, other) = world.another("Second").await;
    let local = world.test.outsider("local").await.id;
    world.bind(local, world.provider, "7").await;
    world.bind(local, other, "7").await;
    for (number, provider) in [(31, Some(world.provider)), (32, Some(world.provider)), (33, Some(other)), (34, None)] {
        world.session(number, local, provider).await;
    }
    let ctx = world.test.anonymous();
    let principal = world.in_session(31).await;
    let ctx = OpContext::new(principal, ctx.now(), ctx.via(), ctx.request_id(), ctx.address(), ctx.language());
    let bound = identity::identities(&world.test.platform, &ctx).await.unwrap();
    let first = bound.iter().find(|identity| identity.provider == world.provider).unwrap();
    identity::unlink(&world.test.platform, &ctx, first.id).await.unwrap();
    assert_eq!(world.open(31..=34).await, [31, 33, 34]);
}

#[tokio::test]
async fn a_service_out_of_use_is_no_way_in() {
    let world = World::new().await;
    let (_second, other) = world.another("Second").await;
    let who = world.sign_in().await.unwrap();
    world.bind(who.user, other, "7").await;
    let (platform, ctx) = (&world.test.platform, as_user(&world, who.user, who.token_version));
    let ways = async || {
        let bound = identity::identities(platform, &ctx).await.unwrap();
        bound.iter().map(|identity| (identity.enabled, identity.only_way)).collect::<Vec<_>>()
    };
    assert_eq!(ways().await, [(true, false), (true, false)]);
    world.set_enabled(false).await;
    assert_eq!(ways().await, [(false, false), (true, true)]);
    let bound = identity::identities(platform, &ctx).await.unwrap();
    assert_eq!(refusal(identity::unlink(platform, &ctx, bound[1].id).await).1, "error-identity-only-way");
    identity::unlink(platform, &ctx, bound[0].id).await.unwrap();
}

#[tokio::test]
async fn whoever_is_turned_away_stands_in_the_log() {
    let world = World::new().await;
    let (platform, staff) = (&world.test.platform, world.admin.ctx());
    let set = async |change: &dyn Fn(&mut ProviderBody)| {
        let mut wish = ProviderBody { secret: None, ..body("Sso", world.service.issuer()) };
        change(&mut wish);
        identity::update(platform, &staff, world.provider, wish).await.unwrap();
    };
    let back = async || {
        let back = world.there(&BROWSER).await.unwrap();
        refusal(world.back(&BROWSER, &back).await).1
    };
    set(&|wish| wish.creates_accounts = false).await;
    assert_eq!(back().await, "error-identity-unknown");
    set(&|_| {}).await;
    let who = world.sign_in().await.unwrap();
    set(&|wish| wish.only_mapped = true).await;
    assert_eq!(back().await, "error-identity-no-role");
    set(&|_| {}).await;
    world.sql("update users set state = 'disabled' where name = 'wanda' returning name::text").await;
    assert_eq!(back().await, "error-identity-disabled");
    world.service.misbehave(Misbehaviour::NoDescription);
    set(&|wish| wish.name = "Again".to_owned()).await;
    assert_eq!(refusal(world.there(&BROWSER).await).1, "error-sso-setup");
    world.service.misbehave(Misbehaviour::None);
    set(&|wish| wish.name = "Anew".to_owned()).await;
    // Binding what is somebody else's.
    let local = world.test.outsider("local").await;
    let address = identity::begin(platform, &local.ctx(), world.provider, None, &BROWSER).await.unwrap();
    finish(&world.test, &local.ctx(), &BROWSER, &world.service.sign_in(&address)).await.unwrap();
    let yes = TotpProof { password: test_support::PASSWORD.to_owned(), code: String::new() };
    assert_eq!(refusal(identity::confirm_link(platform, &local.ctx(), &yes).await).1, "error-identity-taken");
    let log = "select concat_ws(' ', action, after->>'why', target_id) from audit_events
               where outcome = 'failed' order by id";
    let wanted = [
        "accounts:sign-in unknown".to_owned(),
        format!("accounts:sign-in no-role {}", who.user),
        format!("accounts:sign-in disabled {}", who.user),
        "accounts:sign-in setup".to_owned(),
        format!("accounts:link-identity taken {}", local.id),
    ];
    assert_eq!(world.sql(log).await, wanted);
}

#[tokio::test]
async fn where_somebody_wanted_to_go_outlives_the_way_and_an_old_question_does_not() {
    let world = World::new().await;
    let (platform, nobody) = (&world.test.platform, world.test.anonymous());
    let late = world.there(&BROWSER).await.unwrap();
    let other_tab = world.there(&BROWSER).await.unwrap();
    let returned = |state: &str| Returned { state: Some(state.to_owned()), ..Returned::default() };
    let turned = async |browser, state: &str| {
        let turned = identity::finish(platform, &nobody, browser, &returned(state)).await.unwrap_err();
        (turned.error.key, turned.next)
    };
    let account = Some("/account".to_owned());
    let over = ("error-sso-over", account.clone());
    assert_eq!(turned(Some(OTHER_BROWSER), &late["state"]).await, over);
    assert_eq!(turned(None, &late["state"]).await, over);
    assert_eq!(turned(Some(BROWSER), &format!("{}x", late["state"])).await, ("error-sso-over", None));
    // Two tabs of one browser: neither ends the other's way.
    world.back(&BROWSER, &other_tab).await.unwrap();
    world.set_enabled(false).await;
    assert_eq!(turned(Some(BROWSER), &late["state"]).await, ("error-sso-gone", account));
    world.set_enabled(true).await;

    let local = world.test.outsider("local").await.ctx();
    let address = identity::begin(platform, &local, world.provider, None, &BROWSER).await.unwrap();
    finish(&world.test, &local, &BROWSER, &world.service.sign_in(&address)).await.unwrap();
    assert!(identity::proposed_link(platform, &local).await.unwrap().is_some());
    let address = identity::begin(platform, &local, world.provider, None, &BROWSER).await.unwrap();
    let mut denied = world.service.sign_in(&address);
    denied.remove("code");
    denied.insert("error".to_owned(), "access_denied".to_owned());
    let refused = refusal(finish(&world.test, &local, &BROWSER, &denied).await);
    assert_eq!(refused, (ErrorCode::BadCredentials, "error-sso-denied-binding"));
    assert_eq!(identity::proposed_link(platform, &local).await.unwrap(), None);
}
