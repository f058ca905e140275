//! What people do with OpenSSH beside a shell and a command: agents, one connection for many things, editors, windows that change.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use platform::{accounts, instances};
use russh::keys::{PrivateKeyWithHashAlg, PublicKeyOrCertificate, load_secret_key};
use russh::{Channel, ChannelMsg, Sig, client};
use test_support::eventually;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::{Child, Command};

use crate::programs::SshGateway;
use crate::ssh::{Door, Shell, run, text};
use crate::terminals::World;

/// Far beyond what a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(40);
/// What is promised of what ends somebody's powers.
const PROMISE: Duration = Duration::from_secs(5);
/// Where the program of an editor listens in the instance.
const EDITOR: u16 = 8093;
/// What a client of SFTP says first: version 3.
const HELLO: &str = "\0\0\0\x05\x01\0\0\0\x03";
/// Asks that program.
const ASK: &[u8] = b"GET /page HTTP/1.0\r\n\r\n";

fn free() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn is_refused(done: &Output) -> bool {
    done.status.code() == Some(255) && text(&done.stderr).contains("Permission denied")
}

/// Sends it all and takes what comes back to its end, at the same time.
async fn there_and_back(command: &mut Command, bytes: &[u8]) -> (Vec<u8>, Output) {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let sending = async move {
        let sent = stdin.write_all(bytes).await;
        drop(stdin);
        sent
    };
    let mut back = Vec::new();
    let both = async { tokio::join!(sending, stdout.read_to_end(&mut back)) };
    let (sent, came) = tokio::time::timeout(PATIENCE, both).await.expect("all of it comes back");
    let done = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("it ends").unwrap();
    assert!(sent.is_ok() && came.is_ok(), "{sent:?} {came:?} {}", text(&done.stderr));
    (back, done)
}

/// An agent of its own, with the keys it is given.
struct Agent {
    socket: PathBuf,
    _child: Child,
}

impl Agent {
    async fn start(door: &Door) -> Self {
        let socket = door.place("agent");
        let mut command = Command::new("ssh-agent");
        command.arg("-D").arg("-a").arg(&socket).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.kill_on_drop(true).spawn().expect("openssh-client is here: cargo xtask setup test gets it");
        eventually("the agent listens", async || UnixStream::connect(&socket).await.ok()).await;
        Self { socket, _child: child }
    }

    async fn add(&self, word: &Path) {
        let mut command = Command::new("ssh-add");
        let done = run(command.arg("-q").arg(word).env("SSH_AUTH_SOCK", &self.socket).stdin(Stdio::null())).await;
        assert!(done.status.success(), "{}", text(&done.stderr));
    }

    /// OpenSSH's client with this agent, and with no key beside.
    async fn ssh(&self, door: &Door, words: &[&str]) -> Output {
        let mut command = Command::new("ssh");
        let known = format!("UserKnownHostsFile={}", door.place("known").display());
        let agent = format!("IdentityAgent={}", self.socket.display());
        command.args(["-F", "/dev/null", "-p", &door.port().to_string(), "-o", &known, "-o", &agent]);
        for option in ["IdentityFile=none", "BatchMode=yes", "StrictHostKeyChecking=yes", "LogLevel=INFO"] {
            command.args(["-o", option]);
        }
        command.env("SSH_AUTH_SOCK", &self.socket).stdin(Stdio::null()).kill_on_drop(true);
        run(command.args(words)).await
    }
}

