//! The ledger on a real Docker Engine: whatever happens, it says what the engine says, to the microsecond.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use contract::InstanceId;
use contract::billing::{BillingQuery, LedgerClosed, LedgerLine, LedgerOpened, LedgerQuery};
use contract::instances::{InstanceAction, InstanceState};
use contract::specs::SpecPriceCreate;
use platform::{billing, instances, specs};
use rust_decimal::{Decimal, RoundingStrategy};
use test_support::eventually;

use crate::instances_on_engine::World;

type At = DateTime<Utc>;

/// What the engine said of one container, run by run: what the ledger has to say.
#[derive(Default)]
struct Engine {
    runs: Vec<(At, Option<At>)>,
}

impl Engine {
    /// The one container there is.
    fn container(world: &World) -> String {
        let (_, list) = world.engine.ask("GET", "/containers/json?all=1", "application/json", b"");
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        list[0]["Id"].as_str().unwrap().to_owned()
    }

    /// Has the engine do it, behind the platform's back.
    fn order(world: &World, what: &str) {
        let path = format!("/containers/{}/{what}", Self::container(world));
        assert_eq!(world.engine.ask("POST", &path, "application/json", b"").0, 204, "{what}");
    }

    fn listen(&mut self, world: &World) {
        let path = format!("/containers/{}/json", Self::container(world));
        let (_, body) = world.engine.ask("GET", &path, "application/json", b"");
        let state = serde_json::from_str::<serde_json::Value>(&body).unwrap()["State"].clone();
        let at = |name: &str| {
            let at: At = state[name].as_str().unwrap().parse().unwrap();
            Some(at.trunc_subsecs(6)).filter(|at| at.timestamp() > 0)
        };
        let (started, finished) = (at("StartedAt").unwrap(), at("FinishedAt"));
        if let Some((_, end)) = self.runs.last_mut().filter(|(start, end)| end.is_none() && *start < started) {
            *end = finished.filter(|_| state["Running"].as_bool().unwrap());
        }
        if self.runs.last().is_none_or(|(start, _)| *start < started) {
            self.runs.push((started, None));
        }
        if !state["Running"].as_bool().unwrap() {
            self.runs.last_mut().unwrap().1 = finished;
        }
    }

    fn seconds(&self) -> Decimal {
        self.runs.iter().map(|(start, end)| seconds(end.unwrap() - *start)).sum()
    }
}

fn seconds(delta: TimeDelta) -> Decimal {
    Decimal::new(delta.num_microseconds().unwrap(), 6)
}

async fn rows(world: &World) -> Vec<LedgerLine> {
    let query = LedgerQuery { page_size: Some(100), ..LedgerQuery::default() };
    let mut rows = billing::own_ledger(&world.test.platform, &world.mine(), &query).await.unwrap().list;
    rows.reverse();
    rows
}

/// The ledger says what the engine says.
async fn agrees(world: &World, step: &str) {
    let admin = world.test.admin().await.ctx();
    let check = instances::compare(&world.test.platform, &admin).await.unwrap();
    assert_eq!((check.compared, check.silent.len()), (1, 0), "{step}");
    assert_eq!(check.differences, [], "{step}");
}

async fn price(world: &World, price: &str, starts_at: Option<At>) -> At {
    let admin = world.test.admin().await.ctx();
    let body = SpecPriceCreate { price_per_hour: price.to_owned(), starts_at };
    let prices = specs::add_price(&world.test.platform, &admin, world.shop.spec, body).await.unwrap();
    prices[0].starts_at
}

