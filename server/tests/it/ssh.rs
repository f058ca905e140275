//! The door for SSH, with the programs of OpenSSH, on a real Docker Engine.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use contract::accounts::SshKeyCreate;
use http::Method;
use platform::accounts;
use serde_json::{Value, json};
use test_support::{TestUser, eventually};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

use crate::harness::{Answer, Who};
use crate::programs::SshGateway;
use crate::terminals::World;

/// Far beyond what a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(40);
/// What is promised of what ends somebody's powers.
const PROMISE: Duration = Duration::from_secs(5);
/// What images have that people copy from and to.
pub(crate) const COPIERS: [&str; 3] = ["/usr/lib/openssh/sftp-server", "/usr/bin/rsync", "/usr/bin/scp"];

/// The door, and somebody's place beside it.
pub(crate) struct Door {
    pub(crate) world: World,
    port: u16,
    folder: tempfile::TempDir,
    stop: CancellationToken,
    process: Option<SshGateway>,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Door {
    /// With a key of Acme's owner.
    pub(crate) async fn new(programs: &[&str]) -> Self {
        Self::beside(World::with(programs).await).await
    }

    /// The same to a world that is there.
    pub(crate) async fn beside(world: World) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, platform) = (CancellationToken::new(), world.server.platform().clone());
        let (stopping, limits) = (stop.clone(), ssh_gateway::Limits::default());
        tokio::spawn(async move { ssh_gateway::serve(platform, listener, limits, stopping).await.unwrap() });
        Self::at(world, port, stop, None).await
    }

    /// The same as a process of its own.
    pub(crate) async fn apart(world: World) -> Self {
        let process = SshGateway::start(&world.server.test).await;
        Self::at(world, process.port, CancellationToken::new(), Some(process)).await
    }

    async fn at(world: World, port: u16, stop: CancellationToken, process: Option<SshGateway>) -> Self {
        let door = Self { world, port, folder: tempfile::tempdir().unwrap(), stop, process };
        let owner = door.world.acme.owner.clone();
        door.add_key(&owner, "key").await;
        // Nobody is asked whether the key is the right one: it is known from the page.
        let path = format!("/api/customer/instances/{}/ssh-command", door.world.id);
        let told = door.world.server.get(&door.world.owner, &path).await.data();
        let key = told["knownHosts"].as_str().unwrap().split_once(' ').unwrap().1.to_owned();
        std::fs::write(door.place("known"), format!("[127.0.0.1]:{port} {key}\n")).unwrap();
        assert!(told["fingerprint"].as_str().unwrap().starts_with("SHA256:") && told["hasKey"] == json!(true));
        door
    }

    /// Ends the process of its own as nothing can be told: it writes and hangs up nothing.
    pub(crate) fn kill(&mut self) {
        drop(self.process.take().expect("a process of its own"));
    }

    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// A new key of somebody.
    pub(crate) async fn add_key(&self, user: &TestUser, name: &str) -> contract::SshKeyId {
        self.make_key(name, &["-t", "ed25519"]).await;
        self.add_made_key(user, name).await
    }

    /// A key of this kind that is nobody's yet.
    pub(crate) async fn make_key(&self, name: &str, kind: &[&str]) {
        let mut keygen = Command::new("ssh-keygen");
        let made = keygen.args(["-q", "-N", "", "-f"]).arg(self.place(name)).args(kind).status().await;
        assert!(made.expect("openssh-client is here: cargo xtask setup test gets it").success());
    }

    /// From now on it is theirs.
    pub(crate) async fn add_made_key(&self, user: &TestUser, name: &str) -> contract::SshKeyId {
        let public_key = std::fs::read_to_string(self.place(name).with_extension("pub")).unwrap();
        let body = SshKeyCreate { name: Some(name.to_owned()), public_key };
        accounts::add_ssh_key(self.world.server.platform(), &user.ctx(), body).await.unwrap().id
    }

    /// A program of OpenSSH with this key.
    pub(crate) fn program(&self, name: &str, key: &str) -> Command {
        let mut command = Command::new(name);
        let file = |option: &str, name: &str| format!("{option}={}", self.place(name).display());
        let options = [file("UserKnownHostsFile", "known"), file("IdentityFile", key)];
        command.args(["-F", "/dev/null", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]);
        for option in options.iter().map(String::as_str).chain(["StrictHostKeyChecking=yes", "LogLevel=INFO"]) {
            command.args(["-o", option]);
        }
        command.args(["-o", &format!("Port={}", self.port)]).env_remove("SSH_AUTH_SOCK").kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn who(&self, instance: &str) -> String {
        let name = &self.world.acme.owner.name;
        if instance.is_empty() { format!("{name}@127.0.0.1") } else { format!("{name}+{instance}@127.0.0.1") }
    }

    pub(crate) async fn ssh(&self, words: &[&str]) -> Output {
        let mut command = self.program("ssh", "key");
        run(command.arg(self.who("one")).args(words)).await
    }

    /// A shell with a terminal.
    pub(crate) fn shell(&self, words: &[&str], key: &str, who: &str) -> Shell {
        let mut command = self.program("ssh", key);
        Shell::of(command.args(words).arg("-tt").arg(who))
    }

    async fn ask(&self, who: &Who, method: Method, path: &str) -> Answer {
        Answer::of(self.world.server.request(who, method, path)).await
    }
}

