//! What is left where it was: instances when another engine answers in the place of theirs, shells when their server is gone.

use contract::engines::{EngineKind, EngineWrite};
use contract::instances::{InstanceEventKind, InstanceState};
use contract::{ErrorCode, InstanceId};
use platform::{engines, instances};
use runtime::docker::FaultKind;
use test_support::{DockerEngine, TestPlatform, eventually};

use crate::instances::{host, named, shop, small, tested};
use crate::instances_on_engine::World;

/// How an engine is reached here.
fn socket_of(engine: &DockerEngine) -> EngineWrite {
    let socket = engine.socket().to_str().map(str::to_owned);
    EngineWrite { socket, ..EngineWrite::new(EngineKind::Local) }
}

#[tokio::test]
async fn nothing_is_done_on_an_engine_that_answers_in_anothers_place() {
    let world = World::new().await;
    let id = world.create("one", "echo a >> /data/log; cat /data/log; exec sleep 600").await;
    let before = world.apply(id).await;
    let other = DockerEngine::start();
    other.import_busybox();
    let (platform, ctx) = (&world.test.platform, world.test.admin().await.ctx());
    let set = async |body: EngineWrite| engines::set(platform, &ctx, "host-001", body).await;
    let on_other = || {
        let (_, list) = other.ask("GET", "/containers/json?all=1", "application/json", b"");
        serde_json::from_str::<Vec<serde_json::Value>>(&list).unwrap().len()
    };

    let refused = set(socket_of(&other)).await.unwrap_err();
    assert_eq!((refused.fields[0].path, refused.fields[0].key), ("otherEngine", "field-other-engine"));
    set(EngineWrite { other_engine: true, ..socket_of(&other) }).await.unwrap();
    for _ in 0..2 {
        let looked = instances::look(platform, world.machine).await.unwrap();
        assert_eq!(looked.fault, Some(FaultKind::OtherEngine));
    }
    let lost = world.apply(id).await;
    assert_eq!((lost.state, on_other()), (InstanceState::Lost, 0));
    assert!(lost.message.is_some_and(|message| message.contains("Docker")), "it is said why");
    let told =
        "select max(n) from (select count(*) n from notifications where kind = 'engine-other' group by user_id) t";
    let told: i64 = sqlx::query_scalar(told).fetch_one(world.test.owner_pool()).await.unwrap();
    assert_eq!(told, 1, "once, and not with every look");
    assert!(engines::get(platform, &ctx, "host-001").await.unwrap().other_since.is_some());
    assert_eq!(engines::test(platform, &ctx, "host-001").await.unwrap().fault.as_deref(), Some("other-engine"));

    // The first again: nobody is asked, and what is there was there all the time.
    set(socket_of(&world.engine)).await.unwrap();
    world.look().await;
    let found = world.get(id).await;
    assert_eq!((found.state, found.started_at, world.there()), (InstanceState::Running, before.started_at, (1, 1)));
    assert!(!world.kinds(id).await.contains(&InstanceEventKind::Missing));
    assert!(engines::get(platform, &ctx, "host-001").await.unwrap().other_since.is_none());
    assert_eq!(found.message, None);
    let none = engines::accept_other(platform, &ctx, "host-001").await.unwrap_err();
    assert_eq!((none.code, none.key), (ErrorCode::WrongState, "error-no-other-engine"));

    // Staff go on with the other one: there it is made anew, and what was on the first is left alone.
    set(EngineWrite { other_engine: true, ..socket_of(&other) }).await.unwrap();
    world.look().await;
    engines::accept_other(platform, &ctx, "host-001").await.unwrap();
    world.look().await;
    assert_eq!((world.apply(id).await.state, on_other()), (InstanceState::Running, 1));
    eventually("its volume is an empty one", async || (world.said(id).await == ["a"]).then_some(())).await;
    assert_eq!(world.there(), (1, 1));
    world.look().await;
    assert_eq!(world.get(id).await.state, InstanceState::Running);
}

/// A shell in an instance whose server said so long ago that it has it; its id.
async fn left(test: &TestPlatform, instance: InstanceId, ago: &str) -> String {
    let left =
        "insert into terminals (id, instance_id, customer_id, user_id, server_id, opened_at, used_at, lease_until)
                select gen_random_uuid(), id, customer_id, created_by, gen_random_uuid(), now(), now(),
                       now() - $1::text::interval
                from instances where id = $2 returning id::text";
    sqlx::query_scalar(left).bind(ago).bind(instance.0).fetch_one(test.owner_pool()).await.unwrap()
}

