//! For the crate `fuzz` alone: what clients say, and what an instance's own shell answers about its files.

use bytes::Bytes;
use russh_sftp::protocol::Packet;

use crate::files::shell::{Answer, take};

/// The person and the instance that a user name stands for.
pub fn named(user: &str) -> (String, Option<String>) {
    let named = crate::auth::Named::read(user);
    let person = if named.machine { format!("{}+", named.person) } else { named.person };
    (person, named.instance)
}

/// What a client calls itself in what it says first.
pub fn client(said: &[u8]) -> String {
    crate::gate::called(said)
}

/// A kind of terminal.
pub fn terminal(term: &str) -> String {
    crate::channel::kind_of(term)
}

/// Whether a program is given this variable.
pub fn may_be_given(name: &str, value: &str) -> bool {
    crate::handler::may_be_given(name, value)
}

/// Whether a host is the instance itself.
pub fn is_itself(host: &str) -> bool {
    crate::forward::is_itself(host)
}

/// A path of SFTP, from the root on.
pub fn absolute(home: &str, path: &str) -> String {
    crate::files::absolute(home, path)
}

/// Two texts of a message that an extension brings.
pub fn two(data: &[u8]) -> Option<(String, String)> {
    crate::files::two(data)
}

/// Mode, size and name in a line about a file.
pub fn file(line: &str) -> Option<(u32, u64, String)> {
    let (attributes, name) = crate::files::attributes(line)?;
    Some((attributes.permissions?, attributes.size?, name.to_owned()))
}

/// What an instance's shell answered: how many lines, and what was said last; none where more has to come.
pub fn answer(said: &[u8]) -> Option<Result<(usize, String), ()>> {
    let (mut said, mut answer) = (said.to_vec(), Answer::default());
    let end = take(&mut said, &mut answer)?;
    Some(end.map(|()| (answer.lines.len(), answer.said)).map_err(|_| ()))
}

/// Whether it is a message of SFTP.
pub fn is_packet(bytes: &[u8]) -> bool {
    Packet::try_from(&mut Bytes::copy_from_slice(bytes)).is_ok()
}
