//! The logo: a small picture, decoded under limits and written anew, so that nothing but its pixels is kept.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::settings::MAX_LOGO_BYTES;
use image::{ImageFormat, ImageReader};
use serde_json::json;

use super::check::Fault;
use super::{Change, change, may_change};
use crate::{Error, OpContext, Platform, Result, pictures};

/// Its setting.
pub const LOGO: &str = "branding.logo";

/// Larger sides are not decoded: a picture of a few bytes may claim gigabytes.
const MAX_SIDE: u32 = 2048;
/// Most memory a picture may take while it is decoded.
const MAX_DECODED_BYTES: u64 = 32 << 20;
/// Sides of what is kept.
const KEPT_SIDE: u32 = 256;

/// Takes a PNG or JPEG as the logo. It is taken away as every setting is: by null.
///
/// # Errors
/// `Validation` for what is no such picture, is empty, or too large.
pub async fn set_logo(platform: &Platform, ctx: &OpContext, bytes: Vec<u8>) -> Result<()> {
    may_change(ctx, LOGO)?;
    if bytes.is_empty() {
        return Err(Error::field(LOGO, "field-file-empty"));
    }
    let value = json!(STANDARD.encode(bytes));
    change(platform, ctx, vec![Change { key: LOGO.to_owned(), value, version: None }]).await
}

/// Base64 of a picture as base64 of the PNG that is kept.
pub(super) fn recode_text(text: &str) -> Result<String, Fault> {
    let refused = |key: &'static str| (key, Vec::new());
    let too_large = || ("field-picture-too-large", vec![("kilobytes", (MAX_LOGO_BYTES / 1024).to_string())]);
    if text.len() > MAX_LOGO_BYTES * 4 / 3 + 4 {
        return Err(too_large());
    }
    let bytes = STANDARD.decode(text).map_err(|_| refused("field-picture"))?;
    let kept = recode(&bytes).ok_or_else(|| refused("field-picture"))?;
    if kept.len() > MAX_LOGO_BYTES {
        return Err(too_large());
    }
    Ok(STANDARD.encode(kept))
}

fn recode(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    if !matches!(reader.format()?, ImageFormat::Png | ImageFormat::Jpeg) {
        return None;
    }
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    // What is missing of one the decoder makes up in grey.
    if reader.format()? == ImageFormat::Jpeg && !pictures::is_whole_jpeg(bytes) {
        return None;
    }
    let mut picture = reader.decode().ok()?;
    if picture.width() > KEPT_SIDE || picture.height() > KEPT_SIDE {
        picture = picture.thumbnail(KEPT_SIDE, KEPT_SIDE);
    }
    let mut out = Cursor::new(Vec::new());
    // 8 bits a channel: browsers show no more, and 16 would double the size.
    image::DynamicImage::ImageRgba8(picture.to_rgba8()).write_to(&mut out, ImageFormat::Png).ok()?;
    Some(out.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        image::DynamicImage::new_rgba8(width, height).write_to(&mut out, ImageFormat::Png).expect("a blank picture");
        out.into_inner()
    }

    #[test]
    fn pictures_are_written_anew_and_everything_else_is_refused() {
        let kept = recode_text(&STANDARD.encode(png(600, 300))).expect("a PNG");
        let kept = image::load_from_memory(&STANDARD.decode(kept).expect("base64")).expect("a picture");
        assert_eq!((kept.width(), kept.height()), (256, 128));
        let mut tailed = png(8, 8);
        tailed.extend_from_slice(b"<script>alert(1)</script>");
        let kept = STANDARD.decode(recode_text(&STANDARD.encode(tailed)).expect("a PNG")).expect("base64");
        assert!(!kept.windows(8).any(|part| part == b"<script>"), "nothing but pixels is kept");
        for bytes in [&b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..], b"GIF89a", b"", &png(8, 8)[..20]] {
            assert_eq!(recode_text(&STANDARD.encode(bytes)).unwrap_err().0, "field-picture");
        }
        assert_eq!(recode_text(&STANDARD.encode(png(3000, 2))).unwrap_err().0, "field-picture");
        assert_eq!(recode_text(&"A".repeat(MAX_LOGO_BYTES * 2)).unwrap_err().0, "field-picture-too-large");
    }
}
