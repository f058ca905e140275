//! How a directory is set, tried out and taken away again.

use contract::ErrorCode;
use contract::accounts::{
    LdapSecurity, LdapSettings, LoginRequest, MappedRole, MemberRole, PasswordChange, ProviderBody, ProviderKind,
};
use contract::users::UserPassword;
use platform::OpContext;
use platform::accounts::{self, SignedIn, identity, users};
use test_support::{PASSWORD, SEARCHER_PASSWORD, TestPlatform};

use super::{WRONG, World, body, failed_at, role, settings};

#[tokio::test]
async fn the_test_button_says_what_is_wrong() {
    let world = World::new().await;
    let acme = world.test.customer("Acme").await;
    let maps = vec![role("lab", MappedRole::CustomerOwner, Some(acme.id))];
    world.set(|body| body.mappings = maps).await.unwrap();
    let found = world.try_out(Some("wanda")).await;
    let person = &found.steps[found.steps.len() - 2];
    assert!(person.message.contains("uid=wanda,ou=people,dc=example,dc=org"), "{}", person.message);
    let groups = found.steps.last().unwrap();
    assert_eq!(groups.message, "In 2 groups, which make: owner of Acme.");
    assert!(groups.detail.as_deref().unwrap().contains("cn=gpu-admins,ou=groups,dc=example,dc=org"));
    let counted = world.sql("select count(*)::text from user_identities").await;
    assert_eq!(counted, ["0"], "a test makes nobody");

    type Change = Box<dyn Fn(&mut ProviderBody)>;
    let ldap = |change: fn(&mut LdapSettings)| {
        move |body: &mut ProviderBody| {
            change(body.ldap.as_mut().unwrap());
            body.secret = Some(SEARCHER_PASSWORD.to_owned());
        }
    };
    let cases: [(Change, Option<&str>, &str); 9] = [
        (Box::new(ldap(|l| l.host = "no-such-host.invalid".to_owned())), None, "name"),
        (Box::new(ldap(|l| l.port = 1)), None, "connect"),
        (Box::new(ldap(|l| l.ca_certificate = None)), None, "tls"),
        (Box::new(|body: &mut ProviderBody| body.secret = Some("wrong".to_owned())), None, "bind"),
        (Box::new(ldap(|l| l.user_base = "ou=nowhere,dc=example,dc=org".to_owned())), None, "search"),
        (Box::new(ldap(|l| l.user_base = "ou=elsewhere,dc=example,dc=org".to_owned())), None, "search"),
        (Box::new(ldap(|_| ())), Some("nobody"), "person"),
        (Box::new(ldap(|l| l.login_attribute = "sAMAccountName".to_owned())), Some("wanda"), "person"),
        (Box::new(ldap(|l| l.id_attribute = "employeeNumber".to_owned())), Some("wanda"), "person"),
    ];
    let good = settings(&world.directory, LdapSecurity::StartTls);
    for (change, login, step) in cases {
        let fresh = good.clone();
        world
            .set(|body| {
                body.ldap = Some(fresh);
                body.secret = Some(SEARCHER_PASSWORD.to_owned());
                change(body);
            })
            .await
            .unwrap();
        let test = world.try_out(login).await;
        let (at, message) = failed_at(&test).expect("it fails");
        assert_eq!(at, step, "{message}");
        assert!(message.ends_with('.') && message.contains(' '), "{message}");
    }
    // A referral is not followed, and the reason is said.
    world
        .set(|body| {
            body.ldap = Some(LdapSettings { user_base: "ou=elsewhere,dc=example,dc=org".to_owned(), ..good.clone() });
            body.secret = Some(SEARCHER_PASSWORD.to_owned());
        })
        .await
        .unwrap();
    let test = world.try_out(None).await;
    assert!(failed_at(&test).unwrap().1.contains("points to another server"), "{test:?}");
    assert_eq!(world.refusal("wanda", "wanda's password").await.1, "error-directory-setup");
}

