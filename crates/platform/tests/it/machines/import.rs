//! Machines from a workbook: verdicts, all or nothing, what changed meanwhile.

use contract::allocations::AllocationCreate;
use contract::imports::{
    ImportRowQuery, ImportState, ImportSubject, ImportView, MAX_IMPORT_BYTES, MAX_STAGED_BYTES, MAX_STAGED_IMPORTS,
    RowVerdict,
};
use contract::machines::{MachineAction, MachineUpdate, Pool, ServiceState};
use contract::{ErrorCode, ImportId};
use futures_util::FutureExt as _;
use platform::{allocations, imports, instances, jobs, machines};
use sheets::SheetWriter;
use sheets::write::{Column, Value};
use test_support::{TestPlatform, TestUser};

use crate::instances::{host, named, shop, small, tested};

pub struct World {
    pub test: TestPlatform,
    pub admin: TestUser,
}

impl World {
    pub async fn new() -> Self {
        let test = TestPlatform::new().await;
        let admin = test.admin().await;
        Self { test, admin }
    }

    pub async fn stage(&self, bytes: Vec<u8>) -> ImportView {
        let p = &self.test.platform;
        let staged =
            imports::stage(p, &self.admin.ctx(), ImportSubject::Machines, "C:\\fleet\\machines.xlsx", &bytes[..])
                .await
                .unwrap();
        assert_eq!((staged.state, staged.file_name.as_str()), (ImportState::Reading, "machines.xlsx"));
        imports::read(p, staged.id, true).await.unwrap();
        self.get(staged.id).await
    }

    async fn get(&self, id: ImportId) -> ImportView {
        imports::get(&self.test.platform, &self.admin.ctx(), ImportSubject::Machines, id).await.unwrap()
    }

    /// (row, verdict, code, columns with faults or changes)
    pub async fn rows(&self, id: ImportId) -> Vec<(u32, RowVerdict, Option<String>, Vec<String>)> {
        let query = ImportRowQuery { page_size: Some(100), ..ImportRowQuery::default() };
        let page =
            imports::rows(&self.test.platform, &self.admin.ctx(), ImportSubject::Machines, id, &query).await.unwrap();
        page.list
            .into_iter()
            .map(|row| {
                let faults = row.faults.iter().map(|fault| format!("{}: {}", fault.column, fault.note.key));
                (row.row, row.verdict, row.code, row.changes.iter().cloned().chain(faults).collect())
            })
            .collect()
    }

    /// Rows that turned out differently: what was shown, and what is.
    async fn changed(&self, id: ImportId) -> Vec<(u32, RowVerdict, RowVerdict)> {
        let query = ImportRowQuery { changed: Some(true), ..ImportRowQuery::default() };
        let page =
            imports::rows(&self.test.platform, &self.admin.ctx(), ImportSubject::Machines, id, &query).await.unwrap();
        assert_eq!(page.total, u64::from(self.get(id).await.changed_rows));
        page.list.into_iter().map(|row| (row.row, row.was.unwrap(), row.verdict)).collect()
    }

    async fn change(&self, code: &str, name: &str, region: &str) {
        let change =
            MachineUpdate { name: name.to_owned(), region: Some(region.to_owned()), ..MachineUpdate::default() };
        machines::update(&self.test.platform, &self.admin.ctx(), code, change).await.unwrap();
    }

    async fn machines(&self) -> u64 {
        machines::facets(&self.test.platform, &self.admin.ctx()).await.unwrap().machines
    }
}

pub fn workbook(headings: &[&str], rows: &[&[&str]]) -> Vec<u8> {
    let columns: Vec<_> = headings.iter().map(|heading| Column::new(*heading)).collect();
    let mut sheet = SheetWriter::new("machines", &columns).unwrap();
    for row in rows {
        let values: Vec<_> =
            row.iter().map(|text| if text.is_empty() { Value::Blank } else { Value::Text(text) }).collect();
        sheet.row(&values).unwrap();
    }
    std::fs::read(sheet.finish().unwrap().path()).unwrap()
}

