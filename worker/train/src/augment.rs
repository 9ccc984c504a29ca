//! From stored bytes to what a network sees: rows gathered, mirrored, scaled.

use tch::{Kind, TchError, Tensor};

use crate::{
    data::{DataSet, Images},
    seeding::Stream,
};

/// Makes batches of one data set's images.
#[derive(Debug)]
pub struct Loader<'a> {
    images: &'a Images,
    scale: f64,
    shift: f64,
}

impl<'a> Loader<'a> {
    /// Batches of `images`, scaled as `set` says: (value / 255 − mean) / standard deviation.
    #[must_use]
    pub fn new(set: &DataSet, images: &'a Images) -> Self {
        Self { images, scale: 1.0 / (255.0 * set.standard_deviation), shift: -set.mean / set.standard_deviation }
    }

    /// The images of `rows`, float32, n × channels × height × width with channels-last strides. With `flips`, row r is
    /// mirrored left to right where the stream's coin at r says so.
    ///
    /// # Errors
    /// A row that the file does not have.
    pub fn batch(&self, rows: &[usize], flips: Option<&Stream>) -> Result<Tensor, TchError> {
        let index: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
        let mut pixels = self.images.pixels.f_index_select(0, &Tensor::f_from_slice(&index)?)?;
        if let Some(stream) = flips {
            let coins: Vec<bool> = rows.iter().map(|&row| stream.coin(row as u64)).collect();
            let coins = Tensor::f_from_slice(&coins)?.f_view([-1, 1, 1, 1])?;
            pixels = pixels.f_flip([2])?.f_where_self(&coins, &pixels)?;
        }
        let mut pixels = pixels.f_to_kind(Kind::Float)?;
        let _ = pixels.f_mul_scalar_(self.scale)?;
        let _ = pixels.f_add_scalar_(self.shift)?;
        // The bytes lie channels last; only the names of the axes move. With one channel `contiguous` could not
        // tell the two layouts apart, so the strides must come from here.
        pixels.f_permute([0, 3, 1, 2])
    }

    /// The classes of `rows`, int64.
    ///
    /// # Errors
    /// A row that the file does not have.
    pub fn labels(&self, rows: &[usize]) -> Result<Tensor, TchError> {
        let index: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
        self.images.label_tensor.f_index_select(0, &Tensor::f_from_slice(&index)?)
    }
}
