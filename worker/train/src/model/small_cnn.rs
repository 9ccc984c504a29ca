//! A small network for 28 × 28 images, fast on one CPU core.

use sweeper_recipe::Activation;
use tch::{TchError, Tensor};

use super::{
    Network, Output,
    layers::{AffineId, Builder, Conv, ConvNormId, strided},
    pass::Pass,
};

/// Three convolutions with batch norm and ReLU, overlapping 3 × 3 means, linear. At 28 × 28 the head sees 3 × 3 means
/// of each channel: with one global mean it would learn too little in the few dozen steps of a short training.
pub(super) struct SmallCnn {
    convolutions: Vec<ConvNormId>,
    head: AffineId,
}

/// Channels out, kernel side, stride. The image is halved at once and again: on one core the passes over large
/// activations cost more time than the arithmetic.
const CONVOLUTIONS: [(i64, i64, i64); 3] = [(16, 5, 2), (32, 3, 2), (64, 3, 1)];

/// Sides below it leave nothing to average.
pub(super) const SMALLEST: i64 = 9;

/// How many 3-wide means at stride 2 fit into a side.
fn means(side: i64) -> i64 {
    (side - 3) / 2 + 1
}

impl SmallCnn {
    /// For images of `[channels, height, width]`, sides at least [`SMALLEST`].
    pub(super) fn new(layers: &mut Builder, image: [i64; 3], classes: i64) -> Self {
        let [mut width, mut high, mut wide] = image;
        let mut convolutions = Vec::new();
        for (position, (to, kernel, stride)) in CONVOLUTIONS.into_iter().enumerate() {
            let conv = Conv { stride, ..Conv::plain(width, to, kernel) };
            convolutions.push(layers.conv_norm(&format!("conv{position}"), conv));
            (width, high, wide) = (to, strided(high, stride), strided(wide, stride));
        }
        let features = width * means(high) * means(wide);
        Self { convolutions, head: layers.linear("head", features, classes) }
    }
}

impl Network for SmallCnn {
    fn forward(&self, pass: &Pass<'_>, images: &Tensor) -> Result<Output, TchError> {
        let mut x = images.shallow_clone();
        for &id in &self.convolutions {
            x = pass.conv_norm(id, &x, Some(Activation::Relu))?;
        }
        pass.head(self.head, pass.windows("means", &x)?)
    }
}
