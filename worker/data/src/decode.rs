//! One file's bytes to 8-bit pixels of the size that the cache keeps.
//!
//! As Pillow's `convert("RGB")`: grey is repeated, alpha is dropped (not blended), palettes are looked up, and an
//! orientation that EXIF asks for is not applied; a JPEG without its end marker is truncated. One thing differs: a
//! 16-bit value v becomes (v + 128) / 257, rounded down, where Pillow cuts or clips.

use std::{
    fs,
    io::Cursor,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer, images::Image};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use sha2::{Digest, Sha256};
use sweeper_recipe::{CropEvaluation, Recipe, ResizeKind};

use crate::DataError;

/// Largest image read or made: what claims to be larger is damaged, or made to exhaust memory.
const MAX_PIXELS: u64 = 100_000_000;
/// Largest file read.
const MAX_FILE: u64 = 1 << 30;

/// The size in which decoded photographs are kept.
///
/// `crop`: the shorter side becomes `data.cache_size`, or `data.side()`. A smaller image stays as it is unless its
/// shorter side is below `data.side()`; then it is enlarged to that, so that the crop exists. `squish`: exactly
/// `data.side()` squared. `random-crop`: the shorter side becomes `data.cache_size`, or what the smallest random
/// box needs not to be enlarged (`data.side()` / √(min_scale·3/4)), or the evaluation's size if that is larger; images are never enlarged. `data.exact`: full resolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SizePolicy {
    /// Shorter side at most `shorter` and at least `least`; the other side in proportion, rounded to nearest.
    Shorter { shorter: u32, least: u32 },
    /// This side twice.
    Squish(u32),
    /// As it is.
    Full,
}

impl SizePolicy {
    /// What a recipe on photographs needs.
    pub(crate) fn of(recipe: &Recipe) -> Self {
        let (data, resize) = (&recipe.data, &recipe.augment.resize);
        let side = data.side();
        let or_cache_size = |own: u32| if data.cache_size > 0 { data.cache_size } else { own };
        match resize.kind {
            _ if data.exact => Self::Full,
            ResizeKind::Squish => Self::Squish(side),
            ResizeKind::Crop => Self::Shorter { shorter: or_cache_size(side), least: side },
            ResizeKind::RandomCrop => {
                let evaluated = match resize.evaluation {
                    CropEvaluation::Squash => 0,
                    CropEvaluation::ShorterSide if resize.evaluation_size == 0 => (side * 5).div_ceil(4),
                    CropEvaluation::ShorterSide => resize.evaluation_size,
                };
                // The shorter side of the smallest box is √(min_scale · 3/4) of the image's: it should not be enlarged.
                let smallest = (resize.min_scale * 0.75).sqrt();
                let needed = (f64::from(side) / smallest).ceil().clamp(1.0, 4_096.0) as u32;
                Self::Shorter { shorter: or_cache_size(needed.max(evaluated)), least: 0 }
            }
        }
    }

    /// Part of a cache file's name.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Shorter { shorter, least } => format!("shorter{shorter}-{least}"),
            Self::Squish(side) => format!("squish{side}"),
            Self::Full => "full".to_owned(),
        }
    }

    /// Height and width that an image of this height and width gets.
    fn target(self, height: u32, width: u32) -> (u32, u32) {
        match self {
            Self::Full => (height, width),
            Self::Squish(side) => (side, side),
            Self::Shorter { shorter, least } => {
                let small = height.min(width);
                let wanted = if small > shorter { shorter } else { small.max(least) };
                let scaled = |side: u32| {
                    let scaled = (u64::from(side) * u64::from(wanted) * 2 + u64::from(small)) / (2 * u64::from(small));
                    u32::try_from(scaled).unwrap_or(u32::MAX)
                };
                (scaled(height), scaled(width))
            }
        }
    }
}

/// A photograph as it is kept.
#[derive(Debug)]
pub(crate) struct Photograph {
    /// height × width × RGB.
    pub(crate) pixels: Vec<u8>,
    pub(crate) height: u32,
    pub(crate) width: u32,
    /// SHA-256 over the file.
    pub(crate) digest: [u8; 32],
}

