//! What people did in instances, recorded by policy: by both ways in, on a real Docker Engine.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use contract::instances::{TerminalSaid, TerminalTold};
use http::Method;
use platform::instances;
use serde_json::{Value, json};
use test_support::eventually;
use tokio::io::AsyncWriteExt as _;

use crate::harness::{Answer, Server, Who};
use crate::sockets::dial_as;
use crate::ssh::{COPIERS, Door, run, text};
use crate::terminals::{Shell, World};

const REASON: &str = "reason=looking%20into%20a%20complaint";

/// Has everything recorded from now on; who may say so.
async fn record(server: &Server) -> Who {
    let staff = server.token(&server.test.admin().await).await;
    set(server, &staff, "recording", json!(true)).await;
    staff
}

async fn set(server: &Server, staff: &Who, key: &str, value: Value) {
    let answer = server.put(staff, &format!("/api/admin/settings/access.{key}"), json!({ "value": value })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn list(server: &Server, who: &Who, side: &str) -> Vec<Value> {
    let answer = server.get(who, &format!("/api/{side}/access/recordings")).await;
    answer.data()["list"].as_array().unwrap_or_else(|| panic!("{answer:?}")).clone()
}

/// Those that are over, once so many are.
async fn over(server: &Server, who: &Who, count: usize) -> Vec<Value> {
    eventually("the recordings are over", async || {
        let all = list(server, who, "customer").await;
        (all.len() == count && all.iter().all(|it| it["endedAt"].is_string())).then_some(all)
    })
    .await
}

/// What one shows, and its first line.
async fn played(server: &Server, who: &Who, path: &str) -> (Value, String) {
    let answer = server.get(who, path).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/x-asciicast"), "{answer:?}");
    assert!(answer.header("content-disposition").contains(".cast"));
    let mut lines = answer.text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let first = lines.next().unwrap();
    let (mut shown, mut before) = (String::new(), 0.0);
    for line in lines {
        let at = line[0].as_f64().unwrap();
        assert!(at >= before, "time goes on");
        before = at;
        match line[1].as_str().unwrap() {
            "o" => shown.push_str(line[2].as_str().unwrap()),
            kind => shown.push_str(&format!("<{kind} {}>", line[2].as_str().unwrap())),
        }
    }
    (first, shown)
}

fn content(side: &str, recording: &Value) -> String {
    format!("/api/{side}/access/recordings/{}/content", recording["id"].as_str().unwrap())
}

/// A new shell in the browser; its first word is that it is recorded.
async fn terminal(world: &World) -> (Shell, String) {
    let ticket = world.ticket(&world.owner, None).await;
    let socket = dial_as(&world.server, &world.owner, &world.path(&ticket)).await.unwrap();
    let mut shell = Shell(socket, Vec::new());
    let Some(TerminalTold::Opened { terminal, .. }) = shell.told().await else { panic!("a shell") };
    assert_eq!(shell.told().await, Some(TerminalTold::Recorded { with_input: false }));
    (shell, terminal)
}

/// The one of this kind.
fn of<'a>(all: &'a [Value], kind: &str) -> &'a Value {
    all.iter().find(|it| it["kind"] == kind).unwrap_or_else(|| panic!("{kind} in {all:?}"))
}

/// What lies in the store.
fn files(server: &Server) -> Vec<PathBuf> {
    let entries = |folder: PathBuf| std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    entries(server.platform().settings().files_dir.join("recordings")).flat_map(entries).collect()
}

/// Who looked, as the log has it.
async fn looked(server: &Server) -> Vec<String> {
    let rows = "select actor_name || ' ' || coalesce(after->>'reason', '-') from audit_events
        where action = 'instances:play-recording' and outcome = 'done' order by id";
    server.sql(rows).await
}

