//! One formula for cross-entropy and every label smoothing: L = LSE(z) − ⟨T\[t\], z⟩, with z the biased logits, t the
//! class and T a C × C table of targets, T = (1−ε)·I + ε·1·dᵀ. Its gradient is softmax(z) − T\[t\]: no gather and no
//! scatter, so no atomics on any device.

use tch::{Device, Kind, TchError, Tensor};

use super::error::LossError;

/// A class share below it counts as it: what has no samples still has a ratio and a logarithm.
const LEAST_SHARE: f64 = 1e-8;

/// The table T, row by row; each row sums to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    classes: usize,
    rows: Vec<f64>,
}

impl Targets {
    /// Target (1−ε)·one-hot + ε·`distribution`. The distribution is normalized to sum 1; ε = 0 is cross-entropy.
    #[must_use]
    pub fn new(distribution: &[f64], eps: f64) -> Self {
        let classes = distribution.len();
        let total: f64 = distribution.iter().sum();
        let mut rows = Vec::with_capacity(classes * classes);
        for class in 0..classes {
            for (other, share) in distribution.iter().enumerate() {
                let hot = if class == other { 1.0 - eps } else { 0.0 };
                rows.push(if eps == 0.0 { hot } else { hot + eps * share / total });
            }
        }
        Self { classes, rows }
    }

    /// Target (1−ε_t)·one-hot + ε_t·`distribution` of class t: any non-negative numbers, normalized here to sum 1, and
    /// one ε per class.
    ///
    /// # Errors
    /// Lists of different lengths, a share below 0 or not finite, shares that are all 0, an ε outside 0 to 1.
    pub fn of_each(distribution: &[f64], eps: &[f64]) -> Result<Self, LossError> {
        let classes = distribution.len();
        if eps.len() != classes {
            return Err(LossError::Length { what: "the list of ε", given: eps.len(), classes });
        }
        let outside = |what, numbers: &[f64], expected, holds: fn(f64) -> bool| {
            let class = numbers.iter().position(|&number| !holds(number));
            class.map_or(Ok(()), |class| Err(LossError::Number { what, class, given: numbers[class], expected }))
        };
        outside("the share", distribution, "a number, 0 or more", |share| share >= 0.0 && share.is_finite())?;
        outside("ε", eps, "0 to 1", |eps| (0.0..=1.0).contains(&eps))?;
        let total: f64 = distribution.iter().sum();
        if total == 0.0 {
            return Err(LossError::Nothing { what: "the shares", classes });
        }
        let rows = (0..classes * classes).map(|at| {
            let (class, other) = (at / classes, at % classes);
            let hot = if class == other { 1.0 - eps[class] } else { 0.0 };
            hot + eps[class] * distribution[other] / total
        });
        Ok(Self { classes, rows: rows.collect() })
    }

    /// The number of classes.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The loss of biased logits `z` in float64, nats: LSE(z) − ⟨T\[class\], z⟩.
    ///
    /// # Panics
    /// If `class` is none of the table's.
    #[must_use]
    pub fn loss(&self, z: &[f64], class: usize) -> f64 {
        log_sum_exp(z) - self.row(class).iter().zip(z).map(|(target, z)| target * z).sum::<f64>()
    }

    /// The target of one class.
    #[must_use]
    pub fn row(&self, class: usize) -> &[f64] {
        &self.rows[class * self.classes..(class + 1) * self.classes]
    }

    /// The table on `device`, float32, C × C.
    ///
    /// # Errors
    /// libtorch's own.
    pub fn tensor_on(&self, device: Device) -> Result<Tensor, TchError> {
        let side = self.classes as i64;
        Tensor::f_from_slice(&self.rows)?.f_view([side, side])?.f_to_kind(Kind::Float)?.f_to_device(device)
    }
}

/// One ε per class such that smoothing towards the training proportions is, once the prior is switched to that of
/// `validation`, smoothing by `eps` towards `validation`.
///
/// Switching multiplies the probability of class c by π_val(c)/π_train(c) and normalizes. Of a target
/// (1−ε_t)·one-hot(t) + ε_t·π_train that leaves (1−ε_t)/ρ_t and ε_t·π_val, ρ_t = π_train(t)/π_val(t); their sum is
/// (1−ε)·one-hot(t) + ε·π_val if ε_t = ε / ((1−ε)·ρ_t + ε). Rare training classes so get more smoothing, ρ = 1 gets ε.
#[must_use]
pub fn matched_eps(train: &[f64], validation: &[f64], eps: f64) -> Vec<f64> {
    if eps == 0.0 {
        return vec![0.0; train.len()];
    }
    let of_class = |(train, validation): (&f64, &f64)| {
        let ratio = train.max(LEAST_SHARE) / validation.max(LEAST_SHARE);
        eps / ((1.0 - eps) * ratio + eps)
    };
    train.iter().zip(validation).map(of_class).collect()
}

