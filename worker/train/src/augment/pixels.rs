//! Changes of pixels by given numbers. Images are n × height × width × channels, contiguous; nothing here is random.

use tch::{Kind, TchError, Tensor};

use super::{geometry::Area, render::pieces, upload};

/// Mirrors image i left to right where `coins[i]` says so.
///
/// # Errors
/// Another number of coins than images.
pub fn mirror(images: &Tensor, coins: &[bool]) -> Result<Tensor, TchError> {
    let coins = upload(coins, images.device())?.f_view([-1, 1, 1, 1])?;
    images.f_flip([2])?.f_where_self(&coins, images)
}

/// Moves image i by `by[i]` pixels down and to the right, at most `most` either way. What comes in from outside is the
/// image reflected at its border, the border itself not repeated.
///
/// # Errors
/// `most` not below height and width; a larger movement.
pub fn translate(images: &Tensor, most: u32, by: &[[i64; 2]]) -> Result<Tensor, TchError> {
    let (count, height, width, channels) = images.size4()?;
    let most = i64::from(most);
    if let Some(far) = by.iter().flatten().find(|by| by.abs() > most) {
        return Err(TchError::Shape(format!("a movement by {far} where {most} is the most")));
    }
    if most >= height.min(width) || by.len() as i64 != count {
        return Err(TchError::Shape(format!("{} movements of up to {most} for {:?}", by.len(), images.size())));
    }
    let device = images.device();
    let reflected = |length: i64| {
        let place = |at: i64| if at >= length { 2 * (length - 1) - at } else { at.abs() };
        upload(&(-most..length + most).map(place).collect::<Vec<_>>(), device)
    };
    let padded = images.f_index_select(1, &reflected(height)?)?.f_index_select(2, &reflected(width)?)?;
    let (high, wide) = (height + 2 * most, width + 2 * most);
    let corner =
        |(at, [down, right]): (usize, &[i64; 2])| ((at as i64 * high + most - down) * wide + most - right) * channels;
    let corners = upload(&by.iter().enumerate().map(corner).collect::<Vec<_>>(), device)?.f_view([-1, 1])?;
    let lines = Tensor::f_arange(height, (Kind::Int64, device))?.f_mul_scalar(wide * channels)?;
    let begins = corners.f_add(&lines)?.f_view([-1])?;
    pieces(&padded, &begins, width * channels)?.f_view([count, height, width, channels])
}

/// Sets a square of `side` pixels of each image to zero; `corners` are row and column of its beginning, and parts
/// that lie outside do nothing.
///
/// # Errors
/// Another number of corners than images.
pub fn cutout(images: &mut Tensor, side: u32, corners: &[[i64; 2]]) -> Result<(), TchError> {
    let (count, height, width, _) = images.size4()?;
    let device = images.device();
    let begins = upload(corners.as_flattened(), device)?.f_view([count, 2])?;
    let covered = |axis: i64, length: i64, shape: [i64; 4]| {
        let from = Tensor::f_arange(length, (Kind::Int64, device))?.f_sub(&begins.f_narrow(1, axis, 1)?)?;
        from.f_ge(0)?.f_logical_and(&from.f_lt(i64::from(side))?)?.f_view(shape)
    };
    let rows = covered(0, height, [count, height, 1, 1])?;
    let columns = covered(1, width, [count, 1, width, 1])?;
    images.f_masked_fill_(&rows.f_logical_and(&columns)?, 0.0).map(drop)
}

/// Replaces one box of every image. `noise` is a flat store of numbers (float32); image i takes as many as the box needs,
/// row by row, from number `begins[i]` on.
///
/// # Errors
/// A box that is not inside the images; numbers that the store does not have.
pub fn erase(images: &mut Tensor, area: Area, noise: &Tensor, begins: &[i64]) -> Result<(), TchError> {
    let (count, .., channels) = images.size4()?;
    let [top, left, height, width] = [area.top, area.left, area.height, area.width].map(i64::from);
    if height * width == 0 {
        return Ok(());
    }
    let noise = pieces(noise, &upload(begins, images.device())?, height * width * channels)?;
    let noise = noise.f_view([count, height, width, channels])?;
    images.f_narrow(1, top, height)?.f_narrow(2, left, width)?.f_copy_(&noise)
}

/// (value / 255 − mean) / deviation, channel by channel.
#[derive(Debug)]
pub enum Scaling {
    /// The same numbers for all channels: value · factor + shift.
    Equal {
        /// 1 / (255 · deviation).
        factor: f64,
        /// − mean / deviation.
        shift: f64,
    },
    /// Numbers for one row of pixels, channels innermost (float32, width · channels): so each operation runs along
    /// whole rows, not along three numbers.
    Rows {
        /// 1 / (255 · deviation).
        factors: Tensor,
        /// − mean / deviation.
        shifts: Tensor,
    },
}

impl Scaling {
    /// For images `width` pixels wide, with one mean and one deviation per channel.
    ///
    /// # Errors
    /// libtorch's own.
    pub fn new(mean: &[f64], deviation: &[f64], width: u32, device: tch::Device) -> Result<Self, TchError> {
        let factors: Vec<f64> = deviation.iter().map(|deviation| 1.0 / (255.0 * deviation)).collect();
        let shifts: Vec<f64> = mean.iter().zip(deviation).map(|(mean, deviation)| -mean / deviation).collect();
        let equal = |numbers: &[f64]| numbers.windows(2).all(|pair| pair[0] == pair[1]);
        if let ([factor, ..], [shift, ..], true) = (&*factors, &*shifts, equal(&factors) && equal(&shifts)) {
            return Ok(Self::Equal { factor: *factor, shift: *shift });
        }
        let row = |numbers: &[f64]| {
            let row: Vec<f32> = numbers.iter().map(|&number| number as f32).collect();
            upload(&row.repeat(width as usize), device)
        };
        Ok(Self::Rows { factors: row(&factors)?, shifts: row(&shifts)? })
    }

    /// Scales images (uint8, or float32, which is changed in place); float32.
    ///
    /// # Errors
    /// Images of another width or number of channels.
    pub fn apply(&self, images: &Tensor) -> Result<Tensor, TchError> {
        let mut pixels = images.f_to_kind(Kind::Float)?;
        match self {
            Self::Equal { factor, shift } => {
                let _ = pixels.f_mul_scalar_(*factor)?;
                let _ = pixels.f_add_scalar_(*shift)?;
            }
            Self::Rows { factors, shifts } => {
                let (count, height, width, channels) = pixels.size4()?;
                let _ = pixels.f_view([count * height, width * channels])?.f_mul_(factors)?.f_add_(shifts)?;
            }
        }
        Ok(pixels)
    }
}
