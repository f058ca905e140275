//! Signing in by a directory, against a real OpenLDAP that each test starts for itself.

mod setting;

use contract::accounts::{
    GroupMapping, LdapSecurity, LdapSettings, LoginRequest, MappedRole, ProviderBody, ProviderKind, ProviderTest,
    ProviderTestRequest, ProviderView,
};
use contract::roles::RoleWrite;
use contract::{CustomerId, ErrorCode, IdentityProviderId, Permission};
use platform::accounts::{self, SignedIn, identity};
use platform::{OpContext, Principal, Result, roles};
use test_support::{Directory, PASSWORD, SEARCHER, SEARCHER_PASSWORD, TestPlatform, TestUser};

const PEOPLE: &str = "ou=people,dc=example,dc=org";

fn settings(directory: &Directory, security: LdapSecurity) -> LdapSettings {
    LdapSettings {
        host: "127.0.0.1".to_owned(),
        port: if security == LdapSecurity::Tls { directory.tls_port() } else { directory.port() },
        security,
        ca_certificate: Some(directory.certificate().to_owned()),
        bind_dn: Some(SEARCHER.to_owned()),
        user_base: PEOPLE.to_owned(),
        group_base: Some("ou=groups,dc=example,dc=org".to_owned()),
        ..LdapSettings::default()
    }
}

fn body(name: &str, ldap: LdapSettings) -> ProviderBody {
    ProviderBody {
        kind: ProviderKind::Ldap,
        name: name.to_owned(),
        enabled: true,
        ldap: Some(ldap),
        oidc: None,
        secret: Some(SEARCHER_PASSWORD.to_owned()),
        creates_accounts: true,
        only_mapped: false,
        mappings: Vec::new(),
        password_url: None,
        version: None,
    }
}

fn role(group: &str, role: MappedRole, customer_id: Option<CustomerId>) -> GroupMapping {
    GroupMapping { group: group.to_owned(), role, customer_id }
}

/// A platform with one directory over STARTTLS.
struct World {
    test: TestPlatform,
    admin: TestUser,
    directory: Directory,
    provider: IdentityProviderId,
}

impl World {
    async fn new() -> Self {
        Self::with(|_| ()).await
    }

    async fn with(set: impl FnOnce(&mut ProviderBody)) -> Self {
        let test = TestPlatform::new().await;
        let admin = test.admin().await;
        let directory = Directory::start();
        let mut wish = body("Example", settings(&directory, LdapSecurity::StartTls));
        set(&mut wish);
        let made = identity::create(&test.platform, &admin.ctx(), wish).await.unwrap();
        Self { provider: made.id, test, admin, directory }
    }

    async fn sign_in(&self, name: &str, password: &str) -> Result<SignedIn> {
        sign_in(&self.test, &self.test.anonymous(), name, password).await
    }

    async fn refusal(&self, name: &str, password: &str) -> (ErrorCode, &'static str) {
        let error = self.sign_in(name, password).await.expect_err("nobody gets in by this");
        (error.code, error.key)
    }

    async fn view(&self) -> ProviderView {
        identity::get(&self.test.platform, &self.admin.ctx(), self.provider).await.unwrap()
    }

    /// Changes the provider.
    async fn set(&self, set: impl FnOnce(&mut ProviderBody)) -> Result<ProviderView> {
        let now = self.view().await;
        let mut wish = ProviderBody {
            kind: now.kind,
            name: now.name,
            enabled: now.enabled,
            ldap: now.ldap,
            oidc: now.oidc,
            secret: None,
            creates_accounts: now.creates_accounts,
            only_mapped: now.only_mapped,
            mappings: now.mappings,
            password_url: now.password_url,
            version: Some(now.version),
        };
        set(&mut wish);
        identity::update(&self.test.platform, &self.admin.ctx(), self.provider, wish).await
    }

    async fn try_out(&self, login: Option<&str>) -> ProviderTest {
        let request = ProviderTestRequest { login: login.map(str::to_owned) };
        identity::test(&self.test.platform, &self.admin.ctx(), self.provider, request).await.unwrap()
    }

    async fn sql(&self, statement: &'static str) -> Vec<String> {
        sqlx::query_scalar(statement).fetch_all(self.test.owner_pool()).await.unwrap()
    }

