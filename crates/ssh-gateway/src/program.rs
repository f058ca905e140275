//! A program in an instance, and the channel it talks over.

use std::sync::Arc;

use platform::Error;
use platform::instances::{Handle, Piece, ProgramInput, ProgramOutput, Recorder, Running, TerminalSize, Visit};
use russh::ChannelWriteHalf;
use russh::server::Msg;
use tokio::sync::watch;

use crate::channel::{FAILED, Start, Wanted, name_of, stty_of};
use crate::connection::Connection;
use crate::files;
use crate::gate::{Gate, Inbox};
use crate::recording::Recording;

/// See there.
const ENTER: &str = include_str!("enter.sh");
/// Says where the program for SFTP is, in the places where distributions put it.
const FIND_SFTP: &str = "for p in /usr/lib/openssh/sftp-server /usr/libexec/openssh/sftp-server \
    /usr/libexec/sftp-server /usr/lib/ssh/sftp-server /usr/lib/sftp-server; do \
    if [ -x \"$p\" ]; then echo \"$p\"; exit 0; fi; done; exit 1";
const RUN_SFTP: &str = "cd 2>/dev/null; exec \"$1\"";
/// End of what is typed, to a terminal.
const END_OF_INPUT: [u8; 1] = [4];
/// Longest answer to a question of ours.
const MAX_SAID: usize = 4096;

/// How files come and go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Files {
    /// By the instance's own program.
    Program(String),
    /// By ours, over its shell.
    Shell,
}

/// Runs what is wanted, recorded where that is the policy; its exit code.
pub(crate) async fn run(
    connection: &Arc<Connection>,
    visit: &Visit,
    start: &mut Start,
    wanted: &Wanted,
) -> Result<u32, Error> {
    let terminal = start.term.as_ref().map(|_| *start.size.borrow_and_update()).filter(|_| *wanted != Wanted::Files);
    let recording = Recording::begin(connection, visit, start, (wanted, terminal)).await?;
    let code = begin(connection, visit, start, (wanted, terminal), &recording).await;
    recording.over(*code.as_ref().unwrap_or(&FAILED)).await;
    code
}

async fn begin(
    connection: &Arc<Connection>,
    visit: &Visit,
    start: &mut Start,
    (wanted, terminal): (&Wanted, Option<TerminalSize>),
    recording: &Recording,
) -> Result<u32, Error> {
    let set = stty_of(&start.modes);
    let found;
    let words: Vec<&str> = match wanted {
        Wanted::Shell => vec!["/bin/sh", "-c", ENTER, "sh", &set],
        Wanted::Command(command) => vec!["/bin/sh", "-c", ENTER, "sh", &set, command],
        Wanted::Files => {
            found = files_of(connection, visit).await?;
            match &found {
                Files::Program(path) => vec!["/bin/sh", "-c", RUN_SFTP, "sh", path],
                Files::Shell => return files::run(connection, visit, start).await,
            }
        }
    };
    let mut env = std::mem::take(&mut start.env);
    let (peer, here) = (connection.peer, connection.peer.local);
    env.push(format!("SSH_CONNECTION={} {} {} {}", peer.address, peer.port, here.ip().to_canonical(), here.port()));
    env.push(format!("SSH_CLIENT={} {} {}", peer.address, peer.port, here.port()));
    if let (Some(term), Some(_)) = (&start.term, terminal) {
        env.push(format!("TERM={term}"));
    }
    let running = visit.run(connection.platform(), &words, &env, terminal).await?;
    let handle = running.handle.clone();
    // Whatever ends this, the program ends too.
    let hung_up = HangUp::new(connection, handle);
    match talk(connection, running, start, terminal.is_some(), recording).await {
        Ok(code) => {
            hung_up.forget();
            Ok(code)
        }
        Err(why) => {
            start.say(&connection.words(why, &[])).await;
            Ok(FAILED)
        }
    }
}

/// Ends a program that nobody listens to any more.
pub(crate) struct HangUp {
    handle: Option<Handle>,
    tasks: tokio_util::task::TaskTracker,
}

impl HangUp {
    pub(crate) fn new(connection: &Connection, handle: Handle) -> Self {
        Self { handle: Some(handle), tasks: connection.gateway.tasks.clone() }
    }

    pub(crate) fn forget(mut self) {
        self.handle = None;
    }
}

impl Drop for HangUp {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            self.tasks.spawn(async move { handle.hang_up().await });
        }
    }
}