#[tokio::test]
async fn keys_of_an_agent_and_of_every_kind_let_in() {
    let door = Door::new(&[]).await;
    let (agent, who) = (Agent::start(&door).await, door.who("one"));
    assert!(is_refused(&agent.ssh(&door, &[&who, "true"]).await), "without any key");
    // Others that it has are tried, too.
    for name in ["other-1", "other-2", "other-3"] {
        door.make_key(name, &["-t", "ed25519"]).await;
        agent.add(&door.place(name)).await;
    }
    assert!(is_refused(&agent.ssh(&door, &[&who, "true"]).await), "with others' keys");
    agent.add(&door.place("key")).await;
    let done = agent.ssh(&door, &[&who, "echo in"]).await;
    assert_eq!(text(&done.stdout), "in\n", "{}", text(&done.stderr));
    // The agent itself stays where it is, and that is said.
    let done = agent.ssh(&door, &["-A", &who, "echo \"agent: $SSH_AUTH_SOCK.\""]).await;
    let said = text(&done.stderr);
    assert_eq!((done.status.code(), text(&done.stdout)), (Some(0), "agent: .\n".to_owned()), "{said}");
    assert!(said.contains("Agent forwarding is not offered"), "{said}");
    agent.add(Path::new("-D")).await;
    assert!(is_refused(&agent.ssh(&door, &[&who, "true"]).await), "when it has none any more");

    let owner = door.world.acme.owner.clone();
    for (name, kind) in [("rsa", ["-t", "rsa", "-b", "3072"]), ("ecdsa", ["-t", "ecdsa", "-b", "256"])] {
        door.make_key(name, &kind).await;
        door.add_made_key(&owner, name).await;
        let done = run(door.program("ssh", name).arg(&who).arg("echo in")).await;
        assert_eq!(text(&done.stdout), "in\n", "{name}: {}", text(&done.stderr));
    }
    let mut weak = door.program("ssh", "rsa");
    let done = run(weak.args(["-o", "PubkeyAcceptedAlgorithms=ssh-rsa"]).arg(&who).arg("true")).await;
    assert!(is_refused(&done), "with SHA-1: {}", text(&done.stderr));
}

#[tokio::test]
async fn a_key_counts_from_when_it_is_added_until_it_is_removed() {
    let door = Door::new(&[]).await;
    let (owner, platform) = (door.world.acme.owner.clone(), door.world.server.platform());
    let who = door.who("one");
    door.make_key("late", &["-t", "ed25519"]).await;
    let knock = async |who: &str| run(door.program("ssh", "late").arg(who).arg("true")).await;
    let done = knock(&who).await;
    assert!(is_refused(&done), "{}", text(&done.stderr));
    let id = door.add_made_key(&owner, "late").await;
    let done = knock(&who).await;
    assert!(done.status.success(), "{}", text(&done.stderr));
    // It is nobody else's.
    let done = knock(&format!("{}+one@127.0.0.1", door.world.acme.member.name)).await;
    assert!(is_refused(&done), "{}", text(&done.stderr));

    // Files, and a port with somebody at it.
    let served = door.ssh(&["busybox httpd -p 127.0.0.1:8080 -h /"]).await;
    assert!(served.status.success(), "{}", text(&served.stderr));
    let near = free();
    let mut tunnel = door.program("ssh", "late");
    let mut tunnel = tunnel.args(["-N", "-L", &format!("{near}:localhost:8080")]).arg(&who).spawn().unwrap();
    // The client of SFTP itself looks at its connection only when it is told something.
    let mut files = Shell::of(door.program("ssh", "late").arg("-s").arg(&who).arg("sftp"));
    files.type_in(HELLO).await;
    files.until("posix-rename@openssh.com").await;
    let mut there =
        eventually("the port is reached", async || TcpStream::connect(("127.0.0.1", near)).await.ok()).await;
    there.write_all(b"GET / HTTP/1.0\r\n").await.unwrap();
    let in_there = "select count(*) from ssh_visits where ended_at is null";
    eventually("both are in", async || (door.world.server.count(in_there).await == 2).then_some(())).await;

    let before = Instant::now();
    accounts::remove_ssh_key(platform, &owner.ctx(), id).await.unwrap();
    let (_, said) = files.ended(PROMISE).await;
    assert!(said.contains("Your right to this connection ended"), "after {:?}: {said}", before.elapsed());
    tokio::time::timeout(PROMISE, tunnel.wait()).await.expect("the tunnel ends").unwrap();
    let mut rest = Vec::new();
    // Cut off or ended, whichever it sees first.
    let _ = tokio::time::timeout(PROMISE, there.read_to_end(&mut rest)).await.expect("and who was at the port");
    let done = knock(&who).await;
    assert!(is_refused(&done), "{}", text(&done.stderr));
}

