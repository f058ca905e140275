//! Each field of what an engine is told, and what stands in it: a field that nobody decided about is missed here.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use serde_json::{Value, json};

use super::*;
use crate::docker::containers::{
    Env, HostBind, HostFolders, LogDriver, LogLimit, PublishedPort, Transport, Ulimit, UlimitKind, VolumeMount,
};

/// The least of a spec.
fn least() -> ContainerSpec {
    ContainerSpec {
        name: "c-1".to_owned(),
        instance: "7".to_owned(),
        revision: 3,
        image: "bb:1".to_owned(),
        entrypoint: None,
        command: None,
        env: Env::default(),
        hostname: None,
        cpu_millis: 1500,
        memory: 64 << 20,
        shm: 1 << 20,
        pids: 100,
        gpus: Vec::new(),
        volumes: Vec::new(),
        binds: Vec::new(),
        ports: Vec::new(),
        network: None,
        restart: Restart::No,
        ulimits: Vec::new(),
        log: LogLimit { driver: LogDriver::Local, size: 1 << 20, files: 2 },
        disk: None,
        init: true,
    }
}

/// Everything there is.
fn most() -> ContainerSpec {
    let folders = HostFolders::new(["/opt/vgpu".into()]).unwrap();
    let udp =
        PublishedPort { container: 53, transport: Transport::Udp, address: "::1".parse().unwrap(), host: Some(5353) };
    let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect());
    ContainerSpec {
        entrypoint: words(&["/init"]),
        command: words(&["sleep", "$(id)"]),
        env: Env(BTreeMap::from([("B".to_owned(), "2=3".to_owned()), ("A".to_owned(), "secret".to_owned())])),
        hostname: Some("box".to_owned()),
        gpus: vec!["GPU-1".to_owned(), "MIG-GPU-2/1/0".to_owned()],
        volumes: vec![VolumeMount {
            volume: "home-7".to_owned(),
            target: "/home/me".to_owned(),
            read_only: false,
            empty: false,
        }],
        binds: vec![folders.bind("/opt/vgpu/libvgpu.so", "/usr/lib/libvgpu.so").unwrap()],
        ports: vec![PublishedPort::local(22), udp],
        network: Some("net-7".to_owned()),
        restart: Restart::OnFailure(3),
        ulimits: vec![Ulimit { kind: UlimitKind::MemLock, soft: None, hard: None }],
        log: LogLimit { driver: LogDriver::JsonFile, size: 1 << 20, files: 3 },
        disk: Some(10 << 30),
        init: false,
        ..least()
    }
}

fn host_of(spec: &ContainerSpec) -> Value {
    serde_json::to_value(body(spec, "lab").unwrap()).unwrap()["HostConfig"].take()
}