#[tokio::test]
async fn every_row_has_a_verdict_and_nothing_changes_before_the_confirmation() {
    let world = World::new().await;
    let p = &world.test.platform;
    let existing = workbook(&["名称", "编码", "区域"], &[&["Rack 1", "rack-1", "east"], &["Rack 2", "rack-2", "east"]]);
    let first = world.stage(existing).await;
    assert_eq!((first.state, first.new_rows, world.machines().await), (ImportState::Ready, 2, 0));
    imports::confirm(p, &world.admin.ctx(), ImportSubject::Machines, first.id).await.unwrap();
    assert_eq!(world.machines().await, 2);

    // English headings in other words, numbers with units, a code left out.
    let headings = ["Machine name", "ID", "Location", "Number of GPUs", "VRAM", "Colour"];
    let second = workbook(
        &headings,
        &[
            &["Rack 1", "rack-1", "west", "", "", "red"],
            &["Rack 2", "", "east", "", "", ""],
            &["Rack 3", "", "east", "8", "80 GB", ""],
            &["Rack 4", "RACK-4", "east", "eight", "", ""],
            &["Rack 3", "", "", "", "", ""],
            &["", "rack-9", "", "", "", ""],
            &["Rack 1", "rack-5", "", "", "", ""],
            &["Example (delete this row)", "", "", "", "", ""],
        ],
    );
    let staged = world.stage(second).await;
    assert_eq!(staged.unknown_columns, ["Colour"]);
    let query = ImportRowQuery::default();
    let page = imports::rows(p, &world.admin.ctx(), ImportSubject::Machines, staged.id, &query).await.unwrap();
    let first = &page.list[0];
    assert_eq!(first.cells["*Colour"], "red", "kept for the answer file");
    assert_eq!(first.before.iter().collect::<Vec<_>>(), [(&"region".to_owned(), &"east".to_owned())]);
    let rows = world.rows(staged.id).await;
    let short: Vec<_> =
        rows.iter().map(|(row, verdict, code, what)| (*row, *verdict, code.as_deref(), what.join(" "))).collect();
    let new_code = short[2].2.unwrap().to_owned();
    assert_eq!(
        short,
        [
            (2, RowVerdict::Update, Some("rack-1"), "region".to_owned()),
            (3, RowVerdict::Unchanged, Some("rack-2"), String::new()),
            (4, RowVerdict::New, Some(new_code.as_str()), String::new()),
            (5, RowVerdict::Error, Some("rack-4"), "gpuCount: field-not-a-number".to_owned()),
            (6, RowVerdict::Error, None, "name: field-import-twice".to_owned()),
            (7, RowVerdict::Error, Some("rack-9"), "name: field-required".to_owned()),
            (
                8,
                RowVerdict::Error,
                Some("rack-5"),
                "name: field-machine-name-taken name: field-import-twice".to_owned()
            ),
        ]
    );
    assert_eq!(world.machines().await, 2, "a preview changes nothing");
    let done = imports::confirm(p, &world.admin.ctx(), ImportSubject::Machines, staged.id).await.unwrap();
    assert_eq!((done.state, world.machines().await), (ImportState::Confirmed, 3));
    let made = machines::get(p, &world.admin.ctx(), &new_code).await.unwrap();
    assert_eq!((made.declared.gpu_count, made.declared.gpu_memory_gb), (Some(8), Some(80)));
    let changed = machines::get(p, &world.admin.ctx(), "rack-1").await.unwrap();
    assert_eq!((changed.region.as_deref(), changed.revision), (Some("west"), 2));
    let log = platform::audit::list(p, &world.admin.ctx(), &Default::default()).await.unwrap();
    let row = log.list.iter().find(|row| row.action == "machines:import").unwrap();
    assert_eq!(row.after.as_ref().unwrap()["new"], 1);
    // And each machine has the event that the form writes.
    let of = |code: &str| log.list.iter().filter(|row| row.target_id.as_deref() == Some(code)).collect::<Vec<_>>();
    let (rack, new) = (of("rack-1"), of(&new_code));
    assert_eq!(rack.iter().map(|row| row.action.as_str()).collect::<Vec<_>>(), ["machines:update", "machines:create"]);
    let region = |value: &Option<serde_json::Value>| value.as_ref().unwrap()["region"].clone();
    assert_eq!((region(&rack[0].before), region(&rack[0].after)), ("east".into(), "west".into()));
    assert_eq!(
        (new.len(), &new[0].before, &new[0].after.as_ref().unwrap()["declared"]["gpuCount"]),
        (1, &None, &8.into())
    );
    assert!(of("rack-2").len() == 1, "what stays as it is has no event");
    let again = imports::confirm(p, &world.admin.ctx(), ImportSubject::Machines, staged.id).await.unwrap_err();
    assert_eq!((again.code, again.key), (ErrorCode::WrongState, "error-import-state"));
}