pub(crate) async fn run(command: &mut Command) -> Output {
    tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends").expect("it is here")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) struct Shell {
    child: Child,
    out: BufReader<tokio::process::ChildStdout>,
    seen: String,
}

impl Shell {
    /// Starts it, to be typed into.
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out, seen: String::new() }
    }

    /// What it wrote until now, as far as somebody waited for it.
    pub(crate) fn seen(&self) -> &str {
        &self.seen
    }

    pub(crate) async fn type_in(&mut self, what: &str) {
        self.child.stdin.as_mut().unwrap().write_all(what.as_bytes()).await.unwrap();
    }

    pub(crate) async fn until(&mut self, what: &str) {
        let read = async {
            while !self.seen.contains(what) {
                let more = self.out.fill_buf().await.unwrap();
                assert!(!more.is_empty(), "it ended without {what}: {}", self.seen);
                self.seen.push_str(&text(more));
                let n = more.len();
                self.out.consume(n);
            }
        };
        let done = tokio::time::timeout(PATIENCE, read).await;
        assert!(done.is_ok(), "it never said {what}: {}", self.seen);
    }

    /// Back when it has ended, however.
    pub(crate) async fn is_over(&mut self) {
        // Waiting would close it, which ends a shell by itself.
        let typed = self.child.stdin.take();
        self.child.wait().await.unwrap();
        self.child.stdin = typed;
    }

    /// Its exit code, and what it said of its end.
    pub(crate) async fn ended(&mut self, within: Duration) -> (Option<i32>, String) {
        // Waiting would close it, which ends a shell by itself.
        let _typed = self.child.stdin.take();
        let status = tokio::time::timeout(within, self.child.wait()).await;
        let status = status.unwrap_or_else(|_| panic!("it does not end: {}", self.seen)).unwrap();
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).await.unwrap();
        (status.code(), said)
    }
}

