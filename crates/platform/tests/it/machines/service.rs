//! Machines out of service and back, maintenance windows, connection data, many at once.

use chrono::TimeDelta;
use contract::allocations::AllocationCreate;
use contract::machines::{
    ConnectionUpdate, MachineAction, MachineBulk, MachineCreate, MachineQuery, MaintenanceBulk, MaintenanceCreate,
    MaintenanceState, SecretKind, ServiceState,
};
use contract::{ErrorCode, ListColumns};
use platform::machines::NodeCredentials;
use platform::{accounts, allocations, machines};
use test_support::{TestPlatform, TestUser};

fn named(code: &str) -> MachineCreate {
    contract::machines::MachineCreate { id: Some(code.to_owned()), name: code.to_owned(), ..Default::default() }
}

struct World {
    test: TestPlatform,
    admin: TestUser,
}

impl World {
    async fn with(codes: &[&str]) -> Self {
        let test = TestPlatform::new().await;
        let admin = test.admin().await;
        for code in codes {
            machines::create(&test.platform, &admin.ctx(), named(code)).await.unwrap();
        }
        Self { test, admin }
    }

    async fn act(&self, code: &str, action: MachineAction) -> platform::Result<Option<ServiceState>> {
        let view = machines::act(&self.test.platform, &self.admin.ctx(), code, action, None).await?;
        Ok(view.map(|view| view.service_state))
    }

    async fn lend(&self, code: &str, customer: &test_support::TestCustomer) -> platform::Result<()> {
        let body = AllocationCreate { customer_id: Some(customer.id), months: Some(1), ..Default::default() };
        allocations::create(&self.test.platform, &self.admin.ctx(), code, body).await.map(|_| ())
    }

    fn window(&self, from_hours: i64, hours: i64) -> MaintenanceCreate {
        let now = self.test.platform.clock().now();
        MaintenanceCreate {
            starts_at: (from_hours > 0).then(|| now + TimeDelta::hours(from_hours)),
            ends_at: now + TimeDelta::hours(from_hours + hours),
            message: "New fans".to_owned(),
        }
    }

    async fn text(&self, sql: &'static str) -> String {
        sqlx::query_scalar(sql).fetch_one(self.test.owner_pool()).await.unwrap()
    }

    async fn state(&self, code: &str) -> (ServiceState, Vec<MaintenanceState>) {
        let view = machines::get(&self.test.platform, &self.admin.ctx(), code).await.unwrap();
        (view.service_state, view.maintenance.iter().map(|window| window.state).collect())
    }
}

#[tokio::test]
async fn states_lead_where_the_table_says_and_nowhere_else() {
    let world = World::with(&["h1"]).await;
    use MachineAction as A;
    use ServiceState as S;
    for (action, expected) in [
        (A::Cordon, Some(S::Cordoned)),
        (A::Cordon, None),
        (A::Drain, Some(S::Draining)),
        (A::Uncordon, Some(S::InService)),
        (A::Uncordon, None),
        (A::Retire, Some(S::Retired)),
        (A::Drain, None),
        (A::Uncordon, Some(S::InService)),
    ] {
        match (world.act("h1", action).await, expected) {
            (Ok(found), Some(expected)) => assert_eq!(found, Some(expected), "{action:?}"),
            (Err(error), None) => {
                assert_eq!((error.code, error.key), (ErrorCode::WrongState, "error-service-state"), "{action:?}");
            }
            (found, expected) => panic!("{action:?}: {found:?}, not {expected:?}"),
        }
    }
    let log = platform::audit::list(&world.test.platform, &world.admin.ctx(), &Default::default()).await.unwrap();
    let actions: Vec<_> = log.list.iter().map(|row| row.action.as_str()).collect();
    for action in ["machines:cordon", "machines:drain", "machines:uncordon", "machines:retire"] {
        assert!(actions.contains(&action), "{action} is in {actions:?}");
    }
}