    async fn roles_of(&self, name: &str) -> Vec<String> {
        let statement = "select role from role_assignments r join users u on u.id = r.user_id where u.name::text = $1
             union all select m.role || ' of ' || c.name from memberships m join users u on u.id = m.user_id
             join customers c on c.id = m.customer_id where u.name::text = $1 order by 1";
        sqlx::query_scalar(statement).bind(name).fetch_all(self.test.owner_pool()).await.unwrap()
    }
}

async fn sign_in(test: &TestPlatform, ctx: &OpContext, name: &str, password: &str) -> Result<SignedIn> {
    // What is asked for after some failures is solved: that is looked at elsewhere.
    let wanted = accounts::captchas_of_sign_in(&test.platform, ctx, name).await.unwrap();
    let (captcha_id, captcha) = if wanted.is_some() { test.captcha().await } else { (None, None) };
    let (username, password) = (name.to_owned(), password.to_owned());
    let request = LoginRequest { username, password, captcha_id, captcha, ..Default::default() };
    accounts::sign_in(&test.platform, ctx, &request).await
}

/// The failed step of a test and the key's worth of words in it.
fn failed_at(test: &ProviderTest) -> Option<(&'static str, &str)> {
    let step = test.steps.iter().find(|step| !step.done)?;
    Some((step.step.code(), step.message.as_str()))
}

const WRONG: (ErrorCode, &str) = (ErrorCode::BadCredentials, "error-bad-credentials");

#[tokio::test]
async fn who_comes_for_the_first_time_gets_an_account_bound_to_the_entry() {
    let world = World::new().await;
    let first = world.sign_in("wanda", "wanda's password").await.unwrap();
    let again = world.sign_in("Wanda ", "wanda's password").await.unwrap();
    assert_eq!(first.user, again.user);
    let by_address = world.sign_in("wanda@example.org", "wanda's password").await.unwrap();
    assert_eq!(first.user, by_address.user);
    let made = "select name || ' ' || display_name || ' ' || email || ' ' || coalesce(password_hash, 'none')
                from users where password_hash is null";
    assert_eq!(world.sql(made).await, ["wanda Wanda Erer wanda@example.org none"]);
    let bound = "select (i.subject ~ '^[0-9a-f-]{36}$')::text || i.issuer from user_identities i";
    assert_eq!(world.sql(bound).await, ["true"], "by what never changes, not by name or address");
    let log = "select action || coalesce(' ' || (after->>'provider'), '') from audit_events
               where action like 'accounts:%' and outcome = 'done' order by id";
    assert_eq!(
        world.sql(log).await,
        [
            "accounts:create-from-provider Example",
            "accounts:sign-in Example",
            "accounts:sign-in Example",
            "accounts:sign-in Example"
        ]
    );
    assert_eq!(world.view().await.accounts, 1);

    // Another name in the directory is the same person; the old name is then nobody's.
    world.directory.change(
        "dn: uid=wanda,ou=people,dc=example,dc=org\nchangetype: modrdn\nnewrdn: uid=wanda.e\ndeleteoldrdn: 1\n",
    );
    assert_eq!(world.sign_in("wanda.e", "wanda's password").await.unwrap().user, first.user);
    assert_eq!(world.refusal("wanda", "wanda's password").await, WRONG);
    // Somebody new who is called as she was is somebody else, and the account stays hers.
    world.directory.change(
        "dn: uid=wanda,ou=people,dc=example,dc=org\nchangetype: add\nobjectClass: inetOrgPerson\nuid: wanda\n\
         cn: Other\nsn: Other\nuserPassword: other's password\n",
    );
    let (code, key) = world.refusal("wanda", "other's password").await;
    assert_eq!((code, key), (ErrorCode::WrongState, "error-identity-name-taken"));
}