/// Reads, decodes and resizes (bilinear with antialiasing) one photograph; `note` says who asks for it.
///
/// # Errors
/// Missing, unreadable, not a sound JPEG or PNG, too large.
pub(crate) fn photograph(path: &Path, note: &str, policy: SizePolicy) -> Result<Photograph, DataError> {
    let failed = |error| DataError::reading(path, note, &error);
    let length = fs::metadata(path).map_err(failed)?.len();
    if length > MAX_FILE {
        return Err(DataError::corrupt(path, format!("an image of at most {MAX_FILE} bytes"), format!("{length}")));
    }
    let content = fs::read(path).map_err(failed)?;
    let digest = Sha256::digest(&content).into();
    let image = decoded(path, &content, &[ImageFormat::Jpeg, ImageFormat::Png])?.into_rgb8();
    drop(content);
    let (width, height) = image.dimensions();
    let (to_height, to_width) = policy.target(height, width);
    if u64::from(to_height) * u64::from(to_width) > MAX_PIXELS {
        let expected = format!("sides that give at most {MAX_PIXELS} pixels after resizing");
        return Err(DataError::corrupt(path, expected, format!("{height} × {width}")));
    }
    let pixels = if (height, width) == (to_height, to_width) {
        image.into_raw()
    } else {
        resized(image.into_raw(), (height, width), (to_height, to_width))
            .map_err(|found| DataError::corrupt(path, "an image that can be resized", found))?
    };
    Ok(Photograph { pixels, height: to_height, width: to_width, digest })
}

/// Bilinear with antialiasing: a triangle as wide as the pixels that become one.
fn resized(pixels: Vec<u8>, from: (u32, u32), to: (u32, u32)) -> Result<Vec<u8>, String> {
    let source = Image::from_vec_u8(from.1, from.0, pixels, PixelType::U8x3).map_err(|error| error.to_string())?;
    let mut target = Image::new(to.1, to.0, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize(&source, &mut target, &options).map_err(|error| error.to_string())?;
    Ok(target.into_vec())
}

/// One plane of a sample, or a whole sample with its channels innermost.
#[derive(Debug)]
pub(crate) struct Grey {
    /// height × width (× channels).
    pub(crate) pixels: Vec<u8>,
    pub(crate) height: usize,
    pub(crate) width: usize,
}

/// Decodes a single-channel PNG file.
///
/// # Errors
/// Not a sound PNG, several channels, too large.
pub(crate) fn grey_png(path: &Path, content: Vec<u8>) -> Result<Grey, DataError> {
    let image = decoded(path, &content, &[ImageFormat::Png])?;
    let (width, height) = (image.width() as usize, image.height() as usize);
    match image {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageLuma16(_) => {
            Ok(Grey { pixels: image.into_luma8().into_raw(), height, width })
        }
        other => {
            let found = format!("{} channels", other.color().channel_count());
            Err(DataError::corrupt(path, "a single grey channel", found))
        }
    }
}

/// Decodes what a file holds, if its content (not its name) is of one of these formats.
fn decoded(path: &Path, content: &[u8], formats: &[ImageFormat]) -> Result<DynamicImage, DataError> {
    let wanted = if formats.len() == 1 { "a PNG image" } else { "a JPEG or PNG image" };
    let Some(format) = image::guess_format(content).ok().filter(|format| formats.contains(format)) else {
        return Err(DataError::corrupt(path, wanted, format!("{} bytes of something else", content.len())));
    };
    if format == ImageFormat::Jpeg && !ends_as_jpeg(content) {
        let found = format!("none in its {} bytes", content.len());
        return Err(DataError::corrupt(path, "a JPEG image with its end marker", found));
    }
    // A decoder that meets bytes it did not foresee must cost this file, not the process.
    let result = catch_unwind(AssertUnwindSafe(|| pixels(content, format)));
    match result.unwrap_or_else(|_| Err("bytes on which the decoder fails".to_owned())) {
        Ok(image) => Ok(image),
        Err(found) => Err(DataError::corrupt(path, format!("{wanted} that can be decoded"), found)),
    }
}

fn pixels(content: &[u8], format: ImageFormat) -> Result<DynamicImage, String> {
    let mut limits = Limits::no_limits();
    // 16-bit RGBA takes 8 bytes per pixel.
    limits.max_alloc = Some(MAX_PIXELS * 8 + (64 << 20));
    let mut reader = ImageReader::with_format(Cursor::new(content), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!("{height} × {width} pixels, where 1 to {MAX_PIXELS} are allowed"));
    }
    DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())
}

