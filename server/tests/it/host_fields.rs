//! What of a host a container could reach by an engine's own words is not said by a customer, in whatever request that a container
//! comes of: each field is refused by name. What an engine is told is tested in `runtime`, where the table of decisions is.

use http::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Server};
use crate::instances_both_doors::shop;

/// Every field of Docker's `HostConfig`, with something that would reach the host where it can.
#[rustfmt::skip]
const FIELDS: [(&str, &str); 69] = [
    ("CpuShares", "1"),
    ("Memory", "0"),
    ("CgroupParent", r#""/""#),
    ("BlkioWeight", "1"),
    ("BlkioWeightDevice", "1"),
    ("BlkioDeviceReadBps", "1"),
    ("BlkioDeviceWriteBps", "1"),
    ("BlkioDeviceReadIOps", "1"),
    ("BlkioDeviceWriteIOps", "1"),
    ("CpuPeriod", "1"),
    ("CpuQuota", "1"),
    ("CpuRealtimePeriod", "1"),
    ("CpuRealtimeRuntime", "1"),
    ("CpusetCpus", "1"),
    ("CpusetMems", "1"),
    ("Devices", r#"[{"PathOnHost": "/dev/sda", "PathInContainer": "/dev/sda", "CgroupPermissions": "rwm"}]"#),
    ("DeviceCgroupRules", r#"["a *:* rwm"]"#),
    ("DeviceRequests", r#"[{"Count": -1, "Capabilities": [["gpu"]]}]"#),
    ("MemoryReservation", "1"),
    ("MemorySwap", "-1"),
    ("MemorySwappiness", "1"),
    ("NanoCpus", "0"),
    ("OomKillDisable", "true"),
    ("Init", "1"),
    ("PidsLimit", "-1"),
    ("Ulimits", "1"),
    ("CpuCount", "1"),
    ("CpuPercent", "1"),
    ("IOMaximumIOps", "1"),
    ("IOMaximumBandwidth", "1"),
    ("Binds", r#"["/:/host"]"#),
    ("ContainerIDFile", "1"),
    ("LogConfig", "1"),
    ("NetworkMode", r#""host""#),
    ("PortBindings", r#"{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "80"}]}"#),
    ("RestartPolicy", "1"),
    ("AutoRemove", "1"),
    ("VolumeDriver", "1"),
    ("VolumesFrom", r#"["other"]"#),
    ("Mounts", r#"[{"Type": "bind", "Source": "/", "Target": "/host"}]"#),
    ("ConsoleSize", "1"),
    ("Annotations", "1"),
    ("CapAdd", r#"["SYS_ADMIN"]"#),
    ("CapDrop", "[]"),
    ("CgroupnsMode", r#""host""#),
    ("Dns", "1"),
    ("DnsOptions", "1"),
    ("DnsSearch", "1"),
    ("ExtraHosts", r#"["metadata:169.254.169.254"]"#),
    ("GroupAdd", r#"["docker"]"#),
    ("IpcMode", r#""host""#),
    ("Cgroup", "1"),
    ("Links", r#"["other:other"]"#),
    ("OomScoreAdj", "-1000"),
    ("PidMode", r#""host""#),
    ("Privileged", "true"),
    ("PublishAllPorts", "true"),
    ("ReadonlyRootfs", "1"),
    ("SecurityOpt", r#"["seccomp=unconfined"]"#),
    ("StorageOpt", "1"),
    ("Tmpfs", "1"),
    ("UTSMode", r#""host""#),
    ("UsernsMode", r#""host""#),
    ("ShmSize", "1"),
    ("Sysctls", r#"{"kernel.core_pattern": "|/tmp/x"}"#),
    ("Runtime", r#""other""#),
    ("Isolation", "1"),
    ("MaskedPaths", "[]"),
    ("ReadonlyPaths", "[]"),
];

/// `NetworkMode`, `networkMode`, and the whole as an engine's client nests it.
fn said(name: &str, value: &str) -> [(String, Value); 3] {
    let value: Value = serde_json::from_str(value).unwrap();
    let camel = name[..1].to_lowercase() + &name[1..];
    [(name.to_owned(), value.clone()), (camel, value.clone()), ("HostConfig".to_owned(), json!({ name: value }))]
}

#[tokio::test]
async fn no_word_of_an_engine_is_taken_from_a_customer() {
    let server = Server::with(|config| config.trusted_proxies = 1).await;
    let (admin, acme) = (server.test.admin().await, server.test.customer("Acme").await);
    let (image, spec) = shop(&server, &server.token(&admin).await).await;
    let owner = server.token(&acme.owner).await;
    let path = "/api/customer/instances";
    let body = json!({ "name": "one", "image": image, "spec": spec });
    let id = server.post(&owner, path, body).await.data()["id"].to_string();
    let own = format!("{path}/{id}");
    let asked = [
        (Method::POST, path.to_owned(), json!({ "name": "two", "image": image, "spec": spec })),
        (Method::PATCH, own.clone(), json!({ "remark": "changed" })),
        (Method::POST, format!("{own}/resize"), json!({ "spec": spec })),
        (Method::POST, format!("{own}/save-image"), json!({ "name": "Saved" })),
    ];
    for (number, (name, value)) in FIELDS.into_iter().enumerate() {
        // Each from an address of its own, so that no rate limit answers instead.
        let asking = |method: &Method, path: &str, body: &Value| {
            let request = server.request(&owner, method.clone(), path).json(body);
            Answer::of(request.header("x-forwarded-for", format!("203.0.113.{number}")))
        };
        for (field, value) in said(name, value) {
            for (method, path, body) in &asked {
                let mut body = body.clone();
                body[&field] = value.clone();
                let answer = asking(method, path, &body).await;
                assert_eq!((answer.status, answer.code()), (400, 1000), "{field} at {method} {path}: {}", answer.text);
            }
            // Nothing is taken there at all.
            let restart = format!("{own}/restart");
            let restart = asking(&Method::POST, &restart, &json!({ field.as_str(): value })).await;
            assert_eq!((restart.status, restart.code()), (400, 1000), "{field}: {}", restart.text);
        }
    }
    let left = server.sql("select name || ' ' || coalesce(remark, '') from instances").await;
    assert_eq!(left, ["one "], "nothing was made or changed");
    assert_eq!(server.sql("select count(*)::text from instance_saves").await, ["0"]);
}
