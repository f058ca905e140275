//! A channel: what it is for, and its way to a program.

use std::sync::Arc;

use platform::Error;
use platform::instances::TerminalSize;
use russh::server::Msg;
use russh::{ChannelWriteHalf, Pty, Sig};
use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::connection::{Connection, There};
use crate::gate::Inbox;
use crate::words::Way;
use crate::{machine, menu, program};

/// Longest name of a kind of terminal.
const MAX_TERM: usize = 64;
/// Signals that wait; more are lost, as they are where a program is slower than who sends them.
const MOST_SIGNALS: usize = 8;
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

/// What a client's own terminal is set to, in words of `stty`: what counts for those who type, as the rest is what every terminal
/// has, or no terminal of an engine knows.
pub(crate) fn stty_of(modes: &[(Pty, u32)]) -> String {
    let word = |(mode, value): &(Pty, u32)| match (mode, value) {
        (Pty::VERASE, 0x08) => Some("erase ^H"),
        (Pty::VERASE, 0x7f) => Some("erase 127"),
        (Pty::IUTF8, 0) => Some("-iutf8"),
        (Pty::IUTF8, _) => Some("iutf8"),
        (Pty::IXON, 0) => Some("-ixon"),
        (Pty::IXON, _) => Some("ixon"),
        (Pty::ECHO, 0) => Some("-echo"),
        (Pty::ECHO, _) => Some("echo"),
        _ => None,
    };
    modes.iter().filter_map(word).collect::<Vec<_>>().join(" ")
}

/// A signal that programs are sent (RFC 4254, 6.9).
pub(crate) fn name_of(signal: &Sig) -> Option<&'static str> {
    Some(match signal {
        Sig::ABRT => "ABRT",
        Sig::ALRM => "ALRM",
        Sig::FPE => "FPE",
        Sig::HUP => "HUP",
        Sig::ILL => "ILL",
        Sig::INT => "INT",
        Sig::KILL => "KILL",
        Sig::PIPE => "PIPE",
        Sig::QUIT => "QUIT",
        Sig::SEGV => "SEGV",
        Sig::TERM => "TERM",
        Sig::USR1 => "USR1",
        Sig::Custom(name) if name == "USR2" => "USR2",
        Sig::Custom(_) => return None,
    })
}

/// A channel that is open.
pub(crate) struct Held {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) size: watch::Sender<TerminalSize>,
    pub(crate) env: Vec<String>,
    term: Option<String>,
    modes: Vec<(Pty, u32)>,
    signals: mpsc::Sender<Sig>,
    signalled: Option<mpsc::Receiver<Sig>>,
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
    /// What that is set to.
    pub(crate) modes: Vec<(Pty, u32)>,
    signalled: Mutex<mpsc::Receiver<Sig>>,
    pub(crate) writer: ChannelWriteHalf<Msg>,
    /// The client closed it.
    pub(crate) over: CancellationToken,
}

impl Held {
    pub(crate) fn new(inbox: Arc<Inbox>, writer: ChannelWriteHalf<Msg>) -> Self {
        let (signals, signalled) = mpsc::channel(MOST_SIGNALS);
        Self {
            inbox,
            signals,
            signalled: Some(signalled),
            size: watch::Sender::new(TerminalSize::default()),
            env: Vec::new(),
            term: None,
            modes: Vec::new(),
            writer: Some(writer),
            over: CancellationToken::new(),
        }
    }

    pub(crate) fn terminal(&mut self, term: &str, modes: &[(Pty, u32)], size: TerminalSize) {
        self.term = Some(kind_of(term));
        // What the library has no name for comes as the end, behind which nobody reads on.
        self.modes = modes.iter().copied().filter(|(mode, _)| *mode != Pty::TTY_OP_END).collect();
        self.size.send_replace(size);
    }

    /// For its program; lost where too many wait.
    pub(crate) fn signal(&self, signal: Sig) {
        if name_of(&signal).is_some() {
            let _ = self.signals.try_send(signal);
        }
    }

    /// Once.
    pub(crate) fn start(&mut self) -> Option<Start> {
        Some(Start {
            writer: self.writer.take()?,
            signalled: Mutex::new(self.signalled.take()?),
            inbox: self.inbox.clone(),
            size: self.size.subscribe(),
            env: std::mem::take(&mut self.env),
            term: self.term.clone(),
            modes: std::mem::take(&mut self.modes),
            over: self.over.clone(),
        })
    }

    pub(crate) fn close(&self) {
        self.inbox.close();
        self.over.cancel();
    }
}

impl Start {
    /// The next signal for its program. Cancel safe.
    pub(crate) async fn signal(&self) -> Sig {
        let next = self.signalled.lock().await.recv().await;
        match next {
            Some(signal) => signal,
            // The channel is closed, which ends this.
            None => std::future::pending().await,
        }
    }

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
            let words = connection.told(Way::Shown, error).await;
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
            let words = connection.told(Way::Shown, error).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_set_by_words_of_our_own() {
        let modes = [(Pty::VERASE, 8), (Pty::VERASE, 65), (Pty::IUTF8, 1), (Pty::IXON, 0), (Pty::VINTR, 3)];
        assert_eq!(stty_of(&modes), "erase ^H iutf8 -ixon");
        assert_eq!(stty_of(&[]), "");
    }
}
