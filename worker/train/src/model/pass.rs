//! One way of going through a network: training, evaluation, or making the table of its layers.
//!
//! Convolutions and linear layers compute in the network's kind: input and weight are cast, and the gradient of the cast
//! flows back to the float32 leaf. Norm parameters and moments, the sums of squeeze-excitation, global means,
//! attention, features and logits are float32 always (float64 in a network that is all float64).

use std::cell::RefCell;

use sweeper_recipe::{Activation, Pool};
use tch::{TchError, Tensor};

use super::{
    Output,
    layers::{Affine, AffineId, AttentionId, ConvNorm, ConvNormId, ExcitationId, Layers},
    summary::Row,
};

/// Batch norm's ε and the weight of a batch in the running moments.
const NORM_EPS: f64 = 1e-5;
const NORM_MOMENTUM: f64 = 0.1;

/// Weights as evaluation uses them, made once.
struct Prepared {
    /// Of each convolution with norm. The bias is the folded norm's; none where the norm cannot be folded.
    conv_norms: Vec<(Tensor, Option<Tensor>)>,
    affines: Vec<(Tensor, Tensor)>,
    attentions: Vec<Tensor>,
}

/// One way of going through a network.
pub(super) struct Pass<'a> {
    layers: &'a Layers,
    /// None while training.
    prepared: Option<Prepared>,
    /// One for each layer passed, where a table is made.
    rows: Option<RefCell<Vec<Row>>>,
}

impl<'a> Pass<'a> {
    pub(super) fn train(layers: &'a Layers) -> Self {
        Self { layers, prepared: None, rows: None }
    }

    pub(super) fn evaluate(layers: &'a Layers) -> Result<Self, TchError> {
        let prepared = tch::no_grad(|| Prepared::new(layers))?;
        Ok(Self { layers, prepared: Some(prepared), rows: None })
    }

    /// An evaluation that remembers every layer.
    pub(super) fn record(layers: &'a Layers) -> Result<Self, TchError> {
        Ok(Self { rows: Some(RefCell::default()), ..Self::evaluate(layers)? })
    }

    /// The layers passed, in order.
    pub(super) fn into_rows(self) -> Vec<Row> {
        self.rows.map(RefCell::into_inner).unwrap_or_default()
    }

    /// Convolution, batch norm, activation; or, where the layer says so, convolution, ReLU, batch norm.
    pub(super) fn conv_norm(
        &self,
        id: ConvNormId,
        input: &Tensor,
        activation: Option<Activation>,
    ) -> Result<Tensor, TchError> {
        let layer = &self.layers.conv_norms[id.0];
        let input = input.f_to_kind(self.layers.kind)?;
        let output = match &self.prepared {
            Some(prepared) => {
                let (weight, bias) = &prepared.conv_norms[id.0];
                let output = layer.conv.apply(&input, weight, bias.as_ref())?;
                match bias {
                    Some(_) => output,
                    None => self.norm(layer, &self.activate(output, Activation::Relu)?)?,
                }
            }
            None => {
                let weight = self.layers.parameter(layer.weight).f_to_kind(self.layers.kind)?;
                let mut output = layer.conv.apply(&input, &weight, None)?;
                if layer.conv.relu_first {
                    output = self.activate(output, Activation::Relu)?;
                }
                self.norm(layer, &output)?
            }
        };
        let parameters = [layer.weight, layer.scale, layer.shift];
        let conv = &layer.conv;
        self.note(
            &layer.name,
            || format!("{}, norm", describe(conv)),
            &output,
            &parameters,
            || conv.multiply_adds(&output),
        );
        match activation {
            Some(activation) => self.activate(output, activation),
            None => Ok(output),
        }
    }

    fn norm(&self, layer: &ConvNorm, input: &Tensor) -> Result<Tensor, TchError> {
        input.f_batch_norm(
            Some(self.layers.parameter(layer.scale)),
            Some(self.layers.parameter(layer.shift)),
            Some(self.layers.buffer(layer.mean)),
            Some(self.layers.buffer(layer.variance)),
            self.prepared.is_none(),
            NORM_MOMENTUM,
            NORM_EPS,
            true,
        )
    }

    /// The activation, in place where no gradient needs the input.
    pub(super) fn activate(&self, mut input: Tensor, activation: Activation) -> Result<Tensor, TchError> {
        match (activation, self.prepared.is_some()) {
            (Activation::Relu, true) => input.f_relu_(),
            (Activation::Relu, false) => input.f_relu(),
            (Activation::Mish, true) => input.f_mish_(),
            (Activation::Mish, false) => input.f_mish(),
        }
    }