#[tokio::test]
async fn what_somebody_has_is_neither_retired_nor_deleted_nor_promised_longer_while_drained() {
    let world = World::with(&["h1"]).await;
    let acme = world.test.customer("Acme").await;
    world.lend("h1", &acme).await.unwrap();
    for action in [MachineAction::Retire, MachineAction::Delete] {
        let error = world.act("h1", action).await.unwrap_err();
        assert_eq!((error.code, error.key), (ErrorCode::Conflict, "error-machine-allocated"));
        assert!(error.args.iter().any(|(name, value)| *name == "customer" && value == "Acme"), "{:?}", error.args);
    }
    world.act("h1", MachineAction::Drain).await.unwrap();
    let lease = allocations::of_machine(&world.test.platform, &acme.owner.ctx(), "h1").await.unwrap().allocation;
    let more = contract::allocations::AllocationRenew { months: Some(1), ..Default::default() };
    let error = allocations::renew(&world.test.platform, &world.admin.ctx(), lease.id, more).await.unwrap_err();
    assert_eq!(error.key, "error-renew-service-state");

    allocations::end(&world.test.platform, &world.admin.ctx(), lease.id, Default::default()).await.unwrap();
    let error = world.act("h1", MachineAction::Delete).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::Conflict, "error-machine-reclaiming"));
    for step in ["processes", "gpu_memory", "health"] {
        let _ = allocations::skip_step(&world.test.platform, &world.admin.ctx(), lease.id, step).await;
    }
    allocations::advance(&world.test.platform).await.unwrap();
    assert_eq!(world.act("h1", MachineAction::Delete).await.unwrap(), None);
    let error = machines::get(&world.test.platform, &world.admin.ctx(), "h1").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_deleted_machine_frees_its_code_and_nothing_of_it_comes_to_the_next() {
    let test = TestPlatform::new().await;
    let (p, admin) = (&test.platform, test.admin().await);
    platform::metrics::spawn_background(p, &tokio_util::sync::CancellationToken::new());
    let token = async || machines::create_join_token(p, &admin.ctx(), Default::default()).await.unwrap().secret;
    let join = async |key: &str, token: Option<String>| {
        let credentials =
            NodeCredentials { key: key.repeat(40), join_token: token, host_name: Some("rack-7".to_owned()) };
        machines::authenticate_node(p, &test.anonymous(), &credentials).await
    };
    join("a", Some(token().await)).await.unwrap();
    let first = machines::get(p, &admin.ctx(), "rack-7").await.unwrap();
    let taken = MachineCreate { id: Some("rack-7".to_owned()), ..named("other") };
    let error = machines::create(p, &admin.ctx(), taken).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::AlreadyExists, "while it is there");
    machines::act(p, &admin.ctx(), "rack-7", MachineAction::Delete, None).await.unwrap();
    assert!(join("a", None).await.is_err(), "its agent's key went with it");

    // The host is set up anew: it is called as before, and is another machine.
    join("b", Some(token().await)).await.unwrap();
    let second = machines::get(p, &admin.ctx(), "rack-7").await.unwrap();
    assert!(second.created_at > first.created_at && second.last_seen_at.is_none() && second.gpus.is_empty());
    let all = machines::list(p, &admin.ctx(), &Default::default()).await.unwrap();
    assert_eq!((all.total, all.list[0].id.as_str()), (1, "rack-7"));
    assert!(join("a", None).await.is_err());
    assert!(join("b", None).await.is_ok());
    // Twice is too often, as before.
    machines::act(p, &admin.ctx(), "rack-7", MachineAction::Delete, None).await.unwrap();
    for (name, free) in [("third", true), ("fourth", false)] {
        let body = MachineCreate { id: Some("rack-7".to_owned()), ..named(name) };
        assert_eq!(machines::create(p, &admin.ctx(), body).await.is_ok(), free, "{name}");
    }
}

#[tokio::test]
async fn a_retired_machines_agent_does_not_come_back_in() {
    let test = TestPlatform::new().await;
    let admin = test.admin().await;
    let node = test.node("h1").await;
    let may_connect = async || {
        let credentials = NodeCredentials { key: node.key.clone(), join_token: None, host_name: None };
        machines::authenticate_node(&test.platform, &test.anonymous(), &credentials).await.is_ok()
    };
    assert!(may_connect().await);
    machines::act(&test.platform, &admin.ctx(), "h1", MachineAction::Retire, None).await.unwrap();
    assert!(!may_connect().await);
    machines::act(&test.platform, &admin.ctx(), "h1", MachineAction::Uncordon, None).await.unwrap();
    assert!(may_connect().await);
    machines::act(&test.platform, &admin.ctx(), "h1", MachineAction::Delete, None).await.unwrap();
    assert!(!may_connect().await);
}