#[tokio::test]
async fn lines_of_the_clients_own_are_ascii_and_the_rest_is_in_the_persons_language() {
    let door = Door::new(&[]).await;
    let owner = door.world.acme.owner.clone();
    let chinese = format!("update users set language = 'zh' where id = {} returning id", owner.id);
    assert_eq!(door.world.server.sql(&chinese).await.len(), 1);
    // The client escapes what is beyond ASCII there.
    for (to, words) in [
        ("169.254.169.254:80", "administratively prohibited: Only ports of the instance itself"),
        ("localhost:9", "connect failed: Nothing listens on port 9 of the instance."),
    ] {
        let done = run(door.program("ssh", "key").args(["-W", to]).arg(door.who("one"))).await;
        assert!(text(&done.stderr).contains(words), "{to}: {}", text(&done.stderr));
    }
    let id = door.add_key(&owner, "late").await;
    let mut shell = door.shell(&[], "late", &door.who("one"));
    shell.type_in("echo re''ady\r").await;
    shell.until("ready").await;
    accounts::remove_ssh_key(door.world.server.platform(), &owner.ctx(), id).await.unwrap();
    let (_, said) = shell.ended(PROMISE).await;
    assert!(said.contains("Your right to this connection ended"), "{said}");
    // What comes on a channel is shown as it is.
    let done = run(door.program("ssh", "key").arg(door.who("nothing")).arg("true")).await;
    assert!(text(&done.stderr).contains("没有名为 nothing 且您可以进入的实例"), "{}", text(&done.stderr));
}

/// What a program in the instance answers, by the proxy of `-D`; nothing where there is no way.
async fn by_proxy(proxy: u16, [a, b, c, d]: [u8; 4], port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", proxy)).await.unwrap();
    let [high, low] = port.to_be_bytes();
    // RFC 1928, without proving who one is. The client says that it is connected before it has asked for it.
    for (ask, told) in [(&[5, 1, 0][..], 2), (&[5, 1, 0, 1, a, b, c, d, high, low][..], 10)] {
        let _ = stream.write_all(ask).await;
        let mut answer = vec![0; told];
        // A port where nobody listens yet may be closed before that.
        if stream.read_exact(&mut answer).await.is_err() {
            return String::new();
        }
        assert_eq!(answer[..2], [5, 0]);
    }
    let _ = stream.write_all(ASK).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    let _ = read.expect("it ends");
    text(&answer)
}

/// A shell that is told on its input what to do, a proxy beside it, and a place where more of the same connection is asked for.
fn connect_editor(door: &Door, proxy: u16, mux: &str) -> Shell {
    let mut ssh = door.program("ssh", "key");
    // As an editor comes, which also asks every second whether it is still heard.
    ssh.args(["-o", "ServerAliveInterval=1", "-o", "ServerAliveCountMax=5"]);
    ssh.args(["-T", "-M", "-o", mux, "-o", "RemoteCommand=sh", "-D", &proxy.to_string()]);
    Shell::of(ssh.arg(door.who("one")))
}

