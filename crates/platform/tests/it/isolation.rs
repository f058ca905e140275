//! Customers on one host: their instances do not reach each other, on an engine that sets the firewall as on a host.

use contract::instances::{InstanceAction, InstanceCreate, InstanceState};
use contract::{CustomerId, InstanceId};
use platform::{OpContext, instances};
use test_support::{DockerEngine, eventually};

use crate::instances::{named, tested};
use crate::instances_on_engine::World;

/// A container as its engine tells of it.
struct Found {
    id: String,
    address: String,
    gateway: String,
}

/// One that serves on 8080, which is published.
async fn serving(world: &World, ctx: &OpContext, name: &str) -> InstanceId {
    let script = "mkdir /www; exec httpd -f -p 8080 -h /www";
    let command = Some(["sh", "-c", script].map(str::to_owned).into());
    let body = InstanceCreate { command, ports: vec![8080], ..named(name, &world.shop) };
    let id = instances::create(&world.test.platform, ctx, body).await.unwrap().id;
    instances::apply(&world.test.platform, id).await.unwrap();
    assert_eq!(instances::get(&world.test.platform, ctx, id).await.unwrap().state, InstanceState::Running);
    id
}

fn found(world: &World, id: InstanceId) -> Found {
    let (_, list) = world.engine.ask("GET", "/containers/json", "application/json", b"");
    let list: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
    let one = list.iter().find(|it| it["Labels"]["remotegpu.instance"] == id.to_string().as_str()).unwrap();
    let network = one["NetworkSettings"]["Networks"].as_object().unwrap().values().next().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    Found { id: text(&one["Id"]), address: text(&network["IPAddress"]), gateway: text(&network["Gateway"]) }
}

/// Whose networks there are, in their labels.
fn networks(world: &World) -> Vec<String> {
    let (_, list) = world.engine.ask("GET", "/networks", "application/json", b"");
    let list: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
    let mut owners: Vec<_> =
        list.iter().filter_map(|it| it["Labels"]["remotegpu.owner"].as_str().map(str::to_owned)).collect();
    owners.sort();
    owners
}

fn label(customer: CustomerId) -> String {
    format!("customer-{customer}")
}

#[tokio::test]
async fn instances_of_two_customers_do_not_reach_each_other_and_those_of_one_do() {
    let world = World::on(DockerEngine::start_walled()).await;
    let platform = &world.test.platform;
    // Four cores are more than where tests run may have.
    tested(&world.test, "host-001").await;
    let globex = world.test.customer("Globex").await;
    let theirs = globex.owner.ctx();
    let (first, second) = (serving(&world, &world.mine(), "one").await, serving(&world, &world.mine(), "two").await);
    let (third, fourth) = (serving(&world, &theirs, "one").await, serving(&world, &theirs, "two").await);
    let [one, two, three, four] = [first, second, third, fourth].map(|id| found(&world, id));
    let mut expected = vec![label(world.acme.id), label(globex.id)];
    expected.sort();
    assert_eq!(networks(&world), expected);

    let reaches = |from: &Found, address: &str, port: u16| world.engine.reaches(Some(&from.id), address, port);
    for (from, to) in [(&one, &two), (&two, &one), (&three, &four), (&four, &three)] {
        eventually("those of one customer reach each other", async || reaches(from, &to.address, 8080).then_some(()))
            .await;
    }
    // What listens is known by now: who does not reach it is kept from it.
    for (from, to) in [(&one, &three), (&three, &one), (&two, &four), (&four, &two)] {
        assert!(!reaches(from, &to.address, 8080), "{} reaches {}", from.address, to.address);
    }

    // What is published is the host's own: no container gets at it, by whatever address of the host.
    let staff = world.test.admin().await.ctx();
    let port = instances::get_any(platform, &staff, third).await.unwrap().ports[0].host_port.unwrap();
    eventually("the host reaches what is published", async || {
        world.engine.reaches(None, "127.0.0.1", port).then_some(())
    })
    .await;
    for from in [&one, &four] {
        for address in [&one.gateway, &three.gateway, "127.0.0.1"] {
            assert!(!reaches(from, address, port), "{} reaches {address}:{port}", from.address);
        }
    }

    // A network goes with its customer's last instance there, and no other's does.
    for (id, ctx) in [(third, &theirs), (fourth, &theirs)] {
        instances::act(platform, ctx, id, InstanceAction::Delete).await.unwrap();
        instances::apply(platform, id).await.unwrap();
    }
    assert_eq!(networks(&world), [label(world.acme.id)]);
    for id in [first, second] {
        assert_eq!(world.act(id, InstanceAction::Delete).await.state, InstanceState::Deleted);
    }
    assert!(networks(&world).is_empty());
}
