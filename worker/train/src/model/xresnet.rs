//! The xresnet family (the form of fastai 2.8): a stem of three 3 × 3 convolutions and a max-pool, four stages of
//! residual blocks, global mean, linear. `xse` adds squeeze-excitation, `xresnext` groups.

use sweeper_recipe::{Activation, Arch, Model as Settings, Pool, Stem};
use tch::{TchError, Tensor};

use super::{
    Network, Output,
    layers::{AffineId, AttentionId, Builder, Conv, ConvNormId, ExcitationId},
    pass::Pass,
};

/// Squeeze-excitation's reduction of channels, before rounding up to a multiple of 8.
const REDUCTION: i64 = 16;

/// What distinguishes the members of the family.
#[derive(Debug, Clone)]
struct Shape {
    /// Channels after each convolution of the stem.
    stem: [i64; 3],
    /// Blocks per stage; stage s has 64·2ˢ channels times `expansion`.
    blocks: [usize; 4],
    /// 1: blocks of two 3 × 3 convolutions; 4: of 1 × 1, 3 × 3 and 1 × 1.
    expansion: i64,
    groups: i64,
    excitation: bool,
    /// In the last block of the first stage; whether it is symmetric.
    attention: Option<bool>,
    activation: Activation,
    pool: Pool,
}

impl Shape {
    fn new(settings: &Settings) -> Self {
        let (blocks, expansion) = match settings.arch {
            Arch::Xresnet50 | Arch::XseResnext50 => ([3, 4, 6, 3], 4),
            Arch::Xresnet34 => ([3, 4, 6, 3], 1),
            _ => ([2; 4], 1),
        };
        Self {
            stem: match settings.stem {
                Stem::Narrow => [32, 32, 64],
                Stem::Wide => [32, 64, 64],
            },
            blocks,
            expansion,
            groups: match settings.arch {
                Arch::Xresnext18 | Arch::XseResnext18 | Arch::XseResnext50 => 32,
                _ => 1,
            },
            excitation: matches!(settings.arch, Arch::XseResnet18 | Arch::XseResnext18 | Arch::XseResnext50),
            attention: settings.self_attention.then_some(settings.symmetric),
            activation: settings.activation,
            pool: settings.pool,
        }
    }

    /// Channels of the 3 × 3 convolution with stride: `width` as they are, or with groups ⌊4·`width`/64⌋ per group.
    fn inner(&self, width: i64) -> i64 {
        if self.groups == 1 { width } else { width * 4 / 64 * self.groups }
    }

    /// A block's convolutions from `from` channels to `width` times the expansion.
    fn convolutions(&self, from: i64, width: i64, stride: i64) -> Vec<Conv> {
        let (inner, to) = (self.inner(width), width * self.expansion);
        let strided = |from| Conv { stride, groups: self.groups, ..Conv::plain(from, inner, 3) };
        // Scale 0: a fresh block passes its input through.
        let last = |kernel| Conv { scale: 0.0, ..Conv::plain(inner, to, kernel) };
        match self.expansion {
            1 => vec![strided(from), last(3)],
            _ => vec![Conv::plain(from, inner, 1), strided(inner), last(1)],
        }
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
    convolutions: Vec<ConvNormId>,
    excitation: Option<ExcitationId>,
    attention: Option<AttentionId>,
    /// Of the identity path, where the number of channels changes.
    projection: Option<ConvNormId>,
    /// Of the identity path, where the image is halved: name and kind.
    pool: Option<(String, Pool)>,
    activation: Activation,
}

impl Xresnet {
    pub(super) fn new(layers: &mut Builder, settings: &Settings, channels: i64, classes: i64) -> Self {
        let shape = Shape::new(settings);
        let mut width = channels;
        let mut stem = Vec::new();
        for (position, to) in shape.stem.into_iter().enumerate() {
            let conv = Conv { stride: if position == 0 { 2 } else { 1 }, ..Conv::plain(width, to, 3) };
            stem.push(layers.conv_norm(&format!("stem{position}"), conv));
            width = to;
        }
        let mut blocks = Vec::new();
        for (stage, count) in shape.blocks.into_iter().enumerate() {
            for block in 0..count {
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                let attention = shape.attention.filter(|_| stage == 0 && block == count - 1);
                let name = format!("stage{stage}.block{block}");
                blocks.push(Block::new(layers, &name, &shape, (width, 64 << stage), stride, attention));
                width = (64 << stage) * shape.expansion;
            }
        }
        let head = layers.linear("head", width, classes);
        Self { stem, blocks, head, activation: shape.activation }
    }
}

impl Block {
    fn new(
        layers: &mut Builder,
        name: &str,
        shape: &Shape,
        (from, width): (i64, i64),
        stride: i64,
        attention: Option<bool>,
    ) -> Self {
        let to = width * shape.expansion;
        let convolutions = shape.convolutions(from, width, stride).into_iter().enumerate();
        let convolutions = convolutions.map(|(at, conv)| layers.conv_norm(&format!("{name}.conv{at}"), conv)).collect();
        let narrow = (to / REDUCTION + 7) / 8 * 8;
        let excitation = shape.excitation.then(|| layers.excitation(name, to, narrow));
        let attention = attention.map(|symmetric| layers.attention(&format!("{name}.attention"), to, symmetric));
        let projection =
            (from != to).then(|| layers.conv_norm(&format!("{name}.projection"), Conv::plain(from, to, 1)));
        let pool = (stride > 1).then(|| (format!("{name}.pool"), shape.pool));
        Self { convolutions, excitation, attention, projection, pool, activation: shape.activation }
    }

    fn forward(&self, pass: &Pass<'_>, input: &Tensor) -> Result<Tensor, TchError> {
        let mut x = input.shallow_clone();
        for (at, &id) in self.convolutions.iter().enumerate() {
            let activation = (at + 1 < self.convolutions.len()).then_some(self.activation);
            x = pass.conv_norm(id, &x, activation)?;
        }
        if let Some(excitation) = self.excitation {
            x = pass.excite(excitation, &x, self.activation)?;
        }
        if let Some(attention) = self.attention {
            x = pass.attend(attention, &x)?;
        }
        let mut identity = input.shallow_clone();
        if let Some((name, pool)) = &self.pool {
            identity = pass.halve(name, &identity, *pool)?;
        }
        if let Some(projection) = self.projection {
            identity = pass.conv_norm(projection, &identity, None)?;
        }
        pass.activate(x.f_add(&identity)?, self.activation)
    }
}

impl Network for Xresnet {
    fn forward(&self, pass: &Pass<'_>, images: &Tensor) -> Result<Output, TchError> {
        let mut x = images.shallow_clone();
        for &id in &self.stem {
            x = pass.conv_norm(id, &x, Some(self.activation))?;
        }
        x = pass.max_pool("pool", &x)?;
        for block in &self.blocks {
            x = block.forward(pass, &x)?;
        }
        pass.head(self.head, pass.global_mean("mean", &x)?)
    }
}
