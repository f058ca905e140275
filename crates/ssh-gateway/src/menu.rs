//! What runs, and whole machines, to choose from, for who named none.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use contract::instances::InstanceState;
use platform::Error;
use platform::allocations::MachineChoice;
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
    let count = running.len() + machines.len();
    if count == 0 {
        start.say(&connection.words("ssh-menu-empty", &[])).await;
        return Ok(None);
    }
    let mut customers: Vec<_> = running.iter().map(|it| it.customer).collect();
    customers.extend(machines.iter().map(|it| it.customer));
    let several = customers.iter().any(|customer| *customer != customers[0]);
    let mut text = connection.words("ssh-menu-title", &[]);
    for (n, choice) in running.iter().enumerate() {
        let _ = write!(text, "\n  {:>2}  {}", n + 1, named(&choice.name));
        if several {
            let _ = write!(text, "  ({}, {})", named(&choice.customer_name), choice.id);
        }
    }
    let whole = connection.words("ssh-menu-machine", &[]);
    for (n, machine) in machines.iter().enumerate() {
        let _ = write!(text, "\n  {:>2}  {}  {whole}", running.len() + n + 1, machine.code);
        if several {
            let _ = write!(text, "  ({})", named(&machine.customer_name));
        }
    }
    start.say(&text).await;
    if start.term.is_none() || !shell {
        let person = named(&connection.named.person);
        start.say(&connection.words("ssh-menu-direct", &[("person", person)])).await;
        return Ok(None);
    }
    loop {
        let ask = connection.words("ssh-menu-ask", &[("most", count.to_string())]);
        start.writer.data_bytes(format!("{ask} ").into_bytes()).await.map_err(Error::internal)?;
        let Some(answer) = line(start).await else { return Ok(None) };
        let answer = answer.trim();
        if matches!(answer, "q" | "Q") {
            return Ok(None);
        }
        let answer = if answer.is_empty() && count == 1 { "1" } else { answer };
        if let Some(found) = chosen(&running, &machines, answer) {
            return Ok(Some(found));
        }
    }
}

/// By number in the list, or by name.
fn chosen(running: &[Choice], machines: &[MachineChoice], answer: &str) -> Option<Found> {
    let number = answer.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
    let of_machine = number.and_then(|n| machines.get(n.checked_sub(running.len())?));
    if let Some(choice) = number.and_then(|n| running.get(n)) {
        return Some(Found::Instance(choice.clone()));
    }
    if let Some(machine) = of_machine {
        return Some(Found::Machine(machine.clone()));
    }
    let mut by_name = running.iter().filter(|it| it.name.eq_ignore_ascii_case(answer));
    let machine = machines.iter().find(|it| it.code.eq_ignore_ascii_case(answer));
    match (by_name.next(), by_name.next(), machine) {
        (Some(choice), None, None) => Some(Found::Instance(choice.clone())),
        (None, None, Some(machine)) => Some(Found::Machine(machine.clone())),
        // Whatever is called so is not it alone: the numbers are.
        _ => None,
    }
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