#[tokio::test]
async fn a_shell_whose_server_died_is_ended_without_anybody_coming() {
    let world = World::new().await;
    let id = world.create("one", "exec sleep 600").await;
    world.apply(id).await;
    let ask = |method: &str, path: &str, body: serde_json::Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = world.engine.ask(method, path, "application/json", body.as_bytes());
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        serde_json::from_str::<serde_json::Value>(&answer).unwrap_or_default()
    };
    let left = async |ago| left(&world.test, id, ago).await;
    let (dead, late) = (left("5 minutes").await, left("5 seconds").await);
    let container = ask("GET", "/containers/json", serde_json::Value::Null)[0]["Id"].as_str().unwrap().to_owned();
    let shells = [&dead, &late].map(|mark| {
        let env = [format!("REMOTEGPU_TERMINAL={mark}")];
        let body = serde_json::json!({ "Cmd": ["sleep", "600"], "Tty": true, "Env": env });
        let shell = ask("POST", &format!("/containers/{container}/exec"), body)["Id"].as_str().unwrap().to_owned();
        let start = serde_json::json!({ "Detach": true, "Tty": true });
        ask("POST", &format!("/exec/{shell}/start"), start);
        shell
    });
    let runs = |shell: &str| ask("GET", &format!("/exec/{shell}/json"), serde_json::Value::Null)["Running"] == true;
    assert!(shells.iter().all(|shell| runs(shell)));

    let platform = &world.test.platform;
    assert_eq!(instances::end_orphaned_terminals(platform).await.unwrap(), 1);
    eventually("it is hung up", async || (!runs(&shells[0])).then_some(())).await;
    assert!(runs(&shells[1]), "whoever has this one may only be late");
    assert_eq!(instances::end_orphaned_terminals(platform).await.unwrap(), 0);
    let ended = "select id::text || ' ' || reason from terminals where ended_at is not null";
    let ended: Vec<String> = sqlx::query_scalar(ended).fetch_all(world.test.owner_pool()).await.unwrap();
    assert_eq!(ended, [format!("{dead} server")]);
    let told =
        "select count(*) from audit_events where action = 'instances:end-terminal' and after->>'reason' = 'server'";
    let told: i64 = sqlx::query_scalar(told).fetch_one(world.test.owner_pool()).await.unwrap();
    assert_eq!(told, 1);
}

#[tokio::test]
async fn what_keeps_one_shell_that_is_left_keeps_no_other() {
    let test = TestPlatform::new().await;
    let (admin, acme, platform) = (test.admin().await, test.customer("Acme").await, &test.platform);
    host(&test, &admin.ctx(), "host-001", 1, "/nonexistent/docker.sock").await;
    tested(&test, "host-001").await;
    let shop = shop(&test, &admin.ctx(), "library/small:1", small()).await;
    let make = async |name| {
        let id = instances::create(platform, &acme.owner.ctx(), named(name, &shop)).await.unwrap().id;
        left(&test, id, "5 minutes").await
    };
    let (broken, silent, good) = (make("broken").await, make("silent").await, make("good").await);
    let change = async |statement: &'static str, of: &str| {
        let done = sqlx::query(statement).bind(of).execute(test.owner_pool()).await.unwrap();
        assert_eq!(done.rows_affected(), 1);
    };
    let over = async || -> Vec<String> {
        let over =
            "select id::text from terminals where ended_at is not null and hung_up_at is not null order by hung_up_at";
        sqlx::query_scalar(over).fetch_all(test.owner_pool()).await.unwrap()
    };
    let sweep = async || instances::end_orphaned_terminals(platform).await.unwrap();

    // Of these one does not read, and one is at an engine that does not answer.
    change(
        "update instances i set spec = spec - 'cpuCores' from terminals t where i.id = t.instance_id and t.id::text = $1",
        &broken,
    )
    .await;
    change(
        "update instances i set container_id = 'c1' from terminals t where i.id = t.instance_id and t.id::text = $1",
        &silent,
    )
    .await;
    assert_eq!((sweep().await, over().await), (1, vec![good.clone()]));
    change(
        r#"update instances i set spec = spec || '{"cpuCores": 1}' from terminals t
           where i.id = t.instance_id and t.id::text = $1"#,
        &broken,
    )
    .await;
    assert_eq!(sweep().await, 0, "what was tried is left alone for a while");
    change("update terminals set hang_up_at = now() - interval '1 second' where id::text = $1", &broken).await;
    assert_eq!((sweep().await, over().await), (1, vec![good.clone(), broken]));
    // One that ended, and its engine did not hear it.
    change("update terminals set hung_up_at = null, hang_up_at = null where id::text = $1", &good).await;
    assert_eq!(sweep().await, 1);
}
