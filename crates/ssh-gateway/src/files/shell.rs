//! A small program of ours in an instance's own shell, which does with files what it is told, one thing after the other.

use platform::instances::{Piece, ProgramInput, ProgramOutput};

/// See there.
pub(super) const SERVE: &str = include_str!("serve.sh");
/// Longest line of an answer, bytes: a path, and figures.
const MAX_LINE: usize = 16 << 10;
/// Most lines of an answer, and most bytes of them all.
const MAX_LINES: usize = 100_000;
const MAX_LINES_BYTES: usize = 16 << 20;
/// Most bytes of content that wait: more than are ever asked for at once. Who is in an instance decides what its shell writes.
const MAX_CONTENT: usize = 1 << 20;

/// Why something was not done: a number of SFTP's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    NotThere,
    Refused,
    Failed,
    Unknown,
    /// There is no more: no fault, but told like one.
    Ended,
    /// The program is gone.
    Gone,
}

/// What came back: the rest of the last line, and the lines before it.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) said: String,
    pub(crate) lines: Vec<String>,
    bytes: usize,
    /// There were more lines than are kept.
    beyond: bool,
}

/// The program, and what it said that was not read yet.
pub(super) struct Shell {
    output: ProgramOutput,
    input: ProgramInput,
    said: Vec<u8>,
    content: Vec<u8>,
}

impl Shell {
    /// With where it is.
    pub(super) async fn begin(output: ProgramOutput, input: ProgramInput) -> Result<(Self, String), Fault> {
        let mut shell = Self { output, input, said: Vec::new(), content: Vec::new() };
        let home = shell.answer().await?.said;
        Ok((shell, home))
    }

    /// Asks for something: a word, a path and two more.
    pub(super) async fn ask(&mut self, what: &str, path: &str, more: [&str; 2]) -> Result<Answer, Fault> {
        self.tell(what, path, more, &[]).await?;
        self.answer().await
    }

    /// Writes content at a place of a file.
    pub(super) async fn write(&mut self, path: &str, at: u64, content: &[u8]) -> Result<(), Fault> {
        if content.is_empty() {
            return Ok(());
        }
        self.tell("write", path, [&at.to_string(), &content.len().to_string()], content).await?;
        self.answer().await.map(|_| ())
    }

    /// At most so many bytes from a place of a file.
    pub(super) async fn read(&mut self, path: &str, at: u64, most: usize) -> Result<Vec<u8>, Fault> {
        self.tell("read", path, [&at.to_string(), &most.to_string()], &[]).await?;
        let count = self.answer().await?.said.parse::<usize>().map_err(|_| Fault::Failed)?;
        // The two ways of a program are not in step.
        while self.content.len() < count.min(most) {
            self.more().await?;
        }
        let mut content = std::mem::take(&mut self.content);
        content.truncate(count.min(most));
        Ok(content)
    }

    async fn tell(&mut self, what: &str, path: &str, more: [&str; 2], content: &[u8]) -> Result<(), Fault> {
        let words = [what, path, more[0], more[1]];
        // It reads lines.
        if words.iter().any(|word| word.contains(['\n', '\0'])) {
            return Err(Fault::Failed);
        }
        // What nobody asked for.
        self.content.clear();
        let mut bytes = words.join("\n").into_bytes();
        bytes.push(b'\n');
        bytes.extend_from_slice(content);
        self.input.say(&bytes).await.map_err(|_| Fault::Gone)
    }

    async fn more(&mut self) -> Result<(), Fault> {
        match self.output.next().await {
            Some(Ok(Piece::Output(bytes))) => self.content.extend_from_slice(&bytes),
            Some(Ok(Piece::Errors(bytes))) => self.said.extend_from_slice(&bytes),
            Some(Err(_)) | None => return Err(Fault::Gone),
        }
        match self.content.len() > MAX_CONTENT {
            true => Err(Fault::Gone),
            false => Ok(()),
        }
    }

    async fn answer(&mut self) -> Result<Answer, Fault> {
        let mut answer = Answer::default();
        loop {
            if let Some(end) = take(&mut self.said, &mut answer) {
                return end.map(|()| answer);
            }
            self.more().await?;
        }
    }
}

/// Takes an answer out of what was said; none where more of it has to come. Who is in an instance decides what its shell says.
pub(crate) fn take(said: &mut Vec<u8>, answer: &mut Answer) -> Option<Result<(), Fault>> {
    while let Some(end) = said.iter().position(|byte| *byte == b'\n') {
        let line: Vec<u8> = said.drain(..=end).collect();
        let line = String::from_utf8_lossy(&line[..end]).into_owned();
        let (kind, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match kind {
            // Half a folder would be taken for the whole one.
            "K" if answer.beyond => return Some(Err(Fault::Failed)),
            "K" => {
                rest.clone_into(&mut answer.said);
                return Some(Ok(()));
            }
            "E" => return Some(Err(fault(rest))),
            "N" if answer.lines.len() < MAX_LINES && answer.bytes + rest.len() <= MAX_LINES_BYTES => {
                answer.bytes += rest.len();
                answer.lines.push(rest.to_owned());
            }
            "N" => answer.beyond = true,
            // What its programs have to say.
            _ => {}
        }
    }
    (said.len() > MAX_LINE).then_some(Err(Fault::Gone))
}

fn fault(number: &str) -> Fault {
    match number {
        "2" => Fault::NotThere,
        "3" => Fault::Refused,
        "8" => Fault::Unknown,
        _ => Fault::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it comes from a shell: in pieces.
    fn hear(content: &[u8], said: &mut Vec<u8>, answer: &mut Answer) -> Option<Result<(), Fault>> {
        content.chunks(8 << 10).find_map(|piece| {
            said.extend_from_slice(piece);
            take(said, answer)
        })
    }

    #[test]
    fn an_answer_is_kept_within_bounds_and_never_cut_unsaid() {
        let long = [&b"N "[..], &[b'x'; 10_000], b"\n"].concat();
        for lines in [long.repeat(2000), b"N x\n".repeat(MAX_LINES + 1)] {
            let (mut said, mut answer) = (Vec::new(), Answer::default());
            assert_eq!(hear(&lines, &mut said, &mut answer), None);
            assert!(answer.lines.iter().map(String::len).sum::<usize>() <= MAX_LINES_BYTES);
            assert!(answer.lines.len() <= MAX_LINES);
            let end = hear(b"K 1\nK 2\n", &mut said, &mut answer);
            assert_eq!(end, Some(Err(Fault::Failed)), "what is left is not all");
            let mut next = Answer::default();
            assert_eq!(take(&mut said, &mut next), Some(Ok(())), "the next one is whole");
            assert_eq!(next.said, "2");
        }
        let (mut said, mut answer) = (Vec::new(), Answer::default());
        assert_eq!(hear(&b"N x\n".repeat(MAX_LINES), &mut said, &mut answer), None);
        assert_eq!(hear(b"K 1\n", &mut said, &mut answer), Some(Ok(())));
        assert_eq!((answer.lines.len(), answer.said.as_str()), (MAX_LINES, "1"));
        assert_eq!(take(&mut vec![b'x'; MAX_LINE + 1], &mut Answer::default()), Some(Err(Fault::Gone)));
        assert_eq!(take(&mut b"N a".to_vec(), &mut Answer::default()), None, "the rest has to come");
    }
}
