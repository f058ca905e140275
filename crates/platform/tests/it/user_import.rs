//! People from a workbook: verdicts, whose rights count, what is kept of passwords, links to a first one.

use contract::accounts::{LoginRequest, MemberRole, PasswordResetConfirm};
use contract::imports::{ImportRowQuery, ImportState, ImportSubject, ImportView, PlaceChange, RowVerdict};
use contract::users::{UserCreate, UserQuery, UserRow, UserState, UserUpdate};
use contract::{ErrorCode, ImportId, Permission};
use platform::accounts::{self, users};
use platform::settings::{self, Change};
use platform::{imports, roles};
use serde_json::json;
use test_support::{TestPlatform, TestUser};

use crate::machines::import::workbook;

const USERS: ImportSubject = ImportSubject::Users;
const HEADINGS: [&str; 6] = ["用户名", "Name", "E-mail", "Roles", "Customers", "Initial password"];
const PASSWORD: &str = "three unusual words: quokka";
const LINKED: &str = "two unusual words: wombat";

struct World {
    test: TestPlatform,
    admin: TestUser,
}

impl World {
    async fn new() -> Self {
        let test = TestPlatform::new().await;
        let admin = test.admin().await;
        Self { test, admin }
    }

    async fn mail_goes_out(&self) {
        let changes = [("mail.host", json!("127.0.0.1")), ("mail.from_address", json!("gpu@example.org"))];
        let changes = changes.map(|(key, value)| Change { key: key.to_owned(), value, version: None });
        settings::change(&self.test.platform, &self.admin.ctx(), Vec::from(changes)).await.unwrap();
    }

    async fn stage_as(&self, who: &TestUser, rows: &[&[&str]]) -> ImportView {
        let p = &self.test.platform;
        let bytes = workbook(&HEADINGS, rows);
        let staged = imports::stage(p, &who.ctx(), USERS, "people.xlsx", &bytes[..]).await.unwrap();
        imports::read(p, staged.id, true).await.unwrap();
        let read = imports::get(p, &who.ctx(), USERS, staged.id).await.unwrap();
        assert_eq!((read.state, &read.refusal), (ImportState::Ready, &None));
        read
    }

    async fn stage(&self, rows: &[&[&str]]) -> ImportView {
        self.stage_as(&self.admin, rows).await
    }

    async fn confirm(&self, who: &TestUser, id: ImportId) -> platform::Result<ImportView> {
        imports::confirm(&self.test.platform, &who.ctx(), USERS, id).await
    }

    /// (row, verdict, user name, columns with changes or faults)
    async fn rows(&self, id: ImportId) -> Vec<(u32, RowVerdict, String, String)> {
        let query = ImportRowQuery { page_size: Some(100), ..ImportRowQuery::default() };
        let page = imports::rows(&self.test.platform, &self.admin.ctx(), USERS, id, &query).await.unwrap();
        let what = |row: &contract::imports::ImportRow| {
            let faults = row.faults.iter().map(|fault| format!("{}: {}", fault.column, fault.note.key));
            row.changes.iter().cloned().chain(faults).collect::<Vec<_>>().join(" ")
        };
        page.list
            .into_iter()
            .map(|row| (row.row, row.verdict, row.code.clone().unwrap_or_default(), what(&row)))
            .collect()
    }

    /// What each row says somebody becomes in customers.
    async fn places(&self, id: ImportId) -> Vec<Vec<PlaceChange>> {
        let query = ImportRowQuery { page_size: Some(100), ..ImportRowQuery::default() };
        let page = imports::rows(&self.test.platform, &self.admin.ctx(), USERS, id, &query).await.unwrap();
        page.list.into_iter().map(|row| row.places).collect()
    }

    async fn person(&self, name: &str) -> Option<UserRow> {
        let query = UserQuery { q: Some(name.to_owned()), ..UserQuery::default() };
        let page = users::list(&self.test.platform, &self.admin.ctx(), &query).await.unwrap();
        page.list.into_iter().find(|row| row.name == name)
    }

