//! Permission coverage: every route × every kind of caller.
//!
//! The table is compared with the router's registry: a route without a line fails, a line without a route too.

mod money;
mod others;
mod public;
mod table;
mod told;
pub(crate) mod world;

use std::collections::{BTreeSet, HashMap};

use contract::accounts::Language;
use server::router::{self, Door};

use self::money::MONEY;
use self::public::PUBLIC;
use self::table::{CALLERS, TABLE};
use self::told::Call;
use self::world::World;
use crate::harness::{Answer, Who};

/// What the status means, in the number every door gives.
fn code_of(status: u16) -> Option<u64> {
    match status {
        200 | 201 => Some(0),
        400 => Some(1000),
        401 => Some(1100),
        403 => Some(1200),
        404 => Some(1300),
        409 => Some(1400),
        422 => Some(1402),
        _ => None,
    }
}

#[test]
fn every_route_has_its_line_and_every_line_its_route() {
    let mut mounted = BTreeSet::new();
    let mut public = BTreeSet::new();
    for route in router::registry() {
        let place = match route.door {
            Door::Public => {
                public.insert(route.path);
                continue;
            }
            Door::ServerFn => route.path.rsplit('/').next().unwrap().to_owned(),
            Door::Rest | Door::Socket => route.path.clone(),
        };
        let line = (format!("{:?}", route.door), route.method, place);
        assert!(mounted.insert(line), "mounted twice: {}", route.path);
    }
    let table: BTreeSet<_> = TABLE
        .iter()
        .chain(MONEY)
        .map(|(door, method, place, _)| (format!("{door:?}"), (*method).to_owned(), (*place).to_owned()))
        .collect();
    assert_eq!(table.len(), TABLE.len() + MONEY.len(), "a line stands twice");
    let missing: Vec<_> = mounted.difference(&table).collect();
    assert!(missing.is_empty(), "say who may call these: {missing:?}");
    let stale: Vec<_> = table.difference(&mounted).collect();
    assert!(stale.is_empty(), "these are mounted nowhere: {stale:?}");
    assert_eq!(public.iter().map(String::as_str).collect::<Vec<_>>(), PUBLIC, "public routes carry nothing of anybody");
}

#[tokio::test]
async fn everybody_gets_from_rest_and_sockets_what_the_table_says() {
    calls_answer_as_the_table_says(&[Door::Rest, Door::Socket]).await;
}

#[tokio::test]
async fn everybody_gets_from_server_functions_what_the_table_says() {
    calls_answer_as_the_table_says(&[Door::ServerFn]).await;
}

/// A workbook, or a file's bytes: no envelope is around them.
fn is_a_file(answer: &Answer) -> bool {
    let kind = answer.header("content-type");
    kind == "application/octet-stream" || kind.contains("spreadsheetml")
}

fn call_of(door: Door, method: &'static str, place: &'static str, answer: &Answer) -> Call {
    Call { door, method, place, request: answer.header("x-request-id").to_owned() }
}

/// Every change there is by REST, tried by two who may look at everything: each is refused. Two calls for each.
async fn all_that_onlookers_try(world: &World, wrong: &mut Vec<String>) -> Vec<Call> {
    let onlookers = told::onlookers(world).await;
    let mut tried = Vec::new();
    let open = |expected: &[u16]| expected[0] != 401;
    let changes = MONEY
        .iter()
        .chain(TABLE)
        .filter(|(door, method, _, expected)| *door == Door::Rest && *method != "GET" && !open(expected));
    for (door, method, path, _) in changes {
        for who in &onlookers {
            let (status, answer) = world.call(who, *door, method, path).await;
            let answer = answer.expect("REST answers");
            if !matches!(status, 403 | 404) {
                wrong.push(format!("{method} {path} by who may only look: {status}, {}", answer.text));
            }
            tried.push(call_of(*door, method, path, &answer));
        }
    }
    tried
}

/// A world per kind of door, because some calls use up what they are about.
async fn calls_answer_as_the_table_says(doors: &[Door]) {
    let world = World::new().await;
    let mut wrong = Vec::new();
    // Signing in costs far more than what is asked here.
    let mut held: HashMap<&str, Who> = HashMap::new();
    let tried = if doors.contains(&Door::Rest) { all_that_onlookers_try(&world, &mut wrong).await } else { Vec::new() };
    let mut calls = Vec::new();
    // The table's last lines take people out of their customer.
    for (door, method, path, expected) in MONEY.iter().chain(TABLE).filter(|(door, ..)| doors.contains(door)) {
        for (caller, expected) in CALLERS.iter().zip(expected) {
            let known = held.get(caller).cloned();
            let (mut status, mut answer) = match &known {
                Some(who) => world.call(who, *door, method, path).await,
                None => (401, None),
            };
            // A call before this one may have ended the session: nothing was done, and with a new one it counts.
            if known.is_none() || (status == 401 && *expected != 401) {
                let who = world.credentials(caller, *door).await;
                (status, answer) = world.call(&who, *door, method, path).await;
                held.insert(*caller, who);
            }
            calls.extend(answer.as_ref().map(|answer| call_of(*door, method, path, answer)));
            let code = answer.as_ref().filter(|answer| !is_a_file(answer)).map(Answer::code);
            if status != *expected || (code.is_some() && code != code_of(*expected)) {
                let text = answer.map(|answer| answer.text).unwrap_or_default();
                wrong.push(format!("{door:?} {method} {path} as {caller}: {status} {code:?}, not {expected}: {text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    told::everything_refused_is_told(&world, &calls, &tried).await;
    // What all these calls left in the log can be read in both languages.
    for word in world.server.sql("select distinct action || ' ' || target_kind from audit_events").await {
        let (action, kind) = word.split_once(' ').unwrap();
        for language in [Language::Zh, Language::En] {
            assert_ne!(texts::audit_action(language, action), action, "no {language:?} word for it");
            assert_ne!(texts::audit_kind(language, kind), kind, "no {language:?} word for it");
        }
    }
}
