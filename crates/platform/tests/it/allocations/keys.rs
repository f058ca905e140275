//! Keys on the host: whose are wanted while a lease runs, what ends that, and that taking a machine back waits for their end.

use std::time::Duration;

use contract::access::{MachineAccessQuery, StaffEnding};
use contract::accounts::SshKeyCreate;
use contract::machines::HostKeysFault as Fault;
use contract::notifications::{NotificationKind, NotificationQuery};
use node_protocol::{Hello, HostKeys, HostKeysFault, HostKeysSeen};
use platform::{accounts, customers, notifications};
use tokio::sync::watch;

use super::*;

const ONE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMztT/1hbdIm4Gt0hpFDIeWpEd7yhTGLe/JjkroML/Xa";
const TWO: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICWVO61iWYRXvOHvX5kQmhVpXQTRStDphpQ2ikLqGO83";

/// What an agent that keeps keys hears of its server.
struct Told(watch::Receiver<Option<HostKeys>>);

impl Told {
    async fn until(&mut self, what: &str, wanted: impl Fn(&HostKeys) -> bool) -> HostKeys {
        let heard = self.0.wait_for(|told| told.as_ref().is_some_and(&wanted));
        let heard = tokio::time::timeout(Duration::from_secs(30), heard).await;
        heard.unwrap_or_else(|_| panic!("never heard of: {what}")).unwrap().clone().unwrap()
    }

    async fn keys(&mut self, what: &str, keys: &[&str]) -> HostKeys {
        self.until(what, |told| told.keys == keys).await
    }
}

fn hello(node: &TestNode) -> Hello {
    Hello { keys_account: Some("gpu".to_owned()), ..node.hello() }
}

async fn linked(world: &World, node: &TestNode) -> Told {
    let p = &world.test.platform;
    machines::note_keys_account(p, &node.ctx(), &hello(node)).await.unwrap();
    let link = metrics::open_link(p, &node.ctx(), &hello(node)).await.unwrap();
    let (telling, told) = watch::channel(None);
    tokio::spawn(allocations::follow_keys(p.clone(), link, telling));
    Told(told)
}

async fn add_key(world: &World, user: &TestUser, key: &str) -> contract::SshKeyId {
    let body = SshKeyCreate { name: Some("laptop".to_owned()), public_key: key.to_owned() };
    accounts::add_ssh_key(&world.test.platform, &user.ctx(), body).await.unwrap().id
}

async fn sql(world: &World, statement: &'static str, user: &TestUser) {
    sqlx::query(statement).bind(user.id.0).execute(world.test.owner_pool()).await.unwrap();
}

async fn seen(world: &World, node: &TestNode, seen: HostKeysSeen) {
    machines::report_host_keys(&world.test.platform, &node.ctx(), &seen).await.unwrap();
}

