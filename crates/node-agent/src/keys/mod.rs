//! Public keys of who has this machine, kept in one login account of it: the server says which, over the link; which account,
//! the host's owner said when the agent was started.
//!
//! Invariants: nothing but bare public keys is ever written, whatever the server sends; what is there is compared with what is
//! to be there every few seconds and mended; keys go when the time is over that was told with them, link or no link; in which
//! accounts there may be something is on disk before anything is written there, so that an agent that was killed, or is
//! started otherwise, takes it away again; what could not be looked at is never taken for empty.

mod expiry;
mod file;
pub(crate) mod fuzzing;
mod kept;
mod processes;
mod removal;

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use node_protocol::limits::{MAX_HOST_KEY_BYTES, MAX_HOST_KEYS, MAX_SSHD_KEYS, MAX_TEXT_BYTES};
use node_protocol::{HostKeys, HostKeysFault, HostKeysSeen};
use tokio::sync::watch;

use crate::tick::now_ms;
use file::{Account, Hindered};
pub use kept::KEPT_FILE;
use kept::Kept;

/// How often what is there is looked at.
const EVERY: Duration = Duration::from_secs(2);
/// How often an sshd that did not say which it is is asked again: it may start after the agent.
const ASK_AGAIN: Duration = Duration::from_secs(600);
/// How long the host has to say that it has no such account until that is believed: a directory of accounts that is away looks
/// the same.
const BELIEVED: Duration = Duration::from_secs(24 * 3600);
/// How far two clocks may be apart, milliseconds: they run at slightly different speeds, too.
const DISAGREE_MS: u64 = 60_000;
/// Kinds of keys that may be written.
const ALGORITHMS: [&str; 7] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// What the host's owner allowed.
#[derive(Debug, Clone)]
pub struct KeysConfig {
    /// The login account; `None` keeps no keys, and takes away what was kept.
    pub account: Option<String>,
    /// Where its sshd listens.
    pub sshd: SocketAddr,
    /// Where the public halves of its host keys lie.
    pub sshd_keys: PathBuf,
    /// That account's home, for tests; the agent's own rights are taken then.
    pub home: Option<PathBuf>,
}

/// For the link.
#[derive(Debug, Clone)]
pub struct KeysLink {
    /// For the hello.
    pub account: Option<String>,
    /// Where tunnels to the sshd lead; `None` where there are none.
    pub sshd: Option<SocketAddr>,
    orders: Sender<HostKeys>,
    seen: watch::Receiver<Option<HostKeysSeen>>,
}

impl KeysLink {
    /// What is to be there from now on.
    pub fn order(&self, keys: HostKeys) {
        // Fails only when the thread is gone, which says so itself.
        let _ = self.orders.send(keys);
    }

    /// A new link: what is there is told again.
    pub fn link_up(&mut self) {
        self.seen.mark_changed();
    }

    /// What is there now, when it changed. Cancel safe.
    pub async fn next_seen(&mut self) -> HostKeysSeen {
        while self.seen.changed().await.is_ok() {
            if let Some(seen) = self.seen.borrow_and_update().clone() {
                return seen;
            }
        }
        std::future::pending().await
    }
}

/// Begins to keep them; ends with the last clone of the answer.
///
/// # Errors
/// When there can be no thread.
pub fn start(config: KeysConfig, state_dir: &Path) -> Result<KeysLink> {
    let (orders, ordered) = channel();
    let (seeing, seen) = watch::channel(None);
    let sshd = config.account.as_ref().map(|_| config.sshd);
    let link = KeysLink { account: config.account.clone(), sshd, orders, seen };
    let keeper = Keeper::new(config, state_dir, seeing);
    std::thread::Builder::new()
        .name("keys".to_owned())
        .stack_size(512 * 1024)
        .spawn(move || keeper.run(&ordered))
        .context("start the thread that keeps keys")?;
    Ok(link)
}

/// What [`remove_all`] did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Accounts in which nothing of the agent's is any more.
    pub clean: Vec<String>,
    /// Accounts that the host does not have now, so that nobody could look.
    pub unknown: Vec<String>,
}

/// Takes away whatever an agent with this state folder put anywhere; for `uninstall`, when none runs.
///
/// # Errors
/// What could not be taken away, or not looked at.
pub fn remove_all(state_dir: &Path) -> Result<Removed> {
    remove_with(state_dir, Account::of)
}

