//! What an engine says of containers, as Docker 20.10 wrote it.

use serde_json::{Value, json};

use super::{Seed, add};

const ID: &str = "e2171973164d9e6cdb646b30385bc55042370dd2041052a16b712c67841c25ca";

pub(super) fn add_all(seeds: &mut Vec<Seed>) {
    let labels = json!({ "remotegpu.installation": "lab", "remotegpu.instance": "7", "remotegpu.revision": "3",
        "remotegpu.spec": "abc" });
    let events: Vec<String> = [("start", 1), ("oom", 2), ("die", 3), ("health_status: healthy", 4)].map(event).into();
    add(seeds, "engine_streams", 0, "events", events.concat());
    let mut pieces = vec![16];
    for (of, text) in [(2, "err\n"), (1, "a"), (1, "b\n"), (1, "\u{20ac}")] {
        let text = format!("2026-11-26T22:35:52.986245954Z {text}");
        pieces.extend([of, 0, 0, 0]);
        pieces.extend((text.len() as u32).to_be_bytes());
        pieces.extend(text.as_bytes());
    }
    add(seeds, "engine_streams", 1, "logs", pieces);
    add(seeds, "engine_streams", 1, "own-words", b"\x10\x03\0\0\0\0\0\0\x05sorry");
    let figures = json!({
        "read": "2026-11-26T22:35:34.000488331Z", "pids_stats": { "current": 1 },
        "cpu_stats": { "cpu_usage": { "total_usage": 28524920, "percpu_usage": [20240144, 8284776] },
            "system_cpu_usage": 1801480000000u64, "online_cpus": 2 },
        "memory_stats": { "usage": 716800, "limit": 16777216, "stats": { "total_inactive_file": 4096 } },
        "networks": { "eth0": { "rx_bytes": 1171, "tx_bytes": 656 } },
        "blkio_stats": { "io_service_bytes_recursive": [{ "op": "Read", "value": 4096 }] },
    });
    add(seeds, "engine_streams", 2, "figures", figures.to_string());
    let container = json!({
        "Id": ID, "Name": "/c1", "Image": "sha256:4e08", "Config": { "Labels": labels, "Env": ["A=1"] },
        "State": { "Status": "exited", "OOMKilled": true, "ExitCode": 137, "Error": "",
            "StartedAt": "2026-11-26T22:34:56.428017271Z", "FinishedAt": "2026-11-26T22:34:57.087831959Z",
            "Health": { "Status": "healthy" } },
        "NetworkSettings": { "Ports": { "22/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "32770" }] } },
        "HostConfig": { "Memory": 16777216, "NanoCpus": 500000000, "PidsLimit": 32 },
    });
    add(seeds, "engine_streams", 3, "container", container.to_string());
    let list = json!([{ "Id": ID, "Names": ["/c1"], "Labels": labels, "State": "running" }]);
    add(seeds, "engine_streams", 3, "list", list.to_string());
    add(seeds, "engine_streams", 4, "program", b"\x01\0\0\0\0\0\0\x03out\x02\0\0\0\0\0\0\x05wrong");
    let volume = json!({ "Name": "v1", "Driver": "local", "Labels": labels, "Options": Value::Null });
    add(seeds, "engine_streams", 3, "volumes", json!({ "Volumes": [volume], "Warnings": Value::Null }).to_string());
}

fn event((action, nanos): (&str, i64)) -> String {
    let attributes = json!({ "image": "bb:1", "name": "c1", "exitCode": "137", "remotegpu.installation": "lab",
        "remotegpu.instance": "7" });
    let event = json!({ "status": action, "id": ID, "from": "bb:1", "Type": "container", "Action": action,
        "Actor": { "ID": ID, "Attributes": attributes }, "scope": "local", "time": 1, "timeNano": nanos });
    format!("{event}\n")
}
