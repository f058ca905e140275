//! What was refused is in the log as what was tried and on whom, with the permission that was missing.

use contract::Permission;
use contract::accounts::{Language, MemberRole};
use contract::audit::{AuditQuery, AuditView, OwnAuditQuery};
use contract::customers::MemberUpdate;
use contract::files::{FilePurpose, UploadCreate};
use contract::jobs::OwnJobQuery;
use contract::machines::MachineAction;
use contract::settings::SettingUpdate;
use contract::users::{UserPassword, UserUpdate};
use platform::accounts::users;
use platform::settings::{self, Change};
use platform::{OpContext, audit, customers, files, jobs, machines, roles};
use serde_json::{Value, json};
use test_support::{TestPlatform, TestUser};

/// What the log says of an attempt that is refused.
async fn refused<T: std::fmt::Debug>(
    test: &TestPlatform,
    admin: &TestUser,
    ctx: &OpContext,
    tried: platform::Result<T>,
) -> AuditView {
    platform::report(&test.platform, ctx, tried.unwrap_err()).await;
    let query = AuditQuery { outcome: Some("denied".to_owned()), ..AuditQuery::default() };
    audit::list(&test.platform, &admin.ctx(), &query).await.unwrap().list.remove(0)
}

fn what(row: &AuditView) -> (&str, &str, Option<&str>, Value) {
    (&row.action, &row.target_kind, row.target_name.as_deref(), row.after.clone().unwrap_or_default())
}

#[tokio::test]
async fn who_reaches_for_more_than_they_hold_is_told_by_what_they_tried() {
    let test = TestPlatform::new().await;
    let (p, admin, acme) = (&test.platform, test.admin().await, test.customer("Acme").await);
    let of_people = [
        Permission::UsersView,
        Permission::UsersUpdate,
        Permission::UsersDelete,
        Permission::RolesView,
        Permission::RolesAssign,
    ];
    let clerk = test.with_role("clerk", &of_people).await;
    let ctx = clerk.ctx();
    let list = roles::list(p, &admin.ctx()).await.unwrap();
    let strongest = list.iter().find(|role| role.code == "platform_admin").unwrap();

    let row = refused(&test, &admin, &ctx, roles::assign(p, &ctx, clerk.id, strongest.id).await).await;
    let (action, kind, target, details) = what(&row);
    assert_eq!((action, kind, target), ("roles:assign", "user", Some(clerk.name.as_str())));
    assert_eq!(details["role"], json!(strongest.name));
    assert!(details["missing"].is_string(), "{details}");

    let of_admin = Some(admin.name.as_str());
    let row = refused(&test, &admin, &ctx, users::set_password(p, &ctx, admin.id, UserPassword::default()).await).await;
    assert_eq!((what(&row).0, what(&row).2), ("users:set-password", of_admin));
    let row = refused(&test, &admin, &ctx, users::set_active(p, &ctx, admin.id, false).await).await;
    assert_eq!((what(&row).0, what(&row).2), ("users:disable", of_admin));
    let row = refused(&test, &admin, &ctx, users::delete(p, &ctx, admin.id).await).await;
    assert_eq!((what(&row).0, what(&row).2), ("users:delete", of_admin));
    // Whose owner somebody is, they run no people of: neither are they taken over.
    let move_owner = UserUpdate {
        username: acme.owner.name.clone(),
        email: Some("mine@example.org".to_owned()),
        ..UserUpdate::default()
    };
    let row = refused(&test, &admin, &ctx, users::update(p, &ctx, acme.owner.id, move_owner).await).await;
    let missing = json!({ "missing": "customers:manage-members" });
    assert_eq!(what(&row), ("users:update", "user", Some(acme.owner.name.as_str()), missing));
    assert!(!serde_json::to_string(&row).unwrap().contains("mine@example.org"), "only what was tried");
    // Looking at what one may is no attempt.
    users::get(p, &ctx, admin.id).await.unwrap();
    let query = AuditQuery { outcome: Some("denied".to_owned()), ..AuditQuery::default() };
    assert_eq!(audit::list(p, &admin.ctx(), &query).await.unwrap().total, 5);
}