#[tokio::test]
async fn every_kind_of_line_works_and_an_untrusted_one_is_refused_before_any_password() {
    let world = World::new().await;
    for security in [LdapSecurity::Tls, LdapSecurity::None, LdapSecurity::StartTls] {
        let wish = settings(&world.directory, security);
        world
            .set(|body| {
                body.ldap = Some(wish);
                body.secret = Some(SEARCHER_PASSWORD.to_owned());
            })
            .await
            .unwrap();
        world.sign_in("wanda", "wanda's password").await.unwrap();
        let test = world.try_out(None).await;
        let steps: Vec<_> = test.steps.iter().map(|step| step.step.code()).collect();
        let expected: &[&str] = match security {
            LdapSecurity::None => &["name", "connect", "bind", "search"],
            _ => &["name", "connect", "tls", "bind", "search"],
        };
        assert_eq!((test.done, steps.as_slice()), (true, expected), "{security:?}");
    }
    // An authority that nobody here knows, and a certificate for another name.
    for untrusted in ["nobody's", "another name's"] {
        let mut wish = settings(&world.directory, LdapSecurity::Tls);
        match untrusted {
            "nobody's" => wish.ca_certificate = None,
            _ => wish.host = "127.0.0.2".to_owned(),
        }
        world
            .set(|body| {
                body.ldap = Some(wish);
                body.secret = Some(SEARCHER_PASSWORD.to_owned());
            })
            .await
            .unwrap();
        let test = world.try_out(Some("wanda")).await;
        // slapd listens on 127.0.0.1 alone; elsewhere nobody answers.
        let at = if untrusted == "nobody's" { "tls" } else { "connect" };
        assert_eq!(failed_at(&test).map(|(step, _)| step), Some(at), "{untrusted}: {test:?}");
        let (code, key) = world.refusal("wanda", "wanda's password").await;
        let said = if untrusted == "nobody's" { "error-directory-setup" } else { "error-directory-away" };
        assert_eq!((code, key), (ErrorCode::Unavailable, said), "{untrusted}");
    }
    let mut wish = settings(&world.directory, LdapSecurity::StartTls);
    (wish.host, wish.security) = ("localhost".to_owned(), LdapSecurity::StartTls);
    world
        .set(|body| {
            body.ldap = Some(wish);
            body.secret = Some(SEARCHER_PASSWORD.to_owned());
        })
        .await
        .unwrap();
    world.sign_in("wanda", "wanda's password").await.unwrap();
}

#[tokio::test]
async fn wrong_empty_locked_and_odd_are_all_refused_alike() {
    let world = World::new().await;
    world.sign_in("walter", "walter's password").await.unwrap();
    let before = world.sql("select count(*)::text from users").await;
    for (name, password) in [
        ("wanda", "walter's password"),
        ("wanda", "\0"),
        ("wanda", "wanda's password\0"),
        ("wanda", " "),
        // Right, but the directory has locked it.
        ("locked", "locked's password"),
        // Right, but they have to choose another one there first.
        ("fresh", "fresh's password"),
        ("nobody", "wanda's password"),
        // Each would match somebody as a filter.
        ("*", "wanda's password"),
        ("wan*", "wanda's password"),
        ("wanda)(uid=*", "wanda's password"),
        ("*)(|(uid=wanda", "wanda's password"),
        ("x)(|(objectClass=*))", "wanda's password"),
        ("wanda\0", "wanda's password"),
        ("\\77anda", "wanda's password"),
        ("uid=wanda,ou=people,dc=example,dc=org", "wanda's password"),
        ("cn=root,dc=example,dc=org", "root"),
    ] {
        // From elsewhere each time: guesses slow only themselves down.
        assert_eq!(world.refusal(name, password).await, WRONG, "{name:?} {password:?}");
        sqlx::query("delete from login_attempts").execute(world.test.owner_pool()).await.unwrap();
    }
    let empty = world.sign_in("wanda", "").await.unwrap_err();
    assert_eq!((empty.code, empty.fields[0].path), (ErrorCode::Validation, "password"));
    assert_eq!(world.sql("select count(*)::text from users").await, before, "nobody came of it");
    // A name made of such signs is a name like any other.
    world.sign_in("a*(b)\\c", "a*(b)\\c's password").await.unwrap();
    let odd = "select name::text from users where password_hash is null order by id desc limit 1";
    assert_eq!(world.sql(odd).await, ["a--b--c"]);
    // Two entries with one address: whose password it would be is not guessed.
    let (code, key) = world.refusal("twins@example.org", "twin's password").await;
    assert_eq!((code, key), (ErrorCode::BadCredentials, "error-bad-credentials"), "nor that there are two");
    let why = "select after->>'why' from audit_events where after->>'why' = 'several-entries'";
    assert_eq!(world.sql(why).await.len(), 1, "the log says so");
    assert_eq!(failed_at(&world.try_out(Some("twins@example.org")).await).map(|(step, _)| step), Some("person"));
    for (login, says) in [("locked", "the account is disabled"), ("fresh", "choose another one there first")] {
        let test = world.try_out(Some(login)).await;
        let (step, message) = failed_at(&test).unwrap();
        assert!(step == "person" && message.contains(says), "{login}: {message}");
    }
}