#[tokio::test]
async fn an_editor_brings_its_server_along_and_comes_to_its_port() {
    let door = Door::new(&[]).await;
    let (proxy, who) = (free(), door.who("one"));
    let mux = format!("ControlPath={}", door.place("mux").display());
    let beside = |name: &str, words: &[&str]| {
        let mut command = door.program(name, "key");
        command.args(["-o", &mux]).args(words).arg(&who);
        command
    };
    let mut editor = connect_editor(&door, proxy, &mux);
    editor.type_in("d=$HOME/.editor; busybox mkdir -p $d; echo into==$d==\n").await;
    editor.until("/.editor==").await;
    // What it needs comes by the same connection.
    std::fs::create_dir(door.place("www")).unwrap();
    std::fs::write(door.place("www").join("page"), "of the editor\n").unwrap();
    let orders =
        format!("put -r {www} .editor/www\nget -r .editor/www {www}-back\n", www = door.place("www").display());
    let (_, done) = there_and_back(&mut beside("sftp", &["-b", "-"]), orders.as_bytes()).await;
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(std::fs::read_to_string(door.place("www-back").join("page")).unwrap(), "of the editor\n");
    let serve = format!("exec busybox httpd -f -p 127.0.0.1:{EDITOR} -h $d/www");
    let start = format!("(trap '' HUP; {serve}) >$d/log 2>&1 </dev/null &");
    editor.type_in(&format!("{start}\necho listening==$((40+2))==\n")).await;
    editor.until("listening==42==").await;

    let here = [127, 0, 0, 1];
    let answers = |said: &str| said.ends_with("of the editor\n");
    eventually("its program answers", async || answers(&by_proxy(proxy, here, EDITOR).await).then_some(())).await;
    let many = join_all((0..8).map(|_| by_proxy(proxy, here, EDITOR))).await;
    assert!(many.iter().all(|said| answers(said)), "{many:?}");
    assert_eq!(by_proxy(proxy, [169, 254, 169, 254], 80).await, "", "nothing but the instance itself");

    // Another port and another command of the same connection.
    let near = free();
    let done = run(&mut beside("ssh", &["-O", "forward", "-L", &format!("127.0.0.1:{near}:localhost:{EDITOR}")])).await;
    assert!(done.status.success(), "{}", text(&done.stderr));
    let mut stream = TcpStream::connect(("127.0.0.1", near)).await.unwrap();
    stream.write_all(ASK).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("it ends").unwrap();
    assert!(answers(&text(&answer)), "{}", text(&answer));
    let done = run(beside("ssh", &[]).arg("exit 9")).await;
    assert_eq!(done.status.code(), Some(9), "{}", text(&done.stderr));
    let visits = "select count(*) from ssh_visits";
    assert_eq!(door.world.server.count(visits).await, 1, "all of it is one connection");

    // The network goes away: what it left running is there when it comes back.
    drop(editor);
    let ended = format!("{visits} where ended_at is not null");
    eventually("its end is written", async || (door.world.server.count(&ended).await == 1).then_some(())).await;
    let mut again = door.program("ssh", "key");
    let (said, _) = there_and_back(again.args(["-W", &format!("localhost:{EDITOR}")]).arg(&who), ASK).await;
    assert!(answers(&text(&said)), "{}", text(&said));
}

/// Whether a program with this word runs: the engine's containers are of this machine.
fn runs(word: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let mut lines = processes.filter_map(|it| std::fs::read(it.path().join("cmdline")).ok());
    lines.any(|line| line.split(|byte| *byte == 0).any(|it| it == word.as_bytes()))
}

