//! The one place where what a customer may have becomes what an engine is told.
//!
//! Everything a container could get of its host is a field of [`HostConfig`]. [`CLOSED`] names every one of them, without
//! "and the rest as usual": where bollard learns a new field, this does not compile until somebody has decided about it.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, DeviceRequest, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig, Mount,
    MountBindOptions, MountBindOptionsPropagationEnum, MountType, MountVolumeOptions, PortBinding, ResourcesUlimits,
    RestartPolicy, RestartPolicyNameEnum,
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::labels::{INSTALLATION, INSTANCE, REVISION, SPEC};
use super::spec::{ContainerSpec, GPU_VARIABLES, Restart, SpecFault, check};

/// What root in a container may still do, of fourteen things an engine gives by default: be any user of the container
/// (`SETUID`, `SETGID`), own and read what is in it (`CHOWN`, `DAC_OVERRIDE`, `FOWNER`, `FSETID`), end its processes
/// (`KILL`), listen below 1024 (`NET_BIND_SERVICE`), and run an SSH server (`SYS_CHROOT`, `AUDIT_WRITE`). Packages are
/// installed and people log in with these. Not given: `MKNOD` (devices), `NET_RAW` (forged packets on the network),
/// `SETFCAP` and `SETPCAP` (programs and processes with more than their own).
const CAPABILITIES: [&str; 10] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "NET_BIND_SERVICE",
    "SETGID",
    "SETUID",
    "SYS_CHROOT",
];

/// When the host itself runs out of memory, what is in a container ends before what the host needs.
const OOM_SCORE: i64 = 500;

/// What of the NVIDIA driver is in a container with GPUs: CUDA, `nvidia-smi`, video encoders; no display of the host.
const GPU_CAPABILITIES: [&str; 3] = ["compute", "utility", "video"];

/// Nothing of the host. Each field is here on purpose; `None` is what is named beside it.
const CLOSED: HostConfig = HostConfig {
    // Shares of a busy host are equal, disks and their devices are not told apart, no realtime, no cores of one's own.
    cpu_shares: None,
    blkio_weight: None,
    blkio_weight_device: None,
    blkio_device_read_bps: None,
    blkio_device_write_bps: None,
    blkio_device_read_iops: None,
    blkio_device_write_iops: None,
    cpu_period: None,
    cpu_quota: None,
    cpu_realtime_period: None,
    cpu_realtime_runtime: None,
    cpuset_cpus: None,
    cpuset_mems: None,
    // In the engine's own group of control groups, not one that somebody names.
    cgroup_parent: None,
    cgroup: None,
    // Devices are GPUs alone, which are asked for by `device_requests`.
    devices: Some(Vec::new()),
    device_cgroup_rules: Some(Vec::new()),
    device_requests: None,
    // Set from the spec.
    memory: None,
    memory_swap: None,
    nano_cpus: None,
    pids_limit: None,
    shm_size: None,
    storage_opt: None,
    init: None,
    ulimits: None,
    log_config: None,
    network_mode: None,
    port_bindings: None,
    restart_policy: None,
    mounts: None,
    // The hard limit alone counts, there is no swap to be eager about, and who is over the limit is ended.
    memory_reservation: None,
    memory_swappiness: None,
    oom_kill_disable: Some(false),
    oom_score_adj: Some(OOM_SCORE),
    // For Windows.
    cpu_count: None,
    cpu_percent: None,
    io_maximum_iops: None,
    io_maximum_bandwidth: None,
    isolation: None,
    console_size: None,
    // What is mounted is typed: `mounts`. Nothing is taken over from another container.
    binds: Some(Vec::new()),
    volumes_from: Some(Vec::new()),
    volume_driver: None,
    tmpfs: None,
    links: Some(Vec::new()),
    container_id_file: None,
    // It is there until it is removed: its exit code is asked for.
    auto_remove: Some(false),
    // By these, a runtime gives devices (CDI) and settings of its own.
    annotations: None,
    runtime: None,
    sysctls: None,
    // Set below, because a constant holds no text.
    cap_add: None,
    cap_drop: None,
    security_opt: None,
    ipc_mode: None,
    // Namespaces of its own; `userns_mode` is empty for what the engine is configured for, and could only switch that off.
    cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
    pid_mode: Some(String::new()),
    uts_mode: Some(String::new()),
    userns_mode: Some(String::new()),
    // The engine's own.
    dns: None,
    dns_options: None,
    dns_search: None,
    extra_hosts: None,
    group_add: None,
    privileged: Some(false),
    // Ports are published one by one.
    publish_all_ports: Some(false),
    // People install things.
    readonly_rootfs: Some(false),
    // The engine's lists. An empty one would open what they close.
    masked_paths: None,
    readonly_paths: None,
};

