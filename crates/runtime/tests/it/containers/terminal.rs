//! A shell in a container, with a terminal of its own.

use std::time::Duration;

use runtime::docker::FaultKind;
use runtime::docker::containers::{Containers, Exit, Terminal, TerminalSize};

use super::{GRACE, begin, kind, of, run, sh};

/// Reads on until this was said; all of it.
async fn until(terminal: &mut Terminal, said: &str) -> String {
    let mut all = Vec::new();
    let read = async {
        while let Some(bytes) = terminal.output.next().await {
            all.extend_from_slice(&bytes.unwrap());
            if String::from_utf8_lossy(&all).contains(said) {
                return;
            }
        }
        panic!("it ended: {}", String::from_utf8_lossy(&all));
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), read).await.is_ok();
    let text = String::from_utf8_lossy(&all).into_owned();
    assert!(in_time, "it never said {said}: {text}");
    text
}

/// Reads on to its end.
async fn to_the_end(terminal: &mut Terminal) {
    while let Some(bytes) = terminal.output.next().await {
        bytes.unwrap();
    }
}

async fn resize(containers: &Containers, exec: &str, size: TerminalSize) {
    for _ in 0..100 {
        if containers.resize_terminal(exec, size).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it is never resized");
}

#[tokio::test]
async fn a_shell_has_a_terminal_with_a_size_and_ends_with_a_code() {
    let (engine, containers) = begin();
    let id = run(&containers, &sh("c-1", "exec sleep 600")).await;
    let size = TerminalSize::new(101, 33).unwrap();
    let mut terminal = containers.terminal(&id, "mark-1", size).await.unwrap();
    resize(&containers, &terminal.exec, size).await;
    terminal.input.say(b"echo $((40+2)) $TERM $SECRET $LANG; busybox stty size\n").await.unwrap();
    let said = until(&mut terminal, "33 101").await;
    assert!(said.contains("42 xterm-256color hunter2 C.UTF-8"), "{said}");
    resize(&containers, &terminal.exec, TerminalSize::new(55, 22).unwrap()).await;
    // No key of ours is taken on its way: these are what an engine takes for its own otherwise.
    terminal
        .input
        .say(b"busybox stty size; busybox stty raw -echo; echo re''ady; head -c 4 | busybox od -An -tx1; busybox stty sane\n")
        .await
        .unwrap();
    // From then on nothing stands between the keys and the program.
    let said = until(&mut terminal, "ready").await;
    assert!(said.contains("22 55"), "{said}");
    terminal.input.say(b"\x10\x11ab").await.unwrap();
    until(&mut terminal, "10 11 61 62").await;
    assert_eq!(containers.terminal_exit(&terminal.exec).await.unwrap(), Exit::Not);
    terminal.input.say(b"exit 7\n").await.unwrap();
    to_the_end(&mut terminal).await;
    assert_eq!(containers.terminal_ending(&terminal.exec).await.unwrap(), Exit::Ended(Some(7)));
    // Somebody else's container, and one that does not run.
    assert_eq!(kind(of(&engine, "other").terminal(&id, "m", size).await.map(|it| it.exec)), FaultKind::NotFound);
    containers.stop(&id, GRACE).await.unwrap();
    assert_eq!(kind(containers.terminal(&id, "m", size).await.map(|it| it.exec)), FaultKind::Busy);
    for wrong in ["", "a b", "../x"] {
        assert_eq!(kind(containers.terminal(&id, wrong, size).await.map(|it| it.exec)), FaultKind::Spec);
        assert_eq!(kind(containers.terminal_exit(wrong).await), FaultKind::NotFound);
    }
    for (cols, rows) in [(0, 1), (1, 0), (1001, 1), (1, 1001)] {
        assert_eq!(TerminalSize::new(cols, rows), None);
    }
}

#[tokio::test]
async fn a_shell_is_hung_up_and_its_neighbours_are_not() {
    let (_engine, containers) = begin();
    let id = run(&containers, &sh("c-1", "exec sleep 600")).await;
    let size = TerminalSize::default();
    let mut ours = containers.terminal(&id, "mark-1", size).await.unwrap();
    let mut stubborn = containers.terminal(&id, "mark-2", size).await.unwrap();
    let mut other = containers.terminal(&id, "mark-3", size).await.unwrap();
    // While a program is in front.
    ours.input.say(b"echo re''ady; sleep 500\n").await.unwrap();
    until(&mut ours, "ready").await;
    stubborn.input.say(b"trap '' HUP; echo re''ady\n").await.unwrap();
    until(&mut stubborn, "ready").await;
    for (mark, terminal) in [("mark-1", &mut ours), ("mark-2", &mut stubborn)] {
        containers.hang_up(&id, mark).await.unwrap();
        tokio::time::timeout(Duration::from_secs(20), to_the_end(terminal)).await.expect("it ends");
        assert!(matches!(containers.terminal_ending(&terminal.exec).await.unwrap(), Exit::Ended(_)));
    }
    other.input.say(b"echo st''ill\n").await.unwrap();
    until(&mut other, "still").await;
    // One that is not there is gone, and so is one of a container that does not run.
    containers.hang_up(&id, "mark-9").await.unwrap();
    containers.kill(&id).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), to_the_end(&mut other)).await.expect("it ends with its container");
    containers.hang_up(&id, "mark-3").await.unwrap();
}
