//! Random changes of training images, and how images of any size become those of one size.

use serde::{Deserialize, Serialize};

/// Random changes of training images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Mirror each training image with probability 1/2.
    pub flip: bool,
    /// How images become `data.size` squared.
    pub resize: Resize,
    /// Move by up to that many pixels, the border reflected; 0 for none. 0 to 64.
    pub translate: u32,
    /// Side in pixels of a square of zeros at a random place, part of which may lie outside; 0 for none. 0 to 512.
    pub cutout: u32,
    /// Boxes of noise.
    pub erasing: Erasing,
    /// Mixes pairs of images.
    pub mixup: Mixup,
}

impl Default for Augment {
    fn default() -> Self {
        Self {
            flip: true,
            resize: Resize::default(),
            translate: 0,
            cutout: 0,
            erasing: Erasing::default(),
            mixup: Mixup::default(),
        }
    }
}

/// How images become `data.size` squared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Resize {
    /// Which way.
    pub kind: ResizeKind,
    /// `random-crop`: smallest share of the area, above 0, at most `max_scale`.
    pub min_scale: f64,
    /// `random-crop`: largest share of the area, at most 1.
    pub max_scale: f64,
    /// `random-crop`: what evaluation sees.
    pub evaluation: CropEvaluation,
    /// `shorter-side` evaluation: the side before the centre crop; 0 for 5/4 of `data.size`. 0, or 4 to 4,096.
    pub evaluation_size: u32,
}

impl Default for Resize {
    fn default() -> Self {
        Self {
            kind: ResizeKind::Crop,
            min_scale: 0.35,
            max_scale: 1.0,
            evaluation: CropEvaluation::Squash,
            evaluation_size: 0,
        }
    }
}

/// A way of resizing. Always bilinear with antialiasing; images that have the size already stay as they are, except
/// with `random-crop`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResizeKind {
    /// The largest square, at a random place in training and in the centre in evaluation, then to size (study A).
    #[default]
    Crop,
    /// The whole image to size, whatever its aspect (study B).
    Squish,
    /// A box of random area, aspect and place, then to size (studies D and E).
    RandomCrop,
}

/// What evaluation sees of images that training crops at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CropEvaluation {
    /// The whole image squashed to size + 8·⌈0.14·size/8⌉, then its centre.
    #[default]
    Squash,
    /// The shorter side to `evaluation_size`, then the centre.
    ShorterSide,
}

/// Random erasing, after normalization; a batch shares its boxes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Erasing {
    /// Largest share of the area that a batch's boxes cover together; 0 for no erasing. 0 to 1.
    pub share: f64,
    /// Probability that a batch is erased, 0 to 1.
    pub p: f64,
    /// Boxes at most, 1 to 16.
    pub max_boxes: u32,
}

impl Default for Erasing {
    fn default() -> Self {
        Self { share: 0.0, p: 0.3, max_boxes: 3 }
    }
}

/// Mixup: λ of an image and 1 − λ of another one of the batch, in pixels and in the loss.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mixup {
    /// λ is drawn from Beta(α, α); 0 for no mixup. 0 to 100.
    pub alpha: f64,
    /// What has a λ of its own.
    pub lambda: MixupLambda,
    /// λ becomes the larger of λ and 1 − λ, so that two images never make nearly the same pair twice.
    pub dedup: bool,
    /// Share of steps with mixup; the rest trains unmixed. 0 to 1.
    pub until: f64,
}

impl Default for Mixup {
    fn default() -> Self {
        Self { alpha: 0.0, lambda: MixupLambda::Sample, dedup: true, until: 1.0 }
    }
}

/// What has a λ of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MixupLambda {
    /// Every image.
    #[default]
    Sample,
    /// Every batch.
    Batch,
}