    async fn add(&self, name: &str, email: Option<&str>) -> UserRow {
        let body = UserCreate { username: name.to_owned(), email: email.map(str::to_owned), ..UserCreate::default() };
        users::create(&self.test.platform, &self.admin.ctx(), body).await.unwrap().user.user
    }

    async fn change(&self, user: &UserRow, display_name: &str) {
        let body = UserUpdate {
            username: user.name.clone(),
            display_name: Some(display_name.to_owned()),
            email: user.email.clone(),
            ..UserUpdate::default()
        };
        users::update(&self.test.platform, &self.admin.ctx(), user.id, body).await.unwrap();
    }

    async fn signs_in(&self, name: &str, password: &str) -> bool {
        let (username, password) = (name.to_owned(), password.to_owned());
        let login = LoginRequest { username, password, ..Default::default() };
        accounts::sign_in(&self.test.platform, &self.test.anonymous(), &login).await.is_ok()
    }

    async fn texts(&self, sql: &'static str) -> Vec<String> {
        sqlx::query_scalar(sql).fetch_all(self.test.owner_pool()).await.unwrap()
    }
}

fn roles_and_places(row: &UserRow) -> (Vec<&str>, Vec<(&str, MemberRole)>) {
    let roles = row.roles.iter().map(|role| role.code.as_str()).collect();
    (roles, row.memberships.iter().map(|place| (place.customer_name.as_str(), place.role)).collect())
}