/// How a field of the table is decided: `Value::Null` where it is not said at all.
fn decided() -> BTreeMap<&'static str, [Value; 2]> {
    let same = |value: Value| [value.clone(), value];
    let unsaid = [
        "CpuShares",
        "CgroupParent",
        "BlkioWeight",
        "BlkioWeightDevice",
        "BlkioDeviceReadBps",
        "BlkioDeviceWriteBps",
        "BlkioDeviceReadIOps",
        "BlkioDeviceWriteIOps",
        "CpuPeriod",
        "CpuQuota",
        "CpuRealtimePeriod",
        "CpuRealtimeRuntime",
        "CpusetCpus",
        "CpusetMems",
        "MemoryReservation",
        "MemorySwappiness",
        "CpuCount",
        "CpuPercent",
        "IOMaximumIOps",
        "IOMaximumBandwidth",
        "ContainerIDFile",
        "VolumeDriver",
        "ConsoleSize",
        "Annotations",
        "Dns",
        "DnsOptions",
        "DnsSearch",
        "ExtraHosts",
        "GroupAdd",
        "Cgroup",
        "Tmpfs",
        "Sysctls",
        "Runtime",
        "Isolation",
        "MaskedPaths",
        "ReadonlyPaths",
    ];
    let mut table: BTreeMap<&str, [Value; 2]> = unsaid.into_iter().map(|key| (key, same(Value::Null))).collect();
    table.extend([
        ("Privileged", same(json!(false))),
        ("CapDrop", same(json!(["ALL"]))),
        ("CapAdd", same(json!(["AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE",
            "SETGID", "SETUID", "SYS_CHROOT"]))),
        ("SecurityOpt", same(json!(["no-new-privileges"]))),
        ("PidMode", same(json!(""))),
        ("IpcMode", same(json!("private"))),
        ("UTSMode", same(json!(""))),
        ("UsernsMode", same(json!(""))),
        ("CgroupnsMode", same(json!("private"))),
        ("Devices", same(json!([]))),
        ("DeviceCgroupRules", same(json!([]))),
        ("Binds", same(json!([]))),
        ("VolumesFrom", same(json!([]))),
        ("Links", same(json!([]))),
        ("PublishAllPorts", same(json!(false))),
        ("AutoRemove", same(json!(false))),
        ("ReadonlyRootfs", same(json!(false))),
        ("OomKillDisable", same(json!(false))),
        ("OomScoreAdj", same(json!(500))),
        ("Memory", same(json!(64 << 20))),
        ("MemorySwap", same(json!(64 << 20))),
        ("NanoCpus", same(json!(1_500_000_000))),
        ("PidsLimit", same(json!(100))),
        ("ShmSize", same(json!(1 << 20))),
        ("Init", [json!(true), json!(false)]),
        ("NetworkMode", [json!("none"), json!("net-7")]),
        ("StorageOpt", [Value::Null, json!({ "size": "10737418240" })]),
        ("Ulimits", [json!([]), json!([{ "Name": "memlock", "Soft": -1, "Hard": -1 }])]),
        ("LogConfig", [
            json!({ "Type": "local", "Config": { "max-size": "1048576", "max-file": "2" } }),
            json!({ "Type": "json-file", "Config": { "max-size": "1048576", "max-file": "3" } }),
        ]),
        ("RestartPolicy", [json!({ "Name": "no" }), json!({ "Name": "on-failure", "MaximumRetryCount": 3 })]),
        ("PortBindings", [json!({}), json!({
            "22/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "" }], "53/udp": [{ "HostIp": "::1", "HostPort": "5353" }],
        })]),
        ("DeviceRequests", [json!([]), json!([{ "Driver": "nvidia", "Count": 0, "DeviceIDs": ["GPU-1", "MIG-GPU-2/1/0"],
            "Capabilities": [["gpu", "compute", "utility", "video"]], "Options": {} }])]),
        ("Mounts", [json!([]), json!([
            { "Target": "/home/me", "Source": "home-7", "Type": "volume", "ReadOnly": false,
                "VolumeOptions": { "NoCopy": false } },
            { "Target": "/usr/lib/libvgpu.so", "Source": "/opt/vgpu/libvgpu.so", "Type": "bind", "ReadOnly": true,
                "BindOptions": { "Propagation": "rprivate", "NonRecursive": true } },
        ])]),
    ]);
    table
}

#[test]
fn every_field_of_the_host_is_decided_about() {
    let table = decided();
    let known: BTreeSet<&str> = fields_of::<HostConfig>().into_iter().collect();
    let decided: BTreeSet<&str> = table.keys().copied().collect();
    assert_eq!(known, decided, "decide about what is new, in CLOSED and here");
    for (index, spec) in [least(), most()].iter().enumerate() {
        let host = host_of(spec);
        for (key, values) in &table {
            assert_eq!(host.get(key).unwrap_or(&Value::Null), &values[index], "{key}");
        }
    }
}

/// Of those through which the host could be reached, a new field is as dangerous as one beside them.
#[test]
fn every_field_of_what_is_given_is_decided_about() {
    let cases = [
        (
            fields_of::<Mount>(),
            "BindOptions Consistency ImageOptions ReadOnly Source Target TmpfsOptions Type VolumeOptions",
        ),
        (
            fields_of::<MountBindOptions>(),
            "CreateMountpoint NonRecursive Propagation ReadOnlyForceRecursive ReadOnlyNonRecursive",
        ),
        (fields_of::<MountVolumeOptions>(), "DriverConfig Labels NoCopy Subpath"),
        (fields_of::<DeviceRequest>(), "Capabilities Count DeviceIDs Driver Options"),
        (
            fields_of::<ContainerCreateBody>(),
            "ArgsEscaped AttachStderr AttachStdin AttachStdout Cmd Domainname Entrypoint Env ExposedPorts Healthcheck \
             HostConfig Hostname Image Labels NetworkDisabled NetworkingConfig OnBuild OpenStdin Shell StdinOnce StopSignal \
             StopTimeout Tty User Volumes WorkingDir",
        ),
    ];
    for (mut fields, expected) in cases {
        fields.sort_unstable();
        assert_eq!(fields.join(" "), expected);
    }
}

