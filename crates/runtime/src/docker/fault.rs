//! What goes wrong on the way to an engine, told apart as far as the other end lets it be told.

use std::error::Error as StdError;
use std::io;

use bollard::errors::Error as ClientError;
use rustls::{AlertDescription, CertificateError, Error as TlsError};

/// Longest text of another end that is kept, characters.
const MAX_DETAIL: usize = 300;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident = $code:literal;)+) => {
        /// What is wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum FaultKind {
            $($(#[doc = $doc])* $name,)+
        }

        impl FaultKind {
            /// Every kind.
            pub const ALL: &'static [FaultKind] = &[$(FaultKind::$name,)+];

            /// Its word, for storage and texts.
            pub fn code(self) -> &'static str {
                match self { $(FaultKind::$name => $code,)+ }
            }
        }
    };
}

kinds! {
    /// The name has no address.
    Name = "name";
    /// An address that is never connected to.
    Forbidden = "forbidden";
    /// Nobody listens there.
    Refused = "refused";
    /// No way leads there.
    Unreachable = "unreachable";
    /// No answer in time.
    Timeout = "timeout";
    /// There is no such socket.
    NoSocket = "no-socket";
    /// The socket is not for the account the server runs as.
    Permission = "permission";
    /// What answers there does not speak TLS.
    NotTls = "not-tls";
    /// The other end hung up.
    Closed = "closed";
    /// The engine's certificate is not valid any more.
    CertificateExpired = "certificate-expired";
    /// The engine's certificate is not valid yet: one of the clocks is wrong.
    CertificateNotYet = "certificate-not-yet";
    /// The engine's certificate is for another name.
    CertificateName = "certificate-name";
    /// The engine's certificate is not signed by the CA that is stored.
    CertificateIssuer = "certificate-issuer";
    /// The engine's certificate is not good for something else.
    CertificateOther = "certificate-other";
    /// The engine does not accept the client certificate.
    ClientRefused = "client-refused";
    /// The client certificate that is stored is not valid any more.
    ClientExpired = "client-expired";
    /// What is stored does not make a TLS client.
    OwnCertificate = "own-certificate";
    /// TLS came to nothing in another way.
    Tls = "tls";
    /// What answers there is no Docker Engine.
    NotEngine = "not-engine";
    /// The engine answers, and says no.
    Denied = "denied";
    /// The image is not there, or is none.
    Image = "image";
    /// The image may not be used any more, or its archive is not kept any more; no engine was asked.
    ImageGone = "image-gone";
    /// Another engine answers than the one that what is looked for is on.
    OtherEngine = "other-engine";
    /// The engine is too old.
    Version = "version";
    /// What was asked for cannot be a container; no engine was asked.
    Spec = "spec";
    /// The engine has no such container, volume or network, or it is none of ours.
    NotFound = "not-found";
    /// The name is somebody else's on this engine.
    NameTaken = "name-taken";
    /// A container of ours has this name, and was made of something else.
    Differs = "differs";
    /// A file of the host that the container is to have is not there.
    HostFile = "host-file";
    /// The engine's disk is full.
    NoSpace = "no-space";
    /// The port of the host is somebody else's.
    PortTaken = "port-taken";
    /// The engine cannot limit this, has less, or it is too little to start with.
    Limits = "limits";
    /// The engine knows nothing of GPUs, or not of this one.
    GpuRuntime = "gpu-runtime";
    /// The engine does not start it, for a reason of the container's own.
    StartRefused = "start-refused";
    /// It is in use, or just being changed by another.
    Busy = "busy";
    /// The machine's agent is not linked.
    AgentOffline = "agent-offline";
    /// The agent is linked to another server than the one that was asked, which could not ask that one.
    AgentElsewhere = "agent-elsewhere";
    /// The agent is older than tunnels.
    AgentOld = "agent-old";
    /// Tunnels are switched off in the agent's configuration.
    TunnelOff = "tunnel-off";
    /// As many tunnels as there may be are open.
    TunnelBusy = "tunnel-busy";
    /// The agent reached the engine, and did not come back to the server.
    TunnelBack = "tunnel-back";
    /// The agent did not answer in time.
    TunnelLate = "tunnel-late";
    /// Anything else.
    Other = "other";
}

/// Why an engine was not reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    /// What the other end or the network said; names and times that belong to it.
    pub detail: String,
}

impl Fault {
    /// With what was said, without control characters and cut to a length that can be kept.
    pub fn new(kind: FaultKind, detail: impl ToString) -> Self {
        let detail = detail.to_string();
        Self { kind, detail: detail.chars().filter(|c| !c.is_control()).take(MAX_DETAIL).collect() }
    }