#[tokio::test]
async fn people_are_added_and_changed_and_the_same_sheet_again_changes_nothing() {
    let world = World::new().await;
    let acme = world.test.customer("Acme, Inc.").await;
    world.test.customer("Beta").await;
    world.add("bob", Some("bob@example.org")).await;
    let rows: [&[&str]; 2] = [
        &["Ada", "Ada L.", "ada@example.org", "operator", "Acme, Inc. (owner); Beta", PASSWORD],
        &["bob", "Bob B.", "", "运维人员", &acme.id.to_string(), ""],
    ];
    let staged = world.stage(&rows).await;
    let expected = [
        (2, RowVerdict::New, "ada".to_owned(), String::new()),
        (3, RowVerdict::Update, "bob".to_owned(), "displayName roles customers".to_owned()),
    ];
    assert_eq!(world.rows(staged.id).await, expected);
    let place = |customer: &str, was, role| PlaceChange { customer: customer.to_owned(), was, role };
    let (owner, member) = (MemberRole::Owner, MemberRole::Member);
    let of_ada = vec![place("Acme, Inc.", None, owner), place("Beta", None, member)];
    assert_eq!(world.places(staged.id).await, [of_ada, vec![place("Acme, Inc.", None, member)]]);
    assert_eq!(world.person("ada").await, None, "a preview changes nothing");
    let done = world.confirm(&world.admin, staged.id).await.unwrap();
    assert_eq!((done.state, done.new_rows, done.update_rows), (ImportState::Confirmed, 1, 1));

    let ada = world.person("ada").await.unwrap();
    assert_eq!((ada.display_name.as_str(), ada.email.as_deref()), ("Ada L.", Some("ada@example.org")));
    let places = vec![("Acme, Inc.", MemberRole::Owner), ("Beta", MemberRole::Member)];
    assert_eq!(roles_and_places(&ada), (vec!["operator"], places));
    let bob = world.person("bob").await.unwrap();
    assert_eq!((bob.display_name.as_str(), bob.email.as_deref()), ("Bob B.", Some("bob@example.org")));
    assert_eq!(roles_and_places(&bob), (vec!["operator"], vec![("Acme, Inc.", MemberRole::Member)]));
    assert!(world.signs_in("ada", PASSWORD).await);
    let log = world.texts("select after::text from audit_events where action = 'users:import'").await;
    assert!(log.len() == 1 && log[0].contains(r#"["ada", "bob"]"#), "{log:?}");
    let given = world.texts("select action from audit_events where action in ('roles:assign', 'customers:add-member')");
    assert_eq!(given.await.len(), 5);

    // Without the passwords, which are for new people; an owner stays one, and nothing is taken away.
    let again: [&[&str]; 2] =
        [&["ADA", "Ada L.", "ada@example.org", "", "Acme, Inc.", ""], &["bob", "", "", "operator", "", ""]];
    let staged = world.stage(&again).await;
    assert_eq!((staged.unchanged_rows, staged.rows), (2, 2));
    let error = world.confirm(&world.admin, staged.id).await.unwrap_err();
    assert_eq!(error.key, "error-import-nothing");
    // A member becomes an owner where the cell says so.
    let staged = world.stage(&[&["bob", "", "", "", "acme, inc. （负责人）", ""]]).await;
    assert_eq!(world.places(staged.id).await, [vec![place("Acme, Inc.", Some(member), owner)]]);
    world.confirm(&world.admin, staged.id).await.unwrap();
    let bob = world.person("bob").await.unwrap();
    assert_eq!(bob.memberships[0].role, MemberRole::Owner);
}

/// A workbook leaves in the log what the forms would have left, so that a person's history and a customer's log know of it.
#[tokio::test]
async fn each_person_of_a_workbook_has_the_event_that_the_form_writes() {
    let world = World::new().await;
    let (p, acme) = (&world.test.platform, world.test.customer("Acme").await);
    let member = acme.member.name.as_str();
    let rows: [&[&str]; 3] = [
        &["ada", "Ada L.", "ada@example.org", "", "", PASSWORD],
        &[member, "Mem B.", "", "", "", ""],
        &[acme.owner.name.as_str(), "", "", "", "", ""],
    ];
    let staged = world.stage(&rows).await;
    world.confirm(&world.admin, staged.id).await.unwrap();
    let events =
        "select action || ' ' || (after->>'name') || ': ' || coalesce(nullif(before->>'displayName', ''), 'none')
                         || ' > ' || (after->>'displayName') || coalesce(' ' || (after->>'email'), '')
                  from audit_events where action in ('users:create', 'users:update') order by id";
    let expected =
        ["users:create ada: none > Ada L. ada@example.org".to_owned(), format!("users:update {member}: none > Mem B.")];
    assert_eq!(world.texts(events).await, expected);
    let own = platform::audit::list_own(p, &acme.owner.ctx(), &Default::default()).await.unwrap().list;
    let told: Vec<_> =
        own.iter().map(|row| (row.action.as_str(), row.actor_kind.as_str(), row.target_name.as_deref())).collect();
    assert_eq!(told, [("users:update", "staff", Some(member))]);
    // All of it or nothing: somebody who was changed meanwhile takes the others' events along.
    let staged = world.stage(&[&["zoe", "", "", "", "", PASSWORD], &["ada", "Ada", "", "", "", ""]]).await;
    let ada = world.person("ada").await.unwrap();
    world.change(&ada, "Meanwhile").await;
    world.confirm(&world.admin, staged.id).await.unwrap_err();
    assert_eq!(world.texts("select action from audit_events where after->>'name' = 'zoe'").await, [""; 0]);
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_row_is_named_at_once() {
    let world = World::new().await;
    world.test.customer("Acme").await;
    world.add("bob", Some("bob@example.org")).await;
    let gone = world.add("gone", None).await;
    users::delete(&world.test.platform, &world.admin.ctx(), gone.id).await.unwrap();
    let long = "x".repeat(101);
    let rows: [&[&str]; 9] = [
        &["has space", &long, "nobody", "chief", "Nobody Ltd", "tiny"],
        &["", "", "", "", "", PASSWORD],
        &["carl", "", "BOB@example.org", "", "", PASSWORD],
        &["Carl", "", "", "customer_owner", "", PASSWORD],
        &["gone", "", "", "", "", PASSWORD],
        &["bob", "", "", "", "", PASSWORD],
        &["dora", "", "", "", "", ""],
        &["emil", "", "emil@example.org", "", "", ""],
        &["fred", "", "EMIL@example.org", "", "", "password123"],
    ];
    let staged = world.stage(&rows).await;
    let told: Vec<_> = world.rows(staged.id).await.into_iter().map(|(_, verdict, _, what)| (verdict, what)).collect();
    let wrong = |what: &str| (RowVerdict::Error, what.to_owned());
    let expected = [
        wrong(
            "password: field-password-short username: field-user-name-shape displayName: field-too-long \
             email: field-email roles: field-import-role-unknown customers: field-import-customer-unknown",
        ),
        wrong("username: field-required"),
        wrong("email: field-user-email-taken"),
        wrong("roles: field-import-role-unknown"),
        wrong("username: field-import-deleted"),
        wrong("password: field-import-password-known"),
        wrong("password: field-import-no-way-in"),
        wrong("password: field-import-mail-off"),
        wrong("password: field-password-weak"),
    ];
    assert_eq!(told, expected);
    assert_eq!(world.confirm(&world.admin, staged.id).await.unwrap_err().key, "error-import-nothing");
}

#[tokio::test]
async fn of_two_rows_for_one_person_the_second_is_wrong_unless_the_first_is() {
    let world = World::new().await;
    let ann = world.add("ann", Some("ann@example.org")).await;
    let rows: [&[&str]; 6] = [
        &["sun", "", "ANN@example.org", "", "", PASSWORD],
        &["ann", "Ann A.", "ann@example.org", "", "", ""],
        &["Ann", "Ann B.", "", "", "", ""],
        &["li", "", "li@example.org", "chief", "", PASSWORD],
        &["li", "", "li@example.org", "", "", PASSWORD],
        &["lee", "", "LI@example.org", "", "", PASSWORD],
    ];
    let staged = world.stage(&rows).await;
    let told: Vec<_> = world.rows(staged.id).await.into_iter().map(|(_, verdict, _, what)| (verdict, what)).collect();
    let wrong = |what: &str| (RowVerdict::Error, what.to_owned());
    let expected = [
        wrong("email: field-user-email-taken"),
        (RowVerdict::Update, "displayName".to_owned()),
        wrong("username: field-import-person-twice"),
        wrong("roles: field-import-role-unknown"),
        (RowVerdict::New, String::new()),
        wrong("email: field-import-person-twice"),
    ];
    assert_eq!(told, expected);
    let earlier =
        "select faults->0->'note'->'args'->>'row' from import_rows where row_number in (4, 7) order by row_number";
    assert_eq!(world.texts(earlier).await, ["3", "6"], "of the row that counts");
    // The same when it is judged again.
    let done = world.confirm(&world.admin, staged.id).await.unwrap();
    assert_eq!((done.new_rows, done.update_rows, done.error_rows), (1, 1, 4));
    assert_eq!(world.person("ann").await.map(|row| (row.id, row.display_name)), Some((ann.id, "Ann A.".to_owned())));
}

#[tokio::test]
async fn of_a_password_only_the_hash_is_kept() {
    let world = World::new().await;
    let staged = world.stage(&[&["ada", "", "", "", "", PASSWORD], &["bob", "", "", "", "", "bobbob"]]).await;
    let rows = world.texts("select cells::text || coalesce(written::text, '') || faults::text from import_rows").await;
    assert!(rows.len() == 2 && rows.iter().all(|row| row.contains("••••")), "{rows:?}");
    assert!(rows.iter().all(|row| !row.contains(PASSWORD) && !row.contains("bobbob\"}")), "{rows:?}");
    let secrets = world.texts("select secret from import_rows where secret is not null").await;
    assert!(secrets.len() == 1 && secrets[0].starts_with("$argon2id$"), "{secrets:?}");
    assert_eq!(world.texts("select part::text from import_parts").await.len(), 0, "the workbook is forgotten");
    world.confirm(&world.admin, staged.id).await.unwrap();
    assert_eq!(world.texts("select secret from import_rows where secret is not null").await, Vec::<String>::new());
    let kept = world.rows(staged.id).await;
    assert_eq!(kept[1].3, "password: field-password-short", "judged again without what was typed");
    assert!(world.signs_in("ada", PASSWORD).await);
    let log = world.texts("select coalesce(after::text, '') from audit_events").await;
    assert!(log.iter().all(|line| !line.contains(PASSWORD) && !line.contains("argon2")));
}

#[tokio::test]
async fn who_has_no_password_gets_a_link_to_set_one() {
    let world = World::new().await;
    world.mail_goes_out().await;
    let zh = Change { key: "general.language".to_owned(), value: json!("zh"), version: None };
    settings::change(&world.test.platform, &world.admin.ctx(), vec![zh]).await.unwrap();
    let staged = world.stage(&[&["ada", "", "ada@example.org", "platform_admin", "", ""]]).await;
    assert_eq!(staged.new_rows, 1);
    let mails = "select kind || ' ' || address from mails";
    assert_eq!(world.texts(mails).await, Vec::<String>::new(), "not before it is confirmed");
    world.confirm(&world.admin, staged.id).await.unwrap();
    assert_eq!(world.texts(mails).await, ["first-password ada@example.org"]);
    let language = world.texts("select language from mails").await;
    assert_eq!(language, ["zh"], "the installation's, and not that of whoever imports");
    // Until it is used, nobody is there who could administer anything.
    let ada = world.person("ada").await.unwrap();
    assert_eq!(ada.state, UserState::Invited);
    let invited = UserQuery { state: Some(UserState::Invited), ..UserQuery::default() };
    let found = users::list(&world.test.platform, &world.admin.ctx(), &invited).await.unwrap();
    assert_eq!(found.list.iter().map(|row| row.id).collect::<Vec<_>>(), [ada.id]);
    let own = world.admin.id;
    let last = async || {
        let admins = ada.roles[0].id;
        roles::revoke(&world.test.platform, &world.admin.ctx(), own, admins).await.map(drop).map_err(|error| error.key)
    };
    assert_eq!(last().await, Err("error-last-admin"));
    let jobs = world.texts("select kind from jobs where kind = 'mail-send'").await;
    assert_eq!(jobs.len(), 1);
    let links = "select purpose || ' ' || (expires_at - created_at)::text from one_time_links where used_at is null";
    assert_eq!(world.texts(links).await, ["first_password 7 days"]);
    // Its token is in the mail alone: this one is known here.
    sqlx::query("update one_time_links set hash = sha256('token')").execute(world.test.owner_pool()).await.unwrap();
    let body = PasswordResetConfirm { token: "token".to_owned(), new_password: LINKED.to_owned() };
    accounts::confirm_password_reset(&world.test.platform, &world.test.anonymous(), &body).await.unwrap();
    assert!(world.signs_in("ada", LINKED).await);
    assert_eq!(world.texts(links).await, Vec::<String>::new());
    assert_eq!(world.person("ada").await.unwrap().state, UserState::Active);
    assert_eq!(last().await, Ok(()), "now she can");
}

#[tokio::test]
async fn nobody_gives_by_a_workbook_what_they_do_not_hold() {
    let world = World::new().await;
    world.test.customer("Acme").await;
    let powers = [Permission::UsersView, Permission::UsersCreate, Permission::UsersUpdate];
    let clerk = world.test.with_role("clerk", &powers).await;
    let boss = world.add("boss", None).await;
    let all = roles::list(&world.test.platform, &world.admin.ctx()).await.unwrap();
    let admin_role = all.iter().find(|role| role.code == "platform_admin").unwrap().id;
    roles::assign(&world.test.platform, &world.admin.ctx(), boss.id, admin_role).await.unwrap();
    let rows: [&[&str]; 4] = [
        &["ada", "", "", "role of clerk", "", PASSWORD],
        &["bea", "", "", "", "Acme", PASSWORD],
        &["boss", "The Boss", "", "", "", ""],
        &["carl", "", "", "", "", PASSWORD],
    ];
    let staged = world.stage_as(&clerk, &rows).await;
    let told: Vec<_> = world.rows(staged.id).await.into_iter().map(|(_, verdict, _, what)| (verdict, what)).collect();
    let wrong = |what: &str| (RowVerdict::Error, what.to_owned());
    let expected = [
        wrong("roles: field-import-roles-not-yours"),
        wrong("customers: field-import-customer-not-yours"),
        wrong("username: field-import-may-more"),
        (RowVerdict::New, String::new()),
    ];
    assert_eq!(told, expected);

    // What the admin may be shown, the clerk may not write; and the other way round it is asked about.
    let error = world.confirm(&world.admin, staged.id).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::Conflict, "error-import-changed"));
    let by_admin = world.stage(&rows).await;
    assert_eq!((by_admin.new_rows, by_admin.update_rows), (3, 1));
    let error = world.confirm(&clerk, by_admin.id).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::Conflict, "error-import-changed"));
    assert_eq!(world.person("ada").await, None, "nothing of it");
    let done = world.confirm(&clerk, by_admin.id).await.unwrap();
    assert_eq!((done.new_rows, done.update_rows, done.error_rows), (1, 0, 3), "what the clerk may, after a look at it");
    assert_eq!(world.person("boss").await.unwrap().display_name, "boss");
    assert_eq!(world.person("ada").await, None);

    // A role of one's own powers may be given by who may give roles.
    let giver = world.test.with_role("giver", &[powers.as_slice(), &[Permission::RolesAssign]].concat()).await;
    let staged = world.stage_as(&giver, &[&["dora", "", "", "role of clerk", "", PASSWORD]]).await;
    world.confirm(&giver, staged.id).await.unwrap();
    assert_eq!(world.person("dora").await.unwrap().roles[0].name, "role of clerk");
}