#[tokio::test]
async fn a_day_of_starts_stops_kills_and_prices_is_in_the_ledger_to_the_microsecond() {
    let world = World::new().await;
    let mut engine = Engine::default();
    let mut prices = vec![(DateTime::UNIX_EPOCH, Decimal::new(25, 1))];
    let id = world.create("one", "exec sleep 600").await;
    world.apply(id).await;
    engine.listen(&world);
    agrees(&world, "made").await;

    // A price that begins now, and one that begins in a moment: each look cuts at its very instant.
    prices.push((price(&world, "4", None).await, Decimal::from(4)));
    let soon = world.test.clock().now() + TimeDelta::milliseconds(200);
    prices.push((price(&world, "1.000001", Some(soon)).await, Decimal::new(1_000_001, 6)));
    eventually("the prices have begun", async || {
        world.look().await;
        (rows(&world).await.len() == 3).then_some(())
    })
    .await;
    agrees(&world, "new prices").await;

    // Killed at the machine; and made to run again by who was to.
    Engine::order(&world, "kill?signal=KILL");
    eventually("it is seen to have ended", async || {
        world.look().await;
        rows(&world).await.last().unwrap().ended_at
    })
    .await;
    engine.listen(&world);
    agrees(&world, "killed").await;
    world.apply(id).await;
    engine.listen(&world);
    agrees(&world, "started again").await;

    // Restarted at the machine, before anybody looked.
    Engine::order(&world, "restart?t=0");
    engine.listen(&world);
    world.look().await;
    agrees(&world, "restarted at the machine").await;
    world.act(id, InstanceAction::Restart).await;
    engine.listen(&world);
    agrees(&world, "restarted").await;
    world.act(id, InstanceAction::Stop).await;
    engine.listen(&world);
    agrees(&world, "stopped").await;
    world.act(id, InstanceAction::Start).await;
    engine.listen(&world);

    // As if the server was killed between what the engine did and what it wrote: the next look has the engine's times.
    Engine::order(&world, "stop?t=0");
    engine.listen(&world);
    let late = world.test.clock().now() + TimeDelta::hours(3);
    world.test.clock().advance(TimeDelta::hours(3));
    world.look().await;
    assert!(rows(&world).await.iter().all(|row| row.ended_at.is_some_and(|end| end < late - TimeDelta::hours(2))));
    agrees(&world, "stopped while nobody looked").await;
    world.act(id, InstanceAction::Stop).await;
    // And a run that nobody saw at all.
    Engine::order(&world, "start");
    engine.listen(&world);
    Engine::order(&world, "stop?t=0");
    engine.listen(&world);
    world.look().await;
    agrees(&world, "a run that nobody saw").await;
    world.act(id, InstanceAction::Delete).await;
    adds_up(&world, id, &engine, &prices).await;
}

/// Its engine notices an end some milliseconds late, and says when it really was only when it does not start it again.
#[tokio::test]
async fn a_program_that_keeps_ending_is_in_the_ledger_to_the_microsecond() {
    let world = World::new().await;
    let id = world.create("one", "exit 3").await;
    world.apply(id).await;
    eventually("it was started again often enough, and is stopped", async || {
        world.look().await;
        (world.get(id).await.state == InstanceState::Failed).then_some(())
    })
    .await;
    agrees(&world, "it kept ending").await;
    assert!(rows(&world).await.iter().all(|row| row.ended_at.is_some()));
}

#[tokio::test]
async fn a_program_that_was_killed_and_is_started_again_by_its_engine_is_in_the_ledger_to_the_microsecond() {
    let world = World::new().await;
    let id = world.create("one", "exec sleep 600").await;
    let before = world.apply(id).await.started_at;
    // As the kernel does it when there is no memory left: nobody asked the engine for it.
    let path = format!("/containers/{}/json", Engine::container(&world));
    let (_, body) = world.engine.ask("GET", &path, "application/json", b"");
    let pid = serde_json::from_str::<serde_json::Value>(&body).unwrap()["State"]["Pid"].to_string();
    assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    eventually("it runs again, and that was seen", async || {
        world.look().await;
        (world.get(id).await.started_at > before).then_some(())
    })
    .await;
    agrees(&world, "killed, and started again").await;
    world.act(id, InstanceAction::Stop).await;
    agrees(&world, "stopped").await;
    let rows = rows(&world).await;
    assert_eq!(
        rows.iter().map(|row| row.closed_by).collect::<Vec<_>>(),
        [Some(LedgerClosed::Restarted), Some(LedgerClosed::Ended)]
    );
}

