//! Letters in a picture, turned, bent and crossed out.
//!
//! Drawn here: the crates for it bring a second, old copy of `image` with every format there is, for what is a page of
//! arithmetic. How hard it is to read for a program matters little: what stops guessing is that it costs something.

use std::io::Cursor;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use contract::accounts::{CaptchaKind, CaptchaView};
use image::{GrayImage, ImageFormat, Luma};

use super::{Judged, LIFE};
use crate::secrets::Keyring;
use crate::{Error, Platform, Result, secrets};

pub(in crate::accounts) const SEALED_FOR: &str = "captcha picture";
/// Marks our ids among those of work.
pub(in crate::accounts) const MARK: &str = "p.";
const LETTERS: usize = 5;
const WIDTH: u32 = 220;
const HEIGHT: u32 = 80;
/// Pixels between the middles of two letters.
const ADVANCE: f32 = 40.0;

/// Letters and digits that are not taken for each other: seven rows of five dots, the leftmost dot the highest bit.
const GLYPHS: [(char, [u8; 7]); 20] = [
    ('A', [0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001]),
    ('C', [0b01110, 0b10001, 0b10000, 0b10000, 0b10000, 0b10001, 0b01110]),
    ('E', [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b11111]),
    ('F', [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b10000]),
    ('H', [0b10001, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001]),
    ('J', [0b00111, 0b00010, 0b00010, 0b00010, 0b00010, 0b10010, 0b01100]),
    ('K', [0b10001, 0b10010, 0b10100, 0b11000, 0b10100, 0b10010, 0b10001]),
    ('L', [0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b11111]),
    ('M', [0b10001, 0b11011, 0b10101, 0b10101, 0b10001, 0b10001, 0b10001]),
    ('N', [0b10001, 0b11001, 0b10101, 0b10011, 0b10001, 0b10001, 0b10001]),
    ('P', [0b11110, 0b10001, 0b10001, 0b11110, 0b10000, 0b10000, 0b10000]),
    ('R', [0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001]),
    ('T', [0b11111, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100]),
    ('X', [0b10001, 0b10001, 0b01010, 0b00100, 0b01010, 0b10001, 0b10001]),
    ('Y', [0b10001, 0b10001, 0b01010, 0b00100, 0b00100, 0b00100, 0b00100]),
    ('3', [0b01110, 0b10001, 0b00001, 0b00110, 0b00001, 0b10001, 0b01110]),
    ('4', [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010]),
    ('6', [0b01110, 0b10000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110]),
    ('7', [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000]),
    ('9', [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00001, 0b01110]),
];

pub(super) async fn new(platform: &Platform, now: DateTime<Utc>) -> Result<CaptchaView> {
    let chosen: Vec<usize> = (0..LETTERS).map(|_| below(GLYPHS.len() as u32) as usize).collect();
    let letters: String = chosen.iter().map(|number| GLYPHS[*number].0).collect();
    let png = tokio::task::spawn_blocking(move || draw(&chosen)).await.map_err(Error::internal)??;
    let expires_at = now + LIFE;
    let sealed = platform.keyring().seal(SEALED_FOR, format!("{} {letters}", expires_at.timestamp()).as_bytes());
    Ok(CaptchaView {
        captcha_id: format!("{MARK}{}", hex::encode(sealed)),
        kind: CaptchaKind::Image,
        expires_at,
        pow: None,
        image: Some(format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png))),
    })
}

/// `None` for an id that is no picture of ours.
pub(super) fn judge(keyring: &Keyring, id: &str, answer: &str) -> Option<Judged> {
    let sealed = hex::decode(id.strip_prefix(MARK)?).ok()?;
    let opened = String::from_utf8(keyring.open(SEALED_FOR, &sealed).ok()?).ok()?;
    let (until, letters) = opened.split_once(' ')?;
    let typed: String = answer.chars().filter(|c| !c.is_whitespace()).collect();
    Some(Judged {
        key: secrets::sha256(&sealed),
        expires_at: DateTime::from_timestamp(until.parse().ok()?, 0)?,
        right: typed.to_uppercase() == letters,
    })
}

/// A random number below `end`; that the first are a little likelier matters to nobody here.
fn below(end: u32) -> u32 {
    u32::from_le_bytes(secrets::random_bytes()) % end
}

/// A random number from `-most` to `most`.
fn about(most: f32) -> f32 {
    (below(2001) as f32 / 1000.0 - 1.0) * most
}

/// How one letter lies.
struct Pose {
    rows: [u8; 7],
    x: f32,
    y: f32,
    sin: f32,
    cos: f32,
    /// Pixels for a dot.
    size: f32,
}

impl Pose {
    fn covers(&self, x: f32, y: f32) -> bool {
        let (dx, dy) = (x - self.x, y - self.y);
        let column = (dx * self.cos + dy * self.sin) / self.size + 2.5;
        let row = (dy * self.cos - dx * self.sin) / self.size + 3.5;
        (0.0..5.0).contains(&column)
            && (0.0..7.0).contains(&row)
            && self.rows[row as usize] & (0b10000 >> column as u32) != 0
    }
}

fn draw(chosen: &[usize]) -> Result<Vec<u8>> {
    let poses: Vec<Pose> = chosen
        .iter()
        .enumerate()
        .map(|(place, number)| {
            let (sin, cos) = about(0.35).sin_cos();
            let x = 30.0 + ADVANCE * place as f32 + about(4.0);
            Pose { rows: GLYPHS[*number].1, x, y: 40.0 + about(8.0), sin, cos, size: 5.6 + about(0.6) }
        })
        .collect();
    let (bend, phase) = (3.0 + about(1.0), about(3.0));
    let lines: Vec<[f32; 3]> = (0..3).map(|_| [40.0 + about(22.0), about(0.25), about(3.0)]).collect();
    let specks: [u8; (WIDTH * HEIGHT) as usize] = secrets::random_bytes();
    let picture = GrayImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let (x, y) = (x as f32, y as f32);
        let (bent_x, bent_y) = (x + bend * (y / 13.0 + phase).sin(), y + bend * (x / 17.0 + phase).sin());
        let inked = poses.iter().any(|pose| pose.covers(bent_x, bent_y));
        let line = |[from, slope, phase]: &[f32; 3]| from + slope * (x - 110.0) + 8.0 * (x / 30.0 + phase).sin();
        let crossed = lines.iter().any(|each| (y - line(each)).abs() < 1.1);
        let speck = specks[(y as u32 * WIDTH + x as u32) as usize] < 15;
        Luma([if (inked != crossed) != speck { 40 } else { 235 }])
    });
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, ImageFormat::Png).map_err(Error::internal)?;
    Ok(out.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_every_letter_can_be_drawn() {
        for number in 0..GLYPHS.len() {
            let png = draw(&[number; LETTERS]).unwrap();
            let read = image::load_from_memory(&png).unwrap();
            assert_eq!((read.width(), read.height()), (WIDTH, HEIGHT));
            assert!(png.len() < 16 * 1024, "{}", png.len());
        }
    }
}
