//! Instances on a real Docker Engine: they live, are found again, and what is not wanted is not there.

use contract::instances::{
    InstanceAction, InstanceCreate, InstanceEventKind, InstanceLogQuery, InstanceState, InstanceView, LogsMessage,
};
use contract::{InstanceId, MachineId};
use platform::{OpContext, engines, instances};
use test_support::{BUSYBOX, DockerEngine, TestCustomer, TestPlatform, eventually};

use crate::instances::{Shop, cards, host, named, shop, small, spec_listed};

/// An engine, and a customer who has a machine on it to use.
pub struct World {
    pub engine: DockerEngine,
    pub test: TestPlatform,
    pub acme: TestCustomer,
    pub machine: MachineId,
    pub shop: Shop,
}

impl World {
    pub async fn new() -> Self {
        Self::on(DockerEngine::start()).await
    }

    pub async fn on(engine: DockerEngine) -> Self {
        engine.import_busybox();
        let test = TestPlatform::new().await;
        let (admin, acme) = (test.admin().await, test.customer("Acme").await);
        let ctx = admin.ctx();
        let machine = host(&test, &ctx, "host-001", 1, engine.socket().to_str().unwrap()).await.machine;
        assert!(engines::test(&test.platform, &ctx, "host-001").await.unwrap().done);
        let shop = shop(&test, &ctx, BUSYBOX, small()).await;
        Self { engine, acme, machine, shop, test }
    }

    /// Its owner, now.
    pub fn mine(&self) -> OpContext {
        self.acme.owner.ctx()
    }

    /// One that does this in a shell.
    pub async fn create(&self, name: &str, script: &str) -> InstanceId {
        let command = Some(["sh", "-c", script].map(str::to_owned).into());
        let body = InstanceCreate { command, ..named(name, &self.shop) };
        instances::create(&self.test.platform, &self.mine(), body).await.unwrap().id
    }

    pub async fn act(&self, id: InstanceId, action: InstanceAction) -> InstanceView {
        instances::act(&self.test.platform, &self.mine(), id, action).await.unwrap();
        self.apply(id).await
    }

    pub async fn apply(&self, id: InstanceId) -> InstanceView {
        instances::apply(&self.test.platform, id).await.unwrap();
        self.get(id).await
    }

    pub async fn look(&self) {
        instances::look(&self.test.platform, self.machine).await.unwrap();
    }

    pub async fn get(&self, id: InstanceId) -> InstanceView {
        instances::get(&self.test.platform, &self.mine(), id).await.unwrap()
    }

    pub async fn said(&self, id: InstanceId) -> Vec<String> {
        let lines = instances::logs(&self.test.platform, &self.mine(), id, &InstanceLogQuery::default()).await.unwrap();
        lines.lines.into_iter().map(|line| line.text).collect()
    }

    pub async fn kinds(&self, id: InstanceId) -> Vec<InstanceEventKind> {
        let events = instances::events(&self.test.platform, &self.mine(), id).await.unwrap();
        events.into_iter().rev().map(|event| event.kind).collect()
    }

    /// What is on the engine: its containers and volumes as it lists them.
    pub fn there(&self) -> (usize, usize) {
        let count = |path: &str, of: &str| {
            let (status, body) = self.engine.ask("GET", path, "application/json", b"");
            assert_eq!(status, 200, "{body}");
            let value: serde_json::Value = serde_json::from_str(&body).unwrap();
            let list = if of.is_empty() { &value } else { &value[of] };
            list.as_array().map_or(0, Vec::len)
        };
        (count("/containers/json?all=1", ""), count("/volumes", "Volumes"))
    }
}

