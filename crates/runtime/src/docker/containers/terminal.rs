//! A shell in a container, with a terminal of its own.
//!
//! What runs there is the container's own shell: its name and the words it is started with are ours, and nothing that a
//! person chose is among them. An engine has no way to end what it was asked to run in a container, so that a shell is
//! found again by a mark in its environment, from inside of the same container.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::time::Instant;

use super::Containers;
use super::lifecycle::{done, good, path};
use super::refusal::{Doing, refusal};
use super::spec::is_word;
use super::wire::{Ask, QUICK, json as read};
use crate::docker::{Fault, FaultKind};

/// The variable that marks a shell.
pub(super) const MARK: &str = "REMOTEGPU_TERMINAL";
/// The better of the two shells that an image may have. Not a login shell: that would set aside the image's own `PATH`.
const SHELL: &str = "if [ -x /bin/bash ]; then exec /bin/bash; fi; exec /bin/sh";
/// Ends the shell of a mark as a terminal that is closed does; what takes no notice of that is ended a second later. Only
/// the first of a session that came from outside (its parent is not seen from within): what it left running in the background
/// on purpose stays, also where that has a session of its own, as `tmux` has.
const HANG_UP: &str = r#"found=
for d in /proc/[0-9]*; do
  p=${d#/proc/}
  case "$(cat "$d/environ" 2>/dev/null)" in *"REMOTEGPU_TERMINAL=$1"*) ;; *) continue ;; esac
  s=$(cat "$d/stat" 2>/dev/null)
  set -- "$1" ${s##*) }
  [ "$3" = 0 ] && [ "$5" = "$p" ] && found="$found $p"
done
[ -z "$found" ] && exit 0
kill -HUP $found
sleep 1
kill -KILL $found 2>/dev/null
exit 0"#;
/// Sends a signal to the process group of what is found in the same way, as `sshd` does.
const SIGNAL: &str = r#"for d in /proc/[0-9]*; do
  p=${d#/proc/}
  case "$(cat "$d/environ" 2>/dev/null)" in *"REMOTEGPU_TERMINAL=$1"*) ;; *) continue ;; esac
  s=$(cat "$d/stat" 2>/dev/null)
  set -- "$1" "$2" ${s##*) }
  [ "$4" = 0 ] && [ "$6" = "$p" ] && kill -"$2" -"$p"
done
exit 0"#;
/// Signals that are sent: those of RFC 4254, 6.9 and 6.10.
const SIGNALS: [&str; 13] =
    ["ABRT", "ALRM", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV", "TERM", "USR1", "USR2"];
/// An engine takes a person's keys for its own (`ctrl-p,ctrl-q`) unless it is given others: these nobody types.
const DETACH_KEYS: &str = "ctrl-@,ctrl-_,ctrl-@,ctrl-^,ctrl-@,ctrl-_,ctrl-^,ctrl-@";
/// How programs read text where neither who starts them nor the container's environment says: without it, a shell takes what is
/// beyond ASCII for bytes that are no letters.
const LOCALE: &str = "LANG=C.UTF-8";
/// How long after its output ended an engine may take to say how a shell ended.
const EXIT_KNOWN: Duration = Duration::from_secs(3);
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(100);
/// Most bytes that are read at once.
const PIECE: usize = 16 << 10;

/// Columns and rows, each 1 to 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalSize {
    cols: u16,
    rows: u16,
}

impl TerminalSize {
    /// `None` for a size that no terminal has.
    pub fn new(cols: u16, rows: u16) -> Option<Self> {
        let fits = |n| (1..=1000).contains(&n);
        (fits(cols) && fits(rows)).then_some(Self { cols, rows })
    }

    /// How wide it is.
    pub fn cols(self) -> u16 {
        self.cols
    }

    /// How high it is.
    pub fn rows(self) -> u16 {
        self.rows
    }

    /// As an engine is told of it.
    pub(super) fn rows_and_cols(self) -> [u16; 2] {
        [self.rows, self.cols]
    }
}

impl Default for TerminalSize {
    fn default() -> Self {
        Self { cols: 80, rows: 24 }
    }
}

/// A shell that was started.
pub struct Terminal {
    /// The engine's name of it.
    pub exec: String,
    /// What it says.
    pub output: TerminalOutput,
    /// What it is told.
    pub input: TerminalInput,
}

/// What a shell and its programs write, as it comes.
pub struct TerminalOutput(ReadHalf<TokioIo<Upgraded>>);

impl TerminalOutput {
    /// At most 16 KiB; `None` when there is no more. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<Bytes, Fault>> {
        let mut bytes = BytesMut::with_capacity(PIECE);
        match self.0.read_buf(&mut bytes).await {
            Ok(0) => None,
            Ok(_) => Some(Ok(bytes.freeze())),
            Err(error) => Some(Err(Fault::of_http(&error))),
        }
    }
}

