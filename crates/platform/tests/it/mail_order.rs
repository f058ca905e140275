//! Mails to one person arrive in the order in which they were written, also after the server was away.

use platform::accounts;
use test_support::{Manner, TestUser};

use crate::mail::World;

/// Letters that go now or at the next look: not those behind one that waits for its next try.
pub(crate) const LETTERS_DUE: &str =
    "select count(*) from jobs where kind in ('mail-send', 'password-reset', 'sign-up')
    and (state = 'running' or run_at <= now())
    and not exists (select from jobs e where e.sequence_key = jobs.sequence_key and e.id < jobs.id
                    and e.state = 'ready' and e.attempt > 0 and e.run_at > now())";

#[tokio::test]
async fn what_waited_for_the_server_arrives_in_the_order_in_which_it_was_written() {
    let world = World::new().await;
    let (lee, kim) = (world.test.outsider("lee").await, world.test.outsider("kim").await);
    world.email(&kim, "kim@example.org", "en").await;
    let told = async |person: &TestUser| {
        let made = contract::users::UserPassword::default();
        accounts::users::set_password(&world.test.platform, &world.admin.ctx(), person.id, made).await.unwrap();
    };
    world.sink.behave(Manner::HangsUp);
    // The language tells them apart; the address is the same however it is written.
    for (email, language) in [("lee@example.org", "zh"), ("Lee@example.org", "en"), ("lee@example.org", "zh")] {
        world.email(&lee, email, language).await;
        told(&lee).await;
    }
    world.work().await;
    let tries: Vec<_> = world.mails().await.iter().rev().map(|mail| mail.attempts).collect();
    assert_eq!(tries, [1, 0, 0], "the others stand behind the first");
    let waiting = world.mails().await;
    assert!(waiting.iter().all(|mail| mail.next_try_at == waiting[2].next_try_at), "{waiting:?}");

    // The server is back, the first of them still waits for its next try: nobody else does.
    world.sink.behave(Manner::Kind);
    let later = "update jobs set run_at = now() + interval '1 hour' where kind = 'mail-send' and attempt > 0";
    sqlx::query(later).execute(world.test.owner_pool()).await.unwrap();
    told(&kim).await;
    world.work().await;
    let to: Vec<_> = world.sink.mails().into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, ["kim@example.org"]);
    world.hurry().await;
    world.work().await;
    let subjects: Vec<_> = world
        .sink
        .mails()
        .iter()
        .filter(|mail| mail.to.eq_ignore_ascii_case("lee@example.org"))
        .map(|mail| mail.header("Subject").contains("password"))
        .collect();
    assert_eq!(subjects, [false, true, false], "zh, en, zh");
}
