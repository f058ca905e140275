//! Of what the thread does, by its own steps.

use super::*;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA";

struct Host {
    home: tempfile::TempDir,
    state: tempfile::TempDir,
    keeper: Keeper,
    seen: watch::Receiver<Option<HostKeysSeen>>,
}

fn config(home: &Path, account: Option<&str>) -> KeysConfig {
    // Nobody listens there, which says nothing of what it knows.
    let sshd = SocketAddr::from(([127, 0, 0, 1], 1));
    KeysConfig { account: account.map(str::to_owned), sshd, sshd_keys: home.to_owned(), home: Some(home.to_owned()) }
}

impl Host {
    fn new() -> Self {
        let (home, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (seeing, seen) = watch::channel(None);
        let keeper = Keeper::new(config(home.path(), Some("gpu")), state.path(), seeing);
        Self { home, state, keeper, seen }
    }

    /// Another agent on the same host.
    fn again(&mut self, account: Option<&str>) {
        let (seeing, seen) = watch::channel(None);
        self.keeper = Keeper::new(config(self.home.path(), account), self.state.path(), seeing);
        self.seen = seen;
    }

    fn order(&mut self, lease: u64, keys: &[&str], lasts_ms: u64) -> HostKeysSeen {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        self.keeper.obey(HostKeys { lease, keys, lasts_ms, ..HostKeys::default() });
        self.look().expect("an order is answered")
    }

    fn look(&mut self) -> Option<HostKeysSeen> {
        self.keeper.converge();
        self.seen.borrow_and_update().clone()
    }

    fn file(&self) -> PathBuf {
        self.home.path().join(".ssh/authorized_keys")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.file()).unwrap_or_default()
    }
}

#[test]
fn keys_are_kept_mended_and_taken_away() {
    let mut host = Host::new();
    let seen = host.order(7, &[KEY, KEY], 60_000);
    assert_eq!((seen.lease, seen.fault(), seen.keys), (7, HostKeysFault::None, vec![KEY.to_owned()]));
    assert!(host.text().contains(&format!("{KEY} {}", file::MARK)), "{}", host.text());
    // Somebody edits the file.
    std::fs::write(host.file(), "ssh-rsa THEIRS me\n").unwrap();
    let seen = host.look().unwrap();
    assert_eq!((seen.keys.len(), seen.others), (1, 1));
    // The agent is killed, and comes back without a server.
    host.again(Some("gpu"));
    std::fs::remove_file(host.file()).unwrap();
    assert_eq!(host.look().unwrap().keys, [KEY]);
    let seen = host.order(0, &[], 0);
    assert_eq!((seen.lease, seen.keys.len(), seen.fault()), (0, 0, HostKeysFault::None));
    assert_eq!(host.text(), "");
}

#[test]
fn the_same_order_again_is_answered_again() {
    let mut host = Host::new();
    host.order(0, &[], 0);
    host.seen.mark_unchanged();
    host.order(0, &[], 0);
    host.keeper.obey(HostKeys::default());
    host.keeper.converge();
    assert!(host.seen.has_changed().unwrap());
}

#[test]
fn what_hinders_in_one_account_is_not_hidden_by_another() {
    let mut host = Host::new();
    host.order(7, &[KEY], 60_000);
    // Its owner names another account; the first one's file cannot be looked at.
    let homes = [("gpu", host.home.path().to_owned()), ("other", host.state.path().join("other"))];
    std::fs::create_dir(&homes[1].1).unwrap();
    for (former, current) in [("gpu", "other"), ("other", "gpu")] {
        let names = homes.clone();
        host.again(Some(current));
        host.keeper.find = Box::new(move |name| match names.iter().find(|(known, _)| *known == name) {
            Some((known, _)) if *known == former => Err((HostKeysFault::Io, "no way".to_owned())),
            Some((_, home)) => Ok(Some(own(home.clone()))),
            None => unreachable!("nobody named it"),
        });
        host.keeper.kept.accounts = vec![former.to_owned()];
        let seen = host.order(7, &[KEY], 60_000);
        assert_eq!((seen.fault(), seen.keys), (HostKeysFault::Io, vec![KEY.to_owned()]), "{former}");
        assert_eq!(seen.detail, format!("account {former}: no way"));
        // Also when nobody has the machine any more, and until it is well.
        let seen = host.order(0, &[], 0);
        assert_eq!((seen.fault(), seen.keys.len()), (HostKeysFault::Io, 0), "{former}");
        assert!(host.keeper.kept.accounts.iter().any(|known| known == former), "it is looked at again");
    }
}