#[tokio::test]
async fn what_a_door_that_died_left_is_hung_up_and_what_is_independent_stays() {
    let mut door = Door::apart(World::new().await).await;
    // Seconds that nobody else sleeps.
    let [command, front, alone] = [1, 2, 3].map(|n| (10 * (100_000 + u32::from(door.port())) + n).to_string());
    let mut plain = door.program("ssh", "key");
    let plain = plain.arg(door.who("one")).arg(format!("sleep {command}; true")).spawn().unwrap();
    let mut shell = door.shell(&[], "key", &door.who("one"));
    shell.type_in(&format!("busybox setsid sleep {alone} </dev/null >/dev/null 2>&1 &\r")).await;
    shell.type_in(&format!("sleep {front}\r")).await;
    let all = [&command, &front, &alone];
    eventually("all of them run", async || all.iter().all(|it| runs(it)).then_some(())).await;

    door.kill();
    let (server, platform) = (&door.world.server, door.world.server.platform());
    instances::hang_up_left(platform).await.unwrap();
    let claimed = "select count(*) from ssh_visits where hang_up_at is not null or hung_up_at is not null";
    assert_eq!(server.count(claimed).await, 0, "it may only be slow");
    let died = "update ssh_visits set lease_until = now() - interval '1 minute' where ended_at is null returning id";
    assert_eq!(server.sql(died).await.len(), 2);
    // No server works here: another door does it.
    let _other = SshGateway::start(&server.test).await;
    eventually("what ran by it is hung up", async || (!runs(&command) && !runs(&front)).then_some(())).await;
    assert!(runs(&alone));
    let left = "select count(*) from ssh_visits where hung_up_at is null";
    eventually("that is noted", async || (server.count(left).await == 0).then_some(())).await;
    drop((plain, shell));
}

/// Changes a window, as whoever drags its corner does: what runs in it gets the signal.
async fn resize(terminal: &str, rows: u16, cols: u16) {
    let (rows, cols) = (rows.to_string(), cols.to_string());
    let words = ["-F", terminal, "rows", &rows, "cols", &cols];
    let done = run(Command::new("stty").args(words).stdin(Stdio::null())).await;
    assert!(done.status.success(), "{}", text(&done.stderr));
}

#[tokio::test]
async fn a_terminal_has_the_size_of_its_window_and_its_keys() {
    let door = Door::new(&[]).await;
    // The client in a terminal of its own, which it names first.
    let ssh = door.program("ssh", "key");
    let words: Vec<_> = ssh.as_std().get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let line = format!("tty; stty erase ^H iutf8 -ixon; exec ssh {} {}", words.join(" "), door.who(""));
    let mut script = Command::new("script");
    script.args(["-qefc", &line, "/dev/null"]).env("SHELL", "/bin/sh").env("TERM", "xterm-256color");
    let mut shell = Shell::of(script.env_remove("SSH_AUTH_SOCK").kill_on_drop(true));
    shell.until("What is running").await;
    let from = shell.seen().find("/dev/pts/").expect("it says where it is");
    let terminal: String = shell.seen()[from..].chars().take_while(|c| !c.is_whitespace()).collect();

    // While one chooses, and later.
    resize(&terminal, 31, 99).await;
    shell.type_in("1\r").await;
    for (rows, cols, word) in [(31, 99, "first"), (50, 200, "second"), (24, 80, "third")] {
        resize(&terminal, rows, cols).await;
        let (half, other) = word.split_at(2);
        let wait = format!("until [ \"$(busybox stty size)\" = \"{rows} {cols}\" ]; do sleep 0.1; done");
        shell.type_in(&format!("{wait}; echo {half}''{other}\r")).await;
        shell.until(word).await;
    }
    shell.type_in("echo $TERM-$((40+2)) at $SSH_TTY; busybox stty -a; echo wh''ole\r").await;
    shell.until("xterm-256color-42 at /dev/pts/").await;
    shell.until("whole").await;
    assert!(shell.seen().contains("erase = ^H"), "{}", shell.seen());
    for word in ["iutf8", "-ixon"] {
        assert!(shell.seen().split_whitespace().any(|seen| seen == word), "{word}: {}", shell.seen());
    }
    // A key that interrupts.
    shell.type_in("echo ru''ns; sleep 600\r").await;
    shell.until("runs").await;
    shell.type_in("\x03").await;
    shell.type_in("echo ba''ck\r").await;
    shell.until("back").await;
    shell.type_in("exit 5\r").await;
    assert_eq!(shell.ended(PATIENCE).await.0, Some(5));

    // A command in a terminal, too.
    for (words, code) in [(["-tt"], 3), (["-T"], 4)] {
        let mut command = door.program("ssh", "key");
        let done = run(command.args(words).arg(door.who("one")).arg("[ -t 0 ] && exit 3; exit 4")).await;
        assert_eq!(done.status.code(), Some(code), "{words:?}: {}", text(&done.stderr));
    }
}

