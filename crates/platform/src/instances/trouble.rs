//! What keeps a worker from a step: something on this side, or something at the engine, and what the latter means for an instance.

use contract::ErrorCode;
use runtime::docker::{Fault, FaultKind};

use crate::Error;

/// What stops a step.
pub(super) enum Trouble {
    Ours(Error),
    Engine(Fault),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Engine(fault)
    }
}

impl Trouble {
    /// As who asked for an answer of the engine hears of it.
    pub(super) fn told(self) -> Error {
        match self {
            Self::Ours(error) => error,
            Self::Engine(fault) => {
                let code = match kind_of(fault.kind) {
                    Meaning::Unreachable => ErrorCode::NodeUnreachable,
                    Meaning::Wait | Meaning::Final => ErrorCode::EngineFailed,
                };
                Error::new(code).with_cause(fault)
            }
        }
    }
}

/// What a fault means for an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The engine is at it.
    Wait,
    /// Nothing is known of the container.
    Unreachable,
    /// It is about the container, and will be the same again.
    Final,
}

pub(super) fn kind_of(kind: FaultKind) -> Meaning {
    use FaultKind as K;
    match kind {
        K::Busy => Meaning::Wait,
        K::Image
        | K::ImageGone
        | K::Spec
        | K::NotFound
        | K::NameTaken
        | K::Differs
        | K::NoSpace
        | K::PortTaken
        | K::Limits
        | K::HostFile
        | K::GpuRuntime
        | K::StartRefused
        | K::Denied
        | K::Other => Meaning::Final,
        _ => Meaning::Unreachable,
    }
}