#[tokio::test]
async fn secrets_are_sealed_kept_from_everybody_and_forgotten_with_their_server() {
    let world = World::new().await;
    let stored: Vec<u8> =
        sqlx::query_scalar("select secret from identity_providers").fetch_one(world.test.owner_pool()).await.unwrap();
    assert!(!stored.windows(8).any(|part| part == &SEARCHER_PASSWORD.as_bytes()[..8]));
    assert!(world.view().await.secret_set);
    let renamed = world.set(|body| body.name = "Lab".to_owned()).await.unwrap();
    assert!(renamed.secret_set, "another name is the same server");
    let moved = world.set(|body| body.ldap.as_mut().unwrap().host = "localhost".to_owned()).await;
    // Somebody else would be told the password: it has to be said again.
    assert!(moved.is_ok_and(|view| !view.secret_set));
    world.set(|body| body.secret = Some(SEARCHER_PASSWORD.to_owned())).await.unwrap();
    world.sign_in("wanda", "wanda's password").await.unwrap();
    let words: String =
        world.sql("select coalesce(before::text, '') || coalesce(after::text, '') from audit_events").await.concat();
    assert!(!words.contains(SEARCHER_PASSWORD) && words.contains("\"set\": true"));
    let debug = format!("{:?}", body("x", LdapSettings::default()));
    assert!(!debug.contains(SEARCHER_PASSWORD), "{debug}");

    // Without a password, a directory would take the searcher for nobody.
    let refused = world.set(|body| body.secret = Some(String::new())).await.unwrap_err();
    assert_eq!(refused.fields[0].path, "secret");
    let stale = world.set(|body| body.version = Some(1)).await.unwrap_err();
    assert_eq!((stale.code, stale.key), (ErrorCode::Conflict, "error-settings-changed"));
    let other = world.set(|body| body.kind = ProviderKind::Oidc).await.unwrap_err();
    assert_eq!(other.fields[0].key, "field-provider-kind");
}

#[tokio::test]
async fn what_is_wrong_with_a_provider_is_named_all_at_once() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let wrong = LdapSettings {
        host: "not a host".to_owned(),
        port: 0,
        ca_certificate: Some("no certificate".to_owned()),
        user_filter: "(uid=*)".to_owned(),
        login_attribute: "a b".to_owned(),
        group_base: Some("ou=groups".to_owned()),
        group_filter: "(member=x)".to_owned(),
        ..LdapSettings::default()
    };
    let mut wish = body(" ", wrong);
    wish.password_url = Some("javascript:alert(1)".to_owned());
    wish.mappings = vec![role("x", MappedRole::CustomerMember, None)];
    let error = identity::create(&test.platform, &admin.ctx(), wish).await.unwrap_err();
    let mut paths: Vec<_> = error.fields.iter().map(|field| field.path).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "ldap.caCertificate",
            "ldap.groupFilter",
            "ldap.host",
            "ldap.loginAttribute",
            "ldap.port",
            "ldap.userBase",
            "ldap.userFilter",
            "mappings",
            "name",
            "passwordUrl"
        ]
    );
    for user in [test.outsider("nobody").await, test.customer("Acme").await.owner] {
        let error = identity::list(&test.platform, &user.ctx()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::NotFound);
        let error =
            identity::create(&test.platform, &user.ctx(), body("x", LdapSettings::default())).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::NotFound);
    }
}

#[tokio::test]
async fn people_of_a_directory_are_sent_there_for_their_password() {
    let world = World::with(|body| body.password_url = Some("https://id.example.org/password".to_owned())).await;
    let who = world.sign_in("wanda", "wanda's password").await.unwrap();
    let ctx = context_of(&world.test, who).await;
    let security = accounts::security(&world.test.platform, &ctx).await.unwrap();
    let place = security.password_place.unwrap();
    assert_eq!(
        (place.provider_name.as_str(), place.url.as_deref()),
        ("Example", Some("https://id.example.org/password"))
    );
    let change =
        PasswordChange { old_password: "wanda's password".to_owned(), new_password: "a much better one".to_owned() };
    let error = accounts::change_password(&world.test.platform, &ctx, &change).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::WrongState, "error-password-elsewhere-at"));
    assert_eq!(accounts::security(&world.test.platform, &world.admin.ctx()).await.unwrap().password_place, None);
    // Out of use: what they had open ends, and nobody new comes in.
    let request = LoginRequest {
        username: "wanda".to_owned(),
        password: "wanda's password".to_owned(),
        ..LoginRequest::default()
    };
    let anonymous = world.test.anonymous();
    let token = accounts::issue_access_token(&world.test.platform, &anonymous, &request).await.unwrap().access_token;
    let opens = async || accounts::principal_of_bearer(&world.test.platform, &anonymous, &token).await.is_ok();
    assert!(opens().await);
    world.set(|body| body.enabled = false).await.unwrap();
    assert!(!opens().await);
    assert_eq!(world.refusal("wanda", "wanda's password").await, WRONG);
    // Removed: the account stays, with nothing that opens it.
    let asked = identity::delete(&world.test.platform, &world.admin.ctx(), world.provider, false).await.unwrap_err();
    assert_eq!((asked.code, asked.key), (ErrorCode::WrongState, "error-provider-bound"), "somebody gets in by it");
    identity::delete(&world.test.platform, &world.admin.ctx(), world.provider, true).await.unwrap();
    assert_eq!(world.sql("select name::text from users where name = 'wanda'").await, ["wanda"]);
    assert_eq!(world.sql("select id::text from user_identities").await, [""; 0]);
    assert_eq!(world.refusal("wanda", "wanda's password").await, WRONG);
}

