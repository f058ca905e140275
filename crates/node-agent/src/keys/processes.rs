//! Who is still there: what an account runs, as the kernel knows it.

use std::fs;

/// More than that is told as that.
const MOST: usize = 999;

/// How many processes this account runs; none where they cannot be told from those of the host or of this agent.
pub fn of(uid: u32) -> Option<u32> {
    if uid == 0 || uid == nix::unistd::geteuid().as_raw() {
        return None;
    }
    count(uid)
}

fn count(uid: u32) -> Option<u32> {
    let entries = fs::read_dir("/proc").ok()?.flatten();
    let pids = entries.filter(|entry| entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit));
    // One that ends meanwhile is none; who a process really is, not as whom it acts now.
    let statuses = pids.filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok());
    let found = statuses.filter(|status| real_uid(status) == Some(uid)).take(MOST).count();
    u32::try_from(found).ok()
}

pub(super) fn real_uid(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_of_an_account_are_counted_where_they_are_its_alone() {
        let own = nix::unistd::getuid().as_raw();
        assert!(count(own).is_some_and(|found| found > 0), "this one at least");
        assert_eq!((of(0), of(nix::unistd::geteuid().as_raw())), (None, None));
        // Of nobody's number: none.
        assert_eq!(of(4_000_000_123), Some(0));
        assert_eq!(real_uid("Name:\tsshd\nUid:\t1001\t0\t0\t0\n"), Some(1001));
        assert_eq!(real_uid("Name:\tsshd\n"), None);
    }
}
