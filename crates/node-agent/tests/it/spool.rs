//! The spool: what survives what.

use std::fs;
use std::path::{Path, PathBuf};

use node_agent::spool::{Age, Spool};

fn sample(n: u8) -> Vec<u8> {
    vec![n; 40 + usize::from(n)]
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|item| item.unwrap().path()).collect();
    files.sort();
    files
}

fn bytes_on_disk(dir: &Path) -> u64 {
    files(dir).iter().map(|file| fs::metadata(file).unwrap().len()).sum()
}

fn take_all(spool: &mut Spool, age: Age, sequence: u64) -> Vec<Vec<u8>> {
    spool.take(age, sequence, 10_000, usize::MAX).into_iter().map(<[u8]>::to_vec).collect()
}

#[test]
fn what_is_not_acknowledged_survives_a_restart_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(dir.path(), 600);
    for n in 0..150 {
        spool.append(sample(n));
    }
    assert_eq!(files(dir.path()).len(), 3, "segments of 60");
    // The first 70 are acknowledged: the first segment goes, the second stays.
    assert_eq!(spool.take(Age::Fresh, 1, 70, usize::MAX).len(), 70);
    assert!(spool.acknowledge(1) && !spool.acknowledge(1));
    assert_eq!(files(dir.path()).len(), 2);
    assert_eq!(spool.len(), 80);
    drop(spool);

    let mut again = Spool::open(dir.path(), 600);
    assert!(take_all(&mut again, Age::Fresh, 1).is_empty(), "what was kept is history");
    let kept = take_all(&mut again, Age::Old, 2);
    let expected: Vec<Vec<u8>> = (60..150).map(sample).collect();
    assert_eq!(kept, expected, "nothing lost; the acknowledged ten of a half-done segment come again");
    assert!(again.acknowledge(2));
    assert!(files(dir.path()).is_empty());
}

#[test]
fn torn_and_damaged_ends_cost_only_themselves() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(dir.path(), 600);
    for n in 0..5 {
        spool.append(sample(n));
    }
    drop(spool);
    let file = files(dir.path()).remove(0);
    let whole = fs::read(&file).unwrap();
    let last = 8 + sample(4).len();
    for cut in 1..last {
        fs::write(&file, whole.get(..whole.len() - cut).unwrap()).unwrap();
        assert_eq!(Spool::open(dir.path(), 600).len(), 4, "cut by {cut} bytes");
    }
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(&file, &damaged).unwrap();
    assert_eq!(Spool::open(dir.path(), 600).len(), 4);
    fs::write(&file, [&whole[..], &[0; 64]].concat()).unwrap();
    assert_eq!(Spool::open(dir.path(), 600).len(), 5, "blocks of zeros after a power cut");
    fs::write(&file, b"no record").unwrap();
    let mut empty = Spool::open(dir.path(), 600);
    assert!(empty.is_empty());
    empty.append(sample(1));
    drop(empty);
    assert_eq!(Spool::open(dir.path(), 600).len(), 1, "a damaged file does not keep new ones from being read");
}

#[test]
fn the_oldest_go_when_the_limit_is_reached() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(dir.path(), 100);
    for n in 0..=249 {
        spool.append(sample(n));
    }
    assert_eq!((spool.len(), spool.dropped()), (100, 150));
    assert!(files(dir.path()).len() <= 3, "files of what was given up are gone");
    let kept = take_all(&mut spool, Age::Fresh, 1);
    assert_eq!(kept.first(), Some(&sample(150)));
    drop(spool);
    assert_eq!(Spool::open(dir.path(), 10).len(), 10, "a smaller limit holds for what is read back");
}

#[test]
fn giving_up_what_is_in_flight_does_not_upset_its_acknowledgement() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(dir.path(), 3);
    for n in 0..3 {
        spool.append(sample(n));
    }
    assert_eq!(take_all(&mut spool, Age::Fresh, 1).len(), 3);
    spool.append(sample(3));
    assert_eq!(spool.len(), 3);
    assert!(spool.acknowledge(1));
    assert_eq!(spool.len(), 1);
    assert_eq!(take_all(&mut spool, Age::Fresh, 2), [sample(3)]);
}

#[test]
fn a_lost_link_puts_everything_back_as_history() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(dir.path(), 600);
    spool.append(sample(1));
    spool.append(sample(2));
    assert_eq!(spool.take(Age::Fresh, 1, 1, usize::MAX).len(), 1);
    assert_eq!(spool.batches_in_flight(), 1);
    spool.link_lost();
    assert_eq!(spool.batches_in_flight(), 0);
    spool.append(sample(3));
    assert_eq!(take_all(&mut spool, Age::Fresh, 2), [sample(3)]);
    assert_eq!(take_all(&mut spool, Age::Old, 3), [sample(1), sample(2)]);
    assert!(!spool.acknowledge(1), "an acknowledgement from before the cut means nothing");
}

#[test]
fn batches_keep_to_their_size() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(dir.path(), 600);
    for _ in 0..10 {
        spool.append(vec![7; 100]);
    }
    assert_eq!(spool.take(Age::Fresh, 1, 120, 350).len(), 3);
    assert_eq!(spool.take(Age::Fresh, 2, 2, 350).len(), 2);
    assert_eq!(spool.take(Age::Fresh, 3, 120, 50).len(), 1, "one that is too large on its own still goes");
}

#[test]
fn in_step_with_the_server_one_file_is_reused() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(dir.path(), 600);
    for n in 0..200 {
        spool.append(sample(n));
        assert_eq!(take_all(&mut spool, Age::Fresh, u64::from(n)).len(), 1);
        assert!(spool.acknowledge(u64::from(n)));
        assert_eq!(bytes_on_disk(dir.path()), 0);
    }
    assert_eq!(files(dir.path()).len(), 1);
    spool.append(sample(9));
    drop(spool);
    assert_eq!(Spool::open(dir.path(), 600).len(), 1);
}

#[test]
fn without_a_disk_samples_stay_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let blocked = dir.path().join("spool");
    fs::write(&blocked, "a file where the folder should be").unwrap();
    let mut spool = Spool::open(&blocked, 600);
    spool.append(sample(1));
    spool.append(sample(2));
    assert_eq!(take_all(&mut spool, Age::Fresh, 1), [sample(1), sample(2)]);
    assert!(spool.acknowledge(1));
    assert!(spool.is_empty());
}