#[tokio::test]
async fn a_row_that_is_left_out_takes_nothing_from_a_later_one() {
    let world = World::new().await;
    let rows: [&[&str]; 3] = [&["Rack 1", "rack-1", "eight"], &["Rack 1", "rack-1", "8"], &["Rack 1", "rack-1", "9"]];
    let staged = world.stage(workbook(&["Name", "Code", "GPUs"], &rows)).await;
    let told: Vec<_> =
        world.rows(staged.id).await.into_iter().map(|(_, verdict, _, what)| (verdict, what.join(" "))).collect();
    let expected = [
        (RowVerdict::Error, "gpuCount: field-not-a-number"),
        (RowVerdict::New, ""),
        (RowVerdict::Error, "id: field-import-twice name: field-import-twice"),
    ];
    assert_eq!(told, expected.map(|(verdict, what)| (verdict, what.to_owned())));
}

#[tokio::test]
async fn what_changed_meanwhile_is_not_overwritten_and_nothing_is_half_done() {
    let world = World::new().await;
    let p = &world.test.platform;
    let first = world.stage(workbook(&["Name", "Code"], &[&["A", "a"], &["B", "b"]])).await;
    imports::confirm(p, &world.admin.ctx(), ImportSubject::Machines, first.id).await.unwrap();
    let sheet =
        workbook(&["Name", "Code", "Region"], &[&["A", "a", "north"], &["B", "b", "north"], &["C", "c", "north"]]);
    let staged = world.stage(sheet).await;
    world.change("b", "B", "south").await;
    let error = imports::confirm(p, &world.admin.ctx(), ImportSubject::Machines, staged.id).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::Conflict, "error-import-changed"));
    assert_eq!(world.machines().await, 2, "nothing of it");
    assert_eq!(machines::get(p, &world.admin.ctx(), "a").await.unwrap().region, None);
    // The row says so, though the same column would be written; who has seen it confirms again.
    assert_eq!(world.changed(staged.id).await, [(3, RowVerdict::Update, RowVerdict::Update)]);
    imports::confirm(p, &world.admin.ctx(), ImportSubject::Machines, staged.id).await.unwrap();
    assert_eq!(machines::get(p, &world.admin.ctx(), "b").await.unwrap().region.as_deref(), Some("north"));
    assert_eq!(world.machines().await, 3);
}

#[tokio::test]
async fn what_a_row_leaves_alone_may_change_meanwhile() {
    let world = World::new().await;
    let (p, ctx) = (&world.test.platform, world.admin.ctx());
    let first = world.stage(workbook(&["Name", "Code"], &[&["A", "a"], &["B", "b"]])).await;
    imports::confirm(p, &ctx, ImportSubject::Machines, first.id).await.unwrap();
    let rows: &[&[&str]] = &[&["A", "a", "north"], &["B", "b", "north"]];
    let staged = world.stage(workbook(&["Name", "Code", "Region"], rows)).await;
    machines::act(p, &ctx, "a", MachineAction::Cordon, None).await.unwrap();
    let remark = Some("new fans".to_owned());
    let change = MachineUpdate { name: "B".to_owned(), remark: remark.clone(), ..MachineUpdate::default() };
    machines::update(p, &ctx, "b", change).await.unwrap();
    // It would turn out as it was shown, so nobody is asked again, and nothing of what was done by hand is lost.
    imports::confirm(p, &ctx, ImportSubject::Machines, staged.id).await.unwrap();
    let (a, b) = (machines::get(p, &ctx, "a").await.unwrap(), machines::get(p, &ctx, "b").await.unwrap());
    assert_eq!((a.region.as_deref(), a.service_state), (Some("north"), ServiceState::Cordoned));
    assert_eq!((b.region.as_deref(), b.remark), (Some("north"), remark));
}