    /// A convolution with bias, then ReLU.
    pub(super) fn conv_relu(&self, id: AffineId, input: &Tensor) -> Result<Tensor, TchError> {
        let layer = &self.layers.affines[id.0];
        let Some(conv) = &layer.conv else {
            return Err(TchError::Shape(format!("{} is no convolution", layer.name)));
        };
        let (weight, bias) = self.affine(id)?;
        let output = conv.apply(&input.f_to_kind(self.layers.kind)?, &weight, Some(&bias))?;
        self.note(&layer.name, || describe(conv), &output, &[layer.weight, layer.bias], || conv.multiply_adds(&output));
        self.activate(output, Activation::Relu)
    }

    /// The last linear layer: float32 features n × f to logits.
    pub(super) fn head(&self, id: AffineId, features: Tensor) -> Result<Output, TchError> {
        let layer = &self.layers.affines[id.0];
        let (weight, bias) = self.affine(id)?;
        let output = features.f_to_kind(self.layers.kind)?.f_linear(&weight, Some(&bias))?;
        let numbers = weight.numel() as i64;
        self.note(&layer.name, || "linear".to_owned(), &output, &[layer.weight, layer.bias], || numbers);
        Ok(Output { logits: output.f_to_kind(self.layers.wide)?, features })
    }

    fn affine(&self, id: AffineId) -> Result<(Tensor, Tensor), TchError> {
        match &self.prepared {
            Some(Prepared { affines, .. }) => Ok((affines[id.0].0.shallow_clone(), affines[id.0].1.shallow_clone())),
            None => cast(self.layers, &self.layers.affines[id.0]),
        }
    }

    /// Squeeze-excitation, float32: x times sigmoid(excite(activation(squeeze(mean x)))).
    pub(super) fn excite(&self, id: ExcitationId, x: &Tensor, activation: Activation) -> Result<Tensor, TchError> {
        let layer = &self.layers.excitations[id.0];
        let squeezed = self.activate(self.channelwise(&layer.squeeze, &self.means(x)?)?, activation)?;
        let factors = self.channelwise(&layer.excite, &squeezed)?.f_sigmoid()?.f_to_kind(x.f_kind()?)?;
        x.f_mul(&factors.f_unsqueeze(-1)?.f_unsqueeze(-1)?)
    }

    /// A 1 × 1 convolution on single pixels, which is a linear layer: n × channels in and out.
    fn channelwise(&self, layer: &Affine, input: &Tensor) -> Result<Tensor, TchError> {
        let weight = self.layers.parameter(layer.weight);
        let output = input.f_linear(&weight.f_flatten(1, -1)?, Some(self.layers.parameter(layer.bias)))?;
        let numbers = weight.numel() as i64;
        self.note(&layer.name, || "conv 1×1".to_owned(), &output, &[layer.weight, layer.bias], || numbers);
        Ok(output)
    }

    /// Simple self-attention; each training pass takes a step of its power iteration.
    pub(super) fn attend(&self, id: AttentionId, x: &Tensor) -> Result<Tensor, TchError> {
        let layer = &self.layers.attentions[id.0];
        let output = match &self.prepared {
            Some(prepared) => layer.apply(self.layers, &prepared.attentions[id.0], x)?,
            None => layer.apply(self.layers, &layer.matrix(self.layers, true)?, x)?,
        };
        self.note(
            &layer.name,
            || "self-attention".to_owned(),
            &output,
            &[layer.weight, layer.gamma],
            || layer.multiply_adds(area(&output)),
        );
        Ok(output)
    }

