//! Bilinear resizing with antialiasing, for boxes of different sizes at once.
//!
//! The filter is Pillow's and PyTorch's: a triangle whose half width is the larger of 1 and the scale, source pixels
//! per target pixel, cut at the box's border and made to sum to 1. Both directions are batched matrix products. In
//! `fast` mode on a GPU, TF32 rounds the weights to 11 bits: at most a quarter of one of 256 levels.

use tch::{Device, Kind, TchError, Tensor};

use super::upload;

/// One direction of one box.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis {
    /// Padding before the box.
    pub skip: i64,
    /// Pixels of the box.
    pub length: u32,
    /// Pixels that they become.
    pub to: u32,
    /// Of which the output begins with this one.
    pub at: u32,
}

/// Resizes `boxes` (float32, n × height × width × channels, padded to equal sizes): n × out × out × channels,
/// contiguous.
///
/// # Errors
/// libtorch's own.
pub(crate) fn resample(
    boxes: &Tensor,
    vertical: &[Axis],
    horizontal: &[Axis],
    [high, wide]: [i64; 2],
) -> Result<Tensor, TchError> {
    let (count, height, width, channels) = boxes.size4()?;
    let device = boxes.device();
    let lines = weights(vertical, high, height, device)?.f_bmm(&boxes.f_view([count, height, width * channels])?)?;
    // Columns go first for the second product, and back.
    let lines = lines.f_view([count, high, width, channels])?.f_transpose(1, 2)?.f_contiguous()?;
    let columns = weights(horizontal, wide, width, device)?.f_bmm(&lines.f_view([count, width, high * channels])?)?;
    columns.f_view([count, wide, high, channels])?.f_transpose(1, 2)?.f_contiguous()
}

/// Shares of `length` source pixels in `out` target pixels, float32, n × out × length.
fn weights(axes: &[Axis], out: i64, length: i64, device: Device) -> Result<Tensor, TchError> {
    let table = table(axes, device)?;
    let row = |at: i64| table.f_select(0, at);
    // In float64, because a centre may be some thousand pixels from the box's beginning.
    let targets = Tensor::f_arange(out, (Kind::Double, device))?.f_view([1, -1, 1])?;
    let centres = (targets.f_add(&row(0)?)?).f_mul(&row(1)?)?;
    let nearest = centres.f_floor()?;
    let offset = nearest.f_sub(&centres)?.f_add_scalar(0.5)?.f_to_kind(Kind::Float)?;
    let nearest = nearest.f_add(&row(3)?)?.f_to_kind(Kind::Float)?;

    let sources = Tensor::f_arange(length, (Kind::Float, device))?.f_view([1, 1, -1])?;
    let [narrow, skip, end] = [row(2)?, row(3)?, row(4)?].map(|row| row.f_to_kind(Kind::Float));
    let (skip, end) = (skip?, end?);
    let inside = sources.f_ge_tensor(&skip)?.f_logical_and(&sources.f_lt_tensor(&end)?)?.f_to_kind(Kind::Float)?;
    let mut weights = sources.f_sub(&nearest)?.f_add_(&offset)?.f_abs_()?.f_mul_(&narrow?.f_neg()?)?;
    let mut weights = weights.f_add_scalar_(1.0)?.f_clamp_min_(0.0)?.f_mul_(&inside)?;
    let sum = weights.f_sum_dim_intlist(2i64, true, Kind::Float)?;
    weights.f_div_(&sum)
}

/// What [`weights`] needs of each axis, float64, 5 × n × 1 × 1: the first target pixel's centre in target pixels, the
/// scale, the inverse of the filter's half width, and where the box begins and ends in the padding.
fn table(axes: &[Axis], device: Device) -> Result<Tensor, TchError> {
    let scale = |axis: &Axis| f64::from(axis.length) / f64::from(axis.to);
    let mut numbers: Vec<f64> = Vec::with_capacity(5 * axes.len());
    numbers.extend(axes.iter().map(|axis| f64::from(axis.at) + 0.5));
    numbers.extend(axes.iter().map(scale));
    numbers.extend(axes.iter().map(|axis| 1.0 / scale(axis).max(1.0)));
    numbers.extend(axes.iter().map(|axis| axis.skip as f64));
    numbers.extend(axes.iter().map(|axis| axis.skip as f64 + f64::from(axis.length)));
    upload(&numbers, device)?.f_view([5, -1, 1, 1])
}
