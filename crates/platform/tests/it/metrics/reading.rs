//! Reading figures back: live, history, other servers; taking them in is beside this.

use super::*;

#[tokio::test]
async fn figures_are_for_staff_and_each_agent_reports_only_itself() {
    let world = World::new().await;
    let (agent, other) = (Agent::new(&world, "a", 1).await, world.node("b").await);
    let acme = world.customer("Acme").await;
    let query = HistoryQuery::default();
    for (who, ctx, expected) in [
        ("anonymous", world.anonymous(), Some(ErrorCode::Unauthenticated)),
        ("member", acme.member.ctx(), Some(ErrorCode::NotFound)),
        ("owner", acme.owner.ctx(), Some(ErrorCode::NotFound)),
        ("node", agent.node.ctx(), Some(ErrorCode::NotFound)),
        ("admin", world.admin.ctx(), None),
    ] {
        let p = &world.platform;
        for (what, answer) in [
            ("wall", metrics::wall(p, &ctx).await.err()),
            ("live", metrics::machine_live(p, &ctx, "a").await.err()),
            ("history", metrics::history(p, &ctx, "a", &query).await.err()),
            ("watch wall", metrics::watch(p, &ctx, "wall", None).await.err()),
            ("watch machine", metrics::watch(p, &ctx, "machine/a", None).await.err()),
            ("may watch wall", metrics::may_watch(p, &ctx, "wall").await.err()),
            ("may watch machine", metrics::may_watch(p, &ctx, "machine/a").await.err()),
        ] {
            assert_eq!(answer.map(|error| error.code), expected, "{who}: {what}");
        }
        for topic in ["walls", "", "machine/", "machine/no-such", "machine/A b", "wall/a"] {
            let error = metrics::watch(p, &ctx, topic, None).await.err().unwrap();
            assert_eq!(error.code, expected.unwrap_or(ErrorCode::NotFound), "{who}: {topic}");
        }
    }
    // Who has machines of their own and wants to see the fleet is in the log, like anybody else.
    let error = metrics::may_watch(&world.platform, &acme.owner.ctx(), "wall").await.unwrap_err();
    platform::report(&world.platform, &acme.owner.ctx(), error).await;
    let denied = "select count(*) from audit_events where outcome = 'denied' and action = 'metrics:view'";
    assert_eq!(world.number(denied).await, 1);
    for ctx in [world.admin.ctx(), world.anonymous(), acme.owner.ctx()] {
        assert!(metrics::open_link(&world.platform, &ctx, &agent.node.hello()).await.is_err());
        assert!(metrics::ingest(&world.platform, &ctx, &agent.link, agent.node.batch(1, 1)).await.is_err());
    }
    // A batch through somebody else's link: the principal decides whose it is, never the message.
    let foreign = metrics::ingest(&world.platform, &other.ctx(), &agent.link, agent.node.batch(1, 1)).await;
    assert!(foreign.is_err(), "a link serves only the agent that opened it");
    assert_eq!(world.number("select count(*) from machine_samples").await, 0);
    assert_ne!(agent.link.machine, MachineId(0));
}

