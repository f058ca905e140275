//! `cargo xtask run`: the product on this machine, with this machine as its first node.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::build::{Built, build};
use crate::env::{cargo, is_root, read, root, run as run_command, target};
use crate::setup::{Need, setup};

/// Real agent processes for a demo; what is beyond comes from one load program, so that the demo shows the product and
/// does not measure the laptop.
const REAL_AGENTS: usize = 32;
/// More links than this meet the usual limit of 1024 open files.
const MAX_DEMO: usize = 800;

struct Options {
    demo: usize,
    port: u16,
    data: PathBuf,
}

/// Where the data is when nothing else is said.
pub fn data_folder() -> PathBuf {
    // As root PostgreSQL runs as somebody else, who may not be able to reach a clone in a home folder.
    if is_root() { PathBuf::from("/var/lib/remotegpu-dev") } else { root().join(".dev") }
}

fn options(words: &[&str]) -> Result<Options> {
    let mut options = Options { demo: 0, port: 3000, data: data_folder() };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} needs a value"))?;
        match *word {
            "--demo" => options.demo = value.parse().context("--demo takes a number")?,
            "--port" => options.port = value.parse().context("--port takes a number")?,
            "--data" => options.data = PathBuf::from(value),
            other => bail!("unknown option {other}"),
        }
    }
    if options.demo > MAX_DEMO {
        bail!("--demo goes up to {MAX_DEMO} hosts");
    }
    Ok(options)
}

/// Processes that end with us.
struct Children(Vec<Child>);

impl Drop for Children {
    /// The last started first: agents before the server.
    fn drop(&mut self) {
        for child in self.0.iter_mut().rev() {
            // Not the program `kill`: a minimal Debian has none.
            let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
            let _ = child.wait();
        }
    }
}

/// See the module.
pub fn run(words: &[&str]) -> Result<()> {
    let options = options(words)?;
    // Before the minutes of a first build, not after them.
    if std::net::TcpListener::bind(("127.0.0.1", options.port)).is_err() {
        bail!("port {} is in use: stop what runs there, or choose another with --port", options.port);
    }
    setup(Need::Run)?;
    let built = build()?;
    let load = if options.demo > REAL_AGENTS { Some(load_program()?) } else { None };
    std::fs::create_dir_all(&options.data)?;
    let data = options.data.canonicalize()?;
    let url = format!("http://127.0.0.1:{}", options.port);
    let mut children = Children(Vec::new());
    let (stop, stopped) = std::sync::mpsc::channel();
    // Ctrl-C and SIGTERM: the children have process groups of their own, so they end in our order.
    ctrlc::set_handler(move || {
        // Nobody listening means that we are ending already.
        let _ = stop.send(());
    })?;
    let server = server(&built, &options, &data, &["serve"]).spawn().context("the server")?;
    children.0.push(server);
    wait_ready(&options, &mut children)?;
    children.0.push(agent(&built, &options, &data, &url, "this-machine", None)?);
    for number in 1..=options.demo.min(REAL_AGENTS) {
        let name = format!("demo-{number:02}");
        children.0.push(agent(&built, &options, &data, &url, &name, Some(number))?);
    }
    if let Some(program) = &load {
        children.0.push(many(program, &built, &options, &data, &url)?);
    }
    let again = format!("REMOTEGPU_DATA_DIR={} {}", data.join("server").display(), built.server.display());
    println!("\n  {url}   stop with Ctrl-C\n  password forgotten: {again} admin reset-password NAME\n");
    loop {
        if stopped.recv_timeout(Duration::from_millis(300)).is_ok() {
            println!("stopping");
            return Ok(());
        }
        if let Some(status) = children.0[0].try_wait()? {
            bail!("the server ended: {status}");
        }
    }
}

fn server(built: &Built, options: &Options, data: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(&built.server);
    command.args(words).env("REMOTEGPU_LISTEN", format!("127.0.0.1:{}", options.port));
    command.env("REMOTEGPU_DATA_DIR", data.join("server"));
    // Names below localhost are this machine to a browser.
    let apps = options.port.checked_add(1).filter(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok());
    if let Some(apps) = apps {
        command.env("REMOTEGPU_APPS_URL", format!("http://*.localhost:{apps}"));
        command.env("REMOTEGPU_APPS_LISTEN", format!("127.0.0.1:{apps}"));
    }
    command.process_group(0);
    command
}