fn remove_with(state_dir: &Path, find: impl Fn(&str) -> Result<Option<Account>, Hindered>) -> Result<Removed> {
    let (mut removed, mut failed) = (Removed::default(), Vec::new());
    for name in Kept::read(state_dir).accounts {
        let done = find(&name).and_then(|account| account.map(|account| file::keep(&account, &[])).transpose());
        match done {
            Ok(Some(_)) => removed.clean.push(name),
            Ok(None) => removed.unknown.push(name),
            Err((_, detail)) => failed.push(format!("account {name}: {detail}")),
        }
    }
    // All of them are tried before the first is complained about.
    if !failed.is_empty() {
        anyhow::bail!("customers' keys could not be removed: {}", failed.join("; "));
    }
    kept::forget(state_dir)?;
    Ok(removed)
}

/// Whether keys could be kept in this account, for `install`.
///
/// # Errors
/// The host has no such account, or the agent will have no right to its files.
pub fn check(name: &str) -> Result<()> {
    let account = Account::of(name).map_err(|(_, detail)| anyhow::anyhow!("--manage-keys {name}: {detail}"))?;
    let account = account.with_context(|| format!("--manage-keys: no account {name}"))?;
    let own = nix::unistd::geteuid();
    if !own.is_root() && own != account.uid {
        anyhow::bail!("--manage-keys {name}: this needs root, or to run as that account");
    }
    Ok(())
}

/// What is in an account.
#[derive(Default)]
struct There {
    /// Of this lease's, whoever's lines they are in.
    keys: Vec<String>,
    others: usize,
    processes: Option<u32>,
}

/// As which the host knows an account.
type Find = Box<dyn Fn(&str) -> Result<Option<Account>, Hindered> + Send>;

struct Keeper {
    config: KeysConfig,
    find: Find,
    /// Since when the host says that it has none of these accounts.
    missing: HashMap<String, Instant>,
    /// See [`BELIEVED`].
    believed: Duration,
    state_dir: PathBuf,
    kept: Kept,
    /// There were keys, or may have been, when the agent started.
    had: bool,
    /// The same end by a clock that nobody sets; none of an order that an agent before this one heard.
    ends: Option<Instant>,
    /// Before each key.
    options: String,
    /// When it was asked; none where it is to be asked anew.
    asked: Option<Instant>,
    seeing: watch::Sender<Option<HostKeysSeen>>,
    /// Why the last order was not taken.
    refused: Option<Hindered>,
}

impl Keeper {
    fn new(config: KeysConfig, state_dir: &Path, seeing: watch::Sender<Option<HostKeysSeen>>) -> Self {
        let mut kept = Kept::read(state_dir);
        let had = kept != Kept::default();
        if config.account.is_none() {
            // What is left is to be taken away, and is nobody's.
            kept = Kept { accounts: kept.accounts, ..Kept::default() };
        }
        let mut keeper = Self {
            find: finder(config.home.clone()),
            missing: HashMap::new(),
            believed: BELIEVED,
            config,
            state_dir: state_dir.to_owned(),
            kept,
            had,
            ends: None,
            options: String::new(),
            asked: None,
            seeing,
            refused: None,
        };
        keeper.set_options();
        keeper
    }

