//! People's pictures: decoded under limits beside the other work, made square and small, and written anew, so that nothing
//! but pixels is kept: no place where it was taken, no program hidden behind it.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};

use super::{account, entry, signed_in, store};
use crate::authz::{UpdateAccount, ViewAccount};
use crate::db::Tx;
use crate::{Error, OpContext, Platform, Result, audit, pictures, secrets};

/// Larger sides are not decoded: a picture of a few bytes may claim gigabytes.
const MAX_SIDE: u32 = 4096;
/// Most memory a picture may take while it is decoded.
const MAX_DECODED_BYTES: u64 = 64 << 20;
/// Side of what is kept, at most.
const KEPT_SIDE: u32 = 256;

/// In the audit log.
const SET: &str = "accounts:set-avatar";

/// Whether the caller may change their picture at all: asked before anything they send is taken in.
///
/// # Errors
/// As [`set_avatar`] would refuse them.
pub fn may_set_avatar(ctx: &OpContext) -> Result<()> {
    ctx.trying_own(SET).authorize(UpdateAccount, &account(signed_in(ctx)?.id)).map(drop)
}

/// Takes a PNG, JPEG or WebP as one's picture.
///
/// # Errors
/// `Validation` for what is no such picture, or too large.
pub async fn set_avatar(platform: &Platform, ctx: &OpContext, bytes: Vec<u8>) -> Result<()> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_own(SET);
    let granted = ctx.authorize(UpdateAccount, &account(user.id))?;
    if bytes.len() > contract::accounts::MAX_AVATAR_BYTES {
        return Err(Error::new(contract::ErrorCode::TooLarge));
    }
    // Few at once: each may take its share of memory and a core.
    let _worker = platform.picture_workers().acquire().await.map_err(Error::internal)?;
    let work = tokio::task::spawn_blocking(move || recode(&bytes));
    let picture = work.await.map_err(Error::internal)?.ok_or_else(|| Error::field("file", "field-avatar"))?;
    let tag = hex::encode(&secrets::sha256(&picture)[..8]);
    let mut tx = platform.db().begin(ctx).await?;
    let was = store::avatars::tag(&mut tx, granted.id()).await?;
    store::avatars::put(&mut tx, &granted, &picture, &tag, ctx.now()).await?;
    let (before, after) = (Some(fact(was.as_deref())), Some(fact(Some(&tag))));
    let entry = audit::Entry { before, after, ..entry(SET, user.id) };
    audit::record_in_tx(&mut tx, ctx, entry).await?;
    tx.commit().await?;
    Ok(())
}

