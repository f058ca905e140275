//! A part of a GPU's memory on a real Docker Engine: the limit is in the container, stays there whatever its root does, and
//! what the driver counts is compared with it. GPUs and driver are not here; a library that obeys HAMi-core's contract is.

use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::TimeDelta;
use contract::billing::LedgerQuery;
use contract::images::ImageWrite;
use contract::instances::{
    InstanceAction, InstanceCreate, InstanceLogQuery, InstanceState, InstanceView, MemorySplitState as Split,
};
use contract::machines::ConnectionUpdate;
use contract::specs::SpecWrite;
use contract::{InstanceId, MachineId};
use node_protocol::{Process, ProcessList};
use platform::metrics::NodeLink;
use platform::settings::Change;
use platform::{OpContext, billing, engines, images, instances, machines, metrics, notifications, settings};
use tempfile::TempDir;
use test_support::{DockerEngine, TestCustomer, TestNode, TestPlatform, TestUser, eventually};
use tokio_util::sync::CancellationToken;

use crate::instances::{Shop, host, named, spec_listed};

const MIB: u64 = 1 << 20;
const IMAGE: &str = "divided:1";

/// What the tests compile: the stand-in for HAMi-core, a driver, and a program that asks it for memory.
struct Built(TempDir);

impl Built {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("rg-split-").tempdir_in("/var/tmp").unwrap();
        let built = Self(folder);
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/memory_split");
        let compile = |source: &str, to: &str, arguments: &[&str]| {
            let mut command = Command::new("cc");
            command.arg("-O1").arg(sources.join(source)).arg("-o").arg(built.at(to)).args(arguments);
            let done = command.output().expect("cc is here: it links every program");
            assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        };
        let shared = ["-shared", "-fPIC"];
        compile("driver.c", "libcuda.so.1", &[&shared[..], &["-Wl,-soname,libcuda.so.1"]].concat());
        compile("standin.c", "libvgpu.so", &[&shared[..], &["-ldl", "-lpthread"]].concat());
        let driver = built.at("libcuda.so.1");
        let loader = ["-Wl,--dynamic-linker=/lib/ld.so", "-Wl,-rpath,/lib", driver.to_str().unwrap()];
        compile("alloc.c", "alloc", &loader);
        built
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// An image with the program and what it needs: this machine's own C library.
    fn import(&self, engine: &DockerEngine) {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let mapped = |begin: &str| {
            let path = maps.lines().filter_map(|line| line.split_once('/').map(|(_, path)| format!("/{path}")));
            let mut found = path.filter(|path| path.rsplit('/').next().is_some_and(|name| name.starts_with(begin)));
            std::fs::read(found.next().unwrap()).unwrap()
        };
        let own = |name: &str| std::fs::read(self.at(name)).unwrap();
        let files = [
            ("lib/ld.so", mapped("ld-linux")),
            ("lib/libc.so.6", mapped("libc.so.6")),
            ("lib/libcuda.so.1", own("libcuda.so.1")),
            ("bin/alloc", own("alloc")),
        ];
        engine.import_files("divided", &files.map(|(name, content)| (name.to_owned(), content)));
    }
}

/// A machine with one GPU and a running engine, whose agent speaks, and half a GPU to be had.
struct World {
    engine: DockerEngine,
    built: Built,
    test: TestPlatform,
    admin: TestUser,
    acme: TestCustomer,
    node: TestNode,
    link: NodeLink,
    shop: Shop,
}

impl World {
    async fn new() -> Self {
        let (engine, built) = (DockerEngine::start_with_gpus(), Built::new());
        built.import(&engine);
        let test = TestPlatform::new().await;
        let (admin, acme) = (test.admin().await, test.customer("Acme").await);
        let ctx = admin.ctx();
        let node = host(&test, &ctx, "host-001", 1, engine.socket().to_str().unwrap()).await;
        let link = metrics::open_link(&test.platform, &node.ctx(), &node.hello()).await.unwrap();
        metrics::spawn_background(&test.platform, &CancellationToken::new());
        assert!(engines::test(&test.platform, &ctx, "host-001").await.unwrap().done);
        let shop = Shop { image: image(&test, &ctx, true).await, spec: spec_listed(&test, &ctx, part()).await };
        Self { engine, built, test, admin, acme, node, link, shop }
    }

    /// Says where the library lies on the machine.
    async fn library(&self, folder: &Path) {
        let said = ConnectionUpdate { hami_core_path: Some(folder.to_str().unwrap().to_owned()), ..Default::default() };
        machines::set_connection(&self.test.platform, &self.admin.ctx(), "host-001", said).await.unwrap();
    }

    fn mine(&self) -> OpContext {
        self.acme.owner.ctx()
    }