/// What is typed.
pub struct TerminalInput(WriteHalf<TokioIo<Upgraded>>);

impl TerminalInput {
    /// Waits while nobody in the container reads.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn say(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let said = async {
            self.0.write_all(bytes).await?;
            self.0.flush().await
        };
        said.await.map_err(|error| Fault::of_http(&error))
    }
}

/// How a shell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It runs.
    Not,
    /// It ended, with this code where the engine knows it.
    Ended(Option<i32>),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Made {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawExec {
    running: bool,
    #[serde(default)]
    exit_code: Option<i64>,
}

impl Containers {
    /// Starts a shell in a container that runs. `mark` is a word by which it is found again. An image without a shell says
    /// so in its output and ends.
    ///
    /// # Errors
    /// [`FaultKind::NotFound`] also for what is not ours, [`FaultKind::Busy`] for one that does not run.
    pub async fn terminal(&self, id: &str, mark: &str, size: TerminalSize) -> Result<Terminal, Fault> {
        if !is_word(mark) {
            return Err(Fault::new(FaultKind::Spec, "a mark is a word"));
        }
        let command = ["/bin/sh", "-c", SHELL];
        let env = [String::from("TERM=xterm-256color"), format!("{MARK}={mark}")];
        let exec = self.exec(id, &command, &env, true, Some(size)).await?;
        let start = json!({ "Detach": false, "Tty": true, "ConsoleSize": [size.rows, size.cols] });
        let ask = Ask::post(format!("/exec/{exec}/start")).json(&start);
        let bytes = self.wire.hijack(ask).await?.map_err(|answer| refusal(Doing::Start, &answer))?;
        let (output, input) = tokio::io::split(TokioIo::new(bytes));
        Ok(Terminal { exec, output: TerminalOutput(output), input: TerminalInput(input) })
    }

    /// The one place where something is set up to run in a container: its words, what it is attached to, whether it has a
    /// terminal, and for what somebody is attached to, how it reads text.
    pub(super) async fn exec(
        &self,
        id: &str,
        command: &[&str],
        env: &[String],
        there: bool,
        terminal: Option<TerminalSize>,
    ) -> Result<String, Fault> {
        let own = self.own(id).await?;
        let locale = Some(LOCALE).filter(|_| there && !says_locale(env) && !says_locale(own.raw.env()));
        let env: Vec<&str> = env.iter().map(String::as_str).chain(locale).collect();
        let mut body = json!({
            "AttachStdin": there, "AttachStdout": there, "AttachStderr": there, "Tty": terminal.is_some(),
            "Cmd": command, "Env": env, "DetachKeys": DETACH_KEYS, "Privileged": false,
        });
        if let Some(size) = terminal {
            body["ConsoleSize"] = json!([size.rows, size.cols]);
        }
        let answer = self.wire.ask(Ask::post(path(&own, "/exec")).json(&body), QUICK).await?;
        let made: Made = read(&good(&answer)?)?;
        if !is_word(&made.id) {
            return Err(Fault::new(FaultKind::NotEngine, "it names what it runs by no word"));
        }
        Ok(made.id)
    }

    /// Gives a shell's terminal another size. An engine refuses that for a moment while the shell is being started.
    ///
    /// # Errors
    /// As everything here.
    pub async fn resize_terminal(&self, exec: &str, size: TerminalSize) -> Result<(), Fault> {
        let ask = Ask::post(format!("/exec/{}/resize", exec_word(exec)?)).with("h", size.rows).with("w", size.cols);
        done(Doing::Other, &self.wire.ask(ask, QUICK).await?, &[200, 201, 204])
    }

    /// Whether a shell still runs.
    ///
    /// # Errors
    /// [`FaultKind::NotFound`] for one whose container is gone.
    pub async fn terminal_exit(&self, exec: &str) -> Result<Exit, Fault> {
        let answer = self.wire.ask(Ask::get(format!("/exec/{}/json", exec_word(exec)?)), QUICK).await?;
        let raw: RawExec = read(&good(&answer)?)?;
        if raw.running {
            return Ok(Exit::Not);
        }
        Ok(Exit::Ended(raw.exit_code.and_then(|code| i32::try_from(code).ok())))
    }

    /// How a shell ended whose output ended: an engine says so a moment later. `Not` when it goes on without us.
    ///
    /// # Errors
    /// As [`Containers::terminal_exit`].
    pub async fn terminal_ending(&self, exec: &str) -> Result<Exit, Fault> {
        let until = Instant::now() + EXIT_KNOWN;
        loop {
            match self.terminal_exit(exec).await? {
                Exit::Not if Instant::now() < until => tokio::time::sleep(LOOK).await,
                exit => return Ok(exit),
            }
        }
    }

    /// Ends the shell of a mark, as a terminal that is closed does; back when it was told. One that is not there is gone.
    ///
    /// # Errors
    /// As everything here.
    pub async fn hang_up(&self, id: &str, mark: &str) -> Result<(), Fault> {
        if !is_word(mark) {
            return Err(Fault::new(FaultKind::Spec, "a mark is a word"));
        }
        self.send(id, &["/bin/sh", "-c", HANG_UP, "sh", mark]).await
    }

    /// Sends the program of a mark a signal, by its name without `SIG`; back when it was told. One that is not there gets none.
    ///
    /// # Errors
    /// [`FaultKind::Spec`] for what is no signal, else as everything here.
    pub async fn signal(&self, id: &str, mark: &str, signal: &str) -> Result<(), Fault> {
        if !is_word(mark) || !SIGNALS.contains(&signal) {
            return Err(Fault::new(FaultKind::Spec, "a mark is a word, and a signal has a name"));
        }
        self.send(id, &["/bin/sh", "-c", SIGNAL, "sh", mark, signal]).await
    }

    /// Runs something short that nobody listens to.
    async fn send(&self, id: &str, words: &[&str]) -> Result<(), Fault> {
        let exec = match self.exec(id, words, &[], false, None).await {
            // It does not run, or is gone: then neither does the shell.
            Err(fault) if matches!(fault.kind, FaultKind::Busy | FaultKind::NotFound) => return Ok(()),
            exec => exec?,
        };
        let ask = Ask::post(format!("/exec/{exec}/start")).json(&json!({ "Detach": true, "Tty": false }));
        done(Doing::Start, &self.wire.ask(ask, QUICK).await?, &[200, 201, 204])
    }
}

/// Whether variables say how programs read text; an empty one says nothing.
fn says_locale(env: &[String]) -> bool {
    env.iter()
        .filter_map(|it| it.split_once('='))
        .any(|(name, value)| matches!(name, "LANG" | "LC_ALL") && !value.is_empty())
}

/// Names come from an engine, and go into a path.
fn exec_word(exec: &str) -> Result<&str, Fault> {
    if is_word(exec) { Ok(exec) } else { Err(Fault::new(FaultKind::NotFound, "no such shell")) }
}

#[cfg(test)]
mod tests {
    use super::says_locale;

    #[test]
    fn a_locale_is_said_by_a_value() {
        for (env, says) in [
            (&["PATH=/bin", "LANG=de_DE.UTF-8"][..], true),
            (&["LC_ALL=C"], true),
            (&["LC_CTYPE=C.UTF-8", "LANGUAGE=de", "LANG="], false),
            (&[], false),
        ] {
            let env: Vec<String> = env.iter().map(|it| (*it).to_owned()).collect();
            assert_eq!(says_locale(&env), says, "{env:?}");
        }
    }
}