#[tokio::test]
async fn maintenance_begins_and_ends_by_the_clock_and_gives_back_what_was() {
    let world = World::with(&["h1", "h2"]).await;
    let platform = &world.test.platform;
    world.act("h1", MachineAction::Cordon).await.unwrap();
    machines::plan_maintenance(platform, &world.admin.ctx(), "h1", world.window(2, 4)).await.unwrap();
    let error = machines::plan_maintenance(platform, &world.admin.ctx(), "h1", world.window(5, 4)).await.unwrap_err();
    assert_eq!((error.code, error.fields[0].key), (ErrorCode::Conflict, "field-maintenance-overlap"));
    assert_eq!(world.state("h1").await, (ServiceState::Cordoned, vec![MaintenanceState::Planned]));
    assert_eq!(machines::advance_maintenance(platform).await.unwrap(), 0, "not yet");

    platform.clock().advance(TimeDelta::hours(3));
    assert_eq!(machines::advance_maintenance(platform).await.unwrap(), 1);
    assert_eq!(world.state("h1").await, (ServiceState::Maintenance, vec![MaintenanceState::Active]));
    platform.clock().advance(TimeDelta::hours(4));
    machines::advance_maintenance(platform).await.unwrap();
    assert_eq!(world.state("h1").await, (ServiceState::Cordoned, vec![]), "back to what it was");

    // At once; ended early by hand; and ended by a decision about the machine.
    machines::plan_maintenance(platform, &world.admin.ctx(), "h2", world.window(0, 4)).await.unwrap();
    let (state, windows) = world.state("h2").await;
    assert_eq!((state, windows), (ServiceState::Maintenance, vec![MaintenanceState::Active]));
    let id = machines::get(platform, &world.admin.ctx(), "h2").await.unwrap().maintenance[0].id;
    machines::cancel_maintenance(platform, &world.admin.ctx(), "h2", id).await.unwrap();
    assert_eq!(world.state("h2").await, (ServiceState::InService, vec![]));
    let gone = machines::cancel_maintenance(platform, &world.admin.ctx(), "h2", id).await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::NotFound);
    machines::plan_maintenance(platform, &world.admin.ctx(), "h2", world.window(0, 4)).await.unwrap();
    world.act("h2", MachineAction::Uncordon).await.unwrap();
    platform.clock().advance(TimeDelta::hours(5));
    machines::advance_maintenance(platform).await.unwrap();
    assert_eq!(world.state("h2").await, (ServiceState::InService, vec![]));
}

#[tokio::test]
async fn who_has_the_machine_reads_of_its_maintenance_and_nobody_else() {
    let world = World::with(&["h1"]).await;
    let (acme, globex) = (world.test.customer("Acme").await, world.test.customer("Globex").await);
    world.lend("h1", &acme).await.unwrap();
    let platform = &world.test.platform;
    machines::plan_maintenance(platform, &world.admin.ctx(), "h1", world.window(2, 4)).await.unwrap();
    let theirs = allocations::mine(platform, &acme.member.ctx(), &Default::default()).await.unwrap();
    assert_eq!(theirs.list[0].maintenance.as_ref().unwrap().message, "New fans");
    let machine = allocations::machine(platform, &acme.owner.ctx(), "h1").await.unwrap();
    assert_eq!((machine.maintenance.len(), machine.connection), (1, None));
    assert!(allocations::mine(platform, &globex.owner.ctx(), &Default::default()).await.unwrap().list.is_empty());
    for user in [&acme.owner, &globex.owner] {
        let refused = machines::plan_maintenance(platform, &user.ctx(), "h1", world.window(20, 4)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotFound);
    }
}