#[test]
fn an_account_that_cannot_be_looked_at_is_not_forgotten() {
    let mut host = Host::new();
    host.order(7, &[KEY], 60_000);
    host.again(None);
    type Find = fn(&str) -> Result<Option<Account>, Hindered>;
    let silent: [Find; 2] = [|_| Err((HostKeysFault::Account, "it does not answer".to_owned())), |_| Ok(None)];
    for find in silent {
        host.keeper.find = Box::new(find);
        let seen = host.look().unwrap();
        assert_eq!(seen.fault(), HostKeysFault::Account, "{}", seen.detail);
        assert!(seen.detail.starts_with("account gpu: "), "{}", seen.detail);
        assert!(host.text().contains(KEY));
    }
    // The home does not open: its disk is away.
    let away = host.state.path().join("away");
    host.keeper.find = Box::new(move |_| Ok(Some(own(away.clone()))));
    assert_eq!(host.look().unwrap().fault(), HostKeysFault::Account);
    // Uninstalling names it, too, and forgets nothing.
    let refused = remove_with(host.state.path(), |_| Err((HostKeysFault::Account, "no answer".to_owned())));
    assert!(refused.unwrap_err().to_string().contains("account gpu: no answer"));
    // It is back.
    host.keeper.find = finder(Some(host.home.path().to_owned()));
    assert_eq!(host.look().unwrap().fault(), HostKeysFault::None);
    assert_eq!((host.text(), host.keeper.kept.accounts.len()), (String::new(), 0));
}

#[test]
fn an_account_is_gone_when_the_host_says_so_for_long() {
    let mut host = Host::new();
    host.order(7, &[KEY], 60_000);
    host.again(None);
    host.keeper.find = Box::new(|_| Ok(None));
    assert_eq!(host.look().unwrap().fault(), HostKeysFault::Account);
    host.keeper.believed = Duration::ZERO;
    assert_eq!(host.look().unwrap().fault(), HostKeysFault::None);
    assert!(host.keeper.kept.accounts.is_empty());
    // Who uninstalls is told of which nobody could look.
    host.keeper.kept.accounts = vec!["gpu".to_owned()];
    host.keeper.kept.write(host.state.path()).unwrap();
    let removed = remove_with(host.state.path(), |_| Ok(None)).unwrap();
    assert_eq!(removed, Removed { clean: Vec::new(), unknown: vec!["gpu".to_owned()] });
}

#[test]
fn a_clock_that_is_set_ends_nothing() {
    let mut host = Host::new();
    host.order(7, &[KEY], 3_600_000);
    // As if the host's clock had been a year behind, or ahead, when that was told.
    for year in [-365, 365] {
        host.keeper.kept.until_ms = now_ms() + year * 86_400_000;
        assert_eq!(host.look().unwrap().keys, [KEY]);
        let left = host.keeper.kept.until_ms - now_ms();
        assert!((3_500_000..=3_600_000).contains(&left), "{left}");
        assert_eq!(Kept::read(host.state.path()).until_ms, host.keeper.kept.until_ms);
    }
}

#[test]
fn a_key_that_was_made_anothers_line_is_still_this_leases() {
    let mut host = Host::new();
    host.order(7, &[KEY], 60_000);
    // Whoever came in takes the mark off; the agent puts its own line beside it.
    std::fs::write(host.file(), host.text().replace(file::MARK, "")).unwrap();
    let seen = host.look().unwrap();
    assert_eq!((&seen.keys, seen.others), (&vec![KEY.to_owned()], 0));
    // Also of somebody who has no key here any more, and after an agent was started again.
    assert_eq!(host.order(7, &[], 60_000).keys, [KEY]);
    host.again(Some("gpu"));
    host.keeper.obey(HostKeys { reclaim: 7, ..HostKeys::default() });
    assert_eq!(host.look().unwrap().keys, [KEY], "it still lets somebody in");
    std::fs::rename(host.file(), host.file().with_file_name("authorized_keys2")).unwrap();
    assert_eq!(host.look().unwrap().keys, [KEY], "sshd reads this, too");
    // Of the next lease it is somebody else's.
    let seen = host.order(8, &[], 60_000);
    assert_eq!((seen.keys.len(), seen.others), (0, 1));
}

#[test]
fn the_second_file_that_sshd_reads_is_looked_at_too() {
    let mut host = Host::new();
    host.order(7, &[KEY], 60_000);
    let second = host.file().with_file_name("authorized_keys2");
    for keys in [vec![KEY], Vec::new()] {
        std::fs::write(&second, format!("ssh-rsa THEIRS me\n{KEY} {}\n", file::MARK)).unwrap();
        let seen = host.order(7, &keys, 60_000);
        assert_eq!((seen.keys.len(), seen.others), (keys.len(), 1));
        assert_eq!(std::fs::read_to_string(&second).unwrap(), "ssh-rsa THEIRS me\n");
    }
}

