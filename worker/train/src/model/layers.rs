//! Parameters and layers. Initial values: convolution and linear weights Kaiming-normal (fan in, gain √2) from the
//! counter-based generator, biases 0, batch-norm scales 1 (or 0 where a block says so).

use sweeper_recipe::Activation;
use tch::{Kind, TchError, Tensor};

use crate::seeding::{Domain, Stream};

/// Batch norm's ε and the weight of a batch in the running moments.
const NORM_EPS: f64 = 1e-5;
const NORM_MOMENTUM: f64 = 0.1;

/// A trainable tensor.
#[derive(Debug)]
pub struct Parameter {
    /// Where it is in the network, e.g. `stage1.block0.conv1.weight`.
    pub name: String,
    /// The leaf that gradients collect in.
    pub tensor: Tensor,
    /// Whether weight decay applies: convolution and linear weights only.
    pub decay: bool,
}

/// A convolution and the batch norm behind it.
#[derive(Debug)]
struct ConvNorm {
    weight: Tensor,
    scale: Tensor,
    shift: Tensor,
    mean: Tensor,
    variance: Tensor,
    conv: Conv,
}

/// A layer with weight and bias.
#[derive(Debug)]
struct Affine {
    weight: Tensor,
    bias: Tensor,
}

/// Handle of a convolution with batch norm.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConvNormId(usize);

/// Handle of a linear layer or a 1 × 1 convolution with bias.
#[derive(Debug, Clone, Copy)]
pub(super) struct AffineId(usize);

/// Shape of a convolution.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conv {
    /// Channels in and out.
    pub channels: (i64, i64),
    /// Side of the square kernel, odd; padding keeps the image's size at stride 1.
    pub kernel: i64,
    pub stride: i64,
    pub groups: i64,
    /// Batch norm's initial scale.
    pub scale: f64,
}

impl Conv {
    /// No groups, stride 1, scale 1.
    pub(super) fn plain(from: i64, to: i64, kernel: i64) -> Self {
        Self { channels: (from, to), kernel, stride: 1, groups: 1, scale: 1.0 }
    }

    fn apply(&self, input: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor, TchError> {
        let (stride, padding) = ([self.stride; 2], [self.kernel / 2; 2]);
        input.f_conv2d(weight, bias, stride, padding, [1, 1], self.groups)
    }
}

/// All layers of a network, in creation order.
#[derive(Debug)]
pub struct Layers {
    seed: u64,
    parameters: Vec<Parameter>,
    moments: Vec<(String, Tensor)>,
    conv_norms: Vec<ConvNorm>,
    affines: Vec<Affine>,
}

impl Layers {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, parameters: Vec::new(), moments: Vec::new(), conv_norms: Vec::new(), affines: Vec::new() }
    }

    /// Every trainable tensor.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Every running moment with its name.
    pub fn moments(&self) -> &[(String, Tensor)] {
        &self.moments
    }

    pub(super) fn conv_norm(&mut self, name: &str, conv: Conv) -> Result<ConvNormId, TchError> {
        let (from, to) = conv.channels;
        let shape = [to, from / conv.groups, conv.kernel, conv.kernel];
        let layer = ConvNorm {
            weight: self.weight(&format!("{name}.weight"), &shape)?,
            scale: self.constant(&format!("{name}.norm.weight"), to, conv.scale)?,
            shift: self.constant(&format!("{name}.norm.bias"), to, 0.0)?,
            mean: self.moment(&format!("{name}.norm.running_mean"), to, 0.0)?,
            variance: self.moment(&format!("{name}.norm.running_var"), to, 1.0)?,
            conv,
        };
        self.conv_norms.push(layer);
        Ok(ConvNormId(self.conv_norms.len() - 1))
    }

    pub(super) fn linear(&mut self, name: &str, from: i64, to: i64) -> Result<AffineId, TchError> {
        self.affine(name, &[to, from])
    }

    /// A 1 × 1 convolution with bias and without norm.
    pub(super) fn pointwise(&mut self, name: &str, from: i64, to: i64) -> Result<AffineId, TchError> {
        self.affine(name, &[to, from, 1, 1])
    }

    fn affine(&mut self, name: &str, shape: &[i64]) -> Result<AffineId, TchError> {
        let weight = self.weight(&format!("{name}.weight"), shape)?;
        let bias = self.constant(&format!("{name}.bias"), shape[0], 0.0)?;
        self.affines.push(Affine { weight, bias });
        Ok(AffineId(self.affines.len() - 1))
    }

    /// Kaiming-normal: standard deviation √(2 / fan in). Values are drawn in the order of the axes (out, in, row,
    /// column) and stored channels last.
    fn weight(&mut self, name: &str, shape: &[i64]) -> Result<Tensor, TchError> {
        let count: i64 = shape.iter().product();
        let deviation = (2.0 / (count / shape[0]) as f64).sqrt();
        let normals = Stream::new(self.seed, Domain::Init, self.parameters.len() as u32).normals(count as usize);
        let values: Vec<f32> = normals.into_iter().map(|normal| (normal * deviation) as f32).collect();
        let mut tensor = Tensor::f_from_slice(&values)?.f_view(shape)?;
        if let &[to, from, height, width] = shape {
            // Through a flat view: with one input channel both layouts count as contiguous, and `contiguous` would
            // keep strides that make the convolution answer channels first.
            let flat = tensor.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_view([count])?;
            tensor = flat.f_view([to, height, width, from])?.f_permute([0, 3, 1, 2])?;
        }
        self.register(name, tensor, true)
    }

    fn constant(&mut self, name: &str, count: i64, value: f64) -> Result<Tensor, TchError> {
        let tensor = Tensor::f_full([count], value, (Kind::Float, tch::Device::Cpu))?;
        self.register(name, tensor, false)
    }

    fn moment(&mut self, name: &str, count: i64, value: f64) -> Result<Tensor, TchError> {
        let tensor = Tensor::f_full([count], value, (Kind::Float, tch::Device::Cpu))?;
        self.moments.push((name.to_owned(), tensor.shallow_clone()));
        Ok(tensor)
    }

    fn register(&mut self, name: &str, tensor: Tensor, decay: bool) -> Result<Tensor, TchError> {
        let tensor = tensor.f_detach()?.f_set_requires_grad(true)?;
        self.parameters.push(Parameter { name: name.to_owned(), tensor: tensor.shallow_clone(), decay });
        Ok(tensor)
    }
}

