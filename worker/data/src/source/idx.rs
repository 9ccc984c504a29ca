//! IDX files: a magic number, big-endian sizes, then bytes; plain or gzip. Sizes are checked against limits and
//! against the file's length before they are believed.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;

use sha2::{Digest, Sha256};
use sweeper_recipe::Source;

use super::{Small, repeated_mean};
use crate::{
    DataSet,
    error::{DataError, HINT_IDX, hex},
};

const MAGIC_LABELS: u32 = 0x0000_0801;
const MAGIC_IMAGES: u32 = 0x0000_0803;
const MAX_ROWS: u32 = 10_000_000;
const MAX_SIDE: u32 = 1024;
const MAX_BYTES: u64 = 8 << 30;

/// The four files of Fashion-MNIST or MNIST in `folder`: training rows, then validation rows.
///
/// # Errors
/// See [`read_images`] and [`read_labels`]; validation images of another size.
pub(crate) fn load(source: Source, folder: PathBuf) -> Result<DataSet, DataError> {
    // Of the full training files, so that a limit on the number of images does not change what a network sees.
    let (mean, deviation) = if source == Source::FashionMnist { (0.2860, 0.3530) } else { (0.1307, 0.3081) };
    let classes = 10;
    let mut hasher = Sha256::new();
    let mut read = |part: &str, expected: Option<&IdxImages>| -> Result<(IdxImages, Vec<u8>), DataError> {
        let file = format!("{part}-images-idx3-ubyte");
        let images = read_images(&folder, &file)?;
        let labels = read_labels(&folder, &format!("{part}-labels-idx1-ubyte"), images.count, classes)?;
        if let Some(IdxImages { height, width, .. }) = expected
            && (images.height, images.width) != (*height, *width)
        {
            let found = format!("{} × {}", images.height, images.width);
            let expected = format!("{height} × {width} pixels as in the training file");
            return Err(DataError::corrupt(folder.join(file), expected, found));
        }
        for size in [images.count, images.height, images.width] {
            hasher.update((size as u64).to_le_bytes());
        }
        hasher.update(&images.pixels);
        hasher.update(&labels);
        Ok((images, labels))
    };
    let (train, mut labels) = read("train", None)?;
    let (validation, more) = read("t10k", Some(&train))?;
    let digest = hex(&hasher.finalize());
    let split = labels.len();
    labels.extend(more);
    let mut pixels = train.pixels;
    pixels.extend(validation.pixels);
    let small = Small { pixels, height: train.height, width: train.width, channels: 1 };
    let (mean, deviation) = repeated_mean(mean, deviation, 1);
    let mut set = small.into_set(source, folder, &labels, (0..10).map(|class| class.to_string()).collect(), digest);
    set.validation[split..].fill(true);
    Ok(DataSet { mean, deviation, ..set })
}

/// Grey images as bytes, row by row.
#[derive(Debug)]
struct IdxImages {
    count: usize,
    height: usize,
    width: usize,
    /// count × height × width grey values.
    pixels: Vec<u8>,
}

/// Reads the images file `name` (with or without `.gz`) of `folder`.
///
/// # Errors
/// Missing, unreadable, not gzip inside, wrong magic number, sizes out of bounds, too short or too long.
fn read_images(folder: &Path, name: &str) -> Result<IdxImages, DataError> {
    let mut file = IdxFile::open(folder, name)?;
    let [count, height, width] = file.header(MAGIC_IMAGES)?;
    let sides_fit = (1..=MAX_SIDE).contains(&height) && (1..=MAX_SIDE).contains(&width);
    let bytes = u64::from(count).saturating_mul(u64::from(height) * u64::from(width));
    if !(1..=MAX_ROWS).contains(&count) || !sides_fit || bytes > MAX_BYTES {
        let expected = format!("1 to {MAX_ROWS} images of 1 to {MAX_SIDE} pixels a side");
        return Err(file.corrupt(expected, format!("{count} images of {height} × {width} pixels")));
    }
    let pixels = file.body(bytes)?;
    Ok(IdxImages { count: count as usize, height: height as usize, width: width as usize, pixels })
}

