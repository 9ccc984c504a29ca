//! The layers that networks are made of, and how they begin. Every value is drawn from the counter-based generator or a
//! constant: nothing depends on the order of drawing but a parameter's position.

use sweeper_recipe::Precision;
use tch::{Kind, TchError, Tensor};

use super::{
    Placement,
    attention::Attention,
    parameters::{Initial, Parameters},
};
use crate::seeding::{Domain, Stream};

/// Gain² of a Kaiming-normal weight before a ReLU: standard deviation √(2 / fan in).
const KAIMING: f64 = 2.0;

/// A convolution and the batch norm that belongs to it.
#[derive(Debug)]
pub(super) struct ConvNorm {
    pub name: String,
    pub conv: Conv,
    pub weight: usize,
    pub scale: usize,
    pub shift: usize,
    pub mean: usize,
    pub variance: usize,
}

/// A layer with weight and bias: linear, or a convolution without norm.
#[derive(Debug)]
pub(super) struct Affine {
    pub name: String,
    pub conv: Option<Conv>,
    pub weight: usize,
    pub bias: usize,
}

/// Squeeze-excitation: two 1 × 1 convolutions with bias on the means of the channels.
#[derive(Debug)]
pub(super) struct Excitation {
    pub squeeze: Affine,
    pub excite: Affine,
}

/// Handle of a convolution with batch norm.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConvNormId(pub usize);

/// Handle of a linear layer or a convolution without norm.
#[derive(Debug, Clone, Copy)]
pub(super) struct AffineId(pub usize);

/// Handle of a squeeze-excitation.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExcitationId(pub usize);

/// Handle of a self-attention.
#[derive(Debug, Clone, Copy)]
pub(super) struct AttentionId(pub usize);

/// Shape of a convolution, and how it begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conv {
    /// Channels in and out.
    pub channels: (i64, i64),
    /// Side of the square kernel, odd; padding keeps the image's size at stride 1.
    pub kernel: i64,
    pub stride: i64,
    pub groups: i64,
    /// Weights are normal with standard deviation √(`gain_squared` / fan in).
    pub gain_squared: f64,
    /// Batch norm's initial scale.
    pub scale: f64,
    /// ReLU between convolution and batch norm. The norm can then not be folded into the convolution.
    pub relu_first: bool,
}

impl Conv {
    /// No groups, stride 1, scale 1, norm right behind the convolution.
    pub(super) fn plain(from: i64, to: i64, kernel: i64) -> Self {
        let channels = (from, to);
        Self { channels, kernel, stride: 1, groups: 1, gain_squared: KAIMING, scale: 1.0, relu_first: false }
    }

    /// Of an image that is one pixel high or wide only a kernel's middle sees more than padding, so only that is used:
    /// it is faster, and on such images oneDNN's bfloat16 gradient of a whole kernel reads uninitialized memory.
    pub(super) fn apply(&self, input: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor, TchError> {
        let size = input.size();
        let (mut weight, mut padding) = (weight.shallow_clone(), [self.kernel / 2; 2]);
        for (axis, padding) in padding.iter_mut().enumerate() {
            if size.get(axis + 2) == Some(&1) && self.kernel > 1 {
                weight = weight.f_narrow(axis as i64 + 2, self.kernel / 2, 1)?;
                *padding = 0;
            }
        }
        input.f_conv2d(&weight, bias, [self.stride; 2], padding, [1, 1], self.groups)
    }

    fn weight_shape(&self) -> [i64; 4] {
        let (from, to) = self.channels;
        [to, from / self.groups, self.kernel, self.kernel]
    }
}

/// A side of the image after a convolution or pool with odd kernel, padding kernel / 2, and this stride.
pub(super) fn strided(side: i64, stride: i64) -> i64 {
    (side + stride - 1) / stride
}

/// All layers of a network.
#[derive(Debug)]
pub(super) struct Layers {
    pub parameters: Parameters,
    /// Running moments and power-iteration vectors.
    pub buffers: Vec<(String, Tensor)>,
    pub conv_norms: Vec<ConvNorm>,
    pub affines: Vec<Affine>,
    pub excitations: Vec<Excitation>,
    pub attentions: Vec<Attention>,
    /// What convolutions and linear layers compute in.
    pub kind: Kind,
    /// What parameters, buffers and every other sum are in: float32 whatever `kind` is, or all is float64.
    pub wide: Kind,
}

impl Layers {
    pub(super) fn parameter(&self, at: usize) -> &Tensor {
        &self.parameters.list()[at].tensor
    }

