//! Permission coverage: every route × every kind of caller.
//!
//! The table is compared with the router's registry: a route without a line fails, a line without a route too.

mod money;
mod others;
mod public;
mod table;
mod world;

use std::collections::{BTreeSet, HashMap};

use contract::accounts::Language;
use server::router::{self, Door};

use self::money::MONEY;
use self::public::PUBLIC;
use self::table::{CALLERS, TABLE};
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

/// A world per kind of door, because some calls use up what they are about.
async fn calls_answer_as_the_table_says(doors: &[Door]) {
    let world = World::new().await;
    let mut wrong = Vec::new();
    // Signing in costs far more than what is asked here.
    let mut held: HashMap<&str, Who> = HashMap::new();
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
            let code = answer.as_ref().filter(|answer| !is_a_file(answer)).map(Answer::code);
            if status != *expected || (code.is_some() && code != code_of(*expected)) {
                let text = answer.map(|answer| answer.text).unwrap_or_default();
                wrong.push(format!("{door:?} {method} {path} as {caller}: {status} {code:?}, not {expected}: {text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What all these calls left in the log can be read in both languages.
    for word in world.server.sql("select distinct action || ' ' || target_kind from audit_events").await {
        let (action, kind) = word.split_once(' ').unwrap();
        for language in [Language::Zh, Language::En] {
            assert_ne!(texts::audit_action(language, action), action, "no {language:?} word for it");
            assert_ne!(texts::audit_kind(language, kind), kind, "no {language:?} word for it");
        }
    }
}