/// The container beside its host: what the image says, where nothing is said here.
const BODY: ContainerCreateBody = ContainerCreateBody {
    hostname: None,
    domainname: None,
    // The image's. Root of a container is nobody on the host beyond what `CLOSED` leaves.
    user: None,
    attach_stdin: Some(false),
    attach_stdout: Some(false),
    attach_stderr: Some(false),
    exposed_ports: None,
    // With a terminal of its own, what it says and what it complains about could not be told apart.
    tty: Some(false),
    open_stdin: Some(false),
    stdin_once: Some(false),
    env: None,
    cmd: None,
    healthcheck: None,
    args_escaped: None,
    image: None,
    volumes: None,
    working_dir: None,
    entrypoint: None,
    network_disabled: None,
    on_build: None,
    labels: None,
    stop_signal: None,
    stop_timeout: None,
    shell: None,
    host_config: None,
    networking_config: None,
};

/// What an engine is told for a spec.
///
/// # Errors
/// What of the spec is no good.
pub(super) fn body(spec: &ContainerSpec, installation: &str) -> Result<ContainerCreateBody, SpecFault> {
    check(spec)?;
    let mut body = ContainerCreateBody {
        image: Some(spec.image.clone()),
        entrypoint: spec.entrypoint.clone(),
        cmd: spec.command.clone(),
        env: Some(env(spec)),
        hostname: spec.hostname.clone(),
        // A port that is published and not named here is silently not published.
        exposed_ports: Some(exposed(spec)),
        host_config: Some(host(spec)),
        ..BODY
    };
    let own = [
        (INSTALLATION, installation.to_owned()),
        (INSTANCE, spec.instance.clone()),
        (REVISION, spec.revision.to_string()),
    ];
    let mut labels: HashMap<String, String> = own.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    body.labels = Some(labels.clone());
    labels.insert(SPEC.to_owned(), fingerprint(&serde_json::to_value(&body).unwrap_or_default()));
    body.labels = Some(labels);
    Ok(body)
}