#[tokio::test]
async fn a_name_that_several_roles_have_gives_none_of_them_and_a_state_is_compared() {
    let world = World::new().await;
    // As versions made them that took such names.
    world.texts("insert into roles (name, description) values ('平台管理员', '') returning name").await;
    let acc = world.add("acc", None).await;
    let staged =
        world.stage(&[&["acc", "", "", "平台管理员", "", ""], &["new", "", "", "platform_admin", "", PASSWORD]]);
    let told = world.rows(staged.await.id).await;
    let told: Vec<_> = told.into_iter().map(|(_, verdict, _, what)| (verdict, what)).collect();
    let several = (RowVerdict::Error, "roles: field-import-role-several".to_owned());
    assert_eq!(told, [several, (RowVerdict::New, String::new())], "a code is one role's");

    let p = &world.test.platform;
    let off = users::set_active(p, &world.admin.ctx(), acc.id, false).await.unwrap();
    assert_eq!(off.user.state, UserState::Disabled);
    let rows: [&[&str]; 4] = [
        &["acc", "已停用", ""],
        &["acc2", "Active", PASSWORD],
        &["acc3", "Disabled", PASSWORD],
        &["acc4", "", PASSWORD],
    ];
    let bytes = workbook(&["用户名", "State", "Initial password"], &rows);
    let staged = imports::stage(p, &world.admin.ctx(), USERS, "people.xlsx", &bytes[..]).await.unwrap();
    imports::read(p, staged.id, true).await.unwrap();
    let view = imports::get(p, &world.admin.ctx(), USERS, staged.id).await.unwrap();
    let told: Vec<_> = world.rows(staged.id).await.into_iter().map(|(_, verdict, _, what)| (verdict, what)).collect();
    let wanted = [
        (RowVerdict::Unchanged, String::new()),
        (RowVerdict::New, String::new()),
        (RowVerdict::Error, "state: field-import-state".to_owned()),
        (RowVerdict::New, String::new()),
    ];
    assert_eq!(told, wanted);
    assert!(view.unknown_columns.is_empty(), "it is read: {view:?}");
}

