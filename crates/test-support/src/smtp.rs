//! A mail server that keeps what it gets: it can refuse a step or hang up, as real ones do.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// How the server behaves from now on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// Takes everything.
    #[default]
    Kind,
    /// 535 to every password.
    BadPassword,
    /// 550 to every sender.
    SenderRefused,
    /// 550 to every recipient.
    RecipientRefused,
    /// 451 to every recipient: come again.
    Busy,
    /// Hangs up before it says anything.
    HangsUp,
    /// Takes the text and hangs up without a word.
    HangsUpAfterText,
    /// Takes the text and never answers.
    SilentAfterText,
}

/// A mail as it arrived.
#[derive(Clone, Debug)]
pub struct SinkMail {
    pub from: String,
    pub to: String,
    /// Headers and body.
    pub raw: String,
    /// True when the server said that it has it.
    pub acknowledged: bool,
}

#[derive(Default)]
struct State {
    manner: Manner,
    mails: Vec<SinkMail>,
}

/// The server; it ends with this value.
pub struct SmtpSink {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    _stop: DropGuard,
}

impl SmtpSink {
    /// On a port of its own.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let state = Arc::new(Mutex::new(State::default()));
        let stop = CancellationToken::new();
        let (stopped, shared) = (stop.clone(), state.clone());
        tokio::spawn(async move {
            while let Some(Ok((stream, _))) = stopped.run_until_cancelled(listener.accept()).await {
                let (stopped, shared) = (stopped.clone(), shared.clone());
                // A client that is gone is no fault of the server's.
                tokio::spawn(async move { stopped.run_until_cancelled(serve(stream, shared)).await });
            }
        });
        Self { address, state, _stop: stop.drop_guard() }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Behaves so from the next step on.
    pub fn behave(&self, manner: Manner) {
        self.state.lock().expect("nobody panics holding this lock").manner = manner;
    }

    /// What arrived so far, acknowledged or not.
    pub fn mails(&self) -> Vec<SinkMail> {
        self.state.lock().expect("nobody panics holding this lock").mails.clone()
    }

    /// What was acknowledged to somebody.
    pub fn taken_by(&self, to: &str) -> Vec<SinkMail> {
        self.mails().into_iter().filter(|mail| mail.acknowledged && mail.to == to).collect()
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) -> std::io::Result<()> {
    let manner = || state.lock().expect("nobody panics holding this lock").manner;
    if manner() == Manner::HangsUp {
        return Ok(());
    }
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 sink.test ready\r\n").await?;
    let (mut from, mut to) = (String::new(), String::new());
    while let Some(line) = lines.next_line().await? {
        let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let argument = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let answer = match (word.as_str(), manner()) {
            ("EHLO", _) => "250-sink.test\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME",
            ("AUTH", Manner::BadPassword) => "535 5.7.8 user name or password is wrong",
            ("AUTH", _) => "235 2.7.0 welcome",
            ("MAIL", Manner::SenderRefused) => "550 5.7.1 that sender may not send here",
            ("MAIL", _) => {
                from = argument();
                "250 2.1.0 ok"
            }
            ("RCPT", Manner::RecipientRefused) => "550 5.1.1 nobody of that name",
            ("RCPT", Manner::Busy) => "451 4.7.1 come again later",
            ("RCPT", _) => {
                to = argument();
                "250 2.1.5 ok"
            }
            ("DATA", _) => {
                write.write_all(b"354 go on\r\n").await?;
                let mut raw = String::new();
                while let Some(line) = lines.next_line().await? {
                    if line == "." {
                        break;
                    }
                    raw += line.strip_prefix('.').unwrap_or(&line);
                    raw.push('\n');
                }
                let kept = !matches!(manner(), Manner::HangsUpAfterText | Manner::SilentAfterText);
                let mail = SinkMail { from: from.clone(), to: to.clone(), raw, acknowledged: kept };
                state.lock().expect("nobody panics holding this lock").mails.push(mail);
                match manner() {
                    Manner::HangsUpAfterText => return Ok(()),
                    Manner::SilentAfterText => std::future::pending().await,
                    _ => "250 2.0.0 taken",
                }
            }
            ("QUIT", _) => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 ok",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

impl SinkMail {
    /// A header, its encoded words read.
    pub fn header(&self, name: &str) -> String {
        let head = self.raw.split("\n\n").next().unwrap_or_default().replace("\n ", " ").replace("\n\t", " ");
        let prefix = format!("{}:", name.to_ascii_lowercase());
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&prefix));
        line.map(|line| words(line[prefix.len()..].trim())).unwrap_or_default()
    }

    /// The plain text, as a person reads it.
    pub fn text(&self) -> String {
        self.part("text/plain")
    }

    /// The HTML.
    pub fn html(&self) -> String {
        self.part("text/html")
    }

    /// The first address in the plain text that begins so.
    pub fn link(&self, beginning: &str) -> Option<String> {
        let text = self.text();
        let start = text.find(beginning)?;
        Some(text[start..].chars().take_while(|c| !c.is_whitespace()).collect())
    }

    fn part(&self, kind: &str) -> String {
        let found = self.raw.split("\n--").find(|part| part.contains(&format!("Content-Type: {kind}")));
        let Some((head, body)) = found.and_then(|part| part.split_once("\n\n")) else { return String::new() };
        let bytes = if head.contains("base64") {
            STANDARD.decode(body.replace('\n', "")).unwrap_or_default()
        } else if head.contains("quoted-printable") {
            quoted(&body.replace("=\n", ""))
        } else {
            body.as_bytes().to_vec()
        };
        String::from_utf8_lossy(&bytes).replace('\r', "")
    }
}

/// Bytes of quoted-printable text.
fn quoted(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'=' {
            let digits: Vec<u8> = rest.by_ref().take(2).collect();
            bytes.extend(hex::decode(digits).unwrap_or_default());
        } else {
            bytes.push(byte);
        }
    }
    bytes
}

/// A header's encoded words (RFC 2047, base64) as text; what stands between two of them is nothing.
fn words(header: &str) -> String {
    let mut text = String::new();
    for part in header.split(' ') {
        let encoded = part.strip_prefix("=?utf-8?b?").and_then(|rest| rest.strip_suffix("?="));
        match encoded.and_then(|word| STANDARD.decode(word).ok()) {
            Some(bytes) => text += &String::from_utf8_lossy(&bytes),
            None if text.is_empty() => text += part,
            None => {
                text.push(' ');
                text += part;
            }
        }
    }
    text
}
