//! Who is on whole machines by SSH, through whichever server: seen, sent away, and cut off with the lease.

use std::time::Instant;

use contract::allocations::AllocationEnd;
use platform::allocations;
use test_support::eventually;

use crate::harness::{Answer, Who};
use crate::machine_ssh::{World, are_cut_off};
use crate::ssh::text;

#[tokio::test]
async fn a_door_of_another_server_leads_to_the_machine_and_ends_with_the_lease() {
    let world = World::with_door(true).await;
    world.add_key().await;
    let _agent = world.keeping_agent().await;
    world.key_is_there().await;
    world.door_knows_the_sshd().await;
    let done = world.ssh(&["-J", "door", "host-001", "echo out; exit 7"]).await;
    assert_eq!((done.status.code(), text(&done.stdout)), (Some(7), "out\n".to_owned()), "{}", text(&done.stderr));
    let there = world.everywhere(world.sshd_port).await;
    let before = Instant::now();
    let ctx = world.admin.ctx();
    allocations::end(world.server.platform(), &ctx, world.lease, AllocationEnd::default()).await.unwrap();
    are_cut_off(there, before).await;
}

#[tokio::test]
async fn who_is_on_a_machine_is_seen_and_sent_away() {
    let world = World::new().await;
    world.add_key().await;
    let _agent = world.keeping_agent().await;
    world.key_is_there().await;
    world.door_knows_the_sshd().await;
    let server = &world.server;
    let (owner, staff) = (server.token(&world.acme.owner).await, server.token(&world.admin).await);
    let listed = async |who: &Who, side: &str| {
        let list = server.get(who, &format!("/api/{side}/access/machines?open=true")).await.data();
        list["list"].as_array().unwrap().clone()
    };
    let there = world.everywhere(world.sshd_port).await;
    let seen = listed(&staff, "admin").await;
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert!(seen.iter().all(|one| one["machine"] == "host-001" && one["mayEnd"] == true), "{seen:?}");
    let beyond = server.get(&staff, "/api/admin/access/machines?open=true&page=9").await.data();
    assert_eq!((beyond["list"].as_array().map(Vec::len), beyond["total"].as_u64()), (Some(0), Some(3)), "{beyond}");
    for (person, page, count) in
        [(&world.acme.owner, "/instances/access", 3), (&world.admin, "/admin/instances/access", 3)]
    {
        let browser = server.browser(person).await;
        let page = server.get(&browser, page).await.text;
        let card = page.split_once("id=\"machines\"").expect("a card of machines").1;
        assert_eq!(card.matches("name=\"id\"").count(), count, "{card}");
    }
    let before = Instant::now();
    // Staff owe a reason, at both doors.
    let unsaid = format!("/api/admin/access/machines/{}", seen[1]["id"].as_str().unwrap());
    for path in [unsaid.clone(), format!("{unsaid}?reason=no")] {
        let refused = Answer::of(server.request(&staff, http::Method::DELETE, &path)).await;
        assert_eq!(refused.code(), 1000, "{path}: {refused:?}");
    }
    let desk = server.browser(&world.admin).await;
    let form = [("id", seen[2]["id"].as_str().unwrap()), ("reason", "")];
    assert_eq!(server.call(&desk, "end_machine_access", &form).await.code(), 1000);
    for (n, one) in seen.iter().enumerate() {
        let (who, side, why) = match n {
            0 => (&owner, "customer", ""),
            _ => (&staff, "admin", "?reason=the+host+moves"),
        };
        let path = format!("/api/{side}/access/machines/{}{why}", one["id"].as_str().unwrap());
        for _ in 0..2 {
            let answer = Answer::of(server.request(who, http::Method::DELETE, &path)).await;
            assert_eq!(answer.status, 200, "again changes nothing: {}", answer.text);
        }
    }
    are_cut_off(there, before).await;
    assert!(listed(&owner, "customer").await.is_empty());
    assert_eq!(server.sql("select distinct reason from machine_visits").await, ["access"]);
    let why = "select after->>'reason' from audit_events where action = 'allocations:end-access' and outcome = 'done'
               and after->>'reason' is not null";
    assert_eq!(server.sql(why).await, ["the host moves"; 2]);
    let notices = server.get(&owner, "/api/customer/notifications").await.data();
    let told = notices["list"].as_array().unwrap().iter().filter(|notice| notice["kind"] == "access-ended");
    let told: Vec<_> = told.map(|notice| notice["message"].as_str().unwrap()).collect();
    assert!(told.len() == 2 && told.iter().all(|message| message.contains("the host moves")), "{told:?}");
    // They come back: what was ended is the connection, not the right to it.
    assert_eq!(world.ssh(&["door", "exit 4"]).await.status.code(), Some(4));
    let left = "select count(*) from machine_visits where reason = 'left'";
    eventually("that is over, too", async || (server.count(left).await == 1).then_some(())).await;
}