#[tokio::test]
async fn keys_are_wanted_of_who_has_the_machine_and_of_nobody_else() {
    let world = World::new().await;
    let p = &world.test.platform;
    let node = world.test.node("h1").await;
    let (acme, globex) = (&world.acme, &world.globex);
    let key = add_key(&world, &acme.owner, ONE).await;
    add_key(&world, &globex.owner, TWO).await;
    let mut told = linked(&world, &node).await;
    assert_eq!(told.until("the first word", |_| true).await, HostKeys::default(), "nobody has it yet");

    let made = world.allocate("h1", acme.id, months(1)).await.unwrap();
    let first = told.keys("the owner's key", &[ONE]).await;
    let until = made.allocation.ends_at + TimeDelta::days(made.allocation.grace_days.into());
    let lasts = (until - world.now()).num_milliseconds();
    assert_eq!(first.lease, made.allocation.id.0.unsigned_abs());
    assert!(first.door_key.as_ref().is_some_and(|key| key.starts_with("ssh-ed25519 ")), "the door has its own key");
    assert!((i64::try_from(first.lasts_ms).unwrap() - lasts).abs() < 60_000, "as long as the lease and its grace");

    // People and their keys, as they come and go.
    accounts::remove_ssh_key(p, &acme.owner.ctx(), key).await.unwrap();
    told.keys("no key", &[]).await;
    add_key(&world, &acme.member, TWO).await;
    told.keys("the member's key", &[TWO]).await;
    for (what, gone, back) in [
        (
            "somebody disabled",
            "update users set state = 'disabled' where id = $1",
            "update users set state = 'active' where id = $1",
        ),
        (
            "somebody who left",
            "update memberships set customer_id = (select id from customers where name = 'Globex') where user_id = $1",
            "update memberships set customer_id = (select id from customers where name = 'Acme') where user_id = $1",
        ),
    ] {
        sql(&world, gone, &acme.member).await;
        told.keys(what, &[]).await;
        sql(&world, back, &acme.member).await;
        told.keys("who is back", &[TWO]).await;
    }
    customers::set_active(p, &world.admin.ctx(), acme.id, false).await.unwrap();
    told.keys("a customer that is disabled", &[]).await;
    customers::set_active(p, &world.admin.ctx(), acme.id, true).await.unwrap();
    told.keys("one that is back", &[TWO]).await;

    // The same key of two people is one line.
    add_key(&world, &acme.owner, TWO).await;
    add_key(&world, &acme.owner, ONE).await;
    let mut both = [ONE, TWO];
    both.sort_unstable();
    told.keys("both keys, once each", &both).await;

    // A later end is told, and the end takes them away.
    let more = AllocationRenew { months: Some(1), ..AllocationRenew::default() };
    allocations::renew(p, &world.admin.ctx(), made.allocation.id, more).await.unwrap();
    let later = told.until("a later end", |told| told.lasts_ms > first.lasts_ms + 86_400_000).await;
    assert_eq!(later.door_key, first.door_key, "the same all along");
    world.advance(TimeDelta::days(70)).await;
    let last = told.keys("nobody's after the end", &[]).await;
    assert_eq!((last.lease, last.lasts_ms, last.door_key), (0, 0, None));
    let left: i64 =
        sqlx::query_scalar("select count(*) from lease_door_keys").fetch_one(world.test.owner_pool()).await.unwrap();
    assert_eq!(left, 0, "the door's secret goes with the lease");
}