#[tokio::test]
async fn the_wall_shows_what_is_and_the_worst_of_it() {
    let world = World::new().await;
    type Case = (&'static str, Option<Trouble>, fn(&mut Sample));
    let cases: [Case; 7] = [
        ("fine", None, |_| {}),
        ("idle", None, |sample| sample.gpus[0].throttle_bits = Some(0x1)),
        ("lost", Some(Trouble::GpuLost), |sample| {
            sample.gpus[0] = GpuSample { uuid: sample.gpus[0].uuid.clone(), lost: true, ..Default::default() };
            sample.gpus[1].temperature_c = Some(95.0);
        }),
        ("ecc", Some(Trouble::EccUncorrected), |sample| {
            sample.events = vec![event(sample, GpuEventKind::EccUncorrected)]
        }),
        ("xid", Some(Trouble::Xid), |sample| sample.events = vec![event(sample, GpuEventKind::Xid)]),
        ("hot", Some(Trouble::Hot), |sample| sample.gpus[1].temperature_c = Some(88.0)),
        ("throttled", Some(Trouble::Throttled), |sample| sample.gpus[0].throttle_bits = Some(0x40)),
    ];
    for (code, _, change) in &cases {
        let agent = Agent::new(&world, code, 2).await;
        let mut batch = agent.node.batch(1, 2);
        change(&mut batch.samples[0]);
        agent.send(&world, batch).await.unwrap();
    }
    world.node("silent").await;
    for (code, trouble, _) in &cases {
        let tile = tile(&world.platform, &world, code).await;
        assert_eq!((tile.presence, tile.trouble), (Presence::Online, *trouble), "{code}");
    }
    let fine = tile(&world.platform, &world, "fine").await;
    assert_eq!((fine.gpus[0].u, fine.gpus[0].m, fine.gpus[1].u), (Some(50), Some(50), Some(51)));
    assert_eq!((fine.model.as_deref(), fine.cpu_percent, fine.memory_percent), (Some("H100 80G"), Some(13), Some(25)));
    assert_eq!((fine.temperature_c, fine.power_w, fine.gpu_memory_total_mib), (Some(61), Some(700), Some(163_840)));
    let lost = tile(&world.platform, &world, "lost").await;
    assert_eq!((lost.gpus[0].x, lost.gpus[0].u, lost.gpus[1].u), (true, None, Some(51)));
    let xid = metrics::machine_live(&world.platform, &world.admin.ctx(), "xid").await.unwrap();
    assert_eq!((xid.gpus[0].last_xid, xid.gpus[1].last_xid), (Some(79), None));
    assert_eq!(tile(&world.platform, &world, "silent").await.presence, Presence::NeverSeen);

    world.clock().advance(TimeDelta::seconds(contract::machines::OFFLINE_AFTER_SECONDS));
    let gone = tile(&world.platform, &world, "fine").await;
    assert_eq!((gone.presence, gone.trouble), (Presence::Offline, Some(Trouble::Offline)));
    assert!(gone.gpus.iter().all(|gpu| gpu.u.is_none()), "what it said last is not what it does now");
    assert_eq!(world.get("fine").await.presence, Presence::Offline, "the page says the same");
}

fn event(sample: &Sample, kind: GpuEventKind) -> GpuEvent {
    GpuEvent { uuid: sample.gpus[0].uuid.clone(), at_ms: sample.at_ms, kind: kind as i32, value: 79 }
}

/// The next message of a subscription.
async fn next(watch: &mut TopicWatch) -> ServerMessage {
    let text =
        tokio::time::timeout(Duration::from_secs(60), watch.next()).await.expect("a message").expect("not ended");
    serde_json::from_str(&text).unwrap()
}

/// A wall as its watcher sees it: snapshot and deltas put together.
#[derive(Default, Debug)]
struct Seen {
    tiles: std::collections::BTreeMap<String, WallTile>,
    position: Option<Position>,
    snapshots: u32,
}

impl Seen {
    fn take(&mut self, message: ServerMessage) {
        match message {
            ServerMessage::Snapshot { epoch, seq, data: LiveData::Wall(wall), .. } => {
                self.tiles = wall.machines.into_iter().map(|tile| (tile.id.clone(), tile)).collect();
                self.position = Some(Position { epoch, seq });
                self.snapshots += 1;
            }
            ServerMessage::Delta { epoch, seq, data: LiveData::WallChange { tiles, gone }, .. } => {
                let before = self.position.clone().expect("a snapshot comes first");
                assert_eq!((before.epoch, before.seq + 1), (epoch.clone(), seq), "no delta is missing or doubled");
                self.tiles.extend(tiles.into_iter().map(|tile| (tile.id.clone(), tile)));
                gone.iter().for_each(|code| drop(self.tiles.remove(code)));
                self.position = Some(Position { epoch, seq });
            }
            other => panic!("not of the wall: {other:?}"),
        }
    }

    /// Reads on until the tile is as wanted.
    async fn until(&mut self, watch: &mut TopicWatch, wanted: impl Fn(&Self) -> bool) {
        while !wanted(self) {
            self.take(next(watch).await);
        }
    }

    fn util(&self, code: &str) -> Option<u8> {
        self.tiles.get(code)?.gpus.first()?.u
    }
}

async fn watch_wall(world: &World, resume: Option<Position>) -> TopicWatch {
    metrics::watch(&world.platform, &world.admin.ctx(), "wall", resume).await.unwrap()
}

async fn send_util(world: &World, agent: &Agent, percent: f32) {
    let mut batch = agent.node.batch(1, 1);
    batch.samples[0].gpus[0].util_percent = Some(percent);
    agent.send(world, batch).await.unwrap();
}

#[tokio::test]
async fn a_watcher_gets_a_snapshot_then_deltas_and_can_come_back() {
    let world = World::new().await;
    let agent = Agent::new(&world, "a", 1).await;
    let (mut watch, mut seen) = (watch_wall(&world, None).await, Seen::default());
    seen.take(next(&mut watch).await);
    assert_eq!((seen.snapshots, seen.tiles.len(), seen.util("a")), (1, 1, None));
    send_util(&world, &agent, 10.0).await;
    seen.until(&mut watch, |seen| seen.util("a") == Some(10)).await;
    drop(watch);

    // Cut off; the others go on.
    let (mut stays, mut other) = (watch_wall(&world, None).await, Seen::default());
    other.until(&mut stays, |seen| seen.util("a") == Some(10)).await;
    send_util(&world, &agent, 20.0).await;
    other.until(&mut stays, |seen| seen.util("a") == Some(20)).await;
    let mut back = watch_wall(&world, seen.position.clone()).await;
    seen.until(&mut back, |seen| seen.util("a") == Some(20)).await;
    assert_eq!(seen.snapshots, 1, "what was missed came as deltas");

    for (what, position) in [
        ("another epoch", Position { epoch: "x".to_owned(), ..seen.position.clone().unwrap() }),
        ("the future", Position { seq: u64::MAX, ..seen.position.clone().unwrap() }),
    ] {
        let mut lost = watch_wall(&world, Some(position)).await;
        let mut fresh = Seen::default();
        fresh.take(next(&mut lost).await);
        assert_eq!((fresh.snapshots, fresh.util("a")), (1, Some(20)), "{what}");
    }
    drop((stays, back));

    // Nobody watched for a while: the next snapshot is of now, not of then.
    send_util(&world, &agent, 30.0).await;
    let (mut late, mut fresh) = (watch_wall(&world, None).await, Seen::default());
    fresh.take(next(&mut late).await);
    assert_eq!(fresh.util("a"), Some(30));
}

#[tokio::test]
async fn a_slow_watcher_gets_a_new_snapshot_instead_of_a_queue() {
    let world = World::new().await;
    Agent::new(&world, "a", 1).await;
    let (mut slow, mut quick) = (watch_wall(&world, None).await, watch_wall(&world, None).await);
    let (mut slow_seen, mut quick_seen) = (Seen::default(), Seen::default());
    slow_seen.take(next(&mut slow).await);
    for n in 0..40 {
        let name = format!("name {n}");
        let change = MachineUpdate { name: name.clone(), ..MachineUpdate::default() };
        machines::update(&world.platform, &world.admin.ctx(), "a", change).await.unwrap();
        quick_seen.until(&mut quick, |seen| seen.tiles.get("a").is_some_and(|tile| tile.name == name)).await;
    }
    slow_seen.until(&mut slow, |seen| seen.tiles["a"].name == "name 39").await;
    assert_eq!(slow_seen.snapshots, 2);
    assert_eq!(quick_seen.snapshots, 1);
}

#[tokio::test]
async fn one_machine_is_sent_whole() {
    let world = World::new().await;
    let agent = Agent::new(&world, "a", 1).await;
    let mut watch = metrics::watch(&world.platform, &world.admin.ctx(), "machine/a", None).await.unwrap();
    let ServerMessage::Snapshot { topic, data: LiveData::Machine(live), .. } = next(&mut watch).await else { panic!() };
    assert_eq!((topic.as_str(), live.presence), ("machine/a", Presence::NeverSeen));
    agent.send(&world, agent.node.batch(1, 1)).await.unwrap();
    loop {
        let ServerMessage::Delta { data: LiveData::Machine(live), .. } = next(&mut watch).await else { panic!() };
        if live.presence == Presence::Online {
            assert_eq!((live.host.cpu_percent, live.gpus[0].power_w), (Some(12.5), Some(350.0)));
            break;
        }
    }
}

#[tokio::test]
async fn what_was_kept_while_cut_off_is_history_and_not_news() {
    let world = World::new().await;
    let agent = Agent::new(&world, "a", 1).await;
    agent.replay(&world, minutes_ago(&world, 5), 30, 1).await;
    let live = metrics::machine_live(&world.platform, &world.admin.ctx(), "a").await.unwrap();
    assert_eq!(live.gpus[0].power_w, None);
    assert_eq!(world.number("select count(*) from gpu_samples").await, 30);
}

#[tokio::test]
async fn a_host_whose_clock_is_slow_is_online() {
    let world = World::new().await;
    let agent = Agent::new(&world, "a", 1).await;
    let at = world.clock().now().timestamp_millis() - 120_000;
    agent.send(&world, batch_of(vec![agent.node.sample(at, 1)], false)).await.unwrap();
    assert_eq!(tile(&world.platform, &world, "a").await.presence, Presence::Online);
    assert_eq!(world.get("a").await.presence, Presence::Online);
}

#[tokio::test]
async fn processes_are_put_together_over_gpus() {
    let world = World::new().await;
    let agent = Agent::new(&world, "a", 2).await;
    agent.send(&world, agent.node.batch(1, 2)).await.unwrap();
    let process = |pid, gpu, bytes| Process {
        pid,
        gpu_uuid: agent.node.gpu_uuid(gpu),
        command: Some("python3\u{1b}[31m".to_owned()),
        gpu_memory_bytes: Some(bytes),
        ..Process::default()
    };
    let at_ms = world.clock().now().timestamp_millis();
    let list = ProcessList { at_ms, processes: vec![process(7, 0, 1), process(8, 0, 50), process(7, 1, 2)] };
    // Said once, perhaps before the catalog knows the GPUs.
    metrics::report_processes(&world.platform, &agent.node.ctx(), &agent.link, list).await.unwrap();
    let live = eventually("the processes with their GPUs", async || {
        let live = metrics::machine_live(&world.platform, &world.admin.ctx(), "a").await.unwrap();
        (live.processes.last()?.gpus.len() == 2).then_some(live)
    })
    .await;
    let found: Vec<_> = live.processes.iter().map(|p| (p.pid, p.gpus.clone(), p.gpu_memory_bytes)).collect();
    assert_eq!(found, [(8, vec![0], Some(50)), (7, vec![0, 1], Some(3))]);
    assert_eq!(live.processes[0].command.as_deref(), Some("python3[31m"), "no control characters reach a page");
    // What runs on a machine that nobody has is nobody's; what runs on one that is lent is its customer's.
    let (p, ctx, acme) = (&world.platform, world.admin.ctx(), world.customer("Acme").await);
    let stray = async || {
        let live = metrics::machine_live(p, &ctx, "a").await.unwrap();
        live.processes.iter().map(|process| process.stray).collect::<Vec<_>>()
    };
    assert_eq!(stray().await, [true, true]);
    let lease = AllocationCreate { customer_id: Some(acme.id), months: Some(1), ..AllocationCreate::default() };
    let id = allocations::create(p, &ctx, "a", lease).await.unwrap().allocation.id;
    assert_eq!(stray().await, [false, false]);
    allocations::end(p, &ctx, id, AllocationEnd::default()).await.unwrap();
    assert_eq!(stray().await, [true, true], "it is being taken back, and they are still there");

    let many = ProcessList { at_ms, processes: vec![Process::default(); 513] };
    let error = metrics::report_processes(&world.platform, &agent.node.ctx(), &agent.link, many).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Validation);
}

