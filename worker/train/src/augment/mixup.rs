//! Mixup: every image of a batch is blended with another one of it, and so are their losses.

use std::f64::consts::TAU;

use sweeper_data::seeding::{Domain, Stream, mix};
use sweeper_recipe::{Mixup, MixupLambda};
use tch::{TchError, Tensor};

use super::upload;

/// How the images of a batch are mixed: image i and its loss count λᵢ, those of its partner 1 − λᵢ.
#[derive(Debug)]
pub struct Mix {
    /// λ, float32, n. One dimension, so that products with n losses stay n numbers.
    pub lambda: Tensor,
    /// Places of the partners in the batch, int64, n: a permutation.
    pub partner: Tensor,
}

/// Whether step `step` of `steps` (of the whole training, from 0) mixes.
#[must_use]
pub fn is_mixed(settings: &Mixup, step: u64, steps: u64) -> bool {
    settings.alpha > 0.0 && (step as f64) < settings.until * steps as f64
}

/// λ and partner of each of `count` images: functions of seed, epoch, step and place in the batch.
#[must_use]
pub fn draw(settings: &Mixup, seed: u64, epoch: u32, step: u64, count: usize) -> (Vec<f32>, Vec<usize>) {
    let seed = mix(seed, step);
    let stream = Stream::new(seed, Domain::Mixup, epoch);
    let lambda = |place: usize| {
        let place = if settings.lambda == MixupLambda::Sample { place as u64 } else { 0 };
        let lambda = beta(settings.alpha, stream.pair(place));
        (if settings.dedup { lambda.max(1.0 - lambda) } else { lambda }) as f32
    };
    ((0..count).map(lambda).collect(), Stream::new(seed, Domain::MixupPartner, epoch).permutation(count))
}

/// A number with distribution Beta(α, α) from two uniform ones, exactly and without rejection: √(2α (u^(−1/α) − 1))·cos 2πv has
/// Student's t distribution with 2α degrees of freedom (Bailey, Mathematics of Computation 62, 1994), and
/// ½ + t / (2 √(2α + t²)) is then Beta(α, α). At α = 0, which is the limit, 0 or 1.
#[must_use]
pub fn beta(alpha: f64, [u, v]: [f64; 2]) -> f64 {
    let cosine = (TAU * v).cos();
    // t² / 2α, from 0 to infinity, but never 0 / 0; 1 − u is in (0, 1].
    let square = ((1.0 - u).ln().abs() / alpha.max(f64::MIN_POSITIVE)).exp_m1() * cosine * cosine;
    0.5 + (0.5 / (1.0 + 1.0 / square).sqrt()).copysign(cosine)
}

/// λᵢ xᵢ + (1 − λᵢ) x of the partner, for `images` (float32, n × channels × height × width with channels-last
/// strides, which the result has too).
///
/// # Errors
/// Another number of images than `mix` is for.
pub fn blend(images: &Tensor, mix: &Mix) -> Result<Tensor, TchError> {
    let pixels = images.f_permute([0, 2, 3, 1])?;
    let partners = pixels.f_index_select(0, &mix.partner)?;
    partners.f_lerp_tensor(&pixels, &mix.lambda.f_view([-1, 1, 1, 1])?)?.f_permute([0, 3, 1, 2])
}

impl Mix {
    /// Puts λ and partners on a device.
    ///
    /// # Errors
    /// libtorch's own.
    pub fn new(lambda: &[f32], partner: &[usize], device: tch::Device) -> Result<Self, TchError> {
        let partner: Vec<i64> = partner.iter().map(|&place| place as i64).collect();
        Ok(Self { lambda: upload(lambda, device)?, partner: upload(&partner, device)? })
    }
}