#[tokio::test]
async fn a_hosts_secret_is_stored_sealed_and_told_to_nobody() {
    let world = World::with(&["h1"]).await;
    let (platform, ctx) = (&world.test.platform, world.admin.ctx());
    let set = async |body: ConnectionUpdate| machines::set_connection(platform, &ctx, "h1", body).await;
    let with = |user: &str, password: Option<&str>| ConnectionUpdate {
        user: Some(user.to_owned()),
        password: password.map(str::to_owned),
        ..Default::default()
    };
    let view = set(with("root", Some("correct horse"))).await.unwrap().connection.unwrap();
    assert_eq!((view.user.as_deref(), view.secret_kind), (Some("root"), Some(SecretKind::Password)));
    let stored = world.text("select encode(ssh_secret, 'escape') from machines where code = 'h1'").await;
    assert!(!stored.contains("correct horse"));
    let log = world.text("select coalesce(string_agg(concat(before, after), ' '), '') from audit_events").await;
    assert!(log.contains("\"secretKind\"") && !log.contains("correct horse"), "{log}");

    let kept = set(with("admin", None)).await.unwrap().connection.unwrap();
    assert_eq!(kept.secret_kind, Some(SecretKind::Password), "nothing new keeps what is there");
    let forget = ConnectionUpdate { forget_secret: true, ..with("admin", None) };
    assert_eq!(set(forget).await.unwrap().connection.unwrap().secret_kind, None);

    let wrong = ConnectionUpdate {
        user: Some("Root User".to_owned()),
        port: Some(70_000),
        private_key: Some("hello".to_owned()),
        hami_core_path: Some("opt/../etc".to_owned()),
        ..Default::default()
    };
    let error = set(wrong).await.unwrap_err();
    let fields: Vec<_> = error.fields.iter().map(|field| field.path).collect();
    assert_eq!(fields, ["user", "port", "hamiCorePath", "privateKey"]);
}

