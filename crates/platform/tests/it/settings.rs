//! Settings: typed, whole or not at all, secret where they are, in force on every server within two seconds.

use std::collections::BTreeMap;

use contract::accounts::{PasswordChange, TotpProof};
use contract::allocations::AllocationCreate;
use contract::notifications::{ChannelCreate, ChannelKind};
use contract::settings::{Configuration, LeftOut, SETTINGS, SettingUpdate};
use contract::{ErrorCode, Permission};
use platform::settings::{self, Change, SignUp, TransportSecurity};
use platform::{Clock, Error, Platform, PlatformSettings, accounts, allocations, db::Db, notifications};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use test_support::{TestPlatform, eventually, totp_code};

fn change(key: &str, value: Value) -> Change {
    Change { key: key.to_owned(), value, version: None }
}

fn paths(error: &Error) -> Vec<&str> {
    error.fields.iter().map(|field| field.path).collect()
}

async fn audited(test: &TestPlatform) -> Vec<String> {
    sqlx::query_scalar(
        "select action || ' ' || coalesce(before::text, '') || ' → ' || coalesce(after::text, '') from audit_events
         where target_kind = 'settings' order by id",
    )
    .fetch_all(test.owner_pool())
    .await
    .unwrap()
}

/// Where mail goes out is where the links to new passwords go: a role made here that may change settings changes neither that
/// nor how people sign in, by no door.
#[tokio::test]
async fn what_decides_who_gets_in_is_the_admins_to_change() {
    let test = TestPlatform::new().await;
    let p = &test.platform;
    let admin = test.admin().await;
    let clerk = test.with_role("clerk", &[Permission::SettingsView, Permission::SettingsUpdate]).await;
    let refused = (ErrorCode::Forbidden, "error-settings-of-admins");
    for (key, value) in [
        ("mail.host", json!("mail.evil.example")),
        ("mail.from_address", json!("boss@evil.example")),
        ("sign_in.sign_up", json!("open")),
        ("sign_in.totp_for_admins", json!(true)),
        ("notifications.private_ranges", json!("10.0.0.0/8")),
        ("access.ssh_host", json!("ssh.evil.example")),
        ("access.ssh", json!(false)),
        ("general.audit_retention_days", json!(180)),
    ] {
        let one = settings::change(p, &clerk.ctx(), vec![change(key, value.clone())]).await.unwrap_err();
        assert_eq!((one.code, one.key), refused, "{key}");
        let both = vec![change("branding.name", json!("Lab")), change(key, value.clone())];
        assert_eq!(settings::change(p, &clerk.ctx(), both).await.unwrap_err().code, ErrorCode::Forbidden, "{key}");
        let file = json!({ "format": 1, "settings": { key: value.clone() } });
        let looked = settings::stage_import(p, &clerk.ctx(), file.to_string().as_bytes()).await.unwrap_err();
        assert_eq!(
            (looked.code, looked.key),
            refused,
            "{key}: what could not be confirmed is not shown as if it could"
        );
        let staged = settings::stage_import(p, &admin.ctx(), file.to_string().as_bytes()).await.unwrap();
        let taken = settings::confirm_import(p, &clerk.ctx(), staged.id).await.unwrap_err();
        assert_eq!((taken.code, taken.key), refused, "{key}");
        settings::change(p, &admin.ctx(), vec![change(key, value)]).await.unwrap();
    }
    settings::change(p, &clerk.ctx(), vec![change("branding.name", json!("Lab"))]).await.unwrap();
    // What stays as it is is nobody's change: a form sends all of its fields.
    settings::change(p, &clerk.ctx(), vec![change("sign_in.sign_up", json!("open"))]).await.unwrap();
}

