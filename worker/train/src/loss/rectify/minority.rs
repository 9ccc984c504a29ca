//! Which classes of a batch are minorities.

use sweeper_recipe::{LossKind, Minority, Rectification};
use tch::{Kind, TchError, Tensor};

use crate::loss::Batch;

/// The classes of a batch, each against the rest. With `per-label` minorities, a label that most samples have stands
/// for the side of those that do not have it.
#[derive(Debug)]
pub(crate) struct Sides {
    /// Probability of the side given the sample, C × n, with gradient.
    pub probability: Tensor,
    /// Whether the sample is of the side, C × n.
    pub member: Tensor,
    /// Samples of the side, C, int64.
    pub count: Tensor,
    /// Whether the side is a minority with a pair of samples at least, C.
    pub minority: Tensor,
    /// Whether the side is that of not having the label, C; none where no side is.
    pub without: Option<Tensor>,
}

impl Sides {
    /// Softmax and the classes, or sigmoids and the labels.
    pub(crate) fn new(kind: LossKind, batch: &Batch<'_>, settings: &Rectification) -> Result<Self, TchError> {
        let (samples, classes) = batch.logits.size2()?;
        // ρ is a decimal: 0.29 · 100 is 28.999…, and 29 is meant.
        let limit = (settings.rho * samples as f64 + 1e-9).floor() as i64;
        if kind == LossKind::CrossEntropy {
            let every = Tensor::f_arange(classes, (Kind::Int64, batch.labels.device()))?.f_unsqueeze(1)?;
            let member = batch.labels.f_unsqueeze(0)?.f_eq_tensor(&every)?;
            let count = members(&member)?;
            let probability = batch.logits.f_softmax(1, None)?.f_transpose(0, 1)?;
            let minority = rarest(&count, limit)?;
            return Ok(Self { probability, member, count, minority, without: None });
        }
        let (logits, having) = (batch.logits.f_transpose(0, 1)?, batch.labels.f_transpose(0, 1)?.f_gt(0.5)?);
        let count = members(&having)?;
        if settings.minority == Minority::Batch {
            let minority = rarest(&count, limit)?;
            return Ok(Self { probability: logits.f_sigmoid()?, member: having, count, minority, without: None });
        }
        let lacking = count.f_neg()?.f_add_scalar(samples)?;
        let without = lacking.f_lt_tensor(&count)?;
        let count = lacking.f_minimum(&count)?;
        let minority = count.f_le(limit)?.f_logical_and(&count.f_ge(2)?)?;
        let member = having.f_ne_tensor(&without.f_unsqueeze(1)?)?;
        // 1 − σ(z) = σ(−z).
        let sign = without.f_to_kind(Kind::Float)?.f_mul_scalar(-2.0)?.f_add_scalar(1.0)?.f_unsqueeze(1)?;
        let probability = logits.f_mul(&sign)?.f_sigmoid()?;
        Ok(Self { probability, member, count, minority, without: Some(without) })
    }
}

fn members(member: &Tensor) -> Result<Tensor, TchError> {
    member.f_sum_dim_intlist([1i64].as_slice(), false, Kind::Int64)
}

/// The longest prefix of the classes in ascending order of count, equal counts in order of class, that has at most
/// `limit` samples; without classes of fewer than two. Counts are integers because a float cumulative sum has no
/// deterministic kernel.
fn rarest(count: &Tensor, limit: i64) -> Result<Tensor, TchError> {
    let (sorted, order) = count.f_sort_stable(true, 0, false)?;
    let chosen = sorted.f_cumsum(0, Kind::Int64)?.f_le(limit)?.f_logical_and(&sorted.f_ge(2)?)?;
    chosen.f_index_select(0, &order.f_argsort(0, false)?)
}