#[tokio::test]
async fn a_terminal_is_recorded_and_played_by_whom_it_concerns() {
    let world = World::new().await;
    let server = &world.server;
    let staff = record(server).await;
    let (mut shell, terminal) = terminal(&world).await;
    shell.type_in("echo he''llo-\u{4e2d}\u{6587}\n").await;
    shell.until("hello-\u{4e2d}\u{6587}").await;
    // While it goes on, what a server that is killed now would leave is there: no more than a second is missing.
    let going_on = list(server, &world.owner, "customer").await;
    assert!(going_on.len() == 1 && going_on[0]["endedAt"].is_null(), "{going_on:?}");
    let path = content("customer", &going_on[0]);
    eventually("it is in the store", async || {
        played(server, &world.owner, &path).await.1.contains("hello-\u{4e2d}\u{6587}").then_some(())
    })
    .await;
    shell.tell(&TerminalSaid::Resize { cols: 55, rows: 22 }).await;
    shell.type_in("echo $((40+2)); exit 7\n").await;
    shell.last().await;
    assert_eq!(world.written(&terminal).await, "exited 7");

    let all = over(server, &world.owner, 1).await;
    let one = &all[0];
    let facts = (&one["kind"], &one["door"], &one["ending"], &one["exitCode"], &one["session"]);
    assert_eq!(facts, (&json!("screen"), &json!("terminal"), &json!("over"), &json!(7), &json!(terminal)));
    assert_eq!((&one["userName"], &one["command"]), (&json!(world.acme.owner.name), &Value::Null));
    let (first, shown) = played(server, &world.owner, &path).await;
    assert_eq!((&first["version"], &first["width"], &first["height"]), (&json!(2), &json!(101), &json!(33)));
    assert!(shown.contains("hello-\u{4e2d}\u{6587}") && shown.contains("<r 55x22>") && shown.contains("42"), "{shown}");
    assert!(!shown.contains("<i "), "what is typed is not in it: {shown}");
    assert_eq!(one["bytes"].as_u64().unwrap(), server.get(&world.owner, &path).await.text.len() as u64);
    assert_eq!(looked(server).await, Vec::<String>::new(), "it is their own");

    // Nobody else finds it but an owner of the customer and the staff, and these are in the log.
    let member = server.token(&world.acme.member).await;
    let stranger = server.token(&server.test.customer("Other").await.owner).await;
    for who in [&member, &stranger] {
        assert_eq!(list(server, who, "customer").await, Vec::<Value>::new());
        assert_eq!(server.get(who, &path).await.status, 404);
        assert_eq!(server.get(who, path.trim_end_matches("/content")).await.status, 404);
    }
    let staffs = content("admin", one);
    assert_eq!(server.get(&world.owner, &format!("{staffs}?{REASON}")).await.status, 404);
    for (query, status) in [("", 400), ("?reason=a%20b", 400)] {
        let answer = server.get(&staff, &format!("{staffs}{query}")).await;
        assert!(answer.status == status && answer.fields().contains_key("reason"), "{answer:?}");
    }
    let (_, theirs) = played(server, &staff, &format!("{staffs}?{REASON}")).await;
    assert_eq!(theirs, shown);
    let owner_now =
        format!("update memberships set role = 'owner' where user_id = {} returning role", world.acme.member.id);
    server.sql(&owner_now).await;
    let member = server.token(&world.acme.member).await;
    assert_eq!(played(server, &member, &path).await.1, shown);
    let looked = looked(server).await;
    assert!(looked.len() == 2 && looked[0].ends_with(" looking into a complaint"), "{looked:?}");
    assert_eq!(looked[1], format!("{} -", world.acme.member.name));
    let told = server.get(&world.owner, "/api/customer/audits?action=instances:play-recording").await.data();
    let reasons: Vec<_> = told["list"].as_array().unwrap().iter().map(|row| row["reason"].clone()).collect();
    assert!(reasons.contains(&json!("looking into a complaint")), "its customer reads why: {reasons:?}");

    // Both doors, and the list of sessions.
    let rest = server.get(&world.owner, "/api/customer/access/recordings").await.data();
    assert_eq!(server.call(&world.owner, "list_own_recordings", &[]).await.json(), rest);
    let id = one["id"].as_str().unwrap();
    let by_page = server.call(&world.owner, "get_own_recording", &[("id", id)]).await.json();
    assert_eq!(by_page, server.get(&world.owner, path.trim_end_matches("/content")).await.data());
    assert_eq!(by_page["hasContent"], json!(true));
    for (query, count) in [("recorded=true", 1), ("recorded=false", 0), ("until=2020-01-01T00:00:00Z", 0)] {
        let sessions = server.get(&world.owner, &format!("/api/customer/access/sessions?{query}")).await.data();
        assert_eq!(sessions["total"], json!(count), "{query}");
    }
    let sessions = server.get(&staff, "/api/admin/access/sessions").await.data();
    let session = &sessions["list"][0];
    // A page beyond the end knows how many there are, too.
    for (who, path, all) in
        [(&staff, "/api/admin/access/sessions", &sessions), (&world.owner, "/api/customer/access/recordings", &rest)]
    {
        let beyond = server.get(who, &format!("{path}?page=9")).await.data();
        assert_eq!((&beyond["list"], &beyond["total"]), (&json!([]), &all["total"]), "{path}");
    }
    assert_eq!((&session["recordings"], &session["maySeeRecordings"]), (&json!(1), &json!(true)));
    for (who, side) in [(&world.owner, "customer"), (&staff, "admin")] {
        let file = server.get(who, &format!("/api/{side}/access/sessions/export")).await;
        assert!(file.status == 200 && file.header("content-type").contains("spreadsheetml"), "{file:?}");
    }
    pages(&world, one).await;
    forgotten(&world, &path).await;
}