#[tokio::test]
async fn a_refused_change_of_settings_names_the_setting_and_a_machine_is_called_by_its_code() {
    let test = TestPlatform::new().await;
    let (p, admin) = (&test.platform, test.admin().await);
    test.node("host-7").await;
    let reader = test.with_role("reader", &[Permission::SettingsView, Permission::MachinesView]).await;
    let ctx = reader.ctx();
    let set = |value: &str| SettingUpdate { value: json!(value), version: None };
    let tried = settings::update(p, &ctx, "mail.password", set("hunter2hunter2")).await;
    let row = refused(&test, &admin, &ctx, tried).await;
    let details = json!({ "settings": ["mail.password"], "missing": "settings:update" });
    assert_eq!(what(&row), ("settings:update", "settings", None, details));
    assert!(!serde_json::to_string(&row).unwrap().contains("hunter2"), "no value is kept");
    // What somebody made up is not kept either.
    let row = refused(&test, &admin, &ctx, settings::update(p, &ctx, "made.up", set("x")).await).await;
    assert_eq!(what(&row).3["settings"], json!([]));

    // Of those who may change settings, only admins change who gets in.
    let desk = test.with_role("desk", &[Permission::SettingsView, Permission::SettingsUpdate]).await;
    let both = [("branding.name", "Ours"), ("mail.from_address", "gpu@example.org")];
    let both = both.map(|(key, value)| Change { key: key.to_owned(), value: json!(value), version: None });
    let tried = settings::change(p, &desk.ctx(), Vec::from(both)).await;
    let row = refused(&test, &admin, &desk.ctx(), tried).await;
    assert_eq!(what(&row).3, json!({ "settings": ["mail.from_address"], "missing": "settings:identity" }));

    let ctx = reader.ctx();
    let row = refused(&test, &admin, &ctx, machines::act(p, &ctx, "host-7", MachineAction::Drain, None).await).await;
    let missing = json!({ "missing": "machines:operate" });
    assert_eq!(
        (row.action.as_str(), row.target_id.as_deref(), row.after),
        ("machines:drain", Some("host-7"), Some(missing))
    );
}

/// Of an upload that is not complete the log has no other row that names it.
#[tokio::test]
async fn what_was_tried_with_files_is_called_by_their_names() {
    let test = TestPlatform::new().await;
    let (p, admin, acme) = (&test.platform, test.admin().await, test.customer("Acme").await);
    let new = UploadCreate { name: "model.tar".to_owned(), size: 5, sha256: None, purpose: FilePurpose::Other };
    let (owner, ctx) = (acme.owner.ctx(), acme.member.ctx());
    let upload = files::create_upload(p, &owner, new.clone()).await.unwrap().id;
    let missing = json!({ "name": "model.tar", "missing": "files:upload" });
    let row = refused(&test, &admin, &ctx, files::abort(p, &ctx, upload).await).await;
    assert_eq!(what(&row), ("files:abort-upload", "upload", Some("model.tar"), missing.clone()));
    let row = refused(&test, &admin, &ctx, files::complete(p, &ctx, upload).await).await;
    assert_eq!(what(&row), ("files:upload", "upload", Some("model.tar"), missing));
    let file = files::store_whole(p, &owner, new, &mut &b"hello"[..]).await.unwrap().id;
    let row = refused(&test, &admin, &ctx, files::delete(p, &ctx, file).await).await;
    assert_eq!((what(&row).0, what(&row).1, what(&row).2), ("files:delete", "file", Some("model.tar")));
    // The customer reads the same, in words of both languages.
    let own = audit::list_own(p, &owner, &OwnAuditQuery::default()).await.unwrap().list;
    let denied: Vec<_> = own.iter().filter(|row| row.outcome == "denied").collect();
    assert_eq!(denied.len(), 3);
    assert_eq!(denied[2].target_name.as_deref(), Some("model.tar"));
    for row in denied {
        for language in [Language::Zh, Language::En] {
            let (action, kind) =
                (texts::audit_action(language, &row.action), texts::audit_kind(language, &row.target_kind));
            assert!(action != row.action && kind != row.target_kind, "{action} {kind}");
        }
    }
    // Nobody outside of a customer sees jobs: the attempt has words too.
    let row =
        refused(&test, &admin, &admin.ctx(), jobs::list_own(p, &admin.ctx(), &OwnJobQuery::default()).await).await;
    assert_eq!((what(&row).0, what(&row).1), ("jobs:view-own", "job"));
    assert_ne!(texts::audit_action(Language::Zh, &row.action), row.action);
}

/// The customer reads of an attempt at its people what it reads of the deed.
#[tokio::test]
async fn a_customer_reads_what_was_tried_with_whom() {
    let test = TestPlatform::new().await;
    let (p, admin, acme) = (&test.platform, test.admin().await, test.customer("Acme").await);
    let ctx = acme.member.ctx();
    let body = MemberUpdate { role: MemberRole::Owner };
    let row = refused(&test, &admin, &ctx, customers::set_my_member_role(p, &ctx, acme.member.id, body).await).await;
    let details = json!({ "role": "owner", "missing": "customers:manage-members" });
    assert_eq!(what(&row), ("customers:change-member", "user", Some(acme.member.name.as_str()), details));
    let own = audit::list_own(p, &acme.owner.ctx(), &OwnAuditQuery::default()).await.unwrap().list.remove(0);
    let told = (own.action.as_str(), own.outcome.as_str(), own.target_name.as_deref());
    assert_eq!(told, ("customers:change-member", "denied", Some(acme.member.name.as_str())));
}
