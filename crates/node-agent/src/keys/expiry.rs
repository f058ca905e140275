//! The option with which sshd itself stops taking a key, where it knows it: for a host whose agent does not run any more when
//! the time is over. An sshd that does not know an option takes no key with it, so it is asked first which it is.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// What a sshd of this host may take to say its name, all in all: keys are not looked at meanwhile.
const PATIENCE: Duration = Duration::from_secs(1);
/// Longest line of its name (RFC 4253, 4.2).
const MAX_LINE: usize = 255;
/// `expiry-time` came with OpenSSH 8.2, times in UTC with 9.1.
const KNOWN: (u32, u32) = (8, 2);
const KNOWN_UTC: (u32, u32) = (9, 1);
/// Before, it is a time of the host's zone: no zone is further behind UTC's clock than that is ahead of it.
const FURTHEST_ZONE_MS: i64 = 14 * 3_600_000;

/// Of an OpenSSH: major and minor.
pub type Version = (u32, u32);

/// The option, with a blank behind it; empty where it would be none, or the sshd never said which it is.
pub fn option(version: Option<Version>, until_ms: i64) -> String {
    // Nothing of ours lasts beyond the years that have four digits.
    match version {
        Some(version) if version >= KNOWN_UTC => format!("expiry-time=\"{}Z\" ", stamp(until_ms)),
        Some(version) if version >= KNOWN => {
            format!("expiry-time=\"{}\" ", stamp(until_ms.saturating_add(FURTHEST_ZONE_MS)))
        }
        _ => String::new(),
    }
}

/// What listens there said that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    OpenSsh(Version),
    /// Something else, or one too old to be told apart.
    Other,
    /// Nothing, in time.
    Nothing,
}

/// Asks what listens there.
pub fn ask(sshd: SocketAddr) -> Said {
    match line(sshd, Instant::now() + PATIENCE) {
        Some(line) if line.starts_with("SSH-") => parse(&line).map_or(Said::Other, Said::OpenSsh),
        _ => Said::Nothing,
    }
}

/// Its first line, where it says one in time, however slowly.
fn line(sshd: SocketAddr, until: Instant) -> Option<String> {
    let left = || Some(until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero());
    let mut stream = TcpStream::connect_timeout(&sshd, left()?).ok()?;
    stream.set_write_timeout(Some(left()?)).ok()?;
    // So that its log says who asked.
    stream.write_all(b"SSH-2.0-RemoteGPU_agent_asks_version\r\n").ok()?;
    let mut line = Vec::new();
    while line.len() < MAX_LINE {
        stream.set_read_timeout(Some(left()?)).ok()?;
        let mut byte = [0];
        match stream.read(&mut byte).ok()? {
            1 if byte[0] != b'\n' => line.push(byte[0]),
            _ => break,
        }
    }
    Some(String::from_utf8_lossy(&line).into_owned())
}

pub(super) fn parse(line: &str) -> Option<(u32, u32)> {
    let rest = line.strip_prefix("SSH-2.0-OpenSSH_")?;
    let (major, rest) = rest.split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// `YYYYMMDDHHMM`, UTC; the minute is begun again at the end, so that it is never too early.
fn stamp(ms: i64) -> String {
    let minutes = ms.clamp(0, 253_370_764_800_000).div_euclid(60_000) + 1;
    let (days, minute) = (minutes.div_euclid(1440), minutes.rem_euclid(1440));
    // Civil date from days, after Howard Hinnant's `civil_from_days`: years begin in March.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}{:02}{:02}", minute / 60, minute % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_sshd_reads_them() {
        for (ms, text) in [
            (0, "197001010001"),
            (951_782_340_000, "200002290000"),
            (1_798_761_599_999, "202701010000"),
            (1_793_836_800_000, "202611050001"),
            (i64::MAX, "999901010001"),
        ] {
            assert_eq!(stamp(ms), text, "{ms}");
        }
    }

    #[test]
    fn only_who_knows_the_option_gets_it() {
        for (line, version) in [
            ("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r", Some((9, 2))),
            ("SSH-2.0-OpenSSH_8.0", Some((8, 0))),
            ("SSH-2.0-OpenSSH_10.0p2", Some((10, 0))),
            ("SSH-2.0-dropbear_2022.83", None),
            ("SSH-2.0-OpenSSH_for_Windows", None),
            ("", None),
        ] {
            assert_eq!(parse(line), version, "{line}");
        }
        let until = 1_798_761_599_999;
        assert_eq!(option(Some((9, 2)), until), "expiry-time=\"202701010000Z\" ");
        assert_eq!(option(Some((8, 9)), until), "expiry-time=\"202701011400\" ");
        assert_eq!(option(Some((8, 0)), until), "");
        assert_eq!(option(None, until), "");
    }

    #[test]
    fn a_version_is_asked_of_who_listens() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"SSH-2.0-OpenSSH_9.9p2\r\n").unwrap();
            let mut said = [0; 16];
            stream.read_exact(&mut said).unwrap();
        });
        assert_eq!(ask(address), Said::OpenSsh((9, 9)));
        answering.join().unwrap();
    }

    #[test]
    fn who_says_it_slowly_is_not_waited_for() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (over, told) = std::sync::mpsc::channel::<()>();
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // A byte long before each wait for one is over, and never an end.
            while told.recv_timeout(Duration::from_millis(100)).is_err() {
                let _ = stream.write_all(b"S");
            }
        });
        let before = Instant::now();
        assert_eq!(ask(address), Said::Nothing);
        assert!(before.elapsed() < PATIENCE * 5, "{:?}", before.elapsed());
        over.send(()).unwrap();
        answering.join().unwrap();
    }
}