/// What the pages show without JavaScript.
async fn pages(world: &World, recording: &Value) {
    let (server, id) = (&world.server, recording["id"].as_str().unwrap());
    let staff = server.browser(&server.test.admin().await).await;
    let page = async |who: &Who, path: &str| Answer::of(server.request(who, Method::GET, path)).await.text;
    let own = page(&world.owner, &format!("/instances/access/recordings/{id}")).await;
    assert!(own.contains("<rg-player") && own.contains(&content("customer", recording)), "{own}");
    let session = recording["session"].as_str().unwrap();
    let listed = page(&world.owner, "/instances/access").await;
    assert!(listed.contains(&format!("/instances/access/recordings?session={session}")), "{listed}");
    let path = format!("/admin/instances/access/recordings/{id}");
    let asked = page(&staff, &path).await;
    assert!(asked.contains("name=\"reason\"") && !asked.contains("<rg-player"), "{asked}");
    let short = page(&staff, &format!("{path}?reason=ab")).await;
    assert!(short.contains("class=\"fault\"") && !short.contains("<rg-player"), "{short}");
    let told = page(&staff, &format!("{path}?{REASON}")).await;
    assert!(told.contains("<rg-player") && told.contains("/content?reason="), "{told}");
    // Also a page beyond the last says how many there are, or nothing would lead back.
    for list in ["sessions", "recordings"] {
        let beyond = server.get(&world.owner, &format!("/api/customer/access/{list}?page=9")).await.data();
        assert_eq!((&beyond["list"], &beyond["total"]), (&json!([]), &json!(1)), "{list}");
    }
}

/// When its time is over it is gone, and not before; and what no row names goes, and nothing else.
async fn forgotten(world: &World, path: &str) {
    let server = &world.server;
    let there = async || (files(server).len(), server.get(&world.owner, path).await.status);
    instances::clean(server.platform()).await.unwrap();
    assert_eq!(there().await, (1, 200));
    let file = files(server).remove(0);
    let bytes = std::fs::read(&file).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("hello"), "it is sealed");
    // Nobody wrote into either for two days; only one has no row.
    let folder = file.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    let orphan = file.with_file_name(folder + &"0".repeat(30));
    std::fs::copy(&file, &orphan).unwrap();
    let long_ago = SystemTime::now() - Duration::from_secs(48 * 3600);
    for file in [&file, &orphan] {
        std::fs::File::options().append(true).open(file).unwrap().set_modified(long_ago).unwrap();
    }
    instances::clean(server.platform()).await.unwrap();
    assert_eq!((there().await, orphan.exists()), ((1, 200), false));
    let aged = async |began: u32, ended: &str| {
        let age = format!(
            "update recordings set began_at = now() - interval '{began} days', lease_until = now() + interval '1 minute',
             ended_at = {ended}, ending = case when {ended} is null then null else 'over' end returning id"
        );
        server.sql(&age).await;
        instances::clean(server.platform()).await.unwrap();
    };
    aged(89, "now() - interval '89 days'").await;
    assert_eq!(there().await, (1, 200), "not before");
    aged(91, "null::timestamptz").await;
    assert_eq!(there().await, (1, 200), "not while it goes on");
    aged(91, "now() - interval '1 day'").await;
    assert_eq!(there().await, (1, 200), "it counts from its end");
    aged(91, "now() - interval '91 days'").await;
    assert_eq!((there().await, server.count("select count(*) from recordings").await), ((0, 404), 0));
}

