//! Sorted order of the samples, and the way back from it.

use tch::{TchError, Tensor};

/// The samples of each row in order of a key, ties by sample number.
pub(super) struct Ranking {
    /// The place of each sample, rows × n, int64.
    pub place: Tensor,
    /// The samples at the first k places, rows × k, int64.
    pub first: Tensor,
}

impl Ranking {
    /// Ranks by `keys`, rows × n.
    pub(super) fn new(keys: &Tensor, k: i64, descending: bool) -> Result<Self, TchError> {
        // Not topk: which of equal numbers it takes is not defined.
        let (_, order) = keys.f_sort_stable(true, 1, descending)?;
        Ok(Self { place: order.f_argsort(1, false)?, first: order.f_narrow(1, 0, k)? })
    }

    /// Numbers of the first k places, rows × k, at their samples, rows × n; 0 elsewhere.
    pub(super) fn at_samples(&self, numbers: &Tensor) -> Result<Tensor, TchError> {
        let k = numbers.size2()?.1;
        numbers.f_constant_pad_nd([0, 1])?.f_gather(1, &self.place.f_clamp_max(k)?, false)
    }
}