#[tokio::test]
async fn another_server_shows_the_same_and_a_restart_remembers() {
    let world = World::new().await;
    let other = world.another_server().await;
    let stop = CancellationToken::new();
    metrics::spawn_background(&other, &stop);
    // Joined after both servers read which machines there are.
    tile_count(&world, &other, 0).await;
    let agent = Agent::new(&world, "a", 1).await;
    let mut watch = metrics::watch(&other, &world.admin.ctx(), "wall", None).await.unwrap();
    let mut seen = Seen::default();
    agent.send(&world, agent.node.batch(1, 1)).await.unwrap();
    seen.until(&mut watch, |seen| seen.util("a") == Some(50)).await;
    let live = metrics::machine_live(&other, &world.admin.ctx(), "a").await.unwrap();
    assert_eq!((live.presence, live.gpus[0].power_w), (Presence::Online, Some(350.0)));
    drop(watch);
    stop.cancel();

    world.clock().advance(TimeDelta::minutes(10));
    for (what, sql) in [("as servers left it", "select 1"), ("after a crash", "truncate machine_latest")] {
        world.execute(sql).await;
        let restarted = world.another_server().await;
        let live = metrics::machine_live(&restarted, &world.admin.ctx(), "a").await.unwrap();
        assert_eq!((live.presence, live.host.cpu_percent), (Presence::Offline, Some(12.5)), "{what}");
        assert!(
            live.at.is_some_and(|at| at < world.clock().now() - TimeDelta::minutes(9)),
            "{what}: says of when it is"
        );
    }
}