/// An engine refuses it among its own things otherwise; it is read-only all the same.
#[test]
fn a_file_of_a_volume_is_a_slave_of_where_it_lies() {
    let bind = HostBind::of_volume("/var/lib/docker/volumes/v-1/_data", "v-1", "limits", "/overrideEnv").unwrap();
    let mounts = host_of(&ContainerSpec { binds: vec![bind], ..least() })["Mounts"].take();
    let expected = json!([{
        "Type": "bind", "Source": "/var/lib/docker/volumes/v-1/_data/limits", "Target": "/overrideEnv", "ReadOnly": true,
        "BindOptions": { "Propagation": "rslave", "NonRecursive": true },
    }]);
    assert_eq!(mounts, expected);
    let empty = VolumeMount { volume: "v-1".to_owned(), target: "/filled".to_owned(), read_only: false, empty: true };
    let mounts = host_of(&ContainerSpec { volumes: vec![empty], ..least() })["Mounts"].take();
    assert_eq!(mounts[0]["VolumeOptions"]["NoCopy"], json!(true), "nothing of an image comes into it");
}

#[test]
fn the_container_itself_is_what_was_asked_for() {
    let value = serde_json::to_value(body(&most(), "lab").unwrap()).unwrap();
    let env = [
        "A=secret",
        "B=2=3",
        "NVIDIA_VISIBLE_DEVICES=GPU-1,MIG-GPU-2/1/0",
        "NVIDIA_DRIVER_CAPABILITIES=compute,utility,video",
        "NVIDIA_GDRCOPY=",
        "NVIDIA_GDS=",
        "NVIDIA_IMEX_CHANNELS=",
        "NVIDIA_MIG_CONFIG_DEVICES=",
        "NVIDIA_MIG_MONITOR_DEVICES=",
        "NVIDIA_MOFED=",
        "NVIDIA_NVSWITCH=",
    ];
    assert_eq!(value["Env"], json!(env));
    assert_eq!((&value["Entrypoint"], &value["Cmd"]), (&json!(["/init"]), &json!(["sleep", "$(id)"])));
    assert_eq!((&value["Image"], &value["Hostname"]), (&json!("bb:1"), &json!("box")));
    assert_eq!(value["ExposedPorts"], json!({ "22/tcp": {}, "53/udp": {} }));
    assert_eq!((&value["Tty"], &value["OpenStdin"], value.get("User")), (&json!(false), &json!(false), None));
    let labels = &value["Labels"];
    assert_eq!(
        (&labels[INSTALLATION], &labels[INSTANCE], &labels[REVISION]),
        (&json!("lab"), &json!("7"), &json!("3"))
    );
    let none = serde_json::to_value(body(&least(), "lab").unwrap()).unwrap();
    assert_eq!(none["Env"][0], "NVIDIA_VISIBLE_DEVICES=void", "an image that asks for all gets none");
    assert!(none.get("Cmd").is_none() && none.get("Entrypoint").is_none() && none.get("Hostname").is_none());
    assert!(!format!("{:?}", most()).contains("secret"), "{:?}", most());
}

#[test]
fn the_same_is_known_again_and_anything_else_is_not() {
    let of = |spec: &ContainerSpec, installation| body(spec, installation).unwrap().labels.unwrap()[SPEC].clone();
    let one = of(&most(), "lab");
    assert!(one.len() == 64 && one.bytes().all(|c| c.is_ascii_hexdigit()), "{one}");
    assert_eq!(one, of(&most(), "lab"));
    let others = [
        ContainerSpec { memory: 65 << 20, ..most() },
        ContainerSpec { revision: 4, ..most() },
        ContainerSpec { env: Env(BTreeMap::from([("A".to_owned(), "secret".to_owned())])), ..most() },
        ContainerSpec { command: Some(vec!["sleep".to_owned(), "$".to_owned(), "(id)".to_owned()]), ..most() },
        ContainerSpec { binds: Vec::new(), ..most() },
        least(),
    ];
    let all: BTreeSet<String> = others.iter().map(|spec| of(spec, "lab")).chain([one, of(&most(), "lab2")]).collect();
    assert_eq!(all.len(), others.len() + 2);
}