#[tokio::test]
async fn how_a_machine_is_let_stays_while_somebody_has_it() {
    let world = World::new().await;
    let p = &world.test.platform;
    let first = world.stage(workbook(&["Name", "Code"], &[&["A", "a"]])).await;
    imports::confirm(p, &world.admin.ctx(), ImportSubject::Machines, first.id).await.unwrap();
    let shared = || workbook(&["Name", "Code", "Let as"], &[&["A", "a", "shared"]]);
    let staged = world.stage(shared()).await;
    assert_eq!(staged.update_rows, 1);
    let acme = world.test.customer("Acme").await;
    let body = AllocationCreate { customer_id: Some(acme.id), months: Some(1), ..AllocationCreate::default() };
    allocations::create(p, &world.admin.ctx(), "a", body).await.unwrap();
    let error = imports::confirm(p, &world.admin.ctx(), ImportSubject::Machines, staged.id).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::Conflict, "error-import-changed"), "lent after the verdict");
    for import in [staged.id, world.stage(shared()).await.id] {
        let rows = world.rows(import).await;
        assert_eq!(
            (rows.len(), rows[0].1, &rows[0].3[..]),
            (1, RowVerdict::Error, &["pool: field-pool-allocated".to_owned()][..])
        );
    }
}

#[tokio::test]
async fn how_a_machine_is_let_stays_while_instances_are_on_it() {
    let world = World::new().await;
    let p = &world.test.platform;
    let (ctx, acme) = (world.admin.ctx(), world.test.customer("Acme").await);
    host(&world.test, &ctx, "host-001", 1, "/nonexistent/docker.sock").await;
    tested(&world.test, "host-001").await;
    let shop = shop(&world.test, &ctx, "library/small:1", small()).await;
    let whole = || workbook(&["名称", "编号", "出租方式"], &[&["host-001", "host-001", "整机"]]);
    let staged = world.stage(whole()).await;
    assert_eq!(staged.update_rows, 1, "nothing is on it yet");
    let made = instances::create(p, &acme.owner.ctx(), named("one", &shop)).await.unwrap();
    assert_eq!(made.machine.as_str(), "host-001");
    let error = imports::confirm(p, &ctx, ImportSubject::Machines, staged.id).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::Conflict, "error-import-changed"), "used after the verdict");
    for import in [staged.id, world.stage(whole()).await.id] {
        let rows = world.rows(import).await;
        assert_eq!(
            (rows.len(), rows[0].1, &rows[0].3[..]),
            (1, RowVerdict::Error, &["pool: field-pool-instances".to_owned()][..])
        );
    }
    assert_eq!(machines::get(p, &ctx, "host-001").await.unwrap().pool, Pool::Shared);
    // What else a row says of it is written.
    let same = workbook(&["Name", "Code", "Let as", "Region"], &[&["host-001", "host-001", "shared", "west"]]);
    assert_eq!(world.stage(same).await.update_rows, 1);
}

#[tokio::test]
async fn what_is_no_workbook_of_machines_says_why() {
    let world = World::new().await;
    for (bytes, key) in [
        (b"name,code\na,b\n".to_vec(), "sheet-refused-plain-text"),
        (vec![0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1, 0, 0], "sheet-refused-old-excel"),
        (workbook(&["Price", "Amount"], &[&["1", "2"]]), "import-no-heading"),
        (workbook(&["Region", "Code"], &[&["1", "2"]]), "import-no-name-column"),
        (workbook(&["Name", "名称"], &[&["1", "2"]]), "import-columns-alike"),
        (workbook(&["Name", "Name"], &[&["1", "2"]]), "import-column-twice"),
        (workbook(&["Name", "Code"], &[]), "import-no-rows"),
    ] {
        let staged = world.stage(bytes).await;
        assert_eq!(staged.state, ImportState::Refused);
        assert_eq!(staged.refusal.unwrap().key, key);
        let error = imports::confirm(&world.test.platform, &world.admin.ctx(), ImportSubject::Machines, staged.id)
            .await
            .unwrap_err();
        assert_eq!(error.code, ErrorCode::WrongState);
    }
}

