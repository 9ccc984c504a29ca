//! What a recipe trains on.

use serde::{Deserialize, Serialize};

/// What a recipe trains on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// The data set, or the form of the user's own.
    pub source: Source,
    /// Its folder inside the worker's data directory; empty for the source's own name. Relative, without `..`, at most
    /// 1,000 bytes.
    pub path: String,
    /// Side in pixels of what the network sees; 0 for the images' own size, or 128 for photographs. 0, or 4 to 1,024.
    pub size: u32,
    /// Shorter side in pixels of cached photographs; 0 for what the way of resizing needs. 0, or 4 to 4,096.
    pub cache_size: u32,
    /// Resample each photograph from its full resolution for every sample, instead of from the shrunk cache.
    pub exact: bool,
    /// Channels that the network sees: 0 for the source's own, 3 to repeat grey ones, 1 to 4.
    pub channels: u32,
    /// Labels that are kept, in this order as classes 0, 1, …; empty for all.
    pub classes: Vec<u32>,
    /// Imagenette's and Imagewoof's percentage of corrupted training labels: 0, 1, 5, 25 or 50.
    pub noise: u32,
    /// `multi-label` and `synthetic`: labels or classes in all; 0 for 28 labels, 10 classes. 0, or 2 to 1,000.
    pub label_count: u32,
    /// `multi-label`: where the samples are listed.
    pub ids: Ids,
    /// `multi-label`: rows of the list of samples that train; empty for what `validation_share` leaves.
    pub train_rows: Vec<u32>,
    /// `multi-label`: rows of the list of samples that validate; empty for a draw of `validation_share`.
    pub validation_rows: Vec<u32>,
    /// `multi-label` and `folder` without `val`: share of rows that validate, above 0, below 1.
    pub validation_share: f64,
    /// Use only the first n training images of the file; 0 for all. 0, or 10 to 10,000,000.
    pub train_limit: u32,
    /// Use only the first n validation images; 0 for all. 0, or 10 to 10,000,000.
    pub validation_limit: u32,
    /// Only the first 16 images of each class in training and in validation: for trying things out.
    pub tiny: bool,
    /// Move training images to validation until it has this many of each class (study E: 250); 0 for none. 0 to 100,000.
    pub validation_per_class: u32,
    /// Seed of every draw that divides the data, except the unbalanced column's. 0 to 2^32 - 1.
    pub split_seed: u32,
    /// The unbalanced column.
    pub unbalance: Unbalance,
    /// Scaling of pixel values.
    pub normalize: Normalize,
    /// Order in which training images are drawn.
    pub sampler: Sampler,
    /// Whether an epoch's last partial batch is dropped. A remainder of one image always is.
    pub drop_last: bool,
    /// `synthetic`: training and validation images, 10 to 10,000,000.
    pub synthetic_images: [u32; 2],
}

impl Default for Data {
    fn default() -> Self {
        Self {
            source: Source::FashionMnist,
            path: String::new(),
            size: 0,
            cache_size: 0,
            exact: false,
            channels: 0,
            classes: Vec::new(),
            noise: 0,
            label_count: 0,
            ids: Ids::Table,
            train_rows: Vec::new(),
            validation_rows: Vec::new(),
            validation_share: 0.2,
            train_limit: 0,
            validation_limit: 0,
            tiny: false,
            validation_per_class: 0,
            split_seed: 1234,
            unbalance: Unbalance::default(),
            normalize: Normalize::default(),
            sampler: Sampler::Shuffle,
            drop_last: true,
            synthetic_images: [1000, 500],
        }
    }
}

impl Data {
    /// The data set's folder inside the worker's data directory.
    #[must_use]
    pub fn folder(&self) -> String {
        if !self.path.is_empty() {
            return self.path.clone();
        }
        // Study A reads the 320 px edition unless images are larger than that serves well.
        let edition = if self.size > 224 { "" } else { "-320" };
        match self.source {
            Source::FashionMnist => "fashion-mnist".to_owned(),
            Source::Mnist => "mnist".to_owned(),
            Source::Cifar10 => "cifar-10-batches-bin".to_owned(),
            Source::Cifar100 => "cifar-100-binary".to_owned(),
            Source::Imagenette => format!("imagenette2{edition}"),
            Source::Imagewoof => format!("imagewoof2{edition}"),
            Source::Folder => "folder".to_owned(),
            Source::MultiLabel => "multi-label".to_owned(),
            Source::Synthetic => String::new(),
        }
    }

    /// Side of what the network sees; 0 where that is the images' own.
    #[must_use]
    pub fn side(&self) -> u32 {
        if self.size == 0 && self.source.is_photographs() { 128 } else { self.size }
    }
}

/// A data set that the worker can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Four IDX files, 28 × 28 grey, 10 classes, 60,000 + 10,000 images.
    #[default]
    FashionMnist,
    /// The same four files for handwritten digits.
    Mnist,
    /// Six binary files of 32 × 32 RGB images, 10 classes, 50,000 + 10,000 images.
    Cifar10,
    /// Two binary files of 32 × 32 RGB images, 100 fine classes, 50,000 + 10,000 images.
    Cifar100,
    /// Photographs of ten things, with a CSV of clean and corrupted labels.
    Imagenette,
    /// Photographs of ten dog breeds, with a CSV of clean and corrupted labels.
    Imagewoof,
    /// JPEG and PNG files in `train/<class>/` and `val/<class>/`, or in `<class>/` alone.
    Folder,
    /// Four single-channel images per sample and a CSV `Id,Target` with several labels each.
    MultiLabel,
    /// Images made from a seed, without files: for tests.
    Synthetic,
}

impl Source {
    /// Whether images differ in size and are decoded from files of their own.
    #[must_use]
    pub fn is_photographs(self) -> bool {
        matches!(self, Self::Imagenette | Self::Imagewoof | Self::Folder)
    }

    /// Whether a sample has several labels at once.
    #[must_use]
    pub fn is_multi_label(self) -> bool {
        self == Self::MultiLabel
    }
}

/// Where the samples of a `multi-label` source are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ids {
    /// The rows of the CSV, in its order.
    #[default]
    Table,
    /// What the names of the image files begin with (all before the first `_`), sorted. The CSV may name more.
    Folder,
}

/// Drops 5 % … 95 % of each class; the validation set keeps what was dropped as its `perverse` split.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Unbalance {
    /// Off: train on all, evaluate on train and balanced only.
    pub enabled: bool,
    /// The draw. Equal seeds give equal splits, whatever the replicate. A CSV's own `unbalanced` column comes first.
    pub seed: u64,
    /// Mix the replicate's seed into the draw, so that replicates vary the split too.
    pub per_replicate: bool,
}

/// Scaling of pixel values, where 255 is 1: (value − mean) / deviation, channel by channel.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Normalize {
    /// Which numbers.
    pub kind: NormalizeKind,
    /// `given`: one mean per channel, -10 to 10.
    pub mean: Vec<f64>,
    /// `given`: one standard deviation per channel, above 0, at most 10.
    pub deviation: Vec<f64>,
}

/// Where mean and deviation come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormalizeKind {
    /// The data set's well-known numbers; ImageNet's for photographs.
    #[default]
    Source,
    /// Values stay between 0 and 1.
    None,
    /// ImageNet's.
    Imagenet,
    /// `mean` and `deviation`.
    Given,
}

/// Order in which training images are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sampler {
    /// Every image once per epoch.
    #[default]
    Shuffle,
    /// With replacement, weight 1 / count of the sample's rarest label.
    ClassBalanced,
}
