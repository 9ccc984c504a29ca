//! Simple self-attention (S. Arnold, 2019; the form of fastai 2.8): out = γ (x xᵀ) (W x) + x, with x as channels ×
//! pixels and W a square matrix over its largest singular value. All of it is float32 in every precision: x xᵀ sums over
//! all pixels and soon exceeds what 16 bits can hold.

use tch::{TchError, Tensor};

use super::layers::Layers;

/// One self-attention; numbers are positions among the layers' parameters and buffers.
#[derive(Debug)]
pub(super) struct Attention {
    pub name: String,
    pub channels: i64,
    pub weight: usize,
    pub gamma: usize,
    /// Left and right singular vector of W, as far as the power iteration has come.
    pub u: usize,
    pub v: usize,
    /// Use (W + Wᵀ) / 2 of the normalized W.
    pub symmetric: bool,
}

impl Attention {
    /// W / σ with σ = uᵀ W v (spectral normalization, Miyato et al. 2018). With `iterate` one power iteration moves u
    /// and v first, which are constants to the gradient.
    pub(super) fn matrix(&self, layers: &Layers, iterate: bool) -> Result<Tensor, TchError> {
        let weight = layers.parameter(self.weight);
        let (u, v) = match iterate {
            true => tch::no_grad(|| self.iterate(layers))?,
            false => (layers.buffer(self.u).shallow_clone(), layers.buffer(self.v).shallow_clone()),
        };
        let matrix = weight.f_div(&weight.f_mv(&v)?.f_dot(&u)?)?;
        match self.symmetric {
            true => matrix.f_add(&matrix.f_transpose(0, 1)?)?.f_mul_scalar(0.5),
            false => Ok(matrix),
        }
    }

    /// v ← Wᵀu / ‖Wᵀu‖, then u ← Wv / ‖Wv‖. Returns new tensors, because the graph of an earlier pass may still need the
    /// stored ones' previous values.
    fn iterate(&self, layers: &Layers) -> Result<(Tensor, Tensor), TchError> {
        let weight = layers.parameter(self.weight);
        let v = unit(&weight.f_transpose(0, 1)?.f_mv(layers.buffer(self.u))?)?;
        let u = unit(&weight.f_mv(&v)?)?;
        layers.buffer(self.u).shallow_clone().f_copy_(&u)?;
        layers.buffer(self.v).shallow_clone().f_copy_(&v)?;
        Ok((u, v))
    }

    /// `x` is n × channels × height × width of any kind, and so is the result.
    pub(super) fn apply(&self, layers: &Layers, matrix: &Tensor, x: &Tensor) -> Result<Tensor, TchError> {
        let size = x.size();
        let &[images, channels, height, width] = size.as_slice() else {
            return Err(TchError::Shape(format!("attention needs images, not {size:?}")));
        };
        // Transposed, pixels × channels, which is how channels-last memory lies; x xᵀ is its own transpose.
        let pixels =
            x.f_to_kind(layers.wide)?.f_permute([0, 2, 3, 1])?.f_reshape([images, height * width, channels])?;
        let gram = pixels.f_transpose(1, 2)?.f_bmm(&pixels)?;
        let attended = pixels.f_matmul(&matrix.f_transpose(0, 1)?)?.f_bmm(&gram)?;
        let sum = attended.f_mul(layers.parameter(self.gamma))?.f_add(&pixels)?;
        sum.f_reshape([images, height, width, channels])?.f_permute([0, 3, 1, 2])?.f_to_kind(x.f_kind()?)
    }

    /// x xᵀ, W x, and their product.
    pub(super) fn multiply_adds(&self, pixels: i64) -> i64 {
        3 * self.channels * self.channels * pixels
    }
}

fn unit(vector: &Tensor) -> Result<Tensor, TchError> {
    vector.f_div(&vector.f_norm()?.f_clamp_min(1e-12)?)
}
