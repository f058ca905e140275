//! Containers on an engine: made from a typed spec, watched, and taken away.
//!
//! Invariants: what a container gets of its host is decided in one place (`host`), for whoever asks. Nothing is done to a
//! container or volume that is not this installation's by its labels: what is not ours is not found. Each operation may be
//! asked again after any answer or none, and does then what was left to do. What an engine sends is bounded (`wire`).

mod archive;
mod binds;
mod commit;
mod ends;
mod events;
mod exec;
#[doc(hidden)]
pub mod fuzzing;
mod held;
mod host;
mod identity;
mod labels;
mod lifecycle;
mod lines;
mod logs;
mod networks;
mod refusal;
mod saved;
mod sizes;
mod spec;
mod state;
mod stats;
mod terminal;
mod volumes;
mod wire;

use std::sync::Arc;

pub use binds::{HostBind, HostFolders};
pub use ends::Ended;
pub use events::{Change, Event, EventMark, Events, Notice};
pub use exec::{Order, Piece, Program, ProgramInput, ProgramOutput};
pub use held::HeldImage;
pub use labels::Origin;
pub use lifecycle::Created;
pub use logs::{LogLine, LogLines, LogMark, LogStart, LogStep, LogStream, Logs, LogsOf};
pub use networks::Network;
pub use saved::Export;
pub use sizes::Sizes;
pub use spec::{
    ContainerSpec, Env, LogDriver, LogLimit, PublishedPort, Restart, SpecFault, Transport, Ulimit, UlimitKind,
    VolumeMount,
};
pub use state::{Container, Health, Listed, State};
pub use stats::Sample;
pub use terminal::{Exit, Terminal, TerminalInput, TerminalOutput, TerminalSize};
pub use volumes::Volume;

use self::wire::Wire;
use super::{Allowed, Endpoint, Fault, FaultKind};

/// The containers, volumes and networks of one installation of the platform, on one engine. Connections are kept for the next request.
#[derive(Clone)]
pub struct Containers {
    wire: Arc<Wire>,
    installation: String,
}

impl Containers {
    /// Connects to nothing yet. `installation` is a word that no other installation uses.
    ///
    /// # Errors
    /// The word is none for a label.
    pub fn new(endpoint: &Endpoint, allowed: Allowed, installation: &str) -> Result<Self, Fault> {
        if !spec::is_word(installation) {
            return Err(Fault::new(FaultKind::Spec, "installation: it is no word for a label"));
        }
        Ok(Self { wire: Arc::new(Wire::new(endpoint, allowed)), installation: installation.to_owned() })
    }
}

impl std::fmt::Debug for Containers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Containers").field("installation", &self.installation).finish_non_exhaustive()
    }
}