#[tokio::test]
async fn imports_of_people_are_for_who_runs_people() {
    let world = World::new().await;
    let p = &world.test.platform;
    let staged = world.stage(&[&["ada", "", "", "", "", PASSWORD]]).await;
    let operator = world.test.operator("op").await;
    let of_machines = world.test.with_role("fleet", &[Permission::MachinesView, Permission::MachinesCreate]).await;
    for who in [&operator, &of_machines, &world.test.customer("Acme").await.owner] {
        let denied = [
            imports::stage(p, &who.ctx(), USERS, "x.xlsx", &[1][..]).await.unwrap_err().code,
            imports::get(p, &who.ctx(), USERS, staged.id).await.unwrap_err().code,
            world.confirm(who, staged.id).await.unwrap_err().code,
            imports::discard(p, &who.ctx(), USERS, staged.id).await.unwrap_err().code,
        ];
        // Operators read people, so that there is something that they may not; to the others there is nothing.
        let expected = if who.name == operator.name { ErrorCode::Forbidden } else { ErrorCode::NotFound };
        assert_eq!(denied, [expected; 4], "{}", who.name);
    }
    // An import of people is none of machines.
    for who in [&world.admin, &of_machines] {
        let found = imports::get(p, &who.ctx(), ImportSubject::Machines, staged.id).await;
        assert_eq!(found.unwrap_err().code, ErrorCode::NotFound);
    }
    imports::discard(p, &world.admin.ctx(), USERS, staged.id).await.unwrap();
    assert_eq!(world.confirm(&world.admin, staged.id).await.unwrap_err().code, ErrorCode::WrongState);
}