#[tokio::test]
async fn taking_it_back_waits_until_the_agent_saw_that_keys_are_gone() {
    let world = World::new().await;
    let p = &world.test.platform;
    let (node, link) = live_machine(&world, "h1").await;
    let mut told = linked(&world, &node).await;
    add_key(&world, &world.acme.owner, ONE).await;
    let made = world.allocate("h1", world.acme.id, months(1)).await.unwrap();
    let lease = told.keys("the key", &[ONE]).await.lease;
    let there = HostKeysSeen { lease, keys: vec![ONE.to_owned()], others: 2, ..HostKeysSeen::default() };
    seen(&world, &node, there.clone()).await;
    let connection = machines::get(p, &world.admin.ctx(), "h1").await.unwrap().connection.unwrap();
    let keys = connection.keys.unwrap();
    assert_eq!((keys.account.as_str(), keys.fingerprints.len(), keys.others, keys.fault), ("gpu", 1, 2, None));
    assert!(keys.fingerprints[0].starts_with("SHA256:"));
    let access = allocations::ssh(p, &world.acme.member.ctx(), "h1").await.unwrap();
    assert_eq!((access.keys_by_agent, access.has_key, access.user.as_deref()), (true, false, Some("gpu")));
    let jump = access.jump.unwrap();
    assert!(jump.contains("++h1@") && jump.ends_with(" gpu@h1"), "{jump}");
    assert!(access.door.is_some_and(|line| line.contains("++h1@") && !line.contains("gpu@")));

    let ended = allocations::end(p, &world.admin.ctx(), made.allocation.id, AllocationEnd::default()).await.unwrap();
    let names: Vec<_> = ended.steps.iter().map(|step| step.step.as_str()).collect();
    assert_eq!(names, ["access", "keys", "processes", "gpu_memory", "health", "pool"]);
    let nothing = told.keys("none", &[]).await;
    assert_eq!((nothing.lease, nothing.reclaim), (0, lease));
    let step = async || {
        // It is not silent, however long this takes.
        let sample = node.sample(world.now().timestamp_millis(), 1);
        let batch = Batch { sequence: 1, samples: vec![sample], replayed: false };
        metrics::ingest(p, &node.ctx(), &link, batch).await.unwrap();
        allocations::advance(p).await.unwrap();
        let detail = allocations::get(p, &world.admin.ctx(), made.allocation.id).await.unwrap();
        let step = detail.steps.into_iter().find(|step| step.step == "keys").unwrap();
        (step.state, step.result.get("reason").cloned().unwrap_or_default())
    };
    let waiting = |reason: &str| (StepState::Waiting, reason.to_owned());
    assert_eq!(step().await, waiting("keys_there"));
    // What was seen before says nothing, nor do keys that are still there, nor a host that hinders it.
    seen(&world, &node, HostKeysSeen { keys: Vec::new(), ..there.clone() }).await;
    assert_eq!(step().await, waiting("keys_there"));
    seen(&world, &node, HostKeysSeen { lease: 0, ..there.clone() }).await;
    assert_eq!(step().await, waiting("keys_there"));
    let fault = HostKeysFault::Unsafe.into();
    let hindered =
        HostKeysSeen { reclaim: lease, fault, detail: "~/.ssh is a link".to_owned(), ..HostKeysSeen::default() };
    seen(&world, &node, hindered).await;
    assert_eq!(step().await, waiting("keys_hindered"));
    let connection = machines::get(p, &world.admin.ctx(), "h1").await.unwrap().connection.unwrap();
    assert_eq!(connection.keys.unwrap().fault, Some(Fault::Unsafe));
    // Nor what an agent saw that was not told of taking it back, or of another time.
    for reclaim in [0, lease + 1] {
        seen(&world, &node, HostKeysSeen { others: 2, reclaim, ..HostKeysSeen::default() }).await;
        assert_eq!(step().await, waiting("keys_there"));
    }
    // Somebody is still there, or left a key of their own beside the two of the host's.
    let clean = HostKeysSeen { others: 2, reclaim: lease, processes: Some(0), ..HostKeysSeen::default() };
    seen(&world, &node, HostKeysSeen { processes: Some(3), ..clean.clone() }).await;
    assert_eq!(step().await, waiting("keys_sessions"));
    seen(&world, &node, HostKeysSeen { others: 3, ..clean.clone() }).await;
    assert_eq!(step().await, waiting("keys_others"));
    seen(&world, &node, clean).await;
    assert_eq!(step().await, (StepState::Done, String::new()));
    let statement =
        "select count(*) from audit_events where action in ('machines:keys-account', 'machines:keys-changed')";
    let rows: i64 = sqlx::query_scalar(statement).fetch_one(world.test.owner_pool()).await.unwrap();
    assert_eq!(rows, 6, "the account, and each change of what is there");
}

/// An agent that answers each order as it is told, and otherwise says nothing.
async fn answers(world: &World, node: &TestNode, order: &HostKeys) {
    let there = HostKeysSeen {
        lease: order.lease,
        keys: order.keys.clone(),
        reclaim: order.reclaim,
        ..HostKeysSeen::default()
    };
    seen(world, node, there).await;
}

