//! What runs, to choose from, for who named no instance, and the lines that lead to whole machines.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use contract::instances::InstanceState;
use platform::Error;
use platform::instances::Choice;

use crate::channel::Start;
use crate::connection::{Connection, Found};

/// Longest answer.
const MAX_LINE: usize = 80;
const END_OF_LINE: Bytes = Bytes::from_static(b"\r\n");

/// Shows the list; where there is a terminal and a shell is wanted, asks for one. `None` for who wants none.
pub(crate) async fn choose(
    connection: &Arc<Connection>,
    start: &mut Start,
    shell: bool,
) -> Result<Option<Found>, Error> {
    let choices = connection.choices(None).await?;
    let machines = connection.machines(None).await?;
    let running: Vec<_> = choices.into_iter().filter(|it| it.state == InstanceState::Running).collect();
    let named = |text: &str| text.chars().filter(|c| !c.is_control()).take(60).collect::<String>();
    if !machines.is_empty() {
        let mut text = connection.words("ssh-menu-machines", &[]);
        for machine in &machines {
            let line = connection.line_to(machine).await;
            let _ = write!(text, "\n      {line}");
        }
        start.say(&text).await;
    }
    if running.is_empty() && !machines.is_empty() {
        return Ok(None);
    }
    if running.is_empty() {
        start.say(&connection.words("ssh-menu-empty", &[])).await;
        return Ok(None);
    }
    let several = running.iter().any(|it| it.customer != running[0].customer);
    let mut text = connection.words("ssh-menu-title", &[]);
    for (n, choice) in running.iter().enumerate() {
        let _ = write!(text, "\n  {:>2}  {}", n + 1, named(&choice.name));
        if several {
            let _ = write!(text, "  ({}, {})", named(&choice.customer_name), choice.id);
        }
    }
    start.say(&text).await;
    if start.term.is_none() || !shell {
        let person = named(&connection.named.person);
        start.say(&connection.words("ssh-menu-direct", &[("person", person)])).await;
        return Ok(None);
    }
    loop {
        let most = running.len().to_string();
        let ask = connection.words("ssh-menu-ask", &[("most", most)]);
        start.writer.data_bytes(format!("{ask} ").into_bytes()).await.map_err(Error::internal)?;
        let Some(answer) = line(start).await else { return Ok(None) };
        let answer = answer.trim();
        if matches!(answer, "q" | "Q") {
            return Ok(None);
        }
        let first = (answer.is_empty() && running.len() == 1).then_some(&running[0]);
        if let Some(choice) = first.or_else(|| chosen(&running, answer)) {
            return Ok(Some(Found::Instance(choice.clone())));
        }
        if let Some(machine) = machines.iter().find(|it| it.code.eq_ignore_ascii_case(answer)) {
            return Ok(Some(Found::Machine(machine.clone())));
        }
    }
}

/// By number in the list, or by name.
fn chosen<'a>(choices: &'a [Choice], answer: &str) -> Option<&'a Choice> {
    let by_number = answer.parse::<usize>().ok().and_then(|n| choices.get(n.checked_sub(1)?));
    let mut by_name = choices.iter().filter(|it| it.name.eq_ignore_ascii_case(answer));
    let named = by_name.next();
    by_number.or(named.filter(|_| by_name.next().is_none()))
}

/// A line that is typed, shown as it is; `None` for who leaves. What is typed behind it is for the shell.
async fn line(start: &mut Start) -> Option<String> {
    let mut line = String::new();
    loop {
        let mut bytes = start.inbox.next().await?;
        while !bytes.is_empty() {
            let byte = bytes.split_to(1);
            let echo = match byte[0] {
                b'\r' | b'\n' => {
                    start.inbox.put_back(bytes);
                    start.writer.data_bytes(END_OF_LINE).await.ok()?;
                    return Some(line);
                }
                3 | 4 => {
                    start.writer.data_bytes(END_OF_LINE).await.ok()?;
                    return None;
                }
                8 | 127 if line.pop().is_some() => Bytes::from_static(b"\x08 \x08"),
                letter @ 0x20..0x7f if line.len() < MAX_LINE => {
                    line.push(char::from(letter));
                    byte
                }
                _ => continue,
            };
            start.writer.data_bytes(echo).await.ok()?;
        }
    }
}
