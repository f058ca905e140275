//! Machines: who may do what, rules of the fields, lists, revisions, join tokens, what agents find.

pub mod import;
mod import_shapes;
mod import_taken_back;
mod joining;
mod service;

use chrono::TimeDelta;
use contract::accounts::Language;
use contract::audit::AuditQuery;
use contract::machines::{
    DeclaredHardware, JoinTokenCreate, MachineCreate, MachineQuery, MachineUpdate, MachineView, Pool, Presence,
};
use contract::{ErrorCode, JoinTokenId};
use node_protocol::{Disk, GpuInfo, Inventory};
use platform::machines::NodeCredentials;
use platform::{Error, OpContext, Principal, SystemActor, Via, audit, machines};
use test_support::{TestPlatform, TestUser};
use tokio_util::sync::CancellationToken;

/// A server with its background work, and those who ask it.
pub(crate) struct World {
    pub test: TestPlatform,
    pub admin: TestUser,
    stop: CancellationToken,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl std::ops::Deref for World {
    type Target = TestPlatform;
    fn deref(&self) -> &TestPlatform {
        &self.test
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let test = TestPlatform::new().await;
        let admin = test.admin().await;
        let stop = CancellationToken::new();
        platform::metrics::spawn_background(&test.platform, &stop);
        Self { test, admin, stop }
    }

    /// The context of an agent that joins as a new machine of this name.
    async fn joined(&self, name: &str) -> OpContext {
        let secret = self.token(JoinTokenCreate::default()).await;
        let principal = self.join(&key(name), Some(&secret), name).await.unwrap();
        self.node_ctx(principal)
    }

    fn node_ctx(&self, principal: Principal) -> OpContext {
        OpContext::new(principal, self.clock().now(), Via::Agent, "test", None, Language::En)
    }

    async fn token(&self, request: JoinTokenCreate) -> String {
        machines::create_join_token(&self.platform, &self.admin.ctx(), request).await.unwrap().secret
    }

    async fn join(&self, key: &str, token: Option<&str>, name: &str) -> Result<Principal, Error> {
        let credentials = NodeCredentials {
            key: key.to_owned(),
            join_token: token.map(str::to_owned),
            host_name: Some(name.to_owned()),
        };
        machines::authenticate_node(&self.platform, &self.anonymous(), &credentials).await
    }

    async fn create(&self, machine: MachineCreate) -> MachineView {
        machines::create(&self.platform, &self.admin.ctx(), machine).await.unwrap()
    }

    pub(crate) async fn get(&self, code: &str) -> MachineView {
        machines::get(&self.platform, &self.admin.ctx(), code).await.unwrap()
    }

    /// Codes of the machines a query finds, in order.
    async fn codes(&self, query: MachineQuery) -> Vec<String> {
        let page = machines::list(&self.platform, &self.admin.ctx(), &query).await.unwrap();
        page.list.into_iter().map(|row| row.id).collect()
    }

    async fn actions(&self, code: &str) -> Vec<String> {
        let query = AuditQuery { target_id: Some(code.to_owned()), ..AuditQuery::default() };
        let page = audit::list(&self.platform, &self.admin.ctx(), &query).await.unwrap();
        page.list.into_iter().map(|event| event.action).collect()
    }

    /// One number from the database.
    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.owner_pool()).await.unwrap()
    }

    /// Arranges something in the database.
    pub(crate) async fn execute(&self, sql: &'static str) {
        sqlx::query(sql).execute(self.owner_pool()).await.unwrap();
    }
}

fn key(name: &str) -> String {
    format!("{name}-{}", "k".repeat(40))
}

fn code_of(ctx: &OpContext) -> String {
    match ctx.principal() {
        Principal::Node { code, .. } => code.clone(),
        other => panic!("no node: {other:?}"),
    }
}

fn named(name: &str) -> MachineCreate {
    MachineCreate { name: name.to_owned(), ..MachineCreate::default() }
}

fn change_of(view: &MachineView) -> MachineUpdate {
    MachineUpdate {
        name: view.name.clone(),
        region: view.region.clone(),
        public_address: view.public_address.clone(),
        private_address: view.private_address.clone(),
        pool: None,
        listed: view.listed,
        monitored: None,
        remark: view.remark.clone(),
        declared: view.declared.clone(),
        revision: Some(view.revision),
    }
}

fn gpu(uuid: &str, index: u32) -> GpuInfo {
    GpuInfo {
        index,
        uuid: uuid.to_owned(),
        model: "NVIDIA H100 80GB HBM3".to_owned(),
        memory_bytes: Some(85_520_809_984),
        ..GpuInfo::default()
    }
}

fn inventory(gpus: Vec<GpuInfo>) -> Inventory {
    Inventory {
        host_name: "host".to_owned(),
        cpu_cores: Some(64),
        cpu_threads: Some(128),
        memory_bytes: Some(1_081_000_000_000),
        disks: vec![Disk { name: "nvme0n1".to_owned(), total_bytes: 3_840_000_000_000, ..Disk::default() }],
        gpus,
        ..Inventory::default()
    }
}