async fn tile_count(world: &World, other: &Platform, expected: usize) {
    for platform in [&world.platform, other] {
        assert_eq!(metrics::wall(platform, &world.admin.ctx()).await.unwrap().machines.len(), expected);
    }
}

#[tokio::test]
async fn the_newest_link_of_a_machine_wins_on_every_server() {
    let world = World::new().await;
    let agent = Agent::new(&world, "a", 1).await;
    let other = world.another_server().await;
    let hello = agent.node.hello();
    let second = metrics::open_link(&world.platform, &agent.node.ctx(), &hello).await.unwrap();
    assert!(agent.link.replaced.is_cancelled() && !second.replaced.is_cancelled());
    metrics::close_link(&world.platform, &agent.link).await.unwrap();
    assert_eq!(world.number("select count(*) from node_links").await, 1, "closing the older leaves the newer");

    let third = metrics::open_link(&other, &agent.node.ctx(), &hello).await.unwrap();
    tokio::time::timeout(Duration::from_secs(60), second.replaced.cancelled()).await.expect("the older server notices");
    metrics::close_link(&other, &third).await.unwrap();
    assert_eq!(world.number("select count(*) from node_links").await, 0);

    let old = node_protocol::Hello { protocol_version: 0, ..hello.clone() };
    let error = metrics::open_link(&world.platform, &agent.node.ctx(), &old).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::Validation, "error-node-upgrade-needed"));
}