    pub(super) fn buffer(&self, at: usize) -> &Tensor {
        &self.buffers[at].1
    }

    /// The same numbers in float64, computing in float64.
    pub(super) fn into_double(self) -> Result<Self, TchError> {
        let widened = |(name, tensor): (String, Tensor)| Ok((name, tensor.f_to_kind(Kind::Double)?));
        Ok(Self {
            parameters: self.parameters.into_double()?,
            buffers: self.buffers.into_iter().map(widened).collect::<Result<_, TchError>>()?,
            kind: Kind::Double,
            wide: Kind::Double,
            ..self
        })
    }
}

/// A network's layers while it is described. Parameters count in the order in which they are asked for.
pub(super) struct Builder {
    /// None leaves random values zero, where only shapes matter.
    seed: Option<u64>,
    initial: Vec<Initial>,
    buffers: Vec<(String, Vec<f32>)>,
    conv_norms: Vec<ConvNorm>,
    affines: Vec<Affine>,
    excitations: Vec<Excitation>,
    attentions: Vec<Attention>,
}

impl Builder {
    pub(super) fn new(seed: Option<u64>) -> Self {
        Self {
            seed,
            initial: Vec::new(),
            buffers: Vec::new(),
            conv_norms: Vec::new(),
            affines: Vec::new(),
            excitations: Vec::new(),
            attentions: Vec::new(),
        }
    }

    pub(super) fn conv_norm(&mut self, name: &str, conv: Conv) -> ConvNormId {
        let to = conv.channels.1;
        let layer = ConvNorm {
            name: name.to_owned(),
            conv,
            weight: self.weight(&format!("{name}.weight"), &conv.weight_shape(), conv.gain_squared),
            scale: self.constant(&format!("{name}.norm.weight"), to, conv.scale),
            shift: self.constant(&format!("{name}.norm.bias"), to, 0.0),
            mean: self.buffer(&format!("{name}.norm.running_mean"), vec![0.0; to as usize]),
            variance: self.buffer(&format!("{name}.norm.running_var"), vec![1.0; to as usize]),
        };
        self.conv_norms.push(layer);
        ConvNormId(self.conv_norms.len() - 1)
    }

    /// A convolution with bias and without norm.
    pub(super) fn conv_bias(&mut self, name: &str, conv: Conv) -> AffineId {
        let layer = Affine { conv: Some(conv), ..self.affine(name, &conv.weight_shape()) };
        self.affines.push(layer);
        AffineId(self.affines.len() - 1)
    }

    pub(super) fn linear(&mut self, name: &str, from: i64, to: i64) -> AffineId {
        let layer = self.affine(name, &[to, from]);
        self.affines.push(layer);
        AffineId(self.affines.len() - 1)
    }

    /// A linear layer whose weights and biases are uniform in ±1/√`from`.
    pub(super) fn uniform_linear(&mut self, name: &str, from: i64, to: i64) -> AffineId {
        let bound = 1.0 / (from as f64).sqrt();
        let weight = self.uniform(&format!("{name}.weight"), &[to, from], bound, true);
        let bias = self.uniform(&format!("{name}.bias"), &[to], bound, false);
        self.affines.push(Affine { name: name.to_owned(), conv: None, weight, bias });
        AffineId(self.affines.len() - 1)
    }

    /// Layers `{name}.squeeze` from `channels` to `narrow`, and `{name}.excite` back.
    pub(super) fn excitation(&mut self, name: &str, channels: i64, narrow: i64) -> ExcitationId {
        let squeeze = self.affine(&format!("{name}.squeeze"), &[narrow, channels, 1, 1]);
        let excite = self.affine(&format!("{name}.excite"), &[channels, narrow, 1, 1]);
        self.excitations.push(Excitation { squeeze, excite });
        ExcitationId(self.excitations.len() - 1)
    }