/// log Σ exp z, in float64 and safe against overflow.
#[must_use]
pub fn log_sum_exp(z: &[f64]) -> f64 {
    let top = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    top + z.iter().map(|v| (v - top).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn uniform_smoothing_of_ten_classes_by_a_tenth_is_091_and_001() {
        let table = Targets::new(&[1.0; 10], 0.1);
        assert!((table.row(3)[3] - 0.91).abs() < 1e-15 && (table.row(3)[4] - 0.01).abs() < 1e-15);
        assert_eq!(Targets::new(&[0.2, 0.8], 0.0).row(1), [0.0, 1.0]);
    }

    #[test]
    fn the_distribution_is_normalized() {
        assert_eq!(Targets::new(&[1.0, 3.0], 0.5), Targets::new(&[0.25, 0.75], 0.5));
    }

    /// With the log prior as bias and no features, the average gradient over t ~ π vanishes for apriori smoothing
    /// but not for uniform smoothing: the reason why the study's last config exists.
    #[test]
    fn apriori_smoothing_leaves_the_prior_alone() {
        let prior = [0.6, 0.3, 0.1];
        let gradient = |table: &Targets, class: usize| -> f64 {
            let of_label = |(t, share): (usize, &f64)| share * (prior[class] - table.row(t)[class]);
            prior.iter().enumerate().map(of_label).sum()
        };
        let (apriori, uniform) = (Targets::new(&prior, 0.1), Targets::new(&[1.0; 3], 0.1));
        for (class, share) in prior.iter().enumerate() {
            assert!(gradient(&apriori, class).abs() < 1e-15);
            assert!((gradient(&uniform, class) - 0.1 * (share - 1.0 / 3.0)).abs() < 1e-15);
        }
    }

    /// What `val-matched` promises: a model that has learnt its target exactly is, after the prior was switched, one
    /// that was smoothed by ε towards the validation proportions.
    #[test]
    fn matched_smoothing_is_even_after_the_prior_was_switched() {
        let (train, validation, eps) = ([0.70, 0.25, 0.05], [0.2, 0.3, 0.5], 0.1);
        let table = Targets::of_each(&train, &matched_eps(&train, &validation, eps)).unwrap();
        for class in 0..3 {
            let switched: Vec<f64> = (0..3).map(|c| table.row(class)[c] * validation[c] / train[c]).collect();
            let total: f64 = switched.iter().sum();
            for (other, value) in switched.iter().enumerate() {
                let hot = if other == class { 1.0 - eps } else { 0.0 };
                assert!((value / total - hot - eps * validation[other]).abs() < 1e-15, "{class} {other}");
            }
        }
    }

    #[test]
    fn matched_eps_of_known_ratios() {
        let eps = matched_eps(&[0.05, 0.1, 0.95, 0.0, 0.5, 0.0], &[1.0, 0.1, 0.05, 0.5, 0.0, 0.0], 0.1);
        assert!((eps[0] - 0.6896551724137931).abs() < 1e-15 && (eps[2] - 0.0058139534883720).abs() < 1e-15);
        // Equal shares keep ε; what is never trained on is smoothed away, what is never validated hardly at all.
        assert!((eps[1] - 0.1).abs() < 1e-15 && (eps[5] - 0.1).abs() < 1e-15);
        assert!(eps[3] > 1.0 - 1e-6 && eps[3] <= 1.0 && eps[4] > 0.0 && eps[4] < 1e-8);
        assert_eq!(matched_eps(&[0.5, 0.5], &[0.1, 0.9], 0.0), [0.0, 0.0]);
    }

    #[test]
    fn what_is_no_distribution_is_refused() {
        let refused = |d: &[f64], eps: &[f64]| Targets::of_each(d, eps).unwrap_err().to_string();
        assert_eq!(refused(&[1.0, -1.0], &[0.1; 2]), "the share of class 1 is -1, expected a number, 0 or more");
        assert!(refused(&[f64::NAN, 1.0], &[0.1; 2]).starts_with("the share of class 0 is NaN"));
        assert!(refused(&[0.0, 0.0], &[0.1; 2]).contains("all 2 classes are 0"));
        assert!(refused(&[1.0, 2.0], &[0.1, 1.5]).contains("ε of class 1 is 1.5, expected 0 to 1"));
        assert!(refused(&[1.0, 2.0], &[0.1]).contains("has 1 numbers, but the data have 2 classes"));
        assert_eq!(Targets::of_each(&[1.0, 3.0], &[0.5; 2]).unwrap(), Targets::new(&[0.25, 0.75], 0.5));
    }

    #[test]
    fn log_sum_exp_survives_large_logits() {
        assert!((log_sum_exp(&[1000.0, 1000.0]) - (1000.0 + 2f64.ln())).abs() < 1e-12);
        assert!(log_sum_exp(&[f64::NAN, 1.0]).is_nan());
    }
}