/// Takes one's picture away; again changes nothing.
pub async fn remove_avatar(platform: &Platform, ctx: &OpContext) -> Result<()> {
    let user = signed_in(ctx)?;
    let ctx = &ctx.trying_own("accounts:remove-avatar");
    let granted = ctx.authorize(UpdateAccount, &account(user.id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let was = store::avatars::tag(&mut tx, granted.id()).await?;
    if store::avatars::delete(&mut tx, &granted).await? {
        let (before, after) = (Some(fact(was.as_deref())), Some(fact(None)));
        let entry = audit::Entry { before, after, ..entry("accounts:remove-avatar", user.id) };
        audit::record_in_tx(&mut tx, ctx, entry).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// What the audit log keeps of a picture: what tells it from another.
fn fact(tag: Option<&str>) -> serde_json::Value {
    match tag {
        Some(tag) => serde_json::json!({ "set": true, "tag": tag }),
        None => serde_json::json!({ "set": false }),
    }
}

/// One's picture, a PNG, and its tag.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn avatar(platform: &Platform, ctx: &OpContext) -> Result<(String, Vec<u8>)> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(ViewAccount, &account(user.id))?;
    let mut tx = platform.db().begin(ctx).await?;
    let found = store::avatars::find(&mut tx, granted.id()).await?;
    tx.commit().await?;
    found.ok_or_else(Error::not_found)
}

/// The tag alone, which changes with the picture; for the pages' top bar.
pub(crate) async fn avatar_tag_in_tx(tx: &mut Tx, ctx: &OpContext) -> Result<Option<String>> {
    let user = signed_in(ctx)?;
    let granted = ctx.authorize(ViewAccount, &account(user.id))?;
    store::avatars::tag(tx, granted.id()).await
}

/// The picture as it is kept; `None` for what is none that we take.
pub(super) fn recode(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    if !matches!(reader.format()?, ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP) {
        return None;
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    // What is missing of one the decoder makes up in grey.
    if reader.format()? == ImageFormat::Jpeg && !pictures::is_whole_jpeg(bytes) {
        return None;
    }
    let mut decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    if width > MAX_SIDE || height > MAX_SIDE || decoder.total_bytes() > MAX_DECODED_BYTES {
        return None;
    }
    // Cameras note how they were held instead of turning the picture; the note is not kept.
    let orientation = decoder.orientation().ok();
    let mut picture = DynamicImage::from_decoder(decoder).ok()?;
    if let Some(orientation) = orientation {
        picture.apply_orientation(orientation);
    }
    let side = picture.width().min(picture.height());
    let (x, y) = ((picture.width() - side) / 2, (picture.height() - side) / 2);
    let mut square = picture.crop_imm(x, y, side, side);
    if side > KEPT_SIDE {
        square = square.thumbnail_exact(KEPT_SIDE, KEPT_SIDE);
    }
    let mut out = Cursor::new(Vec::new());
    DynamicImage::ImageRgba8(square.to_rgba8()).write_to(&mut out, ImageFormat::Png).ok()?;
    Some(out.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(width, height).write_to(&mut out, format).expect("a blank picture");
        out.into_inner()
    }

    fn size(bytes: &[u8]) -> Option<(u32, u32)> {
        let kept = recode(bytes)?;
        let read = image::load_from_memory_with_format(&kept, ImageFormat::Png).expect("a PNG");
        Some((read.width(), read.height()))
    }

    #[test]
    fn pictures_become_small_squares() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            assert_eq!(size(&picture(600, 300, format)), Some((256, 256)), "{format:?}");
            assert_eq!(size(&picture(40, 90, format)), Some((40, 40)), "{format:?}");
        }
    }

    #[test]
    fn nothing_but_pixels_is_kept() {
        let mut tailed = picture(8, 8, ImageFormat::Png);
        tailed.extend_from_slice(b"<script>alert(1)</script>");
        let kept = recode(&tailed).expect("a PNG");
        assert!(!kept.windows(8).any(|part| part == b"<script>"));
    }

    /// Whose bytes are all needed: no two pixels alike.
    fn busy(format: ImageFormat) -> Vec<u8> {
        let noise = |x: u32, y: u32| {
            let mixed = (x.wrapping_mul(0x9e37_79b9) ^ y.wrapping_mul(0x85eb_ca6b)).wrapping_mul(0xc2b2_ae35);
            image::Rgb([(mixed >> 24) as u8, (mixed >> 16) as u8, (mixed >> 8) as u8])
        };
        let mut out = Cursor::new(Vec::new());
        let picture = DynamicImage::ImageRgb8(image::RgbImage::from_fn(200, 120, noise));
        picture.write_to(&mut out, format).expect("a picture");
        out.into_inner()
    }

    #[test]
    fn a_picture_that_was_cut_off_on_its_way_is_refused() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let whole = busy(format);
            assert_eq!(size(&whole), Some((120, 120)), "{format:?}");
            for percent in [5, 30, 60, 90, 99] {
                let cut = &whole[..whole.len() * percent / 100];
                assert_eq!(recode(cut), None, "{format:?}, {percent} % of it");
            }
        }
        let jpeg = busy(ImageFormat::Jpeg);
        assert_eq!(recode(&jpeg[..jpeg.len() - 2]), None, "without its end");
        let tailed = [&jpeg[..], b"and more"].concat();
        assert_eq!(size(&tailed), Some((120, 120)), "what follows is left out");
    }

    #[test]
    fn what_is_no_picture_or_a_huge_one_is_refused() {
        let cut = &picture(8, 8, ImageFormat::Png)[..20];
        let wide = picture(5000, 2, ImageFormat::Png);
        // The header of a PNG that claims 100,000 × 100,000.
        let mut bomb = picture(8, 8, ImageFormat::Png);
        bomb[16..24].copy_from_slice(&[0, 1, 0x86, 0xa0, 0, 1, 0x86, 0xa0]);
        for bytes in [&b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..], b"GIF89a", b"", cut, &wide, &bomb] {
            assert_eq!(recode(bytes), None, "{} bytes", bytes.len());
        }
    }
}