fn paths(error: &Error) -> Vec<&str> {
    let mut paths: Vec<_> = error.fields.iter().map(|field| field.path).collect();
    paths.sort_unstable();
    paths
}

/// What every operation on machines answers this caller.
async fn answers(world: &World, ctx: &OpContext, code: &str) -> Vec<(&'static str, Result<(), ErrorCode>)> {
    let platform = &world.platform;
    let change = MachineUpdate { name: "changed".to_owned(), ..MachineUpdate::default() };
    fn short<T>(result: Result<T, Error>) -> Result<(), ErrorCode> {
        result.map(drop).map_err(|error| error.code)
    }
    vec![
        ("list", short(machines::list(platform, ctx, &MachineQuery::default()).await)),
        ("facets", short(machines::facets(platform, ctx).await)),
        ("get", short(machines::get(platform, ctx, code).await)),
        ("get missing", short(machines::get(platform, ctx, "no-such").await)),
        ("create", short(machines::create(platform, ctx, named("another")).await)),
        ("update", short(machines::update(platform, ctx, code, change.clone()).await)),
        ("update missing", short(machines::update(platform, ctx, "no-such", change).await)),
        ("tokens", short(machines::list_join_tokens(platform, ctx).await)),
        ("new token", short(machines::create_join_token(platform, ctx, JoinTokenCreate::default()).await)),
        ("revoke token", short(machines::revoke_join_token(platform, ctx, JoinTokenId(1)).await)),
        ("report", short(machines::report_inventory(platform, ctx, "1", &inventory(Vec::new())).await)),
    ]
}

#[tokio::test]
async fn only_staff_reach_machines() {
    let world = World::new().await;
    let acme = world.customer("Acme").await;
    let node = world.joined("worker").await;
    let code = code_of(&node);
    for (who, ctx, refusal) in [
        ("anonymous", world.anonymous(), ErrorCode::Unauthenticated),
        ("member", acme.member.ctx(), ErrorCode::NotFound),
        ("owner", acme.owner.ctx(), ErrorCode::NotFound),
    ] {
        for (what, answer) in answers(&world, &ctx, &code).await {
            // Agents report; nobody else has that door, and it tells nobody whether they are signed in.
            let expected = if what == "report" { ErrorCode::NotFound } else { refusal };
            assert_eq!(answer, Err(expected), "{who}: {what}");
        }
    }
    for (what, answer) in answers(&world, &node, &code).await {
        let expected = if what == "report" { Ok(()) } else { Err(ErrorCode::NotFound) };
        assert_eq!(answer, expected, "node: {what}");
    }
    for (what, answer) in answers(&world, &world.admin.ctx(), &code).await {
        let expected = if what.ends_with("missing") || what == "report" { Err(ErrorCode::NotFound) } else { Ok(()) };
        assert_eq!(answer, expected, "admin: {what}");
    }
    let operator = world.platform.system(SystemActor::Operator);
    for (what, answer) in answers(&world, &operator, &code).await {
        let expected = match what {
            "list" | "facets" | "get" | "tokens" | "new token" | "revoke token" => Ok(()),
            "create" | "update" => Err(ErrorCode::Forbidden),
            _ => Err(ErrorCode::NotFound),
        };
        assert_eq!(answer, expected, "operator: {what}");
    }
}

#[tokio::test]
async fn a_refusal_names_what_was_tried() {
    let world = World::new().await;
    let member = world.customer("Acme").await.member;
    let error = machines::create(&world.platform, &member.ctx(), named("mine")).await.unwrap_err();
    let denial = error.denial().unwrap();
    assert_eq!((denial.action, denial.target_kind), ("machines:create", "machine"));
    assert_eq!(world.number("select count(*) from machines").await, 0);
}