#[tokio::test]
async fn commands_have_their_output_their_errors_and_their_code() {
    let door = Door::new(&[]).await;
    let done = door.ssh(&["echo out; echo wrong >&2; echo $SECRET; exit 7"]).await;
    assert_eq!(
        (done.status.code(), text(&done.stdout), text(&done.stderr)),
        (Some(7), "out\nhunter2\n".to_owned(), "wrong\n".to_owned())
    );
    // Any bytes, as many as do not fit anywhere, there and back.
    let mut bytes = vec![0u8; 12 << 20];
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = (n * 7 + n / 251) as u8;
    }
    let mut child = door.program("ssh", "key").arg(door.who("one")).arg("cat").stdin(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let sent = bytes.clone();
    let sending = tokio::spawn(async move {
        stdin.write_all(&sent).await.unwrap();
    });
    let mut back = Vec::new();
    tokio::time::timeout(PATIENCE, stdout.read_to_end(&mut back)).await.expect("all of it comes back").unwrap();
    sending.await.unwrap();
    assert!(back == bytes, "{} of {}", back.len(), bytes.len());
    assert_eq!(child.wait().await.unwrap().code(), Some(0));

    // Variables are those of languages; words are no shell's of ours.
    let mut command = door.program("ssh", "key");
    command.args(["-o", "SetEnv LC_TEST=C LD_PRELOAD=/x LANG=de_DE.UTF-8"]).arg(door.who("one"));
    let asked =
        "echo \"$LC_TEST-$LD_PRELOAD-$LANG-${SSH_CONNECTION%% *}-${SSH_CLIENT%% *}-$SHELL\"; echo '$(id); `id`'";
    let done = run(command.arg(asked)).await;
    assert_eq!(
        text(&done.stdout),
        "C--de_DE.UTF-8-127.0.0.1-127.0.0.1-/bin/sh\n$(id); `id`\n",
        "{}",
        text(&done.stderr)
    );
    let done = door.ssh(&["echo $LANG"]).await;
    assert_eq!(text(&done.stdout), "C.UTF-8\n", "who says nothing reads UTF-8: {}", text(&done.stderr));

    // What is typed into a shell without a terminal, as editors do it.
    let mut editor = door.program("ssh", "key");
    let mut editor = editor.arg("-T").arg(door.who("one")).stdin(Stdio::piped()).spawn().unwrap();
    editor.stdin.take().unwrap().write_all(b"cd /\necho $((40+2)) >&2\nexit 3\n").await.unwrap();
    let done = tokio::time::timeout(PATIENCE, editor.wait_with_output()).await.unwrap().unwrap();
    assert_eq!((done.status.code(), text(&done.stderr)), (Some(3), "42\n".to_owned()));

    // What is not there, and who is not known.
    let none = run(door.program("ssh", "key").arg(door.who("nothing")).arg("true")).await;
    assert_eq!(none.status.code(), Some(255));
    assert!(text(&none.stderr).contains("There is no instance called nothing"), "{}", text(&none.stderr));
    let stranger = run(door.program("ssh", "key").arg("nobody+one@127.0.0.1").arg("true")).await;
    assert!(text(&stranger.stderr).contains("Permission denied"), "{}", text(&stranger.stderr));
    let rows = door.world.server.sql("select action from audit_events where action like 'instances:%-ssh' order by 1");
    for open in [
        "ssh_visits where ended_at is null",
        "ssh_visits where hung_up_at is null",
        "sessions where ssh is not null and ended_at is null",
    ] {
        eventually("every end is written", async || {
            let rows = door.world.server.count(&format!("select count(*) from {open}")).await;
            (rows == 0).then_some(())
        })
        .await;
    }
    assert!(rows.await.contains(&"instances:open-ssh".to_owned()));
}

#[tokio::test]
async fn a_shell_has_a_terminal_and_the_menu_leads_into_it() {
    let door = Door::new(&[]).await;
    let mut shell = door.shell(&[], "key", &door.who(""));
    shell.until("What is running").await;
    shell.until("1  one").await;
    shell.type_in("9\r").await;
    shell.until("q to leave): 9").await;
    shell.type_in("one\r").await;
    shell.type_in("busybox stty size; echo $TERM-$((40+2))\r").await;
    shell.until("-42").await;
    shell.type_in("exit 5\r").await;
    assert_eq!(shell.ended(PATIENCE).await.0, Some(5));
    let listed = run(door.program("ssh", "key").arg(door.who("")).arg("true")).await;
    let said = text(&listed.stderr);
    assert!(said.contains("1  one") && said.contains("+NAME@HOST"), "{said}");
    let member = &door.world.acme.member.clone();
    door.add_key(member, "member").await;
    let mut none = door.shell(&[], "member", &format!("{}@127.0.0.1", member.name));
    none.until("Nothing is running").await;
    let other = run(door.program("ssh", "member").arg(format!("{}+one@127.0.0.1", member.name)).arg("true")).await;
    assert!(text(&other.stderr).contains("There is no instance"), "{}", text(&other.stderr));
}

