//! A channel: what it is for, and its way to a program.

use std::sync::Arc;

use platform::Error;
use platform::instances::TerminalSize;
use russh::ChannelWriteHalf;
use russh::server::Msg;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::connection::{Connection, There};
use crate::gate::Inbox;
use crate::{machine, menu, program};

/// Longest name of a kind of terminal.
const MAX_TERM: usize = 64;
/// What a program answers that could not be run.
pub(crate) const FAILED: u32 = 255;

/// What a client wants of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Shell,
    Command(String),
    /// SFTP.
    Files,
}

/// A kind of terminal as programs are told of it; of what is none, the usual one.
pub(crate) fn kind_of(term: &str) -> String {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
    let known = !term.is_empty() && term.len() <= MAX_TERM && term.chars().all(good);
    if known { term.to_owned() } else { "xterm".to_owned() }
}

/// A channel that is open.
pub(crate) struct Held {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) size: watch::Sender<TerminalSize>,
    pub(crate) env: Vec<String>,
    term: Option<String>,
    writer: Option<ChannelWriteHalf<Msg>>,
    over: CancellationToken,
}

/// What its task gets.
pub(crate) struct Start {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) size: watch::Receiver<TerminalSize>,
    pub(crate) env: Vec<String>,
    /// With a terminal of this kind.
    pub(crate) term: Option<String>,
    pub(crate) writer: ChannelWriteHalf<Msg>,
    /// The client closed it.
    pub(crate) over: CancellationToken,
}

impl Held {
    pub(crate) fn new(inbox: Arc<Inbox>, writer: ChannelWriteHalf<Msg>) -> Self {
        Self {
            inbox,
            size: watch::Sender::new(TerminalSize::default()),
            env: Vec::new(),
            term: None,
            writer: Some(writer),
            over: CancellationToken::new(),
        }
    }

    pub(crate) fn terminal(&mut self, term: &str, size: TerminalSize) {
        self.term = Some(kind_of(term));
        self.size.send_replace(size);
    }

    /// Once.
    pub(crate) fn start(&mut self) -> Option<Start> {
        Some(Start {
            writer: self.writer.take()?,
            inbox: self.inbox.clone(),
            size: self.size.subscribe(),
            env: std::mem::take(&mut self.env),
            term: self.term.clone(),
            over: self.over.clone(),
        })
    }

    pub(crate) fn close(&self) {
        self.inbox.close();
        self.over.cancel();
    }
}

impl Start {
    /// Words for the person: on a terminal as output, else as errors.
    pub(crate) async fn say(&self, text: &str) {
        let mut text = text.replace('\n', "\r\n");
        text.push_str("\r\n");
        let said = async {
            match self.term {
                Some(_) => self.writer.data_bytes(text.into_bytes()).await,
                None => self.writer.extended_data_bytes(1, text.into_bytes()).await,
            }
        };
        tokio::select! {
            _ = said => {}
            () = self.over.cancelled() => {}
        }
    }

    /// Says how it ended, and closes it.
    pub(crate) async fn end(&self, code: u32) {
        // A client that is gone hears nothing.
        let _ = self.writer.exit_status(code).await;
        let _ = self.writer.eof().await;
        let _ = self.writer.close().await;
        self.inbox.close();
    }
}

/// Runs what a client wants, to its end.
pub(crate) async fn run(connection: Arc<Connection>, mut start: Start, wanted: Wanted) {
    let over = (start.over.clone(), connection.over.clone());
    let done = tokio::select! {
        code = serve(&connection, &mut start, &wanted) => Some(code),
        () = over.0.cancelled() => None,
        () = over.1.cancelled() => None,
    };
    if let Some(code) = done {
        start.end(code).await;
    }
}

async fn serve(connection: &Arc<Connection>, start: &mut Start, wanted: &Wanted) -> u32 {
    let there = match where_to(connection, start, wanted).await {
        Ok(Some(there)) => there,
        Ok(None) => return 0,
        Err(error) => {
            let words = connection.told(error).await;
            start.say(&words).await;
            return FAILED;
        }
    };
    if *wanted != Wanted::Files {
        for note in connection.take_notes() {
            start.say(&note).await;
        }
    }
    let done = match there {
        There::Instance(visit) => program::run(connection, &visit, start, wanted).await,
        There::Machine(visit) => machine::run(connection, &visit, start, wanted).await,
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            let words = connection.told(error).await;
            start.say(&words).await;
            FAILED
        }
    }
}

/// Where one is, or to what was named, or is chosen now; `None` for who chose nothing.
async fn where_to(connection: &Arc<Connection>, start: &mut Start, wanted: &Wanted) -> Result<Option<There>, Error> {
    if let Some(there) = connection.there() {
        return Ok(Some(there));
    }
    let found = match &connection.named.instance {
        Some(name) => connection.find(name).await?,
        None => match menu::choose(connection, start, *wanted == Wanted::Shell).await? {
            Some(found) => found,
            None => return Ok(None),
        },
    };
    connection.enter(&found).await.map(Some)
}
