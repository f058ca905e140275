//! The conversation with a mail server, step by step, so that a failure says which step it was.

use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use secrecy::ExposeSecret as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::outbound;
use crate::settings::{MailServer, TransportSecurity};

/// Longest wait for a server's answer to one step (RFC 5321 4.5.3.2 allows more; people wait for the test button).
const PATIENCE: Duration = Duration::from_secs(20);
/// The same for the text: servers look for spam and viruses before they answer, and one that was too slow for us would get
/// the mail again.
const TEXT_PATIENCE: Duration = Duration::from_secs(60);
/// Longest text of a server that is kept.
const MAX_DETAIL: usize = 300;

/// Where a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// No server and sender are set.
    Off,
    /// The recipient's or sender's address is none.
    Address,
    /// The server's name has no address.
    Name,
    /// Nobody listens there, or nothing comes through.
    Connect,
    /// It is no mail server, or wants nobody now.
    Greeting,
    /// No encryption, or not with a certificate one can trust.
    Tls,
    /// User name or password.
    Auth,
    /// The sender's address.
    Sender,
    /// The recipient's address.
    Recipient,
    /// The text.
    Data,
}

impl Step {
    /// Every step.
    pub const ALL: [Step; 10] = [
        Step::Off,
        Step::Address,
        Step::Name,
        Step::Connect,
        Step::Greeting,
        Step::Tls,
        Step::Auth,
        Step::Sender,
        Step::Recipient,
        Step::Data,
    ];

    /// Word on the wire; with `mail-test-` the key of what it means.
    pub fn code(self) -> &'static str {
        match self {
            Step::Off => "off",
            Step::Address => "address",
            Step::Name => "name",
            Step::Connect => "connect",
            Step::Greeting => "greeting",
            Step::Tls => "tls",
            Step::Auth => "auth",
            Step::Sender => "sender",
            Step::Recipient => "recipient",
            Step::Data => "data",
        }
    }
}

/// Why a mail did not go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub step: Step,
    /// The server's number.
    pub code: Option<u16>,
    /// What the server or the network said.
    pub detail: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.step.code(), self.detail)
    }
}

impl Failure {
    fn new(step: Step, detail: impl ToString) -> Self {
        // Words of another's server: what is no text is left out, and PostgreSQL takes no zero byte.
        let detail = detail.to_string().chars().filter(|c| !c.is_control()).take(MAX_DETAIL).collect();
        Self { step, code: None, detail }
    }

    pub(super) fn off() -> Self {
        Self::new(Step::Off, "no mail server and sender are set")
    }

    pub(super) fn address(why: String) -> Self {
        Self::new(Step::Address, why)
    }

    fn of(step: Step, error: &lettre::transport::smtp::Error) -> Self {
        Self { code: error.status().map(u16::from), ..Self::new(step, error) }
    }

    /// True when another try would end the same: the server refused this very mail for good.
    pub(super) fn is_final(&self) -> bool {
        let about_the_mail = matches!(self.step, Step::Sender | Step::Recipient | Step::Data);
        self.step == Step::Address || about_the_mail && self.code.is_some_and(|code| code >= 500)
    }

    /// True when the server took everything and wanted this text not now: the next to the same person may well go.
    pub(super) fn is_about_this_one(&self) -> bool {
        self.step == Step::Data && self.code.is_some()
    }
}

/// A line to the server: greeted, encrypted as set, signed in.
pub(super) async fn open(server: &MailServer, hello: &ClientId) -> Result<AsyncSmtpConnection, Failure> {
    let place = (server.host.as_str(), server.port);
    let addresses = within(Step::Name, tokio::net::lookup_host(place)).await?;
    let addresses: Vec<_> = addresses.map_err(|error| Failure::new(Step::Name, error))?.collect();
    // As of engines: a mail server may be in a private network, and never where clouds give out credentials.
    if !addresses.iter().all(|place| outbound::may_be_a_host(place.ip())) {
        return Err(Failure::new(Step::Connect, "link-local or reserved: nothing is ever sent to this address"));
    }
    let stream = within(Step::Connect, TcpStream::connect(&addresses[..])).await?;
    let stream = stream.map_err(|error| Failure::new(Step::Connect, error))?;
    let tls = || TlsParameters::new(server.host.clone()).map_err(|error| Failure::of(Step::Tls, &error));
    let mut connection = match server.security {
        TransportSecurity::Tls => {
            let peer = stream.peer_addr().map_err(|error| Failure::new(Step::Connect, error))?;
            drop(stream);
            let opening = AsyncSmtpConnection::connect_tokio1(peer, Some(PATIENCE), hello, Some(tls()?), None);
            let opened = within(Step::Tls, opening).await?;
            // An answer in words is a mail server's; everything before it is the encryption's.
            let step = |error: &lettre::transport::smtp::Error| {
                if error.status().is_some() { Step::Greeting } else { Step::Tls }
            };
            opened.map_err(|error| Failure::of(step(&error), &error))?
        }
        TransportSecurity::StartTls | TransportSecurity::Plain => {
            let opening = AsyncSmtpConnection::connect_with_transport(Box::new(stream), hello);
            within(Step::Greeting, opening).await?.map_err(|error| Failure::of(Step::Greeting, &error))?
        }
    };
    if server.security == TransportSecurity::StartTls {
        if !connection.can_starttls() {
            connection.abort().await;
            return Err(Failure::new(Step::Tls, "the server does not offer STARTTLS"));
        }
        let upgraded = within(Step::Tls, connection.starttls(tls()?, hello)).await?;
        upgraded.map_err(|error| Failure::of(Step::Tls, &error))?;
    }
    if let (Some(user), Some(password)) = (&server.user, &server.password) {
        let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
        let signing_in = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials);
        within(Step::Auth, signing_in).await?.map_err(|error| Failure::of(Step::Auth, &error))?;
    }
    Ok(connection)
}

/// Says who it is from and who it is for, up to the moment the text may follow.
pub(super) async fn announce(connection: &mut AsyncSmtpConnection, envelope: &Envelope) -> Result<(), Failure> {
    let sender = Mail::new(envelope.from().cloned(), Vec::new());
    say(connection, Step::Sender, sender).await?;
    for to in envelope.to() {
        say(connection, Step::Recipient, Rcpt::new(to.clone(), Vec::new())).await?;
    }
    say(connection, Step::Data, Data).await
}

async fn say(connection: &mut AsyncSmtpConnection, step: Step, command: impl std::fmt::Display) -> Result<(), Failure> {
    match within(step, connection.command(command)).await? {
        Ok(_) => Ok(()),
        Err(error) => {
            connection.abort().await;
            Err(Failure::of(step, &error))
        }
    }
}

/// The text; `Ok` is the server's acknowledgement.
pub(super) async fn hand_over(connection: &mut AsyncSmtpConnection, text: &[u8]) -> Result<(), Failure> {
    match within_time(TEXT_PATIENCE, Step::Data, connection.message(text)).await? {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::of(Step::Data, &error)),
    }
}

/// Says good-bye; the mail is out whatever comes of it.
pub(super) async fn close(mut connection: AsyncSmtpConnection) {
    let _ = timeout(Duration::from_secs(2), connection.quit()).await;
}

async fn within<T>(step: Step, work: impl Future<Output = T>) -> Result<T, Failure> {
    within_time(PATIENCE, step, work).await
}

async fn within_time<T>(patience: Duration, step: Step, work: impl Future<Output = T>) -> Result<T, Failure> {
    let late = |_| Failure::new(step, format!("no answer within {} s", patience.as_secs()));
    timeout(patience, work).await.map_err(late)
}
