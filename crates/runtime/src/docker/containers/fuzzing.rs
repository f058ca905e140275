//! For the crate `fuzz` alone: what reads an engine's answers, bare, with what it promises asserted. Each says whether anything
//! was read.

use super::events::{Notice, Reader as Events};
use super::logs::{LogMark, LogStart, Reader as Logs};
use super::{exec, held, identity, networks, sizes, state, stats, volumes};

/// Events, in pieces of any size; they are the same however they come.
pub fn events(bytes: &[u8]) -> bool {
    let read = |size: usize| {
        let mut reader = Events::new(None);
        let mut told = Vec::new();
        for piece in bytes.chunks(size) {
            reader.push(piece);
            told.extend(reader.ready.drain(..));
        }
        told
    };
    let mut marks = Vec::new();
    let whole = read(bytes.len().max(1));
    for notice in &whole {
        let Notice::Event(event) = notice else { continue };
        assert_eq!(event.mark.to_string().parse(), Ok(event.mark), "{event:?}");
        assert!(event.name.chars().all(|c| !c.is_control()), "{event:?}");
        marks.push(event.mark);
    }
    let is_event = |notice: &Notice| matches!(notice, Notice::Event(_));
    let small: Vec<_> = read(3).into_iter().filter(is_event).collect();
    assert_eq!(small, whole.into_iter().filter(is_event).collect::<Vec<_>>());
    let Some(last) = marks.last() else { return false };
    // Who comes back after the last one hears nothing again, unless a line was not understood: then everything has to be
    // listed anew before anything is told.
    let mut again = Events::new(Some(*last));
    again.push(bytes);
    let times = marks.iter().filter(|mark| *mark == last).count();
    let first = again.ready.front();
    assert!(times > 1 || first.is_none_or(|notice| *notice == Notice::Resync), "{:?}", again.ready);
    true
}

/// A log; the first byte says how long a line may be.
pub fn logs(bytes: &[u8]) -> bool {
    let Some((longest, bytes)) = bytes.split_first() else { return false };
    let read = |size: usize| {
        let mut reader = Logs::new(usize::from(*longest), LogStart::Oldest);
        let good = bytes.chunks(size).try_for_each(|piece| reader.push(piece)).and_then(|()| reader.end()).is_ok();
        (reader.ready, good)
    };
    let (lines, good) = read(bytes.len().max(1));
    let (small, good_too) = read(3);
    assert_eq!((&lines, good), (&small, good_too));
    for line in &lines {
        // A byte that is no text becomes three.
        assert!(line.text.len() <= 3 * usize::from(*longest).max(64), "{} bytes", line.text.len());
        assert!(!line.text.contains(['\0', '\n']), "{line:?}");
        assert_eq!(line.mark.to_string().parse::<LogMark>(), Ok(line.mark));
    }
    let start = lines.back().map_or(LogStart::Tail(1), |line| LogStart::After(line.mark));
    let _ = Logs::new(usize::MAX, start).push(bytes);
    !lines.is_empty()
}

/// What a program wrote; it is the same however it comes.
pub fn program(bytes: &[u8]) -> bool {
    let whole = exec::taken_apart(bytes, bytes.len().max(1));
    let small = exec::taken_apart(bytes, 3);
    assert_eq!(whole, small);
    whole.is_some_and(|(output, errors)| !output.is_empty() || !errors.is_empty())
}

/// Figures of a container.
pub fn stats(bytes: &[u8]) -> bool {
    let Ok(Some(sample)) = stats::sample(bytes) else { return false };
    assert_eq!(sample.cpu_percent_since(&sample), None);
    assert!(sample.memory_percent().is_none_or(|percent| percent.is_finite() && percent >= 0.0), "{sample:?}");
    true
}

/// A container, lists of containers, of volumes and of networks, and how much they take.
pub fn states(bytes: &[u8]) -> bool {
    let container = state::RawContainer::read(bytes).ok().and_then(|raw| raw.container("lab"));
    if let Some(container) = &container {
        assert!(container.error.chars().count() <= 300 && container.name.chars().count() <= 200, "{container:?}");
        assert!(container.error.chars().chain(container.name.chars()).all(|c| !c.is_control()), "{container:?}");
        assert!(container.ports.iter().all(|port| port.host.is_some()), "{container:?}");
    }
    let containers = state::list(bytes, "lab").unwrap_or_default();
    let volumes = volumes::list(bytes, "lab").unwrap_or_default();
    assert!(volumes.iter().all(|it| !it.name.contains('/') && !it.instance.is_empty()), "{volumes:?}");
    let networks = networks::list(bytes, "lab").unwrap_or_default();
    assert!(networks.iter().all(|it| !it.name.contains('/') && !it.owner.is_empty()), "{networks:?}");
    let id = identity::id(bytes).ok().flatten().unwrap_or_default();
    assert!(id.chars().count() <= 200 && !id.chars().any(char::is_control), "{id:?}");
    let _ = (sizes::written(bytes, "lab"), sizes::volumes(bytes), held::users(bytes));
    let images = held::images(bytes).unwrap_or_default();
    let names = images.iter().flat_map(|it| it.tags.iter().chain(&it.digests).chain([&it.id]));
    assert!(names.into_iter().all(|name| !name.contains(['?', '#', '%', ' '])), "{images:?}");
    container.is_some() || !containers.is_empty() || !volumes.is_empty() || !networks.is_empty()
}
