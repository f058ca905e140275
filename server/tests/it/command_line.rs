//! Commands beside `serve`, as a person starts them.

use std::process::Stdio;

use platform::{SystemActor, audit};
use test_support::{TestPlatform, eventually};

use crate::harness::rows;
use crate::programs::{folder, output, remotegpu};

fn said(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The private cluster, from the first command to the last: it runs while something needs it and not longer.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_leaves_the_private_cluster_as_it_found_it() {
    let data = folder();
    let cluster = data.path().join("postgres");
    let run = async |words: &[&str]| {
        let mut command = remotegpu(data.path());
        command.args(words);
        output(command).await
    };
    let migrated = run(&["migrate"]).await;
    assert!(migrated.status.success(), "{}", said(&migrated));
    assert!(cluster.join("data").exists() && !pg_cluster::is_running(&cluster), "migrated, and stopped again");
    let refused = run(&["admin", "reset-password", "nobody-of-that-name"]).await;
    assert!(!refused.status.success());
    let why = said(&refused);
    assert!(why.contains("nobody has the user name nobody-of-that-name") && why.contains("remotegpu serve"), "{why}");
    assert!(!pg_cluster::is_running(&cluster), "a command that fails stops it too");

    // Another key than the database was written with: no command and no server starts.
    let key = data.path().join("secrets.key");
    let right = std::fs::read_to_string(&key).unwrap();
    // One that others can read is named.
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let asks_for_it = ["admin", "reset-password", "nobody-of-that-name"];
    let open = said(&run(&asks_for_it).await);
    assert!(open.contains("chmod 600") && open.contains("mode 644"), "{open}");
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert!(!said(&run(&asks_for_it).await).contains("chmod 600"));
    // One that is none says what a key file is.
    std::fs::write(&key, [0xff, 0xfe, 0x00, 0x80]).unwrap();
    let none = said(&run(&asks_for_it).await);
    assert!(none.contains("64 hexadecimal digits") && none.contains("secrets.key"), "{none}");
    std::fs::write(&key, format!("{}\n", "ab".repeat(32))).unwrap();
    let serve = run(&["serve"]).await;
    assert!(!serve.status.success());
    assert!(said(&serve).contains("is not the one the database was written with"), "{}", said(&serve));
    assert!(!said(&serve).contains(right.trim()) && !said(&serve).contains("abababab"), "and no key is shown");
    std::fs::remove_file(&key).unwrap();
    let serve = run(&["serve"]).await;
    assert!(said(&serve).contains("Put the key file back"), "{}", said(&serve));
    assert!(!key.exists(), "no new key beside a database that has one");
    assert!(!pg_cluster::is_running(&cluster));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_verified_and_its_end_noted_elsewhere() {
    let test = TestPlatform::new().await;
    for number in 0..3 {
        let ctx = test.platform.system(SystemActor::Operator);
        let entry = audit::Entry {
            action: "machines:update",
            target_kind: "machine",
            target_id: Some(format!("host-{number}")),
            customer: None,
            before: None,
            after: None,
        };
        audit::record_failed(&test.platform, &ctx, entry).await.unwrap();
    }
    eventually("three rows to be sealed", async || {
        audit::seal(&test.platform).await.unwrap();
        (rows(&test, "select count(*) from audit_seals").await == ["3"]).then_some(())
    })
    .await;
    let data = folder();
    test.keyring().write_new(&data.path().join("secrets.key")).unwrap();
    let anchor = data.path().join("anchor");
    let verify = async || {
        let mut command = remotegpu(data.path());
        command.env("DATABASE_URL", test.database().owner_url()).env("RUST_BACKTRACE", "1").stderr(Stdio::piped());
        command.args(["admin", "verify-audit", "--anchor"]).arg(&anchor);
        output(command).await
    };
    let fine = verify().await;
    assert!(fine.status.success(), "{}", said(&fine));
    assert!(said(&fine).contains("3 rows fit their chain, 0 are not sealed yet"), "{}", said(&fine));
    let noted = std::fs::read_to_string(&anchor).unwrap();
    assert!(noted.starts_with("3 ") && noted.trim().len() == 66, "{noted}");

    // Put in by hand and dated back: named, and without a stack trace.
    let copy = "insert into audit_events (id, at, xid, actor_kind, actor_name, via, action, target_kind, target_id, outcome, request_id)
                select 99, at, xid, actor_kind, actor_name, via, action, target_kind, target_id, outcome, request_id
                from audit_events where id = 1 returning id";
    rows(&test, copy).await;
    let forged = verify().await;
    assert_eq!(forged.status.code(), Some(1), "{}", said(&forged));
    assert!(said(&forged).contains("99 (machines:update of "), "{}", said(&forged));
    assert!(!said(&forged).contains("stack backtrace") && !said(&forged).contains("verify.rs"), "{}", said(&forged));
    assert_eq!(std::fs::read_to_string(&anchor).unwrap(), noted, "it stays as it was");
    rows(&test, "delete from audit_events where id = 99 returning id").await;

    // What is left fits in itself: only the anchor knows better.
    rows(&test, "delete from audit_seals where position = 3 returning position").await;
    let cut = verify().await;
    assert!(!cut.status.success() && said(&cut).contains("position 3"), "{}", said(&cut));
    assert_eq!(std::fs::read_to_string(&anchor).unwrap(), noted, "it stays as it was");
    rows(&test, "update audit_events set actor_name = 'nobody' where id = 2 returning id").await;
    let edited = verify().await;
    assert!(said(&edited).contains("position 2: the event was changed"), "{}", said(&edited));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dated_back_is_named_with_its_position_and_may_be_accepted_while_the_end_is_noted() {
    let test = TestPlatform::new().await;
    let record = async || {
        let ctx = test.platform.system(SystemActor::Operator);
        let entry = audit::Entry {
            action: "machines:update",
            target_kind: "machine",
            target_id: Some("host".to_owned()),
            customer: None,
            before: None,
            after: None,
        };
        audit::record_failed(&test.platform, &ctx, entry).await.unwrap();
    };
    let sealed = async |position: &str| {
        eventually("the rows to be sealed", async || {
            audit::seal(&test.platform).await.unwrap();
            (rows(&test, "select max(position) from audit_seals").await == [position]).then_some(())
        })
        .await;
    };
    record().await;
    test.clock().advance(chrono::TimeDelta::days(2));
    record().await;
    sealed("2").await;
    let forged = "insert into audit_events (at, actor_kind, actor_name, via, action, target_kind, outcome, request_id)
                  select at, 'user', 'somebody else', 'rest', 'machines:retire', 'machine', 'done', 'r'
                  from audit_events order by id limit 1 returning id";
    rows(&test, forged).await;
    sealed("3").await;
    let data = folder();
    test.keyring().write_new(&data.path().join("secrets.key")).unwrap();
    let anchor = data.path().join("anchor");
    let verify = async |words: &[&str]| {
        let mut command = remotegpu(data.path());
        command.env("DATABASE_URL", test.database().owner_url()).stderr(Stdio::piped());
        command.args(["admin", "verify-audit", "--anchor"]).arg(&anchor).args(words);
        output(command).await
    };
    let found = verify(&[]).await;
    assert_eq!(found.status.code(), Some(1), "{}", said(&found));
    assert!(
        said(&found).contains("but 1 event is dated more than a day before") && said(&found).contains("position 3: "),
        "{}",
        said(&found)
    );
    assert!(std::fs::read_to_string(&anchor).unwrap().starts_with("3 "), "the chain itself fits");
    let accepted = verify(&["--accept", "3"]).await;
    assert!(accepted.status.success(), "{}", said(&accepted));
    assert!(!verify(&["--accept", "1-2"]).await.status.success());
}
