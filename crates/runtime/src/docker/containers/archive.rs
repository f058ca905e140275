//! A few small files on their way into a container, as tar (POSIX ustar).

const BLOCK: usize = 512;

/// These files, root's, and nobody's to write.
pub(super) fn files_of_root(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, content) in files {
        tar.extend(header(name, content.len()));
        tar.extend(content.as_bytes());
        tar.resize(tar.len().next_multiple_of(BLOCK), 0);
    }
    // Two empty blocks are the end.
    tar.resize(tar.len() + 2 * BLOCK, 0);
    tar
}

/// Names have less than a hundred bytes: they are ours.
fn header(name: &str, size: usize) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000444");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    put(136, "00000000000");
    put(156, "0");
    put(257, "ustar\x0000");
    // The sum is made with blanks where it will be.
    put(148, "        ");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_only_and_roots() {
        let tar = files_of_root(&[("limits", "A=1\n"), ("empty", "")]);
        assert_eq!(tar.len(), 5 * BLOCK);
        let text = |at: usize, len: usize| std::str::from_utf8(&tar[at..at + len]).unwrap();
        assert_eq!((text(0, 7), text(100, 7), text(108, 7)), ("limits\0", "0000444", "0000000"));
        assert_eq!((text(124, 11), text(257, 8), text(512, 4)), ("00000000004", "ustar\x0000", "A=1\n"));
        // As any reader adds it up.
        let sum: u32 =
            tar[..148].iter().chain([b' '; 8].iter()).chain(&tar[156..512]).map(|byte| u32::from(*byte)).sum();
        assert_eq!(text(148, 6), format!("{sum:06o}"));
    }
}
