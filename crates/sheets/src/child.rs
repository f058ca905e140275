//! The child's side: limits on the process, then the workbook, a JSON object a line.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde::Serialize;

use crate::stream::{End, Row, Stop};
use crate::{ReadOptions, Refusal, container, stream};

/// Environment variable with the options, as JSON.
pub(crate) const OPTIONS_VARIABLE: &str = "SHEETS_READ_OPTIONS";

/// The last line: exactly one of both.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Last<'a> {
    End(&'a End),
    Refused(&'a Refusal),
}

/// What the host binary does when started as `<exe> read-sheet`: reads a workbook from standard input and writes its
/// rows to standard output, one JSON object a line.
///
/// To be called first thing in `main`, on a process with one thread: it limits the memory and the processor time of
/// the whole process. The workbook's content is hostile until read; a crash here is expected and harms nobody.
pub fn child_main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        // Not the workbook's fault; the parent tells it from a refusal by the status.
        Err(error) => {
            eprintln!("reading a workbook: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> io::Result<()> {
    let options: ReadOptions = match std::env::var(OPTIONS_VARIABLE) {
        Ok(json) => serde_json::from_str(&json)?,
        Err(_) => ReadOptions::default(),
    };
    limit(Resource::RLIMIT_CORE, 0, 0)?;
    limit_memory(options.memory)?;
    // At the soft limit the signal says why; the hard one only makes sure.
    limit(Resource::RLIMIT_CPU, options.cpu_seconds, 1)?;

    let mut output = BufWriter::with_capacity(64 << 10, File::from(io::stdout().as_fd().try_clone_to_owned()?));
    let outcome = read(&options, &mut |row| write_line(&mut output, row));
    match outcome {
        Ok(mut end) => {
            end.peak_kib = status_kib("VmHWM:");
            write_line(&mut output, &Last::End(&end))?;
        }
        Err(Stop::Refused(refusal)) => write_line(&mut output, &Last::Refused(&refusal))?,
        Err(Stop::Output(error)) => return Err(error),
    }
    output.flush()
}

/// Takes from this process the right to more than `memory` bytes beyond its program.
///
/// What an allocator has reserved by now is taken already: it could be filled whatever the limit, and nothing else could be
/// mapped any more. A host with such an allocator is told so at its first workbook, rather than refusing a few of them.
fn limit_memory(memory: u64) -> io::Result<()> {
    let bytes =
        |name| status_kib(name).map(|kib| kib << 10).ok_or_else(|| io::Error::other("/proc/self/status ends early"));
    let (occupied, data) = (bytes("VmSize:")?, bytes("VmData:")?);
    if data > memory / 2 {
        let why = format!("{data} bytes are reserved before the workbook is read, of {memory} it may take");
        return Err(io::Error::other(why));
    }
    limit(Resource::RLIMIT_AS, occupied.saturating_add(memory), 0)
}

fn read(options: &ReadOptions, take: &mut dyn FnMut(&Row) -> io::Result<()>) -> Result<End, Stop> {
    let mut file = BufReader::new(input(options).map_err(Stop::Output)?);
    container::inspect(&mut file, options)?;
    stream::rows(file, options, take)
}

/// Standard input as a file to seek in: the parent gives one, a person at a shell may give a pipe.
fn input(options: &ReadOptions) -> io::Result<File> {
    let mut stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    if stdin.seek(SeekFrom::Start(0)).is_ok() {
        return Ok(stdin);
    }
    let mut copy = tempfile::tempfile()?;
    // One byte more than allowed is enough to be refused.
    io::copy(&mut stdin.take(options.max_bytes.saturating_add(1)), &mut copy)?;
    copy.rewind()?;
    Ok(copy)
}

/// Sets a limit that cannot be raised again, or keeps a lower one that is there already.
fn limit(resource: Resource, soft: u64, hard_above: u64) -> io::Result<()> {
    let (_, hard_now) = getrlimit(resource)?;
    let hard = soft.saturating_add(hard_above).min(hard_now);
    setrlimit(resource, soft.min(hard), hard)?;
    Ok(())
}

fn write_line(output: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *output, line)?;
    output.write_all(b"\n")
}

/// A size of this process, as the system tells it: `VmHWM:` is the most memory it held at once.
fn status_kib(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix(name))?.trim().strip_suffix(" kB")?.parse().ok()
}
