//! What containers say, whatever they say, and where it is picked up again.

use runtime::docker::containers::{
    ContainerSpec, Containers, LogDriver, LogLimit, LogLine, LogStart, LogStream, Logs, LogsOf,
};

use super::{begin, ended, run, sh};

const ALL: Logs = Logs { of: LogsOf::Both, start: LogStart::Oldest, follow: false, max_line: 1000 };

async fn lines(containers: &Containers, id: &str, logs: Logs) -> Vec<LogLine> {
    let mut lines = containers.logs(id, logs).await.unwrap();
    let mut all = Vec::new();
    while let Some(line) = lines.next().await {
        all.push(line.unwrap());
    }
    all
}

fn texts(lines: &[LogLine]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

fn logging(spec: ContainerSpec, driver: LogDriver) -> ContainerSpec {
    ContainerSpec { log: LogLimit { driver, size: 10 << 20, files: 2 }, ..spec }
}

#[tokio::test]
async fn lines_are_bounded_told_apart_and_shown_whatever_is_in_them() {
    let (_engine, containers) = begin();
    let script = r"printf 'a\377b\n'; echo err >&2; printf '\033[1mbold\033[0m\n'; \
                   head -c 100000 /dev/zero | tr '\0' x; echo end; printf 'no end'";
    for (name, driver) in [("json", LogDriver::JsonFile), ("local", LogDriver::Local)] {
        let id = run(&containers, &logging(sh(name, script), driver)).await;
        ended(&containers, &id).await;
        let said = lines(&containers, &id, Logs { of: LogsOf::One(LogStream::Out), ..ALL }).await;
        let long = "x".repeat(1000);
        assert_eq!(texts(&said), ["a\u{fffd}b", "\u{1b}[1mbold\u{1b}[0m", &long, "no end"], "{driver:?}");
        assert_eq!(said.iter().map(|line| line.is_cut).collect::<Vec<_>>(), [false, false, true, false]);
        assert!(said.iter().all(|line| line.at.is_some() && line.of == LogStream::Out));
        let whole = lines(&containers, &id, Logs { max_line: 200_000, ..ALL }).await;
        let longest = whole.iter().map(|line| line.text.as_str()).max_by_key(|text| text.len()).unwrap();
        assert_eq!(longest, format!("{}end", "x".repeat(100_000)), "of many pieces, without their times");
        let wrong = lines(&containers, &id, Logs { of: LogsOf::One(LogStream::Err), ..ALL }).await;
        assert_eq!(texts(&wrong), ["err"]);
        assert_eq!(wrong[0].of, LogStream::Err);
        let tail = lines(&containers, &id, Logs { start: LogStart::Tail(1), ..ALL }).await;
        assert_eq!(tail.len(), 1, "{tail:?}");
        assert!(lines(&containers, &id, Logs { start: LogStart::Tail(0), ..ALL }).await.is_empty());
    }
}

#[tokio::test]
async fn who_follows_can_leave_and_come_back_at_any_line() {
    let (_engine, containers) = begin();
    for (name, driver) in [("json", LogDriver::JsonFile), ("local", LogDriver::Local)] {
        let script = "for i in $(seq 300); do echo $i; echo $i >&2; done; sleep 1; echo 301";
        let id = run(&containers, &logging(sh(name, script), driver)).await;
        let follow = Logs { follow: true, ..ALL };
        let (mut said, mut start) = (Vec::new(), LogStart::Oldest);
        // A few lines over each connection, which is left in the middle.
        while said.len() < 601 {
            let mut lines = containers.logs(&id, Logs { start, ..follow }).await.unwrap();
            for _ in 0..37 {
                let Some(line) = lines.next().await else { break };
                let line = line.unwrap();
                start = LogStart::After(line.mark.to_string().parse().unwrap());
                said.push(line);
            }
        }
        let of =
            |stream| said.iter().filter(|line| line.of == stream).map(|line| line.text.clone()).collect::<Vec<_>>();
        let numbers = |last: u32| (1..=last).map(|number| number.to_string()).collect::<Vec<_>>();
        assert_eq!((of(LogStream::Out), of(LogStream::Err)), (numbers(301), numbers(300)), "{driver:?}");
        ended(&containers, &id).await;
        assert!(lines(&containers, &id, Logs { start, ..ALL }).await.is_empty(), "that was all");
    }
}