#[tokio::test]
async fn many_at_once_each_for_itself() {
    let world = World::with(&["h1", "h2", "h3"]).await;
    let acme = world.test.customer("Acme").await;
    world.lend("h2", &acme).await.unwrap();
    let ids = ["h1", "h2", "h1", "nowhere"].map(str::to_owned).to_vec();
    let bulk = MachineBulk { ids, matching: None, action: MachineAction::Retire, note: Some("old".to_owned()) };
    let (platform, ctx) = (&world.test.platform, world.admin.ctx());
    let preview = machines::preview_many(platform, &ctx, &bulk).await.unwrap();
    let possible: Vec<_> = preview.rows.iter().map(|(view, outcome)| (view.id.as_str(), outcome.is_ok())).collect();
    assert_eq!(possible, [("h1", true), ("h2", false)], "each once");
    assert_eq!(world.state("h1").await.0, ServiceState::InService, "a preview does nothing");

    let outcomes = machines::act_on_many(platform, &ctx, bulk.clone()).await.unwrap();
    let outcomes: Vec<_> =
        outcomes.iter().map(|(id, outcome)| (id.as_str(), outcome.as_ref().err().map(|error| error.code))).collect();
    let expected = [("h1", None), ("h2", Some(ErrorCode::Conflict)), ("nowhere", Some(ErrorCode::NotFound))];
    assert_eq!(outcomes, expected);
    assert_eq!(world.state("h1").await.0, ServiceState::Retired);
    assert_eq!(world.state("h2").await.0, ServiceState::InService);

    let refused = machines::act_on_many(platform, &acme.owner.ctx(), bulk.clone()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
    let none = machines::act_on_many(platform, &ctx, MachineBulk { ids: vec![], ..bulk }).await.unwrap_err();
    assert_eq!(none.fields[0].key, "field-choose-some");
}

#[tokio::test]
async fn everybody_chooses_their_own_columns() {
    let world = World::with(&[]).await;
    let acme = world.test.customer("Acme").await;
    let platform = &world.test.platform;
    let usual = accounts::columns_of(platform, &world.admin.ctx(), "machines").await.unwrap();
    assert_eq!(usual.columns.len(), 9);
    let chosen = ListColumns { columns: vec!["region".to_owned(), "monitored".to_owned()] };
    let kept = accounts::choose_columns(platform, &world.admin.ctx(), "machines", chosen).await.unwrap();
    assert_eq!(kept.columns, ["name", "region", "monitored"], "the first always, in the list's order");
    assert_eq!(accounts::columns_of(platform, &acme.owner.ctx(), "machines").await.unwrap(), usual);
    let back =
        accounts::choose_columns(platform, &world.admin.ctx(), "machines", ListColumns::default()).await.unwrap();
    assert_eq!(back, usual);
    let odd = ListColumns { columns: vec!["password".to_owned()] };
    let error = accounts::choose_columns(platform, &world.admin.ctx(), "machines", odd).await.unwrap_err();
    assert_eq!(error.fields[0].key, "field-unknown-column");
    let error = accounts::columns_of(platform, &world.admin.ctx(), "nothing").await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn all_that_match_are_found_here_and_never_done_in_part() {
    let world = World::with(&["a-1", "a-2", "b-1"]).await;
    let (platform, ctx) = (&world.test.platform, world.admin.ctx());
    let matching = |q: &str| Some(MachineQuery { q: Some(q.to_owned()), page_size: Some(1), ..Default::default() });
    let bulk = |q: &str| MachineBulk { ids: vec![], matching: matching(q), action: MachineAction::Cordon, note: None };
    let preview = machines::preview_many(platform, &ctx, &bulk("a-")).await.unwrap();
    let codes: Vec<_> = preview.rows.iter().map(|(view, _)| view.id.as_str()).collect();
    assert_eq!((codes, preview.more), (vec!["a-1", "a-2"], 0), "whatever the page");
    let outcomes = machines::act_on_many(platform, &ctx, bulk("a-")).await.unwrap();
    assert!(outcomes.len() == 2 && outcomes.iter().all(|(_, outcome)| outcome.is_ok()));
    assert_eq!(world.state("b-1").await.0, ServiceState::InService);
    let both = MachineBulk { ids: vec!["b-1".to_owned()], ..bulk("a-") };
    assert_eq!(machines::act_on_many(platform, &ctx, both).await.unwrap_err().fields[0].key, "field-ids-or-matching");
    let none = machines::act_on_many(platform, &ctx, bulk("nothing")).await.unwrap_err();
    assert_eq!(none.fields[0].key, "field-choose-some");

    sqlx::query("insert into machines (code, name) select 'm-' || n, 'm-' || n from generate_series(1, 510) n")
        .execute(world.test.owner_pool())
        .await
        .unwrap();
    let preview = machines::preview_many(platform, &ctx, &bulk("m-")).await.unwrap();
    assert_eq!((preview.rows.len(), preview.more), (500, 10), "what does not fit is counted");
    let refused = machines::act_on_many(platform, &ctx, bulk("m-")).await.unwrap_err();
    assert_eq!((refused.fields[0].path, refused.fields[0].key), ("matching", "field-too-many-match"));
    assert!(refused.fields[0].args.contains(&("n", "510".to_owned())), "{refused:?}");
    assert_eq!(world.state("m-1").await.0, ServiceState::InService, "a part of it is not done");
}

#[tokio::test]
async fn maintenance_is_planned_for_many_each_for_itself() {
    let world = World::with(&["a-1", "a-2", "a-3"]).await;
    let (platform, ctx) = (&world.test.platform, world.admin.ctx());
    world.act("a-2", MachineAction::Retire).await.unwrap();
    machines::plan_maintenance(platform, &ctx, "a-3", world.window(2, 4)).await.unwrap();
    let matching = MachineQuery { q: Some("a-".to_owned()), ..Default::default() };
    let chosen = || (Vec::new(), Some(&matching));
    let window = world.window(3, 4);
    let preview = machines::preview_plan_for_many(platform, &ctx, chosen(), Some(&window)).await.unwrap();
    let possible: Vec<_> =
        preview.rows.iter().map(|(view, outcome)| (view.id.as_str(), outcome.as_ref().err().map(|e| e.code))).collect();
    let expected = [("a-1", None), ("a-2", Some(ErrorCode::WrongState)), ("a-3", Some(ErrorCode::Conflict))];
    assert_eq!(possible, expected);
    assert_eq!(world.state("a-1").await.1, [], "a preview plans nothing");
    let matching = Some(matching.clone());
    let bulk = MaintenanceBulk { matching, window: Some(window), ..MaintenanceBulk::default() };
    let outcomes = machines::plan_for_many(platform, &ctx, bulk.clone()).await.unwrap();
    let outcomes: Vec<_> =
        outcomes.iter().map(|(code, outcome)| (code.as_str(), outcome.as_ref().err().map(|e| e.code))).collect();
    assert_eq!(outcomes, expected);
    assert_eq!(world.state("a-1").await.1, [MaintenanceState::Planned]);
    let acme = world.test.customer("Acme").await;
    let refused = machines::plan_for_many(platform, &acme.owner.ctx(), bulk).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
}