#[tokio::test]
async fn nobody_is_called_as_a_part_of_the_platform_by_a_directory() {
    let world = World::new().await;
    world.directory.change(
        "dn: uid=operator,ou=people,dc=example,dc=org\nchangetype: add\nobjectClass: inetOrgPerson\nuid: operator\n\
         cn: Somebody\nsn: Somebody\nuserPassword: operator's password\n",
    );
    let (code, key) = world.refusal("operator", "operator's password").await;
    assert_eq!((code, key), (ErrorCode::WrongState, "error-identity-name-reserved"));
    assert_eq!(world.refusal("operator", "another password").await, WRONG, "said to nobody else");
    assert_eq!(world.view().await.accounts, 0);
    let why = "select after->>'why' from audit_events where outcome = 'failed' order by id limit 1";
    assert_eq!(world.sql(why).await, ["name-reserved"]);
}

#[tokio::test]
async fn an_account_with_a_password_here_is_never_taken_over() {
    let world = World::new().await;
    let local = world.test.outsider("wanda").await;
    let (code, _) = world.refusal("wanda", "wanda's password").await;
    assert_eq!(code, ErrorCode::BadCredentials, "the directory's password opens nothing here");
    assert_eq!(world.sign_in("wanda", PASSWORD).await.unwrap().user, local.id);
    // By her address there, she is let in there, but has no name left here.
    let (code, key) = world.refusal("wanda@example.org", "wanda's password").await;
    assert_eq!((code, key), (ErrorCode::WrongState, "error-identity-name-taken"));
    // Who reads the log learns why, and nobody else.
    let why = "select after->>'why' from audit_events where outcome = 'failed' order by id";
    assert_eq!(world.sql(why).await, ["name-has-password-here", "name-taken"]);
    // An address that somebody has here stays theirs.
    sqlx::query("update users set email = 'walter@example.org' where name = 'wanda'")
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    let walter = world.sign_in("walter", "walter's password").await.unwrap();
    assert_ne!(walter.user, local.id);
    let addresses = "select coalesce(email::text, 'none') from users where name in ('wanda', 'walter') order by name";
    assert_eq!(world.sql(addresses).await, ["none", "walter@example.org"]);
    // Disabled here is disabled, whatever the directory says.
    sqlx::query("update users set state = 'disabled' where name = 'walter'")
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    assert_eq!(world.refusal("walter", "walter's password").await, WRONG);
}