    /// Of the connection itself, before anything is said over it.
    pub(super) fn of_connect(error: &io::Error) -> Self {
        use io::ErrorKind as K;
        let kind = match error.kind() {
            K::ConnectionRefused => FaultKind::Refused,
            K::HostUnreachable | K::NetworkUnreachable | K::AddrNotAvailable => FaultKind::Unreachable,
            // A socket in whose queue no more connections find room has no other word for it.
            K::TimedOut | K::WouldBlock => FaultKind::Timeout,
            K::PermissionDenied => FaultKind::Permission,
            K::NotFound => FaultKind::NoSocket,
            K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::UnexpectedEof => FaultKind::Closed,
            _ => FaultKind::Other,
        };
        Self::new(kind, error)
    }

    /// Of whatever stands in the chain of an error.
    pub(super) fn of_chain(error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut next = Some(error);
        let mut io = None;
        while let Some(cause) = next {
            if let Some(fault) = cause.downcast_ref::<Fault>() {
                return Some(fault.clone());
            }
            if let Some(tls) = cause.downcast_ref::<TlsError>() {
                return Some(Self::of_tls(tls));
            }
            if let Some(found) = cause.downcast_ref::<io::Error>() {
                // Its source is the source of what it wraps: look at that first.
                if let Some(inner) = found.get_ref() {
                    io = Some(Self::of_connect(found)).filter(|fault| fault.kind != FaultKind::Other).or(io);
                    next = Some(inner);
                    continue;
                }
                io = Some(Self::of_connect(found));
            }
            next = cause.source();
        }
        io
    }

    /// Of a TLS connection.
    pub(super) fn of_tls(error: &TlsError) -> Self {
        use CertificateError as C;
        match error {
            TlsError::InvalidCertificate(why) => match why {
                C::ExpiredContext { not_after, .. } => {
                    let at =
                        i64::try_from(not_after.as_secs()).ok().and_then(|at| chrono::DateTime::from_timestamp(at, 0));
                    Self::new(FaultKind::CertificateExpired, at.map(|at| at.to_rfc3339()).unwrap_or_default())
                }
                C::Expired => Self::new(FaultKind::CertificateExpired, ""),
                C::NotValidYet | C::NotValidYetContext { .. } => Self::new(FaultKind::CertificateNotYet, error),
                C::NotValidForNameContext { presented, .. } => {
                    Self::new(FaultKind::CertificateName, presented.join(", "))
                }
                C::NotValidForName => Self::new(FaultKind::CertificateName, ""),
                C::UnknownIssuer | C::BadSignature => Self::new(FaultKind::CertificateIssuer, error),
                _ => Self::new(FaultKind::CertificateOther, error),
            },
            TlsError::AlertReceived(alert) if is_about_client(*alert) => Self::new(FaultKind::ClientRefused, error),
            TlsError::InvalidMessage(_) => Self::new(FaultKind::NotTls, error),
            _ => Self::new(FaultKind::Tls, error),
        }
    }

    /// Of a request.
    pub(super) fn of_client(error: &ClientError) -> Self {
        match error {
            ClientError::RequestTimeoutError => Self::new(FaultKind::Timeout, ""),
            ClientError::DockerResponseServerError { status_code: status @ (401 | 403), message } => {
                Self::new(FaultKind::Denied, format!("{status} {message}"))
            }
            // A web server has no such page.
            ClientError::DockerResponseServerError { status_code: status @ 300..=499, .. } => {
                Self::new(FaultKind::NotEngine, status)
            }
            ClientError::DockerResponseServerError { status_code: status, message } => {
                Self::new(FaultKind::Other, format!("{status} {message}"))
            }
            ClientError::JsonDataError { .. } | ClientError::JsonSerdeError { .. } => {
                Self::new(FaultKind::NotEngine, error)
            }
            ClientError::HyperLegacyError { err } => Self::of_http(err),
            _ => Self::of_http(error),
        }
    }

    /// Of what a client of HTTP says.
    pub(super) fn of_http(error: &(dyn StdError + 'static)) -> Self {
        Self::of_chain(error).unwrap_or_else(|| Self::of_words(error))
    }

    /// Neither the network nor TLS is to blame: what was said is no HTTP.
    fn of_words(error: &(dyn StdError + 'static)) -> Self {
        let mut words = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            words = format!("{words}: {cause}");
            next = cause.source();
        }
        // `connection closed before message completed` and its like.
        let kind = if words.contains("closed") { FaultKind::Closed } else { FaultKind::NotEngine };
        Self::new(kind, words)
    }
}

/// Alerts an engine answers a client certificate with that it does not take, or misses.
fn is_about_client(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    matches!(
        alert,
        A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::UnknownCA
            | A::AccessDenied
            | A::CertificateRequired
    )
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind.code(), self.detail)
    }
}

impl StdError for Fault {}