#[tokio::test]
async fn imports_are_the_staffs_and_are_forgotten_after_a_day() {
    let world = World::new().await;
    let (p, acme) = (&world.test.platform, world.test.customer("Acme").await);
    let staged = world.stage(workbook(&["Name"], &[&["A"]])).await;
    for user in [&acme.owner, &acme.member] {
        let error = imports::stage(p, &user.ctx(), ImportSubject::Machines, "x.xlsx", &[1][..]).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::NotFound);
        assert_eq!(
            imports::get(p, &user.ctx(), ImportSubject::Machines, staged.id).await.unwrap_err().code,
            ErrorCode::NotFound
        );
        assert_eq!(
            imports::confirm(p, &user.ctx(), ImportSubject::Machines, staged.id).await.unwrap_err().code,
            ErrorCode::NotFound
        );
        assert_eq!(
            imports::discard(p, &user.ctx(), ImportSubject::Machines, staged.id).await.unwrap_err().code,
            ErrorCode::NotFound
        );
    }
    imports::discard(p, &world.admin.ctx(), ImportSubject::Machines, staged.id).await.unwrap();
    let error = imports::confirm(p, &world.admin.ctx(), ImportSubject::Machines, staged.id).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::WrongState);
    assert_eq!(imports::forget(p).await.unwrap(), 0);
    world.test.clock().advance(chrono::TimeDelta::hours(25));
    assert_eq!(imports::forget(p).await.unwrap(), 1);
    assert_eq!(
        imports::get(p, &world.admin.ctx(), ImportSubject::Machines, staged.id).await.unwrap_err().code,
        ErrorCode::NotFound
    );
}

#[tokio::test]
async fn confirming_judges_every_row_again_and_shows_what_came_out_differently() {
    let world = World::new().await;
    let p = &world.test.platform;
    let first = ["a", "b", "c", "d"].map(|code| [code, code, "east"]);
    let first: Vec<&[&str]> = first.iter().map(|row| &row[..]).collect();
    let first = world.stage(workbook(&["Name", "Code", "Region"], &first)).await;
    imports::confirm(p, &world.admin.ctx(), ImportSubject::Machines, first.id).await.unwrap();

    let sheet: &[&[&str]] = &[
        &["a", "a", "east"],
        &["b", "b", "west"],
        &["c", "c", "east"],
        &["e", "e", "east"],
        &["d", "", "east"],
        &["f", "", "east"],
        &["c", "g", "east"],
    ];
    let staged = world.stage(workbook(&["Name", "Code", "Region"], sheet)).await;
    let code_of_f = world.rows(staged.id).await[5].2.clone().unwrap();
    assert_eq!(
        (staged.unchanged_rows, staged.update_rows, staged.new_rows, staged.error_rows, staged.changed_rows),
        (3, 1, 2, 1, 0)
    );
    // Meanwhile: the first and the third are no longer as the workbook has them, the second already is, the new one is
    // there already, and nobody has the name of the one without a code any more.
    world.change("a", "a", "south").await;
    world.change("b", "b", "west").await;
    world.change("c", "c again", "east").await;
    world.change("d", "d again", "east").await;
    let one = workbook(&["Name", "Code"], &[&["x", "e"]]);
    let one = world.stage(one).await;
    imports::confirm(p, &world.admin.ctx(), ImportSubject::Machines, one.id).await.unwrap();

    let error = imports::confirm(p, &world.admin.ctx(), ImportSubject::Machines, staged.id).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::Conflict, "error-import-changed"));
    assert_eq!(error.args, [("n", "5".to_owned())]);
    use RowVerdict::{New, Unchanged, Update};
    let expected =
        [(2, Unchanged, Update), (3, Update, Unchanged), (4, Unchanged, Update), (5, New, Update), (6, Unchanged, New)];
    assert_eq!(world.changed(staged.id).await, expected);
    let view = world.get(staged.id).await;
    assert_eq!((view.state, view.unchanged_rows, view.update_rows, view.new_rows), (ImportState::Ready, 1, 3, 2));
    assert_eq!(world.rows(staged.id).await[5].2.as_ref(), Some(&code_of_f), "a code that was shown is kept");
    assert_eq!(machines::get(p, &world.admin.ctx(), "a").await.unwrap().region.as_deref(), Some("south"));

    // Who has looked at them confirms, and that is what is written.
    let done = imports::confirm(p, &world.admin.ctx(), ImportSubject::Machines, staged.id).await.unwrap();
    assert_eq!((done.state, done.new_rows, done.update_rows), (ImportState::Confirmed, 2, 3));
    assert_eq!(machines::get(p, &world.admin.ctx(), "a").await.unwrap().region.as_deref(), Some("east"));
    assert_eq!(machines::get(p, &world.admin.ctx(), "e").await.unwrap().name, "e");
    assert_eq!(machines::get(p, &world.admin.ctx(), &code_of_f).await.unwrap().name, "f");
}