/// What ends a connection, beside what ends everything; for that see `cut_off_instances`.
#[derive(Clone, Copy, Debug)]
enum Blow {
    MemberRemoved,
    EndedFromTheList,
    EndedByStaff,
    InstanceDeleted,
}

#[tokio::test]
async fn what_ends_somebodys_powers_ends_their_connections() {
    let door = Door::new(&[]).await;
    let server = &door.world.server;
    let admin = server.test.admin().await;
    let staff = server.token(&admin).await;
    let owner = door.world.acme.owner.clone();
    let open = async |key: &str| {
        let mut shell = door.shell(&[], key, &door.who("one"));
        shell.type_in("echo re''ady\r").await;
        shell.until("ready").await;
        shell
    };
    let listed = async |who: &Who, side: &str| {
        let list = server.get(who, &format!("/api/{side}/access/sessions?open=true")).await.data();
        list["list"].as_array().unwrap().clone()
    };
    let blows = [Blow::EndedFromTheList, Blow::EndedByStaff, Blow::MemberRemoved, Blow::InstanceDeleted];
    for (n, blow) in blows.into_iter().enumerate() {
        let name = format!("key-{n}");
        door.add_key(&owner, &name).await;
        let mut shell = open(&name).await;
        let sql = async |statement: String| assert_eq!(server.sql(&statement).await.len(), 1, "{blow:?}");
        let user = owner.id;
        let before = Instant::now();
        let words = match blow {
            Blow::MemberRemoved => {
                sql(format!("delete from memberships where user_id = {user} returning user_id")).await;
                "Your right to this connection ended"
            }
            Blow::EndedFromTheList | Blow::EndedByStaff => {
                let (who, side, why) = match blow {
                    Blow::EndedByStaff => (&staff, "admin", "?reason=the+host+moves"),
                    _ => (&door.world.owner, "customer", ""),
                };
                let list = listed(who, side).await;
                assert!(list.len() == 1 && list[0]["kind"] == "ssh" && list[0]["mayEnd"] == true, "{list:?}");
                let id = list[0]["id"].as_str().unwrap();
                let path = format!("/api/{side}/access/sessions/{id}{why}");
                assert_eq!(door.ask(who, Method::DELETE, &path).await.status, 200);
                assert_eq!(door.ask(who, Method::DELETE, &path).await.status, 200, "again changes nothing");
                "ended"
            }
            Blow::InstanceDeleted => {
                let path = format!("/api/admin/instances/{}?reason=the+demo+is+over", door.world.id);
                assert_eq!(door.ask(&staff, Method::DELETE, &path).await.status, 200);
                "does not run any more"
            }
        };
        let (_, said) = shell.ended(PROMISE).await;
        assert!(said.contains(words), "{blow:?} after {:?}: {said}", before.elapsed());
        eventually("it is nobody's any more", async || listed(&staff, "admin").await.is_empty().then_some(())).await;
        if matches!(blow, Blow::MemberRemoved) {
            let acme = door.world.acme.id;
            sql(format!(
                "insert into memberships (customer_id, user_id, role) values ({acme}, {user}, 'owner') returning user_id"
            ))
            .await;
        }
    }
    let reasons = server.sql("select distinct reason from ssh_visits order by 1").await;
    assert_eq!(reasons, ["access", "stopped"]);
}