#[tokio::test]
async fn every_cipher_carries_bytes_over_an_exchange_of_keys() {
    let door = Door::new(&[]).await;
    let who = door.who("one");
    let bytes: Vec<u8> = (0..1_000_000u32).map(|n| (n * 31 + n / 257) as u8).collect();
    for cipher in [
        "aes256-gcm@openssh.com",
        "aes128-gcm@openssh.com",
        "chacha20-poly1305@openssh.com",
        "aes256-ctr",
        "aes128-ctr",
    ] {
        let mut ssh = door.program("ssh", "key");
        ssh.args(["-c", cipher, "-o", "RekeyLimit=256K"]).arg(&who).arg("cat");
        let (back, done) = there_and_back(&mut ssh, &bytes).await;
        assert!(back == bytes && done.status.success(), "{cipher}: {} {}", back.len(), text(&done.stderr));
    }
    let known = text(&run(Command::new("ssh").args(["-Q", "kex"]).stdin(Stdio::null())).await.stdout);
    for exchange in ["curve25519-sha256", "curve25519-sha256@libssh.org", "mlkem768x25519-sha256"] {
        if known.lines().any(|line| line == exchange) {
            let mut ssh = door.program("ssh", "key");
            let done = run(ssh.args(["-o", &format!("KexAlgorithms={exchange}")]).arg(&who).arg("true")).await;
            assert!(done.status.success(), "{exchange}: {}", text(&done.stderr));
        }
    }
    for (weak, refusal) in [
        (&["-o", "KexAlgorithms=diffie-hellman-group14-sha256"][..], "no matching key exchange method found"),
        (&["-c", "aes128-cbc"][..], "no matching cipher found"),
        (&["-c", "aes128-ctr", "-m", "hmac-sha2-256"][..], "no matching MAC found"),
    ] {
        let done = run(door.program("ssh", "key").args(weak).arg(&who).arg("true")).await;
        assert!(text(&done.stderr).contains(refusal), "{weak:?}: {}", text(&done.stderr));
    }
}

/// What an `sshd` is of, by its version.
const SSHD: [&str; 3] = ["/usr/sbin/sshd", "/usr/lib/openssh/sshd-session", "/usr/lib/openssh/sshd-auth"];
/// In the instance, for its own localhost alone.
const SSHD_CONFIG: &str = "ListenAddress 127.0.0.1\nHostKey /etc/ssh/host\nAuthorizedKeysFile /etc/ssh/people\nPidFile none\n\
    StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n";

