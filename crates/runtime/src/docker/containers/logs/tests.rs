//! What is read of logs, however it comes.

use super::*;

/// A piece of the log, so many microseconds after the first.
fn piece(of: u8, at: i64, text: &[u8]) -> Vec<u8> {
    let at = DateTime::from_timestamp_micros(1_795_732_552_986_245 + at).unwrap();
    let at = at.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true);
    let text = [format!("{at} ").as_bytes(), text].concat();
    [&[of, 0, 0, 0][..], &u32::try_from(text.len()).unwrap().to_be_bytes(), &text].concat()
}

fn read(max_line: usize, start: LogStart, pieces: &[Vec<u8>]) -> Vec<LogLine> {
    let all = pieces.concat();
    let once = |size: usize| {
        let mut reader = Reader::new(max_line, start);
        all.chunks(size).for_each(|bytes| reader.push(bytes).unwrap());
        reader.end().unwrap();
        Vec::from(reader.ready)
    };
    let read = once(all.len().max(1));
    assert_eq!(read, once(1), "however it comes");
    assert_eq!(read, once(7), "however it comes");
    read
}

/// What an engine sends to who comes back after a line.
fn since(mark: LogMark, pieces: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let time = |piece: &&Vec<u8>| stamped(&piece[8..]).0.and_then(|at| at.timestamp_nanos_opt()).unwrap();
    pieces.iter().filter(|piece| time(piece) >= mark.since).cloned().collect()
}

fn comes_back(pieces: &[Vec<u8>]) {
    let all = read(64, LogStart::Oldest, pieces);
    for (index, line) in all.iter().enumerate() {
        let again = read(64, LogStart::After(line.mark), &since(line.mark, pieces));
        assert_eq!(texts(&again), texts(&all[index + 1..]), "after {}", line.text);
        // And once more.
        let Some(last) = again.first() else { continue };
        let again = read(64, LogStart::After(last.mark), &since(last.mark, pieces));
        assert_eq!(texts(&again), texts(&all[index + 2..]), "after {} and {}", line.text, last.text);
    }
}