#[tokio::test]
async fn what_was_never_set_is_the_default_and_what_is_set_holds_at_once() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let all = settings::list(&test.platform, &admin.ctx()).await.unwrap();
    assert_eq!(all.len(), SETTINGS.len());
    assert!(all.iter().all(|view| view.version == 0 && !view.is_set && view.value == view.default));
    let before = settings::sign_in(&test.platform).await;
    assert_eq!((before.sign_up, before.password.min_length), (SignUp::Off, 10));
    assert!(settings::mail(&test.platform).await.is_none(), "no mail goes out before a server is named");

    let body = SettingUpdate { value: json!(14), version: Some(0) };
    let key = "sign_in.password_min_length";
    let view = settings::update(&test.platform, &admin.ctx(), key, body).await.unwrap();
    assert_eq!((view.value, view.version, view.updated_by.as_deref()), (json!(14), 1, Some(admin.name.as_str())));
    assert_eq!(settings::sign_in(&test.platform).await.password.min_length, 14);
    let back = SettingUpdate { value: Value::Null, version: Some(1) };
    let view = settings::update(&test.platform, &admin.ctx(), key, back).await.unwrap();
    assert_eq!((view.value, view.is_set, view.version), (json!(10), false, 2));
    assert_eq!(
        audited(&test).await,
        [
            r#"settings:update {"sign_in.password_min_length": null} → {"sign_in.password_min_length": 14}"#,
            r#"settings:update {"sign_in.password_min_length": 14} → {"sign_in.password_min_length": null}"#,
        ]
    );
}

#[tokio::test]
async fn another_server_knows_it_soon() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let other = test.another_server().await;
    assert_eq!(settings::appearance(&other).await.name, "RemoteGPU");
    settings::change(&test.platform, &admin.ctx(), vec![change("branding.name", json!("Lab 7"))]).await.unwrap();
    eventually("the other server to know the name", async || {
        (settings::appearance(&other).await.name == "Lab 7").then_some(())
    })
    .await;
}

#[tokio::test]
async fn all_faults_are_named_and_then_nothing_is_written() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let wanted = vec![
        change("branding.name", json!("Lab 7")),
        change("mail.port", json!(70_000)),
        change("mail.security", json!("ssl")),
        change("general.time_zone", json!("Nowhere/Land")),
        change("no.such_key", json!(1)),
    ];
    let error = settings::change(&test.platform, &admin.ctx(), wanted).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Validation);
    assert_eq!(paths(&error), ["mail.port", "mail.security", "general.time_zone", "settings"]);
    assert_eq!(settings::appearance(&test.platform).await.name, "RemoteGPU");
    assert_eq!(audited(&test).await, Vec::<String>::new());
}

#[tokio::test]
async fn two_people_do_not_overwrite_each_other() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let seen = |value: &str| vec![Change { version: Some(0), ..change("branding.name", json!(value)) }];
    settings::change(&test.platform, &admin.ctx(), seen("One")).await.unwrap();
    let error = settings::change(&test.platform, &admin.ctx(), seen("Two")).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::Conflict, "error-settings-changed"));
    assert_eq!(settings::appearance(&test.platform).await.name, "One");
}

#[tokio::test]
async fn a_secret_is_written_sealed_and_never_shown() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let secret = "smtp-password-7f3a";
    let server = vec![
        change("mail.host", json!("mail.example.org")),
        change("mail.security", json!("tls")),
        change("mail.from_address", json!("gpu@example.org")),
        change("mail.password", json!(secret)),
    ];
    settings::change(&test.platform, &admin.ctx(), server).await.unwrap();
    let mail = settings::mail(&test.platform).await.unwrap();
    assert_eq!((mail.host.as_str(), mail.port, mail.security), ("mail.example.org", 587, TransportSecurity::Tls));
    assert_eq!(mail.password.unwrap().expose_secret(), secret);

    let view = settings::get(&test.platform, &admin.ctx(), "mail.password").await.unwrap();
    assert!(view.is_set && view.secret && view.value == Value::Null);
    let everything: Vec<String> = sqlx::query_scalar(
        "select settings::text || encode(coalesce(secret, ''), 'escape') from settings
         union all select audit_events::text from audit_events",
    )
    .fetch_all(test.owner_pool())
    .await
    .unwrap();
    assert!(everything.iter().all(|row| !row.contains(secret)), "{everything:?}");
    let exported = settings::export(&test.platform, &admin.ctx()).await.unwrap();
    assert!(!serde_json::to_string(&exported).unwrap().contains(secret));
    assert_eq!(exported.secrets_left_out, ["mail.password"]);

    // Whoever points it elsewhere does not get the password sent there.
    let elsewhere = vec![change("mail.host", json!("mail.evil.example"))];
    settings::change(&test.platform, &admin.ctx(), elsewhere).await.unwrap();
    assert!(settings::mail(&test.platform).await.unwrap().password.is_none());
}