/// A request of Wanda, who just signed in.
async fn context_of(test: &TestPlatform, who: SignedIn) -> OpContext {
    let mut user = test.outsider("somebody").await.principal;
    user.name = "wanda".to_owned();
    (user.id, user.token_version, user.active_customer) = (who.user, who.token_version, who.active_customer);
    user.memberships = who.active_customer.map(|id| (id, MemberRole::Member)).into_iter().collect();
    let ctx = test.anonymous();
    let principal = platform::Principal::User(Box::new(user));
    OpContext::new(principal, ctx.now(), ctx.via(), ctx.request_id(), ctx.address(), ctx.language())
}

#[tokio::test]
async fn guesses_at_many_accounts_here_are_counted_by_address_while_a_directory_is_away() {
    let mut world = World::new().await;
    world.directory.stop();
    for name in ["one", "two", "three"] {
        world.test.outsider(name).await;
    }
    for name in ["one", "two"] {
        assert_eq!(world.refusal(name, "a guess").await.1, "error-directory-away");
    }
    // The one count that both are in, as it is after many more.
    let more = "insert into login_attempts (subject, at)
                select counted.subject, counted.at from generate_series(1, 25),
                  (select subject, max(at) as at from login_attempts group by subject having count(*) = 2) counted";
    let added = sqlx::query(more).execute(world.test.owner_pool()).await.unwrap().rows_affected();
    assert_eq!(added, 25, "nothing counts over names");
    // A right guess says no more than a wrong one.
    assert_eq!(world.refusal("three", PASSWORD).await.1, "error-directory-away");
    let asked = accounts::captchas_of_sign_in(&world.test.platform, &world.test.anonymous(), "three").await.unwrap();
    assert!(asked.is_none(), "the count shows in no answer");
}

#[tokio::test]
async fn a_directory_that_is_set_up_wrongly_excuses_no_guess() {
    let world = World::with(|body| body.secret = Some("not the searcher's".to_owned())).await;
    world.test.outsider("local").await;
    for name in ["local", "nobody", "wanda"] {
        assert_eq!(world.refusal(name, "a guess").await.1, "error-directory-setup");
    }
    for name in ["local", "nobody"] {
        let asked = accounts::captchas_of_sign_in(&world.test.platform, &world.test.anonymous(), name).await.unwrap();
        assert!(asked.is_some(), "{name}: three failures from here, over all names");
    }
}

#[tokio::test]
async fn a_password_given_here_takes_the_account_out_of_the_directory_and_has_to_be_meant() {
    let world = World::new().await;
    let operator = MappedRole::parse("operator").unwrap();
    world.set(|body| body.mappings = vec![role("gpu-admins", operator, None)]).await.unwrap();
    for (name, password) in [("wanda", "wanda's password"), ("walter", "walter's password")] {
        world.sign_in(name, password).await.unwrap();
    }
    assert_eq!(world.roles_of("wanda").await, ["operator"]);
    let (platform, staff) = (&world.test.platform, world.admin.ctx());
    let wanda = world.sql("select id::text from users where name = 'wanda'").await.remove(0);
    let wanda = contract::UserId(wanda.parse().unwrap());
    let typed = |local| UserPassword { password: Some("seven lazy pelicans".to_owned()), local };
    let plain = users::set_password(platform, &staff, wanda, typed(false)).await.unwrap_err();
    assert_eq!((plain.code, plain.key), (ErrorCode::WrongState, "error-user-password-elsewhere"));
    world.sign_in("wanda", "wanda's password").await.expect("nothing happened");

    users::set_password(platform, &staff, wanda, typed(true)).await.unwrap();
    assert_eq!(world.roles_of("wanda").await, [] as [&str; 0], "what the groups gave went with the directory");
    assert_eq!(users::get(platform, &staff, wanda).await.unwrap().identities, []);
    assert_eq!(world.refusal("wanda", "wanda's password").await, WRONG);
    world.sign_in("wanda", "seven lazy pelicans").await.unwrap();
    assert_eq!(world.roles_of("wanda").await, [] as [&str; 0], "nor do the groups give it again");
    let log = "select action || ' ' || coalesce(before->>'provider', '') from audit_events
               where action in ('users:unlink-identity', 'users:set-password') and outcome = 'done' order by id";
    assert_eq!(world.sql(log).await, ["users:unlink-identity Example", "users:set-password "]);
    users::set_password(platform, &staff, wanda, typed(false)).await.expect("it has its password here by now");

    // The same at the console, where the operator says what they mean by calling it.
    accounts::reset_password(platform, "walter", false).await.unwrap();
    assert_eq!(world.refusal("walter", "walter's password").await, WRONG);
    assert_eq!(world.sql("select label from user_identities").await, [] as [&str; 0]);
}