/// Whether the compressed data of a JPEG file go on to its end marker. The decoder fills what is missing with grey.
fn ends_as_jpeg(content: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&byte) = content.get(at) {
        let Some(&marker) = content.get(at + 1) else { return false };
        at += match (byte, marker) {
            (0xFF, 0xD9) => return true,
            // A stuffed byte, a restart, or fill: no segment follows. So it is between segments where bytes are lost.
            (0xFF, 0x00 | 0x01 | 0xD0..=0xD8) => 2,
            (0xFF, 0xFF) => 1,
            (0xFF, _) => match content.get(at + 2..at + 4) {
                Some(length) => 2 + usize::from(u16::from_be_bytes([length[0], length[1]])),
                None => return false,
            },
            _ => 1,
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_are_kept() {
        let crop = SizePolicy::Shorter { shorter: 128, least: 128 };
        assert_eq!(crop.target(320, 480), (128, 192));
        assert_eq!(crop.target(480, 321), (191, 128));
        assert_eq!(crop.target(64, 100), (128, 200));
        assert_eq!(crop.target(1, 1), (128, 128));
        let larger = SizePolicy::Shorter { shorter: 160, least: 128 };
        assert_eq!(larger.target(150, 200), (150, 200));
        assert_eq!(larger.target(100, 200), (128, 256));
        assert_eq!(larger.target(320, 320), (160, 160));
        let shrink = SizePolicy::Shorter { shorter: 160, least: 0 };
        assert_eq!(shrink.target(1, 1), (1, 1));
        assert_eq!(shrink.target(159, 500), (159, 500));
        assert_eq!(shrink.target(500, 320), (250, 160));
        assert_eq!(SizePolicy::Squish(128).target(1, 999), (128, 128));
        assert_eq!(SizePolicy::Full.target(7, 9), (7, 9));
    }

    fn policy(json: &str) -> SizePolicy {
        SizePolicy::of(&Recipe::from_json(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}")))
    }

    #[test]
    fn what_recipes_need() {
        let crop = policy(r#"{"data": {"source": "imagenette"}}"#);
        assert_eq!(crop, SizePolicy::Shorter { shorter: 128, least: 128 });
        let larger = policy(r#"{"data": {"source": "imagenette", "cache_size": 160}}"#);
        assert_eq!(larger, SizePolicy::Shorter { shorter: 160, least: 128 });
        let random = r#"{"data": {"source": "folder", "size": 98}, "augment": {"resize": {"kind": "random-crop"}}}"#;
        // 98 / √(0.35 · 3/4) = 191.3.
        assert_eq!(policy(random), SizePolicy::Shorter { shorter: 192, least: 0 });
        let shorter = r#"{"data": {"source": "folder", "size": 128}, "augment": {"resize": {"kind": "random-crop",
            "evaluation": "shorter-side", "evaluation_size": 300}}}"#;
        assert_eq!(policy(shorter), SizePolicy::Shorter { shorter: 300, least: 0 });
        let squish = r#"{"data": {"source": "folder"}, "augment": {"resize": {"kind": "squish"}}}"#;
        assert_eq!(policy(squish), SizePolicy::Squish(128));
        assert_eq!(policy(r#"{"data": {"source": "folder", "exact": true}}"#), SizePolicy::Full);
    }

    #[test]
    fn the_end_of_a_jpeg() {
        let segment = [0xFF, 0xE1, 0, 6, 0xFF, 0xD9, 0xFF, 0xD9];
        let scan = [0xFF, 0xDA, 0, 2, 1, 2, 0xFF, 0, 3, 0xFF, 0xD0, 4];
        let start = [&[0xFF, 0xD8][..], &segment, &scan].concat();
        assert!(!ends_as_jpeg(&start), "the end of a thumbnail is not the image's");
        assert!(ends_as_jpeg(&[&start[..], &[0xFF, 0xD9]].concat()));
        assert!(ends_as_jpeg(&[&start[..], &[0xFF, 0xFF, 0xD9, 1, 2]].concat()));
        assert!(!ends_as_jpeg(&[&start[..], &[0xFF]].concat()));
        assert!(!ends_as_jpeg(&[0xFF, 0xD8]) && !ends_as_jpeg(&[]));
        assert!(!ends_as_jpeg(&[0xFF, 0xD8, 0xFF, 0xE1, 0]));
    }
}
