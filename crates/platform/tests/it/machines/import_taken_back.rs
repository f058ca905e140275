//! What an import of machines wrote, taken back as a whole.

use contract::ErrorCode;
use contract::allocations::AllocationCreate;
use contract::imports::{ImportRowQuery, ImportSubject, ImportView};
use contract::machines::{MachineAction, MachineCreate, MachineUpdate, Pool};
use platform::{allocations, imports, machines};

use super::import::{World, workbook};

const MACHINES: ImportSubject = ImportSubject::Machines;

/// Staged and confirmed.
async fn imported(world: &World, headings: &[&str], rows: &[&[&str]]) -> ImportView {
    let staged = world.stage(workbook(headings, rows)).await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    match imports::confirm(p, &ctx, MACHINES, staged.id).await {
        Ok(confirmed) => confirmed,
        Err(error) => {
            let rows = imports::rows(p, &ctx, MACHINES, staged.id, &ImportRowQuery::default()).await.unwrap();
            panic!("{error:?}: {staged:?} {rows:?}");
        }
    }
}

#[tokio::test]
async fn what_was_added_goes_and_what_was_changed_is_as_it_was() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let old: &[&[&str]] = &[&["Old", "old", "east", "8", "whole", "no"]];
    imported(&world, &["Name", "Code", "Region", "GPUs", "Let as", "Listed"], old).await;
    let before = machines::get(p, &ctx, "old").await.unwrap();
    let rows: &[&[&str]] =
        &[&["Renamed", "old", "west", "4", "2 TB", "shared", "yes"], &["Old", "fresh", "", "", "", "", ""]];
    let headings = ["Name", "Code", "Region", "GPUs", "Memory", "Let as", "Listed"];
    let staged = world.stage(workbook(&headings, &rows[..1])).await;
    let error = imports::take_back(p, &ctx, staged.id).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::WrongState, "error-import-state"), "nothing is written yet");
    imports::confirm(p, &ctx, MACHINES, staged.id).await.unwrap();
    let added = imported(&world, &headings, &rows[1..]).await;

    // The newer one first: it has the name that the older one gives back.
    let done = imports::take_back(p, &ctx, added.id).await.unwrap();
    assert_eq!((done.taken_back_rows, done.kept_rows, done.taken_back_at.is_some()), (1, 0, true));
    assert_eq!(machines::get(p, &ctx, "fresh").await.unwrap_err().code, ErrorCode::NotFound);
    let done = imports::take_back(p, &ctx, staged.id).await.unwrap();
    assert_eq!((done.taken_back_rows, done.kept_rows), (1, 0));
    let after = machines::get(p, &ctx, "old").await.unwrap();
    assert_eq!((&after.name, &after.region, after.listed), (&before.name, &before.region, false));
    assert_eq!((after.pool, after.declared), (Pool::Whole, before.declared));
    let error = imports::take_back(p, &ctx, staged.id).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::WrongState, "error-import-taken-back"));

    // Each machine has the event that the form writes, and the import one of its own.
    let log = platform::audit::list(p, &ctx, &Default::default()).await.unwrap().list;
    let of = |action: &str| log.iter().filter(|row| row.action == action).count();
    assert_eq!((of("machines:delete"), of("machines:update"), of("machines:take-back-import")), (1, 2, 2));
}

