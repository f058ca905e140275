//! Pictures: what is kept is a small PNG of nothing but pixels.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::settings::MAX_LOGO_BYTES;
use image::ImageFormat;

use crate::chosen;

const KEPT_SIDE: u32 = 256;

/// See the module.
pub fn pictures(data: &[u8]) {
    match chosen(data, 2) {
        (0, bytes) => {
            if let Some(kept) = platform::fuzzing::avatar(bytes) {
                let (width, height) = pixels(&kept);
                assert_eq!(width, height, "a square");
            }
        }
        (_, bytes) => {
            if let Some(kept) = platform::fuzzing::logo(&STANDARD.encode(bytes)) {
                let kept = STANDARD.decode(kept).expect("base64");
                assert!(kept.len() <= MAX_LOGO_BYTES);
                pixels(&kept);
            }
        }
    }
}

/// Size of a picture that is kept.
fn pixels(kept: &[u8]) -> (u32, u32) {
    let picture = image::load_from_memory_with_format(kept, ImageFormat::Png).expect("a PNG");
    assert!((1..=KEPT_SIDE).contains(&picture.width()) && (1..=KEPT_SIDE).contains(&picture.height()));
    let mut rest = &kept[8..];
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let kind = &after[..4];
        assert!([&b"IHDR"[..], b"IDAT", b"IEND"].contains(&kind), "{kind:?}");
        // The kind, what is in it, and its checksum.
        rest = &after[u32::from_be_bytes(*length) as usize + 8..];
    }
    (picture.width(), picture.height())
}