#[tokio::test]
async fn a_key_of_the_door_does_not_outlive_its_lease() {
    let world = World::new().await;
    let (node, _link) = live_machine(&world, "h1").await;
    let mut told = linked(&world, &node).await;
    let made = world.allocate("h1", world.acme.id, months(1)).await.unwrap();
    told.until("the door's key", |told| told.door_key.is_some()).await;
    allocations::end(&world.test.platform, &world.admin.ctx(), made.allocation.id, AllocationEnd::default())
        .await
        .unwrap();
    let count = async || -> i64 {
        let statement = "select count(*) from lease_door_keys";
        sqlx::query_scalar(statement).fetch_one(world.test.owner_pool()).await.unwrap()
    };
    assert_eq!(count().await, 0);
    // As a server left it that was slow to make one.
    let late = "insert into lease_door_keys (allocation_id, public_key, sealed, created_at)
                values ($1, 'ssh-ed25519 A', 'x', now())";
    sqlx::query(late).bind(made.allocation.id.0).execute(world.test.owner_pool()).await.unwrap();
    world.run().await;
    assert_eq!(count().await, 0);
}

#[tokio::test]
async fn keys_stay_through_the_grace_and_go_when_it_is_taken_back() {
    let world = World::new().await;
    let p = &world.test.platform;
    let (node, link) = live_machine(&world, "h1").await;
    let mut told = linked(&world, &node).await;
    add_key(&world, &world.acme.owner, ONE).await;
    let body = AllocationCreate { grace_days: Some(3), ..months(1) };
    let made = world.allocate("h1", world.acme.id, body).await.unwrap();
    let lease = told.keys("the key", &[ONE]).await;
    assert!(lease.lasts_ms > 30 * 86_400_000, "to the end of the grace: {}", lease.lasts_ms);
    answers(&world, &node, &lease).await;
    let visit = allocations::enter_by_ssh(p, &world.acme.owner.ctx(), "h1", None).await.unwrap();

    // Over, and in its grace: what is there can be saved.
    world.advance(made.allocation.ends_at - world.now() + TimeDelta::hours(1)).await;
    assert_eq!(world.state(&made).await, AllocationState::Grace);
    assert_eq!(allocations::ssh_choices(p, &world.acme.owner.ctx(), None).await.unwrap().len(), 1);
    allocations::enter_by_ssh(p, &world.acme.owner.ctx(), "h1", None).await.unwrap();
    assert!(visit.still_held(p).await.unwrap());
    let still = told.until("the keys in the grace", |told| told.lease == lease.lease).await;
    assert_eq!(still.keys, [ONE]);

    // The grace is over: they go, and the step is done by the answer to that.
    world.advance(TimeDelta::days(3)).await;
    assert_eq!(world.state(&made).await, AllocationState::Reclaiming);
    let nothing = told.until("that it is taken back", |told| told.reclaim == lease.lease).await;
    assert_eq!((nothing.lease, nothing.keys.len(), nothing.door_key.clone()), (0, 0, None));
    let error = allocations::enter_by_ssh(p, &world.acme.owner.ctx(), "h1", None).await.err().unwrap();
    assert_eq!(error.code, ErrorCode::NotFound);
    test_support::eventually("it is out of reach", async || (!visit.still_held(p).await.unwrap()).then_some(())).await;
    answers(&world, &node, &nothing).await;
    let sample = node.sample(world.now().timestamp_millis(), 1);
    metrics::ingest(p, &node.ctx(), &link, Batch { sequence: 1, samples: vec![sample], replayed: false })
        .await
        .unwrap();
    allocations::advance(p).await.unwrap();
    let detail = allocations::get(p, &world.admin.ctx(), made.allocation.id).await.unwrap();
    let step = detail.steps.iter().find(|step| step.step == "keys").unwrap();
    assert_eq!((step.state, step.result.get("reason")), (StepState::Done, None));
}

