//! Machines from a workbook: verdicts, all or nothing, what changed meanwhile.

use contract::allocations::AllocationCreate;
use contract::machines::{ImportRowQuery, ImportState, ImportView, MachineUpdate, RowVerdict};
use contract::{ErrorCode, ImportId};
use platform::{allocations, machines};
use sheets::SheetWriter;
use sheets::write::{Column, Value};
use test_support::{TestPlatform, TestUser};

struct World {
    test: TestPlatform,
    admin: TestUser,
}

impl World {
    async fn new() -> Self {
        let test = TestPlatform::new().await;
        let admin = test.admin().await;
        Self { test, admin }
    }

    async fn stage(&self, bytes: Vec<u8>) -> ImportView {
        let p = &self.test.platform;
        let staged = machines::stage_import(p, &self.admin.ctx(), "C:\\fleet\\machines.xlsx", bytes).await.unwrap();
        assert_eq!((staged.state, staged.file_name.as_str()), (ImportState::Reading, "machines.xlsx"));
        machines::read_import(p, staged.id, true).await.unwrap();
        self.get(staged.id).await
    }

    async fn get(&self, id: ImportId) -> ImportView {
        machines::get_import(&self.test.platform, &self.admin.ctx(), id).await.unwrap()
    }

    /// (row, verdict, code, columns with faults or changes)
    async fn rows(&self, id: ImportId) -> Vec<(u32, RowVerdict, Option<String>, Vec<String>)> {
        let query = ImportRowQuery { page_size: Some(100), ..ImportRowQuery::default() };
        let page = machines::import_rows(&self.test.platform, &self.admin.ctx(), id, &query).await.unwrap();
        page.list
            .into_iter()
            .map(|row| {
                let faults = row.faults.iter().map(|fault| format!("{}: {}", fault.column, fault.note.key));
                (row.row, row.verdict, row.code, row.changes.iter().cloned().chain(faults).collect())
            })
            .collect()
    }

    async fn machines(&self) -> u64 {
        machines::facets(&self.test.platform, &self.admin.ctx()).await.unwrap().machines
    }
}

fn workbook(headings: &[&str], rows: &[&[&str]]) -> Vec<u8> {
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
    machines::confirm_import(p, &world.admin.ctx(), first.id).await.unwrap();
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
    let done = machines::confirm_import(p, &world.admin.ctx(), staged.id).await.unwrap();
    assert_eq!((done.state, world.machines().await), (ImportState::Confirmed, 3));
    let made = machines::get(p, &world.admin.ctx(), &new_code).await.unwrap();
    assert_eq!((made.declared.gpu_count, made.declared.gpu_memory_gb), (Some(8), Some(80)));
    let changed = machines::get(p, &world.admin.ctx(), "rack-1").await.unwrap();
    assert_eq!((changed.region.as_deref(), changed.revision), (Some("west"), 2));
    let log = platform::audit::list(p, &world.admin.ctx(), &Default::default()).await.unwrap();
    let row = log.list.iter().find(|row| row.action == "machines:import").unwrap();
    assert_eq!(row.after.as_ref().unwrap()["new"], 1);
    let again = machines::confirm_import(p, &world.admin.ctx(), staged.id).await.unwrap_err();
    assert_eq!((again.code, again.key), (ErrorCode::WrongState, "error-import-state"));
}

#[tokio::test]
async fn what_changed_meanwhile_is_not_overwritten_and_nothing_is_half_done() {
    let world = World::new().await;
    let p = &world.test.platform;
    let first = world.stage(workbook(&["Name", "Code"], &[&["A", "a"], &["B", "b"]])).await;
    machines::confirm_import(p, &world.admin.ctx(), first.id).await.unwrap();
    let sheet =
        workbook(&["Name", "Code", "Region"], &[&["A", "a", "north"], &["B", "b", "north"], &["C", "c", "north"]]);
    let staged = world.stage(sheet).await;
    let change = MachineUpdate { name: "B".to_owned(), region: Some("south".to_owned()), ..MachineUpdate::default() };
    machines::update(p, &world.admin.ctx(), "b", change).await.unwrap();
    let error = machines::confirm_import(p, &world.admin.ctx(), staged.id).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::Conflict, "error-import-changed"));
    assert_eq!(world.machines().await, 2, "nothing of it");
    assert_eq!(machines::get(p, &world.admin.ctx(), "a").await.unwrap().region, None);
    // It is read again, against what is there now; and then it goes.
    assert_eq!(world.get(staged.id).await.state, ImportState::Reading);
    machines::read_import(p, staged.id, true).await.unwrap();
    machines::confirm_import(p, &world.admin.ctx(), staged.id).await.unwrap();
    assert_eq!(machines::get(p, &world.admin.ctx(), "b").await.unwrap().region.as_deref(), Some("north"));
    assert_eq!(world.machines().await, 3);
}

