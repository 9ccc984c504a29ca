//! The networks.
//!
//! Map: `layers` parameters, their initial values, and the layers that networks are made of · `small_cnn` for small
//! images on one CPU core · `xresnet` the residual family of the studies.
//!
//! A network only says how layers follow each other; whether a pass trains or evaluates is the [`Pass`]'s business.

mod layers;
mod small_cnn;
mod xresnet;

use sha2::{Digest, Sha256};
use sweeper_recipe::{Arch, Model as Settings};
use tch::{Kind, TchError, Tensor};

use crate::data::hex;
pub use layers::{Layers, Parameter, Pass};

/// What an architecture is: from images to logits.
trait Network {
    /// `images` n × channels × height × width, float32; logits n × classes.
    fn forward(&self, pass: &Pass<'_>, images: &Tensor) -> Result<Tensor, TchError>;
}

/// A network with its parameters.
pub struct Model {
    layers: Layers,
    network: Box<dyn Network>,
}

impl Model {
    /// A fresh model for images of `[channels, height, width]`; its initial values derive from `seed` and from nothing else.
    ///
    /// # Errors
    /// libtorch's own.
    pub fn new(settings: &Settings, image: [i64; 3], classes: i64, seed: u64) -> Result<Self, TchError> {
        let mut layers = Layers::new(seed);
        let network: Box<dyn Network> = match settings.arch {
            Arch::SmallCnn => Box::new(small_cnn::SmallCnn::new(&mut layers, image, classes)?),
            Arch::Xresnet18 => {
                let shape = xresnet::Shape::xresnet18(settings.activation, settings.pool);
                Box::new(xresnet::Xresnet::new(&mut layers, &shape, image[0], classes)?)
            }
            _ => {
                let shape = xresnet::Shape::xse_resnext18(settings.activation, settings.pool);
                Box::new(xresnet::Xresnet::new(&mut layers, &shape, image[0], classes)?)
            }
        };
        Ok(Self { layers, network })
    }

    /// Logits of a training batch; batch norm uses the batch's moments and moves its running ones.
    ///
    /// # Errors
    /// libtorch's own, e.g. images smaller than the network allows.
    pub fn train_logits(&self, images: &Tensor) -> Result<Tensor, TchError> {
        self.network.forward(&Pass::train(&self.layers), images)
    }

    /// The model as it stands, for evaluation: batch norm with running moments, folded into the convolutions.
    ///
    /// # Errors
    /// libtorch's own.
    pub fn frozen(&self) -> Result<Frozen<'_>, TchError> {
        Ok(Frozen { model: self, pass: Pass::evaluate(&self.layers)? })
    }

    /// Every trainable tensor, in creation order.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        self.layers.parameters()
    }

    /// Number of trainable numbers.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.parameters().iter().map(|parameter| parameter.tensor.numel()).sum()
    }

    /// SHA-256 over all parameters and running moments: sorted by name, each as name, sizes, and float32 values in
    /// the order of the axes whatever the memory layout, all little-endian.
    ///
    /// # Errors
    /// libtorch's own.
    pub fn digest(&self) -> Result<String, TchError> {
        let parameters = self.parameters().iter().map(|parameter| (parameter.name.as_str(), &parameter.tensor));
        let moments = self.layers.moments().iter().map(|(name, tensor)| (name.as_str(), tensor));
        let mut all: Vec<(&str, &Tensor)> = parameters.chain(moments).collect();
        all.sort_by_key(|(name, _)| *name);
        let mut hasher = Sha256::new();
        for (name, tensor) in all {
            hasher.update((name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
            tensor.size().iter().for_each(|side| hasher.update(side.to_le_bytes()));
            let mut values = vec![0f32; tensor.numel()];
            let flat = tensor.f_detach()?.f_to_kind(Kind::Float)?.f_contiguous()?;
            flat.f_copy_data(&mut values, tensor.numel())?;
            values.iter().for_each(|value| hasher.update(value.to_le_bytes()));
        }
        Ok(hex(&hasher.finalize()))
    }
}

/// A model held still for evaluation.
pub struct Frozen<'a> {
    model: &'a Model,
    pass: Pass<'a>,
}

impl Frozen<'_> {
    /// Logits, image by image independent of the rest of the batch (but for low bits).
    ///
    /// # Errors
    /// As [`Model::train_logits`].
    pub fn logits(&self, images: &Tensor) -> Result<Tensor, TchError> {
        tch::no_grad(|| self.model.network.forward(&self.pass, images))
    }
}
