//! What a data set is once it is read: one table of rows, training and validation alike.

use std::{path::PathBuf, sync::Arc};

use crate::DataError;

/// A whole data set. All columns have one entry per row; rows keep the order of the source's files.
#[derive(Debug, Clone)]
pub struct DataSet {
    /// Its name in messages, e.g. `fashion-mnist`.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The images of all rows.
    pub pixels: Pixels,
    /// The labels of all rows.
    pub labels: Labels,
    /// The uncorrupted labels of all rows, where `labels` are corrupted ones: what draws that divide the data go by.
    pub clean: Option<Vec<u16>>,
    /// Whether the source gives the row to validation.
    pub validation: Vec<bool>,
    /// The source's own `unbalanced` column, where it has one.
    pub unbalanced: Option<Vec<bool>>,
    /// File of each row relative to the folder, where a row has a file of its own.
    pub files: Option<Vec<String>>,
    /// Names of the classes or labels: the full vocabulary, whether or not each occurs.
    pub classes: Vec<String>,
    /// Mean of each channel, where 255 is 1: what normalization by source subtracts.
    pub mean: Vec<f64>,
    /// Standard deviation of each channel, where 255 is 1.
    pub deviation: Vec<f64>,
    /// SHA-256, hex, over the decoded content and the labels of the source; the same for compressed and plain files,
    /// and whatever size or selection a recipe asks for.
    pub digest: String,
}

/// Where the images are. Bytes lie row by row, pixel by pixel, channels innermost.
#[derive(Debug, Clone)]
pub enum Pixels {
    /// All of one size, in memory: row r begins at r · height · width · channels.
    Uniform {
        /// rows × height × width × channels.
        bytes: Arc<Vec<u8>>,
        /// Pixels.
        height: usize,
        /// Pixels.
        width: usize,
        /// 1 to 4.
        channels: usize,
    },
    /// Of different sizes or one, in a file to be mapped.
    Cached {
        /// The cache file.
        file: PathBuf,
        /// Its length in bytes.
        length: u64,
        /// 1 to 4.
        channels: usize,
        /// Where each row's image lies.
        places: Arc<Vec<Place>>,
    },
}

/// Where one image lies in a cache file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Bytes from the file's beginning; a multiple of the number of channels.
    pub offset: u64,
    /// Pixels.
    pub height: u32,
    /// Pixels.
    pub width: u32,
}

/// What the images show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Labels {
    /// One class per row, below the number of classes.
    Single(Vec<u16>),
    /// rows × labels, 0 or 1.
    Multi(Vec<u8>),
}

impl DataSet {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.validation.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.validation.is_empty()
    }

    /// Refuses data that are not those of the sweep's other outcomes.
    ///
    /// # Errors
    /// [`DataError::OtherDigest`].
    pub fn require_digest(&self, expected: Option<&str>) -> Result<(), DataError> {
        match expected {
            Some(expected) if expected != self.digest => Err(DataError::OtherDigest {
                source_name: self.name.clone(),
                path: self.folder.clone(),
                expected: expected.to_owned(),
                found: self.digest.clone(),
            }),
            _ => Ok(()),
        }
    }
}

impl Pixels {
    /// Channels of every image.
    #[must_use]
    pub fn channels(&self) -> usize {
        match self {
            Self::Uniform { channels, .. } | Self::Cached { channels, .. } => *channels,
        }
    }

    /// The images of these rows only, in this order.
    pub(crate) fn rows(&self, rows: &[usize]) -> Self {
        match self {
            Self::Uniform { bytes, height, width, channels } => {
                let each = height * width * channels;
                let kept = rows.iter().flat_map(|row| bytes[row * each..][..each].iter().copied()).collect();
                Self::Uniform { bytes: Arc::new(kept), height: *height, width: *width, channels: *channels }
            }
            Self::Cached { file, length, channels, places } => {
                let kept = rows.iter().map(|&row| places[row]).collect();
                Self::Cached { file: file.clone(), length: *length, channels: *channels, places: Arc::new(kept) }
            }
        }
    }
}

impl Labels {
    /// The labels of one row, ascending: one, or any number where there are several per sample. `count` is the number
    /// of classes or labels in all.
    pub fn of(&self, row: usize, count: usize) -> impl Iterator<Item = usize> {
        let (single, multi) = match self {
            Self::Single(labels) => (Some(usize::from(labels[row])), &[][..]),
            Self::Multi(labels) => (None, &labels[row * count..][..count]),
        };
        let several = multi.iter().enumerate().filter(|(_, there)| **there == 1).map(|(label, _)| label);
        single.into_iter().chain(several)
    }
}