#[tokio::test]
async fn groups_give_roles_and_take_back_only_what_they_gave() {
    let world = World::new().await;
    let (acme, globex) = (world.test.customer("Acme").await, world.test.customer("Globex").await);
    let full = "cn=lab,ou=groups,dc=example,dc=org";
    let maps = vec![
        role("gpu-admins", MappedRole::Platform("platform_admin".to_owned()), None),
        role(full, MappedRole::CustomerMember, Some(acme.id)),
    ];
    world.set(|body| body.mappings = maps).await.unwrap();
    let wanda = world.sign_in("wanda", "wanda's password").await.unwrap();
    assert_eq!(world.roles_of("wanda").await, ["member of Acme", "platform_admin"]);
    assert_eq!(wanda.active_customer, None, "staff act for no customer");
    let walter = world.sign_in("walter", "walter's password").await.unwrap();
    assert_eq!(
        (world.roles_of("walter").await, walter.active_customer),
        (vec!["member of Acme".to_owned()], Some(acme.id))
    );

    // Given by hand: not the groups' to take.
    sqlx::query("insert into memberships (customer_id, user_id, role) values ($1, $2, 'member')")
        .bind(globex.id.0)
        .bind(walter.user.0)
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    world.directory.change(
        "dn: cn=lab,ou=groups,dc=example,dc=org\nchangetype: modify\ndelete: member\n\
         member: uid=walter,ou=people,dc=example,dc=org\n",
    );
    let later = world.sign_in("walter", "walter's password").await.unwrap();
    assert_eq!(world.roles_of("walter").await, ["member of Globex"]);
    assert!(later.token_version > walter.token_version, "other sessions ended with the role");
    let log =
        "select (after->'roles')::text from audit_events where action = 'accounts:map-roles' order by id desc limit 1";
    assert!(world.sql(log).await[0].contains("\"removed\": [{\"role\": \"customer_member\""));

    // Another mapping: at the next sign-in.
    let maps = vec![role("LAB", MappedRole::CustomerOwner, Some(acme.id))];
    world.set(|body| body.mappings = maps).await.unwrap();
    world.sign_in("wanda", "wanda's password").await.unwrap();
    assert_eq!(world.roles_of("wanda").await, ["owner of Acme"], "there is another admin");
    let same = world.sign_in("wanda", "wanda's password").await.unwrap();
    assert_eq!(world.sign_in("wanda", "wanda's password").await.unwrap().token_version, same.token_version);

    // Only who has a role by a group.
    world.set(|body| body.only_mapped = true).await.unwrap();
    let (code, key) = world.refusal("walter", "walter's password").await;
    assert_eq!((code, key), (ErrorCode::WrongState, "error-identity-no-role"));
    world.sign_in("wanda", "wanda's password").await.unwrap();
    let strangers = world.set(|body| body.creates_accounts = false).await.unwrap();
    assert!(!strangers.creates_accounts);
    world.set(|body| body.only_mapped = false).await.unwrap();
    let (code, key) = world.refusal("a*(b)\\c", "a*(b)\\c's password").await;
    assert_eq!((code, key), (ErrorCode::WrongState, "error-identity-unknown"));
}

#[tokio::test]
async fn groups_give_roles_of_the_platform_and_roles_made_here() {
    let world = World::new().await;
    let permissions = vec![Permission::MachinesView];
    let write = RoleWrite { name: "Watchers".to_owned(), permissions, ..RoleWrite::default() };
    let custom = roles::create(&world.test.platform, &world.admin.ctx(), write).await.unwrap();
    let code = MappedRole::parse(&custom.code).unwrap();
    let operator = MappedRole::parse("operator").unwrap();
    let maps = vec![role("lab", code.clone(), None), role("gpu-admins", operator.clone(), None)];
    world.set(|body| body.mappings = maps).await.unwrap();
    world.sign_in("walter", "walter's password").await.unwrap();
    assert_eq!(world.roles_of("walter").await, [custom.code.as_str()]);
    world.sign_in("wanda", "wanda's password").await.unwrap();
    assert_eq!(world.roles_of("wanda").await, [custom.code.as_str(), "operator"]);

    // One goes, the other stays.
    world.set(|body| body.mappings = vec![role("lab", code.clone(), None)]).await.unwrap();
    world.sign_in("wanda", "wanda's password").await.unwrap();
    assert_eq!(world.roles_of("wanda").await, [custom.code.as_str()]);
    // What is not there is named; a customer's number stands exactly where the role is one in a customer.
    for (nonsense, customer, key, name) in [
        ("king", None, "field-mapping-role", "king"),
        ("signed_in", None, "field-mapping-role", "signed_in"),
        ("customer_member", Some(404), "field-mapping-customer", "404"),
        ("customer_member", None, "field-mapping", ""),
        ("operator", Some(404), "field-mapping", ""),
    ] {
        let mapped = role("lab", MappedRole::parse(nonsense).unwrap(), customer.map(CustomerId));
        let error = world.set(|body| body.mappings = vec![mapped]).await.unwrap_err();
        let fault = &error.fields[0];
        let named = fault.args.iter().find(|(arg, _)| *arg == "name").map(|(_, name)| name.as_str());
        assert_eq!((fault.path, fault.key, named), ("mappings", key, Some(name)), "{nonsense}");
    }
}

