//! The plain convolutional net of the mixup study (fastai's course of 2019): eight convolutions without bias, each with
//! ReLU and then batch norm, a global mean, linear. 128 × 128 images end at one pixel. There a training batch of one image
//! has no variance, which batch norm refuses: callers leave such a batch out.

use tch::{TchError, Tensor};

use super::{
    Network, Output,
    layers::{AffineId, Builder, Conv, ConvNormId},
    pass::Pass,
};

/// Channels of the last five convolutions; those of the first three follow from the image's.
const WIDTHS: [i64; 5] = [32, 64, 128, 256, 512];

/// Gain² of a leaky ReLU with slope 0.1, which the study's initialization supposes.
const GAIN_SQUARED: f64 = 2.0 / 1.01;

/// See the module.
pub(super) struct PlainCnn {
    convolutions: Vec<ConvNormId>,
    head: AffineId,
}

impl PlainCnn {
    pub(super) fn new(layers: &mut Builder, channels: i64, classes: i64) -> Self {
        // The largest power of two that is no more than the inputs of one 3 × 3 window.
        let first = 1 << (9 * channels).ilog2();
        let (mut width, mut convolutions) = (channels, Vec::new());
        for (position, to) in [first, 2 * first, 4 * first].into_iter().chain(WIDTHS).enumerate() {
            let stride = if position == 0 { 1 } else { 2 };
            let conv = Conv { stride, gain_squared: GAIN_SQUARED, relu_first: true, ..Conv::plain(width, to, 3) };
            convolutions.push(layers.conv_norm(&format!("conv{position}"), conv));
            width = to;
        }
        Self { convolutions, head: layers.uniform_linear("head", width, classes) }
    }
}

impl Network for PlainCnn {
    fn forward(&self, pass: &Pass<'_>, images: &Tensor) -> Result<Output, TchError> {
        let mut x = images.shallow_clone();
        for &id in &self.convolutions {
            x = pass.conv_norm(id, &x, None)?;
        }
        pass.head(self.head, pass.global_mean("mean", &x)?)
    }
}