#[tokio::test]
async fn an_instance_lives_and_its_data_survives_its_container() {
    use InstanceEventKind as E;
    use InstanceState as S;
    let world = World::new().await;
    let id = world.create("one", "echo $SECRET >> /data/log; cat /data/log; exec sleep 600").await;
    let made = world.apply(id).await;
    assert_eq!((made.state, made.failure), (S::Running, None));
    assert_eq!(world.there(), (1, 1));
    world.apply(id).await;
    assert_eq!(world.there(), (1, 1), "a job may run twice");
    eventually("it says something", async || (world.said(id).await == ["s3cret"]).then_some(())).await;
    let used = instances::stats(&world.test.platform, &world.mine(), id).await.unwrap();
    assert_eq!(used.memory_limit, Some(1 << 30));
    assert!(used.cpu_percent.is_some() && used.memory_usage > Some(0) && used.pids > Some(0), "{used:?}");
    let stopped = world.act(id, InstanceAction::Stop).await;
    let none = instances::stats(&world.test.platform, &world.mine(), id).await.unwrap_err();
    assert_eq!((none.code, none.key), (contract::ErrorCode::WrongState, "error-instance-state"));
    assert_eq!((stopped.state, stopped.holds), (S::Stopped, true));
    assert!(stopped.exit_code.is_some() && stopped.ended_at.is_some());
    world.look().await;
    assert_eq!(world.get(id).await.state, S::Stopped, "what was stopped stays stopped");
    assert_eq!(world.act(id, InstanceAction::Start).await.state, S::Running);
    let before = world.get(id).await.started_at;
    let again = world.act(id, InstanceAction::Restart).await;
    assert!(again.state == S::Running && again.started_at > before);
    // Who looks finds what was known already, and says nothing of it.
    world.look().await;
    // Somebody takes it away at the machine.
    let (_, list) = world.engine.ask("GET", "/containers/json?all=1", "application/json", b"");
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let path = format!("/containers/{}?force=1", list[0]["Id"].as_str().unwrap());
    assert_eq!(world.engine.ask("DELETE", &path, "application/json", b"").0, 204);
    world.look().await;
    assert_eq!(world.get(id).await.state, S::Starting);
    assert_eq!(world.apply(id).await.state, S::Running);
    eventually("its data is there", async || (world.said(id).await.len() == 4).then_some(())).await;
    let told = "select count(*) from notifications where args::text like '%again%'";
    let told: i64 = sqlx::query_scalar(told).fetch_one(world.test.owner_pool()).await.unwrap();
    assert_eq!(told, 1, "what was written elsewhere went with it");
    let gone = world.act(id, InstanceAction::Delete).await;
    assert_eq!((gone.state, gone.holds, world.there()), (S::Deleted, false, (0, 0)));
    // What it said last is kept, and how it ended.
    assert_eq!(world.said(id).await.len(), 4);
    assert_eq!(gone.exit_code, Some(143));
    let expected = [
        E::Created,
        E::Made,
        E::StopWanted,
        E::Stopped,
        E::StartWanted,
        E::Started,
        E::RestartWanted,
        E::Restarted,
        E::Missing,
        E::Made,
        E::DeleteWanted,
        E::Deleted,
    ];
    assert_eq!(world.kinds(id).await, expected);
}