#[tokio::test]
async fn who_was_changed_meanwhile_is_not_overwritten_unseen() {
    let world = World::new().await;
    let (bob, carl) = (world.add("bob", None).await, world.add("carl", None).await);
    let rows: [&[&str]; 3] =
        [&["bob", "Bob", "", "", "", ""], &["carl", "Carl", "", "", "", ""], &["ada", "", "", "", "", PASSWORD]];
    let staged = world.stage(&rows).await;
    world.change(&bob, "Robert").await;
    world.change(&carl, "Carl").await;
    world.add("ada", None).await;
    let error = world.confirm(&world.admin, staged.id).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::Conflict, "error-import-changed"));
    assert_eq!(error.args, [("n", "3".to_owned())]);
    assert_eq!(world.person("bob").await.unwrap().display_name, "Robert");
    let told: Vec<_> = world.rows(staged.id).await.into_iter().map(|(_, verdict, _, _)| verdict).collect();
    assert_eq!(told, [RowVerdict::Update, RowVerdict::Unchanged, RowVerdict::Error], "a password is for new people");
    world.confirm(&world.admin, staged.id).await.unwrap();
    assert_eq!(world.person("bob").await.unwrap().display_name, "Bob");
    assert!(!world.signs_in("ada", PASSWORD).await);
}

#[tokio::test]
async fn who_gets_a_role_is_signed_out() {
    let world = World::new().await;
    let person = world.test.outsider("person").await;
    let watch = accounts::watch_session(&world.test.platform, &person.principal);
    assert!(watch.still_valid().await.unwrap());
    let staged = world.stage(&[&["person", "", "", "Operator", "", ""]]).await;
    world.confirm(&world.admin, staged.id).await.unwrap();
    assert!(!accounts::watch_session(&world.test.platform, &person.principal).still_valid().await.unwrap());
}

#[tokio::test]
async fn the_only_owner_of_a_customer_is_made_staff_by_no_workbook() {
    let world = World::new().await;
    let acme = world.test.customer("Acme").await;
    let row: &[&str] = &[&acme.owner.name, "", "", "operator", "", ""];
    let staged = world.stage(&[row]).await;
    let expected = (2, RowVerdict::Error, acme.owner.name.clone(), "roles: field-import-role-only-owner".to_owned());
    assert_eq!(world.rows(staged.id).await, [expected]);
    // Students act for their customers.
    let row: &[&str] = &[&acme.owner.name, "", "", "student", "", ""];
    assert_eq!(world.stage(&[row]).await.update_rows, 1);
}