async fn adds_up(world: &World, id: InstanceId, engine: &Engine, prices: &[(At, Decimal)]) {
    let rows = rows(world).await;
    assert!(rows.iter().all(|row| row.instance_id == id && row.ended_at.is_some()));
    let opened: Vec<_> = rows.iter().take(3).map(|row| (row.opened_by, row.price_per_hour.as_str())).collect();
    let expected = [(LedgerOpened::Started, "2.5"), (LedgerOpened::Price, "4"), (LedgerOpened::Price, "1.000001")];
    assert_eq!(opened, expected);
    assert_eq!(rows[1].started_at, prices[1].0);
    assert_eq!((rows[1].ended_at, rows[2].started_at), (Some(prices[2].0), prices[2].0));
    let restarted = rows.iter().filter(|row| row.closed_by == Some(LedgerClosed::Restarted)).count();
    assert_eq!(restarted, 2, "at the machine and by its owner");
    // Every run is there from its first moment to its last.
    let starts = rows.iter().filter(|row| row.opened_by == LedgerOpened::Started).map(|row| row.started_at);
    assert_eq!(starts.collect::<Vec<_>>(), engine.runs.iter().map(|(start, _)| *start).collect::<Vec<_>>());
    let ends = rows.iter().filter(|row| row.closed_by != Some(LedgerClosed::Price)).map(|row| row.ended_at);
    assert_eq!(ends.collect::<Vec<_>>(), engine.runs.iter().map(|(_, end)| *end).collect::<Vec<_>>());
    // And money: each run at the prices of its time, rounded once.
    let mut cost = Decimal::ZERO;
    for (start, end) in &engine.runs {
        for (n, (from, price)) in prices.iter().enumerate() {
            let until = prices.get(n + 1).map_or(DateTime::<Utc>::MAX_UTC, |(next, _)| *next);
            let part = end.unwrap().min(until) - (*start).max(*from);
            cost += seconds(part.max(TimeDelta::zero())) * *price;
        }
    }
    let cost = (cost / Decimal::from(3600)).round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero);
    let usage = billing::own_usage(&world.test.platform, &world.mine(), &BillingQuery::default()).await.unwrap();
    let total = &usage.totals[0];
    assert_eq!(total.seconds.parse::<Decimal>().unwrap(), engine.seconds());
    assert_eq!(total.cost.parse::<Decimal>().unwrap(), cost);
}

#[tokio::test]
async fn what_is_lost_is_counted_by_what_its_engine_says_when_it_is_back() {
    let mut world = World::new().await;
    let id = world.create("one", "exec sleep 600").await;
    world.apply(id).await;
    world.engine.kill();
    world.look().await;
    // A price that begins meanwhile is not counted before it is known that it ran on.
    price(&world, "4", None).await;
    world.look().await;
    let open = rows(&world).await;
    assert_eq!((open.len(), open[0].ended_at), (1, None));
    world.engine.start_again();
    eventually("the engine answers again", async || {
        let admin = world.test.admin().await.ctx();
        world.look().await;
        let check = instances::compare(&world.test.platform, &admin).await.unwrap();
        (check.silent.is_empty() && check.differences.is_empty()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_was_taken_away_by_hand_counts_until_it_was_last_seen() {
    let world = World::new().await;
    let id = world.create("one", "exec sleep 600").await;
    world.apply(id).await;
    let before = world.test.clock().now();
    let path = format!("/containers/{}?force=1", Engine::container(&world));
    assert_eq!(world.engine.ask("DELETE", &path, "application/json", b"").0, 204);
    world.test.clock().advance(TimeDelta::hours(1));
    world.look().await;
    let gone = rows(&world).await;
    assert_eq!((gone.len(), gone[0].closed_by), (1, Some(LedgerClosed::Unseen)));
    assert!(gone[0].ended_at.is_some_and(|end| end <= before && end >= gone[0].started_at));
    agrees(&world, "gone").await;
}