#[tokio::test]
async fn ports_are_the_machines_own_and_a_customer_has_one_network() {
    let world = World::new().await;
    let platform = &world.test.platform;
    let command = Some(["sh", "-c", "mkdir /www; echo it is here > /www/index.html; exec httpd -f -p 8080 -h /www"]);
    let command = command.map(|words| words.map(str::to_owned).into());
    let body = InstanceCreate { command, ports: vec![8080], ..named("web", &world.shop) };
    let web = instances::create(platform, &world.mine(), body).await.unwrap().id;
    assert_eq!(world.apply(web).await.state, InstanceState::Running);
    let other = world.create("other", "exec sleep 600").await;
    assert_eq!(world.apply(other).await.state, InstanceState::Running);
    let networks = || {
        let (_, body) = world.engine.ask("GET", "/networks", "application/json", b"");
        let list: Vec<serde_json::Value> = serde_json::from_str(&body).unwrap();
        list.iter().filter(|it| it["Driver"] == "bridge").count()
    };
    assert_eq!(networks(), 1, "one for both");
    assert_eq!(world.get(web).await.ports[0].host_port, None, "where it is on the machine is for staff");
    let staff = world.test.admin().await.ctx();
    let reach = async || {
        let port = instances::get_any(platform, &staff, web).await.unwrap().ports[0];
        assert_eq!(port.port, 8080);
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port.host_port?)).await.ok()?;
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET / HTTP/1.0\r\n\r\n").await.ok()?;
        let mut text = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut text).await.ok()?;
        text.contains("it is here").then_some(())
    };
    eventually("it is reached over the machine's own address", reach).await;
    let (_, list) = world.engine.ask("GET", "/containers/json", "application/json", b"");
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let published: Vec<_> = list.as_array().unwrap().iter().flat_map(|it| it["Ports"].as_array().unwrap()).collect();
    assert!(published.len() == 1 && published[0]["IP"] == "127.0.0.1", "{published:?}");
    for id in [web, other] {
        world.act(id, InstanceAction::Stop).await;
        world.look().await;
        assert_eq!(networks(), 1, "it is needed to start again");
        assert_eq!(world.act(id, InstanceAction::Delete).await.state, InstanceState::Deleted);
    }
    assert_eq!(networks(), 0);
}

#[tokio::test]
async fn what_the_kernel_ended_for_its_memory_is_told_from_what_was_killed() {
    let world = World::new().await;
    let eats = world.create("eats", "exec tail /dev/zero").await;
    world.apply(eats).await;
    let failed = eventually("it is given up", async || {
        world.look().await;
        let view = world.get(eats).await;
        (view.state == InstanceState::Failed).then_some(view)
    });
    let failed = failed.await;
    assert_eq!((failed.failure.as_deref(), failed.out_of_memory), (Some("out-of-memory"), true));
    world.act(eats, InstanceAction::Delete).await;
    let killed = world.create("killed", "echo here; exec sleep 600").await;
    world.apply(killed).await;
    let (_, list) = world.engine.ask("GET", "/containers/json", "application/json", b"");
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let path = format!("/containers/{}/kill?signal=KILL", list[0]["Id"].as_str().unwrap());
    assert_eq!(world.engine.ask("POST", &path, "application/json", b"").0, 204);
    eventually("it is seen to have ended, and why", async || {
        world.look().await;
        let events = instances::events(&world.test.platform, &world.mine(), killed).await.unwrap();
        let ended = events.into_iter().find(|event| event.kind == InstanceEventKind::Ended)?;
        let told = (ended.exit_code, ended.reason.as_deref(), ended.message.is_some());
        (told == (Some(137), Some("killed"), true)).then_some(())
    })
    .await;
    // What it said goes on after a mark, and is kept when it is deleted.
    let (platform, mine) = (&world.test.platform, world.mine());
    let first = instances::logs(platform, &mine, killed, &InstanceLogQuery::default()).await.unwrap();
    assert_eq!((first.lines.len(), first.more, first.kept_at), (1, false, None));
    assert_eq!(world.apply(killed).await.state, InstanceState::Running);
    let after = InstanceLogQuery { after: first.mark, ..InstanceLogQuery::default() };
    let next = eventually("it says it again", async || {
        let next = instances::logs(platform, &mine, killed, &after).await.unwrap();
        (!next.lines.is_empty()).then_some(next)
    });
    let next = next.await;
    assert_eq!(next.lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["here"]);
    let none = InstanceLogQuery { after: Some("x".to_owned()), ..InstanceLogQuery::default() };
    assert_eq!(instances::logs(platform, &mine, killed, &none).await.unwrap_err().fields[0].key, "field-log-mark");
    let gone = world.act(killed, InstanceAction::Delete).await;
    assert_eq!((gone.state, gone.exit_code), (InstanceState::Deleted, Some(143)));
    let kept = instances::logs(platform, &mine, killed, &InstanceLogQuery::default()).await.unwrap();
    assert!(kept.lines.len() == 2 && kept.kept_at.is_some() && kept.mark.is_none(), "{kept:?}");
    // Staff say why they read it, and its customer hears of it.
    let staff = world.test.admin().await.ctx();
    let reason = |reason: &str| contract::instances::StaffLogQuery { reason: reason.to_owned(), ..Default::default() };
    let refused = instances::logs_of_any(platform, &staff, killed, reason(" ")).await.unwrap_err();
    assert_eq!(refused.fields[0].path, "reason");
    assert_eq!(instances::logs_of_any(platform, &staff, killed, reason("they asked")).await.unwrap().lines, kept.lines);
    let told =
        "select count(*) from audit_events where action = 'instances:read-logs' and after->>'reason' = 'they asked'
                and customer_id is not null";
    let told: i64 = sqlx::query_scalar(told).fetch_one(world.test.owner_pool()).await.unwrap();
    assert_eq!(told, 1);
    // And is not kept for ever, nor is what is known of a shell.
    let shell =
        "insert into terminals (id, instance_id, customer_id, user_id, server_id, opened_at, used_at, lease_until,
                                        ended_at, reason)
                 select gen_random_uuid(), id, customer_id, created_by, gen_random_uuid(), $1, $1, $1, $1, 'exited'
                 from instances";
    sqlx::query(shell).bind(mine.now()).execute(world.test.owner_pool()).await.unwrap();
    world.test.clock().advance(chrono::TimeDelta::days(91));
    instances::clean(platform).await.unwrap();
    assert!(world.said(killed).await.is_empty());
    let shells: i64 =
        sqlx::query_scalar("select count(*) from terminals").fetch_one(world.test.owner_pool()).await.unwrap();
    assert_eq!(shells, 0);
}

