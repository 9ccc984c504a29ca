//! Hinges max(0, m + d₊ − d₋) over all triplets of an anchor, a positive and a negative.

use tch::{Kind, TchError, Tensor};

/// Triplets that are visited at once.
const CHUNK: i64 = 1 << 24;

/// Anchors and their candidates.
pub(super) struct Pairs {
    /// d, anchors × candidates, float32, detached.
    pub distance: Tensor,
    /// Whether there is such a pair, anchors × candidates.
    pub valid: Tensor,
}

/// The mean hinge and how it depends on the distances.
pub(super) struct Hinges {
    /// Mean hinge, a float32 scalar; 0 without a triplet.
    pub mean: Tensor,
    /// Its derivative by each d₊, anchors × candidates, float64: active triplets of the pair ÷ the mean's divisor.
    pub positive: Tensor,
    /// Minus its derivative by each d₋.
    pub negative: Tensor,
}

/// All triplets of each anchor. The mean is over valid triplets, or over those above 0 if `active_only`.
pub(super) fn hinges(positive: &Pairs, negative: &Pairs, margin: f64, active_only: bool) -> Result<Hinges, TchError> {
    let ((anchors, near), (_, far)) = (positive.distance.size2()?, negative.distance.size2()?);
    let rows = (CHUNK / (near * far)).clamp(1, anchors);
    let (mut sums, mut by_positive, mut by_negative) = (Vec::new(), Vec::new(), Vec::new());
    for start in (0..anchors).step_by(rows as usize) {
        let part = |tensor: &Tensor, dim| tensor.f_narrow(0, start, rows.min(anchors - start))?.f_unsqueeze(dim);
        let valid = part(&positive.valid, 2)?.f_logical_and(&part(&negative.valid, 1)?)?;
        let hinge = part(&positive.distance, 2)?.f_sub(&part(&negative.distance, 1)?)?.f_add_scalar(margin)?;
        let hinge = hinge.f_relu()?.f_masked_fill(&valid.f_logical_not()?, 0.0)?;
        let active = hinge.f_gt(0.0)?;
        sums.push(hinge.f_sum(Kind::Double)?);
        by_positive.push(active.f_sum_dim_intlist([2i64].as_slice(), false, Kind::Int64)?);
        by_negative.push(active.f_sum_dim_intlist([1i64].as_slice(), false, Kind::Int64)?);
    }
    let (by_positive, by_negative) = (Tensor::f_cat(&by_positive, 0)?, Tensor::f_cat(&by_negative, 0)?);
    let triplets = if active_only {
        by_positive.f_sum(Kind::Int64)?
    } else {
        let candidates = |pairs: &Pairs| pairs.valid.f_sum_dim_intlist([1i64].as_slice(), false, Kind::Int64);
        candidates(positive)?.f_mul(&candidates(negative)?)?.f_sum(Kind::Int64)?
    };
    let share = triplets.f_clamp_min(1)?.f_to_kind(Kind::Double)?.f_reciprocal()?;
    Ok(Hinges {
        mean: Tensor::f_stack(&sums, 0)?.f_sum(None)?.f_mul(&share)?.f_to_kind(Kind::Float)?,
        positive: by_positive.f_mul(&share)?,
        negative: by_negative.f_mul(&share)?,
    })
}
