//! Readers, one per form of source.
//!
//! Map: `idx`, `cifar` and `synthetic` hold all images in memory · `class_folders`, `noisy_csv` and `multi_label` list
//! image files, which `cache` then decodes · `table` CSV files with their line numbers.

pub(crate) mod cifar;
pub(crate) mod class_folders;
pub(crate) mod idx;
pub(crate) mod multi_label;
pub(crate) mod noisy_csv;
pub(crate) mod synthetic;
mod table;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use sha2::{Digest, Sha256};
use sweeper_recipe::Source;

use crate::{DataError, DataSet, Labels, Pixels};

/// Most bytes of images that a process may hold.
pub(crate) const MAX_MEMORY: u64 = 64 << 30;
/// Labels are u16.
const MAX_CLASSES: usize = 65_535;

/// Images of one size, in memory.
pub(crate) struct Small {
    /// Rows × height × width × channels.
    pub(crate) pixels: Vec<u8>,
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
}

impl Small {
    /// A data set of these images, all for training; mean 0 and deviation 1.
    pub(crate) fn into_set(
        self,
        source: Source,
        folder: PathBuf,
        labels: &[u8],
        classes: Vec<String>,
        digest: String,
    ) -> DataSet {
        let Self { pixels, height, width, channels } = self;
        DataSet {
            name: name(source).to_owned(),
            folder,
            pixels: Pixels::Uniform { bytes: Arc::new(pixels), height, width, channels },
            labels: Labels::Single(labels.iter().map(|&label| u16::from(label)).collect()),
            clean: None,
            validation: vec![false; labels.len()],
            unbalanced: None,
            files: None,
            classes,
            mean: vec![0.0; channels],
            deviation: vec![1.0; channels],
            digest,
        }
    }
}

/// Photographs by name, before any of them is opened.
#[derive(Debug)]
pub(crate) struct Listing {
    /// Relative to the data set's folder, with `/` between its parts.
    pub(crate) files: Vec<String>,
    pub(crate) labels: Vec<u16>,
    pub(crate) clean: Option<Vec<u16>>,
    pub(crate) validation: Vec<bool>,
    pub(crate) unbalanced: Option<Vec<bool>>,
    pub(crate) classes: Vec<String>,
    /// The table that names the files, and each file's line in it.
    pub(crate) table: Option<(PathBuf, Vec<u64>)>,
    /// SHA-256 over names, labels of every kind and the given division.
    pub(crate) digest: [u8; 32],
}

impl Listing {
    /// Where a file is asked for, for messages.
    pub(crate) fn note(&self, row: usize) -> String {
        match &self.table {
            Some((path, lines)) => format!(" (line {} of {})", lines[row], path.display()),
            None => String::new(),
        }
    }

    /// The data set of these photographs.
    pub(crate) fn into_set(self, source: Source, folder: PathBuf, pixels: Pixels, images: &[u8; 32]) -> DataSet {
        let digest = Sha256::new().chain_update(self.digest).chain_update(images).finalize();
        DataSet {
            name: name(source).to_owned(),
            folder,
            pixels,
            labels: Labels::Single(self.labels),
            clean: self.clean,
            validation: self.validation,
            unbalanced: self.unbalanced,
            files: Some(self.files),
            classes: self.classes,
            mean: vec![0.485, 0.456, 0.406],
            deviation: vec![0.229, 0.224, 0.225],
            digest: crate::error::hex(&digest),
        }
    }
}

/// A source as a recipe names it.
pub(crate) fn name(source: Source) -> &'static str {
    match source {
        Source::FashionMnist => "fashion-mnist",
        Source::Mnist => "mnist",
        Source::Cifar10 => "cifar10",
        Source::Cifar100 => "cifar100",
        Source::Imagenette => "imagenette",
        Source::Imagewoof => "imagewoof",
        Source::Folder => "folder",
        Source::MultiLabel => "multi-label",
        Source::Synthetic => "synthetic",
    }
}

/// One mean and deviation for each of `channels` equal channels.
pub(crate) fn repeated_mean(mean: f64, deviation: f64, channels: usize) -> (Vec<f64>, Vec<f64>) {
    (vec![mean; channels], vec![deviation; channels])
}

/// Zeros for `rows` images of `bytes` bytes.
fn fits(rows: usize, bytes: usize, settings: &str) -> Result<Vec<u8>, DataError> {
    let total = rows as u64 * bytes as u64;
    let mut pixels = Vec::new();
    if total > MAX_MEMORY || pixels.try_reserve_exact(total as usize).is_err() {
        let limit = MAX_MEMORY >> 30;
        let why = format!("{rows} images of {bytes} bytes do not fit in memory (at most {limit} GiB)");
        return Err(DataError::Setting(format!("{why}; hint: lower {settings}")));
    }
    pixels.resize(total as usize, 0);
    Ok(pixels)
}

/// Adds a text to a digest so that no two lists of texts give the same bytes.
fn add_text(hasher: &mut Sha256, text: &str) {
    hasher.update((text.len() as u64).to_le_bytes());
    hasher.update(text);
}

/// Refuses a file name that leads out of the data set's folder.
fn is_inside(name: &str) -> bool {
    use std::path::Component;
    !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}
