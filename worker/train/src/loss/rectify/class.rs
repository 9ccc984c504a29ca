//! Hard samples by predicted probability p of the anchor's class: the κ lowest of its class, the κ highest of the rest;
//! d₊ = |p_a − p_+|, d₋ = p_a − p_−.

use sweeper_recipe::Rectification;
use tch::{Kind, TchError, Tensor};

use super::{
    Sides, attach,
    rank::Ranking,
    triplets::{Pairs, hinges},
};

/// Samples as anchors, each of one class.
struct Anchors {
    /// The class, A.
    class: Tensor,
    /// Its probability, A × 1.
    probability: Tensor,
    /// The place among the class's positives, A × 1.
    place: Tensor,
    /// Whether this is an anchor at all, A × 1.
    valid: Tensor,
}

impl Anchors {
    /// Each sample once, for its class `labels`; without these, each class with each sample.
    fn new(sides: &Sides, p: &Tensor, places: &Tensor, labels: Option<&Tensor>) -> Result<Self, TchError> {
        let minority = sides.minority.f_unsqueeze(1)?;
        if let Some(labels) = labels {
            let own = |table: &Tensor| table.f_transpose(0, 1)?.f_gather(1, &labels.f_unsqueeze(1)?, false);
            let valid = minority.f_index_select(0, labels)?;
            return Ok(Self { class: labels.shallow_clone(), probability: own(p)?, place: own(places)?, valid });
        }
        let (classes, samples) = p.size2()?;
        let class = Tensor::f_arange(classes, (Kind::Int64, p.device()))?.f_unsqueeze(1)?;
        let class = class.f_expand([classes, samples], false)?.f_reshape([-1])?;
        let valid = sides.member.f_logical_and(&minority)?.f_reshape([-1, 1])?;
        Ok(Self { class, probability: p.f_reshape([-1, 1])?, place: places.f_reshape([-1, 1])?, valid })
    }
}

/// The mean hinge with its gradient to `sides.probability`. `labels` where each sample has one class.
pub(super) fn value(sides: &Sides, labels: Option<&Tensor>, settings: &Rectification) -> Result<Tensor, TchError> {
    let p = sides.probability.f_detach()?;
    let samples = p.size2()?.1;
    let kappa = i64::from(settings.kappa);
    // One positive more than κ: an anchor that is among them does not count for itself.
    let low = p.f_masked_fill(&sides.member.f_logical_not()?, f64::INFINITY)?;
    let low = Ranking::new(&low, (kappa + 1).min(samples), false)?;
    let high = p.f_masked_fill(&sides.member, f64::NEG_INFINITY)?;
    let high = Ranking::new(&high, kappa.min(samples), true)?;

    let anchors = Anchors::new(sides, &p, &low.place, labels)?;
    let of_anchor = |table: &Tensor| table.f_index_select(0, &anchors.class);
    let count = of_anchor(&sides.count)?.f_unsqueeze(1)?;
    let place = |k: i64| Tensor::f_arange(k, (Kind::Int64, p.device()))?.f_unsqueeze(0);
    let r = place(low.first.size2()?.1)?;
    let other = r.f_ne_tensor(&anchors.place)?.f_logical_and(&r.f_lt_tensor(&count)?)?;
    let hard = r.f_lt(kappa)?.f_logical_or(&anchors.place.f_lt(kappa)?)?;
    let positive_valid = other.f_logical_and(&hard)?.f_logical_and(&anchors.valid)?;
    let rest = count.f_neg()?.f_add_scalar(samples)?;
    let negative_valid = place(high.first.size2()?.1)?.f_lt_tensor(&rest)?.f_logical_and(&anchors.valid)?;

    let signed = anchors.probability.f_sub(&of_anchor(&p.f_gather(1, &low.first, false)?)?)?;
    let below = anchors.probability.f_sub(&of_anchor(&p.f_gather(1, &high.first, false)?)?)?;
    let positive = Pairs { distance: signed.f_abs()?, valid: positive_valid };
    let negative = Pairs { distance: below, valid: negative_valid };
    let hinges = hinges(&positive, &negative, settings.margin, settings.active_only)?;

    // Slopes of m + |p_a − p_+| − p_a + p_−, summed over active triplets. Each sample is a candidate of a class once,
    // so the way back to the samples adds nothing up.
    let by_positive = hinges.positive.f_mul(&signed.f_sgn()?)?;
    let by_anchor = by_positive.f_sub(&hinges.positive)?.f_sum_dim_intlist([1i64].as_slice(), false, None)?;
    let by_anchor = match labels {
        Some(_) => sides.member.f_to_kind(Kind::Double)?.f_mul(&by_anchor)?,
        None => by_anchor.f_view_as(&p)?,
    };
    let slopes = by_anchor
        .f_sub(&low.at_samples(&per_class(&by_positive, sides, labels.is_some())?)?)?
        .f_add(&high.at_samples(&per_class(&hinges.negative, sides, labels.is_some())?)?)?;
    attach(&hinges.mean, &sides.probability, &slopes.f_to_kind(Kind::Float)?)
}

/// Sums over the anchors of each class, C × k. A product in float64 is exact for counts, whatever the mode of matrix
/// products.
fn per_class(numbers: &Tensor, sides: &Sides, one_class_each: bool) -> Result<Tensor, TchError> {
    if one_class_each {
        return sides.member.f_to_kind(Kind::Double)?.f_matmul(numbers);
    }
    let (classes, samples) = sides.member.size2()?;
    numbers.f_view([classes, samples, -1])?.f_sum_dim_intlist([1i64].as_slice(), false, None)
}