#[tokio::test]
async fn a_configuration_is_looked_at_and_then_written_whole() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    settings::change(&test.platform, &admin.ctx(), vec![change("branding.name", json!("Lab 7"))]).await.unwrap();
    let exported = settings::export(&test.platform, &admin.ctx()).await.unwrap();

    let there = TestPlatform::new().await;
    let chief = there.admin().await;
    let document = serde_json::to_vec(&exported).unwrap();
    let staged = settings::stage_import(&there.platform, &chief.ctx(), &document).await.unwrap();
    let changed: Vec<_> = staged.changes.iter().map(|c| (c.key.as_str(), &c.before, &c.after)).collect();
    assert_eq!(changed, [("branding.name", &json!("RemoteGPU"), &json!("Lab 7"))]);
    assert_eq!(settings::appearance(&there.platform).await.name, "RemoteGPU", "nothing changed yet");
    settings::confirm_import(&there.platform, &chief.ctx(), staged.id).await.unwrap();
    assert_eq!(settings::appearance(&there.platform).await.name, "Lab 7");
    let again = settings::confirm_import(&there.platform, &chief.ctx(), staged.id).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::NotFound);

    // One that was looked at before somebody else's change is not written over it.
    let wish = |name: &str| Configuration {
        format: 1,
        exported_at: None,
        settings: BTreeMap::from([("branding.name".to_owned(), json!(name))]),
        secrets_left_out: Vec::new(),
        left_out: LeftOut::default(),
    };
    let document = serde_json::to_vec(&wish("Late")).unwrap();
    let staged = settings::stage_import(&there.platform, &chief.ctx(), &document).await.unwrap();
    settings::change(&there.platform, &chief.ctx(), vec![change("branding.name", json!("Sooner"))]).await.unwrap();
    let late = settings::confirm_import(&there.platform, &chief.ctx(), staged.id).await.unwrap_err();
    assert_eq!(late.code, ErrorCode::Conflict);
    assert_eq!(settings::appearance(&there.platform).await.name, "Sooner");
}

#[tokio::test]
async fn a_faulty_configuration_is_refused_with_what_is_wrong() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let cases = [
        (json!("{"), vec!["file"]),
        (json!({ "format": 9, "settings": {} }), vec!["format"]),
        (json!({ "format": 1, "settings": { "mail.password": "x" } }), vec!["settings"]),
        (json!({ "format": 1, "settings": { "mail.port": 0, "x.y": 1 } }), vec!["mail.port", "settings"]),
        (json!({ "format": 1, "settings": {}, "more": 1 }), vec!["file"]),
    ];
    for (document, expected) in cases {
        let bytes = serde_json::to_vec(&document).unwrap();
        let error = settings::stage_import(&test.platform, &admin.ctx(), &bytes).await.unwrap_err();
        assert_eq!(paths(&error), expected, "{document}");
    }
    let cases: [(&[u8], &str); 7] = [
        (b"", "field-file-empty"),
        (b"\xef\xbb\xbf \n", "field-file-empty"),
        (b"{\"format\": 1,", "field-configuration-broken"),
        (b"PK\x03\x04 a workbook", "field-configuration-broken"),
        (b"{\"name\": \"somebody's package\"}", "field-configuration-foreign"),
        (b"[]", "field-configuration-foreign"),
        (b"{\"format\": 2, \"settings\": {}}", "field-configuration-format"),
    ];
    for (bytes, expected) in cases {
        let error = settings::stage_import(&test.platform, &admin.ctx(), bytes).await.unwrap_err();
        assert_eq!(error.fields[0].key, expected, "{}", bytes.escape_ascii());
    }
    let unknown = br#"{"format": 1, "settings": {"x.y": 1, "x.z": 2}}"#;
    let error = settings::stage_import(&test.platform, &admin.ctx(), unknown).await.unwrap_err();
    assert_eq!(error.fields[0].args, [("key", "x.y, x.z".to_owned())], "every one is named");
    let marked = b"\xef\xbb\xbf{\"format\": 1, \"settings\": {\"branding.name\": \"Lab\"}}";
    let staged = settings::stage_import(&test.platform, &admin.ctx(), marked).await.unwrap();
    assert_eq!(staged.changes[0].key, "branding.name", "a mark before UTF-8 does not matter");
}