#[tokio::test]
async fn the_last_admin_stays_one_whatever_the_groups_say() {
    let world = World::new().await;
    world
        .set(|body| body.mappings = vec![role("gpu-admins", MappedRole::Platform("platform_admin".to_owned()), None)])
        .await
        .unwrap();
    world.sign_in("wanda", "wanda's password").await.unwrap();
    assert_eq!(world.roles_of("wanda").await, ["platform_admin"]);
    world
        .set(|body| body.mappings = vec![role("nobody", MappedRole::Platform("platform_admin".to_owned()), None)])
        .await
        .unwrap();
    // The local admin is gone: somebody has to be left.
    sqlx::query("update users set state = 'disabled' where name = 'admin1'")
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    world.sign_in("wanda", "wanda's password").await.unwrap();
    assert_eq!(world.roles_of("wanda").await, ["platform_admin"]);
    let log = "select (after->'roles'->'kept')::text from audit_events where action = 'accounts:map-roles'
               order by id desc limit 1";
    assert!(world.sql(log).await[0].contains("platform_admin"));
    sqlx::query("update users set state = 'active' where name = 'admin1'")
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    world.sign_in("wanda", "wanda's password").await.unwrap();
    assert_eq!(world.roles_of("wanda").await, [""; 0], "now there is another");
    // One who has a password here is not taken from by a group that never gave.
    assert_eq!(world.roles_of("admin1").await, ["platform_admin"]);
}

#[tokio::test]
async fn the_last_owner_of_a_customer_stays_one_whatever_the_groups_say() {
    let world = World::new().await;
    let acme = world.test.customer("Acme").await;
    let maps = vec![role("gpu-admins", MappedRole::CustomerOwner, Some(acme.id))];
    world.set(|body| body.mappings = maps).await.unwrap();
    world.sign_in("wanda", "wanda's password").await.unwrap();
    assert_eq!(world.roles_of("wanda").await, ["owner of Acme"]);
    sqlx::query("delete from memberships where user_id = $1")
        .bind(acme.owner.id.0)
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    let less = vec![role("gpu-admins", MappedRole::CustomerMember, Some(acme.id))];
    for maps in [less, Vec::new()] {
        world.set(|body| body.mappings = maps).await.unwrap();
        world.sign_in("wanda", "wanda's password").await.unwrap();
        assert_eq!(world.roles_of("wanda").await, ["owner of Acme"]);
    }
    sqlx::query("update memberships set role = 'owner' where user_id = $1")
        .bind(acme.member.id.0)
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    world.sign_in("wanda", "wanda's password").await.unwrap();
    assert_eq!(world.roles_of("wanda").await, [""; 0], "now there is another");
}

#[tokio::test]
async fn a_directory_that_is_away_says_so_and_local_admins_get_in() {
    let mut world = World::new().await;
    world.sign_in("wanda", "wanda's password").await.unwrap();
    world.directory.stop();
    let local = world.test.outsider("local").await;
    assert_eq!(world.sign_in("admin1", PASSWORD).await.unwrap().user, world.admin.id);
    // What is said does not depend on the name: neither known there, nor here, nor nowhere.
    for name in ["wanda", "local", "admin1", "nobody"] {
        let error = world.sign_in(name, "a wrong password").await.unwrap_err();
        assert_eq!((error.code, error.key), (ErrorCode::Unavailable, "error-directory-away"), "{name}");
        assert_eq!(error.args, [("provider", "Example".to_owned())]);
    }
    let test = world.try_out(None).await;
    let (step, message) = failed_at(&test).unwrap();
    assert!(step == "connect" && message.contains("Nobody answers there"), "{message}");
    assert_eq!(world.view().await.last_test, Some(test), "it is kept for the page");
    world.directory.resume();
    sqlx::query("delete from login_attempts").execute(world.test.owner_pool()).await.unwrap();
    world.sign_in("wanda", "wanda's password").await.unwrap();
    assert_eq!(world.sign_in("local", PASSWORD).await.unwrap().user, local.id);
}