fn texts(lines: &[LogLine]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

#[test]
fn lines_of_both_are_told_apart_put_together_and_cut() {
    let pieces = [
        piece(2, 1, b"err\n"),
        piece(1, 2, b"a\xffb\0\n"),
        piece(1, 3, &[b'x'; 50]),
        piece(1, 3, "xxxxxxxxxxxxx\u{20ac}y\n".as_bytes()),
        piece(1, 4, b"\n"),
        piece(1, 5, b"no end"),
    ];
    let lines = read(64, LogStart::Oldest, &pieces);
    assert_eq!(texts(&lines), ["err", "a\u{fffd}b\u{fffd}", &"x".repeat(63), "", "no end"]);
    let streams: Vec<_> = lines.iter().map(|line| (line.of == LogStream::Err, line.is_cut)).collect();
    assert_eq!(streams, [(true, false), (false, false), (false, true), (false, false), (false, false)]);
    assert!(lines.iter().all(|line| line.at.is_some()));
    let long = read(
        64,
        LogStart::Oldest,
        &[piece(1, 1, &[b"y".repeat(1 << 20), b"\n".to_vec()].concat()), piece(1, 2, b"z\n")],
    );
    assert_eq!((long[0].text.len(), long[0].is_cut, long[1].text.as_str()), (64, true, "z"));
}

#[test]
fn of_what_is_written_over_the_newest_is_kept() {
    let one = |pieces: &[&str]| {
        let (last, first) = pieces.split_last().unwrap();
        let mut all: Vec<_> = first.iter().map(|text| piece(2, 1, text.as_bytes())).collect();
        all.push(piece(2, 1, format!("{last}\n").as_bytes()));
        let mut lines = read(64, LogStart::Oldest, &all);
        assert_eq!(lines.len(), 1);
        let line = lines.remove(0);
        (line.text, line.is_cut)
    };
    let whole = |text: &str| (text.to_owned(), false);
    let cut = |text: &str| (text.to_owned(), true);
    let bar = |n: usize| format!("{n:>3} % {}", "#".repeat(20));
    let bars = |of: std::ops::Range<usize>| of.map(bar).collect::<Vec<_>>().join("\r");
    // As many as there is room for, and none of them in half.
    assert_eq!(one(&[&bars(0..2)]), whole(&bars(0..2)));
    assert_eq!(one(&[&bars(0..600)]), whole(&bars(598..600)));
    assert_eq!(one(&[&bars(0..300), "\r", &bars(300..600), "\rdone"]), whole(&format!("{}\rdone", bars(598..600))));
    let long = "x".repeat(100);
    assert_eq!(one(&[&format!("{long}\r10 %")]), whole("10 %"));
    assert_eq!(one(&[&long, &long, &format!("{long}\r10 %")]), whole("10 %"));
    assert_eq!(one(&[&format!("10 %\r{long}")]), cut(&long[..64]));
    assert_eq!(one(&[&long, &format!("\r{long}")]), cut(&long[..64]));
    // The end of a line as some write it.
    assert_eq!(one(&[&format!("{long}\r")]), cut(&long[..64]));
    assert_eq!(one(&[&long, "\r\r"]), cut(&long[..64]));
}

#[test]
fn what_has_no_end_yet_is_told_as_it_grows() {
    let mut reader = Reader::new(64, LogStart::Oldest);
    let step = |reader: &mut Reader, piece: Vec<u8>| {
        reader.push(&piece).unwrap();
        let told = reader.unfinished().map(|line| (line.text, line.is_open));
        (std::mem::take(&mut reader.ready).into_iter().map(|line| line.text).collect::<Vec<_>>(), told)
    };
    let none = Vec::<String>::new;
    assert_eq!(step(&mut reader, piece(2, 1, b"10 %\r")), (none(), Some(("10 %\r".to_owned(), true))));
    assert_eq!(reader.unfinished(), None, "once");
    assert_eq!(step(&mut reader, piece(1, 2, b"a\n")), (vec!["a".to_owned()], None));
    let bars = "20 %\r30 %".to_owned();
    assert_eq!(step(&mut reader, piece(2, 1, bars.as_bytes())), (none(), Some((format!("10 %\r{bars}"), true))));
    assert_eq!(step(&mut reader, piece(2, 1, b"\n")), (vec![format!("10 %\r{bars}")], None));
    step(&mut reader, piece(1, 3, b"no end"));
    reader.end().unwrap();
    assert!(reader.ready[0].is_open, "and is a line where there is no more");

    // What was told whole before is passed over, and not begun anew.
    let pieces = [piece(1, 1, b"long "), piece(1, 1, b"line\n"), piece(1, 2, b"b")];
    let mark = read(64, LogStart::Oldest, &pieces)[0].mark;
    let mut reader = Reader::new(64, LogStart::After(mark));
    assert_eq!(step(&mut reader, pieces[0].clone()), (none(), None));
    assert_eq!(step(&mut reader, pieces[1].clone()), (none(), None));
    assert_eq!(step(&mut reader, pieces[2].clone()), (none(), Some(("b".to_owned(), true))));
}

#[test]
fn who_comes_back_gets_what_is_new_and_nothing_twice() {
    let pieces = [
        piece(1, 1, b"a\n"),
        piece(1, 2, b"b\n"),
        piece(2, 2, b"c\n"),
        // Longer than a piece, with a line of the other one in between.
        piece(1, 3, b"d1 "),
        piece(2, 4, b"e\n"),
        piece(1, 3, b"d2\n"),
        piece(1, 6, b"f\n"),
    ];
    let all = read(64, LogStart::Oldest, &pieces);
    assert_eq!(texts(&all), ["a", "b", "c", "e", "d1 d2", "f"]);
    comes_back(&pieces);
    // A log that was turned over does not have it any more: then nothing is passed over.
    assert_eq!(texts(&read(64, LogStart::After(all[4].mark), &pieces[6..])), ["f"]);
    // Hours of two that write at once: behind a line stands one that is a little older.
    let many = |step: i64| {
        let line = |index: i64| {
            let late = if index % 3 == 0 { step.min(400_000) + 1 } else { 0 };
            piece(1 + u8::from(index % 2 == 0), (index + 2) * step - late, format!("{index}\n").as_bytes())
        };
        (0..60).map(line).collect::<Vec<_>>()
    };
    for step in [1, 1000, 300_000, 5_000_000, 3_600_000_000] {
        comes_back(&many(step));
    }
    // So many in a second that not all of them can be remembered.
    let pieces: Vec<_> = (0..10_000).map(|index| piece(1, index, format!("{index}\n").as_bytes())).collect();
    let all = read(64, LogStart::Oldest, &pieces);
    assert!(all.iter().all(|line| line.mark.lines <= 4096));
    let again = read(64, LogStart::After(all[9000].mark), &since(all[9000].mark, &pieces));
    assert_eq!((again.len(), again[0].text.as_str()), (999, "9001"));
}

/// Engine 20.10, `local`.
#[test]
fn a_line_whose_end_was_lost_ends_with_its_time() {
    let pieces = [piece(1, 1, b"long "), piece(1, 1, b"line"), piece(1, 2, b"next\n"), piece(1, 3, b"no end")];
    assert_eq!(texts(&read(64, LogStart::Oldest, &pieces)), ["long line", "next", "no end"]);
    comes_back(&pieces);
}

#[test]
fn what_is_no_log_ends_it() {
    let fault = |bytes: &[u8]| {
        let mut reader = Reader::new(64, LogStart::Oldest);
        reader.push(bytes).and_then(|()| reader.end()).unwrap_err()
    };
    assert_eq!(fault(b"plain text of a terminal").kind, FaultKind::NotEngine);
    assert_eq!(fault(&[1, 0, 0, 1, 0, 0, 0, 1]).kind, FaultKind::NotEngine);
    assert_eq!(fault(&[1, 0, 0, 0, 0, 0, 0, 9, b'x']).kind, FaultKind::Closed);
    assert_eq!(fault(&[1, 0]).kind, FaultKind::Closed);
    let own = fault(&[&[3, 0, 0, 0, 0, 0, 0, 5][..], b"sorry"].concat());
    assert_eq!((own.kind, own.detail.as_str()), (FaultKind::Other, "sorry"));
}

#[test]
fn marks_are_kept_as_text() {
    let mark = LogMark { since: 1_795_732_552_992_219_865, lines: 3, first: 1_795_732_552_992_219_866 };
    assert_eq!(mark.to_string().parse(), Ok(mark));
    for bad in ["", "1", "1-1", "-1-1-1", "1-1-", "1-+1-1", "1-4294967296-1", "1-1-1-1"] {
        assert!(bad.parse::<LogMark>().is_err(), "{bad}");
    }
}
