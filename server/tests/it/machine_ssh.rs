//! Whole machines by SSH: the agent's own program keeps the customer's keys for a real sshd, and OpenSSH's client comes to it
//! through the door.

use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Program, Output, Stdio};
use std::time::{Duration, Instant};

use contract::accounts::SshKeyCreate;
use contract::allocations::{AllocationCreate, AllocationEnd, AllocationState};
use contract::{AllocationId, SshKeyId};
use platform::{accounts, allocations};
use serde_json::json;
use test_support::{TestCustomer, TestNode, TestUser, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use crate::harness::{Answer, Server};
use crate::programs;
use crate::ssh::{run, text};

/// What is promised of what ends somebody's powers.
const PROMISE: Duration = Duration::from_secs(5);
const SSHD: &str = "/usr/sbin/sshd";
/// Who came.
const CAME: &str = "select count(*) from audit_events where action = 'allocations:open-ssh'";
/// Ends the agent's lines.
const MARK: &str = "kept-by-remotegpu-agent";
/// Called as an sshd's own are.
const HOST_KEY: &str = "ssh_host_ed25519_key";

/// A program that ends with this value.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A host with an sshd and an account, the door, and a customer who has the machine.
pub(crate) struct World {
    pub(crate) server: Server,
    node: TestNode,
    pub(crate) admin: TestUser,
    pub(crate) acme: TestCustomer,
    pub(crate) lease: AllocationId,
    /// Of the account that runs this: an sshd that is not root's lets in nobody else.
    account: String,
    folder: tempfile::TempDir,
    pub(crate) sshd_port: u16,
    door_port: u16,
    _sshd: Running,
    stop: CancellationToken,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn succeeds(command: &mut Program) -> String {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}: cargo xtask setup test gets it"));
    assert!(done.status.success(), "{command:?}: {}", text(&done.stderr));
    text(&done.stdout)
}

fn make_key(file: &Path) -> String {
    succeeds(Program::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(file));
    std::fs::read_to_string(file.with_extension("pub")).unwrap().trim().to_owned()
}

/// An sshd of this account; it answers when this returns.
async fn sshd(folder: &Path) -> (Running, u16) {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let place = |name: &str| folder.join(name).display().to_string();
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nAuthorizedKeysFile {}/.ssh/authorized_keys\n\
         StrictModes yes\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n\
         Subsystem sftp internal-sftp\nLogLevel ERROR\n",
        place(HOST_KEY),
        place("home"),
    );
    std::fs::write(folder.join("sshd_config"), config).unwrap();
    // Where root's sshd gives its rights up.
    let _ = std::fs::create_dir_all("/run/sshd");
    let mut command = Program::new(SSHD);
    command.args(["-D", "-e", "-f", &place("sshd_config")]).stdin(Stdio::null()).stdout(Stdio::null());
    let child = command.stderr(std::fs::File::create(folder.join("sshd.log")).unwrap()).spawn();
    let child = Running(child.expect("openssh-server is here: cargo xtask setup test gets it"));
    eventually("the sshd answers", async || TcpStream::connect(("127.0.0.1", port)).await.ok()).await;
    (child, port)
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_door(false).await
    }

    /// `apart`: the door is of another server, to which no agent is linked.
    pub(crate) async fn with_door(apart: bool) -> Self {
        // Where nobody else may write on the way to it: sshd takes no key elsewhere.
        let place = env!("CARGO_TARGET_TMPDIR");
        std::fs::create_dir_all(place).unwrap();
        let folder = tempfile::tempdir_in(place).unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        for mine in [folder.path(), &folder.path().join("home")] {
            std::fs::set_permissions(mine, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let host_key = make_key(&folder.path().join(HOST_KEY));
        let (sshd, sshd_port) = sshd(folder.path()).await;
        let server = Server::start().await;
        let (admin, node) = (server.test.admin().await, server.test.node("host-001").await);
        let acme = server.test.customer("Acme").await;
        let (platform, stop) = (server.platform().clone(), CancellationToken::new());
        let body = AllocationCreate { customer_id: Some(acme.id), months: Some(1), ..AllocationCreate::default() };
        let lease = allocations::create(&platform, &admin.ctx(), "host-001", body).await.unwrap().allocation.id;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let door_port = listener.local_addr().unwrap().port();
        let platform = if apart { server.test.another_server().await } else { platform };
        let door_key = platform::access::host_key(&platform).await.unwrap().public_key;
        let stopping = stop.clone();
        tokio::spawn(async move {
            ssh_gateway::serve(platform, listener, ssh_gateway::Limits::default(), stopping).await.unwrap();
        });
        let known = format!("[127.0.0.1]:{door_port} {door_key}\nhost-001 {host_key}\n");
        std::fs::write(folder.path().join("known"), known).unwrap();
        let account = succeeds(Program::new("id").arg("-un")).trim().to_owned();
        let world = Self { server, node, admin, acme, lease, account, folder, sshd_port, door_port, _sshd: sshd, stop };
        world.write_config();
        world
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What somebody has in their own `~/.ssh/config`; without ProxyJump, which stays to be asked for.
    fn write_config(&self) {
        let config = format!(
            "Host *\n  UserKnownHostsFile {known}\n  StrictHostKeyChecking yes\n  IdentityFile {key}\n  IdentitiesOnly yes\n  \
             BatchMode yes\n  LogLevel INFO\nHost door\n  HostName 127.0.0.1\n  Port {door}\n  User {owner}+host-001\n\
             Host host-001\n  User {account}\n",
            known = self.place("known").display(),
            key = self.place("key").display(),
            door = self.door_port,
            owner = self.acme.owner.name,
            account = self.account,
        );
        std::fs::write(self.place("config"), config).unwrap();
    }

    /// A new key of the owner, under the name of before.
    pub(crate) async fn add_key(&self) -> SshKeyId {
        let file = self.place("key");
        for old in [&file, &file.with_extension("pub")] {
            let _ = std::fs::remove_file(old);
        }
        let body = SshKeyCreate { name: Some("laptop".to_owned()), public_key: make_key(&file) };
        accounts::add_ssh_key(self.server.platform(), &self.acme.owner.ctx(), body).await.unwrap().id
    }

    /// The agent's program, always with the same state folder; linked when this returns.
    async fn agent(&self, words: &[&str]) -> Running {
        let state = self.place("state");
        if !state.exists() {
            std::fs::create_dir(&state).unwrap();
            let mut key = std::fs::OpenOptions::new();
            let mut key = key.write(true).create_new(true).mode(0o600).open(state.join("node.key")).unwrap();
            std::io::Write::write_all(&mut key, self.node.key.as_bytes()).unwrap();
        }
        self.server.sql("delete from node_links returning 1::text").await;
        let mut command = Program::new(programs::agent());
        command.env_clear().args(["run", "--no-docker-tunnel", "--server", &self.server.origin(), "--state-dir"]);
        command.arg(state).args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let agent = Running(command.spawn().unwrap());
        eventually("the agent's link", async || {
            (self.server.count("select count(*) from node_links").await == 1).then_some(())
        })
        .await;
        agent
    }

    pub(crate) async fn keeping_agent(&self) -> Running {
        let (sshd, home) = (SocketAddr::from(([127, 0, 0, 1], self.sshd_port)).to_string(), self.place("home"));
        let (home, keys) = (home.to_str().unwrap(), self.folder.path().to_str().unwrap());
        let words = ["--manage-keys", &self.account, "--sshd", &sshd, "--keys-home", home, "--sshd-keys", keys];
        self.agent(&words).await
    }

    fn authorized(&self) -> String {
        std::fs::read_to_string(self.place("home/.ssh/authorized_keys")).unwrap_or_default()
    }

    pub(crate) async fn key_is_there(&self) {
        let public = self.public_key();
        eventually("the key is on the host", async || self.authorized().contains(&public).then_some(())).await;
    }

    pub(crate) async fn door_knows_the_sshd(&self) {
        eventually("the door knows the sshd", async || {
            let rows = "select count(*) from host_keys where cardinality(sshd_keys) > 0 and lease_id is not null";
            (self.server.count(rows).await == 1).then_some(())
        })
        .await;
    }

    fn public_key(&self) -> String {
        std::fs::read_to_string(self.place("key.pub")).unwrap().trim().to_owned()
    }

    /// Within what is promised.
    async fn gone_from_the_host(&self, what: &str, after: Instant) {
        while self.authorized().contains(what) {
            assert!(after.elapsed() < PROMISE, "still there after {:?}: {}", after.elapsed(), self.authorized());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn program(&self, name: &str, words: &[&str]) -> Command {
        let mut command = Command::new(name);
        command.arg("-F").arg(self.place("config")).args(words).env_remove("SSH_AUTH_SOCK").kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Somebody in each of the ways: with their own key to the end, straight, and at a port of the machine.
    pub(crate) async fn everywhere(&self, port: u16) -> Vec<tokio::process::Child> {
        let target = format!("localhost:{port}");
        let before = self.server.count(CAME).await;
        let mut there = Vec::new();
        for words in [&["-J", "door", "host-001", "echo in; sleep 600"][..], &["door", "echo in; sleep 600"]] {
            let mut shell = self.program("ssh", words).spawn().unwrap();
            let mut said = [0; 3];
            shell.stdout.as_mut().unwrap().read_exact(&mut said).await.unwrap();
            assert_eq!(&said, b"in\n");
            there.push(shell);
        }
        let mut forwarded = self.program("ssh", &["-W", &target, "door"]).stdin(Stdio::piped()).spawn().unwrap();
        // Who has nothing more to say is let go by the sshd; and waiting for a program would close its input.
        std::mem::forget(forwarded.stdin.take());
        let mut said = [0; 7];
        forwarded.stdout.as_mut().unwrap().read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"SSH-2.0");
        there.push(forwarded);
        assert_eq!(self.server.count(CAME).await, before + 3);
        there
    }

    pub(crate) async fn ssh(&self, words: &[&str]) -> Output {
        run(&mut self.program("ssh", words)).await
    }
}

/// All of them within what is promised of what was done at that time.
pub(crate) async fn are_cut_off(there: Vec<tokio::process::Child>, since: Instant) {
    for (n, mut program) in there.into_iter().enumerate() {
        let left = PROMISE.saturating_sub(since.elapsed());
        let ended = tokio::time::timeout(left, program.wait()).await;
        ended.unwrap_or_else(|_| panic!("number {n} is still there after {:?}", since.elapsed())).unwrap();
    }
}

#[tokio::test]
async fn a_customer_comes_to_its_machine_with_the_keys_that_the_agent_keeps() {
    let world = World::new().await;
    world.add_key().await;
    let _agent = world.keeping_agent().await;
    world.key_is_there().await;

    // Page and REST say who manages keys, and the line.
    let (server, member) = (&world.server, &world.acme.member);
    let told = server.get(&server.token(member).await, "/api/customer/machines/host-001/ssh").await.data();
    assert_eq!(
        (&told["keysByAgent"], &told["hasKey"], &told["user"]),
        (&json!(true), &json!(false), &json!(world.account))
    );
    let line = told["jump"].as_str().unwrap();
    assert!(line.starts_with(&format!("ssh -J {}++host-001@", member.name)), "{line}");
    assert!(line.ends_with(&format!(" {}@host-001", world.account)), "{line}");
    let browser = server.browser(member).await;
    let page = server.signed(&browser, server.bare(http::Method::GET, "/machines/host-001"));
    let page = Answer::of(page.header("accept", "text/html")).await.text;
    assert!(page.contains(&format!("<code>{line}</code>")), "{line} in {page}");
    let staff = server.token(&world.admin).await;
    let connection = server.get(&staff, "/api/admin/machines/host-001").await.data()["connection"].clone();
    assert_eq!(connection["keys"]["account"], json!(world.account), "{connection}");

    // A command, with its code.
    let done = world.ssh(&["-J", "door", "host-001", "echo out; echo wrong >&2; exit 7"]).await;
    let said = text(&done.stderr);
    assert_eq!((done.status.code(), text(&done.stdout)), (Some(7), "out\n".to_owned()), "{said}");
    assert!(said.contains("wrong\n"), "{said}");

    // Files, there and back.
    let bytes: Vec<u8> = (0..3_000_000_usize).map(|n| (n * 7 + n / 251) as u8).collect();
    std::fs::write(world.place("sent"), &bytes).unwrap();
    let (sent, far, back) = (world.place("sent"), world.place("far"), world.place("back"));
    let there = format!("host-001:{}", far.display());
    let jump = ["-o", "ProxyJump=door"];
    for (from, to) in [(sent.to_str().unwrap(), there.as_str()), (there.as_str(), back.to_str().unwrap())] {
        let done = run(world.program("scp", &jump).args([from, to])).await;
        assert!(done.status.success(), "{}", text(&done.stderr));
    }
    assert!(std::fs::read(&back).unwrap() == bytes);

    // A port of the machine, by its own sshd.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap().port();
    let near = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let forward = format!("127.0.0.1:{near}:127.0.0.1:{target}");
    let words = ["-J", "door", "-N", "-L", &forward, "host-001"];
    let _forwarding = world.program("ssh", &words).spawn().unwrap();
    let mut stream =
        eventually("the port is forwarded", async || TcpStream::connect(("127.0.0.1", near)).await.ok()).await;
    let (mut far, _) = listener.accept().await.unwrap();
    stream.write_all(b"ping").await.unwrap();
    let mut heard = [0; 4];
    far.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"ping");

    // Straight through the door: a command, a terminal, files.
    let direct = world.ssh(&["door", "echo direct; echo wrong >&2; exit 5"]).await;
    let said = text(&direct.stderr);
    assert_eq!((direct.status.code(), text(&direct.stdout)), (Some(5), "direct\n".to_owned()), "{said}");
    assert!(said.contains("wrong\n"), "{said}");
    let terminal = world.ssh(&["-tt", "door", "tty && exit 3"]).await;
    assert_eq!(terminal.status.code(), Some(3), "{}", text(&terminal.stderr));
    assert!(text(&terminal.stdout).contains("/dev/"), "{}", text(&terminal.stdout));
    let far = format!("door:{}", world.place("far-direct").display());
    let back = world.place("back-direct");
    for (from, to) in [(sent.to_str().unwrap(), far.as_str()), (far.as_str(), back.to_str().unwrap())] {
        let done = run(world.program("scp", &[]).args([from, to])).await;
        assert!(done.status.success(), "{}", text(&done.stderr));
    }
    assert!(std::fs::read(&back).unwrap() == bytes);
    // A port of the machine, and of nothing else.
    let sshd = format!("localhost:{}", world.sshd_port);
    let mut banner = world.program("ssh", &["-W", &sshd, "door"]).spawn().unwrap();
    let mut heard = [0; 7];
    banner.stdout.as_mut().unwrap().read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"SSH-2.0");
    drop(banner);
    let elsewhere = world.ssh(&["-W", "10.0.0.1:22", "door"]).await;
    assert!(text(&elsewhere.stderr).contains("Only ports of the machine"), "{}", text(&elsewhere.stderr));
    let menu = world.ssh(&["-l", &world.acme.owner.name, "door", "true"]).await;
    let said = text(&menu.stderr);
    assert!(said.contains("1  host-001  (whole machine)"), "{said}");
    // The form that the page prints means the machine alone.
    let printed = format!("{}++host-001", world.acme.owner.name);
    let done = world.ssh(&["-l", &printed, "door", "echo printed"]).await;
    assert_eq!(text(&done.stdout), "printed\n", "{}", text(&done.stderr));
    // Whoever named no machine gets there by its name.
    let named = format!("ProxyJump={}@door", world.acme.owner.name);
    let done = world.ssh(&["-o", &named, "host-001", "echo named"]).await;
    assert_eq!(text(&done.stdout), "named\n", "{}", text(&done.stderr));
}

#[tokio::test]
async fn an_instance_called_like_the_machine_does_not_take_its_place() {
    let world = World::new().await;
    world.add_key().await;
    let _agent = world.keeping_agent().await;
    world.key_is_there().await;
    world.door_knows_the_sshd().await;
    let (acme, owner) = (world.acme.id, world.acme.owner.id);
    let instance = format!(
        "insert into instances (customer_id, created_by, name, machine_id, machine_code, machine_name, image_id, image_name,
                                spec_id, spec, gpu_count, cpu_cores, memory_gb, disk_gb, released_at, created_at)
         select {acme}, {owner}, 'host-001', m.id, m.code, m.name, i.id, i.name, s.id,
                jsonb_build_object('id', s.id, 'name', 'small', 'gpuCount', 0, 'gpuUse', 'whole', 'cpuCores', 1, 'memoryGb', 1,
                                   'systemDiskGb', 1, 'dataDiskGb', 0, 'pricePerHour', '7', 'currency', 'CNY'),
                0, 1, 1, 1, now(), now()
         from machines m, images i, specs s returning id::text"
    );
    let file = format!(
        "insert into files (customer_id, name, purpose, sha256, size_bytes)
         select {acme}, 'a.tar', 'image', sha256, 1 from blobs returning id::text"
    );
    let image = format!(
        "insert into images (customer_id, name, source, file_id, state)
         select {acme}, 'ours', 'upload', id, 'pending_review' from files returning id::text"
    );
    let mut id = Vec::new();
    for statement in [
        "insert into specs (name, cpu_cores, memory_gb, system_disk_gb) values ('small', 1, 1, 1) returning id::text",
        "insert into blobs (sha256, size_bytes, chunk_size, store_key)
         values (decode(repeat('00', 32), 'hex'), 1, 1, gen_random_uuid()) returning '1'",
        &file,
        &image,
        &instance,
    ] {
        id = world.server.sql(statement).await;
    }
    // Both are named, and neither is guessed.
    let both = world.ssh(&["door", "echo wrong"]).await;
    let said = text(&both.stderr);
    assert!(text(&both.stdout).is_empty() && said.contains(&format!("{}, +host-001", id[0])), "{said}");
    let printed = format!("{}++host-001", world.acme.owner.name);
    let done = world.ssh(&["-l", &printed, "door", "echo right"]).await;
    assert_eq!(text(&done.stdout), "right\n", "{}", text(&done.stderr));
}

/// A private key's file as `ssh` reads it (PROTOCOL.key of OpenSSH), of an Ed25519 key.
fn write_private_key(file: &Path, seed: &[u8; 32], blob: &[u8]) {
    let string = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
    let public = &blob[blob.len() - 32..];
    let secret = [&seed[..], public].concat();
    let mut inner = [vec![0; 8], string(b"ssh-ed25519"), string(public), string(&secret), string(b"")].concat();
    for pad in 1..=(8 - inner.len() % 8) % 8 {
        inner.push(u8::try_from(pad).unwrap());
    }
    let none = [string(b"none"), string(b"none"), string(b"")].concat();
    let whole = [&b"openssh-key-v1\0"[..], &none, &[0, 0, 0, 1], &string(blob), &string(&inner)].concat();
    std::fs::write(file, whole).unwrap();
    let text = succeeds(Program::new("base64").arg(file));
    let text = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{text}-----END OPENSSH PRIVATE KEY-----\n");
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn the_doors_key_counts_from_the_host_itself_alone() {
    let world = World::new().await;
    world.add_key().await;
    let _agent = world.keeping_agent().await;
    world.key_is_there().await;
    world.door_knows_the_sshd().await;
    let line = eventually("the door's key is there", async || {
        world.authorized().lines().find(|line| line.starts_with("from=")).map(str::to_owned)
    })
    .await;
    // Options, algorithm, key, mark.
    let key = line.split_ascii_whitespace().rev().nth(1).unwrap();
    std::fs::write(world.place("blob"), key).unwrap();
    let blob = Program::new("base64").arg("-d").arg(world.place("blob")).output().unwrap().stdout;
    let platform = world.server.platform();
    let visit = allocations::enter_by_ssh(platform, &world.acme.owner.ctx(), "host-001", None).await.unwrap();
    let identity = visit.identity(platform).await.unwrap().unwrap();
    let file = world.place("stolen");
    write_private_key(&file, &identity.seed, &blob);
    let known = format!("UserKnownHostsFile={}", world.place("known").display());
    let (port, to) = (world.sshd_port.to_string(), format!("{}@127.0.0.1", world.account));
    for (from, lets_in) in [("127.0.0.1", true), ("127.0.0.2", false)] {
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-b", from, "-p", &port, "-i"]).arg(&file).env_remove("SSH_AUTH_SOCK");
        for option in [
            known.as_str(),
            "HostKeyAlias=host-001",
            "IdentitiesOnly=yes",
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
        ] {
            ssh.args(["-o", option]);
        }
        ssh.args([to.as_str(), "echo in"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let done = run(&mut ssh).await;
        assert_eq!(text(&done.stdout) == "in\n", lets_in, "{from}: {}", text(&done.stderr));
    }
}

#[tokio::test]
async fn what_is_being_opened_ends_with_the_lease() {
    let mut world = World::new().await;
    // An sshd that says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    world.sshd_port = silent.local_addr().unwrap().port();
    world.add_key().await;
    let _agent = world.keeping_agent().await;
    world.key_is_there().await;
    world.door_knows_the_sshd().await;
    let mut asking = world.program("ssh", &["-W", "localhost:9", "door"]).spawn().unwrap();
    let mut opening = loop {
        let (mut stream, _) = silent.accept().await.unwrap();
        let mut said = [0; 64];
        let heard = stream.read(&mut said).await.unwrap_or_default();
        // The agent asks, too, which it is.
        if said[..heard].starts_with(b"SSH-2.0-RemoteGPU\r") {
            break stream;
        }
    };
    let ctx = world.admin.ctx();
    allocations::end(world.server.platform(), &ctx, world.lease, AllocationEnd::default()).await.unwrap();
    let gone = async {
        let mut more = [0; 64];
        while opening.read(&mut more).await.is_ok_and(|heard| heard > 0) {}
    };
    tokio::time::timeout(PROMISE, gone).await.expect("the way to the host ends");
    tokio::time::timeout(PROMISE, asking.wait()).await.expect("and so does who asked").unwrap();
}

#[tokio::test]
async fn what_ends_the_right_to_a_machine_takes_the_keys_from_it() {
    let world = World::new().await;
    let (platform, owner) = (world.server.platform(), world.acme.owner.clone());
    std::fs::create_dir(world.place("home/.ssh")).unwrap();
    std::fs::set_permissions(world.place("home/.ssh"), std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::write(world.place("home/.ssh/authorized_keys"), "ssh-rsa AAAA somebody-else\n").unwrap();
    let mut key = world.add_key().await;
    let mut agent = world.keeping_agent().await;
    world.key_is_there().await;

    // The key is removed: it is gone from the host, and so is who came in by it.
    world.door_knows_the_sshd().await;
    let there = world.everywhere(world.sshd_port).await;
    let before = Instant::now();
    accounts::remove_ssh_key(platform, &owner.ctx(), key).await.unwrap();
    are_cut_off(there, before).await;
    world.gone_from_the_host(&world.public_key(), before).await;
    assert!(
        world.authorized().ends_with("\nssh-rsa AAAA somebody-else\n"),
        "what is others' stays: {}",
        world.authorized()
    );

    // The agent is killed; what ends meanwhile ends when it is back.
    key = world.add_key().await;
    world.key_is_there().await;
    agent.0.kill().unwrap();
    agent.0.wait().unwrap();
    accounts::remove_ssh_key(platform, &owner.ctx(), key).await.unwrap();
    assert!(world.authorized().contains(&world.public_key()));
    agent = world.keeping_agent().await;
    world.gone_from_the_host(&world.public_key(), Instant::now()).await;

    // Somebody edits the file: the keys are put back.
    world.add_key().await;
    world.key_is_there().await;
    std::fs::write(world.place("home/.ssh/authorized_keys"), "ssh-rsa AAAA somebody-else\n").unwrap();
    world.key_is_there().await;

    // The lease ends: the keys go, who is there goes, and taking it back sees it.
    let there = world.everywhere(world.sshd_port).await;
    let before = Instant::now();
    let ended = allocations::end(platform, &world.admin.ctx(), world.lease, AllocationEnd::default()).await.unwrap();
    assert_eq!(ended.allocation.state, AllocationState::Reclaiming);
    are_cut_off(there, before).await;
    world.gone_from_the_host(MARK, before).await;
    assert_eq!(world.authorized(), "ssh-rsa AAAA somebody-else\n");
    eventually("the step is done", async || {
        allocations::advance(platform).await.unwrap();
        let detail = allocations::get(platform, &world.admin.ctx(), world.lease).await.unwrap();
        detail.steps.iter().any(|step| step.step == "keys" && step.state.code() == "done").then_some(())
    })
    .await;
    drop(agent);

    // An agent that may not any more takes away what it finds of its own.
    let left = "ssh-rsa AAAA somebody-else\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA kept-by-remotegpu-agent\n";
    std::fs::write(world.place("home/.ssh/authorized_keys"), left).unwrap();
    let home = world.place("home");
    let _agent = world.agent(&["--keys-home", home.to_str().unwrap()]).await;
    world.gone_from_the_host(MARK, Instant::now()).await;
}