#[tokio::test]
async fn a_machine_that_is_not_monitored_is_not_recorded() {
    let world = World::new().await;
    let agent = Agent::new(&world, "a", 1).await;
    let change = MachineUpdate { name: "a".to_owned(), monitored: Some(false), ..MachineUpdate::default() };
    machines::update(&world.platform, &world.admin.ctx(), "a", change).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(60), agent.link.reconfigured.cancelled()).await;
    ended.expect("the agent is sent away to learn the new setting");
    let link = metrics::open_link(&world.platform, &agent.node.ctx(), &agent.node.hello()).await.unwrap();
    assert!(!link.monitored);
    let agent = Agent { link, ..agent };
    agent.send(&world, agent.node.batch(1, 1)).await.unwrap();
    assert_eq!(world.number("select count(*) from machine_samples").await, 0);
    assert_eq!(tile(&world.platform, &world, "a").await.gpus[0].u, None);
}

#[tokio::test]
async fn a_customers_list_says_how_busy_its_machines_are() {
    let world = World::new().await;
    let p = &world.platform;
    let agent = Agent::new(&world, "busy", 2).await;
    agent.send(&world, agent.node.batch(1, 2)).await.unwrap();
    let acme = world.customer("Acme").await;
    let body = AllocationCreate { customer_id: Some(acme.id), months: Some(1), ..AllocationCreate::default() };
    let lease = allocations::create(p, &world.admin.ctx(), "busy", body).await.unwrap().allocation.id;
    let query = AllocationQuery { held: Some(true), ..AllocationQuery::default() };
    let mine = async || allocations::mine(p, &acme.owner.ctx(), &query).await.unwrap().list;
    let load = MachineLoad { util_percent: Some(51), memory_percent: Some(50) };
    assert_eq!(mine().await[0].load, Some(load));
    let without = AllocationQuery { load: Some(false), ..AllocationQuery::default() };
    let without = allocations::mine(p, &acme.owner.ctx(), &without).await.unwrap().list;
    assert_eq!((without.len(), without[0].load), (1, None), "who only follows asks for less");
    let staffs = allocations::list(p, &world.admin.ctx(), &query).await.unwrap().list;
    assert_eq!((staffs.len(), staffs[0].load), (1, None), "staff have the wall");
    // How a machine is doing is told to who has it.
    allocations::end(p, &world.admin.ctx(), lease, AllocationEnd::default()).await.unwrap();
    assert!(mine().await.iter().all(|row| row.load.is_none()));
}