#[tokio::test]
async fn an_sshd_of_the_instance_is_reached_by_jumping_over_the_door() {
    let programs: Vec<_> = SSHD.into_iter().filter(|program| Path::new(program).exists()).collect();
    assert!(!programs.is_empty(), "openssh-server is here: cargo xtask setup test gets it");
    let door = Door::new(&programs).await;
    let (who, read) = (door.who("one"), |name: &str| std::fs::read_to_string(door.place(name)).unwrap());
    // What an image with one brings along.
    door.make_key("inner", &["-t", "ed25519"]).await;
    let accounts = "root:x:0:0::/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/bin/false\n".to_owned();
    let made = door.ssh(&["busybox mkdir -p /etc/ssh /root /run/sshd"]).await;
    assert!(made.status.success(), "{}", text(&made.stderr));
    for (path, content) in [
        ("/etc/passwd", accounts),
        ("/etc/ssh/host", read("inner")),
        ("/etc/ssh/people", read("key.pub")),
        ("/etc/ssh/config", SSHD_CONFIG.to_owned()),
    ] {
        let mut put = door.program("ssh", "key");
        let put = put.arg(&who).arg(format!("umask 077; cat > {path}"));
        let (_, done) = there_and_back(put, content.as_bytes()).await;
        assert!(done.status.success(), "{path}: {}", text(&done.stderr));
    }
    // It says that it is there before it listens.
    let listens = "busybox grep -q ':0016 00000000:0000 0A' /proc/net/tcp";
    let start = format!("/usr/sbin/sshd -f /etc/ssh/config && until {listens}; do sleep 0.1; done");
    let started = door.ssh(&[&start]).await;
    assert!(started.status.success(), "{}", text(&started.stderr));

    // Who jumps has nothing on the line but the names.
    std::fs::write(door.place("known"), format!("{}inner {}", read("known"), read("inner.pub"))).unwrap();
    let config = format!(
        "Host inner\n  HostName localhost\n  HostKeyAlias inner\n  User root\nHost *\n  UserKnownHostsFile {}\n  \
         IdentityFile {}\n  IdentitiesOnly yes\n  BatchMode yes\n  StrictHostKeyChecking yes\n",
        door.place("known").display(),
        door.place("key").display(),
    );
    std::fs::write(door.place("config"), config).unwrap();
    let mut ssh = Command::new("ssh");
    ssh.arg("-F").arg(door.place("config")).args(["-J", &format!("{who}:{}", door.port()), "inner"]);
    ssh.arg("echo in-$((40+2)); exit 6").env_remove("SSH_AUTH_SOCK").stdin(Stdio::null()).kill_on_drop(true);
    let done = run(&mut ssh).await;
    let said = text(&done.stderr);
    assert_eq!((done.status.code(), text(&done.stdout)), (Some(6), "in-42\n".to_owned()), "{said}");
}

/// OpenSSH's client sends no signals; others do.
struct Anybody;

impl client::Handler for Anybody {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

/// What a program says until it says that, or to its end, with how it ended.
async fn hear(channel: &mut Channel<client::Msg>, until: Option<&str>) -> (String, Option<u32>) {
    let (mut said, mut code) = (String::new(), None);
    let hearing = async {
        while let Some(message) = channel.wait().await {
            match message {
                ChannelMsg::Data { data } => said.push_str(&text(&data)),
                ChannelMsg::ExitStatus { exit_status } => code = Some(exit_status),
                _ => {}
            }
            if until.is_some_and(|until| said.contains(until)) {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, hearing).await.expect("it says so, or ends");
    (said, code)
}

#[tokio::test]
async fn a_signal_reaches_the_program_it_is_for() {
    let door = Door::new(&[]).await;
    let config = Arc::new(client::Config::default());
    let mut session = client::connect(config, ("127.0.0.1", door.port()), Anybody).await.unwrap();
    let key = PrivateKeyWithHashAlg::new(Arc::new(load_secret_key(door.place("key"), None).unwrap()), None);
    let who = format!("{}+one", door.world.acme.owner.name);
    assert!(session.authenticate_publickey(who, key).await.unwrap().success());
    let (mut channel, mut neighbour) =
        (session.channel_open_session().await.unwrap(), session.channel_open_session().await.unwrap());
    for (channel, command) in [
        (&mut channel, "trap 'echo got; exit 4' USR1; echo ready; while :; do sleep 0.1; done"),
        (&mut neighbour, "trap 'echo got' USR1; echo ready; read line; echo still"),
    ] {
        channel.exec(true, command).await.unwrap();
        assert_eq!(hear(channel, Some("ready\n")).await, ("ready\n".to_owned(), None));
    }
    channel.signal(Sig::USR1).await.unwrap();
    assert_eq!(hear(&mut channel, None).await, ("got\n".to_owned(), Some(4)));
    // What else runs for the same connection got none.
    neighbour.eof().await.unwrap();
    assert_eq!(hear(&mut neighbour, None).await, ("still\n".to_owned(), Some(0)));
}