fn wait_ready(options: &Options, children: &mut Children) -> Result<()> {
    use std::io::{Read as _, Write as _};
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(status) = children.0[0].try_wait()? {
            bail!("the server ended: {status}");
        }
        let ready = std::net::TcpStream::connect(("127.0.0.1", options.port)).and_then(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            stream.write_all(b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer.contains(" 200 "))
        });
        if ready.unwrap_or(false) {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("the server is not ready after two minutes");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// An agent with a state folder of its own; it joins once and is known from then on.
fn agent(
    built: &Built,
    options: &Options,
    data: &Path,
    url: &str,
    name: &str,
    simulated: Option<usize>,
) -> Result<Child> {
    let state = data.join("agents").join(name);
    std::fs::create_dir_all(&state)?;
    let mut command = Command::new(&built.agent);
    command.args(["run", "--server", url, "--state-dir"]).arg(&state);
    if let Some(number) = simulated {
        command.args(["--host-name", name, "--nvml-lib"]).arg(&built.nvml_sim);
        let scenario = state.join("scenario.toml");
        std::fs::write(&scenario, scenario_text(number))?;
        command.env("NVML_SIM_SCENARIO", &scenario);
    }
    // One whose first join failed gets another chance; one that was welcomed has its own key.
    if !state.join("machine").exists() {
        let token = read(&mut server(built, options, data, &["admin", "join-token", "--one-time"]))?;
        command.env("REMOTEGPU_JOIN_TOKEN", token);
    }
    let log = std::fs::File::create(state.join("agent.log"))?;
    command.stdout(Stdio::null()).stderr(log).process_group(0).spawn().context("the agent")
}

/// The program that acts as many agents at once.
fn load_program() -> Result<PathBuf> {
    run_command(&mut cargo(&["build", "--release", "-p", "bench-peers", "--bin", "bench-nodes"]))?;
    Ok(target().join("release/bench-nodes"))
}

/// The hosts beyond the real agents: one sample a second each, until we end.
fn many(program: &Path, built: &Built, options: &Options, data: &Path, url: &str) -> Result<Child> {
    let (nodes, folder) = (options.demo - REAL_AGENTS, data.join("agents/many"));
    std::fs::create_dir_all(&folder)?;
    let joined = folder.join("joined");
    let known = std::fs::read_to_string(&joined).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let token = if nodes > known {
        let uses = nodes.to_string();
        read(&mut server(built, options, data, &["admin", "join-token", "--max-uses", &uses]))?
    } else {
        "every one of them is known".to_owned()
    };
    let mut command = Command::new(program);
    command.args([url, &nodes.to_string(), "8", "31536000", "--live", "1", "--joined"]).arg(&joined);
    command.env("REMOTEGPU_JOIN_TOKEN", token);
    let log = std::fs::File::create(folder.join("load.log"))?;
    command.stdout(Stdio::null()).stderr(log).process_group(0).spawn().context("the load program")
}

/// Variety: models and loads differ, and a few hosts are in trouble.
fn scenario_text(number: usize) -> String {
    let models = ["H100 80G", "A100 80G", "L40S", "RTX 4090"];
    let load = match number % 4 {
        0 => "load = { kind = \"idle\" }".to_owned(),
        1 => format!("load = {{ kind = \"constant\", util = {}.0 }}", 70 + number % 28),
        2 => "load = { kind = \"sine\", mean = 55.0, amplitude = 35.0, period = 120.0 }".to_owned(),
        _ => "load = { kind = \"burst\", low = 3.0, high = 96.0, period = 40.0 }".to_owned(),
    };
    let event = match number {
        3 => "\n[[event]]\nkind = \"lost\"\ngpu = 5\nat = 30.0\n",
        6 => "\n[[event]]\nkind = \"throttle\"\ngpu = 1\nat = 10.0\nbits = 64\n",
        9 => "\n[[event]]\nkind = \"xid\"\ngpu = 2\nat = 20.0\nxid = 79\n",
        _ => "",
    };
    format!(
        "driver_version = \"580.95.05\"\ncuda_version = \"13.0\"\nseed = {number}\n\n[[gpu]]\nmodel = \"{}\"\ncount = 8\n{load}\n{event}",
        models[number % models.len()]
    )
}