#[tokio::test]
async fn who_changes_the_keys_all_the_time_does_not_fill_the_log() {
    let world = World::new().await;
    let (node, _link) = live_machine(&world, "h1").await;
    machines::note_keys_account(&world.test.platform, &node.ctx(), &hello(&node)).await.unwrap();
    let report = async |keys: &[&str]| {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        seen(&world, &node, HostKeysSeen { lease: 1, keys, ..HostKeysSeen::default() }).await;
    };
    let logged = async |what: &'static str| -> Vec<String> {
        let statement = format!("select {what} from audit_events where action = 'machines:keys-changed' order by id");
        let statement = sqlx::AssertSqlSafe(statement);
        sqlx::query_scalar(statement).fetch_all(world.test.owner_pool()).await.unwrap()
    };
    for _ in 0..25 {
        report(&[ONE]).await;
        report(&[ONE, TWO]).await;
    }
    let rows = logged("after->>'keys'").await;
    assert_eq!(rows.len(), 30);
    assert!(rows.iter().skip(2).all(|keys| keys == "0" || keys == "1"), "what changed, not all there is: {rows:?}");
    // An hour later it goes on, and says how much is not there.
    world.advance(TimeDelta::hours(1)).await;
    report(&[ONE]).await;
    let left_out = logged("coalesce(after->>'leftOut', '')").await;
    assert_eq!((left_out.len(), left_out.last().map(String::as_str)), (31, Some("20")));
}

#[tokio::test]
async fn an_agent_that_has_something_else_is_told_again() {
    let world = World::new().await;
    let (node, _link) = live_machine(&world, "h1").await;
    let mut told = linked(&world, &node).await;
    add_key(&world, &world.acme.owner, ONE).await;
    world.allocate("h1", world.acme.id, months(1)).await.unwrap();
    let order = told.keys("the key", &[ONE]).await;
    // Its clock was wrong, or somebody took its state folder away: it has none, or says so of no lease.
    for (lease, keys) in [(order.lease, Vec::new()), (0, order.keys.clone())] {
        seen(&world, &node, HostKeysSeen { lease, keys, ..HostKeysSeen::default() }).await;
        let again = tokio::time::timeout(Duration::from_secs(30), told.0.changed()).await;
        again.expect("it is told again").unwrap();
        let again = told.0.borrow_and_update().clone().unwrap();
        assert_eq!((again.lease, &again.keys, &again.door_key), (order.lease, &order.keys, &order.door_key));
    }
}

#[tokio::test]
async fn a_host_whose_agent_keeps_none_has_no_such_step_and_says_who_does() {
    let world = World::new().await;
    let p = &world.test.platform;
    let (node, _link) = live_machine(&world, "h1").await;
    let made = world.allocate("h1", world.acme.id, months(1)).await.unwrap();
    let access = allocations::ssh(p, &world.acme.owner.ctx(), "h1").await.unwrap();
    assert_eq!((access.keys_by_agent, access.door, access.jump), (false, None, None));
    assert!(allocations::ssh_choices(p, &world.acme.owner.ctx(), None).await.unwrap().is_empty());
    let error = allocations::enter_by_ssh(p, &world.acme.owner.ctx(), "h1", None).await.err().unwrap();
    assert_eq!(error.key, "error-ssh-machine-keys");
    let ended = allocations::end(p, &world.admin.ctx(), made.allocation.id, AllocationEnd::default()).await.unwrap();
    assert!(ended.steps.iter().all(|step| step.step != "keys"));
    // An agent names a login account, or none.
    for bad in ["", "a b", "../root", "x\ny"] {
        let hello = Hello { keys_account: Some(bad.to_owned()), ..node.hello() };
        machines::note_keys_account(p, &node.ctx(), &hello).await.unwrap();
        let connection = machines::get(p, &world.admin.ctx(), "h1").await.unwrap().connection.unwrap();
        assert_eq!(connection.keys, None, "{bad:?}");
    }
}