#[tokio::test]
async fn what_somebody_changed_or_uses_since_stays() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let first: &[&[&str]] = &[&["E", "e", "east"], &["F", "f", "east"]];
    imported(&world, &["Name", "Code", "Region"], first).await;
    let rows: &[&[&str]] = &[
        &["A", "a", ""],
        &["B", "b", ""],
        &["C", "c", ""],
        &["D", "d", ""],
        &["E", "e", "west"],
        &["F again", "f", ""],
    ];
    let done = imported(&world, &["Name", "Code", "Region"], rows).await;
    assert_eq!((done.new_rows, done.update_rows), (4, 2));
    machines::act(p, &ctx, "a", MachineAction::Cordon, None).await.unwrap();
    let acme = world.test.customer("Acme").await;
    let lease = AllocationCreate { customer_id: Some(acme.id), months: Some(1), ..AllocationCreate::default() };
    allocations::create(p, &ctx, "b", lease).await.unwrap();
    machines::act(p, &ctx, "c", MachineAction::Delete, None).await.unwrap();
    let by_hand = MachineUpdate { name: "E".to_owned(), region: Some("south".to_owned()), ..MachineUpdate::default() };
    machines::update(p, &ctx, "e", by_hand).await.unwrap();
    imported(&world, &["Name", "Code"], &[&["F", "g"]]).await;

    let done = imports::take_back(p, &ctx, done.id).await.unwrap();
    // What is gone is neither.
    assert_eq!((done.taken_back_rows, done.kept_rows), (1, 4));
    let query = ImportRowQuery::default();
    let told = imports::rows(p, &ctx, MACHINES, done.id, &query).await.unwrap().list;
    let why: Vec<_> = told
        .iter()
        .map(|row| (row.row, row.faults.iter().map(|fault| fault.note.key.as_str()).collect::<Vec<_>>().join(" ")))
        .collect();
    let expected = [
        (2, "import-kept-changed"),
        (3, "import-kept-used"),
        (4, ""),
        (5, ""),
        (6, "import-kept-changed"),
        (7, "import-kept-name"),
    ];
    assert_eq!(why, expected.map(|(row, why)| (row, why.to_owned())));
    assert_eq!(machines::get(p, &ctx, "e").await.unwrap().region.as_deref(), Some("south"));
    assert_eq!(machines::get(p, &ctx, "d").await.unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(machines::get(p, &ctx, "f").await.unwrap().name, "F again");
}

#[tokio::test]
async fn another_machine_under_the_code_of_one_that_is_gone_stays() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    imported(&world, &["Name", "Code", "Region"], &[&["B", "b", "east"]]).await;
    let rows: &[&[&str]] = &[&["A", "a", "west"], &["B", "b", "west"]];
    let done = imported(&world, &["Name", "Code", "Region"], rows).await;
    assert_eq!((done.new_rows, done.update_rows), (1, 1));
    for code in ["a", "b"] {
        machines::act(p, &ctx, code, MachineAction::Delete, None).await.unwrap();
        let name = code.to_uppercase();
        let anew = MachineCreate { id: Some(code.to_owned()), name: name.clone(), ..MachineCreate::default() };
        machines::create(p, &ctx, anew).await.unwrap();
        // As often changed as the one before it when the import had written that.
        if code == "b" {
            let south = MachineUpdate { name, region: Some("south".to_owned()), ..MachineUpdate::default() };
            machines::update(p, &ctx, code, south).await.unwrap();
        }
    }
    let done = imports::take_back(p, &ctx, done.id).await.unwrap();
    assert_eq!((done.taken_back_rows, done.kept_rows), (0, 2), "what it wrote is gone");
    assert_eq!(machines::get(p, &ctx, "a").await.unwrap().name, "A");
    assert_eq!(machines::get(p, &ctx, "b").await.unwrap().region.as_deref(), Some("south"));
}

#[tokio::test]
async fn more_than_are_deleted_by_hand_at_once_are_taken_back() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let names: Vec<String> = (0..1200).map(|number| format!("rack-{number}")).collect();
    let rows: Vec<[&str; 2]> = names.iter().map(|name| [name.as_str(), name.as_str()]).collect();
    let rows: Vec<&[&str]> = rows.iter().map(|row| &row[..]).collect();
    let done = imported(&world, &["Name", "Code"], &rows).await;
    let count = async || machines::facets(p, &world.admin.ctx()).await.unwrap().machines;
    assert_eq!(count().await, 1200);
    let member = world.test.customer("Acme").await.member;
    assert_eq!(imports::take_back(p, &member.ctx(), done.id).await.unwrap_err().code, ErrorCode::NotFound);
    let done = imports::take_back(p, &ctx, done.id).await.unwrap();
    assert_eq!((done.taken_back_rows, done.kept_rows, count().await), (1200, 0, 0));
    // And the same workbook is new again.
    assert_eq!(world.stage(workbook(&["Name", "Code"], &rows)).await.new_rows, 1200);
}