#[tokio::test]
async fn what_a_configuration_does_not_hold_is_named() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let mail = vec![change("mail.host", json!("mail.example.org")), change("mail.password", json!("hush"))];
    settings::change(&test.platform, &admin.ctx(), mail).await.unwrap();
    let robot = ChannelCreate {
        kind: ChannelKind::Feishu,
        name: "Duty".to_owned(),
        url: "https://open.feishu.cn/open-apis/bot/v2/hook/x".to_owned(),
        secret: None,
        kinds: None,
    };
    notifications::add_channel(&test.platform, &admin.ctx(), robot).await.unwrap();
    let exported = settings::export(&test.platform, &admin.ctx()).await.unwrap();
    let named = LeftOut { chat_robots: vec!["Duty".to_owned()], sign_in_services: Vec::new() };
    assert_eq!(exported.left_out, named);
    let mut document = serde_json::to_value(&exported).unwrap();
    let same = settings::stage_import(&test.platform, &admin.ctx(), document.to_string().as_bytes()).await.unwrap();
    assert!(!same.forgets_mail_password && same.left_out == exported.left_out);
    document["settings"]["mail.host"] = json!("mail.example.net");
    let other = settings::stage_import(&test.platform, &admin.ctx(), document.to_string().as_bytes()).await.unwrap();
    assert!(other.forgets_mail_password, "said before it happens");
    // A file of an earlier version names nothing, and is taken.
    document.as_object_mut().unwrap().remove("leftOut");
    let old = settings::stage_import(&test.platform, &admin.ctx(), document.to_string().as_bytes()).await.unwrap();
    assert!(old.left_out.is_empty());
}

#[tokio::test]
async fn an_empty_file_takes_no_logo_away() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let error = settings::set_logo(&test.platform, &admin.ctx(), Vec::new()).await.unwrap_err();
    assert_eq!((error.fields[0].path, error.fields[0].key), ("branding.logo", "field-file-empty"));
}

#[tokio::test]
async fn a_browser_that_idles_is_signed_out_and_a_program_is_not() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let hash: Vec<u8> = sqlx::query_scalar("select secret_hash from sessions where id = $1")
        .bind(admin.principal.session.0)
        .fetch_one(test.owner_pool())
        .await
        .unwrap();
    let hash: [u8; 32] = hash.try_into().unwrap();
    let signed_in = async || {
        let found = accounts::principal_of_session(&test.platform, &test.anonymous(), &hash).await.unwrap();
        found.user().is_some()
    };
    settings::change(&test.platform, &admin.ctx(), vec![change("sign_in.session_idle_hours", json!(2))]).await.unwrap();
    test.clock().advance(chrono::TimeDelta::minutes(119));
    assert!(signed_in().await);
    test.clock().advance(chrono::TimeDelta::minutes(119));
    assert!(signed_in().await, "each request begins the time anew");
    test.clock().advance(chrono::TimeDelta::minutes(121));
    assert!(!signed_in().await);
}