#[tokio::test]
async fn an_error_that_the_fleet_caused_is_looked_at_again() {
    let world = World::new().await;
    let p = &world.test.platform;
    let first = world.stage(workbook(&["Name", "Code"], &[&["a", "a"]])).await;
    imports::confirm(p, &world.admin.ctx(), ImportSubject::Machines, first.id).await.unwrap();
    let staged = world.stage(workbook(&["Name", "Code"], &[&["a", "z"], &["y", "y"]])).await;
    assert_eq!((staged.error_rows, staged.new_rows), (1, 1));
    world.change("a", "another", "east").await;
    let error = imports::confirm(p, &world.admin.ctx(), ImportSubject::Machines, staged.id).await.unwrap_err();
    assert_eq!(error.key, "error-import-changed");
    assert_eq!(world.changed(staged.id).await, [(2, RowVerdict::Error, RowVerdict::New)]);
}

#[tokio::test]
async fn an_import_whose_day_is_over_is_not_confirmed() {
    let world = World::new().await;
    let p = &world.test.platform;
    let staged = world.stage(workbook(&["Name"], &[&["A"]])).await;
    world.test.clock().advance(chrono::TimeDelta::hours(24));
    // Nobody has cleaned up yet.
    let error = imports::confirm(p, &world.admin.ctx(), ImportSubject::Machines, staged.id).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::WrongState, "error-import-expired"));
    assert_eq!(world.machines().await, 0);
}

#[tokio::test]
async fn nobody_stages_without_end() {
    let world = World::new().await;
    let p = &world.test.platform;
    let stage =
        async |bytes: &[u8]| imports::stage(p, &world.admin.ctx(), ImportSubject::Machines, "x.xlsx", bytes).await;
    let error = stage(&[]).await.unwrap_err();
    assert_eq!((error.code, error.fields[0].key), (ErrorCode::Validation, "field-file-required"));
    assert_eq!(stage(&vec![0; MAX_IMPORT_BYTES + 1]).await.unwrap_err().code, ErrorCode::TooLarge);
    // By size: two of the largest are as much as is kept.
    let largest = vec![0; MAX_IMPORT_BYTES];
    let mut staged = Vec::new();
    for _ in 0..MAX_STAGED_BYTES / MAX_IMPORT_BYTES as i64 {
        staged.push(stage(&largest).await.unwrap().id);
    }
    let error = stage(&[1]).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::QuotaExceeded, "error-import-too-many"));
    for id in staged {
        imports::discard(p, &world.admin.ctx(), ImportSubject::Machines, id).await.unwrap();
    }
    // By number, also at the same time; what is refused as no workbook does not count.
    let refused = stage(b"a,b").await.unwrap().id;
    imports::read(p, refused, true).await.unwrap();
    let all = futures_util::future::join_all((0..MAX_STAGED_IMPORTS + 3).map(|_| stage(&[1]))).await;
    assert_eq!(all.iter().filter(|one| one.is_ok()).count() as i64, MAX_STAGED_IMPORTS);
    assert!(all.iter().filter_map(|one| one.as_ref().err()).all(|error| error.code == ErrorCode::QuotaExceeded));
    // Somebody else has a limit of their own, and what is over is over.
    let other = world.test.admin().await;
    assert!(imports::stage(p, &other.ctx(), ImportSubject::Machines, "x.xlsx", &[1][..]).await.is_ok());
    world.test.clock().advance(chrono::TimeDelta::hours(25));
    assert!(stage(&[1]).await.is_ok());
}