#[tokio::test]
async fn how_a_program_ended_is_told_also_where_its_engine_started_it_again() {
    let world = World::new().await;
    let script = "[ -e /data/again ] && exec sleep 600; touch /data/again; sleep 1; kill -9 $$";
    let dies = world.create("dies", script).await;
    world.apply(dies).await;
    let ended = eventually("its end is told", async || {
        world.look().await;
        let events = instances::events(&world.test.platform, &world.mine(), dies).await.unwrap();
        events.into_iter().find(|event| event.kind == InstanceEventKind::Ended)
    });
    let ended = ended.await;
    assert_eq!((ended.exit_code, ended.reason.as_deref()), (Some(137), Some("killed")), "{ended:?}");
    assert!(ended.message.is_some() && ended.actor.is_empty());
    world.look().await;
    assert_eq!(world.get(dies).await.state, InstanceState::Running, "its engine started it again");
    let ends = world.kinds(dies).await.into_iter().filter(|kind| *kind == InstanceEventKind::Ended).count();
    assert_eq!(ends, 1, "once");
}

#[tokio::test]
async fn a_data_disk_that_is_gone_is_not_replaced_unasked() {
    let world = World::new().await;
    let (platform, staff) = (&world.test.platform, world.test.operator("guard").await);
    let id = world.create("one", "echo here >> /data/log; cat /data/log; exec sleep 600").await;
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
    let early = instances::renew_data(platform, &world.mine(), id).await.unwrap_err();
    assert_eq!((early.code, early.key), (contract::ErrorCode::WrongState, "error-instance-data-there"));
    // By another one it is seen that this is the engine it was.
    let stays = world.create("stays", "exec sleep 600").await;
    assert_eq!(world.apply(stays).await.state, InstanceState::Running);
    // Somebody takes all of it away at the machine.
    let ask = |method: &str, path: &str| world.engine.ask(method, path, "application/json", b"");
    let own = |list: &serde_json::Value| {
        let own = |one: &&serde_json::Value| one["Labels"]["remotegpu.instance"] == id.to_string().as_str();
        list.as_array().unwrap().iter().find(own).expect("it has one").clone()
    };
    let list: serde_json::Value = serde_json::from_str(&ask("GET", "/containers/json?all=1").1).unwrap();
    assert_eq!(ask("DELETE", &format!("/containers/{}?force=1", own(&list)["Id"].as_str().unwrap())).0, 204);
    let list: serde_json::Value = serde_json::from_str(&ask("GET", "/volumes").1).unwrap();
    assert_eq!(ask("DELETE", &format!("/volumes/{}", own(&list["Volumes"])["Name"].as_str().unwrap())).0, 204);
    world.look().await;
    let failed = world.apply(id).await;
    assert_eq!((failed.state, failed.failure.as_deref()), (InstanceState::Failed, Some("data-gone")));
    assert!(failed.message.is_some() && failed.holds);
    assert_eq!(world.there(), (1, 1), "nothing is put in its place");
    let told = "select count(*) from notifications where kind = 'instance-failed' and args::text like '%data-gone%'
                and user_id = $1";
    for person in [world.acme.owner.id, staff.id] {
        let told: i64 = sqlx::query_scalar(told).bind(person.0).fetch_one(world.test.owner_pool()).await.unwrap();
        assert_eq!(told, 1);
    }
    // To start it tries again, and says so again.
    assert_eq!(world.act(id, InstanceAction::Start).await.failure.as_deref(), Some("data-gone"));
    let stranger = instances::renew_data(platform, &world.acme.member.ctx(), id).await.unwrap_err();
    assert_eq!(stranger.code, contract::ErrorCode::NotFound);
    instances::renew_data(platform, &world.mine(), id).await.unwrap();
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
    assert_eq!(world.there(), (2, 2));
    eventually("it began anew", async || (world.said(id).await == ["here"]).then_some(())).await;
    let events = instances::events(platform, &world.mine(), id).await.unwrap();
    assert_eq!((events[0].kind, events[0].reason.as_deref()), (InstanceEventKind::Made, Some("data-empty")));
}