/// By SFTP, and by what `scp` was before.
async fn folders_come_and_go(door: &Door, bytes: &[u8]) {
    let (tree, by_sftp, by_scp) = (door.place("tree"), door.place("by-sftp"), door.place("by-scp"));
    let (there, far) = (door.who("one"), format!("{}:/work/by-scp", door.who("one")));
    let orders = format!("put -r {} /work/by-sftp\nget -r /work/by-sftp {}\n", tree.display(), by_sftp.display());
    std::fs::write(door.place("orders"), orders).unwrap();
    let done = run(door.program("sftp", "key").arg("-b").arg(door.place("orders")).arg(there)).await;
    assert!(done.status.success(), "{}", text(&done.stderr));
    let done = run(door.program("scp", "key").args(["-O", "-r"]).arg(&tree).arg(&far)).await;
    assert!(done.status.success(), "{}", text(&done.stderr));
    let done = run(door.program("scp", "key").args(["-O", "-r"]).arg(&far).arg(&by_scp)).await;
    assert!(done.status.success(), "{}", text(&done.stderr));
    for back in [by_sftp, by_scp] {
        assert_eq!(std::fs::read_to_string(back.join("a b")).unwrap(), "one");
        assert!(std::fs::read(back.join("big")).unwrap() == bytes, "{}", back.display());
    }
}

#[tokio::test]
async fn files_come_and_go_by_every_program() {
    let door = Door::new(&COPIERS).await;
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n * 31 + n / 257) as u8).collect();
    std::fs::write(door.place("file"), &bytes).unwrap();
    let (from, there) = (door.place("file"), door.who("one"));
    // The program for SFTP asks who it runs as.
    let mkdir = door.ssh(&["busybox mkdir -p /work; echo 'root:x:0:0::/:/bin/sh' > /etc/passwd; echo ok"]).await;
    assert_eq!(text(&mkdir.stdout), "ok\n", "{}", text(&mkdir.stderr));
    for (name, old) in [("sftp", false), ("old", true)] {
        let mut put = door.program("scp", "key");
        if old {
            put.arg("-O");
        }
        let done = run(put.arg(&from).arg(format!("{there}:/work/{name}"))).await;
        assert!(done.status.success(), "{name}: {}", text(&done.stderr));
        let mut get = door.program("scp", "key");
        if old {
            get.arg("-O");
        }
        let done = run(get.arg(format!("{there}:/work/{name}")).arg(door.place(name))).await;
        assert!(done.status.success(), "{name}: {}", text(&done.stderr));
        assert!(std::fs::read(door.place(name)).unwrap() == bytes, "{name}");
    }
    std::fs::create_dir(door.place("tree")).unwrap();
    std::fs::write(door.place("tree").join("a b"), "one").unwrap();
    std::fs::write(door.place("tree").join("big"), &bytes).unwrap();
    folders_come_and_go(&door, &bytes).await;
    let ssh = door.program("ssh", "key");
    let words: Vec<String> = std::iter::once("ssh".to_owned())
        .chain(ssh.as_std().get_args().map(|word| word.to_string_lossy().into_owned()))
        .collect();
    for (from, to) in [
        (format!("{}/", door.place("tree").display()), format!("{there}:/work/tree/")),
        (format!("{there}:/work/tree/"), format!("{}/", door.place("back").display())),
    ] {
        let mut rsync = Command::new("rsync");
        let done = run(rsync.args(["-a", "-e", &words.join(" "), &from, &to])).await;
        assert!(done.status.success(), "{}", text(&done.stderr));
    }
    assert_eq!(std::fs::read_to_string(door.place("back").join("a b")).unwrap(), "one");
    assert!(std::fs::read(door.place("back").join("big")).unwrap() == bytes);
}

