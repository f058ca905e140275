//! What decoders of pictures do not say.

/// Whether a JPEG goes on to its end: the segments by their lengths, then the pixels up to the marker that ends them. What
/// follows is nobody's.
pub(crate) fn is_whole_jpeg(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let Some(at) = rest.iter().position(|byte| *byte == 0xff) {
        rest = &rest[at + 1..];
        match rest.first() {
            // A filling, an 0xff among the pixels, or a mark within them.
            Some(0xff) => continue,
            Some(0x00 | 0x01 | 0xd0..=0xd8) => {}
            Some(0xd9) => return true,
            Some(_) => match rest.get(1..3) {
                Some(length) => {
                    let length = usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
                    rest = rest.get(length..).unwrap_or_default();
                }
                None => return false,
            },
            None => return false,
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}