/// What would be refused, or would reach what is not the container's own; by the field that is to blame.
#[test]
fn what_is_no_good_is_named() {
    let text = |text: &str| text.to_owned();
    let env =
        |key: &str, value: &str| ContainerSpec { env: Env(BTreeMap::from([(text(key), text(value))])), ..least() };
    let network = |name: &str| ContainerSpec { network: Some(text(name)), ..least() };
    let volume = |volume: &str, target: &str| VolumeMount {
        volume: text(volume),
        target: text(target),
        read_only: false,
        empty: false,
    };
    let volumes = |volume: VolumeMount| ContainerSpec { volumes: vec![volume], ..least() };
    let gpus = |ids: &[&str]| ContainerSpec { gpus: ids.iter().map(|id| text(id)).collect(), ..least() };
    let limit = |soft, hard| ContainerSpec { ulimits: vec![Ulimit { kind: UlimitKind::Core, soft, hard }], ..least() };
    let mut cases = vec![
        ("name", ContainerSpec { name: text("../c"), ..least() }),
        ("name", ContainerSpec { name: text("c"), ..least() }),
        ("instance", ContainerSpec { instance: text("a=b"), ..least() }),
        ("image", ContainerSpec { image: text(""), ..least() }),
        ("command", ContainerSpec { command: Some(Vec::new()), ..least() }),
        ("command", ContainerSpec { command: Some(vec![text("a\0b")]), ..least() }),
        ("env", env("A=B", "")),
        ("env", env("", "")),
        ("env", env("A", "\0")),
        ("env", env("A", &"x".repeat(128 << 10))),
        ("hostname", ContainerSpec { hostname: Some(text("a b")), ..least() }),
        ("cpu_millis", ContainerSpec { cpu_millis: 0, ..least() }),
        ("memory", ContainerSpec { memory: 0, ..least() }),
        ("memory", ContainerSpec { memory: u64::MAX, ..least() }),
        ("shm", ContainerSpec { shm: 65 << 20, ..least() }),
        ("pids", ContainerSpec { pids: 0, ..least() }),
        ("disk", ContainerSpec { disk: Some(0), ..least() }),
        ("log", ContainerSpec { log: LogLimit { files: 1, ..least().log }, ..least() }),
        ("log", ContainerSpec { log: LogLimit { size: 0, ..least().log }, ..least() }),
        ("ulimits", limit(None, Some(1))),
        ("ulimits", limit(Some(2), Some(1))),
        ("gpus", gpus(&["all"])),
        ("gpus", gpus(&["0"])),
        ("gpus", gpus(&["GPU-1,GPU-2"])),
        ("gpus", gpus(&["GPU-1", "GPU-1"])),
        ("ports", ContainerSpec { ports: vec![PublishedPort::local(22)], ..least() }),
        ("ports", ContainerSpec { ports: vec![PublishedPort::local(0)], ..network("net-7") }),
        ("ports", ContainerSpec { ports: vec![PublishedPort::local(1), PublishedPort::local(1)], ..network("net-7") }),
        ("volumes", volumes(volume("home-7", "/proc/x"))),
        ("volumes", volumes(volume("home-7", "/"))),
        ("volumes", volumes(volume("home-7", "/a/../proc"))),
        ("volumes", ContainerSpec { volumes: vec![volume("v1", "/a"), volume("v2", "/a")], ..least() }),
    ];
    // A volume by a path is a folder of the host.
    cases.extend(
        ["/etc", "/", "../x", "", "a/b", "/var/run/docker.sock"].map(|it| ("volumes", volumes(volume(it, "/a")))),
    );
    let networks = ["host", "bridge", "default", "none", "container:c-2", "ns:/proc/1/ns/net", ""];
    cases.extend(networks.map(|it| ("network", network(it))));
    cases.extend(GPU_VARIABLES.map(|it| ("env", env(it, "all"))));
    for (field, spec) in cases {
        let fault = body(&spec, "lab").map(|_| ()).unwrap_err();
        assert_eq!(fault.field, field, "{}: {spec:?}", fault.why);
    }
}

/// The names of a type's fields, as it reads and writes them.
fn fields_of<'de, T: Deserialize<'de>>() -> Vec<&'static str> {
    let mut fields = Vec::new();
    let _ = T::deserialize(Asked(&mut fields));
    fields
}

/// Asked by a type for its fields, it keeps their names and gives none.
struct Asked<'a>(&'a mut Vec<&'static str>);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("it is a struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.extend(fields);
        Err(de::Error::custom("that was all"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