#[tokio::test]
async fn ports_of_the_instance_are_reached_and_nothing_else() {
    let door = Door::new(&[]).await;
    let served =
        door.ssh(&["busybox mkdir -p /www; echo hello > /www/a; busybox httpd -p 127.0.0.1:8080 -h /www"]).await;
    assert!(served.status.success(), "{}", text(&served.stderr));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut tunnel = door.program("ssh", "key");
    let mut tunnel = tunnel.args(["-N", "-L", &format!("{free}:localhost:8080")]).arg(door.who("one")).spawn().unwrap();
    let got = eventually("the page comes", async || {
        let answer = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = answer.get(format!("http://127.0.0.1:{free}/a")).send().await.ok()?;
        answer.text().await.ok()
    })
    .await;
    assert_eq!(got, "hello\n");
    tunnel.kill().await.unwrap();
    let mut elsewhere = door.program("ssh", "key");
    let done = run(elsewhere.args(["-W", "169.254.169.254:80"]).arg(door.who("one"))).await;
    assert!(text(&done.stderr).contains("Only ports of the instance itself"), "{}", text(&done.stderr));
    let mut nothing = door.program("ssh", "key");
    let done = run(nothing.args(["-W", "localhost:9"]).arg(door.who("one"))).await;
    let said = text(&done.stderr);
    assert!(said.contains("connect failed: Nothing listens on port 9 of the instance"), "{said}");
    let mut back = door.program("ssh", "key");
    let done = run(back.args(["-R", "8081:localhost:1"]).arg(door.who("one")).arg("true")).await;
    let said = text(&done.stderr);
    assert!(said.contains("remote port forwarding failed") && said.contains("(-R) is not offered"), "{said}");
}

#[tokio::test]
async fn strangers_cost_little_and_are_sent_away() {
    let door = Door::new(&[]).await;
    // Who says nothing, who says nonsense, and many of them.
    let mut held = Vec::new();
    for n in 0..60u8 {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", door.port)).await.unwrap();
        if n % 2 == 0 {
            let _ = stream.write_all(&[n; 2048]).await;
        }
        held.push(stream);
    }
    drop(held);
    let done = eventually("those who have a key come in again", async || {
        let done = door.ssh(&["echo in"]).await;
        done.status.success().then_some(done)
    })
    .await;
    assert_eq!(text(&done.stdout), "in\n");
    // Switched off.
    let staff = door.world.server.token(&door.world.server.test.admin().await).await;
    let mut shell = door.shell(&[], "key", &door.who("one"));
    shell.type_in("echo re''ady\r").await;
    shell.until("ready").await;
    let off: Value = json!({ "value": false });
    assert_eq!(door.world.server.put(&staff, "/api/admin/settings/access.ssh", off).await.status, 200);
    let (_, said) = shell.ended(PROMISE).await;
    assert!(said.contains("switched off"), "{said}");
    let done = door.ssh(&["true"]).await;
    assert!(text(&done.stderr).contains("Permission denied"), "{}", text(&done.stderr));
}

#[tokio::test]
async fn images_without_a_program_for_files_have_ours() {
    let door = Door::new(&[]).await;
    let bytes: Vec<u8> = (0..700_001u32).map(|n| (n * 31 + n / 257) as u8).collect();
    std::fs::create_dir_all(door.place("tree").join("in side")).unwrap();
    std::fs::write(door.place("tree").join("in side").join("big"), &bytes).unwrap();
    std::fs::write(door.place("tree").join("it's"), "one\n").unwrap();
    let there = door.who("one");
    let made = door.ssh(&["busybox mkdir -p /work; busybox ln -s big /work/link; echo ok"]).await;
    assert_eq!(text(&made.stdout), "ok\n");
    let put = run(door.program("scp", "key").arg("-rp").arg(door.place("tree")).arg(format!("{there}:/work/"))).await;
    assert!(put.status.success(), "{}", text(&put.stderr));
    let sum = door.ssh(&["busybox wc -c < '/work/tree/in side/big'; cat \"/work/tree/it's\""]).await;
    assert_eq!(text(&sum.stdout), "700001\none\n", "{}", text(&sum.stderr));
    let get =
        run(door.program("scp", "key").arg("-r").arg(format!("{there}:/work/tree")).arg(door.place("back"))).await;
    assert!(get.status.success(), "{}", text(&get.stderr));
    assert!(std::fs::read(door.place("back").join("in side").join("big")).unwrap() == bytes);
    let mut sftp = door.program("sftp", "key");
    let mut sftp = sftp.args(["-b", "-"]).arg(&there).stdin(Stdio::piped()).spawn().unwrap();
    let orders = "cd /work\nmkdir more\nrename \"tree/it's\" more/renamed\nls -l more\nls link\nchmod 600 more/renamed\n\
        symlink renamed more/second\nrm more/second\nrmdir \"tree/in side/none\"\n";
    sftp.stdin.take().unwrap().write_all(orders.as_bytes()).await.unwrap();
    let done = tokio::time::timeout(PATIENCE, sftp.wait_with_output()).await.unwrap().unwrap();
    let (said, wrong) = (text(&done.stdout), text(&done.stderr));
    assert!(said.contains("renamed") && said.contains("link"), "{said} {wrong}");
    assert!(wrong.contains("none"), "what is not there is told: {wrong}");
    let mode = door.ssh(&["busybox stat -c %a /work/more/renamed"]).await;
    assert_eq!(text(&mode.stdout), "600\n");
}

