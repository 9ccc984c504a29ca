//! Hard samples by Euclidean distance of features: the κ farthest of the anchor's class, the κ nearest of the rest; d₊
//! and d₋ are those distances.

use sweeper_recipe::Rectification;
use tch::{Kind, TchError, Tensor};

use super::{
    Sides, attach,
    rank::Ranking,
    triplets::{Pairs, hinges},
};

/// Differences are squared one by one: a product of matrices would lose the digits of small distances.
const NO_PRODUCTS: i64 = 2;

/// The mean hinge with its gradient to `features`, n × f; `labels` n.
pub(super) fn value(
    features: &Tensor,
    labels: &Tensor,
    sides: &Sides,
    settings: &Rectification,
) -> Result<Tensor, TchError> {
    let samples = labels.size1()?;
    match features.size().as_slice() {
        &[rows, _] if rows == samples => {}
        other => return Err(TchError::Shape(format!("features of shape {other:?}, expected [{samples}, f]"))),
    }
    let features = features.f_to_kind(Kind::Float)?;
    let f = features.f_detach()?;
    let distance = Tensor::f_cdist(&f, &f, 2.0, NO_PRODUCTS)?;
    let k = i64::from(settings.kappa).min(samples);
    let place = Tensor::f_arange(samples, (Kind::Int64, f.device()))?;
    let same = labels.f_unsqueeze(1)?.f_eq_tensor(&labels.f_unsqueeze(0)?)?;
    let other = place.f_unsqueeze(1)?.f_ne_tensor(&place.f_unsqueeze(0)?)?;
    let not_mate = same.f_logical_and(&other)?.f_logical_not()?;
    let far = Ranking::new(&distance.f_masked_fill(&not_mate, f64::NEG_INFINITY)?, k, true)?;
    let near = Ranking::new(&distance.f_masked_fill(&same, f64::INFINITY)?, k, false)?;

    let of_anchor = |table: &Tensor| table.f_index_select(0, labels)?.f_unsqueeze(1);
    let (count, minority) = (of_anchor(&sides.count)?, of_anchor(&sides.minority)?);
    let r = place.f_narrow(0, 0, k)?.f_unsqueeze(0)?;
    let pairs = |ranking: &Ranking, available: &Tensor| -> Result<Pairs, TchError> {
        let valid = r.f_lt_tensor(available)?.f_logical_and(&minority)?;
        Ok(Pairs { distance: distance.f_gather(1, &ranking.first, false)?, valid })
    };
    let mates = pairs(&far, &count.f_add_scalar(-1)?)?;
    let strangers = pairs(&near, &count.f_neg()?.f_add_scalar(samples)?)?;
    let hinges = hinges(&mates, &strangers, settings.margin, settings.active_only)?;

    let slopes = far.at_samples(&hinges.positive)?.f_sub(&near.at_samples(&hinges.negative)?)?;
    attach(&hinges.mean, &features, &gradient(&f, &distance, &slopes)?)
}

/// Gradient by f of Σ slopes·‖f_a − f_b‖: Σ_b (slopes + slopesᵀ)_ab (f_a − f_b) / ‖f_a − f_b‖, where a distance of 0 has
/// gradient 0. In float64, because the difference of the two sums cancels.
fn gradient(f: &Tensor, distance: &Tensor, slopes: &Tensor) -> Result<Tensor, TchError> {
    let f = f.f_to_kind(Kind::Double)?;
    let both = slopes.f_add(&slopes.f_transpose(0, 1)?)?;
    let per_length = both.f_div(distance)?.f_masked_fill(&distance.f_eq(0.0)?, 0.0)?;
    let total = per_length.f_sum_dim_intlist([1i64].as_slice(), true, None)?;
    total.f_mul(&f)?.f_sub(&per_length.f_matmul(&f)?)?.f_to_kind(Kind::Float)
}
