//! Every committed input through its target, as it is and bent a little: what fuzzing found stays found.

use std::path::{Path, PathBuf};

use fuzz::{TARGETS, Target};

/// Bent copies of a target's inputs, all together.
const BENT: usize = 20_000;
/// Of the targets that decode pictures and workbooks, which take their time in a debug build.
const BENT_SLOW: usize = 1000;
/// Most of one input.
const BENT_EACH: usize = 200;
const SLOW: [&str; 3] = ["pictures", "sheet_parts", "workbook"];

fn folder(target: &str) -> PathBuf {
    Path::new("corpus").join(target)
}

/// Inputs in the order of their names.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(folder(target)).unwrap_or_else(|error| panic!("no corpus for {target}: {error}"));
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a folder that reads").path()).collect();
    files.sort();
    let name = |file: &Path| file.file_name().expect("a file has a name").to_string_lossy().into_owned();
    files.iter().map(|file| (name(file), std::fs::read(file).expect("a file that reads"))).collect()
}

/// The same numbers at every run (splitmix64, Steele and others 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// A few bits, bytes and pieces of an input changed. Its first byte stays: it says what the input is for.
fn bend(input: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bent = input.to_vec();
    for _ in 0..=numbers.below(3) {
        if bent.len() < 2 {
            return bent;
        }
        let at = 1 + numbers.below(bent.len() - 1);
        match numbers.below(5) {
            0 => bent[at] ^= 1 << numbers.below(8),
            1 => bent[at] = numbers.next() as u8,
            2 => bent.truncate(at),
            3 => drop(bent.drain(at..(at + 1 + numbers.below(8)).min(bent.len()))),
            _ => {
                let end = (at + 1 + numbers.below(16)).min(bent.len());
                let piece = bent[at..end].to_vec();
                bent.splice(at..at, piece);
            }
        }
    }
    bent
}

fn replay(target: &Target) {
    let inputs = corpus(target.name);
    let all = if SLOW.contains(&target.name) { BENT_SLOW } else { BENT };
    let each = (all / inputs.len().max(1)).clamp(1, BENT_EACH);
    for (name, input) in inputs {
        // The name says which input a failure is about.
        let about = format!("{}/{name}", target.name);
        let run = |data: &[u8]| {
            std::panic::catch_unwind(|| (target.run)(data))
                .unwrap_or_else(|_| panic!("{about} breaks a promise as {}", data.escape_ascii()));
        };
        run(&input);
        let mut numbers = Numbers(input.len() as u64);
        for _ in 0..each {
            run(&bend(&input, &mut numbers));
        }
    }
}

macro_rules! replays {
    ($($name:ident),+ $(,)?) => {
        $(#[test]
        fn $name() {
            let target = TARGETS.iter().find(|target| target.name == stringify!($name)).unwrap();
            replay(target);
        })+

        #[test]
        fn every_target_has_a_test_a_program_and_a_corpus() {
            let tested = [$(stringify!($name)),+];
            let known: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(tested[..], known[..]);
            for target in TARGETS {
                assert!(!corpus(target.name).is_empty(), "{}", target.name);
                let program = format!("src/bin/{}.rs", target.name);
                assert!(Path::new(&program).exists(), "{program}");
            }
            let size: usize = TARGETS.iter().flat_map(|target| corpus(target.name)).map(|(_, input)| input.len()).sum();
            assert!(size < 1 << 20, "{size} bytes: everybody who clones takes the corpus along");
        }
    };
}

replays!(
    agent,
    agent_frames,
    app_heads,
    credentials,
    engine_streams,
    engines,
    files,
    headers,
    host_files,
    image_archive,
    ldap,
    oidc,
    outbound,
    pictures,
    recordings,
    requests,
    rows,
    sheet_parts,
    ssh_gate,
    ssh_keys,
    uploads,
    workbook,
);
