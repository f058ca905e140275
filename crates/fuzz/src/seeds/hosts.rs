//! What stands on a host where its people may write.

use super::{Seed, add};

/// Lines of the agent's, of somebody else, and what is none.
const KEYS: &str = "# mine\nssh-rsa AAAAB3NzaC1yc2E= me@laptop\nssh-ed25519 AAAAC3NzaC1lZDI1NTE50 kept-by-remotegpu-agent\n\n\
                    from=\"10.0.0.0/8\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE51 somebody";
/// A process whose name looks like fields.
const STAT: &str = "7 (a) b) (c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20\nUid:\t1001\t0\t0\t0\n";

pub(super) fn add_all(seeds: &mut Vec<Seed>) {
    add(seeds, "host_files", 0, "keys", [&b"\x02"[..], KEYS.as_bytes()].concat());
    add(seeds, "host_files", 1, "others", [&b"\x03"[..], KEYS.as_bytes()].concat());
    let until = 1_790_000_000_000_i64.to_le_bytes();
    add(seeds, "host_files", 2, "sshd", [&until[..], b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r"].concat());
    add(seeds, "host_files", 2, "older", [&until[..], b"SSH-2.0-OpenSSH_8.9"].concat());
    add(seeds, "host_files", 3, "process", STAT);
    let id = "e2171973164d9e6cdb646b30385bc55042370dd2041052a16b712c67841c25ca";
    add(seeds, "host_files", 4, "cgroup", format!("0::/system.slice/docker-{id}.scope\n"));
    add(seeds, "host_files", 5, "passwd", "root:x:0:0:root:/root:/bin/bash\nwanda:x:1001:1001::/home/wanda:/bin/sh\n");

    let layer = |done: u32, status: &str| {
        format!(
            r#"{{"status":"{status}","progressDetail":{{"current":{done},"total":100}},"progress":"=>","id":"a1b2c3"}}"#
        )
    };
    let reports = [layer(10, "Downloading"), layer(100, "Downloading"), layer(3, "Extracting")].join("\r\n");
    add(seeds, "engine_streams", 5, "pulled", reports);
    let version = r#"{"Version":"27.1.1","ApiVersion":"1.46","Arch":"amd64","KernelVersion":"6.1.0"}"#;
    let info = r#"{"OperatingSystem":"Debian GNU/Linux 12","Driver":"overlay2","CgroupVersion":"2","NCPU":2,"Runtimes":{"runc":{},"nvidia":{}},"DefaultRuntime":"runc"}"#;
    add(seeds, "engine_streams", 6, "described", format!("{version}\n{info}"));
    add(seeds, "credentials", 12, "password", "wanda\nP@ssw0rd2024");
}