fn host(spec: &ContainerSpec) -> HostConfig {
    let texts = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect());
    // No swap: the same limit for memory and both together.
    let memory = Some(signed(spec.memory));
    HostConfig {
        memory,
        memory_swap: memory,
        nano_cpus: Some(i64::from(spec.cpu_millis) * 1_000_000),
        pids_limit: Some(i64::from(spec.pids)),
        shm_size: Some(signed(spec.shm)),
        storage_opt: spec.disk.map(|disk| HashMap::from([("size".to_owned(), disk.to_string())])),
        init: Some(spec.init),
        ulimits: Some(ulimits(spec)),
        log_config: Some(log(spec)),
        network_mode: Some(spec.network.clone().unwrap_or_else(|| "none".to_owned())),
        port_bindings: Some(ports(spec)),
        restart_policy: Some(restart(spec.restart)),
        mounts: Some(mounts(spec)),
        device_requests: Some(devices(spec)),
        cap_drop: texts(&["ALL"]),
        cap_add: texts(&CAPABILITIES),
        // Without a word of seccomp and AppArmor: the engine's own profiles.
        security_opt: texts(&["no-new-privileges"]),
        ipc_mode: Some("private".to_owned()),
        ..CLOSED
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The spec's variables, and those that keep an image from asking for GPUs: `void` means that nothing is done about any.
fn env(spec: &ContainerSpec) -> Vec<String> {
    let mut env: Vec<String> = spec.env.0.iter().map(|(key, value)| format!("{key}={value}")).collect();
    env.extend(GPU_VARIABLES.iter().map(|name| match *name {
        "NVIDIA_VISIBLE_DEVICES" if spec.gpus.is_empty() => format!("{name}=void"),
        "NVIDIA_VISIBLE_DEVICES" => format!("{name}={}", spec.gpus.join(",")),
        "NVIDIA_DRIVER_CAPABILITIES" => format!("{name}={}", GPU_CAPABILITIES.join(",")),
        _ => format!("{name}="),
    }));
    env
}

fn devices(spec: &ContainerSpec) -> Vec<DeviceRequest> {
    if spec.gpus.is_empty() {
        return Vec::new();
    }
    let capabilities = [&["gpu"], &GPU_CAPABILITIES[..]].concat().into_iter().map(str::to_owned).collect();
    vec![DeviceRequest {
        driver: Some("nvidia".to_owned()),
        count: Some(0),
        device_ids: Some(spec.gpus.clone()),
        capabilities: Some(vec![capabilities]),
        options: Some(HashMap::new()),
    }]
}

fn mounts(spec: &ContainerSpec) -> Vec<Mount> {
    let volumes = spec.volumes.iter().map(|it| Mount {
        target: Some(it.target.clone()),
        source: Some(it.volume.clone()),
        typ: Some(MountType::VOLUME),
        read_only: Some(it.read_only),
        consistency: None,
        bind_options: None,
        // No driver, which could be one that mounts the host. What the image has there is copied into a new volume, unless
        // nothing of an image may be in it.
        volume_options: Some(MountVolumeOptions {
            no_copy: Some(it.empty),
            labels: None,
            driver_config: None,
            subpath: None,
        }),
        image_options: None,
        tmpfs_options: None,
    });
    let binds = spec.binds.iter().map(|it| Mount {
        target: Some(it.target().to_owned()),
        source: Some(it.source().to_owned()),
        typ: Some(MountType::BIND),
        read_only: Some(true),
        consistency: None,
        // Alone: what is mounted inside of it on the host does not come along, not then and not later, and could be written.
        bind_options: Some(MountBindOptions {
            // An engine takes what lies among its own things only if it can be unmounted from outside; nothing comes along by
            // that either, since such a one is a file.
            propagation: Some(match it.is_engines() {
                true => MountBindOptionsPropagationEnum::RSLAVE,
                false => MountBindOptionsPropagationEnum::RPRIVATE,
            }),
            non_recursive: Some(true),
            create_mountpoint: None,
            read_only_non_recursive: None,
            read_only_force_recursive: None,
        }),
        volume_options: None,
        image_options: None,
        tmpfs_options: None,
    });
    volumes.chain(binds).collect()
}

fn exposed(spec: &ContainerSpec) -> Vec<String> {
    let mut ports: Vec<_> = spec.ports.iter().map(|it| format!("{}/{}", it.container, it.transport.code())).collect();
    ports.sort();
    ports.dedup();
    ports
}

fn ports(spec: &ContainerSpec) -> HashMap<String, Option<Vec<PortBinding>>> {
    let mut ports: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for port in &spec.ports {
        let binding = PortBinding {
            host_ip: Some(port.address.to_string()),
            host_port: Some(port.host.map(|host| host.to_string()).unwrap_or_default()),
        };
        let key = format!("{}/{}", port.container, port.transport.code());
        ports.entry(key).or_default().get_or_insert_default().push(binding);
    }
    ports
}

fn restart(restart: Restart) -> RestartPolicy {
    let (name, tries) = match restart {
        Restart::No => (RestartPolicyNameEnum::NO, None),
        Restart::OnFailure(tries) => (RestartPolicyNameEnum::ON_FAILURE, Some(i64::from(tries))),
        Restart::UnlessStopped => (RestartPolicyNameEnum::UNLESS_STOPPED, None),
    };
    RestartPolicy { name: Some(name), maximum_retry_count: tries }
}

fn ulimits(spec: &ContainerSpec) -> Vec<ResourcesUlimits> {
    let number = |limit: Option<u64>| Some(limit.map_or(-1, signed));
    let one = |it: &super::spec::Ulimit| ResourcesUlimits {
        name: Some(it.kind.code().to_owned()),
        soft: number(it.soft),
        hard: number(it.hard),
    };
    spec.ulimits.iter().map(one).collect()
}

fn log(spec: &ContainerSpec) -> HostConfigLogConfig {
    let config = HashMap::from([
        ("max-size".to_owned(), spec.log.size.to_string()),
        ("max-file".to_owned(), spec.log.files.to_string()),
    ]);
    HostConfigLogConfig { typ: Some(spec.log.driver.code().to_owned()), config: Some(config) }
}

/// The same for the same content, whatever the order of its keys.
fn fingerprint(value: &Value) -> String {
    fn add(hash: &mut Sha256, value: &Value) {
        match value {
            Value::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_by_key(|(key, _)| *key);
                hash.update(format!("{{{};", fields.len()));
                for (key, value) in fields {
                    add(hash, &Value::String(key.clone()));
                    add(hash, value);
                }
            }
            Value::Array(items) => {
                hash.update(format!("[{};", items.len()));
                items.iter().for_each(|item| add(hash, item));
            }
            // Quoted, so that what it is and where it ends is plain.
            plain => hash.update(format!("{plain};")),
        }
    }
    let mut hash = Sha256::new();
    add(&mut hash, value);
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests;