    async fn create(&self, name: &str, script: &str) -> InstanceId {
        let command = Some(["sh", "-c", script].map(str::to_owned).into());
        let body = InstanceCreate { command, ..named(name, &self.shop) };
        instances::create(&self.test.platform, &self.mine(), body).await.unwrap().id
    }

    async fn apply(&self, id: InstanceId) -> InstanceView {
        instances::apply(&self.test.platform, id).await.unwrap();
        self.get(id).await
    }

    async fn act(&self, id: InstanceId, action: InstanceAction) -> InstanceView {
        instances::act(&self.test.platform, &self.mine(), id, action).await.unwrap();
        self.apply(id).await
    }

    async fn get(&self, id: InstanceId) -> InstanceView {
        instances::get(&self.test.platform, &self.mine(), id).await.unwrap()
    }

    async fn look(&self) {
        instances::look(&self.test.platform, self.machine()).await.unwrap();
    }

    fn machine(&self) -> MachineId {
        self.node.machine
    }

    async fn said(&self, id: InstanceId) -> Vec<String> {
        let lines = instances::logs(&self.test.platform, &self.mine(), id, &InstanceLogQuery::default()).await.unwrap();
        lines.lines.into_iter().map(|line| line.text).collect()
    }

    /// The newest of its lines before the last one, when there are so many of all.
    async fn newest(&self, id: InstanceId, count: usize, all: usize) -> Vec<String> {
        let said = eventually("it has said all it has to say", async || {
            Some(self.said(id).await).filter(|said| said.len() == all && said.last().is_some_and(|line| line == "done"))
        });
        let said = said.await;
        said[all - count - 1..all - 1].to_vec()
    }