    /// γ begins at 0. The power iteration's `u` begins at a random direction, and `v` follows from it, so that the norm
    /// is known before the first training step too.
    pub(super) fn attention(&mut self, name: &str, channels: i64, symmetric: bool) -> AttentionId {
        let position = self.initial.len() as u32;
        let weight = self.weight(&format!("{name}.weight"), &[channels, channels], KAIMING);
        let gamma = self.push(format!("{name}.gamma"), &[1], vec![0.0], true);
        let side = channels as usize;
        let u = match self.seed {
            Some(seed) => Stream::new(seed, Domain::PowerIteration, position).normals(side),
            None => vec![1.0; side],
        };
        let u = unit(u.iter());
        let matrix = &self.initial[weight].values;
        let column = |at: usize| (0..side).map(|row| f64::from(matrix[row * side + at]) * f64::from(u[row])).sum();
        let v = unit((0..side).map(column).collect::<Vec<f64>>().iter());
        let u = self.buffer(&format!("{name}.u"), u);
        let v = self.buffer(&format!("{name}.v"), v);
        self.attentions.push(Attention { name: name.to_owned(), channels, weight, gamma, u, v, symmetric });
        AttentionId(self.attentions.len() - 1)
    }

    /// Everything described so far, on its device.
    pub(super) fn finish(self, placement: Placement) -> Result<Layers, TchError> {
        let Self { initial, buffers, conv_norms, affines, excitations, attentions, .. } = self;
        let placed = |(name, values): (String, Vec<f32>)| -> Result<_, TchError> {
            Ok((name, Tensor::f_from_slice(&values)?.f_to_device(placement.device)?))
        };
        Ok(Layers {
            parameters: Parameters::new(initial, placement.device)?,
            buffers: buffers.into_iter().map(placed).collect::<Result<_, _>>()?,
            conv_norms,
            affines,
            excitations,
            attentions,
            kind: match placement.precision {
                Precision::Fp32 => Kind::Float,
                Precision::Bf16 => Kind::BFloat16,
                Precision::Fp16 => Kind::Half,
            },
            wide: Kind::Float,
        })
    }

    fn affine(&mut self, name: &str, shape: &[i64]) -> Affine {
        let weight = self.weight(&format!("{name}.weight"), shape, KAIMING);
        let bias = self.constant(&format!("{name}.bias"), shape[0], 0.0);
        Affine { name: name.to_owned(), conv: None, weight, bias }
    }

    /// Kaiming-normal: standard deviation √(gain² / fan in). Values are drawn in the order of the axes.
    fn weight(&mut self, name: &str, shape: &[i64], gain_squared: f64) -> usize {
        let count: i64 = shape.iter().product();
        let deviation = (gain_squared / (count / shape[0]) as f64).sqrt();
        let values = match self.stream() {
            Some(stream) => stream.normals(count as usize).into_iter().map(|n| (n * deviation) as f32).collect(),
            None => vec![0.0; count as usize],
        };
        self.push(name.to_owned(), shape, values, true)
    }

    fn uniform(&mut self, name: &str, shape: &[i64], bound: f64, decay: bool) -> usize {
        let count = shape.iter().product::<i64>() as u64;
        let values = match self.stream() {
            Some(stream) => (0..count).map(|at| ((2.0 * stream.uniform(at) - 1.0) * bound) as f32).collect(),
            None => vec![0.0; count as usize],
        };
        self.push(name.to_owned(), shape, values, decay)
    }

    fn constant(&mut self, name: &str, count: i64, value: f64) -> usize {
        self.push(name.to_owned(), &[count], vec![value as f32; count as usize], false)
    }

    /// The numbers of the next parameter.
    fn stream(&self) -> Option<Stream> {
        self.seed.map(|seed| Stream::new(seed, Domain::Init, self.initial.len() as u32))
    }

    fn push(&mut self, name: String, shape: &[i64], values: Vec<f32>, decay: bool) -> usize {
        self.initial.push(Initial { name, shape: shape.to_vec(), values, decay });
        self.initial.len() - 1
    }

    fn buffer(&mut self, name: &str, values: Vec<f32>) -> usize {
        self.buffers.push((name.to_owned(), values));
        self.buffers.len() - 1
    }
}

/// The vector at length 1; zeros stay zeros.
fn unit<'a>(vector: impl Iterator<Item = &'a f64> + Clone) -> Vec<f32> {
    let length = vector.clone().map(|x| x * x).sum::<f64>().sqrt().max(1e-12);
    vector.map(|x| (x / length) as f32).collect()
}
