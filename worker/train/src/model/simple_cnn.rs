//! The network of the first class-rectification study: three convolutions with bias, each halving the image, with ReLU
//! behind the last one too, and a global mean. No linear layer and no batch norm, so logits are never negative.

use tch::{TchError, Tensor};

use super::{
    Network, Output,
    layers::{AffineId, Builder, Conv},
    pass::Pass,
};

/// Channels of the first two convolutions; the last one has a channel per class.
const WIDTHS: [i64; 2] = [16, 16];

/// See the module.
pub(super) struct SimpleCnn {
    convolutions: Vec<AffineId>,
}

impl SimpleCnn {
    pub(super) fn new(layers: &mut Builder, channels: i64, classes: i64) -> Self {
        let (mut width, mut convolutions) = (channels, Vec::new());
        for (position, to) in WIDTHS.into_iter().chain([classes]).enumerate() {
            let conv = Conv { stride: 2, ..Conv::plain(width, to, 3) };
            convolutions.push(layers.conv_bias(&format!("conv{position}"), conv));
            width = to;
        }
        Self { convolutions }
    }
}

impl Network for SimpleCnn {
    fn forward(&self, pass: &Pass<'_>, images: &Tensor) -> Result<Output, TchError> {
        let mut x = images.shallow_clone();
        for &id in &self.convolutions {
            x = pass.conv_relu(id, &x)?;
        }
        let logits = pass.global_mean("mean", &x)?;
        Ok(Output { features: logits.shallow_clone(), logits })
    }
}