#[test]
fn an_sshd_is_asked_when_what_is_to_go_is_gone_and_known_from_then_on() {
    let mut host = Host::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    host.keeper.config.sshd = listener.local_addr().unwrap();
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        std::io::Write::write_all(&mut stream, b"SSH-2.0-OpenSSH_9.9p2\r\n").unwrap();
        let _ = std::io::Read::read(&mut stream, &mut [0; 64]);
        listener
    });
    host.order(7, &[KEY], 60_000);
    assert!(!host.text().contains("expiry-time"), "nobody was asked yet");
    assert!(host.keeper.ask());
    host.look();
    assert!(host.text().contains("expiry-time"), "{}", host.text());
    assert!(!host.keeper.ask(), "it is known");
    // Nobody answers any more: it is what it was, at once. And of what is to go nobody is asked.
    drop(answering.join().unwrap());
    host.order(7, &[KEY], 3_600_000);
    assert!(host.text().contains("expiry-time"), "{}", host.text());
    assert!(!host.keeper.ask());
    // Nor does an agent that is started again forget it.
    host.again(Some("gpu"));
    host.look();
    assert!(host.text().contains("expiry-time"), "{}", host.text());
    host.order(0, &[], 0);
    assert!(!host.keeper.ask());
    assert_eq!(host.keeper.asked, None);
}

#[test]
fn that_it_is_taken_back_is_answered_once_they_are_gone() {
    let mut host = Host::new();
    assert_eq!(host.order(7, &[KEY], 60_000).reclaim, 0);
    host.keeper.obey(HostKeys { reclaim: 7, ..HostKeys::default() });
    assert!(host.seen.borrow().is_none(), "nothing is said before it is done");
    let seen = host.look().unwrap();
    assert_eq!((seen.lease, seen.reclaim, seen.keys.len()), (0, 7, 0));
    assert_eq!(host.text(), "");
    // An agent that is started again still says so.
    host.again(Some("gpu"));
    assert_eq!(host.look().map(|seen| seen.reclaim), Some(7));
    assert_eq!(host.order(0, &[], 0).reclaim, 0);
}

#[test]
fn without_a_server_they_go_when_their_time_is_over() {
    let mut host = Host::new();
    host.order(7, &[KEY], 60_000);
    host.keeper.ends = Some(Instant::now());
    let seen = host.look().unwrap();
    assert_eq!((seen.lease, seen.keys.len()), (7, 0));
    assert_eq!(host.text(), "");
    // Also where it was over while no agent ran.
    host.order(7, &[KEY], 60_000);
    host.keeper.kept.until_ms = now_ms() - 1;
    host.keeper.kept.write(host.state.path()).unwrap();
    host.again(Some("gpu"));
    assert!(host.text().contains(KEY));
    assert_eq!(host.look().unwrap().keys.len(), 0);
    assert_eq!(host.text(), "");
}

#[test]
fn an_agent_that_may_not_any_more_takes_them_away() {
    let mut host = Host::new();
    assert_eq!(host.look().map(|seen| seen.keys.len()), Some(0));
    host.order(7, &[KEY], 60_000);
    host.again(None);
    assert_eq!(host.look().map(|seen| seen.keys.len()), Some(0));
    assert_eq!(host.text(), "");
    // That it has none it says of no lease; what it is told all the same is nothing to it.
    assert_eq!(host.look().map(|seen| seen.lease), Some(0));
    host.order(8, &[KEY], 60_000);
    assert_eq!(host.text(), "");
}

#[test]
fn the_doors_own_key_counts_from_this_host_alone_and_goes_with_the_others() {
    let mut host = Host::new();
    std::fs::write(host.home.path().join("ssh_host_ed25519_key.pub"), format!("{KEY} root@host\n")).unwrap();
    std::fs::write(host.home.path().join("ssh_host_ed25519_key"), "secret").unwrap();
    let door = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAID".to_owned();
    let order = HostKeys { lease: 7, lasts_ms: 60_000, door_key: Some(door.clone()), ..HostKeys::default() };
    host.keeper.obey(order);
    let seen = host.look().unwrap();
    assert_eq!((&seen.keys, &seen.sshd_keys), (&vec![door.clone()], &vec![KEY.to_owned()]));
    let line = format!("from=\"127.0.0.1,::1,127.0.0.1\",no-agent-forwarding,no-X11-forwarding {door} {}", file::MARK);
    assert!(host.text().lines().any(|there| there == line), "{}", host.text());
    host.again(Some("gpu"));
    assert_eq!(host.look().unwrap().keys, [door]);
    assert!(host.order(7, &[], 60_000).keys.is_empty());
    assert_eq!(host.text(), "");
}

#[test]
fn nothing_but_keys_is_written() {
    let mut host = Host::new();
    for bad in [
        "command=\"id\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA comment",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA\nssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIA",
        "ssh-dss AAAAC3NzaC1lZDI1NTE5AAAAIA",
        "cert-authority AAAAC3NzaC1lZDI1NTE5AAAAIA",
        "ssh-ed25519",
        "",
    ] {
        let seen = host.order(7, &[KEY, bad], 60_000);
        assert_eq!((seen.fault(), seen.keys.len()), (HostKeysFault::Keys, 0), "{bad:?}");
        assert_eq!(host.text(), "");
    }
    assert_eq!(host.order(7, &[KEY], 60_000).fault(), HostKeysFault::None);
}