#[tokio::test]
async fn what_is_done_by_ssh_is_recorded_by_its_kind() {
    let door = Door::new(&COPIERS).await;
    let (server, owner) = (&door.world.server, &door.world.owner);
    // The program for SFTP asks who it runs as.
    let named = door.ssh(&["busybox mkdir -p /tmp; echo 'root:x:0:0::/:/bin/sh' > /etc/passwd"]).await;
    assert!(named.status.success(), "{}", text(&named.stderr));
    let staff = record(server).await;
    let done = door.ssh(&["echo out; exit 7"]).await;
    assert_eq!((done.status.code(), text(&done.stdout)), (Some(7), "out\n".to_owned()));
    assert!(text(&done.stderr).contains("This command is recorded"), "{}", text(&done.stderr));
    let mut shell = door.shell(&[], "key", &door.who("one"));
    shell.until("This session is recorded").await;
    shell.type_in("echo in-$((40+2)); exit 5\r").await;
    assert_eq!(shell.ended(std::time::Duration::from_secs(40)).await.0, Some(5));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "words").unwrap();
    let to = format!("{}:/tmp/there", door.who("one"));
    let copied = run(door.program("scp", "key").arg(file.path()).arg(to)).await;
    assert!(copied.status.success(), "{}", text(&copied.stderr));

    let all = over(server, owner, 3).await;
    let (command, screen, files) = (of(&all, "command"), of(&all, "screen"), of(&all, "files"));
    assert_eq!((&command["command"], &command["exitCode"]), (&json!("echo out; exit 7"), &json!(7)));
    assert_eq!((&files["bytes"], &files["hasContent"]), (&json!(0), &json!(false)));
    let (_, shown) = played(server, owner, &content("customer", screen)).await;
    assert!(shown.contains("in-42") && screen["exitCode"] == 5, "{shown}");
    assert!(played(server, owner, &content("customer", command)).await.1.contains("out\n"), "and what it answered");
    assert_eq!(server.get(owner, &content("customer", files)).await.status, 404);
    // What was run is told to staff with a reason alone.
    let path = content("admin", command);
    let path = path.trim_end_matches("/content");
    assert_eq!(server.get(&staff, path).await.data()["command"], Value::Null);
    assert_eq!(list(server, &staff, "admin").await.len(), 3);
    assert!(list(server, &staff, "admin").await.iter().all(|it| it["command"].is_null()));
    let told = server.get(&staff, &format!("{path}?{REASON}")).await.data();
    assert_eq!(told["command"], json!("echo out; exit 7"));
    assert_eq!(looked(server).await.len(), 1);
    let played_by_staff = played(server, &staff, &format!("{path}/content?{REASON}")).await.1;
    assert!(played_by_staff.contains("out\n") && looked(server).await.len() == 2);
    assert_eq!(server.sql("select sealed_command::text from recordings where kind = 'command'").await.len(), 1);

    // A shell without a terminal shows nothing of what is typed: it is kept nevertheless.
    let mut child = door.program("ssh", "key").arg(door.who("one")).arg("sh").stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"echo se''cret; exit 3\n").await.unwrap();
    let done = tokio::time::timeout(Duration::from_secs(40), child.wait_with_output()).await.unwrap().unwrap();
    assert_eq!((done.status.code(), text(&done.stdout)), (Some(3), "secret\n".to_owned()));
    let all = over(server, owner, 4).await;
    let typed = all.iter().find(|it| it["command"] == "sh").unwrap();
    let (_, shown) = played(server, owner, &content("customer", typed)).await;
    assert!(shown.contains("<i echo se''cret; exit 3\n>") && shown.contains("secret\n"), "{shown}");
    assert_eq!(typed["withInput"], json!(true));
    long_ones(&door, &staff).await;
    died(&door).await;
}