/// The line is shown as long as its keys are there, and it is the one of their account.
#[tokio::test]
async fn in_the_grace_the_line_is_that_of_the_account_with_the_keys() {
    let world = World::new().await;
    let p = &world.test.platform;
    let (node, _link) = live_machine(&world, "h1").await;
    let _told = linked(&world, &node).await;
    let ends_at = Some(world.now() + TimeDelta::days(1));
    let body = AllocationCreate { ends_at, grace_days: Some(3), ..AllocationCreate::default() };
    let made = world.allocate("h1", world.acme.id, body).await.unwrap();
    let line = async |user: &TestUser| allocations::ssh(p, &user.ctx(), "h1").await.map_err(|error| error.code);
    for (by, state) in [(0, AllocationState::Active), (2, AllocationState::Grace)] {
        world.advance(TimeDelta::days(by)).await;
        assert_eq!(world.state(&made).await, state);
        let access = line(&world.acme.member).await.unwrap();
        assert_eq!((access.keys_by_agent, access.user.as_deref()), (true, Some("gpu")), "{state:?}");
        assert_eq!(line(&world.globex.member).await.unwrap_err(), ErrorCode::NotFound);
    }
    // What is told on the workbench goes with it.
    let told = async |user: &TestUser| {
        let rows = allocations::of_note(p, &user.ctx()).await.unwrap();
        rows.into_iter().map(|(row, there)| (row.machine, there)).collect::<Vec<_>>()
    };
    assert_eq!(told(&world.acme.member).await, [("h1".to_owned(), true)]);
    assert!(told(&world.globex.member).await.is_empty());
    // Over, whether anybody has noticed or not.
    world.test.clock().advance(TimeDelta::days(2));
    assert_eq!(line(&world.acme.member).await.unwrap_err(), ErrorCode::NotFound);
    assert_eq!(told(&world.acme.member).await, [("h1".to_owned(), false)]);
}