#[tokio::test]
async fn how_a_machine_is_let_stays_while_somebody_has_it() {
    let world = World::new().await;
    let p = &world.test.platform;
    let first = world.stage(workbook(&["Name", "Code"], &[&["A", "a"]])).await;
    machines::confirm_import(p, &world.admin.ctx(), first.id).await.unwrap();
    let shared = || workbook(&["Name", "Code", "Let as"], &[&["A", "a", "shared"]]);
    let staged = world.stage(shared()).await;
    assert_eq!(staged.update_rows, 1);
    let acme = world.test.customer("Acme").await;
    let body = AllocationCreate { customer_id: Some(acme.id), months: Some(1), ..AllocationCreate::default() };
    allocations::create(p, &world.admin.ctx(), "a", body).await.unwrap();
    let error = machines::confirm_import(p, &world.admin.ctx(), staged.id).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::Conflict, "error-import-changed"), "lent after the verdict");
    machines::read_import(p, staged.id, true).await.unwrap();
    for import in [staged.id, world.stage(shared()).await.id] {
        let rows = world.rows(import).await;
        assert_eq!(
            (rows.len(), rows[0].1, &rows[0].3[..]),
            (1, RowVerdict::Error, &["pool: field-pool-allocated".to_owned()][..])
        );
    }
}

#[tokio::test]
async fn what_is_no_workbook_of_machines_says_why() {
    let world = World::new().await;
    for (bytes, key) in [
        (b"name,code\na,b\n".to_vec(), "sheet-refused-plain-text"),
        (vec![0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1, 0, 0], "sheet-refused-old-excel"),
        (workbook(&["Price", "Amount"], &[&["1", "2"]]), "import-no-heading"),
        (workbook(&["Region", "Code"], &[&["1", "2"]]), "import-no-name-column"),
        (workbook(&["Name", "名称"], &[&["1", "2"]]), "import-column-twice"),
        (workbook(&["Name", "Code"], &[]), "import-no-rows"),
    ] {
        let staged = world.stage(bytes).await;
        assert_eq!(staged.state, ImportState::Refused);
        assert_eq!(staged.refusal.unwrap().key, key);
        let error = machines::confirm_import(&world.test.platform, &world.admin.ctx(), staged.id).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::WrongState);
    }
}

#[tokio::test]
async fn imports_are_the_staffs_and_are_forgotten_after_a_day() {
    let world = World::new().await;
    let (p, acme) = (&world.test.platform, world.test.customer("Acme").await);
    let staged = world.stage(workbook(&["Name"], &[&["A"]])).await;
    for user in [&acme.owner, &acme.member] {
        let error = machines::stage_import(p, &user.ctx(), "x.xlsx", vec![1]).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::NotFound);
        assert_eq!(machines::get_import(p, &user.ctx(), staged.id).await.unwrap_err().code, ErrorCode::NotFound);
        assert_eq!(machines::confirm_import(p, &user.ctx(), staged.id).await.unwrap_err().code, ErrorCode::NotFound);
        assert_eq!(machines::discard_import(p, &user.ctx(), staged.id).await.unwrap_err().code, ErrorCode::NotFound);
    }
    machines::discard_import(p, &world.admin.ctx(), staged.id).await.unwrap();
    let error = machines::confirm_import(p, &world.admin.ctx(), staged.id).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::WrongState);
    assert_eq!(machines::forget_imports(p).await.unwrap(), 0);
    world.test.clock().advance(chrono::TimeDelta::hours(25));
    assert_eq!(machines::forget_imports(p).await.unwrap(), 1);
    assert_eq!(machines::get_import(p, &world.admin.ctx(), staged.id).await.unwrap_err().code, ErrorCode::NotFound);
}