/// One way of going through a network.
pub struct Pass<'a> {
    layers: &'a Layers,
    /// Weight and bias of each convolution with its norm folded in; none while training.
    folded: Option<Vec<(Tensor, Tensor)>>,
}

impl<'a> Pass<'a> {
    pub(super) fn train(layers: &'a Layers) -> Self {
        Self { layers, folded: None }
    }

    pub(super) fn evaluate(layers: &'a Layers) -> Result<Self, TchError> {
        let folded = tch::no_grad(|| layers.conv_norms.iter().map(fold).collect::<Result<_, _>>())?;
        Ok(Self { layers, folded: Some(folded) })
    }

    /// Convolution, batch norm, activation.
    pub(super) fn conv_norm(
        &self,
        id: ConvNormId,
        input: &Tensor,
        activation: Option<Activation>,
    ) -> Result<Tensor, TchError> {
        let layer = &self.layers.conv_norms[id.0];
        let output = match &self.folded {
            Some(folded) => layer.conv.apply(input, &folded[id.0].0, Some(&folded[id.0].1))?,
            None => layer.conv.apply(input, &layer.weight, None)?.f_batch_norm(
                Some(&layer.scale),
                Some(&layer.shift),
                Some(&layer.mean),
                Some(&layer.variance),
                true,
                NORM_MOMENTUM,
                NORM_EPS,
                true,
            )?,
        };
        activation.map_or(Ok(output.shallow_clone()), |activation| self.activate(output, activation))
    }

    /// The activation, in place where no gradient needs the input.
    pub(super) fn activate(&self, mut input: Tensor, activation: Activation) -> Result<Tensor, TchError> {
        match (activation, self.folded.is_some()) {
            (Activation::Relu, true) => input.f_relu_(),
            (Activation::Relu, false) => input.f_relu(),
            (Activation::Mish, true) => input.f_mish_(),
            (Activation::Mish, false) => input.f_mish(),
        }
    }

    pub(super) fn linear(&self, id: AffineId, input: &Tensor) -> Result<Tensor, TchError> {
        let Affine { weight, bias } = &self.layers.affines[id.0];
        input.f_linear(weight, Some(bias))
    }

    pub(super) fn pointwise(&self, id: AffineId, input: &Tensor) -> Result<Tensor, TchError> {
        let Affine { weight, bias } = &self.layers.affines[id.0];
        input.f_conv2d(weight, Some(bias), [1, 1], [0, 0], [1, 1], 1)
    }
}

/// γ (w ∗ x − μ) / √(σ² + ε) + β = (w s) ∗ x + (β − μ s) with s = γ / √(σ² + ε).
fn fold(layer: &ConvNorm) -> Result<(Tensor, Tensor), TchError> {
    let factor = layer.scale.f_div(&layer.variance.f_add_scalar(NORM_EPS)?.f_sqrt()?)?;
    // The product takes the weight's channels-last strides.
    let weight = layer.weight.f_mul(&factor.f_view([-1, 1, 1, 1])?)?;
    Ok((weight, layer.shift.f_sub(&layer.mean.f_mul(&factor)?)?))
}