#[tokio::test]
async fn the_configurations_time_zone_holds_until_another_is_set() {
    let test = TestPlatform::in_zone(chrono_tz::Tz::Asia__Shanghai).await;
    let (admin, acme) = (test.admin().await, test.customer("Acme").await);
    test.node("host-001").await;
    let view = settings::get(&test.platform, &admin.ctx(), "general.time_zone").await.unwrap();
    assert_eq!((view.value, view.is_set), (json!("Asia/Shanghai"), false));

    let berlin = vec![change("general.time_zone", json!("Europe/Berlin"))];
    settings::change(&test.platform, &admin.ctx(), berlin).await.unwrap();
    assert_eq!(settings::time_zone(&test.platform).await, chrono_tz::Tz::Europe__Berlin);
    // Clocks go forward there on 28 March 2027: the month ends an hour earlier in UTC.
    let body = AllocationCreate {
        customer_id: Some(acme.id),
        starts_at: Some("2027-03-01T09:00:00Z".parse().unwrap()),
        months: Some(1),
        ..AllocationCreate::default()
    };
    let made = allocations::create(&test.platform, &admin.ctx(), "host-001", body).await.unwrap();
    assert_eq!(made.allocation.ends_at.to_rfc3339(), "2027-04-01T08:00:00+00:00");
}

#[tokio::test]
async fn the_rules_of_passwords_and_second_factors_are_the_set_ones() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let rules = [("sign_in.password_min_length", json!(30)), ("sign_in.totp_for_admins", json!(true))];
    let rules = rules.map(|(key, value)| change(key, value)).into();
    settings::change(&test.platform, &admin.ctx(), rules).await.unwrap();
    let view = accounts::security(&test.platform, &admin.ctx()).await.unwrap();
    assert_eq!((view.password_min_length, view.totp_required), (30, true));
    let change = PasswordChange {
        old_password: admin.password.to_owned(),
        new_password: "three unusual words: quokka".to_owned(),
    };
    let error = accounts::change_password(&test.platform, &admin.ctx(), &change).await.unwrap_err();
    assert_eq!((error.fields[0].path, error.fields[0].key), ("newPassword", "field-password-short"));

    accounts::enroll_totp(&test.platform, &admin.ctx(), admin.password).await.unwrap();
    let secret = accounts::pending_totp(&test.platform, &admin.ctx()).await.unwrap().unwrap().secret;
    let code = totp_code(&secret, test.clock().now());
    accounts::confirm_totp(&test.platform, &admin.ctx(), &code).await.unwrap();
    let off = TotpProof { password: admin.password.to_owned(), code };
    let error = accounts::disable_totp(&test.platform, &admin.ctx(), &off).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::WrongState, "error-totp-required"));
}

#[tokio::test]
async fn staff_alone_see_and_change_them() {
    let test = TestPlatform::new().await;
    let acme = test.customer("Acme").await;
    for user in [&acme.owner, &acme.member] {
        let (p, ctx) = (&test.platform, user.ctx());
        let refused = [
            settings::list(p, &ctx).await.err(),
            settings::change(p, &ctx, vec![change("branding.name", json!("Mine"))]).await.err(),
            settings::export(p, &ctx).await.err(),
            settings::stage_import(p, &ctx, b"{}").await.err(),
            settings::confirm_import(p, &ctx, 1.into()).await.err(),
            settings::set_logo(p, &ctx, Vec::new()).await.err(),
        ];
        assert!(refused.iter().all(|error| error.as_ref().unwrap().code == ErrorCode::NotFound), "{}", user.name);
    }
}

/// What people are told of the SSH door: the port it listens on, unless somebody set another one.
#[tokio::test]
async fn the_port_for_ssh_is_the_one_that_is_listened_on() {
    let test = TestPlatform::new().await;
    let configured = PlatformSettings { ssh_port: 2905, ..test.platform.settings().clone() };
    let db = Db::connect(test.database().app_options(), 4).await.unwrap();
    let p = Platform::open(db, test.keyring().clone(), Clock::default(), configured).await.unwrap();
    let admin = test.admin().await;
    assert_eq!(settings::ssh(&p).await.port, 2905);
    settings::change(&p, &admin.ctx(), vec![change("access.ssh_port", json!(22))]).await.unwrap();
    assert_eq!(settings::ssh(&p).await.port, 22);
    settings::change(&p, &admin.ctx(), vec![change("access.ssh_port", Value::Null)]).await.unwrap();
    assert_eq!(settings::ssh(&p).await.port, 2905);
}
