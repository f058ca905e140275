//! What an engine says no with. It has few numbers for it and many words; these are what engines from 20.10 on say.

use super::wire::Answer;
use crate::docker::{Fault, FaultKind};

/// What was asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// A container comes to be.
    Create,
    /// A container's program is started.
    Start,
    /// Anything else.
    Other,
}

/// Words, in small letters, and what they are about; the first that fit count.
const WORDS: [(&str, FaultKind); 30] = [
    ("no space left on device", FaultKind::NoSpace),
    ("disk quota exceeded", FaultKind::NoSpace),
    ("bind source path does not exist", FaultKind::HostFile),
    ("port is already allocated", FaultKind::PortTaken),
    ("address already in use", FaultKind::PortTaken),
    ("could not select device driver", FaultKind::GpuRuntime),
    ("nvidia-container", FaultKind::GpuRuntime),
    ("unresolvable cdi", FaultKind::GpuRuntime),
    ("cdi device injection", FaultKind::GpuRuntime),
    ("no such image", FaultKind::Image),
    ("minimum memory limit", FaultKind::Limits),
    ("memory limit too low", FaultKind::Limits),
    ("cannot allocate memory", FaultKind::Limits),
    ("oom-killed", FaultKind::Limits),
    ("range of cpus", FaultKind::Limits),
    ("nanocpus can not be set", FaultKind::Limits),
    ("storage-opt", FaultKind::Limits),
    ("storage opt", FaultKind::Limits),
    ("your kernel does not support", FaultKind::Limits),
    ("available, non-overlapping ipv4 address pool", FaultKind::Limits),
    ("all predefined address pools", FaultKind::Limits),
    ("already in use by container", FaultKind::NameTaken),
    ("volume is in use", FaultKind::Busy),
    ("already in progress", FaultKind::Busy),
    ("marked for removal", FaultKind::Busy),
    ("is being removed", FaultKind::Busy),
    ("device or resource busy", FaultKind::Busy),
    ("is restarting", FaultKind::Busy),
    ("is paused", FaultKind::Busy),
    // An engine that has too much to do gives up what it asked of its own parts.
    ("context deadline exceeded", FaultKind::Timeout),
];

/// How a program that is not there, or is none, is told of: with the words of whoever chose its name, which are not the
/// engine's.
const NO_PROGRAM: &str = "unable to start container process: exec:";

/// Why an engine did not do it.
pub(super) fn refusal(doing: Doing, answer: &Answer) -> Fault {
    let words = answer.words();
    Fault::new(kind(doing, answer.status, &words), words)
}

pub(super) fn kind(doing: Doing, status: u16, words: &str) -> FaultKind {
    let small = words.to_lowercase();
    if matches!(status, 401 | 403) {
        return FaultKind::Denied;
    }
    if doing == Doing::Start && small.contains(NO_PROGRAM) {
        return FaultKind::StartRefused;
    }
    if let Some((_, kind)) = WORDS.iter().find(|(words, _)| small.contains(words)) {
        return *kind;
    }
    match (doing, status) {
        (_, 404) if small.contains("no such container") => FaultKind::NotFound,
        (Doing::Start, 400..=599) => FaultKind::StartRefused,
        (_, 404) => FaultKind::NotFound,
        (_, 409 | 503 | 504) => FaultKind::Busy,
        (Doing::Create, 400) => FaultKind::Spec,
        (_, 200..=399) => FaultKind::NotEngine,
        _ => FaultKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What engines said: 20.10 and 28 with runc, and the NVIDIA runtime's hook.
    #[test]
    fn the_words_of_engines_are_told_apart() {
        use Doing::{Create, Other, Start};
        use FaultKind as K;
        let exec = "failed to create shim task: OCI runtime create failed: runc create failed: unable to start container \
                    process: exec: ";
        let cases = [
            (Create, 404, "No such image: bb:2", K::Image),
            (Create, 409, "Conflict. The container name \"/c\" is already in use by container \"1\".", K::NameTaken),
            (Create, 400, "Minimum memory limit allowed is 6MB", K::Limits),
            (Create, 400, "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available", K::Limits),
            (Create, 500, "--storage-opt is supported only for overlay over xfs with 'pquota' mount option", K::Limits),
            (Create, 500, "mkdir /var/lib/docker/overlay2/1: no space left on device", K::NoSpace),
            (Create, 400, "invalid hostname format: -", K::Spec),
            (
                Create,
                400,
                "invalid mount config for type \"bind\": bind source path does not exist: /opt/libvgpu.so",
                K::HostFile,
            ),
            (Create, 500, "anything", K::Other),
            (
                Start,
                500,
                "driver failed programming external connectivity on endpoint c7 (43): Error starting userland proxy: listen tcp4 127.0.0.1:80: bind: address already in use",
                K::PortTaken,
            ),
            (
                Start,
                500,
                "driver failed programming external connectivity on endpoint c (1): Bind for 127.0.0.1:80 failed: port is already allocated",
                K::PortTaken,
            ),
            (Start, 500, "could not select device driver \"nvidia\" with capabilities: [[gpu]]", K::GpuRuntime),
            (
                Start,
                500,
                "OCI runtime create failed: runc create failed: unable to start container process: error during container init: error running prestart hook #0: exit status 1, stdout: , stderr: nvidia-container-cli: device error: GPU-1: unknown device: unknown",
                K::GpuRuntime,
            ),
            (
                Start,
                500,
                "OCI runtime create failed: container init was OOM-killed (memory limit too low?): unknown",
                K::Limits,
            ),
            (Start, 500, "failed to create task for container: context deadline exceeded: unknown", K::Timeout),
            (Start, 404, "network gone not found", K::StartRefused),
            (Start, 404, "No such container: c", K::NotFound),
            (Start, 409, "container is marked for removal and cannot be started", K::Busy),
            (Other, 409, "removal of container c is already in progress", K::Busy),
            (Other, 409, "remove v: volume is in use - [fec1]", K::Busy),
            (Other, 404, "get v2: no such volume", K::NotFound),
            (Other, 403, "authorization denied by plugin", K::Denied),
            (Other, 503, "", K::Busy),
            (Other, 301, "", K::NotEngine),
        ];
        for (doing, status, words, expected) in cases {
            assert_eq!(kind(doing, status, words), expected, "{words}");
        }
        for name in ["nope", "no space left on device", "port is already allocated", "nvidia-container"] {
            let words = format!("{exec}{name:?}: executable file not found in $PATH: unknown");
            assert_eq!(kind(Start, 400, &words), K::StartRefused, "{words}");
        }
    }
}