#[tokio::test]
async fn the_command_for_a_lost_password_leaves_an_admin_of_the_directory_one() {
    let world = World::new().await;
    let admins = role("gpu-admins", MappedRole::parse("platform_admin").unwrap(), None);
    let acme = world.test.customer("Acme").await;
    let members = role("gpu-admins", MappedRole::CustomerMember, Some(acme.id));
    world.set(|body| body.mappings = vec![admins, members]).await.unwrap();
    for (name, password) in [("wanda", "wanda's password"), ("walter", "walter's password")] {
        world.sign_in(name, password).await.unwrap();
    }
    assert_eq!(world.roles_of("wanda").await, ["member of Acme", "platform_admin"]);
    // Two admins, neither with a password here, and nobody else who administers.
    world
        .sql(
            "with gone as (delete from role_assignments where role = 'platform_admin' and user_id not in
                             (select id from users where name = 'wanda') returning user_id),
                  more as (insert into role_assignments (user_id, role) select id, 'platform_admin' from users
                           where name = 'walter' returning user_id)
             select user_id::text from gone union all select user_id::text from more",
        )
        .await;
    let platform = &world.test.platform;
    let reset = accounts::reset_password(platform, "wanda", false).await.unwrap();
    assert_eq!(world.roles_of("wanda").await, ["platform_admin"], "what she has at the customer went");
    let [parted] = &reset.parted[..] else { panic!("one directory") };
    assert_eq!(parted.provider, "Example");
    assert_eq!(
        (&parted.taken[..], &parted.kept[..]),
        (&["customer_member".to_owned()][..], &["platform_admin".to_owned()][..])
    );
    world.sign_in("wanda", &reset.password).await.unwrap();
}

#[tokio::test]
async fn who_alone_has_a_password_stays_admin_although_their_roles_are_to_go() {
    let world = World::new().await;
    let admins = role("gpu-admins", MappedRole::parse("platform_admin").unwrap(), None);
    world.set(|body| body.mappings = vec![admins]).await.unwrap();
    for (name, password) in [("wanda", "wanda's password"), ("walter", "walter's password")] {
        world.sign_in(name, password).await.unwrap();
    }
    world
        .sql(
            "with gone as (delete from role_assignments where role = 'platform_admin' and user_id not in
                             (select id from users where name = 'wanda') returning user_id),
                  more as (insert into role_assignments (user_id, role) select id, 'platform_admin' from users
                           where name = 'walter' returning user_id)
             select user_id::text from gone union all select user_id::text from more",
        )
        .await;
    let reset = accounts::reset_password(&world.test.platform, "wanda", true).await.unwrap();
    assert_eq!(world.roles_of("wanda").await, ["platform_admin"], "she is the only one with a password here");
    assert_eq!(reset.parted[0].kept, ["platform_admin"]);
    world.sign_in("wanda", &reset.password).await.unwrap();
}

#[tokio::test]
async fn who_had_a_password_before_it_parted_accounts_from_directories_is_parted_later() {
    let world = World::new().await;
    let operator = MappedRole::parse("operator").unwrap();
    world.set(|body| body.mappings = vec![role("gpu-admins", operator, None)]).await.unwrap();
    for (name, password) in [("wanda", "wanda's password"), ("walter", "walter's password")] {
        world.sign_in(name, password).await.unwrap();
    }
    // As a server of the version before left it.
    world
        .sql(
            "update users set password_hash = (select password_hash from users where password_hash is not null limit 1)
             where name = 'wanda' returning id::text",
        )
        .await;
    assert_eq!(world.roles_of("wanda").await, ["operator"]);
    for _ in 0..2 {
        identity::part_from_directories(&world.test.platform).await.unwrap();
        assert_eq!(world.roles_of("wanda").await, [] as [&str; 0]);
    }
    let bound = "select u.name::text from user_identities i join users u on u.id = i.user_id";
    assert_eq!(world.sql(bound).await, ["walter"], "who has no password here stays");
    let log = "select before->>'provider' || ' ' || (after->'roles'->'removed'->0->>'role') from audit_events
               where action = 'users:unlink-identity' and outcome = 'done'";
    assert_eq!(world.sql(log).await, ["Example operator"], "once");
    let told =
        "select u.name::text from notifications n join users u on u.id = n.user_id where n.kind = 'identities-changed'";
    assert_eq!(world.sql(told).await, ["wanda"]);
}
