//! Files' bytes to 8-bit pixels of the size that the cache keeps.
//!
//! As Pillow's `convert("RGB")`: grey is repeated, alpha is dropped (not blended), palettes are looked up, and an
//! orientation that EXIF asks for is not applied; a JPEG without its end marker is truncated. One thing differs: a
//! 16-bit value v becomes (v + 128) / 257, rounded down, where Pillow cuts or clips.
//!
//! Map: this page decodes · `policy` how large photographs are kept.

mod policy;

use std::{
    fs,
    io::Cursor,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer, images::Image};
use image::{DynamicImage, GrayImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use sha2::{Digest, Sha256};

pub(crate) use self::policy::SizePolicy;
use crate::DataError;

/// Largest image read or made: what claims to be larger is damaged, or made to exhaust memory.
const MAX_PIXELS: u64 = 100_000_000;
/// Largest file read.
const MAX_FILE: u64 = 1 << 30;

/// How an image comes of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One JPEG or PNG file, RGB, resized by a policy.
    Photograph(SizePolicy),
    /// Several single-channel PNG files of one size, of which these, in this order, become the channels. All files'
    /// bytes count for the digest.
    Planes { files: usize, channels: &'static [usize] },
}

/// An image as it is kept.
#[derive(Debug)]
pub(crate) struct Decoded {
    /// height × width × channels.
    pub(crate) pixels: Vec<u8>,
    pub(crate) height: u32,
    pub(crate) width: u32,
    /// SHA-256 over its file, or over the SHA-256 of each of its files.
    pub(crate) digest: [u8; 32],
}

impl Form {
    /// Files of each image.
    pub(crate) fn files(self) -> usize {
        match self {
            Self::Photograph(_) => 1,
            Self::Planes { files, .. } => files,
        }
    }

    /// Channels of each image.
    pub(crate) fn channels(self) -> usize {
        match self {
            Self::Photograph(_) => 3,
            Self::Planes { channels, .. } => channels.len(),
        }
    }

    /// Part of a cache file's name.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Photograph(policy) => policy.name(),
            Self::Planes { channels, .. } => {
                format!("planes{}", channels.iter().map(usize::to_string).collect::<String>())
            }
        }
    }

    /// Reads and decodes the files of one image, as many as [`Form::files`] says; `note` says who asks for them.
    ///
    /// # Errors
    /// Missing, unreadable, not sound images of this form, too large.
    pub(crate) fn decode(self, files: &[PathBuf], note: &str) -> Result<Decoded, DataError> {
        match self {
            Self::Photograph(policy) => photograph(&files[0], note, policy),
            Self::Planes { channels, .. } => planes(files, note, channels),
        }
    }
}

/// A file's content and its SHA-256.
fn content(path: &Path, note: &str) -> Result<(Vec<u8>, [u8; 32]), DataError> {
    let failed = |error| DataError::reading(path, note, &error);
    let length = fs::metadata(path).map_err(failed)?.len();
    if length > MAX_FILE {
        return Err(DataError::corrupt(path, format!("an image of at most {MAX_FILE} bytes"), format!("{length}")));
    }
    let content = fs::read(path).map_err(failed)?;
    let digest = Sha256::digest(&content).into();
    Ok((content, digest))
}

/// One photograph, resized bilinearly with antialiasing.
fn photograph(path: &Path, note: &str, policy: SizePolicy) -> Result<Decoded, DataError> {
    let (content, digest) = content(path, note)?;
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
    Ok(Decoded { pixels, height: to_height, width: to_width, digest })
}

/// One image of several grey files.
fn planes(files: &[PathBuf], note: &str, channels: &[usize]) -> Result<Decoded, DataError> {
    let mut hasher = Sha256::new();
    let mut contents = Vec::with_capacity(files.len());
    for path in files {
        let (content, digest) = content(path, note)?;
        hasher.update(digest);
        contents.push(content);
    }
    let plane = |&at: &usize| Ok((&files[at], grey(&files[at], &contents[at])?));
    let planes = channels.iter().map(plane).collect::<Result<Vec<_>, DataError>>()?;
    let (width, height) = planes[0].1.dimensions();
    if let Some((path, other)) = planes.iter().find(|(_, plane)| plane.dimensions() != (width, height)) {
        let beside = planes[0].0.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let expected = format!("{height} × {width} pixels as in {beside}");
        return Err(DataError::malformed(path, expected, format!("{} × {}", other.height(), other.width())));
    }
    let bytes = height as usize * width as usize;
    let pixels = (0..bytes).flat_map(|at| planes.iter().map(move |(_, plane)| plane.as_raw()[at])).collect();
    Ok(Decoded { pixels, height, width, digest: hasher.finalize().into() })
}

/// A single-channel PNG file.
fn grey(path: &Path, content: &[u8]) -> Result<GrayImage, DataError> {
    match decoded(path, content, &[ImageFormat::Png])? {
        image @ (DynamicImage::ImageLuma8(_) | DynamicImage::ImageLuma16(_)) => Ok(image.into_luma8()),
        other => {
            let found = format!("{} channels", other.color().channel_count());
            Err(DataError::corrupt(path, "a single grey channel", found))
        }
    }
}

/// Bilinear with antialiasing: a triangle as wide as the pixels that become one.
fn resized(pixels: Vec<u8>, from: (u32, u32), to: (u32, u32)) -> Result<Vec<u8>, String> {
    let source = Image::from_vec_u8(from.1, from.0, pixels, PixelType::U8x3).map_err(|error| error.to_string())?;
    let mut target = Image::new(to.1, to.0, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    Resizer::new().resize(&source, &mut target, &options).map_err(|error| error.to_string())?;
    Ok(target.into_vec())
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
