//! Looking on at a shell while the database does not answer, on a real Docker Engine.

use std::time::Duration;

use contract::instances::{TerminalShareCreate, TerminalTicketCreate, TerminalWatchCreate};
use platform::instances::{self, Cut};

use crate::instances_on_engine::World;

#[tokio::test]
async fn nobody_looks_on_while_nobody_can_say_whether_they_may() {
    let world = World::new().await;
    let (platform, owner, member) = (&world.test.platform, world.mine(), world.acme.member.ctx());
    let id = world.create("one", "sleep 600").await;
    world.apply(id).await;
    let ticket = instances::keep_terminal_ticket(platform, &owner, id, &TerminalTicketCreate::default()).await.unwrap();
    let entry = instances::redeem_terminal_ticket(platform, &owner, id, &ticket.ticket).await.unwrap();
    let size = instances::terminal_size(None, None).unwrap();
    let (shell, _) = entry.enter(platform, &owner, size).await.unwrap();
    let body = TerminalShareCreate { terminal: shell.terminal().to_string() };
    let share = instances::share_terminal(platform, &owner, id, &body).await.unwrap().share;
    let body = TerminalWatchCreate { share: Some(share), watch: None };
    let ticket = instances::keep_watch_ticket(platform, &member, id, &body).await.unwrap().ticket;
    let entry = instances::redeem_watch_ticket(platform, &member, id, &ticket).await.unwrap();
    let watcher = entry.enter(platform).expect("it is here");
    let mut consent = watcher.consent().expect("it only looks on");
    let early = tokio::time::timeout(Duration::from_secs(2), consent.ended()).await;
    assert!(early.is_err(), "{early:?}");
    sqlx::query("revoke all on terminal_watches from remotegpu_app").execute(world.test.owner_pool()).await.unwrap();
    let cut = tokio::time::timeout(Duration::from_secs(20), consent.ended()).await.expect("within seconds");
    assert_eq!(cut, Cut::Unsure);
    // It is a matter of who looks on alone.
    assert!(entry.enter(platform).is_some(), "the shell lives on");
}
