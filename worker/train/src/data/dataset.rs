//! A data set in memory, and the library that loads each one once per process.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use sweeper_recipe::Source;
use tch::{Kind, TchError, Tensor};

use super::{DataError, IdxImages, read_images, read_labels};
use crate::error::Error;

/// One file's images with their labels.
#[derive(Debug)]
pub struct Images {
    /// uint8, count × height × width × channels, contiguous: channels last, as the convolutions want it.
    pub pixels: Tensor,
    /// One class per image.
    pub labels: Vec<u8>,
    /// The same as int64.
    pub label_tensor: Tensor,
}

impl Images {
    fn new(images: &IdxImages, labels: Vec<u8>) -> Result<Self, TchError> {
        let shape = [images.count as i64, images.height as i64, images.width as i64, 1];
        let wide: Vec<i64> = labels.iter().map(|&label| i64::from(label)).collect();
        Ok(Self {
            pixels: Tensor::f_from_data_size(&images.pixels, &shape, Kind::Uint8)?,
            label_tensor: Tensor::f_from_slice(&wide)?,
            labels,
        })
    }

    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}

/// A whole data set.
#[derive(Debug)]
pub struct DataSet {
    /// Its name, as in a recipe.
    pub name: &'static str,
    /// Its folder.
    pub folder: PathBuf,
    /// The file of training images.
    pub train: Images,
    /// The file of validation images.
    pub validation: Images,
    /// Number of classes: the full vocabulary, whether or not each occurs.
    pub classes: usize,
    /// Mean of the training pixels, where 255 is 1.
    pub mean: f64,
    /// Standard deviation of the training pixels, where 255 is 1.
    pub standard_deviation: f64,
    /// SHA-256 over the decoded content, hex; the same for compressed and plain files.
    pub digest: String,
}

impl DataSet {
    fn load(source: Source, folder: PathBuf) -> Result<Self, Error> {
        let (name, mean, standard_deviation) = constants(source);
        let classes = 10;
        let mut hasher = Sha256::new();
        let mut shape = None;
        let mut read = |part: &str| -> Result<Images, Error> {
            let file = format!("{part}-images-idx3-ubyte");
            let images = read_images(&folder, &file)?;
            let labels = read_labels(&folder, &format!("{part}-labels-idx1-ubyte"), images.count, classes)?;
            let (height, width) = *shape.get_or_insert((images.height, images.width));
            if (images.height, images.width) != (height, width) {
                let expected = format!("{height} × {width} pixels as in the training file");
                let found = format!("{} × {}", images.height, images.width);
                return Err(DataError::Corrupt { path: folder.join(file), expected, found }.into());
            }
            for size in [images.count, images.height, images.width] {
                hasher.update((size as u64).to_le_bytes());
            }
            hasher.update(&images.pixels);
            hasher.update(&labels);
            Ok(Images::new(&images, labels)?)
        };
        let (train, validation) = (read("train")?, read("t10k")?);
        let digest = hex(&hasher.finalize());
        Ok(Self { name, folder, train, validation, classes, mean, standard_deviation, digest })
    }

    /// Shape of one image: channels, height, width.
    #[must_use]
    pub fn image(&self) -> [i64; 3] {
        let sides = self.train.pixels.size();
        [sides[3], sides[1], sides[2]]
    }

    /// Refuses data that are not those of the sweep's other outcomes.
    ///
    /// # Errors
    /// [`DataError::OtherDigest`].
    pub fn require_digest(&self, expected: Option<&str>) -> Result<(), DataError> {
        match expected {
            Some(expected) if expected != self.digest => Err(DataError::OtherDigest {
                source_name: self.name.to_owned(),
                path: self.folder.clone(),
                expected: expected.to_owned(),
                found: self.digest.clone(),
            }),
            _ => Ok(()),
        }
    }
}

/// The data sets of one process, each loaded when it is first asked for.
#[derive(Debug)]
pub struct Library {
    folder: PathBuf,
    loaded: Vec<(Source, DataSet)>,
}

impl Library {
    /// The library of `data_dir`, which holds one folder per data set, e.g. `fashion-mnist`. Reads nothing yet.
    pub fn new(data_dir: impl AsRef<Path>) -> Self {
        Self { folder: data_dir.as_ref().to_owned(), loaded: Vec::new() }
    }

    /// The data set `source`, loaded at the first call.
    ///
    /// # Errors
    /// Files missing or damaged; a failure is not remembered, so a repaired file works without a restart.
    pub fn open(&mut self, source: Source) -> Result<&DataSet, Error> {
        let position = match self.loaded.iter().position(|(known, _)| *known == source) {
            Some(position) => position,
            None => {
                self.loaded.push((source, DataSet::load(source, self.folder.join(constants(source).0))?));
                self.loaded.len() - 1
            }
        };
        Ok(&self.loaded[position].1)
    }
}

/// Folder name, mean and standard deviation of the full training file. Constants, so that a limit on the number of
/// images does not change the scale of what the network sees.
fn constants(source: Source) -> (&'static str, f64, f64) {
    match source {
        Source::FashionMnist => ("fashion-mnist", 0.2860, 0.3530),
        _ => ("mnist", 0.1307, 0.3081),
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