#[tokio::test]
async fn why_it_failed_is_told() {
    let world = World::new().await;
    // There is no runtime for GPUs here.
    let spec = spec_listed(&world.test, &world.test.admin().await.ctx(), cards("One card", 1)).await;
    let command = Some(vec!["true".to_owned()]);
    let body = InstanceCreate { command, ..named("none", &Shop { spec, ..world.shop }) };
    let none = instances::create(&world.test.platform, &world.mine(), body).await.unwrap().id;
    let none = world.apply(none).await;
    assert_eq!((none.state, none.failure.as_deref(), none.holds), (InstanceState::Failed, Some("gpu-runtime"), false));
    assert!(none.message.is_some() && none.detail.is_some());
    assert_eq!(world.there(), (0, 0), "nothing is left of what could not be started");
    let ends = world.create("ends", "exit 3").await;
    world.apply(ends).await;
    let failed = eventually("it is given up", async || {
        world.look().await;
        let view = world.get(ends).await;
        (view.state == InstanceState::Failed).then_some(view)
    });
    let failed = failed.await;
    assert_eq!((failed.failure.as_deref(), failed.exit_code, failed.holds), (Some("keeps-ending"), Some(3), true));
    assert!(failed.message.is_some());
}

#[tokio::test]
async fn a_dead_engine_loses_nothing() {
    let mut world = World::new().await;
    let runs = world.create("runs", "exec sleep 600").await;
    let stops = world.create("stops", "exec sleep 600").await;
    for id in [runs, stops] {
        assert_eq!(world.apply(id).await.state, InstanceState::Running);
    }
    world.act(stops, InstanceAction::Stop).await;
    world.engine.kill();
    world.look().await;
    for id in [runs, stops] {
        assert_eq!(world.get(id).await.state, InstanceState::Lost);
    }
    // What is wanted meanwhile is done when it is back.
    let wanted = world.act(stops, InstanceAction::Delete).await;
    assert_eq!(wanted.state, InstanceState::Deleting);
    world.engine.start_again();
    eventually("all is as it was", async || {
        world.look().await;
        // An engine that was killed starts again what ran, or says that it ended: then a worker does.
        for id in [runs, stops] {
            world.apply(id).await;
        }
        let (runs, stops) = (world.get(runs).await, world.get(stops).await);
        (runs.state == InstanceState::Running && stops.state == InstanceState::Deleted).then_some(())
    })
    .await;
    assert_eq!(world.there().0, 1);
    let kinds = world.kinds(runs).await;
    assert!(kinds.contains(&InstanceEventKind::Lost) && kinds.contains(&InstanceEventKind::Found), "{kinds:?}");
}