/// One that is as long as it may be is followed by another, of which nothing is missing.
async fn long_ones(door: &Door, staff: &Who) {
    let (server, owner) = (&door.world.server, &door.world.owner);
    set(server, staff, "recording_mb", json!(1)).await;
    set(server, staff, "recording_input", json!(true)).await;
    let mut shell = door.shell(&[], "key", &door.who("one"));
    shell.until("and what you type").await;
    shell.type_in("busybox head -c 3000000 /dev/zero | busybox tr '\\0' x; echo st''ill\r").await;
    shell.until("still").await;
    shell.type_in("exit 6\r").await;
    assert_eq!(shell.ended(Duration::from_secs(40)).await.0, Some(6));
    let parts = eventually("the last of them is over", async || {
        let all = list(server, owner, "customer").await;
        let session = all[0]["session"].clone();
        let mut parts: Vec<_> = all.into_iter().filter(|it| it["session"] == session).collect();
        // The newest comes first.
        parts.reverse();
        parts.iter().all(|it| it["endedAt"].is_string()).then_some(parts)
    })
    .await;
    let endings: Vec<_> = parts.iter().map(|it| it["ending"].as_str().unwrap()).collect();
    let (last, before) = endings.split_last().unwrap();
    assert!(*last == "over" && before.len() >= 2 && before.iter().all(|ending| *ending == "limit"), "{endings:?}");
    assert_eq!(parts[parts.len() - 1]["exitCode"], json!(6));
    let mut whole = String::new();
    for part in &parts {
        assert!(part["bytes"].as_u64().unwrap() <= (1 << 20) + 200, "{part:?}");
        whole += &played(server, owner, &content("customer", part)).await.1;
    }
    assert!(whole.contains("<i ") && whole.contains("<m limit>") && whole.contains("still"), "all of it");
    let zeros = whole.bytes().filter(|byte| *byte == b'x').count();
    assert!((3_000_000..3_000_100).contains(&zeros), "nothing is missing: {zeros}");
    let stored = server.count("select sum(stored)::bigint from recordings where ending = 'limit'").await;
    assert!(stored < 200_000, "what says little takes little of the disk: {stored}");
}

/// A server that died says nothing of its recordings any more: what it wrote is there.
async fn died(door: &Door) {
    let (server, owner) = (&door.world.server, &door.world.owner);
    let silent = async |minutes: u32| {
        let sql = format!(
            "update recordings set ended_at = null, ending = null, lease_until = now() - interval '{minutes} minutes'
             where kind = 'screen' and exit_code = 5 returning id"
        );
        assert_eq!(server.sql(&sql).await.len(), 1);
        instances::clean(server.platform()).await.unwrap();
        server.count("select count(*) from recordings where ended_at is null").await
    };
    assert_eq!(silent(1).await, 1, "a database that was away is not taken for a server that died");
    let left = list(server, owner, "customer").await;
    let left = left.iter().find(|it| it["ending"] == "server").unwrap();
    assert!(played(server, owner, &content("customer", left)).await.1.contains("in-42"));
    assert_eq!(silent(10).await, 0);
}

#[tokio::test]
async fn one_that_was_taken_for_dead_writes_its_end_and_one_whose_end_was_cut_off_says_so() {
    let world = World::new().await;
    let server = &world.server;
    record(server).await;
    let (mut shell, _) = terminal(&world).await;
    shell.type_in("echo he''llo\n").await;
    shell.until("hello").await;
    server.sql("update recordings set lease_until = now() - interval '10 minutes' returning id").await;
    instances::clean(server.platform()).await.unwrap();
    assert_eq!(server.sql("select ending from recordings").await, ["server"]);
    shell.type_in("exit 7\n").await;
    shell.last().await;
    eventually("its end is written", async || {
        (server.sql("select ending || ' ' || exit_code from recordings").await == ["over 7"]).then_some(())
    })
    .await;
    let one = over(server, &world.owner, 1).await.remove(0);
    let ctx = world.acme.owner.ctx();
    let read = async || {
        let id = one["id"].as_str().unwrap();
        let mut content = instances::recording_content(server.platform(), &ctx, id).await.unwrap();
        let mut text = String::new();
        loop {
            match content.next().await {
                Ok(Some((rest, lines))) => {
                    text.push_str(&String::from_utf8(lines).unwrap());
                    content = rest;
                }
                Ok(None) => return (text, true),
                Err(_) => return (text, false),
            }
        }
    };
    assert!(read().await.1);
    // Cut between two frames, or one that says to be longer than any.
    let file = files(server).remove(0);
    let whole = std::fs::read(&file).unwrap();
    let first = 4 + u32::from_le_bytes(whole[..4].try_into().unwrap()) as usize;
    assert!(first < whole.len());
    let longer = [&whole[..first], &[0xff; 4][..], &whole[first + 4..]].concat();
    for broken in [whole[..first].to_vec(), longer] {
        std::fs::write(&file, broken).unwrap();
        let (text, is_whole) = read().await;
        assert!(!is_whole && text.lines().count() == 1, "its first line, and that this is not all: {text}");
    }
}

