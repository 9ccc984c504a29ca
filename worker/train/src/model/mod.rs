//! The networks.
//!
//! Map: `parameters` all trainable numbers in one buffer · `layers` what networks are made of, and how it begins ·
//! `attention` simple self-attention · `pass` going through a network, to train, to evaluate or to make its table ·
//! `small_cnn` for small images on one CPU core · `xresnet` the residual family of the studies · `plain_cnn` and
//! `simple_cnn` two studies' own networks · `state` everything that changes, to save and to compare · `summary` the
//! table of layers.
//!
//! A network only says how layers follow each other; whether a pass trains or evaluates, and in which number format, is
//! the pass's business.

mod attention;
mod layers;
mod parameters;
mod pass;
mod plain_cnn;
mod simple_cnn;
mod small_cnn;
mod state;
mod summary;
mod xresnet;

use sweeper_recipe::{Arch, Model as Settings, Precision};
use tch::{Device, TchError, Tensor};

use layers::{Builder, Layers};
pub use parameters::{Initial, Parameter, Parameters};
use pass::Pass;
pub use summary::{Row, Summary, summary};

/// Where a network lies, and what its convolutions and linear layers compute in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// Images must be there too.
    pub device: Device,
    /// Parameters, moments, features and logits are float32 whatever it is.
    pub precision: Precision,
}

/// The processor, float32.
impl Default for Placement {
    fn default() -> Self {
        Self { device: Device::Cpu, precision: Precision::Fp32 }
    }
}

/// What a network says about a batch.
#[derive(Debug)]
pub struct Output {
    /// float32, n × classes, without any bias of a prior. (float64 after [`Model::into_double`].)
    pub logits: Tensor,
    /// n × features, of the logits' kind: the input of the last linear layer; of a network without one, the logits.
    pub features: Tensor,
}

/// What an architecture is: from images to logits.
trait Network {
    /// `images` n × channels × height × width, of any kind.
    fn forward(&self, pass: &Pass<'_>, images: &Tensor) -> Result<Output, TchError>;
}

/// A network with its parameters.
pub struct Model {
    layers: Layers,
    network: Box<dyn Network>,
}

impl Model {
    /// A fresh model for images of `[channels, height, width]`; its initial values derive from `seed` and from nothing
    /// else.
    ///
    /// # Errors
    /// Images that are too small for the network, or no classes; libtorch's own.
    pub fn new(
        settings: &Settings,
        image: [i64; 3],
        classes: i64,
        seed: u64,
        placement: Placement,
    ) -> Result<Self, TchError> {
        Self::build(settings, image, classes, Some(seed), placement)
    }

    /// Without a seed, random values are zero.
    fn build(
        settings: &Settings,
        image: [i64; 3],
        classes: i64,
        seed: Option<u64>,
        placement: Placement,
    ) -> Result<Self, TchError> {
        check(settings.arch, image, classes)?;
        let mut layers = Builder::new(seed);
        let network: Box<dyn Network> = match settings.arch {
            Arch::SmallCnn => Box::new(small_cnn::SmallCnn::new(&mut layers, image, classes)),
            Arch::PlainCnn => Box::new(plain_cnn::PlainCnn::new(&mut layers, image[0], classes)),
            Arch::SimpleCnn => Box::new(simple_cnn::SimpleCnn::new(&mut layers, image[0], classes)),
            Arch::Xresnet18
            | Arch::Xresnet34
            | Arch::Xresnet50
            | Arch::XseResnet18
            | Arch::Xresnext18
            | Arch::XseResnext18
            | Arch::XseResnext50 => Box::new(xresnet::Xresnet::new(&mut layers, settings, image[0], classes)),
        };
        Ok(Self { layers: layers.finish(placement)?, network })
    }

    /// The same network with every number and every sum in float64, to be held against references: rounding to float32
    /// moves inputs of a ReLU across zero and makes another one of two nearly equal values a window's largest, and
    /// gradients jump there. Not to train with: optimizers, [`Model::state`] and [`Model::digest`] are float32.
    ///
    /// # Errors
    /// libtorch's own.
    pub fn into_double(self) -> Result<Self, TchError> {
        Ok(Self { layers: self.layers.into_double()?, ..self })
    }

    /// Logits and features of a training batch; batch norm uses the batch's moments and moves its running ones.
    ///
    /// # Errors
    /// libtorch's own, e.g. for a batch of one image where batch norm sees single pixels (`plain-cnn` up to 128 pixels,
    /// the xresnet family up to 32).
    pub fn train_pass(&self, images: &Tensor) -> Result<Output, TchError> {
        self.network.forward(&Pass::train(&self.layers), images)
    }

    /// The model as it stands, for evaluation: batch norm with running moments, folded into the convolutions where
    /// nothing stands between.
    ///
    /// # Errors
    /// libtorch's own.
    pub fn frozen(&self) -> Result<Frozen<'_>, TchError> {
        Ok(Frozen { model: self, pass: Pass::evaluate(&self.layers)? })
    }

    /// Every trainable number.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.layers.parameters
    }
}

/// A model held still for evaluation. Changes of the model after [`Model::frozen`] may or may not reach it.
pub struct Frozen<'a> {
    model: &'a Model,
    pass: Pass<'a>,
}

impl Frozen<'_> {
    /// Logits and features, image by image independent of the rest of the batch (but for low bits).
    ///
    /// # Errors
    /// libtorch's own.
    pub fn pass(&self, images: &Tensor) -> Result<Output, TchError> {
        tch::no_grad(|| self.model.network.forward(&self.pass, images))
    }

    /// Logits alone.
    ///
    /// # Errors
    /// As [`Frozen::pass`].
    pub fn logits(&self, images: &Tensor) -> Result<Tensor, TchError> {
        Ok(self.pass(images)?.logits)
    }
}

/// Paddings let all networks but `small-cnn` end with at least one pixel, however small the image.
fn check(arch: Arch, [channels, height, width]: [i64; 3], classes: i64) -> Result<(), TchError> {
    let smallest = if arch == Arch::SmallCnn { small_cnn::SMALLEST } else { 1 };
    let name = arch.name();
    if height.min(width) < smallest {
        let hint = "hint: raise data.size or choose another model.arch";
        let needs = format!("{name} needs images of {smallest} or more pixels a side, not {height} × {width}");
        return Err(TchError::Shape(format!("{needs}; {hint}")));
    }
    if channels < 1 || classes < 1 {
        let found = format!("not {channels} and {classes}");
        return Err(TchError::Shape(format!("{name} needs one or more channels and classes, {found}")));
    }
    Ok(())
}