/// Both ways, until the program ends; words for why it has to end before: it does not take what it is sent, or must not go on
/// without being recorded.
async fn talk(
    connection: &Arc<Connection>,
    running: Running,
    start: &Start,
    terminal: bool,
    recording: &Recording,
) -> Result<u32, &'static str> {
    let Running { output, input, handle } = running;
    let recorder = recording.recorder();
    tokio::select! {
        () = write_out(&connection.gate, output, &start.writer, true, recorder) => {}
        () = read_in(&start.inbox, input, terminal, recorder) => return Err("ssh-overrun"),
        () = fit(start.size.clone(), &handle, recorder), if terminal => {}
        () = pass_signals(start, &handle) => {}
        () = recording.follow(connection, start) => return Err("recording-ended-session"),
    }
    let code = handle.exit_code().await;
    Ok(code.and_then(|code| u32::try_from(code).ok()).unwrap_or(FAILED))
}

/// Bytes alone, as of a port; false where it is not over by itself.
pub(crate) async fn carry(gate: &Arc<Gate>, running: Running, start: &Start) -> bool {
    let Running { output, input, handle: _ } = running;
    tokio::select! {
        () = write_out(gate, output, &start.writer, false, None) => true,
        () = read_in(&start.inbox, input, false, None) => false,
    }
}

async fn write_out(
    gate: &Arc<Gate>,
    mut output: ProgramOutput,
    writer: &ChannelWriteHalf<Msg>,
    errors: bool,
    recorder: Option<&Recorder>,
) {
    while let Some(Ok(piece)) = output.next().await {
        // First: nobody sees what is not recorded.
        if let (Some(recorder), Piece::Output(bytes) | Piece::Errors(bytes)) = (recorder, &piece) {
            recorder.output(bytes).await;
        }
        let starved = (writer.writable_packet_size().await == 0).then(|| gate.starve());
        let sent = match piece {
            Piece::Output(bytes) => writer.data_bytes(bytes).await,
            Piece::Errors(_) if !errors => Ok(()),
            Piece::Errors(bytes) => writer.extended_data_bytes(1, bytes).await,
        };
        drop(starved);
        if sent.is_err() {
            // The connection is gone, which ends this.
            std::future::pending::<()>().await;
        }
    }
}

/// Ends when what was sent was dropped; else never: whether the program is there, its output says.
async fn read_in(inbox: &Inbox, mut input: ProgramInput, terminal: bool, recorder: Option<&Recorder>) {
    while let Some(bytes) = inbox.next().await {
        if let Some(recorder) = recorder {
            recorder.input(&bytes).await;
        }
        if input.say(&bytes).await.is_err() {
            // It reads no more; what it writes goes on, and what comes for it is nobody's.
            while inbox.next().await.is_some() {}
            std::future::pending::<()>().await;
        }
    }
    if inbox.is_closed() {
        return;
    }
    let _ = match terminal {
        true => input.say(&END_OF_INPUT).await,
        false => input.end().await,
    };
    std::future::pending().await
}

/// Gives it the newest size, whatever it was in between.
async fn fit(mut size: watch::Receiver<TerminalSize>, handle: &Handle, recorder: Option<&Recorder>) {
    // An engine of before 20.10.14 knows no size at the start.
    size.mark_changed();
    while size.changed().await.is_ok() {
        let wanted = *size.borrow_and_update();
        if let Some(recorder) = recorder {
            recorder.size(wanted).await;
        }
        for _ in 0..20 {
            if handle.resize(wanted).await {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
    std::future::pending().await
}

/// Never ends.
async fn pass_signals(start: &Start, handle: &Handle) {
    loop {
        if let Some(name) = name_of(&start.signal().await) {
            handle.signal(name).await;
        }
    }
}

async fn files_of(connection: &Connection, visit: &Visit) -> Result<Files, Error> {
    if let Some(files) = connection.files() {
        return Ok(files);
    }
    let said = ask(connection, visit, &["/bin/sh", "-c", FIND_SFTP]).await?;
    let files = match said.trim() {
        "" => Files::Shell,
        path => Files::Program(path.to_owned()),
    };
    connection.set_files(files.clone());
    Ok(files)
}

/// What a short program of ours answers.
async fn ask(connection: &Connection, visit: &Visit, words: &[&str]) -> Result<String, Error> {
    let mut running = visit.run(connection.platform(), words, &[], None).await?;
    let mut said = Vec::new();
    while let Some(Ok(piece)) = running.output.next().await {
        if let Piece::Output(bytes) = piece
            && said.len() + bytes.len() <= MAX_SAID
        {
            said.extend_from_slice(&bytes);
        }
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}