#[tokio::test]
async fn a_workbook_lies_in_parts_until_it_is_read_and_an_idle_worker_hears_of_it_at_once() {
    let world = World::new().await;
    let p = &world.test.platform;
    let parts = async || {
        let count = sqlx::query_scalar::<_, i64>("select count(*) from import_parts");
        count.fetch_one(world.test.owner_pool()).await.unwrap()
    };
    assert!(jobs::idle(p).now_or_never().is_none(), "nothing to do");
    // Texts that hardly shrink, so that it is larger than one part.
    let noise = |seed: u32| -> String {
        (0..1000)
            .scan(seed, |state, _| {
                *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                Some(char::from(b'!' + (*state >> 24) as u8 % 90))
            })
            .collect()
    };
    let rows: Vec<_> = (0..2000).map(|i| (format!("n{i}"), noise(i))).collect();
    let rows: Vec<_> = rows.iter().map(|(name, remark)| [name.as_str(), remark.as_str()]).collect();
    let rows: Vec<&[&str]> = rows.iter().map(|row| &row[..]).collect();
    let bytes = workbook(&["Name", "Remark"], &rows);
    assert!(bytes.len() > 1 << 20, "{} bytes", bytes.len());
    let staged =
        imports::stage(p, &world.admin.ctx(), ImportSubject::Machines, "large.xlsx", &bytes[..]).await.unwrap();
    assert!(jobs::idle(p).now_or_never().is_some(), "a worker that waits is woken");
    assert_eq!(parts().await, bytes.len().div_ceil(256 << 10) as i64);
    imports::read(p, staged.id, true).await.unwrap();
    assert_eq!((world.get(staged.id).await.new_rows, parts().await), (2000, 0));
}

#[tokio::test]
async fn who_takes_the_machines_away_is_in_the_log() {
    let world = World::new().await;
    let (p, acme) = (&world.test.platform, world.test.customer("Acme").await);
    let query = contract::machines::MachineQuery { region: Some("east".to_owned()), ..Default::default() };
    machines::note_export(p, &world.admin.ctx(), &query).await.unwrap();
    assert_eq!(machines::note_export(p, &acme.owner.ctx(), &query).await.unwrap_err().code, ErrorCode::NotFound);
    let log = platform::audit::list(p, &world.admin.ctx(), &Default::default()).await.unwrap();
    let rows: Vec<_> = log.list.iter().filter(|row| row.action == "machines:export").collect();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].after, Some(serde_json::json!({ "region": "east" })));
}

/// The same list as different programs write it: see the fixtures' README.
#[tokio::test]
async fn the_workbooks_of_other_programs_make_the_same_machines() {
    let world = World::new().await;
    let p = &world.test.platform;
    let folder = "../sheets/tests/fixtures";
    let mut first = true;
    for (language, unknown) in [("zh", "采购日期"), ("en", "Purchased")] {
        for program in ["libreoffice", "openpyxl", "wps-shaped"] {
            let file = format!("{folder}/{program}-{language}.xlsx");
            let staged = world.stage(std::fs::read(&file).unwrap()).await;
            assert_eq!(staged.unknown_columns, [unknown], "{file}");
            // The first makes the machines; whatever another program wrote changes nothing about them.
            let (new, unchanged) = if first { (3, 0) } else { (0, 3) };
            assert_eq!((staged.new_rows, staged.unchanged_rows, staged.rows), (new, unchanged, 3), "{file}");
            if std::mem::take(&mut first) {
                imports::confirm(p, &world.admin.ctx(), ImportSubject::Machines, staged.id).await.unwrap();
            }
        }
    }
    for (code, model, memory) in [("rack7-1", "H100 80G", 80), ("rack7-2", "H100 80G", 80), ("rack7-3", "L40S", 48)] {
        let made = machines::get(p, &world.admin.ctx(), code).await.unwrap();
        let hardware = (made.declared.gpu_model.as_deref(), made.declared.gpu_count, made.declared.gpu_memory_gb);
        assert_eq!(hardware, (Some(model), Some(8), Some(memory)), "{code}");
    }
    let texts = machines::get(p, &world.admin.ctx(), "rack7-2").await.unwrap();
    assert_eq!(texts.remark.as_deref(), Some("=1+1"));
}