    fn ask(&self, path: &str) -> serde_json::Value {
        let (status, body) = self.engine.ask("GET", path, "application/json", b"");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    fn container(&self) -> String {
        self.ask("/containers/json?all=1")[0]["Id"].as_str().unwrap().to_owned()
    }

    /// Runs this in the container, as a terminal and the SSH gate do, with its output where the container's own is.
    fn exec(&self, script: &str) {
        let body =
            serde_json::json!({ "Cmd": ["sh", "-c", format!("{{ {script}; }} > /proc/1/fd/1 2>&1")] }).to_string();
        let path = format!("/containers/{}/exec", self.container());
        let (status, made) = self.engine.ask("POST", &path, "application/json", body.as_bytes());
        assert_eq!(status, 201, "{made}");
        let made: serde_json::Value = serde_json::from_str(&made).unwrap();
        let path = format!("/exec/{}/start", made["Id"].as_str().unwrap());
        assert_eq!(self.engine.ask("POST", &path, "application/json", br#"{"Detach":true}"#).0, 200);
    }

    /// The agent lists these programs in the container, each with its MiB and whether the library is in it.
    async fn measured(&self, programs: &[(u64, bool)]) {
        let (p, now) = (&self.test.platform, self.test.clock().now().timestamp_millis());
        let container = self.container();
        let process = |(pid, (mib, preloaded)): (usize, &(u64, bool))| Process {
            pid: u32::try_from(pid).unwrap() + 100,
            gpu_uuid: self.node.gpu_uuid(0),
            container: Some(container.clone()),
            gpu_memory_bytes: Some(mib * MIB),
            preloaded: Some(*preloaded),
            ..Process::default()
        };
        metrics::ingest(p, &self.node.ctx(), &self.link, self.node.batch(1, 1)).await.unwrap();
        let list = ProcessList { at_ms: now, processes: programs.iter().enumerate().map(process).collect() };
        metrics::report_processes(p, &self.node.ctx(), &self.link, list).await.unwrap();
        self.look().await;
    }

    fn pass(&self, seconds: i64) {
        self.test.clock().advance(TimeDelta::seconds(seconds));
    }

    /// How often the two were told, and where that leads them.
    async fn told(&self) -> [Vec<String>; 2] {
        let mut all = Vec::new();
        for who in [&self.acme.owner, &self.admin] {
            let list = notifications::list(&self.test.platform, &who.ctx(), &Default::default()).await.unwrap().list;
            let about = list.into_iter().filter(|one| ["GPU", "显存"].iter().any(|word| one.message.contains(word)));
            all.push(about.filter_map(|one| one.link).collect());
        }
        all.try_into().unwrap()
    }
}

async fn image(test: &TestPlatform, ctx: &OpContext, memory_split: bool) -> contract::ImageId {
    let body = ImageWrite {
        name: format!("Divided {memory_split}"),
        address: Some(IMAGE.to_owned()),
        memory_split,
        ..ImageWrite::default()
    };
    let image = images::create(&test.platform, ctx, body).await.unwrap().id;
    images::set_listed(&test.platform, ctx, image, true).await.unwrap();
    image
}

/// 8 GB of a card.
fn part() -> SpecWrite {
    serde_json::from_value(serde_json::json!({
        "name": "Part", "gpuModel": "NVIDIA H100 80GB HBM3", "gpuCount": 1, "gpuMemoryGb": 8, "gpuUse": "share",
        "cpuCores": 1, "memoryGb": 1, "systemDiskGb": 1,
    }))
    .unwrap()
}

fn badge(view: &InstanceView) -> (Split, &str) {
    let split = view.memory_split.as_ref().unwrap();
    (split.state, split.reason.as_str())
}

/// Asks for memory in each way that a program may be started in; 8 GB are 7629 MiB.
const TRIES: &str = "alloc within 7629; alloc beyond 7630; env -i /bin/alloc cleared 7630; \
                     CUDA_DEVICE_MEMORY_LIMIT=80g CUDA_DEVICE_MEMORY_LIMIT_0=80g LD_PRELOAD= alloc changed 7630; echo done";
/// What comes of it: 2 is that there is not as much.
const REFUSED: [&str; 4] = ["within 0 7629", "beyond 2 7629", "cleared 2 7629", "changed 2 7629"];

#[tokio::test]
async fn a_share_is_refused_more_however_its_programs_are_started() {
    let world = World::new().await;
    world.library(world.built.0.path()).await;
    let id = world.create("one", &format!("{TRIES}; exec sleep 600")).await;
    let made = world.apply(id).await;
    assert_eq!((made.state, made.failure), (InstanceState::Running, None));
    assert_eq!(world.newest(id, 4, 5).await, REFUSED);
    // Nothing is left of what the files came by, and there is the one volume they are in.
    assert_eq!(world.ask("/containers/json?all=1").as_array().unwrap().len(), 1);
    assert_eq!(world.ask("/volumes")["Volumes"].as_array().unwrap().len(), 1);
    world.exec(TRIES);
    assert_eq!(world.newest(id, 4, 10).await, REFUSED);

    // Root of the container cannot write, take away or replace what holds it.
    world.exec(
        "for f in /overrideEnv /etc/ld.so.preload /usr/local/vgpu/libvgpu.so; do \
         { echo x > $f; } 2>/dev/null && echo written; rm -f $f 2>/dev/null && echo removed; \
         echo x > /new; mv -f /new $f 2>/dev/null && echo replaced; done; \
         cat /overrideEnv | head -n 2; cat /etc/ld.so.preload; alloc still 7630; echo done",
    );
    let held = [
        "CUDA_DEVICE_MEMORY_LIMIT=7629m",
        "CUDA_DEVICE_MEMORY_LIMIT_0=7629m",
        "/usr/local/vgpu/libvgpu.so",
        "still 2 7629",
    ];
    assert_eq!(world.newest(id, 4, 15).await, held);
    let binds: Vec<bool> = world.ask(&format!("/containers/{}/json", world.container()))["Mounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| mount["RW"].as_bool().unwrap())
        .collect();
    assert_eq!(binds, [false; 3]);

    // After a restart, a stop and a start, a new name, and in a container that takes the place of one that was taken away.
    world.act(id, InstanceAction::Restart).await;
    assert_eq!(world.newest(id, 4, 20).await, REFUSED);
    world.act(id, InstanceAction::Stop).await;
    assert_eq!(badge(&world.get(id).await), (Split::Enforced, "ready"));
    let renamed = contract::instances::InstanceUpdate { name: Some("two".to_owned()), ..Default::default() };
    instances::update(&world.test.platform, &world.mine(), id, renamed).await.unwrap();
    world.act(id, InstanceAction::Start).await;
    assert_eq!(world.newest(id, 4, 25).await, REFUSED);
    let path = format!("/containers/{}?force=1", world.container());
    assert_eq!(world.engine.ask("DELETE", &path, "application/json", b"").0, 204);
    world.look().await;
    assert_eq!(world.apply(id).await.state, InstanceState::Running);
    assert_eq!(world.newest(id, 4, 5).await, REFUSED);

    world.act(id, InstanceAction::Delete).await;
    assert_eq!(world.ask("/containers/json?all=1").as_array().unwrap().len(), 0);
    assert!(world.ask("/volumes")["Volumes"].as_array().is_none_or(Vec::is_empty));
}

#[tokio::test]
async fn what_cannot_hold_it_is_said() {
    let mut world = World::new().await;
    // Its machine names no folder, and then one without the library.
    let id = world.create("none", &format!("{TRIES}; exec sleep 600")).await;
    let made = world.apply(id).await;
    assert_eq!((made.state, badge(&made)), (InstanceState::Running, (Split::Advisory, "no-library")));
    assert_eq!(world.newest(id, 1, 5).await, ["changed 0 81920"], "nothing holds it");
    world.act(id, InstanceAction::Delete).await;
    let empty = tempfile::tempdir().unwrap();
    world.library(empty.path()).await;
    let id = world.create("empty", "exec sleep 600").await;
    let failed = world.apply(id).await;
    assert_eq!((failed.state, failed.failure.as_deref()), (InstanceState::Failed, Some("host-file")));
    assert_eq!(failed.detail, None, "where it lies is the staff's");
    assert_eq!(world.ask("/containers/json?all=1").as_array().unwrap().len(), 0);
    // Folders that nothing is given out of are refused when they are said.
    let said = ConnectionUpdate { hami_core_path: Some("/etc".to_owned()), ..Default::default() };
    let refused =
        machines::set_connection(&world.test.platform, &world.admin.ctx(), "host-001", said).await.unwrap_err();
    assert_eq!(refused.fields[0].key, "field-closed-folder");
    // Nobody says of the image that it works with a part.
    world.library(world.built.0.path()).await;
    world.shop.image = image(&world.test, &world.admin.ctx(), false).await;
    let id = world.create("image", "alloc it 7630; echo done; exec sleep 600").await;
    assert_eq!(badge(&world.apply(id).await), (Split::Advisory, "image"));
    assert_eq!(world.newest(id, 1, 2).await, ["it 0 81920"]);
    world.act(id, InstanceAction::Delete).await;
    // What the library goes by is nobody's to set.
    let mut body = named("own", &world.shop);
    body.environment.insert("CUDA_DEVICE_MEMORY_LIMIT_0".to_owned(), "80g".to_owned());
    let refused = instances::create(&world.test.platform, &world.mine(), body).await.unwrap_err();
    assert_eq!(refused.fields[0].key, "field-environment-closed");
}

#[tokio::test]
async fn a_broken_share_is_told_once_and_stopped_where_that_is_the_rule() {
    let world = World::new().await;
    world.library(world.built.0.path()).await;
    let id = world.create("one", "exec sleep 600").await;
    let made = world.apply(id).await;
    assert_eq!(badge(&made), (Split::Advisory, "not-measured"), "nobody has said yet");
    // Figures as they were read on an H100: a program that has all of its share, and its context beside it.
    world.measured(&[(8820, true)]).await;
    let view = world.get(id).await;
    assert_eq!(badge(&view), (Split::Enforced, "held"));
    let split = view.memory_split.unwrap();
    assert_eq!((split.limit_bytes, split.used_bytes), (7629 * MIB, Some(8820 * MIB)));

    for _ in 0..3 {
        world.pass(10);
        world.measured(&[(9518, true)]).await;
    }
    assert_eq!(badge(&world.get(id).await), (Split::Broken, "over"));
    let both = [vec![format!("/instances/{id}")], vec![format!("/admin/instances/{id}")]];
    assert_eq!(world.told().await, both);
    world.pass(10);
    world.measured(&[(100, true)]).await;
    assert_eq!(badge(&world.get(id).await), (Split::Enforced, "held"));
    // Again at once is not told again; later it is.
    for (later, times) in [(30, 1), (1200, 2)] {
        world.pass(later);
        world.measured(&[(518, false)]).await;
        assert_eq!(badge(&world.get(id).await), (Split::Broken, "bare"));
        assert_eq!(world.told().await.map(|told| told.len()), [times; 2]);
        world.pass(1);
        world.measured(&[]).await;
        assert_eq!(badge(&world.get(id).await), (Split::Enforced, "held"));
    }
    // An agent that is silent says nothing of now.
    world.pass(240);
    world.look().await;
    assert_eq!(badge(&world.get(id).await), (Split::Advisory, "not-measured"));

    // The rule: after so many minutes it is stopped.
    let rule = Change { key: "general.split_stop_minutes".to_owned(), value: 2.into(), version: None };
    settings::change(&world.test.platform, &world.admin.ctx(), vec![rule]).await.unwrap();
    for (seconds, state) in [(10, InstanceState::Running), (60, InstanceState::Running), (70, InstanceState::Failed)] {
        world.pass(seconds);
        world.measured(&[(5600, true), (5600, true)]).await;
        assert_eq!(world.get(id).await.state, state);
    }
    let stopped = world.get(id).await;
    assert_eq!((stopped.failure.as_deref(), badge(&stopped)), (Some("split-broken"), (Split::Enforced, "ready")));
    // The most that was measured is in the ledger.
    let query = LedgerQuery { page_size: Some(10), ..LedgerQuery::default() };
    let lines = billing::own_ledger(&world.test.platform, &world.mine(), &query).await.unwrap().list;
    let measured: Vec<Option<u64>> = lines.iter().map(|line| line.measured_memory_bytes).collect();
    assert_eq!(measured, [Some(11_200 * MIB)]);
    assert_eq!(world.act(id, InstanceAction::Start).await.state, InstanceState::Running);
}
