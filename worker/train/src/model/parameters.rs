//! All trainable numbers of a network in one buffer, so that an optimizer step is a handful of kernels.

use tch::{Device, Kind, TchError, Tensor};

/// Every tensor begins at a multiple of it in the buffer (64 bytes), as kernels with wide loads like it. The gaps hold
/// zeros and have gradient zero.
const ALIGNMENT: i64 = 16;

/// A trainable tensor.
#[derive(Debug)]
pub struct Parameter {
    /// Where it is in the network, e.g. `stage1.block0.conv1.weight`.
    pub name: String,
    /// The leaf that gradients are taken for: a view into the buffer.
    pub tensor: Tensor,
    /// Whether weight decay applies: weights of convolutions and linear layers, and attention's γ.
    pub decay: bool,
}

/// A trainable tensor before it has its place in the buffer.
#[derive(Debug, Clone)]
pub struct Initial {
    /// As [`Parameter::name`].
    pub name: String,
    /// Its axes; with four they are out, in, row, column, and memory is channels last.
    pub shape: Vec<i64>,
    /// Its numbers in the order of the axes.
    pub values: Vec<f32>,
    /// As [`Parameter::decay`].
    pub decay: bool,
}

/// Where a parameter lies in the buffer.
#[derive(Debug)]
struct Slice {
    parameter: usize,
    /// Numbers between its end and the next one's start.
    gap: i64,
}

/// Every trainable tensor of a network, and the one buffer that they are views of: first all that decay, then all that
/// do not, each part in creation order.
#[derive(Debug)]
pub struct Parameters {
    values: Tensor,
    decayed: i64,
    list: Vec<Parameter>,
    slices: Vec<Slice>,
}

impl Parameters {
    /// A buffer of the given tensors on `device`.
    ///
    /// # Errors
    /// A shape whose product is not the number of values; libtorch's own.
    pub fn new(initial: Vec<Initial>, device: Device) -> Result<Self, TchError> {
        if let Some(odd) = initial.iter().find(|i| i.shape.iter().product::<i64>() != i.values.len() as i64) {
            return Err(TchError::Shape(format!("{}: {} values for {:?}", odd.name, odd.values.len(), odd.shape)));
        }
        let (front, back): (Vec<usize>, Vec<usize>) = (0..initial.len()).partition(|&at| initial[at].decay);
        let padded = |at: usize| (initial[at].values.len() as i64 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        let sum = |part: &[usize]| part.iter().map(|&at| padded(at)).sum::<i64>();
        let (decayed, total) = (sum(&front), sum(&front) + sum(&back));
        let values = Tensor::f_zeros([total], (Kind::Float, Device::Cpu))?;
        let (mut slices, mut offsets, mut offset) = (Vec::new(), vec![0; initial.len()], 0);
        for parameter in front.into_iter().chain(back) {
            let of = &initial[parameter];
            view(&values, offset, &of.shape)?
                .f_copy_(&Tensor::f_from_slice(&of.values)?.f_view(of.shape.as_slice())?)?;
            slices.push(Slice { parameter, gap: padded(parameter) - of.values.len() as i64 });
            offsets[parameter] = offset;
            offset += padded(parameter);
        }
        let values = values.f_to_device(device)?;
        let parameter = |(Initial { name, shape, decay, .. }, offset)| -> Result<Parameter, TchError> {
            Ok(Parameter { name, tensor: leaf(&values, offset, &shape)?, decay })
        };
        let list = initial.into_iter().zip(offsets).map(parameter).collect::<Result<_, _>>()?;
        Ok(Self { values, decayed, list, slices })
    }

    /// The same numbers in a buffer of float64.
    pub(super) fn into_double(self) -> Result<Self, TchError> {
        let Self { values, mut list, slices, .. } = self;
        let (values, mut offset) = (values.f_to_kind(Kind::Double)?, 0);
        for slice in &slices {
            let tensor = &mut list[slice.parameter].tensor;
            *tensor = leaf(&values, offset, &tensor.size())?;
            offset += tensor.numel() as i64 + slice.gap;
        }
        Ok(Self { values, list, slices, ..self })
    }

    /// The buffer: float32, one axis, no gradient. Changed in place, it changes the parameters. (Of a model that is all
    /// float64 it is that, and the gradient too.)
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// How many numbers at the front of the buffer decay; the rest does not.
    #[must_use]
    pub fn decayed(&self) -> i64 {
        self.decayed
    }

    /// Every trainable tensor, in creation order.
    #[must_use]
    pub fn list(&self) -> &[Parameter] {
        &self.list
    }

    /// Number of trainable numbers; the buffer may be a little longer.
    #[must_use]
    pub fn count(&self) -> usize {
        self.list.iter().map(|parameter| parameter.tensor.numel()).sum()
    }

    /// The gradient of `loss` (one number) as one float32 tensor in the buffer's order. Where `loss` does not depend on
    /// a parameter, and in the gaps between two, it is zero. Frees the graph.
    ///
    /// # Errors
    /// A loss that depends on no parameter, or one whose graph was freed.
    pub fn gradient(&self, loss: &Tensor) -> Result<Tensor, TchError> {
        if !loss.requires_grad() {
            return Err(TchError::Torch("the loss depends on no parameter".to_owned()));
        }
        let leaves: Vec<&Tensor> = self.list.iter().map(|parameter| &parameter.tensor).collect();
        let gradients = Tensor::f_run_backward(&[loss], &leaves, false, false)?;
        tch::no_grad(|| {
            let mut parts = Vec::with_capacity(2 * self.slices.len());
            for &Slice { parameter, gap } in &self.slices {
                let gradient = &gradients[parameter];
                let count = self.list[parameter].tensor.numel() as i64;
                match gradient.defined() {
                    true => parts.push(flat(gradient)?),
                    false => parts.push(self.zeros(count)?),
                }
                if gap > 0 {
                    parts.push(self.zeros(gap)?);
                }
            }
            Tensor::f_cat(&parts, 0)
        })
    }

    fn zeros(&self, count: i64) -> Result<Tensor, TchError> {
        Tensor::f_zeros([count], (self.values.f_kind()?, self.values.device()))
    }
}

/// A view into `buffer` that gradients are taken for.
fn leaf(buffer: &Tensor, offset: i64, shape: &[i64]) -> Result<Tensor, TchError> {
    view(buffer, offset, shape)?.f_detach()?.f_set_requires_grad(true)
}

/// The part of `buffer` from `offset` on as a tensor of `shape`, four axes channels last.
fn view(buffer: &Tensor, offset: i64, shape: &[i64]) -> Result<Tensor, TchError> {
    let slice = buffer.f_narrow(0, offset, shape.iter().product())?;
    match *shape {
        [to, from, height, width] => slice.f_view([to, height, width, from])?.f_permute([0, 3, 1, 2]),
        _ => slice.f_view(shape),
    }
}

/// A tensor's numbers in the buffer's order; no copy where memory has that order already.
fn flat(tensor: &Tensor) -> Result<Tensor, TchError> {
    match tensor.dim() {
        4 => tensor.f_permute([0, 2, 3, 1])?.f_reshape([-1]),
        _ => tensor.f_reshape([-1]),
    }
}