#[tokio::test]
async fn who_comes_to_a_machine_by_ssh_is_of_who_has_it() {
    let world = World::new().await;
    let p = &world.test.platform;
    let (node, _link) = live_machine(&world, "h1").await;
    let _told = linked(&world, &node).await;
    let acme = &world.acme;
    assert!(allocations::ssh_choices(p, &acme.owner.ctx(), None).await.unwrap().is_empty());
    let made = world.allocate("h1", acme.id, months(1)).await.unwrap();
    for user in [&acme.owner, &acme.member] {
        let choices = allocations::ssh_choices(p, &user.ctx(), Some("H1")).await.unwrap();
        assert_eq!(choices.len(), 1);
        assert_eq!((choices[0].code.as_str(), choices[0].account.as_str()), ("h1", "gpu"));
    }
    for user in [&world.globex.owner, &world.admin] {
        assert!(allocations::ssh_choices(p, &user.ctx(), None).await.unwrap().is_empty());
        let error = allocations::enter_by_ssh(p, &user.ctx(), "h1", None).await.err().unwrap();
        assert_eq!(error.code, ErrorCode::NotFound);
    }
    let visit = allocations::enter_by_ssh(p, &acme.member.ctx(), "h1", Some("SHA256:x")).await.unwrap();
    for (host, port, sshd) in [
        ("h1", 22, true),
        ("H1", 22, true),
        ("localhost", 22, true),
        ("127.0.0.1", 22, true),
        ("h1", 80, false),
        ("h2", 22, false),
        ("10.0.0.1", 22, false),
    ] {
        assert_eq!(visit.is_sshd(host, port), sshd, "{host}:{port}");
    }
    // No agent answers here.
    let error = visit.connect(p).await.err().unwrap();
    assert_eq!((error.code, error.key), (ErrorCode::NodeUnreachable, "error-ssh-machine-away"));
    assert!(visit.still_held(p).await.unwrap());
    visit.renew(p).await.unwrap();
    // One's own, and for owners everybody's of the customer; staff see who has it, too, and either may send them away.
    let query = MachineAccessQuery::default();
    let seen = async |user: &TestUser| allocations::list_visits(p, &user.ctx(), &query).await;
    for user in [&acme.owner, &acme.member] {
        let list = seen(user).await.unwrap().list;
        let [there] = &list[..] else { panic!("{list:?}") };
        assert_eq!((there.machine.as_str(), &there.user_name, there.may_end), ("h1", &acme.member.name, true));
        assert_eq!((there.fingerprint.as_deref(), there.customer_name.as_ref()), (Some("SHA256:x"), None));
    }
    assert!(seen(&world.globex.owner).await.unwrap().list.is_empty());
    assert_eq!(seen(&world.admin).await.unwrap_err().code, ErrorCode::NotFound);
    let list = allocations::list_all_visits(p, &world.admin.ctx(), &query).await.unwrap().list;
    assert_eq!((list.len(), list[0].customer_name.as_deref(), list[0].may_end), (1, Some("Acme"), true));
    let id = &list[0].id;
    let stranger = allocations::end_visit(p, &world.globex.owner.ctx(), id).await.unwrap_err();
    assert_eq!(stranger.code, ErrorCode::NotFound);
    let why = |reason: &str| StaffEnding { reason: reason.to_owned() };
    let unsaid = allocations::end_any_visit(p, &world.admin.ctx(), id, why(" a b ")).await.unwrap_err();
    assert_eq!(unsaid.fields[0].key, "field-reason-short");
    allocations::end_any_visit(p, &world.admin.ctx(), id, why("The host moves")).await.unwrap();
    for user in [&acme.owner, &acme.member] {
        let notices = notifications::list(p, &user.ctx(), &NotificationQuery::default()).await.unwrap().list;
        let told = notices.iter().find(|notice| notice.kind == NotificationKind::AccessEnded).expect("they are told");
        assert!(told.message.contains("The host moves"), "{told:?}");
    }
    allocations::end_visit(p, &acme.member.ctx(), id).await.unwrap();
    let over = seen(&acme.member).await.unwrap().list.remove(0);
    assert_eq!((over.reason.as_deref(), over.may_end, over.ended_at.is_some()), (Some("access"), false, true));
    let open = MachineAccessQuery { open: Some(true), ..MachineAccessQuery::default() };
    let count = async |query: MachineAccessQuery| {
        let page = allocations::list_all_visits(p, &world.admin.ctx(), &query).await.unwrap();
        (page.list.len(), page.total)
    };
    assert_eq!(count(open).await, (0, 0));
    let opened_at = over.opened_at;
    assert_eq!(count(MachineAccessQuery { from: Some(opened_at), ..MachineAccessQuery::default() }).await, (1, 1));
    assert_eq!(count(MachineAccessQuery { until: Some(opened_at), ..MachineAccessQuery::default() }).await, (0, 0));
    let beyond = MachineAccessQuery { page: Some(9), ..MachineAccessQuery::default() };
    assert_eq!(count(beyond).await, (0, 1), "also a page beyond the last says how many there are");
    let statement = "select count(*) from audit_events where action = 'allocations:end-access' and outcome = 'done'
                     and customer_id is not null";
    let told: i64 = sqlx::query_scalar(statement).fetch_one(world.test.owner_pool()).await.unwrap();
    assert_eq!(told, 1, "again changes nothing");
    allocations::end(p, &world.admin.ctx(), made.allocation.id, AllocationEnd::default()).await.unwrap();
    test_support::eventually("it is theirs no more", async || (!visit.still_held(p).await.unwrap()).then_some(()))
        .await;
    // Who does not know whether it was written writes it again.
    for _ in 0..2 {
        visit.leave(p, "stopped").await.unwrap();
    }
    let statement = "select count(*) from audit_events where action in ('allocations:open-ssh', 'allocations:end-ssh')
                     and outcome = 'done'";
    let rows: i64 = sqlx::query_scalar(statement).fetch_one(world.test.owner_pool()).await.unwrap();
    assert_eq!(rows, 2);
}
