//! The xresnet family (the form of fastai 2.8): a stem of three 3 × 3 convolutions and a max-pool, four stages of
//! residual blocks, global mean, linear. `xse_resnext` adds groups and squeeze-excitation.

use sweeper_recipe::{Activation, Pool};
use tch::{TchError, Tensor};

use super::{
    Network,
    layers::{AffineId, Conv, ConvNormId, Layers, Pass},
};

/// What distinguishes the members of the family.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    /// Channels after each convolution of the stem.
    stem: [i64; 3],
    /// Blocks per stage; stage s has 64·2ˢ channels.
    blocks: [usize; 4],
    groups: i64,
    /// Squeeze-excitation's reduction; none without it.
    squeeze: Option<i64>,
    activation: Activation,
    pool: Pool,
}

impl Shape {
    pub(super) fn xresnet18(activation: Activation, pool: Pool) -> Self {
        Self { stem: [32, 32, 64], blocks: [2; 4], groups: 1, squeeze: None, activation, pool }
    }

    pub(super) fn xse_resnext18(activation: Activation, pool: Pool) -> Self {
        Self { groups: 32, squeeze: Some(16), ..Self::xresnet18(activation, pool) }
    }

    /// Channels between a block's two convolutions: as many as after it, or with groups ⌊4·channels/64⌋ per group.
    fn inner(&self, channels: i64) -> i64 {
        if self.groups == 1 { channels } else { channels * 4 / 64 * self.groups }
    }
}

/// A member of the family.
pub(super) struct Xresnet {
    stem: Vec<ConvNormId>,
    blocks: Vec<Block>,
    head: AffineId,
    activation: Activation,
}

struct Block {
    convolutions: [ConvNormId; 2],
    /// To `channels / reduction` (rounded up to a multiple of 8) and back.
    squeeze: Option<[AffineId; 2]>,
    /// Of the identity path, where the number of channels changes.
    projection: Option<ConvNormId>,
    stride: i64,
    pool: Pool,
    activation: Activation,
}

impl Xresnet {
    pub(super) fn new(layers: &mut Layers, shape: &Shape, channels: i64, classes: i64) -> Result<Self, TchError> {
        let mut width = channels;
        let mut stem = Vec::new();
        for (position, to) in shape.stem.into_iter().enumerate() {
            let conv = Conv { stride: if position == 0 { 2 } else { 1 }, ..Conv::plain(width, to, 3) };
            stem.push(layers.conv_norm(&format!("stem{position}"), conv)?);
            width = to;
        }
        let mut blocks = Vec::new();
        for (stage, count) in shape.blocks.into_iter().enumerate() {
            let to = 64 << stage;
            for block in 0..count {
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                blocks.push(Block::new(layers, &format!("stage{stage}.block{block}"), shape, (width, to), stride)?);
                width = to;
            }
        }
        let head = layers.linear("head", width, classes)?;
        Ok(Self { stem, blocks, head, activation: shape.activation })
    }
}

impl Block {
    fn new(
        layers: &mut Layers,
        name: &str,
        shape: &Shape,
        (from, to): (i64, i64),
        stride: i64,
    ) -> Result<Self, TchError> {
        let inner = shape.inner(to);
        let first = Conv { stride, groups: shape.groups, ..Conv::plain(from, inner, 3) };
        // Scale 0: a fresh block passes its input through.
        let second = Conv { scale: 0.0, ..Conv::plain(inner, to, 3) };
        let convolutions =
            [layers.conv_norm(&format!("{name}.conv0"), first)?, layers.conv_norm(&format!("{name}.conv1"), second)?];
        let squeeze = match shape.squeeze {
            None => None,
            Some(reduction) => {
                let narrow = ((to / reduction + 7) / 8) * 8;
                Some([
                    layers.pointwise(&format!("{name}.squeeze"), to, narrow)?,
                    layers.pointwise(&format!("{name}.excite"), narrow, to)?,
                ])
            }
        };
        let projection = match from == to {
            true => None,
            false => Some(layers.conv_norm(&format!("{name}.projection"), Conv::plain(from, to, 1))?),
        };
        Ok(Self { convolutions, squeeze, projection, stride, pool: shape.pool, activation: shape.activation })
    }

    fn forward(&self, pass: &Pass<'_>, input: &Tensor) -> Result<Tensor, TchError> {
        let mut x = pass.conv_norm(self.convolutions[0], input, Some(self.activation))?;
        x = pass.conv_norm(self.convolutions[1], &x, None)?;
        if let Some([narrow, wide]) = self.squeeze {
            let means = x.f_mean_dim([2i64, 3].as_slice(), true, None)?;
            let squeezed = pass.activate(pass.pointwise(narrow, &means)?, self.activation)?;
            x = x.f_mul(&pass.pointwise(wide, &squeezed)?.f_sigmoid()?)?;
        }
        let mut identity = input.shallow_clone();
        if self.stride > 1 {
            identity = match self.pool {
                Pool::Average => identity.f_avg_pool2d([2, 2], [2, 2], [0, 0], true, true, None)?,
                Pool::Max => identity.f_max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], true)?,
            };
        }
        if let Some(projection) = self.projection {
            identity = pass.conv_norm(projection, &identity, None)?;
        }
        pass.activate(x.f_add(&identity)?, self.activation)
    }
}

impl Network for Xresnet {
    fn forward(&self, pass: &Pass<'_>, images: &Tensor) -> Result<Tensor, TchError> {
        let mut x = images.shallow_clone();
        for &id in &self.stem {
            x = pass.conv_norm(id, &x, Some(self.activation))?;
        }
        x = x.f_max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false)?;
        for block in &self.blocks {
            x = block.forward(pass, &x)?;
        }
        pass.linear(self.head, &x.f_mean_dim([2i64, 3].as_slice(), false, None)?)
    }
}