#[tokio::test]
async fn tries_while_the_directory_is_away_hold_nobody_up_and_guesses_at_a_password_here_still_count() {
    let mut world = World::new().await;
    world.sign_in("wanda", "wanda's password").await.unwrap();
    world.test.outsider("local").await;
    world.directory.stop();
    for password in ["wanda's password", "wanda's password", "mistyped", "wanda's password"] {
        assert_eq!(world.refusal("wanda", password).await.1, "error-directory-away");
    }
    assert_eq!(world.sql("select count(*)::text from login_attempts").await, ["0"]);
    for _ in 0..5 {
        // The same answer, also once the account is held up: it says nothing of where the password is.
        assert_eq!(world.refusal("local", "a guess").await.1, "error-directory-away");
    }
    assert_ne!(world.sql("select count(*)::text from login_attempts").await, ["0"]);
    for name in ["wanda", "local"] {
        let asked = accounts::captchas_of_sign_in(&world.test.platform, &world.test.anonymous(), name).await.unwrap();
        assert!(asked.is_none(), "{name}: nothing is to be solved");
    }
    world.directory.resume();
    world.sign_in("wanda", "wanda's password").await.unwrap();
    let told = "select count(*)::text from audit_events where action = 'accounts:sign-in' and outcome = 'failed'
                and after->>'why' = 'away'";
    assert_eq!(
        world.sql(told).await,
        ["6"],
        "a few of each account are told as what they were, the others are counted"
    );
}

#[tokio::test]
async fn refusals_take_equal_time_wherever_the_account_is() {
    let world = World::new().await;
    world.sign_in("wanda", "wanda's password").await.unwrap();
    world.test.outsider("local").await;
    for name in ["wanda", "local", "nobody"] {
        let began = std::time::Instant::now();
        assert_eq!(world.refusal(name, "a wrong password").await, WRONG);
        let took = began.elapsed();
        assert!(took >= std::time::Duration::from_millis(800), "{name}: {took:?}");
    }
}

#[tokio::test]
async fn while_a_name_is_delayed_the_directory_s_password_counts_only_where_one_is_known() {
    let world = World::new().await;
    let from = |address: &str| {
        let ctx = world.test.anonymous();
        let address = Some(address.parse().unwrap());
        OpContext::new(Principal::Anonymous, ctx.now(), ctx.via(), ctx.request_id(), address, ctx.language())
    };
    let right = "wanda's password";
    sign_in(&world.test, &from("192.0.2.1"), "wanda", right).await.unwrap();
    // Guesses of strangers, from everywhere.
    sqlx::query(
        r"insert into login_attempts (subject, at)
          select sha256('name'::bytea || '\x00'::bytea || 'wanda'::bytea), $1 from generate_series(1, 14)",
    )
    .bind(world.test.clock().now())
    .execute(world.test.owner_pool())
    .await
    .unwrap();
    for password in [right, "a wrong password"] {
        let began = std::time::Instant::now();
        let error = sign_in(&world.test, &from("198.51.100.7"), "wanda", password).await.unwrap_err();
        assert_eq!((error.code, error.key), (ErrorCode::RateLimited, "error-sign-in-wait"), "{password}");
        assert!(began.elapsed() >= std::time::Duration::from_millis(800), "{password}: {:?}", began.elapsed());
    }
    sign_in(&world.test, &from("192.0.2.1"), "wanda", right).await.unwrap();
}

#[tokio::test]
async fn several_directories_are_asked_in_turn() {
    let mut world = World::new().await;
    let second = Directory::start();
    second.change(
        "dn: uid=zoe,ou=people,dc=example,dc=org\nchangetype: add\nobjectClass: inetOrgPerson\nuid: zoe\ncn: Zoe\n\
         sn: Zoe\nuserPassword: zoe's password\n",
    );
    let wish = body("Second", settings(&second, LdapSecurity::Tls));
    identity::create(&world.test.platform, &world.admin.ctx(), wish).await.unwrap();
    world.sign_in("zoe", "zoe's password").await.unwrap();
    world.sign_in("wanda", "wanda's password").await.unwrap();
    let whose = "select p.name from user_identities i join identity_providers p on p.id = i.provider_id order by i.id";
    assert_eq!(world.sql(whose).await, ["Second", "Example"]);
    // One that is away keeps only its own people out.
    world.directory.stop();
    world.sign_in("zoe", "zoe's password").await.unwrap();
    // Wanda is in the second, too, and is another person there: her account is bound to the first.
    assert_eq!(world.refusal("wanda", "wanda's password").await.1, "error-directory-away");
}