#[tokio::test]
async fn codes_are_given_or_counted_and_never_doubled() {
    let world = World::new().await;
    let given = world.create(MachineCreate { id: Some("host-002".to_owned()), ..named("given") }).await;
    assert_eq!((given.id.as_str(), given.pool, given.monitored), ("host-002", Pool::Whole, true));
    assert_eq!((given.presence, given.revision), (Presence::NeverSeen, 1));
    assert_eq!(world.create(named("first")).await.id, "host-001");
    assert_eq!(world.create(named("second")).await.id, "host-003", "a code that is taken is skipped");
    assert_eq!(world.actions("host-002").await, ["machines:create"]);

    let again = MachineCreate { id: Some("host-002".to_owned()), ..named("new name") };
    let error = machines::create(&world.platform, &world.admin.ctx(), again).await.unwrap_err();
    assert_eq!((error.code, paths(&error)), (ErrorCode::AlreadyExists, vec!["id"]));
    let error = machines::create(&world.platform, &world.admin.ctx(), named("FIRST")).await.unwrap_err();
    assert_eq!((error.code, paths(&error)), (ErrorCode::AlreadyExists, vec!["name"]));
    assert_eq!(world.number("select count(*) from machines").await, 3);
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let world = World::new().await;
    let wrong = MachineCreate {
        id: Some("Import!".to_owned()),
        name: "  ".to_owned(),
        region: Some("r".repeat(65)),
        public_address: Some("10.0.0.999".to_owned()),
        private_address: Some("http://host/".to_owned()),
        remark: Some("x".repeat(1001)),
        declared: DeclaredHardware {
            gpu_model: Some("m".repeat(101)),
            gpu_count: Some(65),
            gpu_memory_gb: Some(u32::MAX),
            cpu_model: Some("\u{7}".to_owned()),
            cpu_cores: Some(u32::MAX),
            memory_gb: Some(u32::MAX),
            system_disk_gb: Some(u32::MAX),
            data_disk_gb: Some(u32::MAX),
        },
        ..MachineCreate::default()
    };
    let all = vec![
        "declared.cpuCores",
        "declared.cpuModel",
        "declared.dataDiskGb",
        "declared.gpuCount",
        "declared.gpuMemoryGb",
        "declared.gpuModel",
        "declared.memoryGb",
        "declared.systemDiskGb",
        "id",
        "name",
        "privateAddress",
        "publicAddress",
        "region",
        "remark",
    ];
    let error = machines::create(&world.platform, &world.admin.ctx(), wrong.clone()).await.unwrap_err();
    assert_eq!((error.code, paths(&error)), (ErrorCode::Validation, all.clone()));

    let code = world.create(named("right")).await.id;
    let change = MachineUpdate {
        name: wrong.name,
        region: wrong.region,
        public_address: wrong.public_address,
        private_address: wrong.private_address,
        remark: wrong.remark,
        declared: wrong.declared,
        ..MachineUpdate::default()
    };
    let error = machines::update(&world.platform, &world.admin.ctx(), &code, change).await.unwrap_err();
    let all: Vec<_> = all.into_iter().filter(|path| *path != "id").collect();
    assert_eq!((error.code, paths(&error)), (ErrorCode::Validation, all));
    assert_eq!(world.get(&code).await.revision, 1);

    for reserved in contract::machines::RESERVED_CODES {
        let create = MachineCreate { id: Some(reserved.to_owned()), ..named(reserved) };
        let error = machines::create(&world.platform, &world.admin.ctx(), create).await.unwrap_err();
        assert_eq!(paths(&error), ["id"], "{reserved}");
    }
}

#[tokio::test]
async fn a_change_over_a_newer_one_is_refused() {
    let world = World::new().await;
    let read = world.create(MachineCreate { pool: Some(Pool::Shared), ..named("before") }).await;
    let first = MachineUpdate { name: "first".to_owned(), ..change_of(&read) };
    let second = MachineUpdate { name: "second".to_owned(), ..change_of(&read) };
    let after = machines::update(&world.platform, &world.admin.ctx(), &read.id, first).await.unwrap();
    assert_eq!((after.revision, after.name.as_str(), after.pool), (2, "first", Pool::Shared));
    let error = machines::update(&world.platform, &world.admin.ctx(), &read.id, second.clone()).await.unwrap_err();
    assert_eq!((error.code, error.key), (ErrorCode::Conflict, "error-machine-changed"));
    assert_eq!(world.get(&read.id).await.name, "first");

    let blind = MachineUpdate { revision: None, ..second };
    let after = machines::update(&world.platform, &world.admin.ctx(), &read.id, blind).await.unwrap();
    assert_eq!((after.revision, after.name.as_str()), (3, "second"));

    let query = AuditQuery { action: Some("machines:update".to_owned()), ..AuditQuery::default() };
    let events = audit::list(&world.platform, &world.admin.ctx(), &query).await.unwrap().list;
    let names = |value: &Option<serde_json::Value>| value.as_ref().unwrap()["name"].as_str().unwrap().to_owned();
    let kept: Vec<_> = events.iter().map(|event| (names(&event.before), names(&event.after))).collect();
    let expected = [("first", "second"), ("before", "first")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(kept, expected, "the refused change left no row");
}

#[tokio::test]
async fn of_two_changes_at_once_one_wins() {
    let world = World::new().await;
    let read = world.create(named("read")).await;
    let change = |name: &str| MachineUpdate { name: name.to_owned(), ..change_of(&read) };
    let (admin, a, b) = (world.admin.ctx(), change("a"), change("b"));
    let (a, b) = tokio::join!(
        machines::update(&world.platform, &admin, &read.id, a),
        machines::update(&world.platform, &admin, &read.id, b)
    );
    assert_eq!([a.is_ok(), b.is_ok()].into_iter().filter(|ok| *ok).count(), 1);
    let lost = a.err().or(b.err()).unwrap();
    assert_eq!(lost.code, ErrorCode::Conflict);
    assert_eq!(world.get(&read.id).await.revision, 2);
}
