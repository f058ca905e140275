//! Who sets the pace of a shell, and that nothing is shown to who was cut off.

use super::*;

fn shell() -> Arc<Shell> {
    let size = TerminalSize::new(80, 24).expect("it is one");
    Shell::begin(&Clock::default(), (Uuid::new_v4(), InstanceId(1), UserId(2)), (size, false)).shell
}

/// All that is there to be shown.
fn read(viewer: &mut Viewer) -> Vec<Shown> {
    std::iter::from_fn(|| viewer.look()).collect()
}

fn skips(shown: &[Shown]) -> bool {
    shown.iter().any(|it| matches!(it, Shown::Skipped(_)))
}

/// As much as a program may be ahead of who looks at it.
fn write_much(shell: &Shell) {
    shell.push(&vec![b'x'; usize::try_from(AHEAD).expect("it is small")]);
}

#[test]
fn who_looks_on_neither_hurries_nor_stops_the_program() {
    let shell = shell();
    let mut owner = shell.show().expect("it is not over");
    let mut watcher = shell.watch(Uuid::new_v4(), "Eve".to_owned()).expect("it is not over");
    assert!(shell.has_room());
    write_much(&shell);
    assert!(!skips(&read(&mut watcher)));
    assert!(!shell.has_room(), "its owner has read nothing, however quick the other is");
    assert!(!skips(&read(&mut owner)), "and misses nothing");
    assert!(shell.has_room(), "its owner has read all");
    write_much(&shell);
    assert!(!shell.has_room());
    drop(owner);
    for _ in 0..4 {
        assert!(shell.has_room(), "nobody is waited for who only looks on");
        write_much(&shell);
    }
    assert!(skips(&read(&mut watcher)), "who is too slow misses something instead");
    let mut owner = shell.show().expect("it is not over");
    read(&mut owner);
    write_much(&shell);
    assert!(!shell.has_room(), "its owner is back");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_shown_once_it_was_ended_whatever_waits() {
    let shell = shell();
    let mut owner = shell.show().expect("it is not over");
    let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
    let mut eve = shell.watch(first, "Eve".to_owned()).expect("it is not over");
    let mut max = shell.watch(second, "Max".to_owned()).expect("it is not over");
    let mut consent = eve.consent().expect("it only looks on");
    assert!(owner.consent().is_none(), "its owner needs none");
    let both = Shown::Watchers(vec!["Eve".to_owned(), "Max".to_owned()]);
    assert!(read(&mut owner).contains(&both));
    shell.push(b"before");
    assert!(read(&mut eve).contains(&Shown::Bytes(b"before".to_vec())));
    shell.push(b"after");
    assert!(timeout(Duration::from_secs(60), consent.ended()).await.is_err(), "it holds");
    shell.cut_one(first);
    assert_eq!(consent.ended().await, Cut::Ended);
    for _ in 0..2 {
        assert_eq!(eve.look(), Some(Shown::Cut(Cut::Ended)));
    }
    assert!(read(&mut owner).contains(&Shown::Watchers(vec!["Max".to_owned()])));
    assert!(read(&mut max).contains(&Shown::Bytes(b"beforeafter".to_vec())), "it is the other's alone");
    shell.cut_all();
    assert_eq!(max.look(), Some(Shown::Cut(Cut::Ended)));
    assert!(read(&mut owner).contains(&Shown::Watchers(Vec::new())));
    // Who comes back is there once.
    let mut back = shell.watch(second, "Max".to_owned()).expect("it is not over");
    let _again = shell.watch(second, "Max".to_owned()).expect("it is not over");
    assert_eq!(back.look(), Some(Shown::Cut(Cut::Ended)));
    assert!(read(&mut owner).contains(&Shown::Watchers(vec!["Max".to_owned()])));
    // Not theirs who come later, by another link.
    let mut later = shell.watch(Uuid::new_v4(), "Eve".to_owned()).expect("it is not over");
    assert!(read(&mut later).contains(&Shown::Bytes(b"beforeafter".to_vec())));
}