/// Reads the labels file `name` (with or without `.gz`) of `folder`: `count` labels below `classes`.
///
/// # Errors
/// As [`read_images`], and another count, and a label out of range.
fn read_labels(folder: &Path, name: &str, count: usize, classes: usize) -> Result<Vec<u8>, DataError> {
    let mut file = IdxFile::open(folder, name)?;
    let [found] = file.header(MAGIC_LABELS)?;
    if found as usize != count {
        return Err(file.corrupt(format!("{count} labels, one for each image"), format!("{found} labels")));
    }
    let labels = file.body(u64::from(found))?;
    match labels.iter().position(|&label| usize::from(label) >= classes) {
        Some(row) => Err(file.corrupt(format!("labels 0 to {}", classes - 1), format!("{} in row {row}", labels[row]))),
        None => Ok(labels),
    }
}

struct IdxFile {
    path: PathBuf,
    reader: Box<dyn Read>,
}

impl IdxFile {
    /// The plain file if there is one, else the compressed one.
    fn open(folder: &Path, name: &str) -> Result<Self, DataError> {
        let (plain, packed) = (folder.join(name), folder.join(format!("{name}.gz")));
        for (path, is_packed) in [(plain, false), (packed.clone(), true)] {
            match File::open(&path) {
                Ok(file) if is_packed => {
                    return Ok(Self { path, reader: Box::new(GzDecoder::new(file)) });
                }
                Ok(file) => return Ok(Self { path, reader: Box::new(file) }),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(DataError::Unreadable { path, reason: error.to_string() }),
            }
        }
        Err(DataError::Missing { path: packed, note: " (or the same name without .gz)".to_owned(), hint: HINT_IDX })
    }

    /// Magic number and the sizes that follow it.
    fn header<const SIZES: usize>(&mut self, magic: u32) -> Result<[u32; SIZES], DataError> {
        let head = self.take(4 + 4 * SIZES as u64)?;
        let mut words = head.chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
        let found = words.next().unwrap_or(0);
        if head.len() < 4 + 4 * SIZES {
            return Err(self.corrupt(format!("a header of {} bytes", 4 + 4 * SIZES), format!("{} bytes", head.len())));
        }
        if found != magic {
            return Err(self.corrupt(format!("magic number 0x{magic:08x}"), format!("0x{found:08x}")));
        }
        let mut sizes = [0; SIZES];
        for (size, word) in sizes.iter_mut().zip(words) {
            *size = word;
        }
        Ok(sizes)
    }

    /// The rest of the file, which must be exactly `bytes` long. Memory grows with what is really there.
    fn body(&mut self, bytes: u64) -> Result<Vec<u8>, DataError> {
        let body = self.take(bytes + 1)?;
        match body.len() as u64 {
            found if found == bytes => Ok(body),
            found if found < bytes => Err(self.corrupt(format!("{bytes} bytes of content"), format!("{found} bytes"))),
            _ => Err(self.corrupt(format!("{bytes} bytes of content"), "more".to_owned())),
        }
    }

    fn take(&mut self, bytes: u64) -> Result<Vec<u8>, DataError> {
        let mut content = Vec::new();
        match (&mut self.reader).take(bytes).read_to_end(&mut content) {
            Ok(_) => Ok(content),
            // What the decoder answers to damage: broken header, broken stream, wrong check sum, early end.
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::InvalidData) => {
                Err(self.corrupt("a sound gzip stream".to_owned(), error.to_string()))
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Err(self.corrupt("a complete gzip stream".to_owned(), error.to_string()))
            }
            Err(error) => Err(DataError::Unreadable { path: self.path.clone(), reason: error.to_string() }),
        }
    }

    fn corrupt(&self, expected: String, found: String) -> DataError {
        DataError::corrupt(&self.path, expected, found)
    }
}