    /// The largest value of each 3 × 3 window, stride 2.
    pub(super) fn max_pool(&self, name: &str, x: &Tensor) -> Result<Tensor, TchError> {
        let output = x.f_max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false)?;
        self.note(name, || "max pool 3×3 /2".to_owned(), &output, &[], || 0);
        Ok(output)
    }

    /// 2 × 2 to one; of an odd last row or column what there is.
    pub(super) fn halve(&self, name: &str, x: &Tensor, pool: Pool) -> Result<Tensor, TchError> {
        let (kind, output) = match pool {
            Pool::Average => ("mean pool 2×2 /2", x.f_avg_pool2d([2, 2], [2, 2], [0, 0], true, true, None)?),
            Pool::Max => ("max pool 2×2 /2", x.f_max_pool2d([2, 2], [2, 2], [0, 0], [1, 1], true)?),
        };
        self.note(name, || kind.to_owned(), &output, &[], || 0);
        Ok(output)
    }

    /// Means of overlapping 3 × 3 windows at stride 2, as one float32 row per image.
    pub(super) fn windows(&self, name: &str, x: &Tensor) -> Result<Tensor, TchError> {
        let output = x.f_avg_pool2d([3, 3], [2, 2], [0, 0], false, true, None)?;
        self.note(name, || "mean pool 3×3 /2".to_owned(), &output, &[], || 0);
        output.f_flatten(1, -1)?.f_to_kind(self.layers.wide)
    }

    /// The mean of each channel, float32: n × channels.
    pub(super) fn global_mean(&self, name: &str, x: &Tensor) -> Result<Tensor, TchError> {
        let output = self.means(x)?;
        self.note(name, || "global mean".to_owned(), &output, &[], || 0);
        Ok(output)
    }

    /// Mean over height and width, summed in float32.
    fn means(&self, x: &Tensor) -> Result<Tensor, TchError> {
        x.f_mean_dim([2i64, 3].as_slice(), false, self.layers.wide)
    }

    fn note(
        &self,
        name: &str,
        kind: impl FnOnce() -> String,
        output: &Tensor,
        parameters: &[usize],
        multiply_adds: impl FnOnce() -> i64,
    ) {
        let Some(rows) = &self.rows else { return };
        rows.borrow_mut().push(Row {
            name: name.to_owned(),
            kind: kind(),
            shape: output.size().split_off(1),
            parameters: parameters.iter().map(|&at| self.layers.parameter(at).numel() as i64).sum(),
            multiply_adds: multiply_adds(),
        });
    }
}

impl Prepared {
    fn new(layers: &Layers) -> Result<Self, TchError> {
        let affines = layers.affines.iter().map(|layer| cast(layers, layer));
        Ok(Self {
            conv_norms: layers.conv_norms.iter().map(|layer| fold(layers, layer)).collect::<Result<_, _>>()?,
            affines: affines.collect::<Result<_, _>>()?,
            attentions: layers.attentions.iter().map(|l| l.matrix(layers, false)).collect::<Result<_, _>>()?,
        })
    }
}

/// Weight and bias in the network's kind.
fn cast(layers: &Layers, layer: &Affine) -> Result<(Tensor, Tensor), TchError> {
    let cast = |at| layers.parameter(at).f_to_kind(layers.kind);
    Ok((cast(layer.weight)?, cast(layer.bias)?))
}

/// γ (w ∗ x − μ) / √(σ² + ε) + β = (w s) ∗ x + (β − μ s) with s = γ / √(σ² + ε): folded in float32, cast once. Behind a
/// ReLU the norm cannot be folded.
fn fold(layers: &Layers, layer: &ConvNorm) -> Result<(Tensor, Option<Tensor>), TchError> {
    let weight = layers.parameter(layer.weight);
    if layer.conv.relu_first {
        return Ok((weight.f_to_kind(layers.kind)?, None));
    }
    let (mean, variance) = (layers.buffer(layer.mean), layers.buffer(layer.variance));
    let factor = layers.parameter(layer.scale).f_div(&variance.f_add_scalar(NORM_EPS)?.f_sqrt()?)?;
    // The product takes the weight's channels-last strides.
    let weight = weight.f_mul(&factor.f_view([-1, 1, 1, 1])?)?;
    let bias = layers.parameter(layer.shift).f_sub(&mean.f_mul(&factor)?)?;
    Ok((weight.f_to_kind(layers.kind)?, Some(bias.f_to_kind(layers.kind)?)))
}

/// Pixels of an image.
fn area(x: &Tensor) -> i64 {
    x.size().iter().skip(2).product()
}

impl super::layers::Conv {
    /// Of one image.
    fn multiply_adds(&self, output: &Tensor) -> i64 {
        let (from, to) = self.channels;
        area(output) * to * (from / self.groups) * self.kernel * self.kernel
    }
}

/// e.g. `conv 3×3 /2, 32 groups`.
fn describe(conv: &super::layers::Conv) -> String {
    let mut text = format!("conv {0}×{0}", conv.kernel);
    if conv.stride > 1 {
        text += &format!(" /{}", conv.stride);
    }
    if conv.groups > 1 {
        text += &format!(", {} groups", conv.groups);
    }
    if conv.relu_first {
        text += ", relu";
    }
    text
}