#[tokio::test]
async fn looks_come_round_and_leave_nothing_in_the_queue() {
    let world = World::new().await;
    let id = world.create("one", "exec sleep 600").await;
    let stop = tokio_util::sync::CancellationToken::new();
    let looking = tokio::spawn(instances::keep_looking(world.test.platform.clone(), stop.clone()));
    eventually("a look finds it unsettled and brings it on", async || {
        (world.get(id).await.state == InstanceState::Running).then_some(())
    })
    .await;
    let number =
        async |sql: &'static str| -> i64 { sqlx::query_scalar(sql).fetch_one(world.test.owner_pool()).await.unwrap() };
    eventually("it is looked at again and answers", async || {
        let sql =
            "select count(*) from engine_looks where answered_at is not null and lease_token is null and fault is null";
        (number(sql).await == 1).then_some(())
    })
    .await;
    // The one job is what making it asked for; nobody works on jobs here.
    assert_eq!(number("select count(*) from jobs where kind like 'instance%'").await, 1);
    assert_eq!(number("select count(*) from finished_jobs").await, 0);
    stop.cancel();
    looking.await.unwrap();
}

#[tokio::test]
async fn one_worker_at_a_time_and_a_dead_ones_work_is_taken_over() {
    let world = World::new().await;
    let id = world.create("one", "exec sleep 600").await;
    let lease = async |until: &str| {
        let sql = format!("update instances set lease_token = gen_random_uuid(), lease_until = now() {until}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(world.test.owner_pool()).await.unwrap();
    };
    lease("+ interval '1 minute'").await;
    assert_eq!(world.apply(id).await.state, InstanceState::Creating, "another worker is at it");
    lease("- interval '1 second'").await;
    assert_eq!(world.apply(id).await.state, InstanceState::Running, "that one is dead");
}

#[tokio::test]
async fn a_line_that_is_cut_says_so_and_of_a_progress_the_newest_is_kept() {
    let world = World::new().await;
    let script = r"head -c 100000 /dev/zero | tr '\0' x; echo; \
                   for i in $(seq 3000); do printf '\r%s %%' $i; done; echo; exec sleep 600";
    let id = world.create("long", script).await;
    world.apply(id).await;
    let lines = eventually("it has said both", async || {
        let said =
            instances::logs(&world.test.platform, &world.mine(), id, &InstanceLogQuery::default()).await.unwrap();
        (said.lines.len() == 2).then_some(said.lines)
    });
    let lines = lines.await;
    assert_eq!((lines[0].text.as_str(), lines[0].cut), ("x".repeat(8192).as_str(), true));
    let progress = &lines[1];
    assert!(
        progress.text.ends_with("\r2999 %\r3000 %") && progress.text.len() <= 8192 && !progress.cut,
        "{progress:?}"
    );
}

/// Of a line without an end an engine tells what fills 16 KiB: that is shown, and the whole line takes its place.
#[tokio::test]
async fn a_progress_bar_is_seen_before_its_line_ends() {
    let world = World::new().await;
    let script = r"echo begin; for i in $(seq 3000); do printf '\r%s %%' $i; done; exec sleep 600";
    let id = world.create("bar", script).await;
    world.apply(id).await;
    let (platform, mine, query) = (&world.test.platform, world.mine(), InstanceLogQuery::default());
    let said = eventually("it is at it", async || {
        let said = instances::logs(platform, &mine, id, &query).await.unwrap();
        (!said.unfinished.is_empty()).then_some(said)
    });
    let said = said.await;
    assert_eq!(said.lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["begin"]);
    assert!(said.unfinished.len() == 1 && said.unfinished[0].text.contains(" %\r"), "{:?}", said.unfinished);

    let mut watch = instances::watch_logs(platform, &mine, id, &query).await.unwrap();
    let first = watch.next().await.unwrap();
    assert!(first.contains("\"unfinished\":[{"), "{first}");
    world.act(id, InstanceAction::Stop).await;
    loop {
        let next = tokio::time::timeout(std::time::Duration::from_secs(30), watch.next());
        let text = next.await.expect("the line ends with its container").unwrap();
        let LogsMessage::Delta { data, .. } = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
        let Some(line) = data.lines.last() else { continue };
        assert!(line.text.ends_with("\r2999 %\r3000 %") && data.unfinished.is_empty(), "{text}");
        break;
    }
}

/// What the follower hears: whether it begins anew, its lines, and the mark to go on after.
async fn heard(watch: &mut instances::LogWatch) -> Option<(bool, Vec<String>, Option<String>)> {
    let next = tokio::time::timeout(std::time::Duration::from_secs(30), watch.next());
    let text = next.await.expect("something is said within half a minute")?;
    let (anew, logs) = match serde_json::from_str(&text).unwrap() {
        LogsMessage::Snapshot { seq, data, .. } => (seq == 0, data),
        LogsMessage::Delta { data, .. } => (false, data),
    };
    Some((anew, logs.lines.into_iter().map(|line| line.text).collect(), logs.mark))
}

/// Who follows hears every line once: from the end that was there, through a stop and a start, and another server from the
/// mark on.
#[tokio::test]
async fn who_follows_what_an_instance_says_misses_no_line_and_hears_none_twice() {
    let world = World::new().await;
    let script = "i=0; while sleep 0.01; do i=$((i+1)); echo line $i; done";
    let id = world.create("talks", script).await;
    let (platform, mine) = (&world.test.platform, world.mine());
    let all = InstanceLogQuery { tail: Some(contract::instances::MAX_LOG_LINES), after: None };
    let mut watch = instances::watch_logs(platform, &mine, id, &all).await.unwrap();
    assert_eq!(heard(&mut watch).await.unwrap(), (true, Vec::new(), None), "nothing was said yet");
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
    let mut lines = Vec::new();
    let mut mark = None;
    while lines.len() < 100 {
        let (anew, more, now) = heard(&mut watch).await.unwrap();
        assert!(!anew);
        lines.extend(more);
        mark = now;
    }
    let expected: Vec<String> = (1..=lines.len()).map(|n| format!("line {n}")).collect();
    assert_eq!(lines, expected);

    // Another server, where the first is no more.
    let since = InstanceLogQuery { tail: None, after: mark };
    drop(watch);
    let mut watch = instances::watch_logs(platform, &mine, id, &since).await.unwrap();
    while lines.len() < 200 {
        lines.extend(heard(&mut watch).await.unwrap().1);
    }
    let expected: Vec<String> = (1..=lines.len()).map(|n| format!("line {n}")).collect();
    assert_eq!(lines, expected);

    // It begins to count again; nothing of either time is missing.
    world.act(id, InstanceAction::Stop).await;
    world.act(id, InstanceAction::Start).await;
    let first = lines.len();
    while lines.iter().skip(first).filter(|line| *line == "line 5").count() == 0 {
        lines.extend(heard(&mut watch).await.unwrap().1);
    }
    let anew = lines.iter().rposition(|line| line == "line 1").unwrap();
    let expected: Vec<String> = (1..=anew).chain(1..=lines.len() - anew).map(|n| format!("line {n}")).collect();
    assert_eq!(lines, expected);

    world.act(id, InstanceAction::Delete).await;
    while heard(&mut watch).await.is_some() {}
    let late = instances::watch_logs(platform, &world.acme.member.ctx(), id, &all).await.err().unwrap();
    assert_eq!(late.code, contract::ErrorCode::NotFound, "it is the owner's");
}