    fn run(mut self, orders: &Receiver<HostKeys>) {
        loop {
            self.converge();
            // What is to go is gone; only then somebody is asked who may take their time.
            if self.ask() {
                self.converge();
            }
            match orders.recv_timeout(EVERY) {
                Ok(order) => self.obey(order),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn obey(&mut self, order: HostKeys) {
        let mut keys = order.keys;
        keys.sort_unstable();
        keys.dedup();
        let good = keys.len() <= MAX_HOST_KEYS && keys.iter().chain(&order.door_key).all(|key| is_key(key));
        self.refused = (!good).then(|| (HostKeysFault::Keys, String::new()));
        // None of them then: whose the others are is not known either.
        let may = good && self.config.account.is_some();
        self.kept.keys = if may { keys } else { Vec::new() };
        self.kept.door = order.door_key.filter(|_| may);
        (self.kept.lease, self.kept.reclaim) = (order.lease, order.reclaim);
        self.kept.remember();
        let lasts = Duration::from_millis(order.lasts_ms);
        self.kept.until_ms = now_ms().saturating_add(i64::try_from(order.lasts_ms).unwrap_or(i64::MAX));
        self.ends = Instant::now().checked_add(lasts);
        self.set_options();
        self.asked = None;
        // Every order is answered, also one that changes nothing.
        self.seeing.send_if_modified(|seen| seen.take().is_some());
    }

    fn set_options(&mut self) {
        let lasting = self.kept.is_wanted();
        self.options = if lasting { expiry::option(self.kept.sshd, self.kept.until_ms) } else { String::new() };
    }

    /// Asks the sshd which it is, where that is to be known; true when other lines are to be written for it.
    fn ask(&mut self) -> bool {
        let known = |asked: Instant| !self.options.is_empty() || asked.elapsed() < ASK_AGAIN;
        if !self.kept.is_wanted() || self.asked.is_some_and(known) {
            return false;
        }
        self.asked = Some(Instant::now());
        match expiry::ask(self.config.sshd) {
            expiry::Said::OpenSsh(version) => self.kept.sshd = Some(version),
            expiry::Said::Other => self.kept.sshd = None,
            // It may be busy, or be started anew: it is what it was.
            expiry::Said::Nothing => {}
        }
        let before = std::mem::take(&mut self.options);
        self.set_options();
        self.options != before
    }

    /// Whether the time of the keys is over. Of an order that this agent heard itself a clock says it that nobody sets; the
    /// host's own counts where the agent was started since, and is mended by the other: it also stands in the option that sshd
    /// reads.
    fn is_over(&mut self) -> bool {
        let Some(ends) = self.ends else { return now_ms() >= self.kept.until_ms };
        let left = ends.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        let until = now_ms().saturating_add(i64::try_from(left.as_millis()).unwrap_or(i64::MAX));
        if until.abs_diff(self.kept.until_ms) > DISAGREE_MS {
            tracing::warn!("this host's clock was set: the end of the customer's keys is written anew");
            self.kept.until_ms = until;
            self.set_options();
        }
        false
    }

    fn converge(&mut self) {
        if self.is_over() && self.kept.is_wanted() {
            tracing::warn!("the time of the customer's keys is over, and no server said otherwise: they are removed");
            self.kept.keys.clear();
            self.kept.door = None;
        }
        let current = self.config.account.clone();
        if let Some(account) = current.as_ref().filter(|_| self.kept.is_wanted())
            && !self.kept.accounts.contains(account)
        {
            self.kept.accounts.push(account.clone());
        }
        // On disk first: see the module. Where it stands there already, or nothing is put anywhere, a full disk is no reason to
        // leave what is to go.
        if let Err(error) = self.kept.write(&self.state_dir) {
            let noted = Kept::read(&self.state_dir).accounts;
            if self.kept.is_wanted() && !current.as_ref().is_some_and(|account| noted.contains(account)) {
                let fault = (HostKeysFault::Io, format!("{}: {error}", self.state_dir.display()));
                return self.see(There::default(), Some(fault));
            }
        }
        let mut there = There::default();
        // Of any account: what is well in one is no news of another.
        let mut hindered: Option<Hindered> = None;
        // Also where nothing is known of: the state folder may be a new one, and the lines say whose they are.
        let mut names = self.kept.accounts.clone();
        names.extend(current.clone().filter(|name| !self.kept.accounts.contains(name)));
        for name in names {
            let here = current.as_ref() == Some(&name);
            let lines: Vec<String> = match here {
                true => self.lines(),
                false => Vec::new(),
            };
            match self.keep_in(&name, &lines) {
                Ok(found) if here => there = found,
                Ok(_) => self.kept.accounts.retain(|known| *known != name),
                Err(_) if !here && self.is_gone(&name) => self.kept.accounts.retain(|known| *known != name),
                Err((fault, detail)) => {
                    let detail = format!("account {name}: {detail}");
                    hindered = Some(match hindered {
                        Some((first, before)) => (first, format!("{before}; {detail}")),
                        None => (fault, detail),
                    });
                }
            }
        }
        // Next time's writing notes which accounts have nothing any more.
        self.see(there, hindered);
    }

    fn keep_in(&mut self, name: &str, lines: &[String]) -> Result<There, Hindered> {
        let found = (self.find)(name);
        if !matches!(found, Ok(None)) {
            self.missing.remove(name);
        }
        let Some(account) = found? else {
            self.missing.entry(name.to_owned()).or_insert_with(Instant::now);
            return Err((HostKeysFault::Account, "the host has no such account".to_owned()));
        };
        let mut keys = file::keep(&account, lines)?.keys;
        let others = file::others(&account, &self.kept.known)?;
        keys.extend(others.known);
        // In the order in which they stand there, each once.
        let mut told = HashSet::new();
        keys.retain(|key| told.insert(key.clone()));
        let leaving = self.kept.reclaim != 0 && !self.kept.is_wanted();
        let processes = if leaving { processes::of(account.uid.as_raw()) } else { None };
        Ok(There { keys, others: others.count, processes })
    }

    /// The host said for long enough that it has no such account.
    fn is_gone(&self, name: &str) -> bool {
        self.missing.get(name).is_some_and(|since| since.elapsed() >= self.believed)
    }

    /// What stands in the file of the account.
    fn lines(&self) -> Vec<String> {
        let people = self.kept.keys.iter().map(|key| format!("{}{key}", self.options));
        let door = self.kept.door.iter().map(|key| {
            // Options are one word, with commas: those of before end in a blank where there are any.
            let expiry = self.options.trim_end();
            let comma = if expiry.is_empty() { "" } else { "," };
            let from = self.config.sshd.ip();
            format!("from=\"127.0.0.1,::1,{from}\",no-agent-forwarding,no-X11-forwarding{comma}{expiry} {key}")
        });
        people.chain(door).collect()
    }

    /// With which keys the sshd proves itself: what its package wrote, or who set it up.
    fn sshd_keys(&self) -> Vec<String> {
        let Ok(folder) = std::fs::read_dir(&self.config.sshd_keys) else { return Vec::new() };
        let is_key_file = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with("ssh_host_") && name.ends_with("_key.pub")
        };
        let files = folder.flatten().map(|entry| entry.path()).filter(|path| is_key_file(path));
        let bare = |text: String| text.split_ascii_whitespace().take(2).collect::<Vec<_>>().join(" ");
        let mut keys: Vec<String> = files.filter_map(|path| std::fs::read_to_string(path).ok()).map(bare).collect();
        keys.retain(|key| is_key(key));
        keys.sort_unstable();
        keys.truncate(MAX_SSHD_KEYS);
        keys
    }

    fn see(&self, found: There, hindered: Option<Hindered>) {
        // An agent that never kept any has nothing to tell.
        if self.config.account.is_none() && !self.had {
            return;
        }
        let fault = hindered.or_else(|| self.refused.clone());
        let (fault, detail) = fault.unwrap_or((HostKeysFault::None, String::new()));
        let new = HostKeysSeen {
            lease: self.kept.lease,
            reclaim: self.kept.reclaim,
            keys: found.keys.into_iter().take(MAX_HOST_KEYS + 1).collect(),
            fault: fault.into(),
            detail: detail.chars().take(MAX_TEXT_BYTES / 4).collect(),
            processes: found.processes,
            others: u32::try_from(found.others).unwrap_or(u32::MAX),
            sshd_keys: if self.config.account.is_some() { self.sshd_keys() } else { Vec::new() },
        };
        self.seeing.send_if_modified(|seen| {
            let changed = seen.as_ref() != Some(&new);
            if changed {
                if fault != HostKeysFault::None {
                    tracing::warn!("the customer's keys are not kept ({fault:?}): {}", new.detail);
                }
                *seen = Some(new.clone());
            }
            changed
        });
    }
}

fn finder(home: Option<PathBuf>) -> Find {
    match home {
        Some(home) => Box::new(move |_| Ok(Some(own(home.clone())))),
        None => Box::new(Account::of),
    }
}

/// An account with the agent's own rights.
fn own(home: PathBuf) -> Account {
    Account { uid: nix::unistd::geteuid(), gid: nix::unistd::getegid(), home }
}

/// `algorithm base64` and nothing else: no option, no second line, no comment.
fn is_key(text: &str) -> bool {
    let base64 = |c: u8| c.is_ascii_alphanumeric() || b"+/=".contains(&c);
    text.len() <= MAX_HOST_KEY_BYTES
        && text.split_once(' ').is_some_and(|(algorithm, key)| {
            ALGORITHMS.contains(&algorithm) && key.len() >= 16 && key.bytes().all(base64)
        })
}

#[cfg(test)]
mod tests;