#[tokio::test]
async fn a_password_and_a_code_let_in_and_are_counted() {
    let door = Door::new(&[]).await;
    let (server, user) = (&door.world.server, door.world.acme.owner.clone());
    let asked = door.place("ask");
    let answers = |password: &str, code: &str| {
        let script = format!("#!/bin/sh\ncase $1 in *assword*) echo \"{password}\" ;; *) echo \"{code}\" ;; esac\n");
        std::fs::write(&asked, script).unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&asked, executable).unwrap();
    };
    let come = async || {
        let mut ssh = Command::new("ssh");
        let known = format!("UserKnownHostsFile={}", door.place("known").display());
        ssh.args(["-F", "/dev/null", "-o", &known, "-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1"]);
        ssh.args(["-p", &door.port.to_string()]).arg(door.who("one")).arg("echo in").kill_on_drop(true);
        ssh.env("SSH_ASKPASS", &asked).env("SSH_ASKPASS_REQUIRE", "force").env_remove("SSH_AUTH_SOCK");
        ssh.stdin(Stdio::null());
        run(&mut ssh).await
    };
    answers(user.password, "none");
    let done = come().await;
    assert_eq!(text(&done.stdout), "in\n", "{}", text(&done.stderr));
    let ways = "select ssh || coalesce(user_agent, '') from sessions where ssh is not null";
    assert!(server.sql(ways).await[0].starts_with("passwordOpenSSH"));

    let token = server.token(&user).await;
    let enrolled = server.post(&token, "/api/auth/totp/enroll", json!({ "password": user.password })).await.data();
    let secret = enrolled["secret"].as_str().unwrap().to_owned();
    let code = || test_support::totp_code(&secret, server.test.clock().now());
    assert_eq!(server.post(&token, "/api/auth/totp/confirm", json!({ "code": code() })).await.code(), 0);
    server.test.clock().advance(chrono::TimeDelta::seconds(60));
    answers(user.password, "000000");
    let done = come().await;
    assert!(text(&done.stderr).contains("Permission denied"), "{}", text(&done.stderr));
    answers(user.password, &code());
    let done = come().await;
    assert_eq!(text(&done.stdout), "in\n", "{}", text(&done.stderr));

    // What is wrong is counted, until a challenge would be asked for, which no program can show. Why is said in what the client
    // shows in any language.
    let staff = server.token(&server.test.admin().await).await;
    let chinese = json!({ "value": "zh" });
    assert_eq!(server.put(&staff, "/api/admin/settings/general.language", chinese).await.status, 200);
    answers("a wrong one", "none");
    let mut said = String::new();
    for _ in 0..6 {
        said = text(&come().await.stderr);
    }
    // A challenge that no program shows, or that one has to wait.
    assert!(said.to_lowercase().contains("too many failures"), "{said}");
    let noted =
        "select count(*) from audit_events where action = 'accounts:sign-in' and via = 'ssh' and outcome <> 'done'";
    assert!(server.count(noted).await >= 3);
}