#[tokio::test]
async fn where_the_room_of_a_day_is_used_up_the_policy_decides_and_staff_are_told() {
    let world = World::new().await;
    let server = &world.server;
    let staff = record(server).await;
    set(server, &staff, "recording_mb", json!(1)).await;
    set(server, &staff, "recording_day_mb", json!(1)).await;
    let use_up = "insert into recordings (id, access_id, door, kind, instance_id, customer_id, user_id, server_id, began_at,
                                          lease_until, ended_at, ending, stored)
        select gen_random_uuid(), gen_random_uuid(), 'ssh', 'files', instance_id, customer_id, user_id, gen_random_uuid(),
               began_at, now(), began_at, 'over', 2000000 from recordings limit 1 returning id";
    let flood = "busybox head -c 1500000 /dev/zero | busybox tr '\\0' x; echo st''ill\n";

    // At first: nothing goes on unrecorded, and nothing is opened.
    let (mut shell, first) = terminal(&world).await;
    server.sql(use_up).await;
    shell.type_in(flood).await;
    match shell.last().await {
        Some(TerminalTold::Exit { reason, .. }) => assert_eq!(reason, "closed"),
        other => panic!("its end, not {other:?}"),
    }
    let shown = String::from_utf8_lossy(&shell.1).into_owned();
    assert!(shown.contains("has to be recorded") && !shown.contains("still"), "{}", &shown[shown.len() - 300..]);
    let of_first = async || {
        let all = list(server, &world.owner, "customer").await;
        all.into_iter().find(|it| it["session"] == first.as_str() && it["endedAt"].is_string())
    };
    let ended = eventually("its end is written", of_first).await;
    assert_eq!((&ended["ending"], &ended["unrecorded"]), (&json!("full"), &json!(false)));
    let ticket = world.ticket(&world.owner, None).await;
    let mut refused = Shell(dial_as(server, &world.owner, &world.path(&ticket)).await.unwrap(), Vec::new());
    match refused.told().await {
        Some(TerminalTold::Refused { error }) => assert!(error.message.contains("used up"), "{error:?}"),
        other => panic!("refused, not {other:?}"),
    }

    // By the other setting it goes on, and everybody is told: the person, the list, and staff once.
    set(server, &staff, "recording_beyond", json!("unrecorded")).await;
    let ticket = world.ticket(&world.owner, None).await;
    let mut shell = Shell(dial_as(server, &world.owner, &world.path(&ticket)).await.unwrap(), Vec::new());
    assert!(matches!(shell.told().await, Some(TerminalTold::Opened { .. })));
    assert_eq!(shell.told().await, Some(TerminalTold::Unrecorded {}));
    shell.type_in("exit\n").await;
    shell.last().await;
    let unrecorded = "select ending || ' ' || (bytes > 0) from recordings where unrecorded order by began_at";
    assert_eq!(server.sql(unrecorded).await, ["full false"]);
    server.sql("delete from recordings where stored = 2000000 returning id").await;
    let (mut shell, _) = terminal(&world).await;
    server.sql(use_up).await;
    shell.type_in(flood).await;
    while shell.told().await.expect("it goes on") != (TerminalTold::Unrecorded {}) {}
    shell.until("still").await;
    shell.type_in("exit 6\n").await;
    shell.last().await;
    eventually("the list says so", async || {
        (server.sql(unrecorded).await == ["full false", "full true"]).then_some(())
    })
    .await;
    let told = "select count(*) > 0 and count(*) = count(distinct user_id) from notifications where kind = 'recording-stopped'";
    assert_eq!(server.sql(told).await, ["t"]);
}

#[tokio::test]
async fn whoever_left_a_customer_finds_nothing_there_that_was_recorded_of_them() {
    let world = World::new().await;
    let server = &world.server;
    record(server).await;
    let (mut shell, _) = terminal(&world).await;
    shell.type_in("exit\n").await;
    shell.last().await;
    let one = over(server, &world.owner, 1).await.remove(0);
    let path = content("customer", &one);
    assert_eq!(server.get(&world.owner, &path).await.status, 200);
    // They act for another customer than the one that it is of.
    let other = server.test.customer("Other").await.id;
    server.sql(&format!("update recordings set customer_id = {other} returning id")).await;
    assert_eq!(server.get(&world.owner, &path).await.status, 404);
    assert_eq!(server.get(&world.owner, path.trim_end_matches("/content")).await.status, 404);
    assert_eq!(list(server, &world.owner, "customer").await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_customer_may_be_recorded_where_others_are_not() {
    let world = World::new().await;
    let server = &world.server;
    let staff = server.token(&server.test.admin().await).await;
    let first = async || {
        let ticket = world.ticket(&world.owner, None).await;
        let socket = dial_as(server, &world.owner, &world.path(&ticket)).await.unwrap();
        let mut shell = Shell(socket, Vec::new());
        shell.told().await;
        shell.told().await
    };
    assert_eq!(first().await, Some(TerminalTold::Replayed {}), "at first nothing is recorded");
    assert_eq!(server.count("select count(*) from recordings").await, 0);
    let path = format!("/api/admin/customers/{}/recording-policy", world.acme.id);
    let set = server.put(&staff, &path, json!({ "always": true })).await.data();
    assert_eq!(set, json!({ "always": true, "usual": false }));
    assert_eq!(first().await, Some(TerminalTold::Recorded { with_input: false }));
    let line = server.get(&world.owner, &format!("/api/customer/instances/{}/ssh-command", world.id)).await.data();
    assert_eq!((&line["recorded"], &line["recordedWithInput"]), (&json!(true), &json!(false)));
    server.put(&staff, "/api/admin/settings/access.recording_input", json!({ "value": true })).await.data();
    assert_eq!(first().await, Some(TerminalTold::Recorded { with_input: true }), "who is recorded with it is told so");
    let line = server.get(&world.owner, &format!("/api/customer/instances/{}/ssh-command", world.id)).await.data();
    assert_eq!(line["recordedWithInput"], json!(true));
    // By the page, as for everybody again.
    let back = server.browser(&server.test.admin().await).await;
    let id = world.acme.id.to_string();
    server.call(&back, "set_customer_recording", &[("id", &id)]).await;
    assert_eq!(server.get(&staff, &path).await.data(), json!({ "always": false, "usual": false }));
    assert_eq!(first().await, Some(TerminalTold::Replayed {}));
    let said = "select action || ' ' || (after->>'always') from audit_events where action = 'customers:set-recording' order by id";
    assert_eq!(server.sql(said).await, ["customers:set-recording true", "customers:set-recording false"]);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_opened() {
    let world = World::new().await;
    let server = &world.server;
    record(server).await;
    let place = server.platform().settings().files_dir.clone();
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join("recordings"), "in the way").unwrap();
    let ticket = world.ticket(&world.owner, None).await;
    let mut shell = Shell(dial_as(server, &world.owner, &world.path(&ticket)).await.unwrap(), Vec::new());
    match shell.told().await {
        Some(TerminalTold::Refused { error }) => assert!(error.message.contains("recorded"), "{error:?}"),
        other => panic!("refused, not {other:?}"),
    }
    let rows = server.sql("select reason from terminals").await;
    assert_eq!((rows, server.count("select count(*) from recordings").await), (vec!["failed".to_owned()], 0));
}
